/* rates.h - the requests of a stream over time, in intervals of equal length by `due`.
 *
 *     sum over items + rest = the counts of the stream, outcome by outcome
 *
 * `rest` is what the workers counted and no log has: of a raw stream all, otherwise what full or
 * damaged logs have lost.
 *
 * Threads: pure. Memory: malloc, at most RATES_MAX items, freed by rates_free(). Units: ns.
 */
#ifndef REPORT_RATES_H
#define REPORT_RATES_H

#include "analyze/result.h"

enum {
    RATES_MAX = 1000
};

struct rates_item {
    uint64_t due, lost; /* Lost: of outcomes that open windows. */
    uint64_t outcomes[OUTCOME_COUNT];
    /* Of good requests, from due: of those in the interval; where not every request was recorded,
     * of those answered in the seconds around it. Count 0: none. */
    struct result_quantiles latency;
};

struct rates {
    uint64_t from_ns, step_ns; /* Item i: from_ns + i step_ns, and step_ns long. */
    size_t count;              /* From the first to the last interval with a request. */
    struct rates_item *items;
    struct rates_item rest; /* Without latencies. */
};

/* The step for all streams of RESULT: 1, 2 or 5 times a power of ten, 1 ms at least, so that the
 * run has at most MOST of them, 1 at least. */
uint64_t rates_step_ns(const struct result *result, size_t most);
/* 0 or -ENOMEM. */
int rates_make(struct rates *rates, const struct result *result, unsigned stream, uint64_t step_ns);
void rates_free(struct rates *rates);

#endif
