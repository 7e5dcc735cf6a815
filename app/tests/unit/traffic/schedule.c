/* Laws are dealt out to slots and workers: in order, none passed over, and the same ones however
 * many share. */
#include "traffic/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

/* A stream of one slot a worker, WORKER of WORKERS. */
static void open_loop(struct schedule *schedule, const struct law *law, uint64_t places[1],
                      uint32_t worker, uint32_t workers, uint64_t seed)
{
    schedule_in_turn(places, 1, worker);
    schedule_init(schedule, law, places, 1, workers, seed + worker);
    schedule_start(schedule, 0);
}

/* 80 flows at 400/s: each has one slot in each 200 ms, at its own place. */
static void flows_take_turns(void **state)
{
    enum {
        FLOWS = 80,
        CYCLES = 50
    };
    const uint64_t interval_ns = 200 * MS, start_ns = 17 * S + 3;
    uint64_t places[FLOWS], last_ns = 0;
    uint32_t slot;
    uint64_t due_ns;
    struct law law = law_constant(400, S);
    struct schedule schedule;
    (void)state;
    schedule_stagger(places, FLOWS, FLOWS, 1, 0);
    schedule_init(&schedule, &law, places, FLOWS, FLOWS, 1);
    schedule_start(&schedule, start_ns);
    for (unsigned i = 0; i < FLOWS * CYCLES; i++) {
        assert_true(schedule_take(&schedule, start_ns + CYCLES * interval_ns, &slot, &due_ns));
        assert_int_equal(slot, i % FLOWS);
        uint64_t offset_ns = (uint64_t)((wide_uint)places[slot] * 2500000 >> LAW_POSITION_BITS);
        assert_int_equal(due_ns, start_ns + i / FLOWS * interval_ns + offset_ns);
        assert_true(due_ns >= last_ns);
        last_ns = due_ns;
    }
}

/* Five turns at 1000/s: one stream has three of them, the other two, on two workers each. All four
 * together are due as one would be, and each knows its turn. */
static void some_of_many_turns(void **state)
{
    static const uint32_t turns[2][3] = {{1, 2, 5}, {3, 4}};
    static const uint32_t counts[2] = {3, 2};
    struct law law = law_constant(1000, S);
    struct schedule schedules[4];
    uint64_t places[4][3], due_ns;
    unsigned seen[100] = {0};
    uint32_t slot;
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        schedule_by_turns(places[i], turns[i / 2], counts[i / 2], i % 2, 2);
        schedule_init(&schedules[i], &law, places[i], counts[i / 2], 10, i);
        schedule_start(&schedules[i], 0);
        while (schedule_take(&schedules[i], 100 * MS - 1, &slot, &due_ns)) {
            uint64_t number = due_ns / MS;
            assert_int_equal(due_ns % MS, 0);
            assert_int_equal(number / 2 % 5 + 1, turns[i / 2][slot]);
            seen[number]++;
        }
    }
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
}

