/* script.h - packet scripts, read: one line a step.
 *
 *     TIME  ACTION  [! EXPECTED[, EXPECTED]...]  [# comment]
 *
 * TIME is absolute ("1.5s", "200ms", "0") or, with "+", after the line before. ACTION is a
 * packet ("> FLAGS seq:end(bytes) [ack N] [win N] [<options>]" for one that the stack must send
 * at exactly this time, "<" for one that it receives) or words for the application's side. The
 * head of a script may have lines "config NAME VALUE". docs/tcp.md describes all of it.
 *
 * Memory: a script is read as a whole; lines point into its text.
 */
#ifndef TESTS_PACKETS_SCRIPT_H
#define TESTS_PACKETS_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SCRIPT_LINES_MAX = 400,
    SCRIPT_WORDS_MAX = 12,
    SCRIPT_EXPECTS_MAX = 12,
    SCRIPT_TEXT_BYTES = 240
};

struct script_line {
    unsigned number;                                     /* In the file, from 1. */
    uint64_t at_ns;                                      /* Absolute. */
    unsigned word_count;                                 /* Of the action. */
    char words[SCRIPT_WORDS_MAX][SCRIPT_TEXT_BYTES];     /* The action; <options> are one word. */
    unsigned expect_count;                               /* After the "!". */
    char expects[SCRIPT_EXPECTS_MAX][SCRIPT_TEXT_BYTES]; /* Normalized: single spaces. */
};

struct script {
    char proves[SCRIPT_TEXT_BYTES]; /* The first comment line. */
    unsigned config_count;          /* "config" lines. */
    unsigned line_count;
    struct script_line configs[32]; /* words[0] is the name, words[1] the value. */
    struct script_line lines[SCRIPT_LINES_MAX];
};

/* False, and a message in ERROR, if it cannot be read. */
bool script_read(const char *path, struct script *out, char error[SCRIPT_TEXT_BYTES]);
/* "1.5s", "200ms", "40us", "3ns", "2h", "30d"; a number alone is seconds. */
bool script_time(const char *text, uint64_t *out_ns);

#endif
