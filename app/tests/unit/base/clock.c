#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

/* Rates of real machines: after a whole day of ticks, the time is right to the rounding of mult. */
static void conversion_is_exact_to_its_rounding(void **state)
{
    static const uint64_t rates_hz[] = {1000000000, 1999999999, 2400000000, 2494137000, 5700000000};

    (void)state;
    for (size_t i = 0; i < sizeof(rates_hz) / sizeof(rates_hz[0]); i++) {
        struct clock clock;
        uint64_t start = UINT64_C(1) << 50, day_ns = 86400 * NS_PER_S;

        clock_set_rate(&clock, start, rates_hz[i], NS_PER_S, 0);
        assert_true(clock.hz == rates_hz[i]);
        assert_int_equal(clock_ns(&clock, start), 0);
        uint64_t ns = clock_ns(&clock, start + 86400 * rates_hz[i]);
        uint64_t off_ns = ns > day_ns ? ns - day_ns : day_ns - ns;
        assert_true(off_ns <= 86400 * clock.rate_error_ppb + 1);
        assert_true(clock.rate_error_ppb <= 4);
    }
}

static void readings_before_the_start_are_zero(void **state)
{
    struct clock clock;

    (void)state;
    clock_set_rate(&clock, 5000, 2000, 1000, 0);
    assert_int_equal(clock_ns(&clock, 0), 0);
    assert_int_equal(clock_ns(&clock, 4999), 0);
    assert_int_equal(clock_ns(&clock, 5002), 1);
}

/* A rate known to 1 us in 200 ms is known to 5 ppm; the bound holds at either end of that. */
static void uncertainty_becomes_the_rates_error(void **state)
{
    struct clock clock;

    (void)state;
    clock_set_rate(&clock, 0, 500000000, 200000000, 1000);
    assert_in_range(clock.rate_error_ppb, 5000, 5002);
    clock_set_rate(&clock, 0, 500000000, 200000000, 0);
    assert_in_range(clock.rate_error_ppb, 1, 2);
}

static void long_runs_do_not_overflow(void **state)
{
    struct clock clock;

    (void)state;
    clock_set_rate(&clock, 0, 5000000000, NS_PER_S, 0);
    uint64_t year_ticks = UINT64_C(365) * 86400 * 5000000000;
    uint64_t ns = clock_ns(&clock, year_ticks);
    assert_true(ns > UINT64_C(364) * 86400 * NS_PER_S && ns < UINT64_C(366) * 86400 * NS_PER_S);
}

static uint64_t raw_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* What the system's clock says has passed lies between what passed inside and outside of its two
 * readings, by the run's clock with the rate error that it claims. */
static void calibrated_against_the_raw_clock(void **state)
{
    struct clock clock;
    uint64_t run_ns[4], raw_ns[2];

    (void)state;
    int result = clock_start(&clock, 20000000);
    assert_true(result == 0 || result == -ENOTSUP);
    assert_true(clock.hz > 100000000);
    run_ns[0] = clock_now_ns(&clock);
    raw_ns[0] = raw_clock_ns();
    run_ns[1] = clock_now_ns(&clock);
    for (run_ns[2] = 0; run_ns[2] < run_ns[1] + 5000000;)
        run_ns[2] = clock_now_ns(&clock);
    raw_ns[1] = raw_clock_ns();
    run_ns[3] = clock_now_ns(&clock);
    uint64_t passed_ns = raw_ns[1] - raw_ns[0];
    uint64_t error_ns = passed_ns * clock.rate_error_ppb / NS_PER_S + 2;
    assert_true(run_ns[2] - run_ns[1] <= passed_ns + error_ns);
    assert_true(run_ns[3] - run_ns[0] + error_ns >= passed_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversion_is_exact_to_its_rounding),
        cmocka_unit_test(readings_before_the_start_are_zero),
        cmocka_unit_test(uncertainty_becomes_the_rates_error),
        cmocka_unit_test(long_runs_do_not_overflow),
        cmocka_unit_test(calibrated_against_the_raw_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