/* Shares of a cycle: within it, spread over all of it, other ones for other seeds and workers. */
static void first_sends_are_staggered(void **state)
{
    enum {
        FLOWS = 1000
    };
    uint64_t a[FLOWS], b[FLOWS], c[FLOWS], again[FLOWS];
    unsigned tenths[10] = {0}, same_b = 0, same_c = 0;
    const uint64_t cycle = (uint64_t)FLOWS << LAW_POSITION_BITS;
    (void)state;
    schedule_stagger(a, FLOWS, FLOWS, 5, 0);
    schedule_stagger(again, FLOWS, FLOWS, 5, 0);
    schedule_stagger(b, FLOWS, FLOWS, 6, 0);
    schedule_stagger(c, FLOWS, FLOWS, 5, FLOWS);
    for (unsigned i = 0; i < FLOWS; i++) {
        assert_true(a[i] < cycle);
        assert_true(i == 0 || a[i] >= a[i - 1]);
        assert_int_equal(a[i], again[i]);
        tenths[a[i] / (cycle / 10)]++;
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
    struct law law = law_constant(500, S);
    uint32_t slot;
    uint64_t due_ns, count = 0, place;
    struct schedule schedule;
    (void)state;
    open_loop(&schedule, &law, &place, 0, 1, 0);
    schedule_start(&schedule, 1500);
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
    struct law law = law_constant(1, S);
    uint32_t slot;
    uint64_t due_ns, place;
    struct schedule schedule;
    (void)state;
    schedule_in_turn(&place, 1, 0);
    schedule_init(&schedule, &law, &place, 1, 1, 0);
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

/* A law that comes to an end in a rate of 0 leaves nothing due. */
static void an_ended_law_has_nothing_due(void **state)
{
    struct law law = {.period_ns = S};
    struct schedule schedule;
    uint64_t due_ns, place;
    uint32_t slot, count = 0;
    (void)state;
    law_add(&law, S, 5, 5);
    law_add(&law, LAW_FOR_EVER, 0, 0);
    open_loop(&schedule, &law, &place, 0, 1, 0);
    while (schedule_take(&schedule, UINT64_MAX, &slot, &due_ns))
        count++;
    assert_int_equal(count, 5);
    assert_int_equal(schedule.next_ns, UINT64_MAX);
}

/* A million flows, each once a day, at rates that no 64 bits hold as a product. */
static void large_numbers_do_not_wrap(void **state)
{
    enum {
        FLOWS = 1 << 20
    };
    const uint64_t day_ns = 86400 * S;
    uint64_t *places = calloc(FLOWS, sizeof(*places));
    struct law law = law_constant(FLOWS + 1, day_ns);
    struct schedule schedule;
    (void)state;
    schedule_init(&schedule, &law, places, FLOWS, FLOWS, 0);
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
    free(places);
}

/* 5 back to back every 100 ms. */
static void bursts_are_back_to_back(void **state)
{
    struct law law = law_burst(5, 100 * MS);
    struct schedule schedule;
    uint64_t due_ns, place;
    uint32_t slot;
    (void)state;
    assert_int_equal(law_check(&law, NULL), 0);
    open_loop(&schedule, &law, &place, 0, 1, 0);
    for (unsigned k = 0; k < 1000; k++) {
        assert_true(schedule_take(&schedule, UINT64_MAX, &slot, &due_ns));
        assert_int_equal(due_ns, k / 5 * 100 * MS);
    }
}

/* Whenever it is asked, at that time; a stop ends it. */
static void a_maximum_is_always_due(void **state)
{
    struct law law = law_maximum();
    struct schedule schedule;
    uint64_t due_ns, places[3];
    uint32_t slot;
    (void)state;
    assert_int_equal(law_check(&law, NULL), 0);
    schedule_in_turn(places, 3, 0);
    schedule_init(&schedule, &law, places, 3, 3, 0);
    assert_false(schedule_take(&schedule, S, &slot, &due_ns));
    schedule_start(&schedule, S);
    assert_false(schedule_take(&schedule, S - 1, &slot, &due_ns));
    for (unsigned i = 0; i < 7; i++) {
        assert_true(schedule_take(&schedule, S + i, &slot, &due_ns));
        assert_int_equal(slot, i % 3);
        assert_int_equal(due_ns, S + i);
    }
    schedule_stop(&schedule);
    assert_false(schedule_take(&schedule, 2 * S, &slot, &due_ns));
}

/* What WORKERS that know nothing of each other do is what one alone would: due for due. */
static void workers_share(const struct law *law, uint32_t workers)
{
    struct schedule alone, shared[8];
    uint64_t place, places[8], last_ns = 0;
    uint32_t slot;
    open_loop(&alone, law, &place, 0, 1, 0);
    for (uint32_t i = 0; i < workers; i++)
        open_loop(&shared[i], law, &places[i], i, workers, 0);
    for (unsigned k = 0; k < 20000; k++) {
        uint64_t one_ns, many_ns;
        assert_true(schedule_take(&alone, UINT64_MAX - 1, &slot, &one_ns));
        assert_true(schedule_take(&shared[k % workers], UINT64_MAX - 1, &slot, &many_ns));
        assert_int_equal(one_ns, many_ns);
        assert_true(one_ns >= last_ns);
        last_ns = one_ns;
    }
}

static void workers_union_is_the_law(void **state)
{
    struct law steps = {.period_ns = S, .repeats = true};
    (void)state;
    law_add(&steps, S, 100, 100);
    law_add(&steps, S / 2, 1001, 1001);
    law_add(&steps, S / 8, 0, 0);
    struct law laws[] = {law_constant(999983, S), law_ramp(7, 12345, S, 3 * S),
                         law_sine(1000, 1000, S, 2 * S), law_burst(7, 3 * MS), steps};
    for (size_t i = 0; i < sizeof(laws) / sizeof(laws[0]); i++)
        for (uint32_t workers = 1; workers <= 8; workers++) {
            assert_int_equal(law_check(&laws[i], NULL), 0);
            workers_share(&laws[i], workers);
        }
}

/* Held flows of two workers: each flow has its slot once in each cycle of all. */
static void shared_flows_keep_their_rate(void **state)
{
    struct law law = law_constant(100, S);
    const uint32_t count[] = {3, 7};
    (void)state;
    for (unsigned worker = 0; worker < 2; worker++) {
        uint64_t places[7], due_ns, cycle_ns = 0;
        uint32_t slot;
        struct schedule schedule;
        schedule_stagger(places, count[worker], 10, 9, worker * 3);
        schedule_init(&schedule, &law, places, count[worker], 10, 9);
        schedule_start(&schedule, 0);
        for (unsigned k = 0; k < 100; k++) {
            for (uint32_t i = 0; i < count[worker]; i++) {
                assert_true(schedule_take(&schedule, UINT64_MAX, &slot, &due_ns));
                assert_in_range(due_ns, cycle_ns, cycle_ns + 100 * MS);
            }
            cycle_ns += 100 * MS;
        }
    }
}

/* Chi-square of COUNT gaps in 20 equally probable classes of the exponential distribution with
 * MEAN_NS: 19 degrees of freedom, 43.8 is passed once in a thousand seeds. */
static void assert_exponential(const uint64_t due_ns[], unsigned count, double mean_ns)
{
    unsigned classes[20] = {0};
    double chi = 0, expected = (count - 1) / 20.0;
    for (unsigned i = 1; i < count; i++) {
        double share = 1 - exp(-(double)(due_ns[i] - due_ns[i - 1]) / mean_ns);
        classes[(unsigned)(share * 20)]++;
    }
    for (unsigned i = 0; i < 20; i++)
        chi += (classes[i] - expected) * (classes[i] - expected) / expected;
    if (chi > 43.8)
        fail_msg("chi-square %.1f", chi);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum {
    ARRIVALS = 100000
};

/* The first ARRIVALS of WORKERS together, by time. */
static void arrivals(const struct law *law, uint32_t workers, uint64_t seed, uint64_t due_ns[])
{
    struct schedule schedules[8];
    uint64_t places[8];
    uint32_t slot;
    for (uint32_t i = 0; i < workers; i++)
        open_loop(&schedules[i], law, &places[i], i, workers, seed);
    for (unsigned k = 0; k < ARRIVALS; k++) {
        uint32_t next = 0;
        for (uint32_t i = 1; i < workers; i++)
            if (schedules[i].next_ns < schedules[next].next_ns)
                next = i;
        assert_true(schedule_take(&schedules[next], UINT64_MAX - 1, &slot, &due_ns[k]));
    }
}

/* Gaps are exponential and the mean is the rate's, for one worker and for the union of five. */
static void poisson_is_poisson(void **state)
{
    static uint64_t due_ns[ARRIVALS], again[ARRIVALS], other[ARRIVALS];
    struct law law = law_constant(1000, S);
    unsigned same = 0;
    (void)state;
    law.arrivals = LAW_POISSON;
    for (uint32_t workers = 1; workers <= 5; workers += 4) {
        arrivals(&law, workers, 1, due_ns);
        assert_exponential(due_ns, ARRIVALS, 1e6);
        /* Four standard deviations of the sum of so many gaps. */
        assert_true(fabs((double)due_ns[ARRIVALS - 1] - 1e6 * ARRIVALS) <
                    4e6 * sqrt((double)ARRIVALS));
    }
    arrivals(&law, 5, 1, again);
    assert_memory_equal(due_ns, again, sizeof(due_ns));
    arrivals(&law, 5, 100, other);
    qsort(other, ARRIVALS, sizeof(other[0]), compare);
    for (unsigned i = 0; i < ARRIVALS; i++)
        same += due_ns[i] == other[i];
    assert_true(same < 10);
}

/* The law is the intensity: under a ramp of 0 to 1000/s in 10 s, 5000 are expected, a quarter of
 * them in the first half; within four standard deviations each. */
static void poisson_follows_its_law(void **state)
{
    struct law law = law_ramp(0, 1000, S, 10 * S);
    unsigned early = 0, late = 0;
    struct schedule schedule;
    uint64_t due_ns, place;
    uint32_t slot;
    (void)state;
    law.arrivals = LAW_POISSON;
    open_loop(&schedule, &law, &place, 0, 1, 3);
    while (schedule_take(&schedule, 10 * S, &slot, &due_ns)) {
        early += due_ns < 5 * S;
        late += due_ns >= 5 * S;
    }
    assert_in_range(early, 1250 - 141, 1250 + 141);
    assert_in_range(late, 3750 - 245, 3750 + 245);
}

/* The same seed gives the same times everywhere: no logarithm of some library is in them. */
static void poisson_is_reproducible(void **state)
{
    static const uint64_t expected[] = {UINT64_C(83862971), UINT64_C(763906382),
                                        UINT64_C(1755710296), UINT64_C(3046388057)};
    struct law law = law_constant(1, S);
    struct schedule schedule;
    uint64_t due_ns, place;
    uint32_t slot;
    (void)state;
    law.arrivals = LAW_POISSON;
    open_loop(&schedule, &law, &place, 0, 1, 42);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(schedule_take(&schedule, UINT64_MAX, &slot, &due_ns));
        assert_int_equal(due_ns, expected[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_take_turns),
        cmocka_unit_test(some_of_many_turns),
        cmocka_unit_test(first_sends_are_staggered),
        cmocka_unit_test(a_stall_loses_no_slot),
        cmocka_unit_test(a_stopped_one_has_nothing_due),
        cmocka_unit_test(an_ended_law_has_nothing_due),
        cmocka_unit_test(large_numbers_do_not_wrap),
        cmocka_unit_test(bursts_are_back_to_back),
        cmocka_unit_test(a_maximum_is_always_due),
        cmocka_unit_test(workers_union_is_the_law),
        cmocka_unit_test(shared_flows_keep_their_rate),
        cmocka_unit_test(poisson_is_poisson),
        cmocka_unit_test(poisson_follows_its_law),
        cmocka_unit_test(poisson_is_reproducible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
