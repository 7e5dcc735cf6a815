/* predict_run.h - one simulated rolling upgrade; plan/predict runs many.
 *
 * An event loop in virtual time: a heap of events ordered by time, then by a random key. All state
 * is in struct predict_run; its memory is taken once by predict_run_new() and used again for each
 * run.
 *
 * Threads: one owner. Full: the heap is sized for the worst case of the input; -ENOSPC if that were
 * wrong, and after PREDICT_EVENTS_MAX events, so that it always ends.
 */
#ifndef PLAN_PREDICT_RUN_H
#define PLAN_PREDICT_RUN_H

#include "base/random.h"
#include "plan/predict.h"

enum {
    PREDICT_EVENTS_MAX = 50000000
};

struct predict_run;

struct predict_outcome {
    uint32_t broken;          /* Connections that were established and broke. */
    uint32_t failed_connects; /* Attempts that met a pod already gone, or no endpoint at all. */
    int64_t duration_ns;      /* From the change to the last close. */
};

/* NULL when out of memory. INPUT is borrowed until predict_run_free(). */
struct predict_run *predict_run_new(const struct predict_input *input);
void predict_run_free(struct predict_run *run);
/* From the start again, with RANDOM's next numbers. 0 or -ENOSPC. */
int predict_run_once(struct predict_run *run, struct random *random, struct predict_outcome *out);

#endif
