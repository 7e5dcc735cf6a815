/* step.h - the steps of an experiment, one after another, as a state machine that never blocks.
 *
 *     BEGIN -> ACT (start streams; one change after another; wait) -> UNTIL -> next
 *
 * A step that fails, or a stop, ends the list; `after` steps then run as a list of their own, and
 * all of them run, whatever fails. Every step but `wait` has its deadline, for what it does as for
 * what it waits for.
 *
 * Threads: control only. Time comes from the session's clock.
 */
#ifndef RUN_STEP_H
#define RUN_STEP_H

#include "run/program.h"
#include "run/session.h"

enum step_phase {
    STEP_BEGIN,
    STEP_ACT,
    STEP_UNTIL,
};

struct steps {
    const struct experiment_step *list;
    unsigned count;
    unsigned index; /* The present one; count when all are over. */
    enum step_phase phase;
    bool go_on;              /* A failed step does not end the list (after). */
    uint64_t begun_ns;       /* Of the present one. */
    uint64_t deadline_ns;    /* Of all of it. */
    int change;              /* Index of the change under way; -1: none. */
    unsigned file, object;   /* apply: the next object to apply. delete-applied: next change. */
    int rollout_change;      /* The change whose rollout is awaited; -1: none. */
    int64_t generation;      /* observe: of the object when the step began. */
    bool began;              /* observe: its rollout was seen to begin. */
    uint64_t quiet_since_ns; /* observe: nothing was lost since; 0: not looked yet. */
    uint64_t quiet_sum;      /* What had been lost by then. */
    struct program program;  /* exec: while it runs. */
    struct error failed;     /* delete-applied: the first object that could not be deleted. */
};

void steps_start(struct steps *steps, const struct experiment_step *list, unsigned count,
                 bool go_on);
/* Do what can be done now. 1 while there is more to do, 0 when all are over, or -errno with ERR
 * when a step failed. */
int steps_tick(struct steps *steps, struct session *session, struct error *err);
/* The list is not gone on with: note the end of the present step. */
void steps_break(struct steps *steps, struct session *session, const char *why);
/* "3/6 upgrade: set-image" for progress; "" when all are over. */
const char *steps_text(const struct steps *steps, char out[96]);

#endif
