/* answers.h - what good answers say around a window: whether pods fell silent, slowed down, or had
 * to be asked again.
 *
 * Pure. Windows are to be looked at in the order of their onset, with the same `past`. Units: ns.
 */
#ifndef ANALYZE_ANSWERS_H
#define ANALYZE_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

#include "analyze/evidence_index.h"
#include "analyze/result.h"

/* A machine's stall that is none of the service's. */
#define ANSWERS_HICCUP_NS UINT64_C(250000000)

/* Where to look. All borrowed. */
struct answers_scope {
    const struct result *result;
    const struct evidence_index *index;
    const struct window *window;
    uint64_t end_ns; /* Of the window; when it is open, the run's. */
};

/* Of the pods, around a window. */
struct answers {
    double mean_before_ns, mean_in_ns; /* Of latencies: until 2 s before it, and since. */
    uint32_t silent;                   /* Pods that go on, and said nothing for half of it. */
    uint32_t resent;                   /* Pods that answered in it what had been sent again. */
};

/* Latencies of good requests, summed up. */
struct answers_latencies {
    double sum_ns;
    size_t count;
};

/* The requests before the windows that were looked at so far. */
struct answers_past {
    size_t passed; /* All of these were sent before the next window, and 2 s before. */
    struct answers_latencies latencies;
};

/* Good answers of STREAM to requests that were due from FROM_NS on and before UNTIL_NS, of which
 * there is a record. */
size_t answers_due(const struct logs *logs, unsigned stream, uint64_t from_ns, uint64_t until_ns);

void answers_hear(const struct answers_scope *scope, struct answers_past *past,
                  struct answers *out);

#endif
