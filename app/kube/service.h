/* service.h - what seamline needs to know of a Service: where its traffic goes. Pure, as
 * kube/pod.h. Source: Kubernetes API reference, core/v1 Service. */
#ifndef KUBE_SERVICE_H
#define KUBE_SERVICE_H

#include "kube/endpointslice.h"
#include "kube/workload.h"

enum kube_service_type {
    KUBE_SERVICE_CLUSTER_IP,
    KUBE_SERVICE_NODE_PORT,
    KUBE_SERVICE_LOAD_BALANCER,
    KUBE_SERVICE_EXTERNAL_NAME,
};

struct kube_service_port {
    const char *name;   /* "" when it has none. */
    int protocol;       /* IPPROTO_TCP, _UDP, _SCTP. */
    uint16_t port;      /* At the VIP and the cluster IPs. */
    uint16_t node_port; /* At every node's addresses; 0 when there is none. */
};

struct kube_service {
    enum kube_service_type type;       /* Which ways in there are. */
    struct kube_addresses cluster_ips; /* Empty for a headless Service. */
    bool headless;                     /* clusterIP is "None". */
    struct kube_addresses ingress_ips; /* status.loadBalancer.ingress[].ip. */
    unsigned ingress_hosts_count;      /* Of ingress_hosts. */
    const char **ingress_hosts;        /* status.loadBalancer.ingress[].hostname. */
    unsigned ports_count;              /* At most KUBE_PORTS_MAX. */
    struct kube_service_port *ports;   /* In the spec's order. */
    struct kube_labels selector;       /* Empty: its endpoints are made by hand. */
};

void kube_service_read(struct kube_arena *arena, const cJSON *json, struct kube_service *service);
const char *kube_service_type_text(enum kube_service_type type);

#endif
