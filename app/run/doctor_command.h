/* doctor_command.h - `seamline doctor`: are this machine, its ports, next hops and a cluster ready?
 *
 * Threads: the main thread, before anything is started. It changes nothing.
 */
#ifndef RUN_DOCTOR_COMMAND_H
#define RUN_DOCTOR_COMMAND_H

#include "base/error.h"

extern const char doctor_help[];

/* ARGV[0] is "doctor"; PROGRAM as in struct run_options. EXIT_MET when nothing failed,
 * EXIT_ENVIRONMENT when something did. */
enum exit_status doctor_command(int argc, char **argv, const char *program, struct error *err);

#endif
