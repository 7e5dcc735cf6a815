/* cache.h - the objects of one watch as they are now, by namespace and name.
 *
 * Threads: one owner. Memory: a sorted array of references; at most KUBE_CACHE_MAX objects, beyond
 * which put refuses. Look-up is O(log n), insertion moves pointers.
 */
#ifndef KUBE_CACHE_H
#define KUBE_CACHE_H

#include "kube/object.h"

enum {
    KUBE_CACHE_MAX = 30000
};

struct kube_cache {
    struct kube_object **objects; /* Sorted by namespace, then name. One reference each. */
    unsigned count;               /* Objects that it has. */
    unsigned capacity;            /* Objects that there is room for. */
};

/* Takes the caller's reference, also on failure. What stood there before, with its reference, in
 * *PREVIOUS (never NULL as a pointer; NULL when it is new). 0, -ENOMEM, -ENOSPC. */
int kube_cache_put(struct kube_cache *cache, struct kube_object *object,
                   struct kube_object **previous);
/* Its reference becomes the caller's; NULL when there is none. */
struct kube_object *kube_cache_remove(struct kube_cache *cache, const char *namespace,
                                      const char *name);
struct kube_object *kube_cache_find(const struct kube_cache *cache, const char *namespace,
                                    const char *name); /* Borrowed. */
void kube_cache_free(struct kube_cache *cache);        /* Also makes it usable again. */

#endif
