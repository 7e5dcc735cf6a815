#include "traffic/event.h"

#include "traffic/conn.h"
#include "traffic/pattern.h"
#include "traffic/quiet.h"
#include "traffic/request.h"
#include "traffic/secure.h"

static void connected(struct traffic *traffic, struct traffic_conn *conn,
                      const struct tcp_event *event);
static bool is_established(const struct traffic_conn *conn);
static void receive(struct traffic *traffic, struct traffic_conn *conn, const uint8_t *bytes,
                    uint32_t count, const struct tcp_event *event);
static void give(struct traffic *traffic, struct traffic_conn *conn,
                 struct traffic_request *request, const uint8_t *bytes, uint32_t count,
                 uint64_t at_ns, struct exchange_answer *answer);
static void receive_secure(struct traffic *traffic, struct traffic_conn *conn,
                           const struct tcp_event *event);
static void secured(struct traffic *traffic, struct traffic_conn *conn, uint64_t at_ns);
static void heard_all(struct traffic *traffic, struct traffic_conn *conn,
                      const struct tcp_event *event);
static void cut_off(struct traffic *traffic, struct traffic_conn *conn,
                    const struct tcp_event *event);
static void answered(struct traffic *traffic, struct traffic_conn *conn,
                     struct traffic_request *request, struct exchange_answer *answer,
                     uint64_t at_ns);
static void bad(struct traffic *traffic, struct traffic_conn *conn, struct traffic_request *request,
                const struct exchange_answer *answer, const struct tcp_event *event);
static void bad_tls(struct traffic *traffic, struct traffic_conn *conn, enum tls_reason reason,
                    const struct tcp_event *event);
static void failed(struct traffic *traffic, struct traffic_conn *conn, struct conn_ending ending,
                   const struct tcp_event *event, uint64_t now_ns);

void event_take(struct traffic *traffic, struct traffic_conn *conn, const struct tcp_event *event)
{
    switch (event->kind) {
    case TCP_EVENT_CONNECTED: connected(traffic, conn, event); break;
    case TCP_EVENT_DATA:
        conn->icmp = false;
        if (conn->secure)
            receive_secure(traffic, conn, event);
        else
            receive(traffic, conn, event->data, event->bytes, event);
        break;
    case TCP_EVENT_PEER_FIN:
        if (conn->secure)
            cut_off(traffic, conn, event);
        else
            heard_all(traffic, conn, event);
        break;
    default: failed(traffic, conn, conn_ending(conn, event), event, event->at_ns); break;
    }
}

/* The timer of a connection that is up stays set while requests come and go: it is a lower bound
 * of the oldest one's deadline. */
