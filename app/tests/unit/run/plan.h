/* plan.h - the main job's experiment, with assignments, for tests of run/. */
#ifndef TESTS_UNIT_RUN_PLAN_H
#define TESTS_UNIT_RUN_PLAN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/experiment.h"

/* SET NULL: as it stands. */
static inline struct experiment *main_job(const char *set)
{
    char path[500];
    struct experiment *made = NULL;
    struct error err = {0};
    struct experiment_options options = {.sets = &set, .set_count = set != NULL};
    snprintf(path, sizeof(path), "%s/k8s-app-upgrade.json", getenv("CONFIG_DIR"));
    if (experiment_load(path, &options, &made, &err) < 0)
        fail_msg("%s", err.text);
    return made;
}

#endif
