/* controller_deployment.h - what the Deployment controller does with one Deployment.
 *
 * Pure. One call is one synchronisation of the real controller (Kubernetes 1.36,
 * pkg/controller/deployment): it finds or makes the ReplicaSet of the present template, does at
 * most one scaling step up or one down, and brings the status up to date. It goes on when the
 * objects have changed and it is called again.
 *
 * Rolling arithmetic, with spec counts of ReplicaSets, S = replicas + maxSurge, A = replicas -
 * maxUnavailable:
 *
 *     up:       new += min(S - all, replicas - new)
 *     unhealthy old ones down by at most all - A - (new - available of new)
 *     healthy old ones down by available of all - A
 *
 * Pods that are being deleted count in none of them: it does not wait for them (Recreate does).
 */
#ifndef LAB_CONTROLLER_DEPLOYMENT_H
#define LAB_CONTROLLER_DEPLOYMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/change.h"

enum {
    DEPLOYMENT_REPLICASETS_MAX = 64
};

struct deployment_limits {
    int64_t surge;       /* Rounded up from a percentage. */
    int64_t unavailable; /* Rounded down; 1 when both come out as 0, as in Kubernetes. */
};

struct deployment_limits deployment_limits(const cJSON *deployment);

/* The hash that tells templates apart (labels aside): ten characters that make no words. */
void deployment_template_hash(const cJSON *template, char out[16]);

/* REPLICASETS are those that DEPLOYMENT controls, in any order; beyond DEPLOYMENT_REPLICASETS_MAX
 * they are ignored. OLD_PODS says whether pods of old ReplicaSets still exist, in whatever state
 * (Recreate waits for them). */
void controller_deployment(const cJSON *deployment, const cJSON *const *replicasets, size_t count,
                           bool old_pods, int64_t utc_ns, struct changes *changes);

#endif
