#include "traffic/held.h"

#include <netinet/in.h>

#include "traffic/conn.h"
#include "traffic/flow.h"
#include "traffic/line.h"
#include "traffic/quiet.h"
#include "traffic/request.h"
#include "traffic/traffic_config.h"

static uint64_t connecting(const struct traffic *traffic, const struct traffic_stream *stream);
static struct traffic_conn *connection_of(struct traffic *traffic, struct traffic_flow *flow,
                                          uint64_t now_ns);
static void stop_flow(struct traffic *traffic, struct traffic_flow *flow, struct traffic_conn *conn,
                      uint64_t now_ns);
static bool ask(struct traffic *traffic, struct traffic_flow *flow, struct traffic_conn *conn,
                uint64_t due_ns, uint64_t now_ns);
static void missed(struct traffic *traffic, struct traffic_flow *flow, struct traffic_conn *conn,
                   struct record_request *request, uint64_t now_ns);
static void blocked(struct traffic *traffic, struct traffic_flow *flow, struct traffic_conn *conn,
                    uint64_t now_ns);
static void replace(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns);
static void reconnect(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns);
static void not_opened(struct traffic *traffic, struct traffic_flow *flow,
                       enum unsent_reason reason, uint64_t now_ns);

static void held_start(struct traffic *traffic, struct traffic_stream *stream, uint64_t start_ns)
{
    (void)traffic;
    stream->opened = 0;
    schedule_start(&stream->schedule, start_ns);
}

static void held_open(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns)
{
    for (unsigned i = 0; i < TRAFFIC_OPENS_A_TURN && stream->opened < stream->flow_count &&
                         connecting(traffic, stream) < TRAFFIC_CONNECTING;
         i++)
        reconnect(traffic, &traffic->flows[stream->flow_base + stream->opened++], now_ns);
}

/* A flow has its first slot after its first attempt to connect has ended. */
static struct traffic_flow *held_unreached(struct traffic *traffic, struct traffic_stream *stream,
                                           uint32_t slot)
{
    struct traffic_flow *flow = &traffic->flows[stream->flow_base + slot];
    return flow->begun ? flow : NULL;
}

static void held_due(struct traffic *traffic, struct traffic_stream *stream, uint32_t slot,
                     uint64_t due_ns, uint64_t now_ns)
{
    struct traffic_flow *flow = &traffic->flows[stream->flow_base + slot];
    if (!flow->begun)
        return;
    struct traffic_conn *conn = connection_of(traffic, flow, now_ns);
    struct record_request request = {.due_ns = due_ns,
                                     .done_ns = now_ns,
                                     .flow = flow_index(traffic, flow),
                                     .stream = flow->stream,
                                     .host = conn != NULL ? conn_host(traffic, conn) : 0,
                                     .connection = conn != NULL ? conn->id : 0,
                                     .outcome = OUTCOME_UNSENT};
    if (now_ns - due_ns > stream->unsent_after_ns) {
        request.reason = stream->unsent_reason;
        flow_request_done(traffic, flow, &request);
    } else if (flow->asleep) {
        request.reason = UNSENT_POOL_FULL;
        flow_request_done(traffic, flow, &request);
    } else if (conn == NULL || conn->state != CONN_UP || conn->requests >= stream->config.depth) {
        missed(traffic, flow, conn, &request, now_ns);
    } else if (!ask(traffic, flow, conn, due_ns, now_ns)) {
        request.reason = UNSENT_POOL_FULL;
        flow_request_done(traffic, flow, &request);
    }
}

static void held_connected(struct traffic *traffic, struct traffic_conn *conn, uint64_t at_ns)
{
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    flow->begun = true;
    flow->failures = 0;
    wheel_cancel(&traffic->wheel, &conn->timer.wheel);
    quiet_rest(traffic, conn, at_ns);
}

static void held_answered(struct traffic *traffic, struct traffic_conn *conn,
                          struct traffic_request *request, bool last, uint64_t at_ns)
{
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    line_answered(traffic, conn, flow, request, at_ns);
    if (!last)
        return;
    line_close(traffic, conn, flow, at_ns);
    replace(traffic, flow, at_ns);
}

static void held_failed(struct traffic *traffic, struct traffic_conn *conn, enum outcome outcome,
                        const struct flow_signal *signal)
{
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    flow->begun = true;
    line_failed(traffic, conn, flow, outcome, signal);
    replace(traffic, flow, signal->at_ns);
}

static void syn_sent(struct traffic *traffic, struct traffic_conn *conn, uint64_t sent_ns)
{
    flow_attempt(traffic, &traffic->flows[conn->flow], sent_ns);
}

/* A turn's share of the flows. One that is asleep and cannot be woken is stopped in a later turn,
 * when others have closed. */
static bool held_stop(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns)
{
    for (unsigned i = 0; i < TRAFFIC_STOPS_A_TURN && stream->stopped < stream->flow_count; i++) {
        struct traffic_flow *flow = &traffic->flows[stream->flow_base + stream->stopped];
        if (traffic->conns.taken + traffic->conns_spare >= traffic->conns.capacity && flow->asleep)
            return false;
        struct traffic_conn *conn = connection_of(traffic, flow, now_ns);
        if (flow->asleep)
            return false;
        stop_flow(traffic, flow, conn, now_ns);
        stream->stopped++;
    }
    return stream->stopped == stream->flow_count;
}

const struct pattern held_pattern = {.start = held_start,
                                     .open = held_open,
                                     .due = held_due,
                                     .unreached = held_unreached,
                                     .syn_sent = syn_sent,
                                     .connected = held_connected,
                                     .answered = held_answered,
                                     .failed = held_failed,
                                     .wake = reconnect,
                                     .stop = held_stop};

