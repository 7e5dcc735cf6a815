#include "lab/fabric.h"

#include <errno.h>
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

/* Each pod has a place of its own, and the one of a pod that has gone is the last to be given again. */
static void test_places(void **state)
{
    static struct fabric fabric;
    static struct fabric_pod pods[254];
    struct fabric_pod other;
    bool seen[256] = {false};

    (void)state;
    fabric = (struct fabric){.next_host = {2, 2}};
    for (size_t i = 0; i < 253; i++) {
        assert_int_equal(fabric_pod_place(&fabric, 0, &pods[i]), 0);
        assert_in_range(pods[i].number, 2, 254);
        assert_false(seen[pods[i].number]);
        seen[pods[i].number] = true;
    }
    assert_string_equal(pods[0].v4, "10.244.1.2");
    assert_string_equal(pods[252].v6, "fd00:244:1::fe");
    assert_int_equal(fabric_pod_place(&fabric, 0, &other), -ENOSPC);
    assert_int_equal(fabric_pod_place(&fabric, 1, &other), 0); /* Another node's are its own. */
    fabric_pod_remove(&fabric, &pods[7]);
    fabric_pod_remove(&fabric, &pods[3]);
    fabric_pod_remove(&fabric, &pods[3]);
    assert_int_equal(fabric_pod_place(&fabric, 0, &pods[3]), 0);
    assert_string_equal(pods[3].v4, "10.244.1.5");
    fabric_pod_remove(&fabric, &pods[3]);
    assert_int_equal(fabric_pod_place(&fabric, 0, &pods[7]), 0);
    assert_string_equal(pods[7].v4, "10.244.1.9");
    assert_int_equal(fabric_pod_place(&fabric, 0, &pods[3]), 0);
    assert_int_equal(fabric_pod_place(&fabric, 0, &other), -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
