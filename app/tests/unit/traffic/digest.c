/* SHA-256 as FIPS 180-4 has it, in parts and again and again. */
#include "traffic/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void from_hex(const char *hex, uint8_t out[DIGEST_BYTES])
{
    for (unsigned i = 0; i < DIGEST_BYTES; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

/* The examples of FIPS 180-2, appendix B, and nothing at all. */
static const struct {
    const char *text, *hex;
} rows[] = {
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void known_answers(void **state)
{
    struct digest digest;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint8_t *text = (const uint8_t *)rows[i].text;
        uint32_t size = (uint32_t)strlen(rows[i].text);
        uint8_t wanted[DIGEST_BYTES];
        from_hex(rows[i].hex, wanted);
        digest_begin(&digest);
        digest_add(&digest, text, size / 2);
        digest_add(&digest, text + size / 2, size - size / 2);
        assert_true(digest_is(&digest, wanted));
        digest_begin(&digest);
        digest_add(&digest, text, size);
        wanted[i * 15] ^= 1;
        assert_false(digest_is(&digest, wanted));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
