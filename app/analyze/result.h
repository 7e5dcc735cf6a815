/* result.h - what a run showed: the whole account, made of the run directory by analyze.h.
 *
 * report/ prints it, in every format; nothing here is formatted. The logs, the timeline and the
 * meta data that it was made of are in it too, so that a report can list single connections.
 *
 * Threads: immutable once made. Memory: malloc, freed by result_free(). Units: ns of run time.
 */
#ifndef ANALYZE_RESULT_H
#define ANALYZE_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/cause.h"
#include "analyze/outage.h"
#include "analyze/window.h"
#include "base/text.h"
#include "plan/experiment.h"
#include "record/http_reason.h"
#include "rundir/log_reader.h"
#include "rundir/meta.h"
#include "rundir/timeline.h"

/* Quantiles of a set of values. Exact when made of the request log; of a stream that is not wholly
 * in it they are of histograms, at most 1/128 above. Zeros when count is 0. */
struct result_quantiles {
    size_t count;
    uint64_t min_ns, p50_ns, p90_ns, p95_ns, p99_ns, p999_ns, max_ns;
    double mean_ns;
};

/* RFC 3357 figures over the requests of a stream, in order of due. */
struct result_pattern {
    size_t periods;         /* Loss periods. */
    size_t longest_period;  /* Requests. */
    double noticeable_rate; /* With delta = RESULT_NOTICEABLE_DELTA. */
};
enum {
    RESULT_NOTICEABLE_DELTA = 99
};

/* Figures over the outages of a stream that lost something or lost a connection. */
enum {
    RESULT_STATUSES = 600 /* HTTP statuses are below. */
};

struct result_outages {
    size_t count, open;
    uint64_t shortest_ns, longest_ns, last_ns, total_ns; /* Of closed ones, from onset.from to
                                                            recovery.to: upper bounds. */
    double mean_ns;
};

struct result_stream {
    uint64_t due;
    uint64_t outcomes[OUTCOME_COUNT];
    bool sums_hold;                          /* due = sum of outcomes. */
    uint32_t statuses[RESULT_STATUSES];      /* HTTP: answers by status; 0: requests without one. */
    uint32_t bad_answers[HTTP_REASON_COUNT]; /* HTTP: bad answers by reason. */
    uint64_t sent, received;
    uint64_t lost;                  /* Outcomes that open windows, by the plan. */
    uint32_t connections;           /* Established ones. */
    uint32_t lasting, broken, done; /* Sum to `connections` with the next one. */
    uint32_t unfinished; /* Neither: its stream ended, or the tester itself gave it up. */
    uint32_t broken_by_end[CONNECTION_END_COUNT];
    uint32_t failed_connects; /* Attempts that never were established. */
    uint32_t failed_by_end[CONNECTION_END_COUNT];
    uint32_t retransmits; /* Segments. */
    struct result_quantiles latency_from_due, latency_from_sent, connect_time, send_lag;
    struct result_quantiles secure_time;  /* SYN-ACK to the end of the TLS handshake. */
    struct result_quantiles onset_width;  /* Of the outages' onset brackets. */
    struct result_quantiles interruption; /* Per outage that a broken connection began and a
                                             successor ended: onset.from to recovery.to. */
    struct result_pattern pattern;
    struct result_outages outages;
    struct windows windows;               /* Of this stream, over all pods. */
    uint64_t baseline_due, baseline_lost; /* From steady to the first change: the noise floor. */
    uint64_t baseline_p99_ns;             /* Latency from due. */
    bool exact;      /* Latencies are of the request log, which has every request. */
    uint64_t logged; /* Requests that are in it. */
    bool complete; /* The run ended in order, and all that was recorded is in the logs, which could
                      all be read; else figures are a bound. */
};

enum pod_knowledge {
    POD_KNOWN,    /* An answer named it on that connection. */
    POD_INFERRED, /* Deduced: see the evidence. */
    POD_UNKNOWN   /* A SYN that met nobody. */
};

/* A pod (or other host) and what became of its connections. */
struct result_pod {
    char name[TIMELINE_NAME_BYTES];
    char node[TIMELINE_NAME_BYTES]; /* Empty when the timeline does not say. */
    uint16_t host;                  /* In the logs; 0: never answered. */
    uint32_t broken, lasting;
    uint32_t by_end[CONNECTION_END_COUNT]; /* Of its connections. */
    uint32_t inferred_failed_connects;     /* Attempts that probably met it: see result_attempt. */
    uint64_t requests, lost;               /* On its connections. */
    struct bracket onset;                  /* Of its first broken connection; zeros: none. */
    uint64_t last_recovery_ns;             /* Of its last broken connection; 0: none or open. */
    uint64_t first_answer_ns, last_answer_ns; /* Of any connection. */
    uint64_t last_new_connection_ns; /* SYN-ACK of the newest connection that it answered: its rules
                                        still named it then. */
    const struct timeline_event *created, *ready, *terminating, *gone; /* NULL: not seen. */
    const struct timeline_event *stopped; /* Its containers, after it was marked deleted; if that
                                             was not seen, gone. */
    struct windows windows;
};

