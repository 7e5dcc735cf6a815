/* profile.h - the delays that make the lab behave as a kind of real cluster.
 *
 * A cluster without delays shows nothing: what is lost in a change is decided by how long each
 * component takes to notice. Each delay is a range; every use draws from it, uniformly, with the
 * lab's seed, so that a lab can be repeated.
 *
 *     ideal      nothing takes time, except podReady (0.1 s)
 *     kubeadm    a small kubeadm cluster of 2024, kube-proxy with minSyncPeriod 1 s
 *     aks-2019   a managed cluster of Kubernetes 1.14: slower throughout, and its proxies use no
 *                terminating endpoints
 *
 * docs/lab.md has the figures as a table; a test holds it against the one here.
 *
 * Threads: the daemon's one. Memory: fixed. Pure but for the random numbers, which are an argument.
 */
#ifndef LAB_PROFILE_H
#define LAB_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/random.h"

/* id, name for --set, what it is the time of. Two are for an ingress, which the lab does not have:
 * they are set, and nothing draws from them. */
#define PROFILE_DELAYS(X)                                                                          \
    X(CONTROLLER, "controllerSync",                                                                \
      "from a change to what Deployment, ReplicaSet and scheduler do")                             \
    X(POD_READY, "podReady", "from a pod's creation to Ready published")                           \
    X(ENDPOINT, "endpointUpdate", "from a pod's change to the EndpointSlice")                      \
    X(TERMINATION, "terminationStart", "from deletion to the preStop hook or SIGTERM")             \
    X(OBJECT_GONE, "objectGone", "from the end of the process to the end of the Pod object")       \
    X(PROXY_APPLY, "proxyApply", "from an EndpointSlice's change to the node's rules")             \
    X(PROXY_MIN_SYNC, "proxyMinSync", "between two syncs of a proxy, once its burst is used up")   \
    X(TIME_WAIT, "conntrackTimeWait",                                                              \
      "a closed connection is remembered by a node, whole seconds")                                \
    X(BALANCER, "loadBalancer", "from a Service's creation to its VIP")                            \
    X(INGRESS_SYNC, "ingressSync", "between two syncs of an ingress controller")                   \
    X(INGRESS_LOOK, "ingressLook", "between two looks of an ingress worker at its upstreams")      \
    X(PROBE_INTERVAL, "probeInterval", "between two health probes of a front balancer")            \
    X(PROBE_LAG, "probeLag", "from a node's failure to the front balancer's knowing")

enum profile_delay {
#define X(id, name, text) PROFILE_##id,
    PROFILE_DELAYS(X)
#undef X
    PROFILE_DELAY_COUNT
};

struct profile_range {
    int64_t least_ns; /* Both ends belong to the range. */
    int64_t most_ns;
};

struct profile {
    char name[32];                                    /* With "+" when --set changed it. */
    struct profile_range delays[PROFILE_DELAY_COUNT]; /* By enum profile_delay. */
    uint32_t proxy_burst;                             /* Syncs that need not wait. */
    bool terminating_endpoints; /* Proxies fall back to serving, terminating ones (KEP-1669). */
    bool masquerade;            /* Nodes translate source addresses as kube-proxy does. */
    bool clean_udp;             /* Nodes forget UDP toward endpoints that go. */
    bool gone_unreachable;      /* Packets for a pod that is gone: ICMP, else silence. */
};

/* 0 or -EINVAL with ERR, which lists the profiles. */
int profile_find(const char *name, struct profile *out, struct error *err);

/* ASSIGNMENT is "podReady=2s", "podReady=500ms-2.6s", "proxyBurst=2",
 * "terminatingEndpoints=false", "masquerade=true", "cleanUDP=false" or
 * "goneIP=blackhole|unreachable". 0 or -EINVAL with ERR. */
int profile_set(struct profile *profile, const char *assignment, struct error *err);

int64_t profile_draw(const struct profile *profile, enum profile_delay delay,
                     struct random *random);

/* "1.5s", "20ms", "3m", "10us", "5ns". At most an hour. 0 or -EINVAL. *END (may be NULL) is set
 * behind it; without END nothing may follow. */
int profile_parse_duration(const char *text, int64_t *out_ns, const char **end);

#endif
