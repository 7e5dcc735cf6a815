/* doctor_command.h - `seamline doctor --cluster`: can this cluster be reached, has it what a run
 * needs, and may we do it? Each right is asked for by SelfSubjectAccessReview; nothing is changed.
 *
 * Threads: the main thread, before anything is started.
 */
#ifndef RUN_DOCTOR_COMMAND_H
#define RUN_DOCTOR_COMMAND_H

#include "base/error.h"

extern const char doctor_help[];

/* ARGV[0] is "doctor". EXIT_MET when all is there, EXIT_ENVIRONMENT when something is missing. */
enum exit_status doctor_command(int argc, char **argv, struct error *err);

#endif
