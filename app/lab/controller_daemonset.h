/* controller_daemonset.h - what the DaemonSet controller does with one DaemonSet.
 *
 * Pure. As in Kubernetes 1.36 (pkg/controller/daemon): one pod on each node whose labels and taints
 * allow it, cordoned ones included, placed by the scheduler through a required node affinity; the
 * next one on a node comes when the last one is gone. A rolling update deletes pods of an old
 * template, those that are not ready first, so that no more than maxUnavailable nodes (1; a
 * percentage is rounded up) are without a ready pod. OnDelete leaves that to the user.
 *
 * Differs: maxSurge and minReadySeconds are ignored.
 */
#ifndef LAB_CONTROLLER_DAEMONSET_H
#define LAB_CONTROLLER_DAEMONSET_H

#include <stdint.h>

#include "lab/controller_revision.h"

/* NODES: all of the cluster. */
void controller_daemonset(const struct revision_view *view, const cJSON *const *nodes,
                          size_t node_count, int64_t utc_ns, struct changes *changes);

#endif
