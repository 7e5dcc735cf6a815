/* controller_replicaset.h - what the ReplicaSet controller does with one ReplicaSet.
 *
 * Pure. Pods that are being deleted or have finished do not count. Too few: create; too many:
 * delete the ones that cost least, in the order of the real controller (pkg/controller, Kubernetes
 * 1.36, ActivePodsWithRanks): unassigned before assigned, pending before running, not ready before
 * ready, lower deletion cost first, more of the same application on its node first, ready for a
 * shorter time first (by powers of two), more restarts first, younger first.
 */
#ifndef LAB_CONTROLLER_REPLICASET_H
#define LAB_CONTROLLER_REPLICASET_H

#include <stddef.h>
#include <stdint.h>

#include "lab/change.h"

/* PODS are those that REPLICASET controls. RELATED are all pods that its selector's application has
 * on any node (of the owner's other sets too); they make the ranks. */
void controller_replicaset(const cJSON *replicaset, const cJSON *const *pods, size_t count,
                           const cJSON *const *related, size_t related_count, int64_t utc_ns,
                           struct changes *changes);

/* When a pod of it next becomes available by minReadySeconds; INT64_MAX when none waits. */
int64_t replicaset_next_available_ns(const cJSON *replicaset, const cJSON *const *pods,
                                     size_t count, int64_t utc_ns);

#endif
