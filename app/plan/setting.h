/* setting.h - `--set path=value`: one change to the tree of a file before it is read.
 *
 *     path  = step { "." step | "[" step "]" }
 *     step  = a key; in an array an index, or the `name` or `id` of one of its objects
 *
 * "cluster.proxy.scheduler=lc", "streams.held.rate=1k/s", "steps[3].image=mserver:v3". A step in
 * brackets may be quoted ("cluster.lab.images["x.y/z:1"]=p"). The value is read as JSON, and as a
 * string if it is none. Keys come from the file's tables (plan/reader): one that the file does not
 * have yet is added, one that no such file may have is refused with the keys that it may have. An
 * array is not made longer, but replaced whole.
 *
 * Threads: pure.
 */
#ifndef PLAN_SETTING_H
#define PLAN_SETTING_H

#include <cjson/cJSON.h>

#include "base/error.h"
#include "plan/reader.h"

/* 0, or -EINVAL with ERR ("--set a.b=c: ..."); ROOT is then unchanged but for empty objects on the
 * way. */
int setting_apply(cJSON *root, const struct reader_object *shape, const char *assignment,
                  struct error *err);
/* The same with path and value apart; VALUE is copied. */
int setting_put(cJSON *root, const struct reader_object *shape, const char *path,
                const cJSON *value, struct error *err);

#endif
