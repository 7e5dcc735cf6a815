/* progress.h - the run as it is now, for people: a view that is drawn again in place on a terminal
 * (run/view.h), a line a second elsewhere. Threads: control only. Memory: malloc, given back by
 * progress_end().
 *
 * Colours are left out when NO_COLOR is set (no-color.org).
 */
#ifndef RUN_PROGRESS_H
#define RUN_PROGRESS_H

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "run/live.h"
#include "run/screen.h"

struct progress {
    bool quiet;
    bool view; /* The stream is a terminal. */
    bool colour;
    FILE *stream;
    uint64_t shown_ns; /* When it last was. */
    locale_t locale;   /* The user's, for characters; 0: the C locale. */
    struct screen screen;
    struct screen_rows rows;
};

/* What others print to STREAM until progress_end() comes out above the view, a little later. */
void progress_start(struct progress *progress, FILE *stream, bool quiet);
/* Show it, when it is time. */
void progress_tick(struct progress *progress, const struct live *live);
/* Leave the view behind, so that other text can follow. */
void progress_end(struct progress *progress);

/* The line. */
const char *progress_text(const struct live *live, char out[256]);

#endif
