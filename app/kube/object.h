/* object.h - an object of the cluster as one small typed struct.
 *
 * kube_object_read() turns the JSON of one object into a struct kube_object: what all kinds have
 * (struct kube_meta) and what its kind has, in a union by `kind`. The JSON is not kept. An object
 * is immutable after that; it is shared by counting: the watch's cache, and each event that shows
 * it, hold a reference.
 *
 * Threads: one owner (the control thread); counts are not atomic. Memory: malloc and an arena an
 * object, freed with the last reference. Hostile input: arrays are bounded (the limits stand in the
 * kinds' headers), names and numbers are read as they come.
 */
#ifndef KUBE_OBJECT_H
#define KUBE_OBJECT_H

#include "base/error.h"
#include "kube/endpointslice.h"
#include "kube/node.h"
#include "kube/pod.h"
#include "kube/resource.h"
#include "kube/service.h"
#include "kube/workload.h"

struct kube_meta {
    const char *name;        /* Never "". */
    const char *namespace;   /* "" for kinds that have none. */
    const char *uid;         /* Of this very object: a name may be used again. */
    const char *version;     /* resourceVersion as the server wrote it: to be given back. */
    uint64_t version_number; /* The same as a number, to compare; 0 when it is none. */
    int64_t generation;      /* Of the spec; 0 when the kind has none. */
    int64_t deleted_utc_ns;  /* deletionTimestamp: when grace ends; INT64_MIN: not being deleted. */
    int64_t grace_s;         /* deletionGracePeriodSeconds; -1 when absent. */
    const char *owner_name;  /* Of the controlling owner; "" when there is none. */
    struct kube_labels labels; /* metadata.labels. */
};

struct kube_object {
    enum kube_kind kind;   /* Which member of the union; some have none. */
    unsigned references;   /* Freed when it falls to 0. */
    struct kube_meta meta; /* What all kinds have. */
    union {
        struct kube_pod pod;                     /* KUBE_POD. */
        struct kube_endpointslice endpointslice; /* KUBE_ENDPOINTSLICE. */
        struct kube_workload workload;           /* KUBE_DEPLOYMENT, _STATEFULSET, _DAEMONSET. */
        struct kube_node node;                   /* KUBE_NODE. */
        struct kube_service service;             /* KUBE_SERVICE. */
    };
    struct kube_arena arena; /* Where all of the above points to. */
};

/* A new object of KIND with one reference. NULL with ERR when JSON has no metadata.name, or when
 * out of memory. JSON stays the caller's. */
struct kube_object *kube_object_read(enum kube_kind kind, const cJSON *json, struct error *err);
struct kube_object *kube_object_take(struct kube_object *object); /* One reference more. */
void kube_object_drop(struct kube_object *object);                /* One less; NULL is harmless. */

/* metadata.deletionTimestamp is set. */
bool kube_object_terminating(const struct kube_object *object);

#endif
