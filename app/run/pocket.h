/* pocket.h - the pocket cluster (seamline-lab), brought up for an experiment on `lab` and taken
 * down after it. It is another program: what is judged shares no code with the judge.
 *
 * Threads: control only; both calls block for a few seconds.
 */
#ifndef RUN_POCKET_H
#define RUN_POCKET_H

#include <stdbool.h>

#include "base/error.h"
#include "plan/experiment.h"

#define POCKET_DIRECTORY "/run/seamline-lab"

/* Bring the lab up as the experiment's cluster.lab and cluster.proxy say, unless one is up already
 * (*STARTED is then false, and it is used as it is). PROGRAM is argv[0], beside which seamline-lab
 * is looked for before PATH. DIRECTORY gets the lab's folder. 0 or -errno with ERR. */
int pocket_up(const struct experiment *experiment, const char *program, char directory[256],
              bool *started, struct error *err);
int pocket_down(const char *program, const char *directory, struct error *err);
/* "lab, profile kubeadm, rr emulated" of the lab that is up in DIRECTORY, as its status file
 * says. */
const char *pocket_describe(const struct experiment *experiment, char out[256]);

#endif
