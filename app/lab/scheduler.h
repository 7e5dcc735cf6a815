/* scheduler.h - a node for a pod: spread by owner, then by load, then by name.
 *
 * Pure. Nodes that are unschedulable, not Ready or lack a label of the pod's nodeSelector are left
 * out. Among the rest the one with the fewest active pods of the same controller is taken.
 */
#ifndef LAB_SCHEDULER_H
#define LAB_SCHEDULER_H

#include <stddef.h>

#include "lab/change.h"

/* PODS: all of the cluster. Writes spec.nodeName and the PodScheduled condition, with the usual
 * event; when no node fits, the condition False with the reason. Nothing for a pod that has a node
 * or is being deleted. */
void scheduler_place(const cJSON *pod, const cJSON *const *nodes, size_t node_count,
                     const cJSON *const *pods, size_t pod_count, int64_t utc_ns,
                     struct changes *changes);

#endif
