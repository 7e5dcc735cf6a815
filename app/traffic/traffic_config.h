/* traffic_config.h - defaults, checks and sizes of struct traffic_config (traffic.h has some of
 * them).
 *
 * Sizes are what there can be at once, and no more; N is a stream's flows, T its timeout:
 *
 *                    held                             closed                 open
 *     connections    N + closing(N)                   N + closing(N)         as are due in the
 *                                                     (+ 4096 without        longest life of one,
 *                                                     keep-alive)            or twice its limit
 *     requests       min(N * depth, due in T + 1 s)   N * depth              connections + queue
 *     awake          min(connections, due in T + 2 s  connections            connections
 *                    + connecting + closing(N))
 *     TIME-WAIT      min(2 N, 65536)                  the same (+ 65536      due in its time
 *                                                     without keep-alive)
 *
 *     outages        min(N, 131072), of all streams together
 *
 *     closing(N) = min(N, 65536) + 64, connecting = 65536; `due` is by the law's peak.
 *
 * Why that is enough, or what happens when it is not:
 *   closing     Connections that are being closed when their flow has another already. In want of
 *               one more, the one that has been closing for the longest time is reset.
 *   requests    Each ends within its timeout. Those of a stall longer than a second may find no
 *               room: unsent, pool-full.
 *   connecting  No more of a held stream are opened at a time. First connections wait for their
 *               turn; one that replaces another is tried again after the back-off, and its flow's
 *               slots are unsent, pool-full.
 *   awake       Blocks of the tcp, and connections here (quiet.h), for those that are not quiet.
 *               Two seconds are for the pause after which one sleeps. Without a block bytes wait;
 *               without a connection to wake the request is unsent, pool-full.
 *   TIME-WAIT   The oldest entry is given up.
 *   outages     Of a further one there is no record, and the log of outages counts it as refused:
 *               the report then calls its figures a bound.
 *
 * Threads: slow path. Pure.
 */
#ifndef TRAFFIC_CONFIG_H
#define TRAFFIC_CONFIG_H

#include "traffic/traffic.h"

enum {
    TRAFFIC_CONNECTING = 1 << 16, /* Connections of a held stream that are opened at a time. */
    TRAFFIC_OUTAGES = 1 << 17,    /* Flows that can have an outage under way. */
    TRAFFIC_CLOSING = 1 << 16     /* Connections being closed, beside those that are open. */
};

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
/* Connections over TLS that there can be at once; at most POOL_CAPACITY_MAX. */
uint32_t traffic_secures_needed(const struct traffic_config *config);
/* Requests of STREAM, an open one, that may wait for a connection. */
uint32_t traffic_queue_max(const struct traffic_stream_config *stream);
/* Requests of STREAM, an open one, from the oldest that is not decided on, when slots are reached
 * up to LATE_NS late; at most POOL_CAPACITY_MAX. */
uint32_t traffic_order_needed(const struct traffic_stream_config *stream, uint64_t late_ns);

#endif
