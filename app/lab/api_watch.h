/* api_watch.h - one watch: the store's log, as the lines that a client reads.
 *
 * A watch begins at a version (then come the changes after it) or with the state itself (ADDED for
 * all that there is); sendInitialEvents says which, else it is the state where no version is given.
 * Who asked for the state so, and for bookmarks, is told its end by one. Each line is {"type": ...,
 * "object": ...}. An object that begins or ceases to match the selector is ADDED or DELETED,
 * whatever happened to it. A version that is gone gives one ERROR line, 410 Expired, and the end.
 *
 * Threads: one. Memory: malloc; lines are made when asked for, so that a slow reader costs a
 * cursor only; one that is too slow falls off the log and is told so.
 * Source: Kubernetes API concepts, "Efficient detection of changes".
 */
#ifndef LAB_API_WATCH_H
#define LAB_API_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "lab/api_path.h"
#include "lab/api_resource.h"
#include "lab/api_selector.h"
#include "lab/api_table.h"
#include "lab/store.h"

enum {
    API_WATCH_FILL_BYTES = 64 * 1024
}; /* A filling stops after the line that passes this. */

struct api_watch_options {
    const struct store *store;           /* Outlives the watch. */
    const struct api_resource *resource; /* What is watched. */
    const struct api_path *path;         /* Namespace, version, bookmarks, time limit. */
    const struct api_selector *selector; /* Copied. */
    const uint64_t *expired_before;      /* Versions below count as expired; outlives the watch. */
    const uint64_t *visible;        /* Changes above are not told of yet; outlives the watch. */
    bool as_table;                  /* Objects are wanted as Tables. */
    enum api_table_include include; /* What the Tables' rows carry. */
    int64_t utc_ns;                 /* Now. */
};

struct api_watch;

struct api_watch *api_watch_new(const struct api_watch_options *options);
void api_watch_free(struct api_watch *watch);
/* Whether api_watch_fill() would have something to say. */
bool api_watch_is_due(const struct api_watch *watch, int64_t utc_ns);
/* Append the lines that are due. False: the watch is over, after these. */
bool api_watch_fill(struct api_watch *watch, struct text *out, int64_t utc_ns);

#endif
