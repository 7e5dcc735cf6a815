/* ingress_plan.h - what the ingress's nginx is to do, from Ingresses, Services and EndpointSlices.
 *
 *     config    nginx.conf: a server a host, a location a path. Changes with Ingresses only.
 *     backends  a line a Service port that a path leads to, with its ready endpoints:
 *               "NAMESPACE-SERVICE-PORT 10.244.1.2|8080 [fd00:244:2::3]|8080". What Lua is told
 *               (ingress.lua); changes with endpoints, without a reload.
 *
 * Of several paths that are the same for the same host the first Ingress's (by namespace and name)
 * counts. What an Ingress says goes into a configuration that root reads: hosts and paths are
 * checked by the characters that they may have, whatever the API let through, and left out.
 *
 * Threads: pure. Memory: malloc; INGRESS_PATHS_MAX paths, more are left out. Source: Kubernetes
 * "Ingress"; ingress-nginx's documentation (annotations, balancing by Lua).
 */
#ifndef LAB_INGRESS_PLAN_H
#define LAB_INGRESS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/text.h"

enum {
    INGRESS_PATHS_MAX = 512,
    INGRESS_CONTROL_PORT = 10246, /* On the pod's loopback: where backends are handed over. */
    INGRESS_HEALTH_PORT = 10254
};

struct ingress_objects {
    const cJSON **ingresses; /* Each in the store's order. */
    size_t ingress_count;
    const cJSON **services;
    size_t service_count;
    const cJSON **slices;
    size_t slice_count;
};

struct ingress_settings {
    const char *dir;  /* The lab's folder: ingress.lua, tls.crt, truth.jsonl. */
    int64_t look_ns;  /* How often a worker looks for backends. */
    int64_t start_ns; /* The lab's start, since 1970. */
};

struct ingress_plan {
    struct text config;
    struct text backends;
};

void ingress_plan_make(struct ingress_plan *plan, const struct ingress_settings *settings,
                       const struct ingress_objects *objects);
void ingress_plan_free(struct ingress_plan *plan);

/* "web.example.com" or "*.example.com", in lower case; a path of letters, digits and -._~%/ that
 * begins with a slash. */
bool ingress_host_is_good(const char *host);
bool ingress_path_is_good(const char *path);

#endif
