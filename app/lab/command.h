/* command.h - running the system's network tools (ip, nft, ethtool), never by a shell.
 *
 * Input is given as a text and output taken into one, by memory files: no pipe can fill up, and the
 * caller may wait for the end by polling `pid_fd` along with everything else.
 *
 * Threads: the daemon's one (it changes the thread's namespace for the moment of starting).
 */
#ifndef LAB_COMMAND_H
#define LAB_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"

struct command {
    pid_t pid;  /* 0 when none is running. */
    int pid_fd; /* Readable when it has ended. */
    int out_fd; /* Memory file with its output and error output. */
};

/* Start ARGV (NULL-terminated, found by PATH) in NETNS_FD with INPUT (may be NULL) as its standard
 * input, and come back to HOME_FD. 0, or -errno and nothing runs. */
int command_start(struct command *command, int netns_fd, int home_fd, const char *const *argv,
                  const char *input);

/* Wait for the end and take its output, appended to OUT (may be NULL). 0 when it exited with 0,
 * else -EIO; -ENOENT when there is no such program. */
int command_finish(struct command *command, struct text *out);

/* Both. ERR gets the program's words and INPUT's size. */
int command_run(int netns_fd, int home_fd, const char *const *argv, const char *input,
                struct text *out, struct error *err);

#endif
