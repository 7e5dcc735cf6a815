/* advise_command.h - `seamline advise ...`: what of a Deployment loses traffic (plan/advice.h).
 *
 * Threads: the main thread. A cluster is asked only when one is named, and never changed.
 */
#ifndef RUN_ADVISE_COMMAND_H
#define RUN_ADVISE_COMMAND_H

#include "base/error.h"

extern const char advise_help[];

/* ARGV[0] is "advise". EXIT_NOT_MET: something will lose traffic that the manifest could mend. */
enum exit_status advise_command(int argc, char **argv, struct error *err);

#endif
