/* Due times are the integral of the rate turned around: to the ns, for any pieces. */
#include "traffic/law.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)
#define ONE (UINT64_C(1) << LAW_POSITION_BITS)

/* The k-th request of a law, by steps of one. */
static uint64_t nth(const struct law *law, uint64_t k)
{
    struct law_cursor cursor;
    law_start(&cursor, law);
    uint64_t due_ns = law_advance(&cursor, 0);
    for (uint64_t i = 0; i < k; i++)
        due_ns = law_advance(&cursor, ONE);
    return due_ns;
}

/* Requests 0, 1, 2, ... that are due before AT_NS. */
static uint64_t dues_before(const struct law *law, uint64_t at_ns)
{
    struct law_cursor cursor;
    uint64_t count = 0;
    law_start(&cursor, law);
    for (uint64_t due_ns = law_advance(&cursor, 0); due_ns < at_ns;
         due_ns = law_advance(&cursor, ONE))
        count++;
    return count;
}

struct exact_row {
    uint64_t count, period_ns, k, due_ns;
};

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
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct law law = law_constant(rows[i].count, rows[i].period_ns);
        assert_int_equal(law_check(&law, NULL), 0);
        assert_int_equal(nth(&law, rows[i].k), rows[i].due_ns);
    }
}

/* 0 to 1000/s in 10 s: N(t) = 50 t^2, 5000 requests, the k-th at sqrt(k / 50) s, rounded down. */
static void ramp_is_its_integral(void **state)
{
    struct law law = law_ramp(0, 1000, S, 10 * S);
    struct law_cursor cursor;
    (void)state;
    assert_int_equal(law_check(&law, NULL), 0);
    law_start(&cursor, &law);
    for (uint64_t k = 0; k < 5000; k++) {
        uint64_t due_ns = law_advance(&cursor, k == 0 ? 0 : ONE);
        wide_uint whole = (wide_uint)k * S * S;
        assert_true((wide_uint)50 * due_ns * due_ns <= whole);
        assert_true((wide_uint)50 * (due_ns + 1) * (due_ns + 1) > whole);
    }
    assert_int_equal(law_advance(&cursor, ONE), 10 * S);
    assert_int_equal(law_advance(&cursor, ONE), 10 * S + MS);
    assert_int_equal(dues_before(&law, 10 * S), 5000);
    assert_int_equal(dues_before(&law, 20 * S), 15000);
}

/* 300/s down to 100/s in 4 s are 800; the same 800 the other way round, mirrored in time. */
static void ramp_down_mirrors_ramp_up(void **state)
{
    struct law down = law_ramp(300, 100, S, 4 * S), up = law_ramp(100, 300, S, 4 * S);
    (void)state;
    assert_int_equal(dues_before(&down, 4 * S), 800);
    assert_int_equal(dues_before(&up, 4 * S), 800);
    for (uint64_t k = 1; k < 800; k++) {
        uint64_t sum = nth(&down, k) + nth(&up, 800 - k);
        assert_in_range(sum, 4 * S - 1, 4 * S); /* Both are rounded down. */
    }
}

/* To 0: the last request of a ramp down, and nothing for ever. */
static void ramp_to_nothing_ends(void **state)
{
    struct law law = law_ramp(10, 0, S, 2 * S);
    struct law_cursor cursor;
    (void)state;
    assert_int_equal(law_check(&law, NULL), 0);
    law_start(&cursor, &law);
    assert_int_equal(law_advance(&cursor, 0), 0);
    /* N(t) = 10 t - 2.5 t^2 = 9 at 2 - sqrt(0.4) s. */
    assert_int_equal(law_advance(&cursor, 9 * ONE), 1367544467);
    assert_int_equal(law_advance(&cursor, ONE), UINT64_MAX);
    assert_int_equal(law_advance(&cursor, ONE), UINT64_MAX);
}

