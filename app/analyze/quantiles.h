/* quantiles.h - exact quantiles of a set of values: the smallest value that at least the fraction
 * of all does not exceed (nearest rank). Pure; malloc'ed values, freed by values_free. */
#ifndef ANALYZE_QUANTILES_H
#define ANALYZE_QUANTILES_H

#include "analyze/result.h"

struct values {
    uint64_t *items;
    size_t count, capacity;
    bool failed; /* Out of memory: values are missing. */
};

void values_add(struct values *values, uint64_t value);
/* Sorts VALUES. */
struct result_quantiles values_quantiles(struct values *values);
/* Of a histogram: at most 1/128 above the exact ones; count, min, max and mean are exact. */
struct result_quantiles quantiles_of(const struct histogram *histogram);
/* Of sorted values. 0 when empty. */
uint64_t values_at(const struct values *values, double fraction);
void values_free(struct values *values);

#endif
