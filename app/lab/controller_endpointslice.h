/* controller_endpointslice.h - the EndpointSlices and the Endpoints of one Service.
 *
 * Pure. One slice a family; conditions by the rules of the real controller (Kubernetes 1.36,
 * KEP-1672): serving = the pod is Ready, terminating = it is being deleted, ready = serving and not
 * terminating (or publishNotReadyAddresses). Finished pods and pods without an address of the
 * family are left out. Endpoints that stay keep their place; new ones come at the end.
 */
#ifndef LAB_CONTROLLER_ENDPOINTSLICE_H
#define LAB_CONTROLLER_ENDPOINTSLICE_H

#include <stddef.h>

#include "lab/change.h"

/* PODS: all of the service's namespace. SLICES: those that are there for it. ENDPOINTS: the object
 * of its name, or NULL. */
void controller_endpointslice(const cJSON *service, const cJSON *const *pods, size_t pod_count,
                              const cJSON *const *slices, size_t slice_count,
                              const cJSON *endpoints, struct changes *changes);

/* The number of the container port that a service port's targetPort means on POD; 0 when the pod
 * has no port of that name. */
int64_t endpointslice_target_port(const cJSON *service_port, const cJSON *pod);

#endif
