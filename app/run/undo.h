/* undo.h - put back what a run changed and could not: a killed run leaves its journal. */
#ifndef RUN_UNDO_H
#define RUN_UNDO_H

#include <stdbool.h>

#include "base/error.h"

/* Read DIRECTORY/undo.jsonl, and put each change back that was not, the last one first, telling
 * each on stdout; one that cannot be does not keep the others from it. DRY: only tell. EXIT_MET
 * also when there is nothing (left) to put back; else ERR has the first reason. */
enum exit_status undo_run(const char *directory, bool dry, struct error *err);

#endif