/* Attempts under way. */
static uint64_t connecting(const struct traffic *traffic, const struct traffic_stream *stream)
{
    uint32_t index = (uint32_t)(stream - traffic->streams);
    return record_count_read(&traffic->record->streams[index].counters.connecting);
}

/* Awake; NULL: it has none, or it is asleep and cannot be woken. */
static struct traffic_conn *connection_of(struct traffic *traffic, struct traffic_flow *flow,
                                          uint64_t now_ns)
{
    if (flow->asleep)
        return quiet_wake(traffic, flow, now_ns);
    return pool_get(&traffic->conns, flow->conn);
}

/* CONN is its connection, or NULL. */
static void stop_flow(struct traffic *traffic, struct traffic_flow *flow, struct traffic_conn *conn,
                      uint64_t now_ns)
{
    wheel_cancel(&traffic->wheel, &flow->timer.wheel);
    if (conn != NULL) {
        bool up = conn->state == CONN_UP;
        struct flow_signal signal = conn_signal(
            traffic, conn, up ? CONNECTION_LASTING : CONNECTION_UNFINISHED, NULL, now_ns);
        line_unfinished(traffic, conn, flow, OUTCOME_UNFINISHED, &signal);
        conn_end(traffic, conn, &signal);
        conn_close(traffic, conn, now_ns);
    }
    flow_stop(traffic, flow);
}

static bool ask(struct traffic *traffic, struct traffic_flow *flow, struct traffic_conn *conn,
                uint64_t due_ns, uint64_t now_ns)
{
    struct traffic_request *request = request_take(traffic, flow, due_ns);
    if (request == NULL)
        return false;
    request_bind(traffic, conn, request);
    request_ask(traffic, conn, request, now_ns + traffic->streams[conn->stream].config.timeout_ns);
    return true;
}

/* The flow can send nothing at its slot. Whose doing is it? */
static void missed(struct traffic *traffic, struct traffic_flow *flow, struct traffic_conn *conn,
                   struct record_request *request, uint64_t now_ns)
{
    bool up = conn != NULL && conn->state == CONN_UP;
    const struct record_request *before = up ? &request_first(traffic, conn)->record : NULL;
    request->outcome = OUTCOME_UNSENT;
    if (conn == NULL && flow->unsent_reason != UNSENT_NONE)
        request->reason = flow->unsent_reason;
    else if (up && before->sent_ns == 0 && !conn->no_hop)
        request->reason = UNSENT_TX_FULL;
    else if (up && before->sent_ns > request->due_ns)
        request->reason = UNSENT_STALL;
    else
        request->outcome = OUTCOME_BLOCKED;
    if (request->outcome == OUTCOME_BLOCKED) {
        if (up)
            blocked(traffic, flow, conn, now_ns);
        flow_lost(traffic, flow);
    }
    flow_request_done(traffic, flow, request);
}

/* The answer before is overdue: so far it is silence. */
static void blocked(struct traffic *traffic, struct traffic_flow *flow, struct traffic_conn *conn,
                    uint64_t now_ns)
{
    struct flow_signal signal = conn_signal(traffic, conn, CONNECTION_SILENCE, NULL, now_ns);
    conn->account.blocked++;
    if (!flow->outage_open)
        flow_outage(traffic, flow, &signal);
}

static void replace(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    const struct traffic_stream_config *config = &traffic->streams[flow->stream].config;
    if (config->reconnect == TRAFFIC_RECONNECT_NEVER)
        return;
    uint64_t wait = flow_back_off_ns(config, flow);
    if (wait == 0)
        reconnect(traffic, flow, now_ns);
    else
        wheel_set(&traffic->wheel, &flow->timer.wheel, now_ns + wait);
}

static void reconnect(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    const struct traffic_stream *stream = &traffic->streams[flow->stream];
    const struct traffic_stream_config *config = &stream->config;
    uint64_t limit = (uint64_t)config->retries * stream->flow_count;
    if (stream->state != STREAM_RUNNING)
        return;
    if (limit != 0 && stream->attempts >= limit) {
        flow->begun = true;
        return;
    }
    enum unsent_reason reason = UNSENT_NONE;
    struct traffic_conn *conn = NULL;
    if (connecting(traffic, stream) < TRAFFIC_CONNECTING)
        conn = conn_open(traffic, flow, now_ns, &reason);
    else
        reason = UNSENT_POOL_FULL;
    flow->unsent_reason = (uint8_t)reason;
    if (conn == NULL)
        not_opened(traffic, flow, reason, now_ns);
    else
        flow->conn = pool_handle_of(&traffic->conns, conn);
}

/* The tester's own want of a port or of memory: tried again after the shortest wait. */
static void not_opened(struct traffic *traffic, struct traffic_flow *flow,
                       enum unsent_reason reason, uint64_t now_ns)
{
    const struct traffic_stream_config *config = &traffic->streams[flow->stream].config;
    struct record_connection connection = {.opened_ns = now_ns,
                                           .ended_ns = now_ns,
                                           .id = record_new_connection_id(traffic->record),
                                           .flow = flow_index(traffic, flow),
                                           .stream = flow->stream,
                                           .end = CONNECTION_UNSENT};
    connection.tuple.remote = flow_target(traffic, flow)->address;
    connection.tuple.remote_port = flow_target(traffic, flow)->port;
    connection.tuple.protocol = IPPROTO_TCP;
    record_append(traffic->record, RECORD_CONNECTIONS, &connection);
    flow->begun = true;
    flow->unsent_reason = (uint8_t)reason;
    wheel_set(&traffic->wheel, &flow->timer.wheel, now_ns + config->back_off_ns);
}
