/* traffic_command.h - `seamline traffic URL ...`: options to an experiment (plan/command.h), and
 * its run by the same way as `seamline run`.
 *
 * Threads: the main thread, before anything is started.
 */
#ifndef RUN_TRAFFIC_COMMAND_H
#define RUN_TRAFFIC_COMMAND_H

#include "base/error.h"

extern const char traffic_help[];     /* The options, */
extern const char traffic_examples[]; /* and what follows them. */

/* ARGV[0] is "traffic"; PROGRAM as in struct run_options. ERR as run_experiment() has it. */
enum exit_status traffic_command(int argc, char **argv, const char *program, struct error *err);

#endif
