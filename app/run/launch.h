/* launch.h - from a checked experiment to running workers: targets, routes, workers. */
#ifndef RUN_LAUNCH_H
#define RUN_LAUNCH_H

#include "run/session.h"

/* Resolve all streams' targets and launch the workers. -EAGAIN with ERR when the cluster is not far
 * enough (no VIP, no ready endpoint): to be tried again. */
int launch_workers(struct session *session, struct error *err);
/* How long the experiment may send at most, in seconds: its waits, and the deadlines of what waits
 * for a rollout. Logs are made for that. */
double launch_planned_seconds(const struct experiment *experiment);

#endif
