/* timeline.h - what happened in the cluster and to the run, with two stamps each.
 *
 * An event happened within [not_before_ns, not_after_ns] of run time: the API's own stamps are
 * whole seconds and a watch's arrival is only an upper bound, so a single stamp would be a guess.
 * An event of our own (a step, an action) has both from our clock. `unseen` events are gaps:
 * between the two stamps a watch was broken, and what happened there was not seen.
 *
 * File form: cluster.jsonl, one object a line, in order of arrival (not_after_ns), see
 * docs/file-formats.md. A line of it that is no event is left out, counted and told: those after it
 * stand for themselves. Threads: control only. Memory: malloc; bounded by TIMELINE_EVENTS_MAX, then
 * refused and counted.
 */
#ifndef RUNDIR_TIMELINE_H
#define RUNDIR_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    TIMELINE_EVENTS_MAX = 1 << 20,
    TIMELINE_NAME_BYTES = 254, /* The longest name of Kubernetes, 253, and the NUL. */
    TIMELINE_TEXT_BYTES = 256,
    TIMELINE_WHY_BYTES = 200
};

/* id, text */
#define TIMELINE_KINDS(X)                                                                          \
    X(RUN_START, "run-start")                                                                      \
    X(RUN_END, "run-end")                                                                          \
    X(STEP_START, "step-start")       /* object: the step's id; text: what it does */              \
    X(STEP_END, "step-end")           /* text: how it ended */                                     \
    X(STREAM_START, "stream-start")   /* object: the stream */                                     \
    X(STREAM_STEADY, "stream-steady") /* every flow answered: baseline begins */                   \
    X(STREAM_STOP, "stream-stop")                                                                  \
    X(CHANGE, "change") /* we asked the API for a change: [sent, answered] */                      \
    X(POD_CREATED, "pod-created")                                                                  \
    X(POD_SCHEDULED, "pod-scheduled")                                                              \
    X(POD_READY, "pod-ready")                                                                      \
    X(POD_NOT_READY, "pod-not-ready")                                                              \
    X(POD_TERMINATING, "pod-terminating") /* deletionTimestamp set */                              \
    X(POD_GONE, "pod-gone")                                                                        \
    X(ENDPOINT_READY, "endpoint-ready") /* object: the pod; text: the slice's service */           \
    X(ENDPOINT_TERMINATING, "endpoint-terminating")                                                \
    X(ENDPOINT_REMOVED, "endpoint-removed")                                                        \
    X(ROLLOUT_PROGRESS, "rollout-progress")                                                        \
    X(ROLLOUT_COMPLETE, "rollout-complete")                                                        \
    X(ROLLOUT_FAILED, "rollout-failed")                                                            \
    X(NODE_CHANGED, "node-changed")                                                                \
    X(SERVICE_CHANGED, "service-changed")                                                          \
    X(WATCH_BROKEN, "watch-broken") /* it goes on from where it was; object: the collection */     \
    X(WATCH_GAP, "watch-gap")       /* unseen; object: the collection */                           \
    X(TESTER, "tester")             /* a next hop's MAC changed, a link went down, ... */          \
    X(NOTE, "note")

enum timeline_kind {
#define X(id, text) TIMELINE_##id,
    TIMELINE_KINDS(X)
#undef X
    TIMELINE_KIND_COUNT
};

struct timeline_event {
    uint64_t not_before_ns; /* Run time; 0 when only the upper bound is known. */
    uint64_t not_after_ns;  /* Run time. */
    enum timeline_kind kind;
    bool unseen;                      /* A gap rather than an event. */
    bool ours;                        /* We did it; false: others (the cluster, other people). */
    char object[TIMELINE_NAME_BYTES]; /* Name within its kind: a pod, a stream, a step's id. */
    char node[TIMELINE_NAME_BYTES];   /* Pods: where; otherwise empty. */
    char text[TIMELINE_TEXT_BYTES];   /* Details for people. */
};

struct timeline {
    struct timeline_event *events;
    size_t count;
    size_t capacity;
    size_t refused;               /* Beyond TIMELINE_EVENTS_MAX, or out of memory. */
    bool cut;                     /* Its file's last line was cut by a crash, and is left out. */
    size_t damaged;               /* Other lines of its file that are no events. */
    size_t first_damaged;         /* The first of these, counted from 1; 0: none. */
    char why[TIMELINE_WHY_BYTES]; /* What is wrong with that one. */
};

const char *timeline_kind_text(enum timeline_kind kind);
void timeline_free(struct timeline *timeline);
/* Copies EVENT; names that are too long are cut. False when refused (counted). */
bool timeline_add(struct timeline *timeline, const struct timeline_event *event);

struct text;
/* One line, without its newline; OUT has failed when out of memory. */
void timeline_print(const struct timeline_event *event, struct text *out);
/* 0, or -EINVAL with ERR for a line that is no event. */
int timeline_parse(const char *line, size_t size, struct timeline_event *out, struct error *err);
/* The events of a cluster.jsonl's SIZE bytes. */
void timeline_add_lines(struct timeline *timeline, const char *bytes, size_t size);
/* The same of the file at PATH, into a zeroed OUT. 0; -errno when it cannot be read at all. */
int timeline_read(const char *path, struct timeline *out);

#endif
