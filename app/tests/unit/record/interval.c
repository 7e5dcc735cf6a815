/* A histogram a second; what the control thread is late for goes on in the newest. */
#include "record/interval.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define S INTERVAL_NS

static void expect(struct intervals *intervals, uint64_t from_s, uint64_t to_s, uint64_t count)
{
    const struct interval *interval = intervals_oldest(intervals);
    assert_non_null(interval);
    assert_int_equal(interval->from_ns, from_s * S);
    assert_int_equal(interval->to_ns, to_s * S);
    assert_int_equal(interval->latencies[INTERVAL_CONNECT].count, count);
    assert_int_equal(interval->latencies[INTERVAL_PLAIN].count, 0);
    intervals_give_back(intervals);
}

static void a_second_is_an_interval(void **state)
{
    struct intervals *intervals = calloc(1, sizeof(*intervals));
    (void)state;
    intervals_clear(intervals);
    assert_null(intervals_oldest(intervals));
    for (uint64_t at_ns = 3 * S / 2; at_ns < 5 * S; at_ns += S / 4) {
        intervals_add(intervals, INTERVAL_CONNECT, at_ns, 1000);
        if (at_ns == 3 * S)
            expect(intervals, 1, 2, 2);
    }
    expect(intervals, 2, 3, 4);
    expect(intervals, 3, 4, 4);
    assert_null(intervals_oldest(intervals));
    intervals_add(intervals, INTERVAL_CONNECT, 9 * S, 1000);
    expect(intervals, 4, 5, 4);
    intervals_finish(intervals);
    expect(intervals, 9, 10, 1);
    intervals_finish(intervals);
    assert_null(intervals_oldest(intervals));
    free(intervals);
}

static void nobody_takes_them(void **state)
{
    struct intervals *intervals = calloc(1, sizeof(*intervals));
    (void)state;
    intervals_clear(intervals);
    for (uint64_t i = 0; i < 20; i++)
        intervals_add(intervals, INTERVAL_CONNECT, i * S, i);
    intervals_finish(intervals);
    for (uint64_t i = 0; i + 1 < INTERVAL_SLOTS; i++)
        expect(intervals, i, i + 1, 1);
    expect(intervals, INTERVAL_SLOTS - 1, 20, 20 - INTERVAL_SLOTS + 1);
    assert_null(intervals_oldest(intervals));
    free(intervals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_is_an_interval),
        cmocka_unit_test(nobody_takes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
