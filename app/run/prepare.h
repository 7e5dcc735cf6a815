/* prepare.h - all that comes before the first step, and its reverse.
 *
 * In this order, so that nothing is touched before what can be checked without touching was
 * checked: experiment, manifests, prediction, a machine file that is named; the run directory; the
 * lab, where it is used, and its machine file; the cluster; consent; NIC ports. When any of it
 * fails, the run directory is removed again: it holds nothing.
 */
#ifndef RUN_PREPARE_H
#define RUN_PREPARE_H

#include "run/session.h"

/* 0, or -errno with ERR; prepare_undo() is to be called in both cases. */
int prepare(struct session *session, struct error *err);
/* Close and free all, and take down the lab that prepare() brought up. */
int prepare_undo(struct session *session, struct error *err);

/* Only what touches nothing: the experiment, its files, a machine file that is named. 0, or -errno
 * with ERR. */
int prepare_check(const struct run_options *options, struct error *err);

struct text;

/* Load experiment and manifests alone, and append what is predicted: figures and the histogram of
 * simulated runs. 0, or -errno with ERR; -ENODATA when there is nothing to predict. */
int prepare_predict(const struct run_options *options, struct text *out, struct error *err);

#endif
