/* notice.h - what Kubernetes calls an Event: a component's remark about an object ("Killing",
 * "Unhealthy", "Scheduled"). Called a notice here, since events are what the client hands out.
 * Pure, as kube/pod.h. events.k8s.io/v1 and core/v1 read alike. */
#ifndef KUBE_NOTICE_H
#define KUBE_NOTICE_H

#include "kube/pod.h"

struct kube_notice {
    const char *about_kind;            /* Of the object that it is about. */
    const char *about_namespace;       /* May be "". */
    const char *about_name;            /* Of that object. */
    const char *about_uid;             /* May be "". */
    const char *reason;                /* One word. */
    const char *note;                  /* For people. */
    bool warning;                      /* Its type is Warning, not Normal. */
    const char *source;                /* Component, as "kubelet". */
    int64_t count;                     /* How often it has been seen; at least 1. */
    int64_t first_utc_ns, last_utc_ns; /* INT64_MIN when absent. */
};

void kube_notice_read(struct kube_arena *arena, const cJSON *json, struct kube_notice *notice);

#endif
