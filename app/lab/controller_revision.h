/* controller_revision.h - the ControllerRevisions of a StatefulSet or DaemonSet: its templates by
 * number, as `kubectl rollout history` and `undo` read them.
 *
 * Pure. A revision is named SET-HASH and carries {"spec":{"template":...}} with "$patch":"replace",
 * a strategic merge patch that brings the set back to it. A template that comes again gets the
 * highest number. Those beyond spec.revisionHistoryLimit that no pod has go, the oldest first.
 */
#ifndef LAB_CONTROLLER_REVISION_H
#define LAB_CONTROLLER_REVISION_H

#include <stddef.h>

#include "lab/change.h"

enum {
    REVISION_NAME_BYTES = 272,
    REVISION_HASH_BYTES = 16
};

/* What SET, its pods and its revisions are. */
struct revision_view {
    const cJSON *set;              /* A StatefulSet or DaemonSet. */
    enum store_kind kind;          /* Which. */
    const cJSON *const *revisions; /* All that it controls. */
    size_t revision_count;         /* Of them. */
    const cJSON *const *pods;      /* All that it controls. */
    size_t pod_count;              /* Of them. */
};

/* HASH becomes the one of the present template; its revision is made or renewed, old ones are
 * removed. */
void revision_sync(const struct revision_view *view, char hash[REVISION_HASH_BYTES],
                   struct changes *changes);
/* The template of the revision NAME: NULL when there is none. */
const cJSON *revision_template(const struct revision_view *view, const char *name);
/* "SET-HASH". */
void revision_name(const cJSON *set, const char *hash, char out[REVISION_NAME_BYTES]);

/* A pod of SET by TEMPLATE, owned by it, with the label controller-revision-hash. NAME NULL: it is
 * generated. */
cJSON *revision_pod(const struct revision_view *view, const cJSON *template, const char *name,
                    const char *label);

#endif
