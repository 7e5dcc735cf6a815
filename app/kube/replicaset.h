/* replicaset.h - what seamline needs to know of a ReplicaSet: which pods are old and which are new.
 * Pure, as kube/pod.h. Source: Kubernetes API reference, apps/v1 ReplicaSet. */
#ifndef KUBE_REPLICASET_H
#define KUBE_REPLICASET_H

#include "kube/pod.h"

struct kube_replicaset {
    int64_t replicas;           /* spec.replicas: wanted. */
    int64_t status_replicas;    /* Pods that it has now. */
    int64_t ready_replicas;     /* Of those, ready ones. */
    int64_t available_replicas; /* Of those, available ones. */
    const char *revision;       /* Annotation deployment.kubernetes.io/revision; may be "". */
    struct kube_containers containers; /* Of the template: names and images. */
};

void kube_replicaset_read(struct kube_arena *arena, const cJSON *json,
                          struct kube_replicaset *replicaset);

#endif
