/* kube_command.h - `seamline kube ACTION ...`: one change of a cluster, without a run.
 *
 * Each action is an order as a step of an experiment gives it (kube/action.h); how it is made,
 * agreed to and told is run/by_hand.h.
 *
 * Threads: the main thread, before anything is started.
 */
#ifndef RUN_KUBE_COMMAND_H
#define RUN_KUBE_COMMAND_H

#include "base/error.h"

extern const char kube_help[];

/* ARGV[0] is "kube". */
enum exit_status kube_command(int argc, char **argv, struct error *err);

#endif
