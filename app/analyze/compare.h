/* compare.h - two sets of runs of one experiment, figure by figure: what became worse. Pure.
 *
 * A set is several runs (repeats) or one. How a figure is judged follows from that:
 *
 *     several on a side   a run is one value of the figure. Rank sum test; median of the values
 *                         with its interval; shift of Hodges and Lehmann with its interval.
 *     one on each side    what happened within the runs, requests, connections and seconds of
 *                         latencies, is compared. How much a figure varies from run to run is
 *                         not known then: a difference may be that. Lengths and numbers of windows
 *                         are not judged at all.
 *
 * A figure is worse when Holm's correction over all figures leaves p at most `level`, the change is
 * upwards (of all figures more is worse) and is at least the figure's threshold. One that has the
 * same value in all runs takes no part in the correction: it could not differ.
 *
 * Threads: none. Memory: malloc, freed by the _free functions. Units: ns; shares 0..1.
 */
#ifndef ANALYZE_COMPARE_H
#define ANALYZE_COMPARE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/latency_blocks.h"
#include "analyze/result.h"
#include "analyze/significance.h"

/* id, word, unit */
#define COMPARE_FIGURES(X)                                                                         \
    X(LOST_REQUESTS, "lostRequests", SHARE)           /* Of those sent, or that had to be. */      \
    X(BROKEN_CONNECTIONS, "brokenConnections", COUNT) /* Of the established ones. */               \
    X(FAILED_CONNECTS, "failedConnects", COUNT)       /* Of all attempts. */                       \
    X(WINDOWS, "windows", COUNT)                      /* Of loss, the stream's. */                 \
    X(LONGEST_WINDOW, "longestWindow", NS)            /* As expectations have it. */               \
    X(TOTAL_WINDOW, "totalWindow", NS)                                                             \
    X(LATENCY_P50, "latencyP50", NS) /* Good answers, from due. */                                 \
    X(LATENCY_P99, "latencyP99", NS)                                                               \
    X(LATENCY_P999, "latencyP999", NS)

enum compare_figure {
#define X(id, word, unit) COMPARE_##id,
    COMPARE_FIGURES(X)
#undef X
    COMPARE_FIGURE_COUNT
};
enum compare_unit {
    COMPARE_UNIT_COUNT,
    COMPARE_UNIT_SHARE,
    COMPARE_UNIT_NS
};

/* A figure of one run's stream. */
struct compare_value {
    bool given; /* The stream has it. */
    double value;
    struct share share;    /* What it counts, of what; no trials: it is no share. */
    double design;         /* Of the share: how many hits came at once, in the mean by hit (J. N.
                                K. Rao and A. J. Scott, 1992); at least 1. */
    struct limits bracket; /* Of lengths of windows: what the stamps leave open. */
};

struct compare_stream {
    char name[META_NAME_BYTES];
    struct compare_value values[COMPARE_FIGURE_COUNT];
    struct latency_blocks blocks;
};

/* What of a run tells whether it can be compared: comparable.h. */
struct compare_facts {
    char version[32];
    char environment[META_TEXT_BYTES];
    char damage[256];      /* Why its figures are bounds; empty: they are not. */
    char tester[256];      /* Why the tester may be what was measured; empty. */
    cJSON *plan;           /* experiment.json. */
    uint64_t tsc_hz;       /* Another one is another machine. */
    bool lab;              /* It was on the lab. */
    bool nic_arrivals;     /* A port's stamps are its NIC's. */
    bool nic_departures;   /* A port sends by its NIC's clock. */
    uint32_t worker_count; /* Of the tester. */
};

struct compare_run {
    char directory[PATH_MAX];
    struct compare_facts facts;
    uint32_t stream_count;
    struct compare_stream *streams;
};

struct compare_side {
    struct compare_run *runs;
    size_t count;
};

/* When a change matters in practice: both hold. */
struct compare_threshold {
    double share;  /* Of the base's value: 0.05. */
    double amount; /* In the figure's unit. */
};

struct compare_options {
    double level; /* Of the test over all figures: 0.05. Intervals have 1 - level. */
    struct compare_threshold thresholds[COMPARE_FIGURE_COUNT];
    bool wanted[COMPARE_FIGURE_COUNT]; /* Figures to be judged. */
};

enum compare_verdict {
    COMPARE_NOT_FOUND,  /* No difference was found; that is no proof that there is none. */
    COMPARE_WORSE,      /* A regression. */
    COMPARE_BETTER,     /* The same downwards. */
    COMPARE_SLIGHT,     /* A difference was found that is under the threshold. */
    COMPARE_NOT_JUDGED, /* Said why. */
    COMPARE_VERDICT_COUNT
};

/* A figure of a side. */
struct compare_figure_of {
    double value;           /* Median of the runs. */
    struct limits interval; /* Around it. */
    double coverage;        /* What the interval has: of few runs less than 1 - level. */
    struct share share;     /* Sums over the runs. */
    size_t runs;            /* That have it. */
};

struct compare_row {
    char stream[META_NAME_BYTES];
    enum compare_figure figure;
    struct compare_figure_of base, next;
    double change; /* next less base, by the test's own estimate. */
    struct limits change_interval;
    double superiority; /* Share of pairs of runs in which next is above; of single runs 0, 0.5 or
                           1. */
    double p, adjusted; /* 1 when not judged; after Holm's correction. */
    bool in_family;     /* It took part in that. */
    enum compare_verdict verdict;
    char why[128]; /* Of one not judged. */
};

struct comparison {
    size_t base_runs, next_runs;
    bool repeated; /* Runs were compared, not what happened within two. */
    double confidence;
    struct compare_row *rows; /* By stream, then figure. */
    size_t row_count;
    size_t family;        /* Rows that were corrected for. */
    size_t worse, better; /* Rows. */
    double least_p;       /* The least that so many runs can give one row, corrected. */
    size_t runs_wanted;   /* On each side, for this family; 0: there are enough. */
};

const char *compare_figure_word(enum compare_figure figure);
enum compare_unit compare_figure_unit(enum compare_figure figure);
const char *compare_verdict_word(enum compare_verdict verdict);
/* Level 0.05, threshold 5 %, all figures. */
struct compare_options compare_options_default(void);

/* What of RESULT is compared; BLOCKS: latencies by time too, which single runs need. DIRECTORY is
 * its name. 0 or -ENOMEM. */
int compare_run_make(const struct result *result, const char *directory, bool blocks,
                     struct compare_run *out);
void compare_run_free(struct compare_run *run);

/* Streams are those of the first base run that all others have, by name. Each side has a run, and
 * single ones have their blocks. 0 or -ENOMEM. */
int compare_sides(const struct compare_side *base, const struct compare_side *next,
                  const struct compare_options *options, struct comparison *out);
void comparison_free(struct comparison *comparison);

#endif
