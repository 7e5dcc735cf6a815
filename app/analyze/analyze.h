/* analyze.h - the run directory to its result. Pure but for reading files.
 *
 * Reads meta.json, experiment.json, worker-*.log and cluster.jsonl; what a crash cut off is told in
 * the result (damaged bytes, a cut timeline, meta not final), never guessed. So is what is damaged
 * or missing (result.unread), as long as requests can be accounted for: without meta.json, the
 * experiment, or any log, nothing can.
 */
#ifndef ANALYZE_ANALYZE_H
#define ANALYZE_ANALYZE_H

#include "analyze/result.h"

/* 0 and *OUT, to be freed by result_free(), or -errno with ERR naming the file, or saying that
 * RUNDIR is no run directory. */
int analyze_rundir(const char *rundir, struct result **out, struct error *err);

/* The same from parts (taken, also on failure): for tests. */
int analyze_parts(struct meta *meta, struct logs *logs, struct timeline *timeline,
                  struct experiment *experiment, struct result **out, struct error *err);

#endif
