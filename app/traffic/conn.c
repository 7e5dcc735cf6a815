#include "traffic/conn.h"

#include <assert.h>
#include <netinet/in.h>

#include "traffic/request.h"
#include "traffic/secure.h"

static void give_up(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns);
static struct traffic_conn *take(struct traffic *traffic, struct traffic_flow *flow,
                                 uint64_t now_ns, pool_handle *handle);
static bool open_tcp(struct traffic *traffic, struct traffic_conn *conn, pool_handle handle,
                     uint64_t now_ns, enum unsent_reason *reason);
static void put_record(struct traffic *traffic, const struct traffic_conn *conn,
                       const struct flow_signal *signal);
static void count_end(struct traffic *traffic, const struct traffic_conn *conn,
                      enum connection_end end);
static const struct target *target_of(const struct traffic *traffic,
                                      const struct traffic_conn *conn);

struct traffic_conn *conn_open(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns,
                               enum unsent_reason *reason)
{
    struct traffic_stream *stream = &traffic->streams[flow->stream];
    pool_handle handle;
    struct traffic_conn *conn = take(traffic, flow, now_ns, &handle);
    if (conn == NULL) {
        *reason = UNSENT_POOL_FULL;
        return NULL;
    }
    if (!open_tcp(traffic, conn, handle, now_ns, reason)) {
        pool_free(&traffic->conns, handle);
        return NULL;
    }
    conn->id = record_new_connection_id(traffic->record);
    conn->account.failed_connects = flow->failures;
    stream->conns++;
    stream->attempts++;
    record_count_add(&traffic_counters(traffic, conn->stream)->connecting, 1);
    wheel_set(&traffic->wheel, &conn->timer.wheel, now_ns + stream->config.connect_timeout_ns);
    return conn;
}

void conn_connected(struct traffic *traffic, struct traffic_conn *conn, uint64_t at_ns)
{
    struct conn_account *account = &conn->account;
    assert(conn->state == CONN_CONNECTING);
    conn->state = traffic->streams[conn->stream].tls != NULL ? CONN_SECURING : CONN_UP;
    uint64_t connected_ns = traffic_arrival_ns(traffic, at_ns, account->opened_ns);
    uint64_t took_ns = connected_ns - account->opened_ns;
    account->connected_ns = connected_ns;
    account->last_good_sent_ns = account->opened_ns;
    account->last_good_done_ns = connected_ns;
    if (account->retransmits == 0)
        conn_rtt(conn, took_ns);
    record_connect_time(traffic->record, conn->stream, connected_ns, took_ns);
    record_count_add(&traffic_counters(traffic, conn->stream)->connecting, -1);
    record_count_add(&traffic_counters(traffic, conn->stream)->connections_up, 1);
}

void conn_secured(struct traffic *traffic, struct traffic_conn *conn, uint64_t at_ns)
{
    assert(conn->state == CONN_SECURING);
    conn->state = CONN_UP;
    wheel_cancel(&traffic->wheel, &conn->timer.wheel);
    uint64_t ready_ns = traffic_arrival_ns(traffic, at_ns, conn->account.connected_ns);
    secure_of(traffic, conn)->ready_ns = ready_ns;
    record_secure_time(traffic->record, conn->stream, ready_ns,
                       ready_ns - conn->account.connected_ns);
}

void conn_end(struct traffic *traffic, struct traffic_conn *conn, const struct flow_signal *signal)
{
    assert(conn->state != CONN_CLOSING);
    put_record(traffic, conn, signal);
    count_end(traffic, conn, signal->end);
    conn->state = CONN_CLOSING;
    wheel_cancel(&traffic->wheel, &conn->timer.wheel);
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    if (flow->conn == pool_handle_of(&traffic->conns, conn))
        flow->conn = 0;
}

void conn_close(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns)
{
    if (conn->secure)
        secure_end(traffic, conn);
    if (conn->cut)
        conn_abort(traffic, conn, now_ns);
    if (conn->cut || !tcp_close(traffic->tcp, now_ns, conn->tcp))
        return;
    conn->in_order = true;
    conn->closing.deadline_ns = now_ns + traffic->close_timeout_ns;
    TAILQ_INSERT_TAIL(&traffic->closing, conn, closing.link);
    if (!wheel_is_set(&traffic->closing_timer.wheel))
        wheel_set(&traffic->wheel, &traffic->closing_timer.wheel, conn->closing.deadline_ns);
}

void conn_close_expired(struct traffic *traffic, uint64_t now_ns)
{
    struct traffic_conn *conn;
    while ((conn = TAILQ_FIRST(&traffic->closing)) != NULL && conn->closing.deadline_ns <= now_ns)
        give_up(traffic, conn, now_ns);
    if (conn != NULL)
        wheel_set(&traffic->wheel, &traffic->closing_timer.wheel, conn->closing.deadline_ns);
}

