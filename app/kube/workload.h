/* workload.h - what seamline needs to know of a Deployment, StatefulSet or DaemonSet: what makes
 * pods from a template. Pure, as kube/pod.h.
 *
 * All three are told in a Deployment's words, so that what rolls out is waited for in one way
 * (kube/rollout.h). A DaemonSet wants a pod for each of its nodes; a StatefulSet's partition keeps
 * pods below it as they are.
 *
 * Source: Kubernetes API reference, apps/v1 Deployment, StatefulSet, DaemonSet. */
#ifndef KUBE_WORKLOAD_H
#define KUBE_WORKLOAD_H

#include "kube/pod.h"
#include "kube/resource.h"

struct kube_label {
    const char *name;  /* With its prefix, if any. */
    const char *value; /* May be "". */
};

enum {
    KUBE_LABELS_MAX = 256
};

struct kube_labels {
    unsigned count;          /* Of all. */
    struct kube_label *each; /* In the server's order. */
};

enum kube_strategy {
    KUBE_ROLLING_UPDATE,
    KUBE_RECREATE,  /* Deployments: all old pods go before new ones come. */
    KUBE_ON_DELETE, /* StatefulSets, DaemonSets: a pod is new once somebody deleted the old one. */
};

struct kube_workload {
    int64_t replicas;                  /* spec.replicas: wanted; 1 when absent. DaemonSet:
                                           status.desiredNumberScheduled. */
    int64_t observed_generation;       /* The generation that the status below belongs to. */
    int64_t status_replicas;           /* Pods not terminating, of all ReplicaSets. */
    int64_t updated_replicas;          /* Of the newest template. */
    int64_t to_update;                 /* How many of `replicas` are to become so: all that are
                                           not below a StatefulSet's partition. */
    int64_t ready_replicas;            /* Passing their readiness probes. */
    int64_t available_replicas;        /* Ready for spec.minReadySeconds. */
    int64_t progress_deadline_s;       /* spec.progressDeadlineSeconds; 600 when absent. */
    bool paused;                       /* spec.paused: no change of the template rolls out. */
    enum kube_strategy strategy;       /* How a new template comes in. */
    struct kube_labels selector;       /* spec.selector.matchLabels. */
    struct kube_containers containers; /* Of the template: names and images. */
    struct kube_conditions conditions; /* Available, Progressing. */
};

/* KIND: one for which kube_kind_is_workload(). */
void kube_workload_read(struct kube_arena *arena, enum kube_kind kind, const cJSON *json,
                        struct kube_workload *workload);
void kube_labels_read(struct kube_arena *arena, const cJSON *object, struct kube_labels *labels);
/* NULL when there is none of that name. */
const char *kube_labels_get(const struct kube_labels *labels, const char *name);
/* True when every one of SELECTOR is in LABELS with the same value; false for an empty selector. */
bool kube_labels_match(const struct kube_labels *selector, const struct kube_labels *labels);
/* "app=mserver,tier=x" into OUT, at most OUT_BYTES with the NUL; returns OUT. */
const char *kube_labels_text(const struct kube_labels *labels, char *out, unsigned out_bytes);

#endif
