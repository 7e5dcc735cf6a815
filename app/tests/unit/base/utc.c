#include "base/utc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NS_PER_S INT64_C(1000000000)
#define UTC_START (INT64_C(1795255999) * NS_PER_S) /* A day in 2026. */

static struct utc utc;

static int clear(void **state)
{
    (void)state;
    utc = (struct utc){0};
    return 0;
}

static void add(int64_t run_s, int64_t utc_off_ns, uint64_t half_width_ns)
{
    struct utc_sample sample = {.run_ns = (uint64_t)(run_s * NS_PER_S),
                                .utc_ns = UTC_START + run_s * NS_PER_S + utc_off_ns,
                                .half_width_ns = half_width_ns};

    assert_true(utc_add(&utc, sample));
}

static void one_sample_has_slope_one(void **state)
{
    (void)state;
    add(10, 7, 30);
    assert_true(utc_from_run(&utc, 12 * NS_PER_S) == UTC_START + 12 * NS_PER_S + 7);
    assert_true(utc_from_run(&utc, 0) == UTC_START + 7);
    assert_int_equal(utc_error_bound_ns(&utc), 30);
}

/* The run's clock is 1000 ppm slow in the first ten seconds and right in the next. */
static void interpolates_between_and_extrapolates_by_the_nearest_pair(void **state)
{
    static const struct {
        int64_t run_ms, off_ns; /* Run time; UTC - start - run time. */
    } rows[] = {
        {1000, 0},         {1500, 500000},    {11000, 10000000}, {16000, 10000000},
        {21000, 10000000}, {25000, 10000000}, {0, -1000000},
    };

    (void)state;
    add(1, 0, 50);
    add(11, 10000000, 20);
    add(21, 10000000, 20);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t run_ns = rows[i].run_ms * 1000000;
        int64_t expected = UTC_START + run_ns + rows[i].off_ns;

        assert_true(utc_from_run(&utc, (uint64_t)run_ns) == expected);
    }
}

static void samples_must_rise(void **state)
{
    (void)state;
    add(5, 0, 1);
    assert_false(utc_add(&utc, (struct utc_sample){.run_ns = 5 * NS_PER_S, .utc_ns = 1}));
    assert_false(utc_add(&utc, (struct utc_sample){.run_ns = 4 * NS_PER_S, .utc_ns = 1}));
    assert_int_equal(utc.count, 1);
}

static void a_steady_clock_has_the_brackets_bound(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        add(i, i * 1000, i == 20 ? 90 : 40); /* 1 ppm off, exactly. */
    assert_int_equal(utc_error_bound_ns(&utc), 90);
}

/* A step between two samples: whatever moment in between it was, the bound covers the error, also
 * when the samples around it are far apart, or it is at the end. */
