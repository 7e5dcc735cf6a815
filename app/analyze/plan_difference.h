/* plan_difference.h - what two experiments as resolved say differently, by path. Pure. */
#ifndef ANALYZE_PLAN_DIFFERENCE_H
#define ANALYZE_PLAN_DIFFERENCE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    PLAN_DIFFERENCES = 64 /* Further ones are counted. */
};

/* Paths are as with --set: streams and steps by their names. Values are JSON, long ones cut. */
struct plan_difference {
    char path[200], base[80], other[80];
};

struct plan_differences {
    struct plan_difference items[PLAN_DIFFERENCES];
    size_t count, left_out;
};

void plan_differences_find(const cJSON *base, const cJSON *other, struct plan_differences *out);
/* Does PATH begin with the step NAME? */
bool plan_path_is(const char *path, const char *name);

#endif
