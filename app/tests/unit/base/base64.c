/* Bytes as text and back, by the vectors of RFC 4648 10; what is no base64 is refused. */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void vectors_go_both_ways(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text text = {0};
        size_t size = 99;
        char *back = base64_decode(rows[i][1], &size);

        base64_add(&text, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(text_str(&text), rows[i][1]);
        assert_int_equal(size, strlen(rows[i][0]));
        assert_string_equal(back, rows[i][0]);
        free(back);
        text_free(&text);
    }
}

static void bytes_of_any_value_come_back(void **state)
{
    uint8_t bytes[256];

    (void)state;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(255 - i);
    for (size_t count = sizeof(bytes) - 3; count <= sizeof(bytes); count++) {
        struct text text = {0};
        size_t size = 0;

        base64_add(&text, bytes, count);
        char *back = base64_decode(text_str(&text), &size);
        assert_int_equal(size, count);
        assert_memory_equal(back, bytes, count);
        free(back);
        text_free(&text);
    }
}

static void white_space_is_passed_over(void **state)
{
    char *out = base64_decode(" Zm9v\r\n\tYmFy\n", NULL);

    (void)state;
    assert_string_equal(out, "foobar");
    free(out);
}

static void what_is_none_is_refused(void **state)
{
    static const char *const rows[] = {"Zm9vYg", "Zg=a", "Zm9v!", "====", "=", "Z===", "Zm9vY-_="};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_null(base64_decode(rows[i], NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_go_both_ways),
        cmocka_unit_test(bytes_of_any_value_come_back),
        cmocka_unit_test(white_space_is_passed_over),
        cmocka_unit_test(what_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