/* 10 in the first second, none in the next, then 1000/s. */
static void steps_change_at_once(void **state)
{
    struct law law = {.period_ns = S};
    (void)state;
    assert_true(law_add(&law, S, 10, 10));
    assert_true(law_add(&law, S, 0, 0));
    assert_true(law_add(&law, LAW_FOR_EVER, 1000, 1000));
    assert_int_equal(law_check(&law, NULL), 0);
    assert_int_equal(nth(&law, 9), 900 * MS);
    assert_int_equal(nth(&law, 10), 2 * S);
    assert_int_equal(nth(&law, 11), 2 * S + MS);
    assert_int_equal(dues_before(&law, 2 * S), 10);
    assert_int_equal(dues_before(&law, 3 * S), 1010);
}

/* Half an interval that a piece leaves open is made up in the next: 2.5 requests, then 100/s. */
static void a_fraction_goes_over_the_border(void **state)
{
    struct law law = {.period_ns = S};
    (void)state;
    law_add(&law, S, 5, 0); /* 2.5 in it, by 5 t - 2.5 t^2. */
    law_add(&law, LAW_FOR_EVER, 100, 100);
    assert_int_equal(nth(&law, 2), 552786404); /* 1 - sqrt(0.2) s. */
    assert_int_equal(nth(&law, 3), 1005 * MS);
    assert_int_equal(nth(&law, 4), 1015 * MS);
}

/* The count of each cycle is exact, and at every due time the sine's own integral is no further
 * from it than 0.05 % of the amplitude's. */
static void sine_keeps_to_its_bound(void **state)
{
    const double mean = 1000, amplitude = 800, cycle_s = 6, turn = 2 * 3.14159265358979323846;
    struct law law = law_sine(1000, 800, S, 6 * S);
    struct law_cursor cursor;
    (void)state;
    assert_int_equal(law_check(&law, NULL), 0);
    for (uint64_t cycle = 1; cycle <= 5; cycle++)
        assert_int_equal(dues_before(&law, cycle * 6 * S), cycle * 6000);
    law_start(&cursor, &law);
    for (unsigned k = 1; k < 18000; k++) {
        double t = (double)law_advance(&cursor, ONE) / 1e9;
        double n = mean * t + amplitude * cycle_s / turn * (1 - cos(turn * t / cycle_s));
        assert_true(fabs(n - k) < 0.0005 * amplitude * cycle_s + 0.01);
    }
}

/* Any pieces, any steps: N at the due time is no more than the position, N one ns later is. */
static void any_law_is_exact_within_a_piece(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 1);
    for (unsigned run = 0; run < 2000; run++) {
        uint64_t over = 1 + random_below(&random, 1000 * S);
        uint64_t from = random_below(&random, 1000000), to = random_below(&random, 1000000);
        uint64_t period = 1 + random_below(&random, 10 * S);
        struct law law = {.period_ns = period};
        struct law_cursor cursor;
        wide_uint position = 0, twice = (wide_uint)2 * over * period;
        law_add(&law, over, from, to);
        law_add(&law, LAW_FOR_EVER, to, to);
        law_start(&cursor, &law);
        for (unsigned i = 0; i < 50; i++) {
            uint64_t step = random_below(&random, 4 * ONE), t;
            wide_int slope = (wide_int)to - (wide_int)from, now, later;
            position += step;
            t = law_advance(&cursor, step);
            if (t >= over)
                break;
            now = (wide_int)t * ((wide_int)2 * over * from + slope * t);
            later = (wide_int)(t + 1) * ((wide_int)2 * over * from + slope * (t + 1));
            assert_true((wide_uint)now << LAW_POSITION_BITS <= position * twice);
            assert_true((wide_uint)later << LAW_POSITION_BITS > position * twice);
        }
    }
}

/* One large step is many small ones. */
static void steps_add_up(void **state)
{
    struct law law = law_sine(777, 333, S, 3 * S);
    struct law_cursor one, many;
    uint64_t due_ns = 0;
    (void)state;
    law_start(&one, &law);
    law_start(&many, &law);
    for (unsigned i = 0; i < 1000; i++)
        due_ns = law_advance(&many, ONE / 4 * 3);
    assert_int_equal(law_advance(&one, ONE / 4 * 3 * 1000), due_ns);
}

