/* matrix.h - the runs that one experiment file stands for.
 *
 *     runs = (variants, when they are wanted) x (one alternative of each axis of `matrix`)
 *
 * A run has the name of its parts, with "-" between them: "ipv6-host-nodePort". An experiment with
 * neither is one run, named after the experiment. The last axis changes fastest.
 *
 * Threads: pure. Memory: cells point into the experiment, which must outlive them.
 */
#ifndef PLAN_MATRIX_H
#define PLAN_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "plan/experiment.h"

enum {
    MATRIX_CELLS_MAX = 256,
    MATRIX_NAME_BYTES = 200
};

struct matrix_cell {
    char name[MATRIX_NAME_BYTES];             /* Unique; fit for a directory. */
    const struct experiment_variant *variant; /* NULL: none, or that of the caller. */
    uint32_t axis_count;                      /* Of alternatives. */
    const struct experiment_variant *alternatives[EXPERIMENT_AXES_MAX]; /* One of each axis. */
};

struct matrix {
    uint32_t count;            /* At least 1. */
    struct matrix_cell *cells; /* In order. */
};

/* VARIANTS: all of them, and not the experiment as it stands, unless it has none. 0, or -EINVAL
 * with ERR when there are more than MATRIX_CELLS_MAX, or two of a name. */
int matrix_make(const struct experiment *experiment, bool variants, struct matrix *out,
                struct error *err);
void matrix_free(struct matrix *matrix);
/* What reads CELL's experiment from the same file; strings are the experiment's. */
void matrix_options(const struct matrix_cell *cell, struct experiment_options *out);
/* Does one of PATTERNS, as of the shell ("host-*"), match the name of CELL, or of its repeat number
 * REPEAT ("host-nodePort/3")? */
bool matrix_matches(const struct matrix_cell *cell, uint32_t repeat, const char *const *patterns,
                    uint32_t count);
/* What CELL sets, "path=value" with spaces between, in the order of assignment. */
void matrix_settings(const struct matrix_cell *cell, struct text *out);

#endif
