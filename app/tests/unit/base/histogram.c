#include "base/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "base/random.h"

enum {
    VALUES = 5000
};

static struct histogram histogram, other;

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void empty(void **state)
{
    (void)state;
    histogram_clear(&histogram);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    assert_true(histogram_mean(&histogram) == 0);
    assert_true(histogram_stdev(&histogram) == 0);
    assert_true(histogram.min_ns == UINT64_MAX);
}

/* A single value, at every edge of a bucket: exact below 256; at most 1/128 above it, never below,
 * when a larger one keeps max_ns from cutting it off. */
static void one_value_error_bound(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 40; bits++) {
        for (int off = -1; off <= 1; off++) {
            uint64_t value = (UINT64_C(1) << bits) + (uint64_t)off;
            uint64_t parts = value + (value >> 7) / 2;

            for (unsigned k = 0; k < 2; k++, value = parts) {
                histogram_clear(&histogram);
                histogram_add(&histogram, value);
                assert_true(histogram_quantile(&histogram, 1) == value); /* By max_ns. */
                histogram_add(&histogram, HISTOGRAM_MAX_NS);
                uint64_t reported = histogram_quantile(&histogram, 0.5);
                assert_true(reported >= value);
                assert_true(reported - value <= value / 128);
                if (value < 256)
                    assert_true(reported == value);
            }
        }
    }
}

static void quantiles_against_sorted_values(void **state)
{
    static const double fractions[] = {0, 0.001, 0.07, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
    static uint64_t values[VALUES];
    struct random random;

    (void)state;
    histogram_clear(&histogram);
    random_seed(&random, 7);
    for (unsigned i = 0; i < VALUES; i++) {
        values[i] = random_below(&random, UINT64_C(1) << (1 + random_below(&random, 39)));
        histogram_add(&histogram, values[i]);
    }
    qsort(values, VALUES, sizeof(values[0]), compare);
    for (size_t i = 0; i < sizeof(fractions) / sizeof(fractions[0]); i++) {
        unsigned rank = (unsigned)lround(fractions[i] * VALUES); /* All are whole. */
        uint64_t exact = values[rank == 0 ? 0 : rank - 1];
        uint64_t reported = histogram_quantile(&histogram, fractions[i]);

        assert_true(reported >= exact);
        assert_true(reported - exact <= exact / 128);
    }
    assert_true(histogram.min_ns == values[0]);
    assert_true(histogram.max_ns == values[VALUES - 1]);
}

/* 0.07 * 100 is above 7 in a double; the seventh of 100 values is still the answer. */
static void fractions_that_are_not_exact(void **state)
{
    (void)state;
    histogram_clear(&histogram);
    for (unsigned i = 1; i <= 100; i++)
        histogram_add(&histogram, i);
    for (unsigned i = 1; i <= 100; i++)
        assert_int_equal(histogram_quantile(&histogram, i / 100.0), i);
    assert_int_equal(histogram_quantile(&histogram, 0.071), 8);
}

static void values_over_the_maximum(void **state)
{
    (void)state;
    histogram_clear(&histogram);
    histogram_add(&histogram, 5);
    histogram_add(&histogram, HISTOGRAM_MAX_NS);
    assert_int_equal(histogram.clipped, 0);
    histogram_add(&histogram, HISTOGRAM_MAX_NS + 1);
    histogram_add(&histogram, UINT64_C(1) << 50);
    assert_int_equal(histogram.clipped, 2);
    assert_int_equal(histogram.count, 4);
    assert_int_equal(histogram_quantile(&histogram, 0.25), 5);
    assert_true(histogram_quantile(&histogram, 1) == UINT64_C(1) << 50);
}

static void merge_is_recording_both(void **state)
{
    static struct histogram both;

    (void)state;
    histogram_clear(&histogram);
    histogram_clear(&other);
    histogram_clear(&both);
    for (uint64_t i = 1; i < 3000; i++) {
        histogram_add(i % 3 == 0 ? &histogram : &other, i * i * i);
        histogram_add(&both, i * i * i);
    }
    histogram_merge(&histogram, &other);
    assert_memory_equal(&histogram, &both, sizeof(both));
    histogram_clear(&other);
    histogram_merge(&histogram, &other); /* Nothing changes, not even the minimum. */
    assert_memory_equal(&histogram, &both, sizeof(both));
    histogram_merge(&other, &histogram);
    assert_memory_equal(&other, &both, sizeof(both));
}

/* A bucket that is full stays full: it must not begin at 0 again. */
static void buckets_saturate(void **state)
{
    (void)state;
    histogram_clear(&histogram);
    histogram_clear(&other);
    histogram.buckets[10] = UINT32_MAX;
    histogram.count = UINT32_MAX;
    histogram_add(&histogram, 10);
    assert_true(histogram.buckets[10] == UINT32_MAX);
    assert_true(histogram.count == UINT64_C(1) << 32);
    histogram_add(&other, 10);
    histogram_merge(&other, &histogram);
    assert_true(other.buckets[10] == UINT32_MAX);
}

/* 2, 4, 4, 4, 5, 5, 7, 9: mean 5, standard deviation of the whole 2. */
static void mean_and_deviation(void **state)
{
    static const uint64_t values[] = {2, 4, 4, 4, 5, 5, 7, 9};

    (void)state;
    histogram_clear(&histogram);
    for (size_t i = 0; i < 8; i++)
        histogram_add(&histogram, values[i]);
    assert_true(histogram_mean(&histogram) == 5);
    assert_true(histogram_stdev(&histogram) == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(one_value_error_bound),
        cmocka_unit_test(quantiles_against_sorted_values),
        cmocka_unit_test(fractions_that_are_not_exact),
        cmocka_unit_test(values_over_the_maximum),
        cmocka_unit_test(merge_is_recording_both),
        cmocka_unit_test(buckets_saturate),
        cmocka_unit_test(mean_and_deviation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
