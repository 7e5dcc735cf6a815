#include "base/histogram.h"

#include <math.h>
#include <string.h>

enum {
    PARTS = 1 << HISTOGRAM_SUB_BITS,
    EXACT = 2 * PARTS
};

static uint64_t bucket_width_ns(unsigned bucket);
static uint32_t add_saturated(uint32_t a, uint32_t b);

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
    histogram->min_ns = UINT64_MAX;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    into->sum_ns += from->sum_ns;
    into->clipped += from->clipped;
    if (from->min_ns < into->min_ns)
        into->min_ns = from->min_ns;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] = add_saturated(into->buckets[i], from->buckets[i]);
}

uint64_t histogram_quantile(const struct histogram *histogram, double fraction)
{
    /* 0.07 * 100 is a little over 7 in a double: without the factor it would ask for the eighth. */
    double rank = ceil(fraction * (double)histogram->count * (1 - 1e-12));
    uint64_t seen = 0;

    if (histogram->count == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        uint64_t last_ns = histogram_bucket_low_ns(i) + bucket_width_ns(i) - 1;

        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= rank)
            return last_ns < histogram->max_ns ? last_ns : histogram->max_ns;
    }
    return histogram->max_ns; /* The last bucket also holds the clipped ones. */
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0 : (double)histogram->sum_ns / (double)histogram->count;
}

double histogram_stdev(const struct histogram *histogram)
{
    double mean = histogram_mean(histogram);
    double squares = 0;
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        double middle = (double)histogram_bucket_low_ns(i) + (double)(bucket_width_ns(i) - 1) / 2;

        squares += histogram->buckets[i] * (middle - mean) * (middle - mean);
        seen += histogram->buckets[i];
    }
    return seen == 0 ? 0 : sqrt(squares / (double)seen);
}

uint64_t histogram_bucket_low_ns(unsigned bucket)
{
    if (bucket < EXACT)
        return bucket;
    return (uint64_t)(bucket % PARTS + PARTS) << (bucket / PARTS - 1);
}

static uint64_t bucket_width_ns(unsigned bucket)
{
    return bucket < EXACT ? 1 : UINT64_C(1) << (bucket / PARTS - 1);
}

static uint32_t add_saturated(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}
