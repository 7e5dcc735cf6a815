#include "traffic/event.h"

#include "traffic/conn.h"
#include "traffic/pattern.h"
#include "traffic/request.h"

static void receive(struct traffic *traffic, struct traffic_conn *conn,
                    const struct tcp_event *event);
static void peer_fin(struct traffic *traffic, struct traffic_conn *conn,
                     const struct tcp_event *event);
static void answered(struct traffic *traffic, struct traffic_conn *conn,
                     struct exchange_answer answer, uint64_t at_ns);
static void bad(struct traffic *traffic, struct traffic_conn *conn,
                const struct exchange_answer *answer, const struct tcp_event *event);
static void failed(struct traffic *traffic, struct traffic_conn *conn, struct conn_ending ending,
                   const struct tcp_event *event, uint64_t now_ns);

void event_take(struct traffic *traffic, struct traffic_conn *conn, const struct tcp_event *event)
{
    switch (event->kind) {
    case TCP_EVENT_CONNECTED:
        conn_connected(traffic, conn, event->at_ns);
        pattern_of(traffic, conn->stream)->connected(traffic, conn, event->at_ns);
        break;
    case TCP_EVENT_DATA: receive(traffic, conn, event); break;
    case TCP_EVENT_PEER_FIN: peer_fin(traffic, conn, event); break;
    default: failed(traffic, conn, conn_ending(conn, event), event, event->at_ns); break;
    }
}

/* The timer of a connection that is up stays set while requests come and go: it is a lower bound
 * of the oldest one's deadline. */
void event_silence(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns)
{
    struct conn_ending ending = conn_silence(conn);
    struct traffic_request *request = request_first(traffic, conn);
    if (conn->state == CONN_UP && request == NULL)
        return;
    if (conn->state == CONN_UP && request->deadline_ns > now_ns) {
        wheel_set(&traffic->wheel, &conn->timer.wheel, request->deadline_ns);
        return;
    }
    if (request != NULL && request->record.sent_ns == 0 && !conn->no_hop) {
        request->record.reason = UNSENT_TX_FULL;
        ending = (struct conn_ending){CONNECTION_UNSENT, OUTCOME_UNSENT};
    }
    failed(traffic, conn, ending, NULL, now_ns);
    conn_abort(traffic, conn, now_ns);
}

static void receive(struct traffic *traffic, struct traffic_conn *conn,
                    const struct tcp_event *event)
{
    uint32_t done = 0;
    conn->icmp = false;
    while (done < event->bytes && conn->state == CONN_UP) {
        struct exchange_answer answer =
            request_receive(traffic, conn, event->data + done, event->bytes - done, event->at_ns);
        done += answer.used_bytes;
        switch (answer.verdict) {
        case EXCHANGE_WHOLE: answered(traffic, conn, answer, event->at_ns); break;
        case EXCHANGE_BAD: bad(traffic, conn, &answer, event); break;
        default: return;
        }
    }
}

/* It may be what ends the answer. */
static void peer_fin(struct traffic *traffic, struct traffic_conn *conn,
                     const struct tcp_event *event)
{
    struct exchange_answer answer = request_fin(traffic, conn);
    if (answer.verdict == EXCHANGE_BAD) {
        bad(traffic, conn, &answer, event);
        return;
    }
    if (answer.verdict == EXCHANGE_WHOLE)
        answered(traffic, conn, answer, event->at_ns);
    if (conn->state == CONN_CLOSING)
        return;
    failed(traffic, conn, conn_ending(conn, event), event, event->at_ns);
    conn_close(traffic, conn, event->at_ns);
}

static void answered(struct traffic *traffic, struct traffic_conn *conn,
                     struct exchange_answer answer, uint64_t at_ns)
{
    struct traffic_request *request = request_first(traffic, conn);
    if (!request_is_acked(traffic, conn, request))
        conn->cut = answer.last = true;
    request_answered(traffic, conn, request, answer, at_ns);
    pattern_of(traffic, conn->stream)->answered(traffic, conn, request, answer.last, at_ns);
}

static void bad(struct traffic *traffic, struct traffic_conn *conn,
                const struct exchange_answer *answer, const struct tcp_event *event)
{
    struct traffic_request *request = request_first(traffic, conn);
    if (request != NULL) {
        request->record.status = answer->status;
        request->record.reason = answer->reason;
    }
    failed(traffic, conn, (struct conn_ending){CONNECTION_BAD_ANSWER, OUTCOME_BAD_ANSWER}, event,
           event->at_ns);
    conn_abort(traffic, conn, event->at_ns);
}

/* By EVENT, or by our own timer at NOW_NS if that is NULL. */
static void failed(struct traffic *traffic, struct traffic_conn *conn, struct conn_ending ending,
                   const struct tcp_event *event, uint64_t now_ns)
{
    struct flow_signal signal = conn_signal(traffic, conn, ending.end, event, now_ns);
    pattern_of(traffic, conn->stream)->failed(traffic, conn, ending.outcome, &signal);
}
