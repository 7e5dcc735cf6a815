/* proxy.h - one node's kube-proxy: service ports, their endpoints, and the nftables rules for them.
 *
 * Pure: the owner gives the wanted service ports and gets a text for `nft -f`, which is one
 * transaction; what has not changed is not touched, so that other services' balancing goes on.
 * Established connections keep their way by conntrack.
 *
 * Emulated round robin: `numgen inc` starts again at 0 whenever its rule is loaded, so each service
 * port has a ring of endpoints and a kept position. Before a reload the connections that the rule
 * has counted since its last load are added to the position; the map is written from there on:
 *
 *     position' = (position + counted) mod n
 *
 * An endpoint that goes takes its place with it (the position moves to the next one); one that
 * comes is put at the end of the ring, as IPVS does.
 *
 * A service port has up to two rings, as its traffic policies say: one of all endpoints, and one of
 * those on this node (externalTrafficPolicy or internalTrafficPolicy: Local). Traffic from inside
 * of the cluster to an outer address uses all endpoints whatever externalTrafficPolicy says. With
 * no ready endpoint, serving and terminating ones are used (KEP-1669) if the switch is on.
 *
 * Without a usable endpoint a service port rejects (ICMP port unreachable); it drops when it may
 * only use this node's and other nodes have some.
 *
 * Source addresses are translated (masqueraded to the node's) as kube-proxy does, if the switch is
 * on: of what comes from outside of the cluster and may go to any node's endpoints. The source of a
 * Local ring stays.
 *
 * By IPVS (the _IPVS_ modes) nodes balance as kube-proxy's mode ipvs does: the addresses are on a
 * dummy device, virtual services and real servers are IPVS's, and nftables only refuses where no
 * endpoint is usable, and masquerades. An endpoint that goes gets weight 0, so that its connections
 * go on; unlike with kube-proxy, which looks once a minute, it keeps that until it comes back, its
 * place is needed, or the Service goes. An address that traffic from inside of the cluster should
 * reach otherwise (externalTrafficPolicy: Local) is balanced for all as for those outside.
 *
 * Threads: pure. Memory: growing lists by malloc, freed by the _free functions.
 */
#ifndef LAB_PROXY_H
#define LAB_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/json.h"
#include "base/text.h"

enum {
    PROXY_VIPS_MAX = 8,
    PROXY_ENDPOINTS_MAX = 256,
    PROXY_PORTS_MAX = 256,
    PROXY_HEALTH_MAX = 32,
    PROXY_KEY_BYTES = 400
};

enum proxy_mode {
    PROXY_RR,     /* Emulated, see above. */
    PROXY_RANDOM, /* As kube-proxy's own iptables and nftables modes. */
    PROXY_SH,     /* By a hash of the source address, as IPVS's sh; emulated. */
    PROXY_IPVS_RR,
    PROXY_IPVS_LC,
    PROXY_IPVS_WLC,
    PROXY_IPVS_SH,
    PROXY_MODES
};

struct proxy_endpoint {
    struct address address;
    uint16_t port;
};

struct proxy_vip {
    struct address address;
    uint16_t port;
    bool inside;     /* For traffic that comes from inside of the cluster only. */
    bool masquerade; /* What comes from outside gets the node's address. */
    bool own;        /* The node's own address, of a node port. */
};

/* A ring of a service port of one family, as it should be. */
struct proxy_port {
    char key[PROXY_KEY_BYTES]; /* "namespace/name/port/protocol/family[/local]", unique. */
    bool v6;                   /* Family. */
    bool udp;                  /* Protocol, else TCP. */
    bool local;                /* Only endpoints on this node. */
    bool drops;                /* No endpoint is usable, but on other nodes some are. */
    struct proxy_vip vips[PROXY_VIPS_MAX];
    size_t vip_count;
    struct proxy_endpoint endpoints[PROXY_ENDPOINTS_MAX]; /* Usable ones. */
    size_t endpoint_count;
    bool changed; /* In a plan: differs from what is loaded (by proxy_differs). */
};

/* A Service's health check that the node serves (spec.healthCheckNodePort). */
struct proxy_health {
    char namespace[256];
    char name[256];
    uint16_t port;
    unsigned local_ready; /* Ready endpoints on the node; terminating ones do not count. */
};

struct proxy_plan {
    struct proxy_port *ports; /* PROXY_PORTS_MAX at most; what is beyond is left out and counted. */
    size_t count;
    size_t left_out;
    struct proxy_health *health; /* PROXY_HEALTH_MAX at most. */
    size_t health_count;
};

