/* histogram.h - a high-dynamic-range histogram of ns values.
 *
 * Buckets: values below 256 are exact; above, each power of two is split into 128 equal parts, so a
 * reported value is at most 1/128 (0.8 %) above the recorded one. Values over HISTOGRAM_MAX_NS
 * count in the last bucket and in `clipped`. Recording is two additions and an index; no
 * allocation.
 *
 * Threads: one writer; merge and read after it stopped, or a copy. Source of the idea:
 * HdrHistogram.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 7,
    HISTOGRAM_BUCKETS = (40 - HISTOGRAM_SUB_BITS + 1) * 128
};
#define HISTOGRAM_MAX_NS ((UINT64_C(1) << 40) - 1) /* 18 minutes. */

struct histogram {
    uint64_t count;                      /* Values recorded. */
    uint64_t sum_ns;                     /* Of the values as given. */
    uint64_t min_ns;                     /* UINT64_MAX when empty. */
    uint64_t max_ns;                     /* Exact. */
    uint64_t clipped;                    /* Values over the maximum. */
    uint32_t buckets[HISTOGRAM_BUCKETS]; /* Values in each; full means that it stays full. */
};

void histogram_clear(struct histogram *histogram);

/* Index of the bucket that VALUE_NS is in. */
static inline unsigned histogram_bucket(uint64_t value_ns)
{
    const unsigned parts = 1u << HISTOGRAM_SUB_BITS;
    if (value_ns > HISTOGRAM_MAX_NS)
        return HISTOGRAM_BUCKETS - 1;
    if (value_ns < 2 * parts)
        return (unsigned)value_ns;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value_ns) - HISTOGRAM_SUB_BITS;
    return shift * parts + (unsigned)(value_ns >> shift);
}

/* The smallest value that is in BUCKET. */
uint64_t histogram_bucket_low_ns(unsigned bucket);

static inline void histogram_add(struct histogram *histogram, uint64_t value_ns)
{
    uint32_t *bucket = &histogram->buckets[histogram_bucket(value_ns)];
    histogram->count++;
    histogram->sum_ns += value_ns;
    if (value_ns < histogram->min_ns)
        histogram->min_ns = value_ns;
    if (value_ns > histogram->max_ns)
        histogram->max_ns = value_ns;
    if (value_ns > HISTOGRAM_MAX_NS)
        histogram->clipped++;
    if (*bucket < UINT32_MAX)
        ++*bucket;
}

void histogram_merge(struct histogram *into, const struct histogram *from);
/* The smallest end of a bucket that at least FRACTION (0..1) of all values do not exceed: never
 * below the exact quantile, at most 1/128 above it, never over max_ns; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double fraction);
double histogram_mean(const struct histogram *histogram); /* Exact; 0 when empty. */
/* Of all the values (not of a sample), each taken to be in the middle of its bucket. */
double histogram_stdev(const struct histogram *histogram);

#endif
