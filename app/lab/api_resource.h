/* api_resource.h - the resources that the lab's API server has: what discovery tells of them, and
 * where their objects are kept.
 *
 * A server answers as one version of Kubernetes, 1.MINOR, and has the group versions of that one.
 * The objects of two versions of a group are the same objects.
 *
 * Threads: constant data. Source: Kubernetes API reference, "Deprecated API Migration Guide".
 */
#ifndef LAB_API_RESOURCE_H
#define LAB_API_RESOURCE_H

#include <stdbool.h>

#include "lab/store.h"

enum {
    API_RESOURCE_NAME_BYTES = 64,
    API_RESOURCE_ROWS = STORE_KIND_COUNT + 2,
    API_GROUP_VERSIONS = 7,
};

/* A version of a group beside the core one. Those of one group stand together, the preferred
 * first. */
struct api_group_version {
    const char *group;   /* "apps". */
    const char *version; /* "v1". */
    unsigned since; /* The first minor version of Kubernetes that has it; 0: older than ours. */
    unsigned until; /* The last one; 0: it is still there. */
};

struct api_resource {
    enum store_kind kind;    /* Where the objects are. */
    const char *group;       /* "" for the core group. */
    const char *version;     /* Of the group. */
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

/* By kind, in the newest version; then those in older versions. */
extern const struct api_resource api_resources[API_RESOURCE_ROWS];
extern const struct api_group_version api_group_versions[API_GROUP_VERSIONS];

/* Whether Kubernetes 1.MINOR has VERSION of GROUP ("": the core group). */
bool api_group_version_served(const char *group, const char *version, unsigned minor);
/* NULL when no such resource is served. */
const struct api_resource *api_resource_find(const char *group, const char *version,
                                             const char *plural, unsigned minor);
/* "deployments.apps" or "pods": as messages name a resource. OUT has API_RESOURCE_NAME_BYTES. */
const char *api_resource_name(const struct api_resource *resource, char *out);
/* "Deployment.apps" or "Pod". */
const char *api_resource_kind(const struct api_resource *resource, char *out);

/* A copy of OBJECT that begins with the kind and apiVersion of its resource; it borrows
 * OBJECT's members and must be deleted before them. EndpointSlices of v1beta1 are translated: as in
 * 1.20, nodeName stands in `topology`, and conditions are `ready` alone. */
cJSON *api_resource_view(const struct api_resource *resource, const cJSON *object);
/* The same without kind and apiVersion: an item of a list. */
cJSON *api_resource_item_view(const struct api_resource *resource, const cJSON *object);

#endif
