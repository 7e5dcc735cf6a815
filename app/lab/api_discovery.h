/* api_discovery.h - what the server tells of itself: groups, versions, resources.
 *
 * Threads: pure; fresh trees. Source: Kubernetes API concepts, "Discovery API" (the unaggregated
 * form, which all clients read).
 */
#ifndef LAB_API_DISCOVERY_H
#define LAB_API_DISCOVERY_H

#include <cjson/cJSON.h>

#include "lab/api_path.h"

/* The version that the lab says it is. */
#define API_DISCOVERY_MAJOR "1"
#define API_DISCOVERY_MINOR "30"
#define API_DISCOVERY_VERSION "v1.30.0-seamline-lab"

/* For the kinds of path VERSION, API, APIS, GROUP and RESOURCES; NULL when there is no such group
 * or version. */
cJSON *api_discovery_answer(const struct api_path *path);

#endif
