/* pod.h - what seamline needs to know of a Pod. Pure: JSON in, a struct out, memory in the object's
 * arena. Absent members read as empty, zero or false; no input is refused, but arrays are bounded
 * and the rest is cut. Source: Kubernetes API reference, core/v1 Pod. */
#ifndef KUBE_POD_H
#define KUBE_POD_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "kube/arena.h"

enum {
    KUBE_CONTAINERS_MAX = 64, /* Containers of a pod or a template that are read. */
    KUBE_CONDITIONS_MAX = 32, /* Conditions of any object that are read. */
    KUBE_ADDRESSES_MAX = 64,  /* Addresses of any object that are read. */
};

/* `conditions[]` of any kind. */
struct kube_condition {
    const char *type;    /* "Ready", "Progressing", ... */
    const char *status;  /* "True", "False" or "Unknown". */
    const char *reason;  /* One word, "ProgressDeadlineExceeded"; may be "". */
    const char *message; /* For people; may be "". */
};

struct kube_conditions {
    unsigned count;              /* Of all. */
    struct kube_condition *each; /* In the server's order. */
};

struct kube_addresses {
    unsigned count;       /* Of those that are IP addresses. */
    struct address *each; /* In the server's order: the first one is the primary. */
};

enum kube_container_state {
    KUBE_CONTAINER_UNKNOWN, /* The kubelet has not said anything. */
    KUBE_CONTAINER_WAITING,
    KUBE_CONTAINER_RUNNING,
    KUBE_CONTAINER_TERMINATED,
};

struct kube_container {
    const char *name;                /* Unique in its pod. */
    const char *image;               /* As the spec has it. */
    bool readiness_probe;            /* The spec has one. */
    bool pre_stop;                   /* The spec has a preStop hook. */
    bool ready;                      /* Its readiness probe passes. */
    enum kube_container_state state; /* As the kubelet last said. */
    const char *reason; /* Of that state: "ImagePullBackOff", "CrashLoopBackOff", "Error"; or "". */
    const char *message; /* Of that state. */
    int64_t exit_code;   /* When terminated, and of one that waits: when it ran last; else 0. */
};

struct kube_containers {
    unsigned count;              /* At most KUBE_CONTAINERS_MAX. */
    struct kube_container *each; /* In the spec's order. */
};

enum kube_pod_phase {
    KUBE_POD_UNKNOWN,
    KUBE_POD_PENDING,
    KUBE_POD_RUNNING,
    KUBE_POD_SUCCEEDED,
    KUBE_POD_FAILED,
};

struct kube_pod {
    struct kube_addresses ips;         /* One a family. */
    const char *node;                  /* spec.nodeName; "" while not scheduled. */
    enum kube_pod_phase phase;         /* status.phase. */
    bool ready;                        /* The Ready condition is True. */
    const char *reason;                /* status.reason, as "Evicted"; or "". */
    struct kube_containers containers; /* In the spec's order, with their states. */
    struct kube_containers inits;      /* spec.initContainers, likewise: they run before. */
    struct kube_conditions conditions; /* Ready, PodScheduled and others. */
};

void kube_pod_read(struct kube_arena *arena, const cJSON *json, struct kube_pod *pod);
const char *kube_pod_phase_text(enum kube_pod_phase phase);

/* Why the pod is not ready, as one short sentence: "not scheduled: Unschedulable: ...", "init
 * container fetch is not done yet", "container web: ImagePullBackOff: ...", "container web runs,
 * but its readiness probe does not pass"; "" when it is ready. The first cause that explains the
 * others wins. Into OUT, at most OUT_BYTES with the NUL. */
void kube_pod_why_not_ready(const struct kube_pod *pod, char *out, unsigned out_bytes);

/* Whether a container has a readiness probe; a preStop hook. */
bool kube_pod_is_probed(const struct kube_pod *pod);
bool kube_pod_has_hook(const struct kube_pod *pod);

/* Shared by the other kinds' readers. */
void kube_conditions_read(struct kube_arena *arena, const cJSON *array,
                          struct kube_conditions *conditions);
/* NULL when there is none of that type. */
const struct kube_condition *kube_condition_find(const struct kube_conditions *conditions,
                                                 const char *type);
/* The containers of a pod spec, without states. */
void kube_containers_read(struct kube_arena *arena, const cJSON *pod_spec,
                          struct kube_containers *containers);
/* Append the address TEXT, when it is one and there is room. */
void kube_addresses_add(struct kube_arena *arena, struct kube_addresses *addresses,
                        const char *text);

#endif
