/* node.h - what seamline needs to know of a Node: where to send, and whether it takes part. Pure,
 * as kube/pod.h. Source: Kubernetes API reference, core/v1 Node. */
#ifndef KUBE_NODE_H
#define KUBE_NODE_H

#include "kube/pod.h"

struct kube_node {
    bool ready;                     /* The Ready condition is True. */
    bool told;                      /* It has a Ready condition at all. */
    const char *ready_reason;       /* Of that; may be "". */
    const char *ready_message;      /* Likewise. */
    bool unschedulable;             /* Cordoned. */
    struct kube_addresses internal; /* InternalIP, in the server's order. */
};

void kube_node_read(struct kube_arena *arena, const cJSON *json, struct kube_node *node);
/* "NodeStatusUnknown: Kubelet stopped posting node status."; "" when it is ready. */
void kube_node_why_not_ready(const struct kube_node *node, char *out, unsigned out_bytes);

#endif
