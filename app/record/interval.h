/* interval.h - latencies of a stream, in one histogram of each kind for every second.
 *
 * A second of run time is one interval: what was measured in it is in its histograms, by the time
 * when it was known (an answer's arrival, a connection's establishment; a request that is over
 * without answer counts by its end). INTERVAL_SLOTS of them stand in a ring: the worker fills the
 * newest; the control thread writes the ones that are closed to the run directory, clears them and
 * gives them back. When none is free the newest goes on and covers more than a second: nothing is
 * lost but resolution, and its ends say so.
 *
 * Threads: the worker owns the newest, the control thread those that are closed. `closed` is
 * released by the worker, `taken` by the control thread. Units: ns of run time.
 */
#ifndef RECORD_INTERVAL_H
#define RECORD_INTERVAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"

enum {
    INTERVAL_SLOTS = 4
};
#define INTERVAL_NS UINT64_C(1000000000)

/* id, text */
#define INTERVAL_LATENCIES(X)                                                                      \
    X(FROM_DUE, "from due")   /* Good answers: done - due. */                                      \
    X(FROM_SENT, "from sent") /* Good answers: done - sent. The worker adds those not in plain. */ \
    X(CONNECT, "connect")     /* SYN to SYN-ACK. */                                                \
    X(SEND_LAG, "send lag")   /* sent - due: the pacer's precision. */                             \
    X(PLAIN, "plain")         /* As from sent, of ok ones alone: nothing sent again, not late. */  \
    X(SECURE, "tls")          /* SYN-ACK to the end of the TLS handshake. */

enum interval_latency {
#define X(id, text) INTERVAL_##id,
    INTERVAL_LATENCIES(X)
#undef X
    INTERVAL_LATENCY_COUNT
};

struct interval {
    uint64_t from_ns; /* Whole seconds. */
    uint64_t to_ns;
    bool whole; /* What is in plain was added to from sent. */
    struct histogram latencies[INTERVAL_LATENCY_COUNT];
};

struct intervals {
    struct interval slots[INTERVAL_SLOTS];
    uint64_t end_ns;         /* Of the one that is being filled; 0: there was none yet. */
    struct interval *newest; /* That one. */
    _Atomic uint64_t closed; /* So many ever. Written by the worker. */
    _Atomic uint64_t taken;  /* Given back. Written by the control thread. */
};

/* Slow path, before the worker starts. */
void intervals_clear(struct intervals *intervals);

/* --- The worker. --- */
/* Slow part of intervals_add: NOW_NS is past the end of the newest. */
void intervals_turn(struct intervals *intervals, uint64_t now_ns);
/* The newest, for what was known at NOW_NS. */
static inline struct interval *intervals_at(struct intervals *intervals, uint64_t now_ns)
{
    if (now_ns >= intervals->end_ns)
        intervals_turn(intervals, now_ns);
    return intervals->newest;
}
/* Something took VALUE_NS and was known at NOW_NS. */
static inline void intervals_add(struct intervals *intervals, enum interval_latency kind,
                                 uint64_t now_ns, uint64_t value_ns)
{
    histogram_add(&intervals_at(intervals, now_ns)->latencies[kind], value_ns);
}
/* Close the newest. Nothing is to be added after this. */
void intervals_finish(struct intervals *intervals);

/* --- The control thread. --- */
/* The oldest closed one that was not given back, with its from sent made whole; or NULL. */
const struct interval *intervals_oldest(struct intervals *intervals);
/* Clear it and give it back. */
void intervals_give_back(struct intervals *intervals);

#endif