void event_silence(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns)
{
    struct conn_ending ending = conn_silence(conn);
    struct traffic_request *request = request_first(traffic, conn);
    if (conn->state == CONN_UP && request == NULL) {
        quiet_rest(traffic, conn, now_ns);
        return;
    }
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

static void connected(struct traffic *traffic, struct traffic_conn *conn,
                      const struct tcp_event *event)
{
    conn_connected(traffic, conn, event->at_ns);
    if (conn->state == CONN_UP)
        pattern_of(traffic, conn->stream)->connected(traffic, conn, event->at_ns);
    else if (!secure_begin(traffic, conn))
        bad_tls(traffic, conn, TLS_MEMORY, event);
}

/* False, too, when a pattern has closed it, and its memory was another one's at once. */
static bool is_established(const struct traffic_conn *conn)
{
    return conn->state == CONN_SECURING || conn->state == CONN_UP;
}

static void receive(struct traffic *traffic, struct traffic_conn *conn, const uint8_t *bytes,
                    uint32_t count, const struct tcp_event *event)
{
    uint32_t done = 0;
    record_count_add(&traffic_counters(traffic, conn->stream)->read_bytes, count);
    while (done < count && conn->state == CONN_UP) {
        struct traffic_request *request = request_first(traffic, conn);
        struct exchange_answer answer;
        give(traffic, conn, request, bytes + done, count - done, event->at_ns, &answer);
        done += answer.used_bytes;
        switch (answer.verdict) {
        case EXCHANGE_WHOLE: answered(traffic, conn, request, &answer, event->at_ns); break;
        case EXCHANGE_BAD: bad(traffic, conn, request, &answer, event); break;
        default: return;
        }
    }
}

/* COUNT bytes, 1 at least: those of the first answer are for REQUEST, the oldest of CONN, or NULL.
 * Bytes that nobody asked for are bad, and so are those for a request of which nothing has left. */
static void give(struct traffic *traffic, struct traffic_conn *conn,
                 struct traffic_request *request, const uint8_t *bytes, uint32_t count,
                 uint64_t at_ns, struct exchange_answer *answer)
{
    if (request == NULL || !request_has_begun(request)) {
        *answer = (struct exchange_answer){
            .verdict = EXCHANGE_BAD, .reason = HTTP_BAD_UNASKED, .used_bytes = count};
        return;
    }
    if (request->record.first_byte_ns == 0)
        request->record.first_byte_ns = traffic_arrival_ns(traffic, at_ns, request->record.sent_ns);
    uint64_t before = request->bytes;
    exchange_of(traffic, conn->stream)->receive(traffic, conn, request, bytes, count, answer);
    if (answer->verdict == EXCHANGE_MORE && request->bytes > before)
        request_grown(traffic, conn, request, before);
}

/* Decrypted, they go the way of plain ones. */
static void receive_secure(struct traffic *traffic, struct traffic_conn *conn,
                           const struct tcp_event *event)
{
    struct tls *tls = &secure_of(traffic, conn)->tls;
    uint8_t plain[SECURE_PART_BYTES];
    uint32_t count;
    enum tls_verdict verdict = tls_put(tls, event->data, event->bytes) ? TLS_DATA : TLS_BAD;
    while (verdict == TLS_DATA && is_established(conn)) {
        verdict = tls_read(tls, plain, sizeof(plain), &count);
        if (tls->ready && conn->state == CONN_SECURING)
            secured(traffic, conn, event->at_ns);
        receive(traffic, conn, plain, count, event);
    }
    if (!is_established(conn))
        return;
    switch (verdict) {
    case TLS_BAD: bad_tls(traffic, conn, tls->reason, event); break;
    case TLS_ENDED: heard_all(traffic, conn, event); break;
    default:
        secure_pump(traffic, conn); /* What TLS has to say. */
        if (tls_pending(tls) > SECURE_UNSENT_BYTES)
            bad_tls(traffic, conn, TLS_RECORD, event);
        break;
    }
}

static void secured(struct traffic *traffic, struct traffic_conn *conn, uint64_t at_ns)
{
    conn_secured(traffic, conn, at_ns);
    secure_pump(traffic, conn);
    pattern_of(traffic, conn->stream)->connected(traffic, conn, at_ns);
}

/* The peer has said that this was all: it may be what ends the answer. */
static void heard_all(struct traffic *traffic, struct traffic_conn *conn,
                      const struct tcp_event *event)
{
    struct traffic_request *request = request_first(traffic, conn);
    const struct exchange *exchange = exchange_of(traffic, conn->stream);
    struct exchange_answer answer = {.verdict = EXCHANGE_MORE};
    if (request != NULL && request->asked && exchange->fin != NULL)
        exchange->fin(traffic, conn, request, &answer);
    if (answer.verdict == EXCHANGE_BAD) {
        bad(traffic, conn, request, &answer, event);
        return;
    }
    if (answer.verdict == EXCHANGE_WHOLE)
        answered(traffic, conn, request, &answer, event->at_ns);
    if (is_established(conn))
        cut_off(traffic, conn, event);
}

/* Over TLS a FIN alone ends no answer: anybody could have sent it (RFC 9112 9.8). */
static void cut_off(struct traffic *traffic, struct traffic_conn *conn,
                    const struct tcp_event *event)
{
    failed(traffic, conn, (struct conn_ending){CONNECTION_FIN, OUTCOME_CLOSED}, event,
           event->at_ns);
    conn_close(traffic, conn, event->at_ns);
}

static void answered(struct traffic *traffic, struct traffic_conn *conn,
                     struct traffic_request *request, struct exchange_answer *answer,
                     uint64_t at_ns)
{
    if (!request_is_acked(traffic, conn, request))
        conn->cut = answer->last = true;
    request_answered(traffic, conn, request, answer, at_ns);
    pattern_of(traffic, conn->stream)->answered(traffic, conn, request, answer->last, at_ns);
}

static void bad(struct traffic *traffic, struct traffic_conn *conn, struct traffic_request *request,
                const struct exchange_answer *answer, const struct tcp_event *event)
{
    if (request != NULL) {
        request->record.status = answer->status;
        request->record.reason = answer->reason;
    }
    failed(traffic, conn, (struct conn_ending){CONNECTION_BAD_ANSWER, OUTCOME_BAD_ANSWER}, event,
           event->at_ns);
    conn_abort(traffic, conn, event->at_ns);
}

/* All of CONN's requests are of no use, and the peer is told why by an alert. Where it is memory
 * that is wanting, the tester is to blame. */
static void bad_tls(struct traffic *traffic, struct traffic_conn *conn, enum tls_reason reason,
                    const struct tcp_event *event)
{
    bool ours = reason == TLS_MEMORY;
    struct conn_ending ending = {CONNECTION_BAD_ANSWER, OUTCOME_BAD_ANSWER};
    if (ours)
        ending = (struct conn_ending){CONNECTION_UNSENT, OUTCOME_UNSENT};
    struct traffic_request *request = request_first(traffic, conn);
    for (; request != NULL; request = request_next(traffic, request))
        request->record.reason = ours ? (uint8_t)UNSENT_POOL_FULL : (uint8_t)reason;
    failed(traffic, conn, ending, event, event->at_ns);
    conn_close(traffic, conn, event->at_ns);
}

/* By EVENT, or by our own timer at NOW_NS if that is NULL. */
static void failed(struct traffic *traffic, struct traffic_conn *conn, struct conn_ending ending,
                   const struct tcp_event *event, uint64_t now_ns)
{
    struct flow_signal signal = conn_signal(traffic, conn, ending.end, event, now_ns);
    pattern_of(traffic, conn->stream)->failed(traffic, conn, ending.outcome, &signal);
}
