/* journal.h - undo.jsonl: what a run changes in a cluster, and how to put it back.
 *
 *     {"cluster":{"server":"https://...","kubeconfig":"/abs/path","context":"c","namespace":"n"}}
 *     {"n":1,"at":NS,"text":"set image of ...","object":"deployment/mserver","undo":{...}}
 *     {"done":1,"uid":"..."}    the change was made
 *     {"part":1,"text":"pod d/a evicted"}   done on its way, and not to be put back
 *     {"failed":1}              the server refused it: there is nothing to put back
 *     {"undone":1}              it was put back, or what it was about is gone
 *
 * A change without done, failed or undone may or may not have been made: the run was killed, or no
 * answer came. Entries are flushed to the disk before the change is asked for. The kubeconfig's
 * path is absolute, so that the journal can be used from any working directory.
 *
 * Threads: control only. Memory: malloc, given back by journal_free(). Limits:
 * JOURNAL_ENTRIES_MAX entries; a line that is damaged is left out.
 */
#ifndef RUN_JOURNAL_H
#define RUN_JOURNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "rundir/rundir.h"

enum {
    JOURNAL_ENTRIES_MAX = 1024
};

struct journal_cluster {
    char server[512];          /* URL of the API server; "" when the journal does not say. */
    char kubeconfig[PATH_MAX]; /* Absolute path. */
    char context[256];         /* In it. */
    char namespace[256];       /* Of what names none. */
};

struct journal_entry {
    char *text;        /* What it does; NULL: there is no such entry. */
    char *undo;        /* JSON for kube_start_undo(); NULL: nothing to put back. */
    char uid[64];      /* Of the object changed or made; "" when it is not known. */
    bool done;         /* It was made for certain. */
    bool failed;       /* It was refused for certain. */
    bool undone;       /* It was put back. */
    struct text parts; /* A line each. */
};

struct journal {
    struct journal_cluster cluster;                    /* Which one was changed. */
    unsigned count;                                    /* Highest number. */
    struct journal_entry entries[JOURNAL_ENTRIES_MAX]; /* entries[number - 1]. */
};

/* Writing: each adds a line and flushes it. 0 or -errno with ERR. Numbers count from 1. */
int journal_add_cluster(struct rundir *rundir, const struct journal_cluster *cluster,
                        struct error *err);
/* UNDO: JSON, "" when there is nothing to put back. */
int journal_add_change(struct rundir *rundir, unsigned number, uint64_t at_ns, const char *text,
                       const char *object, const char *undo, struct error *err);
int journal_add_done(struct rundir *rundir, unsigned number, const char *uid, struct error *err);
int journal_add_part(struct rundir *rundir, unsigned number, const char *text, struct error *err);
int journal_add_failed(struct rundir *rundir, unsigned number, struct error *err);
int journal_add_undone(struct rundir *rundir, unsigned number, struct error *err);

/* Read DIRECTORY/undo.jsonl. 0 with *OUT, or NULL-ed *OUT and -errno with ERR. */
int journal_read(const char *directory, struct journal **out, struct error *err);
/* The same from the file's bytes. */
int journal_parse(const char *bytes, size_t size, struct journal **out, struct error *err);
void journal_free(struct journal *journal);

/* Whether entry NUMBER is, or may be, still to be put back. */
bool journal_is_left(const struct journal *journal, unsigned number);
/* What to give kube_start_undo(): a deletion is of that very object, where its uid is known. To be
 * freed by free(); NULL when out of memory. */
char *journal_undo_text(const struct journal_entry *entry);

#endif
