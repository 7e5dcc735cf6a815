/* run_set.h - the run directories that a path stands for: itself, the repeats of a series, or those
 * of one of its names.
 *
 *     DIR          a run directory, or a series of runs that all have one name
 *     DIR/NAME     in a series DIR, the repeats of NAME
 *
 * Threads: the main thread. Memory: malloc, freed by run_set_free.
 */
#ifndef RUN_RUN_SET_H
#define RUN_RUN_SET_H

#include <limits.h>
#include <stddef.h>

#include "base/error.h"

enum {
    RUN_SET_MAX = 4096 /* Directories. */
};

struct run_set {
    char (*directories)[PATH_MAX];
    size_t count;
    size_t left_out; /* Runs of a series that did not end in order: killed, failed, skipped. */
};

/* Append those of PATH. 0, or -errno with ERR; a set that was begun stays as it was. */
int run_set_add(struct run_set *set, const char *path, struct error *err);
void run_set_free(struct run_set *set);

#endif
