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
 * (*STARTED is then false; one with other delays or another scheduler than the experiment's is
 * refused). PROGRAM is argv[0], beside which seamline-lab is looked for before PATH. DIRECTORY gets
 * the lab's folder, ENVIRONMENT what it is by its own word: "lab, profile kubeadm, rr, emulated".
 * Signals of the terminal do not reach it: it comes up and goes down in order. 0 or -errno with
 * ERR; *STARTED holds then too. */
int pocket_up(const struct experiment *experiment, const char *program, char directory[256],
              char environment[256], bool *started, struct error *err);
int pocket_down(const char *program, const char *directory, struct error *err);

/* Whether the lab has SCHEDULER, and whether only where the kernel has IPVS. Pure. */
bool pocket_has_scheduler(enum experiment_scheduler scheduler);
bool pocket_needs_ipvs(enum experiment_scheduler scheduler);

/* Whether the lab whose status (JSON) is STATUS is the one that EXPERIMENT wants. 0 and
 * ENVIRONMENT, or -EINVAL with ERR. Pure. */
int pocket_check(const struct experiment *experiment, const char *status, char environment[256],
                 struct error *err);

#endif
