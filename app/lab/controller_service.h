/* controller_service.h - addresses of Services: cluster IPs and the LoadBalancer's VIP.
 *
 * Pure. A Service of type LoadBalancer gets one VIP a family of its own; what is given in
 * spec.clusterIP(s) or spec.loadBalancerIP stays. The lowest free number of the pool is taken, so
 * that a lab repeats its addresses.
 */
#ifndef LAB_CONTROLLER_SERVICE_H
#define LAB_CONTROLLER_SERVICE_H

#include <stddef.h>

#include "base/address.h"
#include "lab/change.h"

struct service_pools {
    struct prefix cluster_v4; /* Of cluster IPs. */
    struct prefix cluster_v6;
    struct prefix vip_v4; /* Of LoadBalancer addresses. */
    struct prefix vip_v6;
};

/* SERVICES: all of the cluster, SERVICE among them. An update, or nothing when all is there. */
void controller_service(const cJSON *service, const cJSON *const *services, size_t count,
                        const struct service_pools *pools, int64_t utc_ns, struct changes *changes);

#endif
