/* pattern.h - patterns of connection use: when a stream opens connections, and which of them a
 * request goes on.
 *
 *   held    `flows` connections are held and replaced when they break; each has slots of its own
 *           in the schedule (held.h).
 *   open    an open loop: a request at each due time, whatever became of those before, on a
 *           connection of its own, or on one of a pool (open.h).
 *   closed  a closed loop: `flows` of them, each of which sends its next request when the one
 *           before is over (closed.h).
 *   echo    an open loop of datagrams, without connections (echo.h).
 *   one-way an open loop of frames that nobody answers (raw.h).
 *
 * What is said on a connection is the exchange's part (exchange.h): any pattern goes with any
 * exchange. traffic.c knows streams by this table alone; a stream without connections has one too,
 * and leaves out what it has no use for.
 *
 * Threads: the owning worker.
 */
#ifndef TRAFFIC_PATTERN_H
#define TRAFFIC_PATTERN_H

#include "traffic/flow.h"
#include "traffic/traffic_priv.h"

struct pattern {
    /* The stream starts, its flows reset: start the schedule at START_NS. */
    void (*start)(struct traffic *traffic, struct traffic_stream *stream, uint64_t start_ns);
    /* Called in each turn while stream->opened is below flow_count: open some first connections.
     * NULL: nothing is opened before it is due. */
    void (*open)(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns);
    /* Slot SLOT of the schedule was due at DUE_NS. NULL: the stream takes its slots itself, when
     * there is room. */
    void (*due)(struct traffic *traffic, struct traffic_stream *stream, uint32_t slot,
                uint64_t due_ns, uint64_t now_ns);
    /* What becomes of a slot does not depend on answers: it need not wait until those that have
     * arrived are read. */
    bool regardless;
    /* The flow that the next slot, SLOT, is for, when it is not reached before the stop; NULL: the
     * slot does not count. Without this, none does. */
    struct traffic_flow *(*unreached)(struct traffic *traffic, struct traffic_stream *stream,
                                      uint32_t slot);
    /* The first SYN of CONN left at SENT_NS. */
    void (*syn_sent)(struct traffic *traffic, struct traffic_conn *conn, uint64_t sent_ns);
    /* CONN is up since AT_NS. */
    void (*connected)(struct traffic *traffic, struct traffic_conn *conn, uint64_t at_ns);
    /* REQUEST, the oldest of CONN, has its whole answer, and its record says how good that is: pop
     * it. LAST: CONN takes no further one. CONN may be closed here. */
    void (*answered)(struct traffic *traffic, struct traffic_conn *conn,
                     struct traffic_request *request, bool last, uint64_t at_ns);
    /* CONN, connecting or up, ends as SIGNAL says, its requests by OUTCOME: account for them, and
     * end it by conn_end(). */
    void (*failed)(struct traffic *traffic, struct traffic_conn *conn, enum outcome outcome,
                   const struct flow_signal *signal);
    /* FLOW's timer ran out. NULL: it sets none. */
    void (*wake)(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns);
    /* The stream stops: open requests are unfinished, connections are closed. Called in each turn
     * until it says that this was all. */
    bool (*stop)(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns);
};

/* By enum traffic_pattern. */
extern const struct pattern *const patterns[TRAFFIC_PATTERN_COUNT];

static inline const struct pattern *pattern_of(const struct traffic *traffic, uint32_t stream)
{
    return patterns[traffic->streams[stream].config.pattern];
}

#endif
