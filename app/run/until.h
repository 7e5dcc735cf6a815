/* until.h - what a step waits for, and what it was waiting for when it took too long.
 *
 * Threads: control only.
 */
#ifndef RUN_UNTIL_H
#define RUN_UNTIL_H

#include "run/session.h"
#include "run/step.h"

/* 1 while what the present step waits for has not come, 0 when it has, or -errno with ERR. */
int until_state(struct steps *steps, struct session *session, struct error *err);
/* Its deadline has passed: -ETIMEDOUT with ERR. */
int until_late(struct steps *steps, struct session *session, struct error *err);
/* NULL: it is none, or there is none of that name. */
const struct kube_object *until_workload(const struct session *session,
                                         const struct experiment_change *workload);
/* Of a file that an apply step names. */
const struct manifest *steps_manifest(const struct session *session, const char *file);

#endif
