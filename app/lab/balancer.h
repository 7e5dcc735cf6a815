/* balancer.h - a front balancer for Services of type LoadBalancer: which nodes it sends to, and the
 * nftables rules of its hop.
 *
 *     clients ---- balancer ---- node (any that is in) ---- pod
 *        \____________________________/ answers, not by the balancer
 *
 * It is stateless: a packet's 5-tuple decides, for each by itself, and nothing is remembered of
 * connections. Destination addresses stay (the nodes know the VIPs). With n nodes the hash has
 * n (n - 1) values; node (value mod n) is its home. While a node is out its values go to the
 * others, evenly, and no other value moves:
 *
 *     home(v) = v mod n;   else (home + 1 + (v / n + k) mod (n - 1)) mod n for k = 0, 1, ...
 *
 * Without a node, and for what is no Service's port, it is silent.
 *
 * A node is in when a probe found it well, and goes out by `failures` probes in a row that did not,
 * or, with a fixed lag, when it has not been well for so long. One that bears the label
 * node.kubernetes.io/exclude-from-external-load-balancers, or is being deleted, is not in the pool.
 * Neither cordon nor readiness matters (Kubernetes 1.27 and later, KEP-3458): probes tell. What is
 * probed: healthCheckNodePort (externalTrafficPolicy: Local), else kube-proxy's port 10256.
 *
 * Threads: pure. Memory: fixed; Services and nodes beyond the limits are left out.
 */
#ifndef LAB_BALANCER_H
#define LAB_BALANCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/json.h"
#include "base/text.h"

enum {
    BALANCER_SERVICES_MAX = 32,
    BALANCER_NODES_MAX = 32,
    BALANCER_VIPS_MAX = 32,
    BALANCER_FAILURES = 2, /* Probes in a row. */
    BALANCER_KEY_BYTES = 400
};

#define BALANCER_EXCLUDE "node.kubernetes.io/exclude-from-external-load-balancers"

/* What is known of one node's health for one Service. */
struct balancer_health {
    bool well;          /* In, as far as health goes. */
    unsigned failures;  /* In a row. */
    int64_t failing_ns; /* When the first of them began. */
    int64_t lag_ns;     /* From then to out; 0: by the number of failures. */
};

struct balancer_vip {
    struct address address;
    uint16_t port;
    bool udp;
};

struct balancer_service {
    char key[BALANCER_KEY_BYTES]; /* "namespace/name". */
    uint16_t probe_port;          /* On every node. */
    struct balancer_vip vips[BALANCER_VIPS_MAX];
    size_t vip_count;
    struct balancer_health health[BALANCER_NODES_MAX]; /* By node. */
};

struct balancer {
    size_t node_count;
    bool pool[BALANCER_NODES_MAX]; /* By node: may be used. */
    struct balancer_service services[BALANCER_SERVICES_MAX];
    size_t service_count;
};

/* NODE (0-based) is in the pool when OBJECT (NULL: there is none) may be used. */
bool balancer_node_usable(const cJSON *object);

/* Is SERVICE balanced, that is: of type LoadBalancer and has a VIP? Then fills in OUT, without
 * health. */
bool balancer_service_of(const cJSON *service, struct balancer_service *out);

/* Take SERVICES for those of BALANCER; what is known of one's health stays while it is probed at
 * the same port. */
void balancer_replace(struct balancer *balancer, const struct balancer_service *services,
                      size_t count);

/* A probe that began at BEGAN_NS has come to its end at NOW_NS. LAG_NS is the fixed lag for the
 * case that it is the first to fail. True when `well` has changed. */
bool balancer_probed(struct balancer_health *health, bool good, int64_t began_ns, int64_t now_ns,
                     int64_t lag_ns);

bool balancer_in(const struct balancer *balancer, const struct balancer_service *service,
                 size_t node);

/* The node for value VALUE of the hash; -1 when none is in. */
int balancer_node_of(const struct balancer *balancer, const struct balancer_service *service,
                     unsigned value);
unsigned balancer_values(const struct balancer *balancer);

/* The whole table as one transaction for `nft -f`; mark i + 1 leads to node i. */
void balancer_rules(const struct balancer *balancer, struct text *rules);

#endif
