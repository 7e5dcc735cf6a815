#include "kube/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool position(const struct kube_cache *cache, const char *namespace, const char *name,
                     unsigned *at);
static int grow(struct kube_cache *cache);

int kube_cache_put(struct kube_cache *cache, struct kube_object *object,
                   struct kube_object **previous)
{
    unsigned at;
    *previous = NULL;
    if (position(cache, object->meta.namespace, object->meta.name, &at)) {
        *previous = cache->objects[at];
        cache->objects[at] = object;
        return 0;
    }
    int code = grow(cache);
    if (code < 0) {
        kube_object_drop(object);
        return code;
    }
    memmove(&cache->objects[at + 1], &cache->objects[at],
            (cache->count - at) * sizeof(cache->objects[0]));
    cache->objects[at] = object;
    cache->count++;
    return 0;
}

struct kube_object *kube_cache_remove(struct kube_cache *cache, const char *namespace,
                                      const char *name)
{
    unsigned at;
    if (!position(cache, namespace, name, &at))
        return NULL;
    struct kube_object *object = cache->objects[at];
    cache->count--;
    memmove(&cache->objects[at], &cache->objects[at + 1],
            (cache->count - at) * sizeof(cache->objects[0]));
    return object;
}

struct kube_object *kube_cache_find(const struct kube_cache *cache, const char *namespace,
                                    const char *name)
{
    unsigned at;
    return position(cache, namespace, name, &at) ? cache->objects[at] : NULL;
}

void kube_cache_free(struct kube_cache *cache)
{
    for (unsigned i = 0; i < cache->count; i++)
        kube_object_drop(cache->objects[i]);
    free(cache->objects);
    *cache = (struct kube_cache){0};
}

/* Where it is, or where it would have to stand. */
static bool position(const struct kube_cache *cache, const char *namespace, const char *name,
                     unsigned *at)
{
    unsigned low = 0, high = cache->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const struct kube_meta *meta = &cache->objects[middle]->meta;
        int order = strcmp(meta->namespace, namespace);
        if (order == 0)
            order = strcmp(meta->name, name);
        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return false;
}

static int grow(struct kube_cache *cache)
{
    if (cache->count < cache->capacity)
        return 0;
    if (cache->count >= KUBE_CACHE_MAX)
        return -ENOSPC;
    unsigned capacity = cache->capacity == 0 ? 16 : 2 * cache->capacity;
    struct kube_object **objects = realloc(cache->objects, capacity * sizeof(*objects));
    if (objects == NULL)
        return -ENOMEM;
    cache->objects = objects;
    cache->capacity = capacity;
    return 0;
}