static void a_step_shows_in_the_bound(void **state)
{
    static const struct {
        int64_t run_s[5]; /* Of the samples. */
        unsigned before;  /* The step is before this one. */
        int64_t step_ns;  /* Of UTC. */
    } rows[] = {
        {{0, 1, 2, 3, 4}, 2, 5000000},   {{0, 1, 2, 3, 4}, 2, -5000000},
        {{0, 1, 2, 3, 4}, 1, 5000000},   {{0, 1, 2, 3, 4}, 4, 5000000},
        {{0, 1, 11, 12, 13}, 2, 700},    {{0, 10, 11, 12, 13}, 1, 700},
        {{0, 1, 2, 3, 60}, 4, -3000000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        utc = (struct utc){0};
        for (unsigned s = 0; s < 5; s++)
            add(rows[i].run_s[s], s >= rows[i].before ? rows[i].step_ns : 0, 30);
        uint64_t bound_ns = utc_error_bound_ns(&utc);
        int64_t from_ns = rows[i].run_s[rows[i].before - 1] * NS_PER_S;
        int64_t to_ns = rows[i].run_s[rows[i].before] * NS_PER_S;
        for (int64_t run_ns = from_ns; run_ns <= to_ns; run_ns += (to_ns - from_ns) / 16) {
            int64_t off_ns = utc_from_run(&utc, (uint64_t)run_ns) - UTC_START - run_ns;

            assert_true((uint64_t)llabs(off_ns) <= bound_ns); /* It has not stepped yet, */
            assert_true((uint64_t)llabs(rows[i].step_ns - off_ns) <= bound_ns); /* or it has. */
        }
        assert_true(bound_ns >= (uint64_t)llabs(rows[i].step_ns));
    }
}

static void a_step_shows_between_two_samples_alone(void **state)
{
    (void)state;
    add(0, 0, 30);
    add(1, -2000, 30);
    assert_int_equal(utc_error_bound_ns(&utc), 2030);
}

/* UTC that stands still or goes back: still an answer near the samples. */
static void a_clock_set_back_by_an_hour(void **state)
{
    (void)state;
    add(0, 0, 30);
    add(1, 0, 30);
    add(2, -3600 * NS_PER_S, 30);
    add(3, -3600 * NS_PER_S, 30);
    assert_true(utc_from_run(&utc, 3 * NS_PER_S) == UTC_START - 3597 * NS_PER_S);
    assert_true(utc_error_bound_ns(&utc) >= 3600 * (uint64_t)NS_PER_S);
}

/* meta.json of another machine can say anything: from one end of time to the other, and beyond. */
static void samples_of_a_file_can_be_anything(void **state)
{
    (void)state;
    assert_true(utc_add(&utc, (struct utc_sample){.run_ns = 0, .utc_ns = INT64_MIN + 1}));
    assert_true(utc_add(&utc, (struct utc_sample){.run_ns = 1000, .utc_ns = INT64_MAX}));
    assert_true(utc_from_run(&utc, 500) == 0);
    assert_true(utc_from_run(&utc, INT64_MAX) == INT64_MAX);
}

/* Every second sample goes; what only a dropped one showed stays in the bound. */
static void a_full_table_thins_itself(void **state)
{
    (void)state;
    utc.spacing_ns = NS_PER_S;
    for (int i = 0; i < UTC_SAMPLES; i++)
        add(i, i == 1001 ? 8000 : 0, 40);
    uint64_t before_ns = utc_error_bound_ns(&utc);
    assert_true(before_ns >= 8000);
    add(UTC_SAMPLES, 0, 40);
    assert_int_equal(utc.count, UTC_SAMPLES / 2 + 1);
    assert_true(utc.spacing_ns == 2 * NS_PER_S);
    assert_true(utc_error_bound_ns(&utc) == before_ns);
    for (int i = 0; i < UTC_SAMPLES; i += 97)
        assert_true(utc_from_run(&utc, (uint64_t)(i * NS_PER_S)) == UTC_START + i * NS_PER_S);
    for (unsigned i = 1; i < utc.count; i++)
        assert_true(utc.samples[i].run_ns > utc.samples[i - 1].run_ns);
}

static void samples_of_the_system(void **state)
{
    struct clock clock;

    (void)state;
    (void)clock_start(&clock, 1000000);
    utc_sample_now(&utc, &clock);
    assert_int_equal(utc.count, 1);
    assert_true(utc.samples[0].utc_ns > INT64_C(1600000000) * NS_PER_S);
    assert_true(utc.samples[0].run_ns <= clock_now_ns(&clock));
    utc.spacing_ns = 3600 * NS_PER_S;
    utc_sample_now(&utc, &clock);
    assert_int_equal(utc.count, 1);
    utc.spacing_ns = 0;
    utc_sample_now(&utc, &clock);
    assert_int_equal(utc.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_sample_has_slope_one, clear),
        cmocka_unit_test_setup(interpolates_between_and_extrapolates_by_the_nearest_pair, clear),
        cmocka_unit_test_setup(samples_must_rise, clear),
        cmocka_unit_test_setup(a_steady_clock_has_the_brackets_bound, clear),
        cmocka_unit_test_setup(a_step_shows_in_the_bound, clear),
        cmocka_unit_test_setup(a_step_shows_between_two_samples_alone, clear),
        cmocka_unit_test_setup(a_clock_set_back_by_an_hour, clear),
        cmocka_unit_test_setup(samples_of_a_file_can_be_anything, clear),
        cmocka_unit_test_setup(a_full_table_thins_itself, clear),
        cmocka_unit_test_setup(samples_of_the_system, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
