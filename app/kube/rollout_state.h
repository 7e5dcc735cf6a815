/* rollout_state.h - how far a rollout is by the caches of a client, and what it waits for.
 *
 * Neither calls nor waits: its owner polls the client, and looks again. The kind and its pods are
 * to be followed (kube_follow()); where the nodes are followed, too, one that is not ready is named
 * among the reasons, and where they may not be, the rest is told without them.
 *
 * Threads: control only.
 */
#ifndef KUBE_ROLLOUT_STATE_H
#define KUBE_ROLLOUT_STATE_H

#include "kube/kube.h"
#include "kube/rollout.h"

/* How far the rollout of NAME, of a KIND for which kube_kind_is_workload(), is: 1 while it goes on
 * (*OUT says how far), 0 when it is complete, or with ERR: -ENOENT (no such object), -ETIMEDOUT (it
 * goes on and OVER_TIME is set, with the reasons of pods that are not ready), -ECANCELED (the
 * cluster's own deadline for progress passed, KUBE_ROLLOUT_FAILED, or it is paused and will not go
 * on), or what keeps the watches from listing. SINCE is the result of the change that began it, or
 * NULL. */
int kube_rollout_state(const struct kube *kube, enum kube_kind kind, const char *namespace,
                       const char *name, const struct kube_result *since, bool over_time,
                       struct kube_rollout *out, struct error *err);

#endif
