/* fuzz: deps base */
/* JSON text of any kind: what parses prints and parses again; what does not has an error. Times that
 * are read are written and read back as the same. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_time(const char *text)
{
    char printed[36];
    int64_t utc_ns = json_parse_time(text);

    if (utc_ns == INT64_MIN)
        return;
    json_format_time(utc_ns, 9, printed);
    require(json_parse_time(printed) == utc_ns);
}

static void check_tree(const char *bytes, size_t size)
{
    struct error err = {0};
    cJSON *item = json_parse(bytes, size, &err);

    require((item == NULL) == (err.text[0] != '\0'));
    if (item == NULL)
        return;
    (void)json_string(item, "a.b", "");
    (void)json_integer(item, "a", 0);
    (void)json_number(item, "a", 0);
    char *printed = json_print(item, false);
    if (printed != NULL) {
        cJSON *again = json_parse(printed, strlen(printed), NULL);

        require(again != NULL);
        cJSON_Delete(again);
    }
    free(printed);
    cJSON_Delete(item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_time(text);
    memmove(text + 1, text, size); /* Nothing behind it, as in an answer of a server. */
    check_tree(text + 1, size);
    free(text);
    return 0;
}
