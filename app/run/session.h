/* session.h - all that one run has, shared by the parts of run/. Threads: control only. */
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/utc.h"
#include "plan/experiment.h"
#include "plan/machine.h"
#include "plan/manifest.h"
#include "run/cluster.h"
#include "run/events.h"
#include "run/fleet.h"
#include "run/live.h"
#include "run/metrics.h"
#include "run/pieces.h"
#include "run/run.h"
#include "rundir/meta.h"
#include "rundir/rundir.h"
#include "rundir/timeline.h"

enum {
    SESSION_MANIFESTS = 16
};

struct session {
    const struct run_options *options;
    struct experiment *experiment;
    struct machine *machine;
    struct manifest manifests[SESSION_MANIFESTS];  /* All files of apply steps, the rollout written
                                                     over, in the order of first mention. */
    const char *manifest_files[SESSION_MANIFESTS]; /* As the steps name them. */
    size_t manifest_count;
    struct clock clock;
    struct utc *utc;
    struct rundir rundir;
    bool recording; /* The run directory is open. */
    bool measuring; /* Preparation is over: the run directory is worth keeping. */
    bool told;      /* That something cannot be written. */
    struct meta meta;
    struct fleet fleet;
    struct pieces pieces; /* Of the capture, when it was asked for. */
    struct events events; /* For who follows the run. */
    struct live live;     /* The run as it is now. */
    struct metrics metrics;
    bool fleet_open, launched;
    char kubeconfig[PATH_MAX]; /* Of the cluster; "" without one. */
    struct cluster cluster;    /* cluster.kube NULL: none. */
    bool proxies_differ;       /* kube-proxy's configuration is to be changed. */
    bool proxies_restarted;    /* It was, and its pods were restarted. */
    char lab_directory[256];   /* Of the pocket cluster; "" when it is not used. */
    bool lab_started;          /* By us: to be taken down. */
};

/* Put an event of our own on the timeline: [since, now]. SINCE_NS 0 stands for now. One that cannot
 * be written is kept in mind by rundir, and ends nothing. */
void session_note(struct session *session, enum timeline_kind kind, const char *object,
                  const char *text, uint64_t since_ns);

#endif
