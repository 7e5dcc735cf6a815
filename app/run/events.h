/* events.h - lines of JSON for a reader that follows the run (--events).
 *
 * A line is handed to the system as soon as it is added. A reader that is slow does not hold the
 * run up: what it does not take waits in memory, EVENTS_WAITING_BYTES at most; lines beyond are
 * dropped and counted. A reader that has gone, or a full disk, ends the events and not the run.
 *
 * Threads: control only. Memory: malloc. SIGPIPE is to be ignored.
 */
#ifndef RUN_EVENTS_H
#define RUN_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum {
    EVENTS_WAITING_BYTES = 4 << 20
};

/* Zeros: nobody asked for any, and all calls do nothing. */
struct events {
    bool open;
    int fd;
    struct text waiting; /* Whole lines, but for the first, of which a part may be gone. */
    uint64_t dropped;    /* Lines that found no room, ever. */
    int failed;          /* -errno of what ended them; 0: nothing did. */
};

/* PATH: a file, which is appended to, or a FIFO that is being read; "-" is standard output; NULL:
 * none. 0 or -errno with ERR. */
int events_open(struct events *events, const char *path, struct error *err);
/* LINE without its newline. */
void events_add(struct events *events, const char *line);
/* Send what waits, as far as that goes without waiting. */
void events_send(struct events *events);
/* Wait at most TIMEOUT_MS for the reader to take the rest. */
void events_close(struct events *events, unsigned timeout_ms);

#endif
