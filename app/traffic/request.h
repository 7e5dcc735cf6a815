/* request.h - requests under way: lent by a pool, listed on their connection in the order of
 * asking, in which their answers come.
 *
 *     request_take() -> request_bind() -> request_ask() -> request_answered() -> request_pop()
 *
 * A request may be bound to a connection before that is up; it is asked once it is.
 *
 * Threads: the owning worker. Full: request_take() gives NULL.
 */
#ifndef TRAFFIC_REQUEST_H
#define TRAFFIC_REQUEST_H

#include "traffic/conn.h"
#include "traffic/exchange.h"
#include "traffic/traffic_priv.h"

/* One of FLOW, due at DUE_NS; NULL when none is free. */
struct traffic_request *request_take(struct traffic *traffic, const struct traffic_flow *flow,
                                     uint64_t due_ns);
/* REQUEST was never bound. */
void request_give_back(struct traffic *traffic, struct traffic_request *request);
/* REQUEST is the last one on CONN from now on. */
static inline void request_bind(struct traffic *traffic, struct traffic_conn *conn,
                                struct traffic_request *request)
{
    request->record.connection = conn->id;
    request->record.host = conn_host(traffic, conn);
    if (conn->requests == 0) {
        conn->first_request = request->self;
    } else {
        struct traffic_request *last = pool_at(&traffic->requests, conn->last_request);
        last->next = request->self;
    }
    conn->last_request = request->self;
    conn->requests++;
}
/* Send REQUEST, which is bound to CONN, up. Its answer should be whole by DEADLINE_NS. */
void request_ask(struct traffic *traffic, struct traffic_conn *conn,
                 struct traffic_request *request, uint64_t deadline_ns);
/* The oldest one bound to CONN; NULL: none. */
static inline struct traffic_request *request_first(const struct traffic *traffic,
                                                    const struct traffic_conn *conn)
{
    return conn->requests == 0 ? NULL : pool_at(&traffic->requests, conn->first_request);
}
/* The one after REQUEST on its connection; NULL: none. */
static inline struct traffic_request *request_next(const struct traffic *traffic,
                                                   const struct traffic_request *request)
{
    return request->next == 0 ? NULL : pool_at(&traffic->requests, request->next);
}
/* Something of REQUEST has left, if it has bytes at all. */
static inline bool request_has_begun(const struct traffic_request *request)
{
    return request->asked && (request->bytes == 0 || request->sent_to > request->from);
}
/* REQUEST of CONN, which is asked, had BEFORE bytes, and has more now. */
void request_grown(struct traffic *traffic, struct traffic_conn *conn,
                   struct traffic_request *request, uint64_t before);
/* Nothing of REQUEST of CONN will be made again: the peer has acknowledged all of it, or it is
 * held. */
bool request_is_acked(const struct traffic *traffic, const struct traffic_conn *conn,
                      const struct traffic_request *request);
/* ANSWER to the oldest REQUEST of CONN became whole at AT_NS: the account of both. */
void request_answered(struct traffic *traffic, struct traffic_conn *conn,
                      struct traffic_request *request, const struct exchange_answer *answer,
                      uint64_t at_ns);
/* REQUEST, the oldest of CONN, is over, and its account done: it goes back to the pool. */
static inline void request_pop(struct traffic *traffic, struct traffic_conn *conn,
                               struct traffic_request *request)
{
    conn->first_request = request->next;
    conn->requests--;
    pool_free(&traffic->requests, request->self);
}

/* DESCRIPTOR's bytes, of CONN, left at SENT_NS: requests that begin within are sent. */
void request_sent(struct traffic *traffic, struct traffic_conn *conn,
                  const struct tcp_descriptor *descriptor, uint64_t sent_ns);
/* COUNT bytes of the tcp's stream from OFFSET on are sent again; before CONN is up, what its
 * requests wait for. */
void request_resent(struct traffic *traffic, struct traffic_conn *conn, uint64_t offset,
                    uint32_t count);
/* COUNT bytes of CONN's stream from OFFSET on were encrypted; records of the tcp's stream, from
 * FROM up to TO, bear them. */
void request_sealed(struct traffic *traffic, const struct traffic_conn *conn, uint64_t offset,
                    uint32_t count, uint64_t from, uint64_t to);
/* Write COUNT bytes of CONN's stream from OFFSET on. Those of a request that is over are zeros:
 * only a peer that answered what it has not acknowledged can want them again. */
void request_fill(const struct traffic *traffic, const struct traffic_conn *conn, uint64_t offset,
                  uint8_t *bytes, uint32_t count);

#endif
