/* compare_command.h - `seamline compare BASE NEW`: what became worse (analyze/compare.h).
 *
 * Threads: the main thread. Run directories are only read.
 */
#ifndef RUN_COMPARE_COMMAND_H
#define RUN_COMPARE_COMMAND_H

#include "base/error.h"

extern const char compare_help[];

/* ARGV[0] is "compare". EXIT_NOT_MET: there is a regression. EXIT_USAGE also when the runs cannot
 * be compared. */
enum exit_status compare_command(int argc, char **argv, struct error *err);

#endif
