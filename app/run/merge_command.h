/* merge_command.h - `seamline merge DIR... -e EXPERIMENT -o OUT`: shares of several appliances as
 * one run (analyze/merge.h).
 *
 * Threads: the main thread. The shares are only read.
 */
#ifndef RUN_MERGE_COMMAND_H
#define RUN_MERGE_COMMAND_H

#include "base/error.h"

extern const char merge_help[];

/* ARGV[0] is "merge". As `seamline run`: whether the whole met its expectations. */
enum exit_status merge_command(int argc, char **argv, struct error *err);

#endif
