/* cluster.h - the control plane: which controller runs when, and its changes applied to the store.
 *
 * Reads the store's log by cursor; each change asks for work (an object's synchronisation) after
 * the delay that the profile draws. Work on one object is kept once, at the earliest time asked
 * for.
 *
 *     cluster_run(&cluster, now_ns, utc_ns);   reads events, does what is due
 *     cluster_due(&cluster);                    when to call it again if nothing happens before
 *
 * Threads: the daemon's one. Times: now_ns on a monotonic clock, utc_ns since 1970. Memory: a table
 * of CLUSTER_WORK_MAX items; when it is full the whole cluster is synchronised at once (and it
 * empties).
 */
#ifndef LAB_CLUSTER_H
#define LAB_CLUSTER_H

#include <stddef.h>
#include <stdint.h>

#include "lab/change.h"
#include "lab/controller_service.h"
#include "lab/profile.h"
#include "lab/store.h"

enum {
    CLUSTER_WORK_MAX = 4096,
    CLUSTER_EVENTS_MAX = 1000
};

struct cluster_work {
    enum store_kind kind;              /* Whose synchronisation; EVENT: garbage collection. */
    bool slices;                       /* SERVICE: its EndpointSlices, not its addresses. */
    char namespace[CHANGE_NAME_BYTES]; /* Of the object. */
    char name[CHANGE_NAME_BYTES];
    int64_t due_ns;
};

struct cluster {
    struct store *store;                  /* Borrowed. */
    const struct profile *profile;        /* Borrowed. */
    struct random *random;                /* Borrowed; draws of delays. */
    struct service_pools pools;           /* Addresses of Services. */
    unsigned minor;                       /* It is a cluster of Kubernetes 1.minor. */
    uint64_t cursor;                      /* resourceVersion up to which events were read. */
    struct cluster_work *work;            /* In no order. */
    size_t count;                         /* Items in use. */
    char (*events)[2][CHANGE_NAME_BYTES]; /* Names of the newest Events, to remove the oldest. */
    size_t event_next;                    /* Where the next name goes. */
};

void cluster_init(struct cluster *cluster, struct store *store, const struct profile *profile,
                  struct random *random, unsigned minor);
void cluster_free(struct cluster *cluster);

void cluster_run(struct cluster *cluster, int64_t now_ns, int64_t utc_ns);
int64_t cluster_due(const struct cluster *cluster);

/* Carry out CHANGES and empty the list. For the kubelet too. */
void cluster_apply(struct cluster *cluster, struct changes *changes, int64_t utc_ns);

#endif
