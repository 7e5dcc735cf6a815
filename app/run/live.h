/* live.h - the run as it is now: the one source of what the view shows, --events tells and
 * --metrics serves.
 *
 *     live_start(&live, ...)
 *     each turn of the control loop:
 *         live_tell(): what the timeline was given since
 *         every LIVE_LOOK_NS, by live_is_due():
 *         live_sample_take(): counters are read
 *         live_update(): they are held against the look before
 *
 * Windows are those of the counters: one opens with the first request lost, connection broken or
 * connect failed, and closes when for the experiment's hold-off there was no other and what is held
 * is up. A request is lost when that is decided, so that a time-out counts when it has passed: the
 * report's windows, made of the logs, are exact and may be others. A stall is told by how many the
 * worker has counted.
 *
 * Threads: control only; workers' counters are read relaxed, ten times a second. Units: ns of run
 * time. Memory: none of its own but `fresh`, given back by live_stop().
 */
#ifndef RUN_LIVE_H
#define RUN_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/experiment.h"
#include "run/events.h"
#include "run/fleet.h"
#include "rundir/meta.h"
#include "rundir/timeline.h"

#define LIVE_LOOK_NS UINT64_C(100000000)

enum {
    LIVE_NOTES = 16,
    LIVE_NOTE_BYTES = 200
};

/* id, text */
#define LIVE_PHASES(X)                                                                             \
    X(SETUP, "setup")       /* No stream is steady. */                                             \
    X(BASELINE, "baseline") /* Traffic, and no change. */                                          \
    X(CHANGE, "change")     /* From the first change while traffic runs. */                        \
    X(AFTER, "after")       /* `after` steps. */

enum live_phase {
#define X(id, text) LIVE_##id,
    LIVE_PHASES(X)
#undef X
    LIVE_PHASE_COUNT
};

/* Of the workload that a step changes. Old or new: its first container has the newest image. */
struct live_pods {
    bool known; /* There is such a workload. */
    uint32_t old, old_ready, new, new_ready;
};

struct live_worker_counts {
    uint64_t busy_cycles, idle_cycles;
    uint64_t stalls;
    uint64_t longest_ns; /* Gap between two turns. */
};

/* What one look saw. */
struct live_sample {
    uint64_t now_ns;
    enum live_phase phase;
    char step[96]; /* As steps_text() has it. */
    struct live_pods pods;
    struct fleet_counts streams[RECORD_STREAMS];
    bool runs[RECORD_STREAMS]; /* Started, and not stopped yet. */
    struct live_worker_counts workers[FLEET_MEMBERS];
};

struct live_window {
    bool open;
    uint32_t count;           /* So far, with the one that is open. */
    uint64_t from_ns;         /* The look before the first loss. */
    uint64_t to_ns;           /* The last look that saw one, or a connection that was not up. */
    struct fleet_counts then; /* At from_ns. */
};

struct live_stream {
    const char *name; /* The experiment's. */
    bool held;        /* It holds connections. */
    uint64_t wanted;  /* So many; 0: it does not hold any. */
    double sent_pps;  /* Over the last second. */
    double good_pps;  /* Whole answers. */
    double lost_pps;  /* Requests. */
    struct live_window window;
};

/* What happened, in words. */
struct live_note {
    uint64_t at_ns;
    char text[LIVE_NOTE_BYTES];
};

struct live {
    const char *name;        /* The experiment's. */
    const struct meta *meta; /* Borrowed. */
    unsigned stream_count, worker_count;
    uint64_t hold_off_ns;
    struct live_stream streams[RECORD_STREAMS];
    double loads[FLEET_MEMBERS]; /* 0 to 1: how much of the last second a worker was busy. */
    struct live_sample now;      /* The last look. */
    struct live_sample second;   /* The look that the rates count from. */
    struct timeline fresh;       /* Events not told yet: rundir adds them. */
    uint64_t dropped_told;       /* Of the events' `dropped`. */
    uint32_t note_count;         /* Ever. The newest are in notes[], modulo LIVE_NOTES. */
    struct live_note notes[LIVE_NOTES];
};

const char *live_phase_text(enum live_phase phase);

/* EXPERIMENT and META are borrowed. Tells META's experiment and where the run directory is. */
void live_start(struct live *live, const struct experiment *experiment, unsigned workers,
                const struct meta *meta, const char *rundir, struct events *events);
/* Tell what is in `fresh`, and empty it. */
void live_tell(struct live *live, struct events *events);
bool live_is_due(const struct live *live, uint64_t now_ns);
/* SAMPLE becomes `now`; what changed is told, and once a second the rates. */
void live_update(struct live *live, const struct live_sample *sample, struct events *events);
/* Tell the end of the run: its exit STATUS, and WHY ("": nothing failed). */
void live_stop(struct live *live, uint64_t now_ns, int status, const char *why,
               struct events *events);

/* The note BACK from the newest, 0 being that; NULL: there is none, or no more. */
const struct live_note *live_note_at(const struct live *live, uint32_t back);

#define LIVE_METRICS_PREFIX "seamline_"

/* A count of a stream, as --metrics and --telemetry name it. */
struct live_count {
    const char *name; /* "seamline_requests_due". */
    bool gauge;       /* It may fall. */
    size_t offset;    /* In struct fleet_counts. */
    const char *help; /* A sentence. */
};

extern const struct live_count live_counts[];
extern const unsigned live_count_count;
uint64_t live_count_value(const struct fleet_counts *counts, const struct live_count *count);

/* The same figures as OpenMetrics 1.0. After live_start(). */
void live_metrics(const struct live *live, struct text *out);

struct session;
struct steps;
/* Read all that a look wants. STEPS NULL: none is under way. */
void live_sample_take(struct live_sample *sample, const struct session *session,
                      const struct steps *steps);

#endif
