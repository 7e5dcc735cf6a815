/* cluster.h - the cluster's part in a run: what it tells goes on the timeline, what is changed in
 * it is permitted, journalled and made.
 *
 * A change is started by cluster_change(), which returns at once; cluster_poll() drives it. Before
 * it is made, the experiment's `mayChange` must name the object, and how to put it back is written
 * to the journal (run/journal.h), flushed to the disk. A change that cannot be journalled is not
 * made, unless there is nothing to put back.
 *
 * A timeline that cannot be written ends no run: struct rundir keeps the first failure.
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
#include "run/journal.h"
#include "rundir/rundir.h"

enum {
    CLUSTER_CHANGES_MAX = JOURNAL_ENTRIES_MAX, /* The later half is for deletions. */
};

struct cluster_change {
    uint32_t action;     /* kube's number while under way; 0: free or over. */
    bool journalled;     /* Its undo entry is written. */
    bool over;           /* `result` is final. Before, its sent_ns may be known: of a drain. */
    bool refused;        /* mayChange does not name the object. */
    bool created;        /* apply made the object: delete-applied may delete it. */
    bool tried;          /* Its deletion was begun in this delete-applied step. */
    bool undone;         /* It was put back, or deleted again. */
    bool held;           /* When prepared it waits for cluster_release(): its maker says so at
                            once. */
    bool lasts;          /* Many requests, or one that waits: a drain, an eviction, until gone. */
    bool temporary;      /* To be put back by cluster_put_back(): its maker says so at once. */
    char *undo;          /* temporary: how, as JSON; NULL: nothing to put back. */
    int deletes;         /* Index of the change whose object it deletes; -1: it is none of those. */
    const cJSON *object; /* apply: what was applied; the manifest's. */
    struct kube_result result;
    char text[320];   /* What it does. */
    char target[192]; /* "deployment/mserver"; "" until it is prepared. */
};

struct cluster {
    struct kube *kube; /* NULL: the experiment has no cluster. */
    const struct experiment *experiment;
    const struct clock *clock;
    struct rundir *rundir;
    char lab[192];     /* The server is a seamline-lab, and says which; "": no lab, or kubeconfig
                        * is "lab". */
    bool putting_back; /* cluster_put_back() is at work. */
    unsigned change_count;
    struct cluster_change changes[CLUSTER_CHANGES_MAX]; /* In the order of their start. */
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
/* Let a change go on that was held. */
void cluster_release(struct cluster *cluster, unsigned which);
/* Begin to delete what change WHICH created: that very object, with its own grace, until it is
 * gone. The index of the new change. */
int cluster_delete_created(struct cluster *cluster, unsigned which, struct error *err);
/* The deletion of something that apply made was begun in vain. */
bool cluster_has_left(const struct cluster *cluster);
/* Nothing more is to be changed by what is under way: give up what was not asked for yet and what
 * goes on by itself, and wait at most TIMEOUT_MS for answers to the rest. All are over then; of one
 * without an answer it is not known whether it was made. */
void cluster_settle(struct cluster *cluster, unsigned timeout_ms);
/* Put back what is temporary, the last change first, waiting at most TIMEOUT_MS for each. What is
 * gone is left alone. 0, or -errno with the first failure in ERR; others are told on stderr. */
int cluster_put_back(struct cluster *cluster, unsigned timeout_ms, struct error *err);
/* Write to the journal which cluster this is. 0 or -errno with ERR. */
int cluster_journal(struct cluster *cluster, const char *kubeconfig, struct error *err);

#endif