void conn_reset_closing(struct traffic *traffic, uint64_t now_ns)
{
    struct traffic_conn *conn;
    while ((conn = TAILQ_FIRST(&traffic->closing)) != NULL)
        give_up(traffic, conn, now_ns);
}

void conn_abort(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns)
{
    tcp_abort(traffic->tcp, now_ns, conn->tcp);
}

void conn_gone(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns)
{
    struct traffic_stream *stream = &traffic->streams[conn->stream];
    assert(conn->state == CONN_CLOSING);
    if (conn->in_order)
        TAILQ_REMOVE(&traffic->closing, conn, closing.link);
    if (TAILQ_EMPTY(&traffic->closing))
        wheel_cancel(&traffic->wheel, &traffic->closing_timer.wheel);
    if (conn->secure)
        secure_give_back(traffic, conn);
    ports_release(&target_of(traffic, conn)->sweep->ports, conn->port_slot, now_ns);
    pool_free(&traffic->conns, pool_handle_of(&traffic->conns, conn));
    stream->conns--;
    traffic_drained(traffic, stream, now_ns);
}

pool_handle conn_take(struct traffic *traffic, uint32_t spare, uint64_t now_ns)
{
    struct traffic_conn *oldest = TAILQ_FIRST(&traffic->closing);
    if (traffic->conns.taken + spare >= traffic->conns.capacity && oldest != NULL)
        give_up(traffic, oldest, now_ns);
    if (traffic->conns.taken + spare >= traffic->conns.capacity)
        return 0;
    return pool_take(&traffic->conns);
}

struct conn_ending conn_ending(const struct traffic_conn *conn, const struct tcp_event *event)
{
    bool connecting = conn->state == CONN_CONNECTING;
    switch (event->kind) {
    case TCP_EVENT_REFUSED: return (struct conn_ending){CONNECTION_REFUSED, OUTCOME_REFUSED};
    case TCP_EVENT_RESET: return (struct conn_ending){CONNECTION_RST, OUTCOME_RESET};
    case TCP_EVENT_UNREACHABLE:
        if (connecting && event->icmp == TCP_ICMP_PORT)
            return (struct conn_ending){CONNECTION_REFUSED, OUTCOME_REFUSED};
        return (struct conn_ending){CONNECTION_ICMP, OUTCOME_UNREACHABLE};
    default: return conn_silence(conn);
    }
}

struct conn_ending conn_silence(const struct traffic_conn *conn)
{
    if (conn->no_hop || conn->icmp)
        return (struct conn_ending){CONNECTION_ICMP, OUTCOME_UNREACHABLE};
    if (conn->state == CONN_CONNECTING)
        return (struct conn_ending){CONNECTION_CONNECT_TIMEOUT, OUTCOME_CONNECT_TIMEOUT};
    return (struct conn_ending){CONNECTION_SILENCE, OUTCOME_STALLED};
}

struct flow_signal conn_signal(const struct traffic *traffic, const struct traffic_conn *conn,
                               enum connection_end end, const struct tcp_event *event,
                               uint64_t now_ns)
{
    struct flow_signal signal = {.end = end,
                                 .at_ns = event != NULL ? event->at_ns : now_ns,
                                 .uncertainty_ns = event != NULL ? traffic->uncertainty_ns : 0,
                                 .largest_rtt_ns = conn->account.largest_rtt_ns,
                                 .connection = conn->id,
                                 .host = conn_host(traffic, conn)};
    uint64_t unacked_ns = UINT64_MAX, rtt_ns = 0;
    if (!tcp_conn_silence(traffic->tcp, conn->tcp, &unacked_ns, &rtt_ns) && event != NULL) {
        unacked_ns = event->first_sent_ns;
        rtt_ns = event->rtt_max_ns;
    }
    if (rtt_ns > signal.largest_rtt_ns)
        signal.largest_rtt_ns = rtt_ns;
    /* The request's stamp is nearer to the wire than the tcp's time of the turn. */
    const struct traffic_request *request = request_first(traffic, conn);
    if (conn->state == CONN_CONNECTING)
        signal.first_unanswered_ns = end == CONNECTION_REFUSED ? 0 : conn->account.opened_ns;
    else if (request != NULL && request->record.sent_ns != 0)
        signal.first_unanswered_ns = request->record.sent_ns;
    else if (unacked_ns != UINT64_MAX)
        signal.first_unanswered_ns = unacked_ns;
    return signal;
}

static uint8_t resend_of(uint8_t cause)
{
    switch (cause) {
    case TCP_CAUSE_FAST: return RECORD_RESEND_FAST;
    case TCP_CAUSE_PROBE: return RECORD_RESEND_PROBE;
    default: return RECORD_RESEND_TIMER;
    }
}

