/* scheduler.h - a node for a pod.
 *
 * Pure. A node is left out, with the real scheduler's reason, when it is cordoned (and the pod does
 * not tolerate that), not Ready, has a taint NoSchedule or NoExecute that the pod does not
 * tolerate, lacks a label of nodeSelector, does not match the required node affinity
 * (matchExpressions, and matchFields by metadata.name), or would break a topologySpreadConstraint
 * of DoNotSchedule:
 *
 *     pods of the node's domain + 1 - pods of the emptiest eligible domain <= maxSkew
 *
 * Among the rest the one is taken with the fewest pods by constraints of ScheduleAnyway, then with
 * the fewest active pods of the same controller, then with the fewest pods at all, then the first.
 * Differs from the real one: resources, host ports, affinity between pods and preferred affinity
 * are not looked at; weights are replaced by that order.
 *
 * Source: Kubernetes documentation, "Pod Topology Spread Constraints", "Taints and Tolerations",
 * "Assigning Pods to Nodes".
 */
#ifndef LAB_SCHEDULER_H
#define LAB_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>

#include "lab/change.h"

/* Whether the labels and taints of NODE allow POD; nothing else is looked at. */
bool scheduler_admits(const cJSON *node, const cJSON *pod);

/* PODS: all of the cluster. Writes spec.nodeName and the PodScheduled condition, with the usual
 * event; when no node fits, the condition False with the reasons. Nothing for a pod that has a node
 * or is being deleted. */
void scheduler_place(const cJSON *pod, const cJSON *const *nodes, size_t node_count,
                     const cJSON *const *pods, size_t pod_count, int64_t utc_ns,
                     struct changes *changes);

#endif
