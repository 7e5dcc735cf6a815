/* undo.h - put back what a run changed and could not: a killed run leaves its journal. */
#ifndef RUN_UNDO_H
#define RUN_UNDO_H

#include <stdbool.h>

#include "base/error.h"

/* Read DIRECTORY/undo.jsonl and experiment.json, and put each change back that was not, the last
 * one first, telling each on stdout. DRY: only tell. LAB_KUBECONFIG: path that stands for "lab". */
enum exit_status undo_run(const char *directory, bool dry, struct error *err);

#endif
