/* controller_node.h - what follows from a node's spec.unschedulable (`kubectl cordon`).
 *
 * Pure. A real cluster's node lifecycle controller puts the taint node.kubernetes.io/unschedulable
 * (NoSchedule) on a cordoned node and takes it off again; the node's kubelet tells of it by an
 * event. Pods that tolerate the taint, as a DaemonSet's do, may still come.
 */
#ifndef LAB_CONTROLLER_NODE_H
#define LAB_CONTROLLER_NODE_H

#include <stdint.h>

#include "lab/change.h"

void controller_node(const cJSON *node, int64_t utc_ns, struct changes *changes);

#endif
