/* big_run.h - the run directory of a large run: 60 s at a million requests a second, of which
 * 100,000 went wrong, while a rollout replaced all pods.
 *
 * Four workers, two streams. `held`: 10,000 connections with 100 requests/s each, recorded as such
 * a rate is by default, one good request in ten. `new`: 1,000 connections/s, recorded in full.
 * Every two seconds from 10 s on, one of 20 pods ends:
 *
 *     80,000   held: its 500 connections are reset, one after the other within 50 ms; each loses
 *              a request and seven slots, is refused once, and goes on on the pod's successor
 *     19,200   held: 48 answers with status 503 at once, every 100 ms while the rollout lasts
 *        800   new: refused, 40 after each pod's end
 *
 * Records are made by record_request_done() and its like and written by log_writer_flush(), as
 * workers and the control thread do; what a worker is told of comes in the order in which it is
 * over, answers overtaking each other.
 */
#ifndef TESTS_BENCH_SHARED_BIG_RUN_H
#define TESTS_BENCH_SHARED_BIG_RUN_H

#include "base/error.h"

enum {
    BIG_RUN_SECONDS = 60,
    BIG_RUN_RATE = 1000000, /* Of held; new adds 1,000. */
    BIG_RUN_FAILURES = 100000
};

/* Makes PATH, which is not there yet. 0 or -errno with ERR. */
int big_run_write(const char *path, struct error *err);

#endif
