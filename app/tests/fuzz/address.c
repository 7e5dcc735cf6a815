/* fuzz: deps base */
/* What address_parse() and prefix_parse() accept prints, and reads back as the same. */
#include "base/address.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_address(const char *text)
{
    char printed[ADDRESS_TEXT_BYTES];
    struct address address, again;

    if (address_parse(text, &address, NULL) < 0)
        return;
    require(address_parse(address_text(&address, printed), &again, NULL) == 0);
    require(address_equal(&address, &again));
}

static void check_prefix(const char *text)
{
    char printed[PREFIX_TEXT_BYTES];
    struct prefix prefix, again;
    struct error err = {0};

    if (prefix_parse(text, &prefix, &err) < 0) {
        require(err.text[0] != '\0');
        return;
    }
    require(prefix_contains(&prefix, &prefix.address));
    require(prefix_parse(prefix_text(&prefix, printed), &again, NULL) == 0);
    require(address_equal(&prefix.address, &again.address));
    require(prefix.length_bits == again.length_bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* Of its exact size, so that reading on is seen. */

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_address(text);
    check_prefix(text);
    free(text);
    return 0;
}
