/* api_resource.h - the resources that the lab's API server has: what discovery tells of them, and
 * where their objects are kept.
 *
 * Threads: constant data. Source: Kubernetes API reference, group versions core/v1, apps/v1 and
 * discovery.k8s.io/v1.
 */
#ifndef LAB_API_RESOURCE_H
#define LAB_API_RESOURCE_H

#include <stdbool.h>

#include "lab/store.h"

enum {
    API_RESOURCE_NAME_BYTES = 64
};

struct api_resource {
    enum store_kind kind;    /* Where the objects are. */
    const char *group;       /* "" for the core group. */
    const char *version;     /* The only one that is served. */
    const char *api_version; /* "v1" or "apps/v1": what stands in an object. */
    const char *plural;      /* As in paths. */
    const char *singular;    /* As in messages and discovery. */
    const char *kind_name;   /* As in an object's kind. */
    const char *short_name;  /* kubectl's abbreviation; NULL when there is none. */
    bool namespaced;         /* Objects live in a namespace. */
    bool has_status;         /* Has the subresource status. */
    bool has_scale;          /* Has the subresource scale. */
    bool in_all;             /* Shown by `kubectl get all`. */
};

extern const struct api_resource api_resources[STORE_KIND_COUNT]; /* By kind. */

/* NULL when no such resource is served. */
const struct api_resource *api_resource_find(const char *group, const char *version,
                                             const char *plural);
/* "deployments.apps" or "pods": as messages name a resource. OUT has API_RESOURCE_NAME_BYTES. */
const char *api_resource_name(const struct api_resource *resource, char *out);
/* "Deployment.apps" or "Pod". */
const char *api_resource_kind(const struct api_resource *resource, char *out);

/* A shallow copy of OBJECT that begins with the kind and apiVersion of its resource; it borrows
 * OBJECT's members and must be deleted before them. */
cJSON *api_resource_view(const struct api_resource *resource, const cJSON *object);
/* The same without kind and apiVersion: an item of a list. */
cJSON *api_resource_item_view(const cJSON *object);

#endif
