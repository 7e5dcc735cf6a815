/* rights.h - the rights in a cluster that seamline uses, each with what it is for.
 *
 * config/rbac-readonly.yaml grants those of KUBE_RIGHT_READ, config/rbac-kube-proxy.yaml those of
 * KUBE_RIGHT_PROXY, config/rbac.yaml all others; a test holds them to this table, and `seamline
 * doctor --cluster` asks the server for each.
 *
 * Source: Kubernetes documentation, "Using RBAC Authorization".
 * Threads: constants and pure functions.
 */
#ifndef KUBE_RIGHTS_H
#define KUBE_RIGHTS_H

#include "kube/discovery.h"
#include "kube/failure.h"

enum kube_right_need {
    KUBE_RIGHT_READ,   /* Every run. */
    KUBE_RIGHT_CHANGE, /* Steps and actions that change what is in the namespace. */
    KUBE_RIGHT_NODE,   /* Those that change nodes, or what is on them; and namespaces. */
    KUBE_RIGHT_PROXY,  /* Runs whose cluster.proxy changes kube-proxy's configuration. */
    KUBE_RIGHT_NEEDS
};

struct kube_right {
    const char *group;       /* "" for the core group. */
    const char *resource;    /* Plural. */
    const char *subresource; /* "" for none. */
    const char *verbs;       /* "get list watch". */
    bool all;                /* In no namespace, or in all of them: a ClusterRole's. */
    enum kube_right_need need;
    const char *what_for;  /* For people. */
    const char *namespace; /* NULL: the experiment's. */
    const char *name;      /* Of the only object; NULL: of all. */
};

extern const struct kube_right kube_rights[];
extern const unsigned kube_rights_count;

/* The INDEX-th verb of RIGHT as what the server is asked for; false: there are no more. By
 * DISCOVERY the resource is as the server has it: Endpoints, where it has no EndpointSlices; NULL:
 * the usual. DISCOVERY and NAMESPACE, the experiment's, are borrowed; VERB is room for it. */
bool kube_right_call(const struct kube_right *right, unsigned index, const char *namespace,
                     const struct kube_discovery *discovery, char verb[32], struct kube_call *out);

#endif
