/* controller_statefulset.h - what the StatefulSet controller does with one StatefulSet.
 *
 * Pure. As in Kubernetes 1.36 (pkg/controller/statefulset): pods NAME-0 to NAME-(replicas - 1).
 * Under OrderedReady each waits for all before it to be ready, the highest goes first, and nothing
 * happens while a pod is going; Parallel waits for nothing. A rolling update deletes pods of
 * another revision from the highest ordinal down to spec.updateStrategy.rollingUpdate.partition,
 * and waits for each to be ready again. OnDelete leaves that to the user.
 *
 * Differs: minReadySeconds, maxUnavailable, volumeClaimTemplates and start ordinals are ignored.
 */
#ifndef LAB_CONTROLLER_STATEFULSET_H
#define LAB_CONTROLLER_STATEFULSET_H

#include <stdint.h>

#include "lab/controller_revision.h"

void controller_statefulset(const struct revision_view *view, int64_t utc_ns,
                            struct changes *changes);

#endif
