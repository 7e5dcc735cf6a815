#include "report/print.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/escape.h"

void print_time(struct text *out, uint64_t run_ns)
{
    uint64_t run_us = (run_ns + 500) / 1000;
    text_addf(out, "%" PRIu64 ".%06" PRIu64, run_us / 1000000, run_us % 1000000);
}

/* Four digits: as many after the point as the ones before it leave. */
static void add_scaled(struct text *out, double value, const char *unit)
{
    int decimals = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3;
    char digits[40];
    snprintf(digits, sizeof(digits), "%.*f", decimals, value);
    if (decimals > 0) {
        size_t end = strlen(digits);
        while (end > 0 && digits[end - 1] == '0')
            digits[--end] = '\0';
        if (end > 0 && digits[end - 1] == '.')
            digits[end - 1] = '\0';
    }
    text_addf(out, "%s %s", digits, unit);
}

void print_span(struct text *out, uint64_t span_ns)
{
    double ns = (double)span_ns;
    if (span_ns < 1000)
        text_addf(out, "%" PRIu64 " ns", span_ns);
    else if (ns < 999.95e3)
        add_scaled(out, ns / 1e3, "us");
    else if (ns < 999.95e6)
        add_scaled(out, ns / 1e6, "ms");
    else
        add_scaled(out, ns / 1e9, "s");
}

void print_share(struct text *out, uint64_t part, uint64_t whole)
{
    if (whole == 0)
        text_add(out, "-");
    else
        text_addf(out, "%.3g %%", 100 * (double)part / (double)whole);
}

void print_quantiles(struct text *out, const struct result_quantiles *quantiles)
{
    if (quantiles->count == 0) {
        text_add(out, "none");
        return;
    }
    text_add(out, "p50 ");
    print_span(out, quantiles->p50_ns);
    text_add(out, ", p90 ");
    print_span(out, quantiles->p90_ns);
    text_add(out, ", p99 ");
    print_span(out, quantiles->p99_ns);
    text_add(out, ", max ");
    print_span(out, quantiles->max_ns);
}

void print_count(struct text *out, uint64_t count, const char *one, const char *many)
{
    text_addf(out, "%" PRIu64 " %s", count, count == 1 ? one : many);
}

/* The fewest digits that read back as VALUE; returns its decimal exponent. */
static int shortest(double value, char digits[40], int *count)
{
    for (*count = 1; *count < 17; ++*count) {
        snprintf(digits, 40, "%.*e", *count - 1, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    snprintf(digits, 40, "%.*e", *count - 1, value);
    return atoi(strchr(digits, 'e') + 1);
}

static void add_go_float(struct text *out, double value, int least, int most)
{
    char digits[40];
    int count;
    if (!isfinite(value) || value == 0) {
        text_add(out, "0");
        return;
    }
    int exponent = shortest(value, digits, &count);
    if (exponent < least || exponent >= most)
        text_add(out, digits);
    else
        text_addf(out, "%.*f", count - 1 > exponent ? count - 1 - exponent : 0, value);
}

void print_go_float(struct text *out, double value)
{
    add_go_float(out, value, -4, 6);
}

void print_go_json_float(struct text *out, double value)
{
    add_go_float(out, value, -6, 21);
}

void print_go_json_string(struct text *out, const char *string)
{
    struct text whole = {0};
    text_add(out, "\"");
    escape_utf8(&whole, string);
    for (const unsigned char *at = (const unsigned char *)text_str(&whole); *at; at++) {
        if (*at == '"' || *at == '\\')
            text_addf(out, "\\%c", *at);
        else if (*at < ' ' || *at == '<' || *at == '>' || *at == '&')
            text_addf(out, "\\u%04x", *at);
        else
            text_add_bytes(out, at, 1);
    }
    text_free(&whole);
    text_add(out, "\"");
}
