/* quiet.h - a client worker with very many connections that are open and say nothing.
 *
 *     quiet_start(&err);
 *     quiet_hold(1000000, false, &quiet, &err);
 *     quiet_stop();
 *
 * The worker is a whole one, as worker_setup() makes it for a held stream of so many connections,
 * on the profile null. Its loop does not run: what it would do in a turn is done here, in a time of
 * its own that goes on by a step a turn, and what its tcp hands out goes to a server without memory
 * that lets in whoever asks.
 *
 * Threads: one. The EAL is started here, without workers.
 */
#ifndef TESTS_BENCH_SHARED_QUIET_H
#define TESTS_BENCH_SHARED_QUIET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct quiet {
    uint32_t connections; /* Established, and asleep. */
    uint64_t bytes;       /* Of memory that the process has more than before the worker was made. */
    double ticks;         /* TSC ticks for each to be opened, the server's included. */
};

int quiet_start(struct error *err);
/* Open COUNT connections, wait until they are quiet, take stock, and give all back. EXACT: the
 * pools have room for COUNT connections; else as many as the worker wants for such a stream. 0 or
 * -errno with ERR. */
int quiet_hold(uint32_t count, bool exact, struct quiet *quiet, struct error *err);
void quiet_stop(void);

#endif
