/* api_discovery.h - what the server tells of itself: groups, versions, resources.
 *
 * Threads: pure; fresh trees. Source: Kubernetes API concepts, "Discovery API" (the unaggregated
 * form, which all clients read).
 */
#ifndef LAB_API_DISCOVERY_H
#define LAB_API_DISCOVERY_H

#include <cjson/cJSON.h>

#include "lab/api_path.h"

/* The lab answers as Kubernetes 1.36, unless it is told to answer as an older one. */
enum {
    API_KUBERNETES_OLDEST = 20,
    API_KUBERNETES_MINOR = 36
};

/* For the kinds of path VERSION, API, APIS, GROUP and RESOURCES; NULL when Kubernetes 1.MINOR has
 * no such group or version. */
cJSON *api_discovery_answer(const struct api_path *path, unsigned minor);

#endif
