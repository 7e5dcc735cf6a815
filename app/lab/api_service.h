/* api_service.h - addresses and ports that the cluster gives to a Service: clusterIPs of each
 * family from 10.96.0.0/16 and fd00:10:96::/112, node ports and healthCheckNodePort (of a
 * LoadBalancer with externalTrafficPolicy Local) from 30000-32767.
 *
 * The next free one after the last given is taken, so that an address is not used again soon after
 * its Service was deleted. The load balancer's address (status) is a controller's.
 *
 * Threads: none. Full: the Service stays without (it takes 65,000 Services or 2,768 ports).
 */
#ifndef LAB_API_SERVICE_H
#define LAB_API_SERVICE_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "lab/store.h"

struct api_service_ranges {
    uint32_t last_host; /* The last address given: its number in either prefix. */
    uint32_t last_port; /* The last node port given, counted from the range's start. */
};

/* Fill in what SERVICE (with its defaults) lacks: from OLD (may be NULL) what that had, else new.
 * */
void api_service_allocate(struct api_service_ranges *ranges, const struct store *store,
                          cJSON *service, const cJSON *old);

/* Add a cause for each cluster IP and node port of SERVICE that another one has, or that is none,
 * in a real server's words. OLD: its state before, or NULL. */
void api_service_check(const struct store *store, const cJSON *service, const cJSON *old,
                       cJSON *causes);

#endif
