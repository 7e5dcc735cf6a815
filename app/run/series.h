/* series.h - the runs that an experiment with variants, a matrix or repeats stands for, one after
 * another, each in a child process: the EAL starts once in a process.
 *
 *     DIR/series.json          what was made and what came out, written again after each run
 *     DIR/report.txt           the table over all (report/series.h)
 *     DIR/NAME/                the run directory of one; with repeats DIR/NAME/1/ and so on
 *
 * plan/matrix.h says which there are. Repeats go round: each is made once before any is made
 * again, so that a drift hits all alike. All of them are checked before the first one begins. A
 * run that fails does not keep the others from being made; one that a signal kills does: what it
 * changed is not put back. SIGINT and SIGTERM are passed on to the run that goes on, which ends in
 * order, and no other is begun. Should this process be killed, that run gets SIGTERM.
 *
 * Threads: control only, before anything has started the EAL.
 */
#ifndef RUN_SERIES_H
#define RUN_SERIES_H

#include "base/error.h"
#include "base/text.h"
#include "run/run.h"

/* `seamline run`: the series, or the one run if that is all that the experiment is. The worst exit
 * status of the runs, with ERR for what ended it. */
enum exit_status series_run(const struct run_options *options, struct error *err);

/* Is DIRECTORY one of a series? */
bool series_is(const char *directory);
/* Its table; JSON: its series.json. 0, or -errno with ERR; *STATUS the worst one. */
int series_report(const char *directory, bool json, struct text *out, enum exit_status *status,
                  struct error *err);

#endif
