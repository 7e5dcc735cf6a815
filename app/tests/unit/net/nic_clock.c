#include "net/nic_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/wide.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

/* The true clock: at run time 0 it said `offset`. */
struct truth {
    uint64_t hz;
    int64_t skew_ppb;
    uint64_t offset;
};

static uint64_t true_ticks(const struct truth *truth, uint64_t run_ns)
{
    wide_uint skewed = (wide_uint)run_ns * (uint64_t)(1000000000 + truth->skew_ppb) / S;
    return truth->offset + (uint64_t)(skewed * truth->hz / S);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* A reading of TRUTH somewhere within a bracket around RUN_NS. */
static struct nic_clock_sample reading(const struct truth *truth, struct random *random,
                                       uint64_t run_ns, uint64_t half_width_ns)
{
    uint64_t at_ns = run_ns - half_width_ns + random_below(random, 2 * half_width_ns + 1);
    return (struct nic_clock_sample){run_ns, true_ticks(truth, at_ns), half_width_ns};
}

/* Brackets of all widths, readings anywhere in them: no stamp is further off than the bound says.
 * One tick, and one ns of rounding, are the resolution of the truth itself. */
static void test_no_stamp_is_further_off_than_its_bound(void **state)
{
    static const struct truth truths[] = {
        {1000000000, 0, 0},
        {1000000000, 40000, UINT64_C(1795255999) * S},
        {1000000000, -40000, 77},
        {78125000, 12345, UINT64_C(1) << 62},
        {156250000, -100000, UINT64_MAX - 5}, /* It wraps. */
        {25000000, 3, 1000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++) {
        const struct truth *truth = &truths[i];
        const uint64_t tick_ns = S / truth->hz + 2;
        struct nic_clock clock = {0};
        struct random random;
        random_seed(&random, i);
        uint64_t run_ns = 50 * MS;
        for (unsigned sample = 0; sample < 200; sample++) {
            uint64_t half_ns = 100 + random_below(&random, 900);
            assert_true(nic_clock_add(&clock, reading(truth, &random, run_ns, half_ns)));
            uint64_t next_ns = nic_clock_next_ns(&clock, run_ns);
            for (unsigned look = 0; look < 20 && sample + 1 >= NIC_CLOCK_AGREE; look++) {
                uint64_t at_ns = run_ns - MS + random_below(&random, next_ns - run_ns + 2 * MS);
                uint64_t found_ns = nic_clock_run_ns(&clock, true_ticks(truth, at_ns));
                uint64_t bound_ns = nic_clock_bound_ns(&clock, at_ns);
                assert_true(distance(found_ns, at_ns) <= bound_ns + tick_ns);
                uint64_t ticks = nic_clock_ticks(&clock, at_ns);
                assert_true(distance(nic_clock_run_ns(&clock, ticks), at_ns) <= tick_ns);
                assert_true(nic_clock_usable(&clock, at_ns));
            }
            run_ns = next_ns;
        }
        /* With all samples, what is left are the brackets themselves and the wander. */
        assert_true(nic_clock_bound_ns(&clock, run_ns) < 4000);
        assert_int_equal(clock.jumps, 0);
    }
}

/* Set forward or back, or standing still: noticed at the next sample, unusable until three agree,
 * and right again then. */
static void test_a_jump_is_noticed_and_got_over(void **state)
{
    static const int64_t jumps_ns[] = {20000, -20000, 1000000000, -1000000000};
    (void)state;
    for (size_t i = 0; i < sizeof(jumps_ns) / sizeof(jumps_ns[0]); i++) {
        struct truth truth = {1000000000, 5000, 10 * S};
        struct nic_clock clock = {0};
        struct random random;
        uint64_t run_ns = S;
        random_seed(&random, i);
        for (unsigned sample = 0; sample < 2 * NIC_CLOCK_SAMPLES; sample++) {
            assert_true(nic_clock_add(&clock, reading(&truth, &random, run_ns, 300)));
            run_ns = nic_clock_next_ns(&clock, run_ns);
        }
        truth.offset += (uint64_t)jumps_ns[i];
        assert_false(nic_clock_add(&clock, reading(&truth, &random, run_ns, 300)));
        assert_int_equal(clock.jumps, 1);
        for (unsigned agreeing = 1; agreeing < NIC_CLOCK_AGREE; agreeing++) {
            assert_false(nic_clock_usable(&clock, run_ns));
            run_ns = nic_clock_next_ns(&clock, run_ns);
            assert_true(nic_clock_add(&clock, reading(&truth, &random, run_ns, 300)));
        }
        assert_true(nic_clock_usable(&clock, run_ns));
        assert_true(distance(nic_clock_run_ns(&clock, true_ticks(&truth, run_ns)), run_ns) <=
                    nic_clock_bound_ns(&clock, run_ns));
        assert_int_equal(clock.jumps, 1);
    }
}

static void test_a_clock_that_stands_still_is_of_no_use(void **state)
{
    struct nic_clock clock = {0};
    (void)state;
    for (unsigned i = 1; i < 10; i++) {
        bool first = i == 1;
        assert_int_equal(nic_clock_add(&clock, (struct nic_clock_sample){i * MS, 7, 100}), first);
        assert_false(nic_clock_usable(&clock, i * MS));
    }
    assert_int_equal(clock.jumps, 8);
}

/* Slewed by 20 ppm from one sample to the next: 2 us in 100 ms. No jump, but the bound takes it in
 * and the rate follows. */
static void test_a_change_of_rate_widens_the_bound(void **state)
{
    struct nic_clock clock = {0};
    uint64_t run_ns = S, ticks = 0;
    (void)state;
    for (unsigned i = 0; i < 2 * NIC_CLOCK_SAMPLES; i++) {
        uint64_t next_ns = nic_clock_next_ns(&clock, run_ns);
        ticks += next_ns - run_ns;
        run_ns = next_ns;
        assert_true(nic_clock_add(&clock, (struct nic_clock_sample){run_ns, ticks, 100}));
    }
    uint64_t before_ns = nic_clock_bound_ns(&clock, run_ns);
    assert_true(before_ns < 200);
    for (unsigned i = 0; i < 2 * NIC_CLOCK_SAMPLES; i++) {
        run_ns += 100 * MS;
        ticks += 100 * MS + 2000;
        uint64_t off_ns = distance(nic_clock_run_ns(&clock, ticks), run_ns);
        assert_true(nic_clock_add(&clock, (struct nic_clock_sample){run_ns, ticks, 100}));
        assert_true(nic_clock_bound_ns(&clock, run_ns) >= off_ns);
    }
    assert_int_equal(clock.jumps, 0);
    assert_true(nic_clock_bound_ns(&clock, run_ns) < 200);
}

/* Readings that take long, and stamps far from all samples. */
static void test_what_is_not_known_well_is_not_used(void **state)
{
    struct nic_clock clock = {0};
    (void)state;
    for (unsigned i = 1; i <= NIC_CLOCK_SAMPLES; i++)
        assert_true(nic_clock_add(&clock, (struct nic_clock_sample){i * S, i * S, 100}));
    assert_true(nic_clock_usable(&clock, NIC_CLOCK_SAMPLES * S));
    assert_false(nic_clock_usable(&clock, (NIC_CLOCK_SAMPLES + 60) * S));
    uint64_t run_ns = (NIC_CLOCK_SAMPLES + 1) * S;
    assert_true(nic_clock_add(&clock, (struct nic_clock_sample){run_ns, run_ns, 20000}));
    assert_false(nic_clock_usable(&clock, run_ns));
    nic_clock_forget(&clock);
    assert_false(nic_clock_usable(&clock, run_ns));
}

/* A stamp is what a NIC says: anything. */
static void test_absurd_stamps_saturate(void **state)
{
    struct nic_clock clock = {0};
    (void)state;
    for (unsigned i = 1; i <= NIC_CLOCK_AGREE; i++)
        assert_true(
            nic_clock_add(&clock, (struct nic_clock_sample){i * S, (UINT64_C(1) << 62) + i, 100}));
    assert_int_equal(nic_clock_run_ns(&clock, 0), 0);
    assert_int_equal(nic_clock_run_ns(&clock, UINT64_C(1) << 63), INT64_MAX);
    /* One that is not after the last changes nothing. */
    struct nic_clock before = clock;
    assert_true(nic_clock_add(&clock, (struct nic_clock_sample){S, 0, 1}));
    assert_memory_equal(&clock, &before, sizeof(clock));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_stamp_is_further_off_than_its_bound),
        cmocka_unit_test(test_a_jump_is_noticed_and_got_over),
        cmocka_unit_test(test_a_clock_that_stands_still_is_of_no_use),
        cmocka_unit_test(test_a_change_of_rate_widens_the_bound),
        cmocka_unit_test(test_what_is_not_known_well_is_not_used),
        cmocka_unit_test(test_absurd_stamps_saturate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