/* A due in ten years, one request a ns, and the steepest slopes over the longest time. */
static void large_numbers_do_not_wrap(void **state)
{
    struct law slow = law_constant(1, 3600 * S), fast = law_constant(S, S);
    struct law up = law_ramp(1, 1000000007, S, LAW_PIECE_MAX_NS);
    struct law down = law_ramp(1000000007, 1, S, LAW_PIECE_MAX_NS);
    struct law_cursor cursor;
    (void)state;
    assert_int_equal(law_check(&slow, NULL), 0);
    assert_int_equal(law_check(&fast, NULL), 0);
    assert_int_equal(law_check(&up, NULL), 0);
    assert_int_equal(law_check(&down, NULL), 0);
    law_start(&cursor, &slow);
    assert_int_equal(law_advance(&cursor, 87600 * ONE), UINT64_C(87600) * 3600 * S);
    law_start(&cursor, &fast);
    assert_int_equal(law_advance(&cursor, 4000000 * ONE), 4000000);
    assert_int_equal(law_advance(&cursor, ONE), 4000001);
    /* Worked out apart, by bisection in integers of any size. */
    law_start(&cursor, &up);
    assert_int_equal(law_advance(&cursor, 4000000 * ONE), 18590276806);
    law_start(&cursor, &down);
    assert_int_equal(law_advance(&cursor, 40000000 * ONE), 40000018);
}

struct bad_row {
    const char *what;
    struct law law;
    const char *part; /* Of the message. */
};

static void what_cannot_be_paced_is_refused(void **state)
{
    struct bad_row rows[] = {
        {"no piece", {.period_ns = S}, "pieces"},
        {"rate 0", law_constant(0, S), "0 throughout"},
        {"no end", law_ramp(1, 2, S, 2 * S), "for ever"},
        {"a long slope", law_ramp(1, 2, S, LAW_PIECE_MAX_NS + 1), "12 h"},
        {"too exact", law_ramp(4503599627370495, 1, 99999999977, LAW_PIECE_MAX_NS), "digits"},
        {"a slow cycle", law_sine(1, 1, 10 * S, S), "request a cycle"},
        {"a large burst", law_burst(LAW_BURST_MAX + 1, S), "burst"},
    };
    (void)state;
    rows[2].law.count = 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = {0};
        assert_int_not_equal(law_check(&rows[i].law, &err), 0);
        if (strstr(err.text, rows[i].part) == NULL)
            fail_msg("%s: \"%s\"", rows[i].what, err.text);
    }
}

static void most_bounds_what_is_due(void **state)
{
    struct law even = law_constant(100, S), burst = law_burst(50, S);
    struct law ramp = law_ramp(0, 1000, S, 10 * S), maximum = law_maximum();
    (void)state;
    assert_int_equal(law_most(&even, 2 * S), 201);
    assert_int_equal(law_most(&burst, 100 * MS), 100);
    assert_int_equal(law_peak(&ramp, S), 1000);
    assert_int_equal(law_peak(&maximum, 1), UINT64_MAX);
    assert_int_equal(law_most(&maximum, 1), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_rates_do_not_drift),
        cmocka_unit_test(ramp_is_its_integral),
        cmocka_unit_test(ramp_down_mirrors_ramp_up),
        cmocka_unit_test(ramp_to_nothing_ends),
        cmocka_unit_test(steps_change_at_once),
        cmocka_unit_test(a_fraction_goes_over_the_border),
        cmocka_unit_test(sine_keeps_to_its_bound),
        cmocka_unit_test(any_law_is_exact_within_a_piece),
        cmocka_unit_test(steps_add_up),
        cmocka_unit_test(large_numbers_do_not_wrap),
        cmocka_unit_test(what_cannot_be_paced_is_refused),
        cmocka_unit_test(most_bounds_what_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
