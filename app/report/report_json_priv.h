/* report_json_priv.h - the larger members of run.json. Each returns a fresh tree. Threads: pure. */
#ifndef REPORT_REPORT_JSON_PRIV_H
#define REPORT_REPORT_JSON_PRIV_H

#include <cjson/cJSON.h>

#include "analyze/result.h"

/* All of it, but of connections and outages the first MOST each. */
cJSON *report_json_tree(const struct result *result, size_t most);
cJSON *report_json_stream(const struct result *result, unsigned stream);
cJSON *report_json_window(const struct result *result, const struct window *window);
cJSON *report_json_pod(const struct result *result, const struct result_pod *pod);
cJSON *report_json_outage(const struct result *result, const struct outage *outage);
cJSON *report_json_connection(const struct result *result,
                              const struct record_connection *connection);
cJSON *report_json_bracket(struct bracket bracket);
/* An integer that stands for "none" or "never" when it is UINT64_MAX: then null. */
void report_json_add(cJSON *object, const char *name, uint64_t value);

#endif
