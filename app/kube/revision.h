/* revision.h - earlier templates of a workload, as its controller keeps them: a Deployment's in
 * ReplicaSets, with the number in the annotation deployment.kubernetes.io/revision; those of
 * StatefulSets and DaemonSets in ControllerRevisions, as a patch of the object.
 *
 * How many are kept is up to spec.revisionHistoryLimit. A number is of one roll-out: going back to
 * an old template gives it a new one.
 *
 * Threads: pure. Memory: malloc, by the list's length. Source: Kubernetes documentation, "Rolling
 * Back a Deployment"; API reference, apps/v1 ControllerRevision.
 */
#ifndef KUBE_REVISION_H
#define KUBE_REVISION_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/error.h"
#include "kube/resource.h"

/* What holds the revisions of a workload of KIND: a resource to be listed. */
const struct kube_resource *kube_revision_resource(enum kube_kind kind);
/* The template of revision NUMBER, 0 for the one before the newest, of the object with OWNER_UID in
 * LIST; a fresh one, and its number in *FOUND. NULL with ERR when there is none, naming those that
 * there are. */
cJSON *kube_revision_template(const cJSON *list, const char *owner_uid, int64_t number,
                              int64_t *found, struct error *err);

#endif
