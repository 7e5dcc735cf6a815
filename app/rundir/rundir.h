/* rundir.h - the run directory: one folder that holds all of a run.
 *
 *     meta.json          what a reader of the logs must know (rundir/meta.h)
 *     experiment.json    as resolved          machine.json   as resolved
 *     worker-N.log       binary records of worker N (rundir/log_writer.h)
 *     cluster.jsonl      the timeline (rundir/timeline.h)
 *     undo.jsonl         what was changed and how to put it back, written before each change; its
 *                        owner's alone, since it has what objects held before
 *     truth.jsonl        on the lab: its own log of what it did
 *     run.json, report.txt, ...   made from the above by analyze/ and report/
 *     series.json        instead of all these: the folder has a run directory for each run of a
 *                        series (run/series.h)
 *
 * Files that are made at once are written beside and renamed; those that grow are whole up to their
 * last line or block after a crash. A full disk is told once, clearly, and the run goes on with
 * what it has in memory.
 *
 * Threads: control only.
 */
#ifndef RUNDIR_RUNDIR_H
#define RUNDIR_RUNDIR_H

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct timeline;
struct timeline_event;

struct rundir {
    char path[PATH_MAX - 64]; /* As given or made up; no trailing slash. */
    int timeline_fd;          /* cluster.jsonl, append. */
    int undo_fd;              /* undo.jsonl, append. */
    bool made;                /* The directory was made by rundir_create(). */
    struct error trouble;     /* The first failure to write one; "" while there is none. */
    struct timeline *also;    /* Borrowed: each event is added here as well, whether it could be
                                 written or not. NULL: nowhere. */
};

/* Make the directory and open its growing files. PATH NULL: "seamline-<experiment>-<UTC time>" in
 * the working directory, with -2 and so on when that is taken. A directory that already holds a
 * run, or one of the files above under which a run begins (all but logs and reports), is refused
 * (-EEXIST): it would be written over. */
int rundir_create(struct rundir *rundir, const char *path, const char *experiment,
                  struct error *err);
/* The directory alone, for a series of runs, into RUNDIR->path and ->made: nothing is opened. One
 * that holds a run is refused likewise. */
int rundir_make(struct rundir *rundir, const char *path, const char *experiment, struct error *err);
void rundir_close(struct rundir *rundir);
/* Close it, and remove what rundir_create() and the writers below made: for a run that never came
 * to measure anything. Files of others are left, and the directory with them. */
void rundir_discard(struct rundir *rundir);

int rundir_write_json(struct rundir *rundir, const char *name, const cJSON *item,
                      struct error *err);
int rundir_write_text(struct rundir *rundir, const char *name, const char *text, struct error *err);
/* A failure need not be looked at: it is kept in `trouble` and counted. What was half written is
 * taken back, so that a later event stands on a line of its own. */
int rundir_add_event(struct rundir *rundir, const struct timeline_event *event, struct error *err);
/* Append one line to the undo journal and fsync it: to be called before the change is made. */
int rundir_add_undo(struct rundir *rundir, const cJSON *entry, struct error *err);

#endif
