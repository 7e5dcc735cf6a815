/* controller_disruption.h - the status of a PodDisruptionBudget: how many of its pods may go now.
 *
 * Reads the store, changes nothing but by CHANGES. As in Kubernetes 1.36 (pkg/controller/
 * disruption), with E the pods expected and H the healthy ones (ready, not being deleted, not just
 * evicted):
 *
 *     minAvailable an integer     desired = minAvailable, E = the selector's pods
 *     minAvailable "25%"          desired = 25% of E, rounded up, E = replicas of the pods' owners
 *     maxUnavailable              desired = E - maxUnavailable (a percentage rounded up), as above
 *     disruptionsAllowed = max(0, H - desired)
 *
 * Owners are Deployments (of a pod's ReplicaSet), ReplicaSets and StatefulSets; a pod without one
 * counts in no E. A pod that was evicted stays in status.disruptedPods until its deletion is seen,
 * or for two minutes, so that no disruption is given out twice.
 */
#ifndef LAB_CONTROLLER_DISRUPTION_H
#define LAB_CONTROLLER_DISRUPTION_H

#include <stdint.h>

#include "lab/change.h"

void controller_disruption(const struct store *store, const cJSON *budget, int64_t utc_ns,
                           struct changes *changes);

/* When the oldest entry of status.disruptedPods is given up; INT64_MAX when there is none. */
int64_t disruption_next_ns(const cJSON *budget);

#endif
