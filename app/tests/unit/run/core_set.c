/* The kernel's lists of cores: what is one, and what is none. */
#include "run/core_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* NULL: it is no list. */
static void expect(const char *list, const char *again)
{
    static struct core_set set;
    struct text text = {0};
    assert_int_equal(core_set_parse(&set, list), again != NULL);
    core_set_print(&set, &text);
    assert_string_equal(text_str(&text), again != NULL ? again : "");
    text_free(&text);
}

static void lists_come_back_as_they_were(void **state)
{
    (void)state;
    expect("0-3,8\n", "0-3,8");
    expect("", "");
    expect("\n", "");
    expect("5", "5");
    expect("1,2,3,0", "0-3");
    expect("3-1", "");
}

static void cores_beyond_all_are_left_out(void **state)
{
    (void)state;
    expect("1022-99999999999999999999999", "1022-1023");
    expect("7,99999999999999999999999-3", "7");
    expect("1024", "");
}

static void others_are_no_lists(void **state)
{
    static struct core_set set;
    (void)state;
    expect("what?", NULL);
    expect("1,,2", NULL);
    expect("1-", NULL);
    expect("1;2", NULL);
    assert_false(core_set_read(&set, "/nonexistent"));
    assert_int_equal(core_set_count(&set), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_come_back_as_they_were),
        cmocka_unit_test(cores_beyond_all_are_left_out),
        cmocka_unit_test(others_are_no_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
