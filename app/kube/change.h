/* change.h - from an object as it was read to the request that changes it, verb by verb. The pure
 * heart of kube/action.h, which alone uses it.
 *
 * Threads: pure. Memory: the action's texts.
 */
#ifndef KUBE_CHANGE_H
#define KUBE_CHANGE_H

#include "kube/action.h"

enum kube_change {
    KUBE_CHANGE_NEEDED,  /* The action's request, `about` and `undo` are filled. */
    KUBE_CHANGE_NONE,    /* It is like that already: result.done is set. */
    KUBE_CHANGE_REFUSED, /* result.error says why. */
};

/* READ is the answer to the action's reading request; NULL when the object does not exist (which
 * only apply, delete and evict come here with). HISTORY: rollout-undo's list of revisions, of which
 * others have none. */
enum kube_change kube_change_prepare(struct kube_action *action, const cJSON *read,
                                     const cJSON *history);

/* Fill the request that cordons a node, and its undo unless it IS cordoned. For kube/drain.h. */
void kube_change_cordon(struct kube_action *action, bool is);
/* The body of an eviction; UID "": of whatever has the name. The caller deletes it. */
cJSON *kube_change_eviction(const struct kube_action *action, const char *namespace,
                            const char *name, const char *uid);

#endif
