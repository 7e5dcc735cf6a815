/* kubelet_status.h - a Pod's status as its kubelet writes it, and what its spec tells the kubelet.
 *
 * Pure. Source of the shapes: a recording of Kubernetes 1.36.
 */
#ifndef LAB_KUBELET_STATUS_H
#define LAB_KUBELET_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "lab/kubelet.h"

struct kubelet_facts {
    const char *pod_v4; /* Addresses; "" when it has none. */
    const char *pod_v6;
    const char *host_v4; /* Its node's. */
    const char *host_v6;
    const char
        *waiting; /* Reason why nothing runs ("ContainerCreating", "ErrImagePull"); NULL: it runs
                            or has ended. */
    const char *message; /* For `waiting`; may be NULL. */
    bool ready;          /* The Ready condition. */
    bool ended;          /* The process has ended for good: phase Succeeded or Failed. */
    int exit_code;       /* Of the last process; 128 + N after signal N. */
    int64_t started_ns;  /* Of the present or last process, UTC; 0: none was. */
    int64_t ended_ns;    /* Of its end, UTC; 0: it runs. */
    uint32_t restarts;   /* Of the process. */
    uint64_t container;  /* Number that makes the container's id. */
};

/* A copy of POD with the status that FACTS give at UTC. */
cJSON *kubelet_status(const cJSON *pod, const struct kubelet_facts *facts, int64_t utc_ns);

/* Hook, probe and restart policy of POD's first container. ready_delay_ns is left as it is. */
void kubelet_settings_of(const cJSON *pod, struct kubelet_settings *settings);

/* The signal that asks POD's first container to end: lifecycle.stopSignal ("SIGQUIT"; Kubernetes
 * 1.33, ContainerStopSignals), else SIGTERM. POD may be NULL. */
int kubelet_stop_signal(const cJSON *pod);

#endif