void conn_retransmit(struct traffic *traffic, struct traffic_conn *conn,
                     const struct tcp_event *event)
{
    bool syn = (event->flags & TCP_SYN) != 0;
    struct record_segment segment = {.first_sent_ns = event->first_sent_ns,
                                     .resent_ns = event->at_ns,
                                     .offset = syn ? UINT64_MAX : event->stream_offset,
                                     .connection = conn->id,
                                     .bytes = event->bytes,
                                     .flow = flow_index(traffic, &traffic->flows[conn->flow]),
                                     .stream = conn->stream,
                                     .cause = resend_of(event->cause)};
    record_append(traffic->record, RECORD_SEGMENTS, &segment);
    if (conn->state == CONN_CLOSING)
        return;
    conn->account.retransmits++;
    request_resent(traffic, conn, event->stream_offset, event->bytes);
}

/* Reset it. What the tcp still has to say of it is for nobody. */
static void give_up(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns)
{
    tcp_abort(traffic->tcp, now_ns, conn->tcp);
    conn_gone(traffic, conn, now_ns);
}

static struct traffic_conn *take(struct traffic *traffic, struct traffic_flow *flow,
                                 uint64_t now_ns, pool_handle *handle)
{
    *handle = conn_take(traffic, traffic->conns_spare, now_ns);
    if (*handle == 0)
        return NULL;
    struct traffic_conn *conn = pool_get(&traffic->conns, *handle);
    *conn = (struct traffic_conn){.timer.kind = TRAFFIC_TIMER_CONN,
                                  .flow = (uint32_t)(flow - traffic->flows),
                                  .stream = flow->stream,
                                  .state = CONN_CONNECTING};
    conn->account.opened_ns = now_ns;
    return conn;
}

static bool open_tcp(struct traffic *traffic, struct traffic_conn *conn, pool_handle handle,
                     uint64_t now_ns, enum unsent_reason *reason)
{
    const struct target *target = target_of(traffic, conn);
    struct ports *ports = &target->sweep->ports;
    const uint64_t user = flow_user(traffic, &traffic->flows[conn->flow], handle);
    struct tuple tuple = {
        .remote = target->address, .remote_port = target->port, .protocol = IPPROTO_TCP};
    for (unsigned i = 0; i < TRAFFIC_TUPLE_TRIES; i++) {
        conn->port_slot = ports_take(ports, now_ns, &tuple);
        if (conn->port_slot == PORTS_NONE)
            break;
        conn->tcp = tcp_open(traffic->tcp, now_ns, &tuple, user);
        if (conn->tcp != 0)
            return true;
        ports_release(ports, conn->port_slot, now_ns);
        if (tcp_open_refusal(traffic->tcp) != TCP_OPEN_IN_USE) {
            *reason = UNSENT_POOL_FULL;
            return false;
        }
    }
    *reason = UNSENT_NO_PORT;
    return false;
}

static void put_record(struct traffic *traffic, const struct traffic_conn *conn,
                       const struct flow_signal *signal)
{
    const struct conn_account *account = &conn->account;
    const struct target *target = target_of(traffic, conn);
    struct record_connection record = {
        .tuple = {.remote = target->address, .remote_port = target->port, .protocol = IPPROTO_TCP},
        .opened_ns = account->opened_ns,
        .connected_ns = account->connected_ns,
        .secured_ns = conn->secure ? secure_of(traffic, conn)->ready_ns : 0,
        .ended_ns = signal->at_ns,
        .last_good_sent_ns = account->last_good_sent_ns,
        .last_good_done_ns = account->last_good_done_ns,
        .first_unanswered_ns = signal->first_unanswered_ns,
        .largest_rtt_ns = conn_saturate(signal->largest_rtt_ns),
        .arrival_uncertainty_ns = conn_saturate(signal->uncertainty_ns),
        .id = conn->id,
        .flow = flow_index(traffic, &traffic->flows[conn->flow]),
        .sent = account->sent,
        .received = account->received,
        .blocked = account->blocked,
        .retransmits = account->retransmits,
        .failed_connects = account->failed_connects,
        .host = conn_host(traffic, conn),
        .stream = conn->stream,
        .end = (uint8_t)signal->end,
    };
    ports_local(&target->sweep->ports, conn->port_slot, &record.tuple);
    record_connection_done(traffic->record, &record);
}

static const struct target *target_of(const struct traffic *traffic,
                                      const struct traffic_conn *conn)
{
    return flow_target(traffic, &traffic->flows[conn->flow]);
}

static void count_end(struct traffic *traffic, const struct traffic_conn *conn,
                      enum connection_end end)
{
    struct record_counters *counters = traffic_counters(traffic, conn->stream);
    if (conn->state != CONN_CONNECTING) {
        record_count_add(&counters->connections_up, -1);
        if (connection_end_is_broken(end))
            record_count_add(&counters->broken, 1);
        return;
    }
    record_count_add(&counters->connecting, -1);
    if (end != CONNECTION_UNFINISHED)
        record_count_add(&counters->failed_connects, 1);
}
