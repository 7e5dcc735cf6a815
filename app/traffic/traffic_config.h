/* traffic_config.h - defaults, checks and sizes of struct traffic_config (traffic.h has the
 * first two of them).
 *
 * Threads: slow path. Pure.
 */
#ifndef TRAFFIC_CONFIG_H
#define TRAFFIC_CONFIG_H

#include "traffic/traffic.h"

/* 0, or -EINVAL with ERR: which stream or key, and what would be right. */
int traffic_config_check(const struct traffic_config *config, struct error *err);

/* Port numbers FIRST, FIRST + STRIDE, ... up to LAST; empty when FIRST is larger. */
struct port_range {
    uint32_t first;
    uint16_t last;
    uint16_t stride;
};

/* The client ports of this worker toward targets of a family. */
struct port_range traffic_config_ports(const struct traffic_config *config, bool v4);

/* Requests that can be under way at once; at most POOL_CAPACITY_MAX. */
uint32_t traffic_requests_needed(const struct traffic_config *config);
/* Requests of STREAM, an open one, that may wait for a connection. */
uint32_t traffic_queue_max(const struct traffic_stream_config *stream);
/* Requests of STREAM, an open one, from the oldest that is not decided on, when slots are reached
 * up to LATE_NS late; at most POOL_CAPACITY_MAX. */
uint32_t traffic_order_needed(const struct traffic_stream_config *stream, uint64_t late_ns);

#endif
