/* api_default.h - what a real API server fills in where an object says nothing.
 *
 * Only what clients and controllers look at: a rollout's strategy, grace periods, protocols, target
 * ports, pull policies, probes. Addresses and ports of Services are allocated in api_service.h.
 *
 * Threads: pure, changes its argument. Source: Kubernetes API reference ("Defaults to ...").
 */
#ifndef LAB_API_DEFAULT_H
#define LAB_API_DEFAULT_H

#include <cjson/cJSON.h>

#include "lab/store.h"

/* OBJECT has passed api_validate_types(). Also removes members that are null from its spec and
 * metadata, which mean the same as absent ones. Idempotent. */
void api_default(enum store_kind kind, cJSON *object);

#endif
