/* findings.h - what `seamline doctor` found: one line each, ok, warn or fail, with what mends it.
 *
 *     findings_add(&findings, FINDING_WARN, "machine", "governor", "core 2: powersave");
 *     findings_mend(&findings, "cpupower -c 2 frequency-set -g performance");
 *
 * Texts may quote files and servers: control characters become '?', and a text stays on its line;
 * a mend may have several, as RBAC rules do.
 *
 * Threads: one owner. Memory: malloc, by findings_free(). Full: FINDINGS_MAX; what is more is
 * counted as failed, so that it cannot be overlooked.
 */
#ifndef RUN_FINDINGS_H
#define RUN_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum {
    FINDINGS_MAX = 1024
};

/* id, text */
#define FINDING_STATES(X)                                                                          \
    X(OK, "ok")     /* As it should be. */                                                         \
    X(WARN, "warn") /* A run works, and measures less well. */                                     \
    X(FAIL, "fail") /* A run cannot. */

enum finding_state {
#define X(id, text) FINDING_##id,
    FINDING_STATES(X)
#undef X
    FINDING_STATE_COUNT
};

struct finding {
    enum finding_state state;
    const char *part; /* "machine", ...; a constant. */
    const char *name; /* "governor", ...; a constant. */
    struct text text; /* One line. */
    struct text mend; /* What to do, a command where there is one; empty: nothing. */
};

struct findings {
    struct finding *items; /* In the order of their adding. */
    unsigned count;
    unsigned counts[FINDING_STATE_COUNT]; /* Of each state. */
};

void findings_free(struct findings *findings);

/* PART and NAME are borrowed. */
void findings_add(struct findings *findings, enum finding_state state, const char *part,
                  const char *name, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Of the last one that was added. */
void findings_mend(struct findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A heading for each part, a line for each finding, and how many there are of each state. */
void findings_print(const struct findings *findings, struct text *out);
/* The same as JSON: {"ok", "warn", "fail", "findings": [{"part", "name", "state", "text",
 * "mend"}]}. */
void findings_json(const struct findings *findings, struct text *out);
/* One line for each that is not ok: its text, and after a semicolon its mend. */
void findings_lines(const struct findings *findings, struct text *out);

#endif
