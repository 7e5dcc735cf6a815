/* Due times are exact at any rate, in order, and none is passed over. */
#include "traffic/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

/* The k-th request of a schedule with one slot. */
struct exact_row {
    uint64_t count, period_ns, k, due_ns;
};

static uint64_t nth_due(uint64_t count, uint64_t period_ns, uint64_t k)
{
    static const uint64_t offset = 0;
    struct schedule schedule;
    uint32_t slot;
    uint64_t due_ns = 0;
    schedule_init(&schedule, count, period_ns, &offset, 1);
    schedule_start(&schedule, 0);
    for (uint64_t i = 0; i <= k; i++)
        assert_true(schedule_take(&schedule, UINT64_MAX - 1, &slot, &due_ns));
    return due_ns;
}

/* Worked out by hand: floor(k * period / count). */
static void odd_rates_do_not_drift(void **state)
{
    static const struct exact_row rows[] = {
        {3, S, 1, 333333333},
        {3, S, 2, 666666666},
        {3, S, 3, 1000000000},
        {3, S, 300000, 100000 * S},
        {7, S, 700000, 100000 * S},
        {7, S, 699999, 99999857142857},
        {1, S, 59, 59 * S},
        {2, 3 * S, 3, 4500000000},
        {400, S, 1, 2500000},
        {999983, S, 999983, S},
        {999983, S, 1, 1000},
        {999983, S, 100000, 100001700},
        {409600, 1000 * S, 1, 2441406},
        {1, 7 * S, 11, 77 * S},
        {S, S, 12345, 12345},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(nth_due(rows[i].count, rows[i].period_ns, rows[i].k), rows[i].due_ns);
}

/* 80 flows at 400/s: each has one slot in each 200 ms, at its own offset. */
static void flows_take_turns(void **state)
{
    enum {
        FLOWS = 80,
        CYCLES = 50
    };
    const uint64_t interval_ns = 200000000, start_ns = 17 * S + 3;
    uint64_t offsets[FLOWS], last_ns = 0;
    uint32_t slot;
    uint64_t due_ns;
    struct schedule schedule;
    (void)state;
    assert_int_equal(schedule_interval_ns(400, S, FLOWS), interval_ns);
    schedule_stagger(offsets, FLOWS, interval_ns, 1, 0);
    schedule_init(&schedule, 400, S, offsets, FLOWS);
    schedule_start(&schedule, start_ns);
    for (unsigned i = 0; i < FLOWS * CYCLES; i++) {
        assert_true(schedule_take(&schedule, start_ns + CYCLES * interval_ns, &slot, &due_ns));
        assert_int_equal(slot, i % FLOWS);
        assert_int_equal(due_ns, start_ns + i / FLOWS * interval_ns + offsets[slot]);
        assert_true(due_ns >= last_ns);
        last_ns = due_ns;
    }
}

/* Shares of the interval: within it, spread over all of it, other ones for other seeds and
 * workers. */
static void first_sends_are_staggered(void **state)
{
    enum {
        FLOWS = 1000
    };
    uint64_t a[FLOWS], b[FLOWS], c[FLOWS], again[FLOWS];
    unsigned tenths[10] = {0}, same_b = 0, same_c = 0;
    (void)state;
    schedule_stagger(a, FLOWS, 1000000, 5, 0);
    schedule_stagger(again, FLOWS, 1000000, 5, 0);
    schedule_stagger(b, FLOWS, 1000000, 6, 0);
    schedule_stagger(c, FLOWS, 1000000, 5, FLOWS);
    for (unsigned i = 0; i < FLOWS; i++) {
        assert_true(a[i] < 1000000);
        assert_true(i == 0 || a[i] >= a[i - 1]);
        assert_int_equal(a[i], again[i]);
        tenths[a[i] / 100000]++;
        same_b += a[i] == b[i];
        same_c += a[i] == c[i];
    }
    for (unsigned i = 0; i < 10; i++)
        assert_in_range(tenths[i], 60, 140);
    assert_true(same_b < 10);
    assert_true(same_c < 10);
}

/* Whoever was away for a second finds all that was due meanwhile, each with its own time. */
static void a_stall_loses_no_slot(void **state)
{
    static const uint64_t offset = 500;
    uint32_t slot;
    uint64_t due_ns, count = 0;
    struct schedule schedule;
    (void)state;
    schedule_init(&schedule, 500, S, &offset, 1);
    schedule_start(&schedule, 1000);
    assert_false(schedule_take(&schedule, 1499, &slot, &due_ns));
    assert_true(schedule_take(&schedule, 1500, &slot, &due_ns));
    assert_int_equal(due_ns, 1500);
    assert_false(schedule_take(&schedule, 1501, &slot, &due_ns));
    while (schedule_take(&schedule, 1500 + S, &slot, &due_ns)) {
        count++;
        assert_int_equal(due_ns, 1500 + count * 2000000);
    }
    assert_int_equal(count, 500);
}

static void a_stopped_one_has_nothing_due(void **state)
{
    static const uint64_t offset = 0;
    uint32_t slot;
    uint64_t due_ns;
    struct schedule schedule;
    (void)state;
    schedule_init(&schedule, 1, S, &offset, 1);
    assert_false(schedule_take(&schedule, UINT64_MAX, &slot, &due_ns));
    schedule_start(&schedule, S);
    assert_true(schedule_take(&schedule, S, &slot, &due_ns));
    schedule_stop(&schedule);
    assert_false(schedule_take(&schedule, 100 * S, &slot, &due_ns));
    assert_int_equal(schedule.next_ns, UINT64_MAX);
    schedule_start(&schedule, 200 * S);
    assert_true(schedule_take(&schedule, 200 * S, &slot, &due_ns));
    assert_int_equal(due_ns, 200 * S);
}

/* A million flows, each once a day, at rates that no 64 bits hold as a product. */
static void large_numbers_do_not_wrap(void **state)
{
    enum {
        FLOWS = 1 << 20
    };
    const uint64_t day_ns = 86400 * S;
    uint64_t *offsets = calloc(FLOWS, sizeof(*offsets));
    struct schedule schedule;
    (void)state;
    assert_int_equal(schedule_interval_ns(FLOWS, day_ns, FLOWS), day_ns);
    schedule_init(&schedule, FLOWS + 1, day_ns, offsets, FLOWS);
    schedule_start(&schedule, 0);
    for (unsigned cycle = 0; cycle < 3; cycle++) {
        uint32_t slot;
        uint64_t due_ns = 0;
        for (unsigned i = 0; i < FLOWS; i++)
            assert_true(schedule_take(&schedule, UINT64_MAX - 1, &slot, &due_ns));
        /* cycle * 86400 s * 2^20 / (2^20 + 1), rounded down. */
        static const uint64_t expected[] = {0, 86399917602617, 172799835205235};
        assert_int_equal(due_ns, expected[cycle]);
    }
    free(offsets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_rates_do_not_drift),
        cmocka_unit_test(flows_take_turns),
        cmocka_unit_test(first_sends_are_staggered),
        cmocka_unit_test(a_stall_loses_no_slot),
        cmocka_unit_test(a_stopped_one_has_nothing_due),
        cmocka_unit_test(large_numbers_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
