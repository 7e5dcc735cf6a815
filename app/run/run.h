/* run.h - one experiment from its file to its run directory: the slow path's one way through.
 *
 *     load and check everything that can be checked without touching anything
 *     open the NIC ports, the cluster, the run directory
 *     steps, one after another, while workers send, watches tell and logs are written
 *     `after` steps, whatever happened before
 *     stop, account for every buffer and connection, analyze, report
 *
 * One thread (the EAL's main lcore) does all of it in one loop: nothing blocks for longer than a
 * poll, but resolving next hops before traffic starts. SIGINT and SIGTERM end it in order; a
 * second one ends it at once.
 *
 * Threads: call once in a process (the EAL starts once). Memory: malloc.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "plan/experiment.h"

struct run_options {
    const char *experiment;   /* Path of the experiment file; NULL when `given` is used. */
    struct experiment *given; /* An experiment already made (seamline traffic); taken. */
    const char *machine;      /* Path of the machine file; NULL: the lab's own, on the lab. */
    const char *directory;    /* Run directory; NULL: made up from name and time. */
    const char *variant;      /* NULL: none. */
    const char *const *sets;  /* path=value. */
    size_t set_count;
    bool single; /* One run of a series (run/series.h), with `alternatives` of the matrix. */
    const char *alternatives[EXPERIMENT_AXES_MAX];
    uint32_t repeat;         /* Which of the series' repeats, from 1; 0: it is none. */
    bool variants;           /* All variants, one after another. */
    const char *const *only; /* Patterns of the names of a series' runs. */
    uint32_t only_count;     /* 0: all. */
    uint32_t repeats;        /* 0: as the experiment says. */
    bool list;               /* Only tell the names of the runs. */
    const char *drivers; /* Folder of drivers-cfg; NULL: found beside the program or installed. */
    const char *program; /* argv[0], by which seamline-lab and drivers-cfg are found. */
    bool yes;            /* May change a cluster that is no lab. */
    bool allow_exec;     /* `exec` steps may run programs. */
    bool quiet;          /* No progress. */
    const char *events;  /* Where lines of JSON go while it runs: a path, or "-" for standard
                            output, which the report then leaves alone; NULL: nowhere. */
    const char *metrics; /* [ADDRESS:]PORT where they are served; NULL: nowhere. */
    bool telemetry;      /* DPDK's, with commands of our own. */
    bool pcap;           /* Cut the packets around loss windows out into the run directory. */
};

/* Standard output is for the report, and not for events. */
bool run_prints(const struct run_options *options);

/* Runs it, prints progress on stderr and the text report on stdout. ERR is filled for exit statuses
 * 2 and 3, and for 4. */
enum exit_status run_experiment(const struct run_options *options, struct error *err);

#endif
