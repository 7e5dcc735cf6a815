/* The statistics against what their sources and tables print. */
#include "analyze/significance.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

static void assert_near(double value, double wanted, double error)
{
    if (!(fabs(value - wanted) <= error))
        fail_msg("%.9g is not %.9g", value, wanted);
}

static void normal_quantiles_are_the_tables(void **state)
{
    (void)state;
    assert_near(significance_normal_quantile(0.975), 1.959963985, 1e-8);
    assert_near(significance_normal_quantile(0.5), 0, 1e-8);
    assert_near(significance_normal_quantile(0.001), -3.090232306, 1e-8);
}

/* R. G. Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3. */
static void shares_have_wilsons_interval(void **state)
{
    static const struct {
        struct share share;
        struct limits wanted;
    } rows[] = {
        {{81, 263}, {0.2553, 0.3662}},
        {{15, 148}, {0.0624, 0.1605}},
        {{0, 20}, {0, 0.1611}},
        {{1, 29}, {0.0061, 0.1718}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct limits limits = significance_share(rows[i].share, 0.95);
        assert_near(limits.low, rows[i].wanted.low, 5.1e-5);
        assert_near(limits.high, rows[i].wanted.high, 5.1e-5);
    }
    struct limits nothing = significance_share((struct share){0, 0}, 0.95);
    assert_near(nothing.high - nothing.low, 1, 0);
}

/* R. G. Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10. */
static void differences_have_newcombes_interval(void **state)
{
    static const struct {
        struct share next, base;
        struct limits wanted;
    } rows[] = {
        {{56, 70}, {48, 80}, {0.0524, 0.3339}}, {{9, 10}, {3, 10}, {0.1705, 0.8090}},
        {{6, 7}, {2, 7}, {0.0582, 0.8062}},     {{5, 56}, {0, 29}, {-0.0381, 0.1926}},
        {{0, 10}, {0, 20}, {-0.1611, 0.2775}},  {{10, 10}, {0, 10}, {0.6075, 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct share base = rows[i].base, next = rows[i].next;
        struct limits limits = significance_difference(
            (double)base.hits / (double)base.trials, significance_share(base, 0.95),
            (double)next.hits / (double)next.trials, significance_share(next, 0.95));
        assert_near(limits.low, rows[i].wanted.low, 5.1e-5);
        assert_near(limits.high, rows[i].wanted.high, 5.1e-5);
    }
}

static void fishers_own_examples(void **state)
{
    (void)state;
    /* The lady tasting tea: 34 of 70. */
    assert_near(significance_fisher((struct share){3, 4}, (struct share){1, 4}), 34.0 / 70, 1e-9);
    /* Convictions of like-sex twins. */
    assert_near(significance_fisher((struct share){10, 13}, (struct share){2, 17}), 0.0005367,
                5e-8);
    assert_near(significance_fisher((struct share){0, 10}, (struct share){0, 10}), 1, 0);
    assert_near(significance_fisher((struct share){3, 3}, (struct share){0, 0}), 1, 0);
    /* Millions of requests: 2 / 2^20 of a single table at the far end. */
    assert_near(significance_fisher((struct share){0, 3000000}, (struct share){20, 3000000}),
                2 * pow(0.5, 20), 1e-10);
}

/* Hollander and Wolfe, Nonparametric Statistical Methods: permeability of chorioamnion. */
static const double term[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
static const double early[] = {1.15, 0.88, 0.90, 0.74, 1.21};

static void rank_sums_are_the_tables(void **state)
{
    static const double low[] = {1, 2, 3, 4, 5}, mixed[] = {2.5, 4.5, 6, 7, 8};
    double superiority;
    (void)state;
    assert_near(significance_rank_sum(early, 5, term, 10, &superiority), 0.2544, 5e-5);
    assert_near(superiority, 35.0 / 50, 1e-12);
    /* U = 4 of 5 and 5: 24 of 252 (Mann and Whitney, 1947). */
    assert_near(significance_rank_sum(low, 5, mixed, 5, &superiority), 24.0 / 252, 1e-12);
    assert_near(superiority, 1 - 4.0 / 25, 1e-12);
    assert_near(significance_least_p(5, 5), 2.0 / 252, 1e-12);
    assert_near(significance_least_p(4, 4), 2.0 / 70, 1e-12);
    assert_near(significance_rank_sum(low, 5, low, 0, &superiority), 1, 0);
}

/* With ties: all ways to choose, one by one. */
static void rank_sums_with_ties_are_exact(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 7);
    for (unsigned turn = 0; turn < 50; turn++) {
        double values[9], superiority, u_seen = 0, far = 0, all = 0;
        for (unsigned i = 0; i < 9; i++)
            values[i] = (double)random_below(&random, 5);
        for (unsigned ways = 0; ways < 1 << 9; ways++) {
            double u = 0;
            if (__builtin_popcount(ways) != 4 && ways != 0)
                continue;
            unsigned chosen = ways == 0 ? 15 : ways; /* First the one that was seen. */
            for (unsigned i = 0; i < 9; i++)
                for (unsigned k = 0; k < 9; k++)
                    if ((chosen >> i & 1) && !(chosen >> k & 1))
                        u += values[i] > values[k] ? 1 : values[i] < values[k] ? 0 : 0.5;
            if (ways == 0) {
                u_seen = fabs(u - 10);
                continue;
            }
            all++;
            far += fabs(u - 10) >= u_seen;
        }
        assert_near(significance_rank_sum(values, 4, values + 4, 5, &superiority), far / all,
                    1e-12);
    }
}

/* Where the exact distribution ends, the approximation goes on. */
static void many_runs_are_approximated(void **state)
{
    double base[31], next[31], exact, near, superiority;
    (void)state;
    for (unsigned i = 0; i < 31; i++) {
        base[i] = i;
        next[i] = i + 6.5;
    }
    exact = significance_rank_sum(base, 30, next, 30, &superiority);
    base[30] = 17.75; /* In the middle of all: it tells nothing. */
    near = significance_rank_sum(base, 31, next, 30, &superiority);
    assert_in_range((unsigned)(1e6 * exact), 1000, 100000);
    assert_near(near, exact, 0.2 * exact);
    assert_near(significance_rank_sum(base, 31, base, 31, &superiority), 1, 1e-9);
}

static void shifts_are_the_tables(void **state)
{
    double shift;
    struct limits limits;
    (void)state;
    assert_int_equal(significance_shift(early, 5, term, 10, 0.95, &shift, &limits), 0);
    assert_near(shift, 0.305, 1e-9);
    assert_near(limits.low, -0.15, 1e-9);
    assert_near(limits.high, 0.76, 1e-9);
}

/* The classic table of order statistics around a median. */
static void medians_have_binomial_intervals(void **state)
{
    static const struct {
        size_t count, low, high;
        double coverage;
    } rows[] = {{1, 1, 1, 0},         {5, 1, 5, 0.9375},   {6, 1, 6, 0.96875},
                {8, 1, 8, 0.992188},  {9, 2, 8, 0.960938}, {10, 2, 9, 0.978516},
                {20, 6, 15, 0.958611}};
    double values[20], median;
    struct limits limits;
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        values[i] = i + 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double coverage = significance_median(values, rows[i].count, 0.95, &median, &limits);
        assert_near(coverage, rows[i].coverage, 1e-6);
        assert_near(limits.low, (double)rows[i].low, 0);
        assert_near(limits.high, (double)rows[i].high, 0);
        assert_near(median, ((double)rows[i].count + 1) / 2, 0);
    }
}

static void holm_steps_down(void **state)
{
    double p[] = {0.01, 0.04, 0.03, 0.005, 0.9};
    static const double wanted[] = {0.04, 0.09, 0.09, 0.025, 0.9};
    (void)state;
    assert_int_equal(significance_holm(p, 5), 0);
    for (unsigned i = 0; i < 5; i++)
        assert_near(p[i], wanted[i], 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_quantiles_are_the_tables),
        cmocka_unit_test(shares_have_wilsons_interval),
        cmocka_unit_test(differences_have_newcombes_interval),
        cmocka_unit_test(fishers_own_examples),
        cmocka_unit_test(rank_sums_are_the_tables),
        cmocka_unit_test(rank_sums_with_ties_are_exact),
        cmocka_unit_test(many_runs_are_approximated),
        cmocka_unit_test(shifts_are_the_tables),
        cmocka_unit_test(medians_have_binomial_intervals),
        cmocka_unit_test(holm_steps_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
