/* api_table.h - server-side Tables: what kubectl prints for `get`, made by the server.
 *
 * Columns and cells are those that a real server gives for the kind; columns of priority 1 are
 * shown with -o wide only.
 *
 * Threads: pure. Memory: fresh trees, borrowing OBJECT's members: delete them before it changes.
 * Source: Kubernetes API concepts, "Receiving resources as Tables"; recorded answers.
 */
#ifndef LAB_API_TABLE_H
#define LAB_API_TABLE_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "lab/api_resource.h"

/* What each row carries beside its cells. */
enum api_table_include {
    API_TABLE_METADATA, /* The object's metadata: the default. */
    API_TABLE_NONE,     /* Nothing. */
    API_TABLE_OBJECT,   /* The whole object. */
};

/* A table without rows; METADATA (taken) is that of the list. */
cJSON *api_table_new(const struct api_resource *resource, cJSON *metadata);
/* Ages are those at UTC_NS. */
void api_table_add(cJSON *table, const struct api_resource *resource, const cJSON *object,
                   enum api_table_include include, int64_t utc_ns);

/* "0s", "61s", "5m3s", "3h14m", "2d5h", "400d", "3y2d": shorter as it gets longer. */
void api_table_format_age(int64_t age_s, char out[32]);

#endif
