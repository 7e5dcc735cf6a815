/* targets.h - files of HTTP targets in vegeta's format, which `seamline traffic --targets` takes.
 *
 *     file    = { blank | comment | target }
 *     comment = "#" anything                            on a line of its own
 *     target  = METHOD " " URL newline { Name ":" value newline } [ "@" FILE newline ]
 *
 * A target ends at a blank line, at the next line that begins with a method, or with the file. FILE
 * holds its body. Lines end by LF or CR LF.
 *
 *     GET http://10.0.0.1/a
 *     X-Account: 7
 *
 *     POST http://10.0.0.1/b
 *     @body.json
 *
 * Threads: pure, but for reading the file. Memory: one copy of the text, and the items; freed by
 * targets_free().
 * Full: more targets or headers than there is room for are refused.
 */
#ifndef PLAN_TARGETS_H
#define PLAN_TARGETS_H

#include <stddef.h>

#include "base/error.h"

enum {
    TARGETS_MAX = 10000,       /* As many requests as a stream has. */
    TARGETS_HEADERS_MAX = 16,  /* Of one. */
    TARGETS_FILE_MAX = 4 << 20 /* Bytes. */
};

struct targets_item {
    const char *method;
    const char *url;
    const char *headers[TARGETS_HEADERS_MAX]; /* "Name: value". */
    size_t header_count;
    const char *body;                           /* "@FILE"; NULL: none. */
    unsigned line;                              /* Of its method, from 1; */
    unsigned header_lines[TARGETS_HEADERS_MAX]; /* of each header, */
    unsigned body_line;                         /* and of the body. */
};

struct targets {
    char *text; /* All strings point into it. */
    size_t count;
    struct targets_item *items; /* count of them. */
};

/* 0, or -errno with ERR ("FILE:LINE:COLUMN: what"); *OUT is then empty. NAME stands for the
 * file. */
int targets_parse(const char *name, const char *bytes, size_t size, struct targets *out,
                  struct error *err);
int targets_load(const char *path, struct targets *out, struct error *err);
void targets_free(struct targets *targets);

#endif
