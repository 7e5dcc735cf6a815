/* target.h - from a Service and Nodes to addresses that traffic can be sent to. Pure, but for a
 * host name, which is resolved by getaddrinfo(): that may block as long as the system's resolver
 * does.
 *
 * Threads: control. Memory: the caller's struct, of fixed size.
 */
#ifndef KUBE_TARGET_H
#define KUBE_TARGET_H

#include "kube/cache.h"
#include "kube/object.h"

enum {
    KUBE_TARGET_ADDRESSES = 256
};

enum kube_via {
    KUBE_VIA_LOAD_BALANCER,
    KUBE_VIA_CLUSTER_IP,
    KUBE_VIA_NODE_PORT,
};

enum kube_family {
    KUBE_FAMILY_ANY,
    KUBE_FAMILY_IPV4,
    KUBE_FAMILY_IPV6,
};

struct kube_target {
    unsigned count; /* At least 1. */
    struct address
        addresses[KUBE_TARGET_ADDRESSES]; /* The VIP; for a node port one a Ready node. */
    uint16_t port;                        /* Host order. */
    int protocol;                         /* IPPROTO_TCP, _UDP, _SCTP. */
    const char *host; /* In the service object: what the addresses were resolved from; "": they
                         stand there themselves. */
};

/* PORT is a name, a number or NULL (when the Service has just one). NODES is used for node ports
 * only and may else be NULL. 0, or with ERR: -ENOENT (no such port, no address of that family, no
 * nodes), -EAGAIN (the load balancer has no address yet; wait), -EINVAL (the Service has no such
 * way in), -EADDRNOTAVAIL (the host name does not resolve). */
int kube_target_resolve(const struct kube_object *service, const struct kube_cache *nodes,
                        enum kube_via via, enum kube_family family, const char *port,
                        struct kube_target *out, struct error *err);

/* How many endpoints of SERVICE new connections are sent to, by SLICES: of one family (an endpoint
 * of a dual-stack pod stands in two slices; ANY: the greater of both). */
unsigned kube_target_ready_endpoints(const struct kube_object *service,
                                     const struct kube_cache *slices, enum kube_family family);
/* 0, or -ENOENT with ERR when there are none: it names the selector and what the pods lack. PODS
 * may be NULL. */
int kube_target_check_endpoints(const struct kube_object *service, const struct kube_cache *slices,
                                const struct kube_cache *pods, enum kube_family family,
                                struct error *err);

/* Next hops: InternalIP addresses of Ready nodes in the order of their names, at most MAX, into
 * OUT; all, or just the COUNT-th one (from 1) with WHICH > 0. The number written, or -ENOENT with
 * ERR. */
int kube_target_next_hops(const struct kube_cache *nodes, enum kube_family family, unsigned which,
                          struct address *out, unsigned max, struct error *err);

#endif
