/* resource.h - the kinds of objects that the client knows, and how their URLs are made.
 *
 * A kind is known by its number (enum kube_kind) and by a row that says its API group, plural and
 * whether it lives in a namespace. The version of a group is what the server's discovery chose
 * (kube/discovery.h); the row has the one to start from. A manifest may name kinds beyond these:
 * then a row is made from discovery.
 *
 * Source: Kubernetes API concepts, "Resource URIs".
 *
 * Threads: constants and pure functions.
 */
#ifndef KUBE_RESOURCE_H
#define KUBE_RESOURCE_H

#include <stdbool.h>

#include "base/text.h"

enum kube_kind {
    KUBE_NAMESPACE,
    KUBE_NODE,
    KUBE_POD,
    KUBE_SERVICE,
    KUBE_CONFIGMAP,
    KUBE_ENDPOINTSLICE,
    KUBE_DEPLOYMENT,
    KUBE_STATEFULSET,
    KUBE_DAEMONSET,
    KUBE_REPLICASET,
    KUBE_KIND_COUNT,
    KUBE_OTHER = KUBE_KIND_COUNT, /* Known by discovery alone; not parsed into a typed object. */
};

enum {
    KUBE_NAME_BYTES = 254,      /* RFC 1123 subdomain, 253, and the NUL. */
    KUBE_NAMESPACE_BYTES = 64,  /* RFC 1123 label, 63, and the NUL. */
    KUBE_GROUP_BYTES = 254,     /* Of an API group's or version's or resource's name. */
    KUBE_SELECTOR_BYTES = 1024, /* Of a label selector as it stands in a URL, before escapes. */
};

struct kube_resource {
    enum kube_kind kind;            /* KUBE_OTHER when it is known by discovery. */
    char name[KUBE_GROUP_BYTES];    /* "Deployment". */
    char plural[KUBE_GROUP_BYTES];  /* "deployments". */
    char group[KUBE_GROUP_BYTES];   /* "apps"; "" for the core group. */
    char version[KUBE_GROUP_BYTES]; /* "v1". */
    bool namespaced;                /* Objects of it are in namespaces. */
};

/* The row of a known kind (not KUBE_OTHER). */
const struct kube_resource *kube_resource_of(enum kube_kind kind);
/* The row whose kind and group are those of a manifest's `apiVersion` ("apps/v1") and `kind`; NULL
 * when it is none of the known ones. The version is not compared. */
const struct kube_resource *kube_resource_find(const char *api_version, const char *kind);
/* By what a user types: "deployment", "deployments", "deploy", "svc"... NULL when unknown. */
const struct kube_resource *kube_resource_named(const char *text);

/* Append the path of a collection (NAME NULL) or an object:
 * "/apis/apps/v1/namespaces/d/deployments/web". NAMESPACE NULL or "": all namespaces, or no
 * namespace. SUBRESOURCE may be NULL. Every part is percent-encoded. */
void kube_resource_path(struct text *path, const struct kube_resource *resource,
                        const char *namespace, const char *name, const char *subresource);
/* Append ?KEY=VALUE or &KEY=VALUE, VALUE percent-encoded. */
void kube_resource_query(struct text *path, const char *key, const char *value);

/* A kind whose pods are made from a template, so that a change of the template rolls out:
 * Deployment, StatefulSet, DaemonSet. */
bool kube_kind_is_workload(enum kube_kind kind);

/* True when NAME may stand as an object's name: RFC 1123 subdomain of at most 253 bytes. */
bool kube_resource_name_valid(const char *name);

#endif
