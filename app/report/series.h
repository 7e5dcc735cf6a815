/* series.h - the runs of one experiment (variants, matrix, repeats) side by side: one table.
 *
 * run/series.c makes the runs, each in a run directory of its own; what a table needs of each is
 * taken from its run.json, and kept in the series' own series.json (docs/file-formats.md).
 *
 * Threads: pure. Memory: strings are borrowed.
 */
#ifndef REPORT_SERIES_H
#define REPORT_SERIES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum series_state {
    SERIES_WAITING, /* Not begun: the series broke off before, or goes on. */
    SERIES_RUNNING, /* Begun: no end of it is known. */
    SERIES_ENDED,   /* With an exit status. */
    SERIES_KILLED,  /* By a signal. */
    SERIES_SKIPPED, /* What it needs is not there. */
};

/* Of a run, over all its streams. */
struct series_figures {
    bool given;               /* The run has an account. */
    uint64_t due;             /* Requests. */
    uint64_t good;            /* ok, repaired or late; of frames, received. */
    uint64_t lost;            /* With an outcome that opens windows. */
    uint64_t windows;         /* The run's. */
    uint64_t longest_ns;      /* The longest one: upper bound; an open one up to the end. */
    uint64_t broken, lasting; /* Connections. */
};

struct series_run {
    const char *name;        /* Of the matrix' cell. */
    uint32_t repeat;         /* From 1. */
    const char *directory;   /* In the series' folder. */
    const char *settings;    /* What it sets. */
    enum series_state state; /* Of the run. */
    int status;              /* SERIES_ENDED: enum exit_status. SERIES_KILLED: the signal. */
    const char *why;         /* Of a failure, or of being skipped; "" else. */
    struct series_figures figures;
};

struct series {
    const char *experiment; /* Its name. */
    const char *started;    /* RFC 3339. */
    uint32_t repeats;       /* Of each. */
    uint32_t count;         /* Of runs, in the order of running. */
    struct series_run *runs;
};

/* "met", "not met", "failed", "not run" and the like. */
const char *series_verdict(const struct series_run *run);
/* The worst exit status of those that ended; EXIT_ENVIRONMENT when one was killed. */
int series_worst(const struct series *series);

/* Is run INDEX the first one in the list that has its name? */
bool series_is_first(const struct series *series, uint32_t index);

/* From a run.json. */
void series_figures(const cJSON *account, struct series_figures *out);
/* series.json as a tree. */
cJSON *series_json(const struct series *series);
/* The other way: strings are borrowed from JSON, runs are malloc'ed. 0 or -EINVAL. */
int series_read(const cJSON *json, struct series *out);

/* One row each; with repeats also mean, least, greatest and standard deviation by name; the reason
 * of each that failed or was skipped. */
void series_table(const struct series *series, struct text *out);

#endif
