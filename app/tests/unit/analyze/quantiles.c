/* Nearest-rank quantiles: always a value that occurred. */
#include "analyze/quantiles.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void of_a_hundred(void **state)
{
    struct values values = {0};
    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        values_add(&values, 100 - i); /* Falling: it is sorted there. */
    struct result_quantiles quantiles = values_quantiles(&values);
    assert_int_equal(quantiles.count, 100);
    assert_int_equal(quantiles.min_ns, 1);
    assert_int_equal(quantiles.p50_ns, 50);
    assert_int_equal(quantiles.p90_ns, 90);
    assert_int_equal(quantiles.p95_ns, 95);
    assert_int_equal(quantiles.p99_ns, 99);
    assert_int_equal(quantiles.p999_ns, 100);
    assert_int_equal(quantiles.max_ns, 100);
    assert_true(quantiles.mean_ns == 50.5);
    assert_int_equal(values_at(&values, 0), 1);
    assert_int_equal(values_at(&values, 1), 100);
    values_free(&values);
}

static void of_one_and_of_none(void **state)
{
    struct values values = {0};
    (void)state;
    struct result_quantiles quantiles = values_quantiles(&values);
    assert_int_equal(quantiles.count, 0);
    assert_int_equal(quantiles.max_ns, 0);
    assert_int_equal(values_at(&values, 0.5), 0);
    values_add(&values, 7);
    quantiles = values_quantiles(&values);
    assert_int_equal(quantiles.p50_ns, 7);
    assert_int_equal(quantiles.p999_ns, 7);
    values_free(&values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_hundred),
        cmocka_unit_test(of_one_and_of_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
