/* rollout.h - how far a rollout is, from the Deployment, StatefulSet or DaemonSet alone. Pure.
 *
 * The rules are those by which `kubectl rollout status` waits, in this order:
 *
 *     generation > observedGeneration                        the controller has not seen the change
 *     Progressing condition has ProgressDeadlineExceeded     failed
 *     updated < to_update                                    new pods are still to be made
 *     updated > replicas                                     scaled down: pods are still to go
 *     status.replicas - updated > replicas - to_update       old pods are still to go
 *     available < replicas                                   new pods are not available yet
 *     else                                                   complete
 *
 * Differs: kubectl has no rule for a scaling down, and calls it complete before it begins; the
 * deployment controller does as this does.
 *
 * to_update is replicas, but for a StatefulSet's partition. What is updated OnDelete rests until
 * somebody deletes the old pods: KUBE_ROLLOUT_PAUSED. StatefulSets and DaemonSets have no
 * Progressing condition, and never fail by themselves.
 *
 * Terminating pods do not count: they may still live, and lose traffic, when a rollout is complete.
 */
#ifndef KUBE_ROLLOUT_H
#define KUBE_ROLLOUT_H

#include "kube/cache.h"
#include "kube/object.h"

enum kube_rollout_state {
    KUBE_ROLLOUT_COMPLETE,
    KUBE_ROLLOUT_PROGRESSING,
    KUBE_ROLLOUT_FAILED, /* The Deployment's progress deadline is exceeded. */
    KUBE_ROLLOUT_PAUSED, /* spec.paused, or OnDelete: it will not go on by itself. */
};

struct kube_rollout {
    enum kube_rollout_state state; /* By the rules above. */
    int64_t replicas;              /* Wanted. */
    int64_t updated;               /* New pods. */
    int64_t old;                   /* Old pods not yet terminating. */
    int64_t available;             /* Of all. */
    char text[512];                /* "3 of 8 new pods are made", for progress lines. */
};

/* DEPLOYMENT: a kind for which kube_kind_is_workload() (asserted). */
void kube_rollout_status(const struct kube_object *deployment, struct kube_rollout *out);

/* Append why the pods of DEPLOYMENT in PODS are not ready, one line a different cause with how many
 * pods have it and one of their names; nothing when all are. First, why no pods can be made at all
 * (a quota, ...), where a Deployment says so. A terminating pod counts where the next one waits for
 * its end: of StatefulSets, DaemonSets, and the strategy Recreate. A node that is not ready, or not
 * among NODES, is named; empty NODES: nothing is known of them. For a deadline's error text. */
void kube_rollout_reasons(const struct kube_object *deployment, const struct kube_cache *pods,
                          const struct kube_cache *nodes, struct text *out);

#endif
