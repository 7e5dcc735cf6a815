/* pattern.h - patterns of connection use: when a stream opens connections, and which of them a
 * request goes on.
 *
 *   held    `flows` connections are held and replaced when they break; each has slots of its own
 *           in the schedule (held.h).
 *   open    an open loop: a request at each due time, whatever became of those before, on a
 *           connection of its own (open.h).
 *
 * What is said on a connection is the exchange's part (exchange.h): any pattern goes with any
 * exchange. traffic.c knows streams by this table alone; a stream without connections has one too,
 * and leaves out what it has no use for.
 *
 * Threads: the owning worker.
 */
#ifndef TRAFFIC_PATTERN_H
#define TRAFFIC_PATTERN_H

#include "traffic/traffic_priv.h"

struct pattern {
    /* The stream starts, its flows reset: start the schedule at START_NS. */
    void (*start)(struct traffic *traffic, struct traffic_stream *stream, uint64_t start_ns);
    /* Called in each turn while stream->opened is below flow_count: open some first connections.
     * NULL: nothing is opened before it is due. */
    void (*open)(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns);
    /* Slot SLOT of the schedule was due at DUE_NS. */
    void (*due)(struct traffic *traffic, struct traffic_stream *stream, uint32_t slot,
                uint64_t due_ns, uint64_t now_ns);
    /* The flow that the next slot, SLOT, is for, when it is not reached before the stop; NULL: the
     * slot does not count. */
    struct traffic_flow *(*unreached)(struct traffic *traffic, struct traffic_stream *stream,
                                      uint32_t slot);
    /* The first SYN of CONN left at SENT_NS. */
    void (*syn_sent)(struct traffic *traffic, struct traffic_conn *conn, uint64_t sent_ns);
    /* EVENT of the tcp for CONN, which is connecting or up: CONNECTED, DATA, PEER_FIN, or a fatal
     * one. */
    void (*event)(struct traffic *traffic, struct traffic_conn *conn,
                  const struct tcp_event *event);
    /* CONN's timer ran out while it was connecting or up. */
    void (*silence)(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns);
    /* FLOW's timer ran out. NULL: it sets none. */
    void (*wake)(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns);
    /* The stream stops: open requests are unfinished, connections are closed. */
    void (*stop)(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns);
};

/* By enum traffic_pattern. */
extern const struct pattern *const patterns[TRAFFIC_PATTERN_COUNT];

static inline const struct pattern *pattern_of(const struct traffic *traffic, uint32_t stream)
{
    return patterns[traffic->streams[stream].config.pattern];
}

#endif
