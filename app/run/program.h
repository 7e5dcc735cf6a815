/* program.h - a program of the user's, run by an `exec` step: its output goes into a file, and it
 * does not outlive its step.
 *
 * It has a process group of its own, so that the terminal's signals do not reach it, and all that
 * it started ends with it. Should we be killed, the kernel kills the program, though not what it
 * started. Its environment is what is named, and PATH and HOME.
 *
 * Threads: control only.
 */
#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct program {
    pid_t pid;          /* 0: none runs. */
    char log[PATH_MAX]; /* Where its output is. */
    char name[256];     /* For messages. */
};

struct program_plan {
    const char *const
        *arguments;         /* Ends with NULL; a first one with a slash is relative to FOLDER. */
    const char *const *env; /* "NAME=value", ends with NULL. */
    const char *folder;     /* Its working directory. */
    const char *log;        /* stdout and stderr, appended. */
};

/* 0, or -errno with ERR when it cannot be started. */
int program_start(struct program *program, const struct program_plan *plan, struct error *err);
/* 1 while it runs, 0 when it ended with exit status 0, or -errno with ERR: how it ended, and the
 * end of its output. */
int program_look(struct program *program, struct error *err);
/* Kill it and its children, if it runs. */
void program_kill(struct program *program);

#endif
