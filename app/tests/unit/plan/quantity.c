#include "plan/quantity.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void durations_parse(void **state)
{
    static const struct {
        const char *text;
        int result;
        int64_t ns;
    } rows[] = {
        {"6s", 0, 6000000000},
        {"500ms", 0, 500000000},
        {"1.5s", 0, 1500000000},
        {"5m", 0, 300000000000},
        {"1m30s", 0, 90000000000},
        {"2h", 0, 7200000000000},
        {"0.25us", 0, 250},
        {"7ns", 0, 7},
        {"0s", 0, 0},
        {"0.1ns", -ERANGE, 0},         /* Finer than a nanosecond. */
        {"0.0000000001s", -ERANGE, 0}, /* Ten decimals. */
        {"9223372036s", 0, 9223372036000000000},
        {"9223372037s", -ERANGE, 0}, /* Over 2^63 - 1 ns. */
        {"9223372036s9223372036s", -ERANGE, 0},
        {"9999999999999999999s", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"6", -EINVAL, 0},
        {"s", -EINVAL, 0},
        {"6 s", -EINVAL, 0},
        {"-6s", -EINVAL, 0},
        {"6sec", -EINVAL, 0},
        {"1.s", -EINVAL, 0},
        {".5s", -EINVAL, 0},
        {"1e3s", -EINVAL, 0},
        {"6s ", -EINVAL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int64_t ns = -77;
        int result = quantity_parse_duration(rows[i].text, &ns);
        if (result != rows[i].result || ns != (result == 0 ? rows[i].ns : -77))
            fail_msg("%s: %d, %lld ns", rows[i].text, result, (long long)ns);
    }
}

static void rates_parse(void **state)
{
    static const struct {
        const char *text;
        int result;
        double per_s;
    } rows[] = {
        {"400/s", 0, 400},    {"10k/s", 0, 10000},    {"1.5M/s", 0, 1.5e6},  {"30/m", 0, 0.5},
        {"30/min", 0, 0.5},   {"1/h", 0, 1.0 / 3600}, {"0.5/s", 0, 0.5},     {"400", -EINVAL, 0},
        {"/s", -EINVAL, 0},   {"400 /s", -EINVAL, 0}, {"400/d", -EINVAL, 0}, {"-1/s", -EINVAL, 0},
        {"4K/s", -EINVAL, 0}, {"inf/s", -EINVAL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        double per_s = -77;
        int result = quantity_parse_rate(rows[i].text, &per_s);
        if (result != rows[i].result || (result == 0 && per_s != rows[i].per_s))
            fail_msg("%s: %d, %g", rows[i].text, result, per_s);
    }
}

static void sizes_parse(void **state)
{
    static const struct {
        const char *text;
        int result;
        uint64_t bytes;
    } rows[] = {
        {"1024", 0, 1024},     {"1024B", 0, 1024},   {"64KiB", 0, 65536},
        {"2MB", 0, 2000000},   {"1GiB", 0, 1 << 30}, {"1.5KiB", -EINVAL, 0},
        {"64kib", -EINVAL, 0}, {"", -EINVAL, 0},     {"999999999999999999GiB", -ERANGE, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint64_t bytes = 0;
        int result = quantity_parse_size(rows[i].text, &bytes);
        if (result != rows[i].result || bytes != rows[i].bytes)
            fail_msg("%s: %d, %llu", rows[i].text, result, (unsigned long long)bytes);
    }
}

static void what_is_printed_reads_well(void **state)
{
    char text[QUANTITY_TEXT_BYTES];

    (void)state;
    assert_string_equal(quantity_duration_text(0, text), "0s");
    assert_string_equal(quantity_duration_text(7, text), "7ns");
    assert_string_equal(quantity_duration_text(1500, text), "1500ns");
    assert_string_equal(quantity_duration_text(500000000, text), "500ms");
    assert_string_equal(quantity_duration_text(1500000000, text), "1.5s");
    assert_string_equal(quantity_duration_text(90000000000, text), "90s");
    assert_string_equal(quantity_duration_text(300000000000, text), "5m");
    assert_string_equal(quantity_rate_text(400, text), "400/s");
    assert_string_equal(quantity_rate_text(10000, text), "10k/s");
    assert_string_equal(quantity_rate_text(0.5, text), "30/m");
    assert_string_equal(quantity_size_text(65536, text), "64KiB");
    assert_string_equal(quantity_size_text(1000, text), "1000B");
}

static void what_is_printed_parses_back(void **state)
{
    char text[QUANTITY_TEXT_BYTES];
    uint64_t x = 88172645463325252;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        int64_t ns = -1, in_ns;
        double rate = -1, in_rate;
        uint64_t size = 0;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        in_ns = (int64_t)(x >> (1 + i % 63));
        assert_int_equal(quantity_parse_duration(quantity_duration_text(in_ns, text), &ns), 0);
        assert_int_equal(ns, in_ns);
        in_rate = (double)(1 + (x >> 45)) / (double)(1 << (i % 4));
        assert_int_equal(quantity_parse_rate(quantity_rate_text(in_rate, text), &rate), 0);
        if (rate != in_rate)
            fail_msg("%s is %.17g, was %.17g", text, rate, in_rate);
        x += (uint64_t)i;
        assert_int_equal(quantity_parse_size(quantity_size_text(x >> 5, text), &size), 0);
        assert_true(size == x >> 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_parse),
        cmocka_unit_test(rates_parse),
        cmocka_unit_test(sizes_parse),
        cmocka_unit_test(what_is_printed_reads_well),
        cmocka_unit_test(what_is_printed_parses_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
