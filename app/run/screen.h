/* screen.h - a few rows at the end of a terminal's text, drawn again in place.
 *
 * No mode of the terminal is changed: no other screen, no hidden cursor, no raw input. A drawing is
 * one write, begins by going up over the one before, and ends on the row below the last, with all
 * attributes off. So there is nothing to restore, however the process ends.
 *
 * What others print to the same stream meanwhile comes out above the rows: while it is on, the
 * stream has a buffer, and each drawing looks into it first.
 *
 * A terminal that has become narrower has wrapped the rows: the way up is reckoned by its present
 * width. When it takes no output (Ctrl-S), a drawing is left out. After SCREEN_GAP_NS without one
 * the process was stopped, somebody else has written, and the rows begin anew.
 *
 * Threads: control only. Memory: none of its own.
 */
#ifndef RUN_SCREEN_H
#define RUN_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"

#define SCREEN_GAP_NS UINT64_C(2000000000)

enum {
    SCREEN_ROWS = 64
};

struct screen {
    FILE *stream;
    bool on;
    uint64_t drawn_ns;
    unsigned drawn;                /* Rows of the last drawing. */
    unsigned columns[SCREEN_ROWS]; /* That each of them took. */
    char buffer[8192];             /* Of the stream. */
};

/* Rows to be drawn. */
struct screen_rows {
    unsigned count; /* At most SCREEN_ROWS. */
    struct {
        size_t start, end; /* In `text`; no newline. */
        unsigned columns;  /* That it takes. */
    } each[SCREEN_ROWS];
    struct text text;
};

/* Whether STREAM is a terminal that knows the few sequences of this: by TERM. */
bool screen_can(FILE *stream);
void screen_start(struct screen *screen, FILE *stream);
/* Its present size; 80 by 24 when it does not say. */
void screen_size(const struct screen *screen, unsigned *columns, unsigned *rows);
/* NOW_NS is of any clock that goes on while the process is stopped. */
void screen_draw(struct screen *screen, const struct screen_rows *rows, uint64_t now_ns);
/* Leave the last drawing where it is; others print below it. */
void screen_stop(struct screen *screen);

#endif
