/* cluster.h - the cluster's part in a run: what it tells goes on the timeline, what is changed in
 * it is permitted, journalled and made.
 *
 * A change is started by cluster_change(), which returns at once; cluster_poll() drives it. Before
 * it is made, the experiment's `mayChange` must name the object, and how to put it back is written
 * to undo.jsonl, flushed to the disk:
 *
 *     {"n":1,"at":NS,"text":"set image of ...","object":"deployment/mserver","undo":{...}}
 *     {"done":1}                the change was made (absent after a crash: it may or may not have
 * been)
 *     {"undone":1}              it was put back
 *
 * Threads: control only. Memory: malloc.
 */
#ifndef RUN_CLUSTER_H
#define RUN_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "kube/kube.h"
#include "plan/experiment.h"
#include "rundir/rundir.h"

enum {
    CLUSTER_CHANGES_MAX = 128
};

struct cluster_change {
    uint32_t action; /* kube's number while under way; 0: free or over. */
    bool journalled; /* Its undo entry is written. */
    bool refused;    /* The experiment does not permit it. */
    bool over;       /* `result` is final. */
    bool created;    /* apply made the object: delete-applied may delete it. */
    bool undone;     /* It was put back, or deleted again. */
    struct kube_result result;
    char text[320]; /* What it does. */
};

struct cluster {
    struct kube *kube; /* NULL: the experiment has no cluster. */
    const struct experiment *experiment;
    const struct clock *clock;
    struct rundir *rundir;
    unsigned change_count;
    struct cluster_change changes[CLUSTER_CHANGES_MAX]; /* In the order of their start. */
    uint64_t first_change_ns; /* Sent stamp of the first change that is none of apply's; 0: none. */
};

/* Read the kubeconfig, reach the server, and follow the usual kinds until their caches are whole or
 * DEADLINE_NS has passed. KUBECONFIG: path (the lab's own for "lab"). 0 or -errno with ERR. */
int cluster_open(struct cluster *cluster, const struct experiment *experiment,
                 const char *kubeconfig, const struct clock *clock, struct error *err);
void cluster_close(struct cluster *cluster);

/* Wait at most TIMEOUT_MS for something; put what comes on the timeline in RUNDIR. 0, or -errno
 * with ERR when a watch stopped for good or the timeline cannot be written. */
int cluster_poll(struct cluster *cluster, unsigned timeout_ms, struct error *err);

/* Begin a change. Its index in `changes`, or -errno with ERR. `confirm` is set here. */
int cluster_change(struct cluster *cluster, struct kube_order *order, struct error *err);
/* The index of a change that deletes what change WHICH created. */
int cluster_delete_created(struct cluster *cluster, unsigned which, struct error *err);

#endif
