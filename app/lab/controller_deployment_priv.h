/* controller_deployment_priv.h - what the two halves of the Deployment controller share: scaling
 * (controller_deployment.c) and status (controller_deployment_status.c). */
#ifndef LAB_CONTROLLER_DEPLOYMENT_PRIV_H
#define LAB_CONTROLLER_DEPLOYMENT_PRIV_H

#include "lab/controller_deployment.h"

/* A ReplicaSet as one synchronisation sees it. */
struct deployment_set {
    const cJSON *stored; /* NULL when it is made in this synchronisation. */
    cJSON *object;       /* A changed copy; NULL when it is as stored. */
    int64_t created_ns;  /* creationTimestamp. */
    int64_t spec;        /* spec.replicas, with this synchronisation's changes. */
    int64_t replicas;    /* From the status, as are the next three. */
    int64_t ready;
    int64_t available;
    int64_t terminating;
    int64_t revision; /* By annotation; 0 when absent. */
};

struct deployment_sync {
    const cJSON *deployment;         /* As stored. */
    cJSON *object;                   /* Changed copy: annotations and status. */
    struct deployment_limits limits; /* Its rolling limits; 0 for Recreate. */
    int64_t replicas;                /* spec.replicas wanted. */
    int64_t utc_ns;                  /* Now. */
    struct deployment_set sets[DEPLOYMENT_REPLICASETS_MAX + 1]; /* Oldest first. */
    size_t count;                                               /* Sets in use. */
    struct deployment_set *new_set; /* The one of the present template, or NULL. */
    struct changes *changes;        /* Where changes go. */
    char created_name[256];         /* Of the set made in this synchronisation; "" when none. */
};

const cJSON *deployment_set_object(const struct deployment_set *set);
/* Write status and conditions into sync->object. */
void deployment_status_update(struct deployment_sync *sync);

#endif
