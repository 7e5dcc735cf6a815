/* merge.h - shares of one experiment, each sent by an appliance of its own at the same time, as one
 * run. Pure.
 *
 * What must be true of them: one plan of traffic, but for the streams' rates and connections,
 * which add up to those of the whole; one cluster; at most one of them changed it; clocks whose
 * difference is bounded; times that overlap.
 *
 *     start of share i, in UTC   middle of (UTC - run time) over its samples, +- half their range
 *     clock i less clock 0       by what both know of the API server's clock, when nothing else is
 *                                said: middle of [s_i.least - s_0.most, s_i.most - s_0.least]
 *     run time of the whole      that of the share that began first; whole microseconds are added
 *                                to the others' stamps
 *     its error                  the largest sum of both errors over the shares
 *
 * Threads: none. Memory: malloc, by meta_free and timeline_free.
 */
#ifndef ANALYZE_MERGE_H
#define ANALYZE_MERGE_H

#include "plan/experiment.h"
#include "rundir/log_share.h"
#include "rundir/meta.h"
#include "rundir/timeline.h"

enum {
    MERGE_SHARES_MAX = 64
};

struct merge_share {
    const char *directory;
    struct meta meta;
    const struct experiment *experiment;
    const struct timeline *timeline;
    struct log_share place;  /* Out: of its logs in the whole. */
    uint64_t clock_error_ns; /* Out: of its stamps against the other shares'. */
};

struct merge_options {
    bool clock_given;        /* Else by the API server's clock. */
    uint64_t clock_error_ns; /* The appliances' clocks are apart by so much at most. */
};

/* Place COUNT shares, 2 at least, in WHOLE, the plan of all. 0, or -EINVAL with ERR: why they
 * cannot be joined. */
int merge_place(struct merge_share *shares, size_t count, const struct experiment *whole,
                const struct merge_options *options, struct error *err);
/* After merge_place: meta.json and the timeline of the whole. The timeline is that of the share
 * that changed the cluster, or else of the one that saw most; of the others only what happened to
 * the tester. 0 or -ENOMEM. */
int merge_meta(const struct merge_share *shares, size_t count, const struct experiment *whole,
               struct meta *out);
int merge_timeline(const struct merge_share *shares, size_t count, struct timeline *out);

#endif
