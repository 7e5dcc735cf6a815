#include "lab/fabric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What a node has to remember at FABRIC_RATE, to the last entry. */
static void test_limits(void **state)
{
    static const struct {
        unsigned long conntrack_max;
        unsigned time_wait_s;
        const char *said[3]; /* None: nothing is. */
    } rows[] = {
        {262144, 10, {NULL}},
        {100000, 10, {NULL}},
        {99999, 10, {"beyond about 4999 a second", "nf_conntrack_max=100000", "=1s"}},
        {65536, 10, {"beyond about 3276 a second", "65536 at a time", "conntrackTimeWait=1s"}},
        {262144, 120, {"beyond about 2016 a second", "nf_conntrack_max=650000", "=1s"}},
        {54999, 1, {"beyond about 4999 a second", "nf_conntrack_max=55000\n", "warning: "}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct fabric fabric = {.time_wait_s = rows[i].time_wait_s};
        struct text text = {0};

        fabric_limits_text(&fabric, rows[i].conntrack_max, &text);
        assert_true((text.size == 0) == (rows[i].said[0] == NULL));
        for (size_t word = 0; word < 3 && rows[i].said[word] != NULL; word++)
            assert_non_null(strstr(text_str(&text), rows[i].said[word]));
        text_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
