#include "analyze/quantiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void values_add(struct values *values, uint64_t value)
{
    if (values->count == values->capacity) {
        size_t capacity = values->capacity ? 2 * values->capacity : 256;
        uint64_t *grown = realloc(values->items, capacity * sizeof(*grown));
        if (grown == NULL) {
            values->failed = true;
            return;
        }
        values->items = grown;
        values->capacity = capacity;
    }
    values->items[values->count++] = value;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t values_at(const struct values *values, double fraction)
{
    if (values->count == 0)
        return 0;
    double rank = ceil(fraction * (double)values->count);
    size_t index = rank < 1 ? 0 : (size_t)rank - 1;
    return values->items[index < values->count ? index : values->count - 1];
}

struct result_quantiles values_quantiles(struct values *values)
{
    struct result_quantiles quantiles = {.count = values->count};
    if (values->count == 0)
        return quantiles;
    qsort(values->items, values->count, sizeof(*values->items), ascending);
    double sum = 0;
    for (size_t i = 0; i < values->count; i++)
        sum += (double)values->items[i];
    quantiles.mean_ns = sum / (double)values->count;
    quantiles.min_ns = values->items[0];
    quantiles.p50_ns = values_at(values, 0.5);
    quantiles.p90_ns = values_at(values, 0.9);
    quantiles.p95_ns = values_at(values, 0.95);
    quantiles.p99_ns = values_at(values, 0.99);
    quantiles.p999_ns = values_at(values, 0.999);
    quantiles.max_ns = values->items[values->count - 1];
    return quantiles;
}

void values_free(struct values *values)
{
    free(values->items);
    memset(values, 0, sizeof(*values));
}

struct result_quantiles quantiles_of(const struct histogram *histogram)
{
    if (histogram->count == 0)
        return (struct result_quantiles){0};
    return (struct result_quantiles){.count = histogram->count,
                                     .min_ns = histogram->min_ns,
                                     .p50_ns = histogram_quantile(histogram, 0.5),
                                     .p90_ns = histogram_quantile(histogram, 0.9),
                                     .p95_ns = histogram_quantile(histogram, 0.95),
                                     .p99_ns = histogram_quantile(histogram, 0.99),
                                     .p999_ns = histogram_quantile(histogram, 0.999),
                                     .max_ns = histogram->max_ns,
                                     .mean_ns = histogram_mean(histogram)};
}
