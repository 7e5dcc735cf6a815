/* endpointslice.h - which addresses stand behind a Service, and in what state. Pure, as kube/pod.h.
 *
 * discovery.k8s.io/v1 and v1beta1 read alike (v1beta1 has the node under `topology`). An absent
 * `ready` means ready, an absent `terminating` means not: as the API reference has it.
 *
 * core/v1 Endpoints, which servers without slices have, read as one slice: of the family of their
 * first address, with the ports of their first subset; whether an endpoint terminates they do not
 * say. */
#ifndef KUBE_ENDPOINTSLICE_H
#define KUBE_ENDPOINTSLICE_H

#include "kube/pod.h"

enum {
    KUBE_ENDPOINTS_MAX = 1000, /* Endpoints of a slice: the API's own limit. */
    KUBE_PORTS_MAX = 100,      /* Ports of a slice or a service: the API's own limit. */
};

enum kube_address_type {
    KUBE_ADDRESS_IPV4,
    KUBE_ADDRESS_IPV6,
    KUBE_ADDRESS_FQDN,
};

struct kube_endpoint {
    struct kube_addresses addresses; /* All reach the same endpoint; the first one is used. */
    bool ready;                      /* New connections are sent there. */
    bool terminating;                /* Its pod is being deleted. */
    const char *pod;                 /* Name of the target Pod; "" when the target is none. */
    const char *pod_uid;             /* "" when the target is no Pod. */
    const char *node;                /* nodeName; may be "". */
};

struct kube_endpoint_port {
    const char *name; /* As the Service's port; "" when it has none. */
    int protocol;     /* IPPROTO_TCP, _UDP, _SCTP. */
    uint16_t port;    /* 0 when absent: all ports. */
};

struct kube_endpointslice {
    const char *service; /* Label kubernetes.io/service-name; "" when it belongs to none. */
    enum kube_address_type address_type; /* Of all its addresses. */
    unsigned endpoints_count;            /* At most KUBE_ENDPOINTS_MAX. */
    struct kube_endpoint *endpoints;     /* In the server's order. */
    unsigned ports_count;                /* At most KUBE_PORTS_MAX. */
    struct kube_endpoint_port *ports;    /* The same for all endpoints. */
};

void kube_endpointslice_read(struct kube_arena *arena, const cJSON *json,
                             struct kube_endpointslice *slice);
/* "TCP" and its kin to IPPROTO_; TCP when absent, as the API defaults; 0 when unknown. */
int kube_protocol_read(const char *text);

#endif