/* The pod of a failed attempt to connect. Inferred: exactly one pod can have been meant. That is
 * one that was marked deleted before the attempt and has answered no new connection since, until
 * 2 s after it was gone; or one that became ready from 2 s before to 1 s after the attempt and had
 * not answered anybody yet. */
struct result_attempt {
    const struct record_connection *connection;
    enum pod_knowledge knowledge;
    size_t pod; /* Index into pods when inferred. */
};

enum verdict {
    VERDICT_MET,
    VERDICT_NOT_MET,
    VERDICT_UNDECIDED /* The figure could not be had: said why. */
};

struct result_expectation {
    const struct experiment_expect *expect;
    enum verdict verdict;
    double value;   /* Measured: count, ns or ratio. */
    double bound;   /* What it was held against. */
    char text[160]; /* Why it is undecided; otherwise empty. */
};

/* The cause of a window: cause.h. */
struct result_cause {
    enum cause cause;
    enum cause_confidence confidence;
    const struct timeline_event *event; /* That speaks for it; unexplained: the nearest one; NULL:
                                           none. */
    char text[256];                     /* Both, and the evidence, in one line. */
};

struct result {
    struct meta meta;
    struct logs logs;
    struct timeline timeline;
    struct text unread;            /* What of the run directory could not be read, and what is not
                                      known for that: a line each; empty: all was read. */
    struct experiment *experiment; /* As resolved. */
    struct outage *outages;        /* logs.outage_count. */
    uint32_t opens; /* Outcomes that open windows, by the plan: bit 1 << enum outcome. */
    struct result_stream streams[RECORD_STREAMS]; /* meta.stream_count. */
    struct windows windows;                       /* Of the run. */
    struct result_cause *causes;                  /* windows.count. */
    struct result_pod *pods;                      /* By first appearance. */
    size_t pod_count;
    struct result_attempt *attempts; /* Failed connects. */
    size_t attempt_count;
    size_t known, inferred, unknown;         /* Failures (broken connections and failed connects) by
                                        knowledge of the pod. */
    struct result_expectation *expectations; /* experiment->expect_count. */
    enum verdict verdict;      /* NOT_MET when one is not met; UNDECIDED when one is undecided. */
    uint64_t first_loss_ns;    /* RFC 6412: from the change to the first window's onset; UINT64_MAX:
                                no loss after the change. */
    uint64_t full_recovery_ns; /* From the change to the last window's end; UINT64_MAX: open, no
                                  loss after the change, or no change. */
    uint64_t stalls, stall_total_ns, stall_longest_ns; /* The worker's own. */
    uint64_t faults[FAULT_COUNT];                      /* Counts by kind. */
    uint64_t watches_broken; /* How often one broke off, whether anything was missed or not. */
    uint64_t unseen_ns;      /* Sum of the watches' gaps. */
};

void result_free(struct result *result);

/* What the answers of a host, or the want of them, came to on one stream or on several. */
struct result_tally {
    uint64_t requests, lost;
    uint64_t first_answer_ns, last_answer_ns; /* 0: none. */
};
/* Adds STREAM's requests to TALLIES, one for each of logs_host_ids(); 0: nobody's. */
void result_tally(const struct result *result, unsigned stream, struct result_tally tallies[]);

/* The latencies of one kind on STREAM known from FROM_NS until TO_NS, by whole intervals. */
void result_latencies(const struct result *result, unsigned stream, enum interval_latency kind,
                      uint64_t from_ns, uint64_t to_ns, struct histogram *histogram);

/* From bits of enum experiment_outcome to bits of enum outcome. */
uint32_t result_outcomes(uint32_t outcomes);
/* The outcomes that open windows by EXPERIMENT: bit 1 << enum outcome. */
uint32_t result_opens(const struct experiment *experiment);

/* When the stream was stopped; of a run that was killed, which says neither that nor its own end,
 * the last stamp of all requests. */
uint64_t result_stream_end_ns(const struct result *result, unsigned stream);

#endif