/* Whose rules, and how. */
struct proxy_view {
    const char *node;       /* Name, for Local policies. */
    struct address node_v4; /* For node ports. */
    struct address node_v6;
    bool terminating_endpoints; /* KEP-1669. */
    bool masquerade;            /* Source addresses are translated. */
};

/* "rr, emulated", "random", "sh, emulated", "lc, by IPVS". */
const char *proxy_mode_text(enum proxy_mode mode);
/* The word of the command line; "rr", "ipvs-lc". */
const char *proxy_mode_word(enum proxy_mode mode);
/* IPVS's name of the scheduler; NULL when nftables balances. */
const char *proxy_mode_ipvs(enum proxy_mode mode);

/* Append the rings of SERVICE, whose endpoints are in SLICES (all of the namespace may be
 * given). */
void proxy_plan_add(struct proxy_plan *plan, const struct proxy_view *view, const cJSON *service,
                    const cJSON *const *slices, size_t count);
void proxy_plan_free(struct proxy_plan *plan);

/* What is loaded on a node now. */
struct proxy_ring {
    struct proxy_port port; /* As loaded; endpoints in ring order. */
    size_t position;        /* Index of the endpoint for the next connection when it was loaded. */
    unsigned chain;         /* Number in the names of its chain and counter. */
    uint64_t counted;       /* The counter when it was loaded. */
    struct proxy_endpoint drained[PROXY_ENDPOINTS_MAX]; /* By IPVS: those of weight 0. */
    size_t drained_count;
};

struct proxy {
    enum proxy_mode mode;
    struct proxy_ring *rings; /* PROXY_PORTS_MAX. */
    size_t count;             /* In use. */
    unsigned next_chain;      /* Number for the next new service port. */
    bool loaded;              /* The table exists. */
    bool replaces;            /* A table may exist, to be deleted. */
};

void proxy_init(struct proxy *proxy, enum proxy_mode mode);
void proxy_free(struct proxy *proxy);
/* Begin anew in MODE: the next sync replaces all rules in one go. */
void proxy_change_mode(struct proxy *proxy, enum proxy_mode mode);

/* Does PLAN differ from what is loaded? Marks its ports that do. */
bool proxy_differs(const struct proxy *proxy, struct proxy_plan *plan);

/* COUNTERS is the output of `nft -j list counters table inet proxy` (NULL: none): positions are
 * brought up to date from it. */
void proxy_count(struct proxy *proxy, const cJSON *counters);

/* Bring PROXY to PLAN and write the rules that do the same on the node. */
void proxy_sync(struct proxy *proxy, const struct proxy_plan *plan, struct text *rules);

/* By key; NULL when there is none. */
struct proxy_ring *proxy_ring_of(const struct proxy *proxy, const char *key);
const struct proxy_port *proxy_port_of(const struct proxy_plan *plan, const char *key);

/* Before proxy_sync(), by IPVS: what must change to come from PROXY to PLAN, as texts for
 * `ip -batch` (addresses of device kube-ipvs0) and `ipvsadm -R`. */
void proxy_sync_ipvs(struct proxy *proxy, const struct proxy_plan *plan, struct text *addresses,
                     struct text *servers);

/* Before proxy_sync(), by nftables: the flows of UDP that PLAN takes away from their endpoints, and
 * those from before there was one, as a text for `conntrack -R`. A connection of TCP ends by
 * itself; datagrams would follow the entry of the first for as long as they come, whatever the
 * rules say. */
void proxy_stale_flows(const struct proxy *proxy, const struct proxy_plan *plan, struct text *out);

/* Nobody knows what the node has loaded: the next sync is whole. */
void proxy_forget(struct proxy *proxy);

/* When syncs may be made: a burst, then one a period (k8s.io/kubernetes BoundedFrequencyRunner). */
struct proxy_limiter {
    int64_t period_ns; /* 0: no limit. */
    uint32_t burst;    /* Tokens at most. */
    double tokens;     /* Now. */
    int64_t filled_ns; /* When `tokens` was right. */
    int64_t wanted_ns; /* INT64_MAX: no sync is wanted. */
};

void proxy_limiter_init(struct proxy_limiter *limiter, int64_t period_ns, uint32_t burst,
                        int64_t now_ns);
/* A change wants a sync at WANTED_NS (an earlier wish that is still open stays). */
void proxy_limiter_want(struct proxy_limiter *limiter, int64_t wanted_ns);
/* When the next sync may be made; INT64_MAX when none is wanted. */
int64_t proxy_limiter_due(const struct proxy_limiter *limiter);
/* The sync is being made: takes a token. */
void proxy_limiter_take(struct proxy_limiter *limiter, int64_t now_ns);

#endif
