/* latency_blocks.h - a stream's latencies in blocks of time, and what two runs' blocks tell of each
 * other's quantiles. Pure.
 *
 * Answers that follow each other are alike, and no sample of independent ones. What is taken to be
 * independent is a block: a second, or several of a run of more than LATENCY_BLOCKS_MAX seconds.
 *
 *     test      the quantiles' difference, against those of random divisions of all blocks into as
 *               many as either run has (permutation test); p = (1 + as far apart) / (1 + divisions)
 *     interval  quantiles of random draws of blocks with replacement (percentile bootstrap)
 *
 * Numbers are random by a fixed seed: the same runs give the same figures. Memory: malloc.
 */
#ifndef ANALYZE_LATENCY_BLOCKS_H
#define ANALYZE_LATENCY_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "analyze/significance.h"
#include "base/histogram.h"

struct logs;

enum {
    LATENCY_BLOCKS_MAX = 1024,
    LATENCY_BLOCKS_DRAWS = 1999,
    LATENCY_BLOCKS_QUANTILES = 4 /* At most, in one call. */
};

struct latency_blocks {
    size_t count;
    uint32_t (*counts)[HISTOGRAM_BUCKETS]; /* By block; malloc'ed. */
};

/* Of the intervals of STREAM's latencies from due. No block where it has none. 0 or -ENOMEM. */
int latency_blocks_make(const struct logs *logs, unsigned stream, struct latency_blocks *out);
void latency_blocks_free(struct latency_blocks *blocks);

struct latency_change {
    double p;
    struct limits base, next; /* Of the quantile, ns. */
    struct limits change;     /* Next less base. */
};

/* OUT[i] is of FRACTIONS[i], 0..1. Both have blocks. 0 or -ENOMEM. */
int latency_blocks_compare(const struct latency_blocks *base, const struct latency_blocks *next,
                           const double *fractions, size_t count, double confidence,
                           struct latency_change *out);

#endif
