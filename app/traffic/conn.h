/* conn.h - a connection's way through the tcp, and its account.
 *
 * conn_open() -> CONN_CONNECTING -> conn_connected() -> CONN_UP -> conn_end() -> CONN_CLOSING ->
 * conn_gone(). Over TLS it is CONN_SECURING after conn_connected(), up to conn_secured().
 * conn_end() comes from any state but the last, and writes the record_connection. The protocol then
 * says how the tcp's part ends: conn_close() (FIN) or conn_abort() (RST); after a fatal event
 * neither is needed.
 *
 * Threads: the owning worker. Full: conn_open() resets the connection that has been closing for the
 * longest time; if there is none, it says why not.
 */
#ifndef TRAFFIC_CONN_H
#define TRAFFIC_CONN_H

#include "traffic/flow.h"
#include "traffic/traffic_priv.h"

/* Open a connection for FLOW (toward its target) from a new 5-tuple. The timer is set to the
 * stream's limit. NULL with *REASON when the tester could not. */
struct traffic_conn *conn_open(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns,
                               enum unsent_reason *reason);
/* Its SYN was answered at AT_NS. Its timer stays set: a lower bound of what the next request
 * needs. */
void conn_connected(struct traffic *traffic, struct traffic_conn *conn, uint64_t at_ns);
/* Its TLS handshake was over at AT_NS. */
void conn_secured(struct traffic *traffic, struct traffic_conn *conn, uint64_t at_ns);
/* It ends as SIGNAL says: its record is written, its timer stopped. */
void conn_end(struct traffic *traffic, struct traffic_conn *conn, const struct flow_signal *signal);
/* FIN, and RST if that is not over within the close timeout; RST at once if a request is over whose
 * bytes the peer may still want, for they are gone. After conn_end(). */
void conn_close(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns);
/* Reset those whose close takes too long. */
void conn_close_expired(struct traffic *traffic, uint64_t now_ns);
/* Reset all that are being closed. */
void conn_reset_closing(struct traffic *traffic, uint64_t now_ns);
/* RST at once (nothing, in SYN-SENT). After conn_end(). */
void conn_abort(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns);
/* The tcp has forgotten it: its memory and 5-tuple are free again. CONN is not valid after this. */
void conn_gone(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns);

/* One of the pool, of which SPARE are for others; 0: none is free. In want of one, the one that has
 * been closing for the longest time makes room. */
pool_handle conn_take(struct traffic *traffic, uint32_t spare, uint64_t now_ns);

/* How a connection and its open request end. */
struct conn_ending {
    enum connection_end end;
    enum outcome outcome;
};

/* By a fatal EVENT of the tcp. */
struct conn_ending conn_ending(const struct traffic_conn *conn, const struct tcp_event *event);
/* By our own timer: nobody answered in time. */
struct conn_ending conn_silence(const struct traffic_conn *conn);

/* What is known of its end, by a fatal EVENT of the tcp, or by the state of the tcp when EVENT
 * is NULL (our own timer at NOW_NS). The host is filled in. */
struct flow_signal conn_signal(const struct traffic *traffic, const struct traffic_conn *conn,
                               enum connection_end end, const struct tcp_event *event,
                               uint64_t now_ns);
/* A segment of it was sent again: EVENT is TCP_EVENT_RETRANSMIT. */
void conn_retransmit(struct traffic *traffic, struct traffic_conn *conn,
                     const struct tcp_event *event);

/* Host that answered on it; 0: unknown. */
static inline uint16_t conn_host(const struct traffic *traffic, const struct traffic_conn *conn)
{
    return name_at(&traffic->names, conn->name)->host;
}

/* A value for a field of 32 bits. */
static inline uint32_t conn_saturate(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* A round trip was seen. */
static inline void conn_rtt(struct traffic_conn *conn, uint64_t rtt_ns)
{
    if (rtt_ns > conn->account.largest_rtt_ns)
        conn->account.largest_rtt_ns = conn_saturate(rtt_ns);
}

/* The outcome of an answered request: late, repaired or ok. Late is from `sent`: that the tester
 * was late is no fault of the service. */
static inline enum outcome conn_good_outcome(const struct traffic_stream *stream,
                                             const struct record_request *request)
{
    uint64_t late_ns = stream->config.late_ns;
    if (late_ns != 0 && request->done_ns - request->sent_ns > late_ns)
        return OUTCOME_LATE;
    return request->retransmits > 0 ? OUTCOME_REPAIRED : OUTCOME_OK;
}

#endif
