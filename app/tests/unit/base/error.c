#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void set_fills_and_returns_the_code(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(error_set(&err, EXIT_ENVIRONMENT, -ENODEV, "port %d is gone", 3), -ENODEV);
    assert_int_equal(err.status, EXIT_ENVIRONMENT);
    assert_string_equal(err.text, "port 3 is gone");
    assert_int_equal(error_set(NULL, EXIT_USAGE, -EINVAL, "nobody asks"), -EINVAL);
}

static void the_first_error_wins(void **state)
{
    struct error err = {0};

    (void)state;
    error_set(&err, EXIT_ENVIRONMENT, -ENODEV, "the cause");
    assert_int_equal(error_set(&err, EXIT_USAGE, -EINVAL, "a consequence"), -EINVAL);
    assert_int_equal(err.status, EXIT_ENVIRONMENT);
    assert_string_equal(err.text, "the cause");
}

static void wrap_puts_places_before_it(void **state)
{
    struct error err = {0};

    (void)state;
    error_wrap(NULL, "x");
    error_wrap(&err, "x");
    assert_string_equal(err.text, "");
    error_set(&err, EXIT_USAGE, -EINVAL, "not a number");
    error_wrap(&err, "streams[%d]", 2);
    error_wrap(&err, "a.json");
    assert_string_equal(err.text, "a.json: streams[2]: not a number");
}

/* Whatever the lengths, the text is cut at its end, and ends. */
static void long_texts_are_cut(void **state)
{
    char longest[3000];
    struct error err = {0};

    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    error_set(&err, EXIT_USAGE, -EINVAL, "%s", longest);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    error_wrap(&err, "here");
    assert_int_equal(strncmp(err.text, "here: xxx", 9), 0);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    error_wrap(&err, "%s", longest);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    struct error small = {0};
    error_set(&small, EXIT_USAGE, -EINVAL, "cause");
    error_wrap(&small, "%.1018s", longest);
    assert_string_equal(small.text + 1018, ": cau");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_and_returns_the_code),
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(wrap_puts_places_before_it),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
