/* predict_command.h - `seamline predict ...`: what a rollout will break, without doing it
 * (plan/forecast.h, run/prediction.h).
 *
 * Threads: the main thread. A cluster is asked only when one is named, and never changed.
 */
#ifndef RUN_PREDICT_COMMAND_H
#define RUN_PREDICT_COMMAND_H

#include "base/error.h"

extern const char predict_help[];

/* ARGV[0] is "predict". */
enum exit_status predict_command(int argc, char **argv, struct error *err);

#endif
