/* progress.h - one line about the run as it is now, to stderr: rewritten on a terminal, one a
 * second elsewhere. Threads: control only. */
#ifndef RUN_PROGRESS_H
#define RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "run/live.h"

struct progress {
    bool quiet;
    bool terminal;     /* stderr is one: the line is rewritten. */
    uint64_t shown_ns; /* When it last was. */
    unsigned width;    /* Of the last line, to be blanked. */
};

void progress_start(struct progress *progress, bool quiet);
/* Show it, when it is time. */
void progress_tick(struct progress *progress, const struct live *live);
/* Leave the line behind, so that other text can follow. */
void progress_end(struct progress *progress);

/* The line itself. */
const char *progress_text(const struct live *live, char out[256]);

#endif
