#include "traffic/closed.h"

#include "traffic/conn.h"
#include "traffic/line.h"
#include "traffic/request.h"

static struct loop *loop_of(const struct traffic *traffic, const struct traffic_flow *flow);
static void stop_flow(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns);
static void think(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns);
static void begin(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns);
static struct traffic_conn *connection_of(struct traffic *traffic, struct traffic_flow *flow,
                                          uint64_t now_ns, enum unsent_reason *reason);
static bool add(struct traffic *traffic, struct traffic_flow *flow, struct traffic_conn *conn,
                uint64_t now_ns);
static void ask(struct traffic *traffic, struct traffic_conn *conn, struct traffic_request *request,
                uint64_t began_ns);
static void unsent(struct traffic *traffic, struct traffic_flow *flow, enum unsent_reason reason,
                   uint64_t now_ns);

static void closed_start(struct traffic *traffic, struct traffic_stream *stream, uint64_t start_ns)
{
    (void)traffic;
    stream->opened = 0;
    stream->start_ns = start_ns;
}

static void closed_open(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns)
{
    if (now_ns < stream->start_ns)
        return;
    for (unsigned i = 0; i < TRAFFIC_OPENS_A_TURN && stream->opened < stream->flow_count; i++) {
        struct traffic_flow *flow = &traffic->flows[stream->flow_base + stream->opened++];
        loop_of(traffic, flow)->due_ns = now_ns;
        begin(traffic, flow, now_ns);
    }
}

/* A first request waits for the SYN; of several, that is the first segment of the first one. */
static void syn_sent(struct traffic *traffic, struct traffic_conn *conn, uint64_t sent_ns)
{
    struct traffic_request *request = request_first(traffic, conn);
    flow_attempt(traffic, &traffic->flows[conn->flow], sent_ns);
    for (; request != NULL; request = request_next(traffic, request)) {
        request->record.sent_ns = sent_ns;
        conn->account.sent++;
        traffic_count_sent(traffic, &request->record);
    }
}

static void closed_connected(struct traffic *traffic, struct traffic_conn *conn, uint64_t at_ns)
{
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    struct traffic_request *request = request_first(traffic, conn);
    flow->failures = 0;
    if (exchange_of(traffic, conn->stream)->begin != NULL) {
        for (; request != NULL; request = request_next(traffic, request))
            ask(traffic, conn, request, conn->account.opened_ns);
        return;
    }
    request->record.first_byte_ns = traffic_arrival_ns(traffic, at_ns, request->record.sent_ns);
    request_answered(traffic, conn, request, &(struct exchange_answer){.last = true}, at_ns);
    line_answered(traffic, conn, flow, request, at_ns);
    line_close(traffic, conn, flow, at_ns);
    think(traffic, flow, at_ns);
}

static void closed_answered(struct traffic *traffic, struct traffic_conn *conn,
                            struct traffic_request *request, bool last, uint64_t at_ns)
{
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    line_answered(traffic, conn, flow, request, at_ns);
    if (last || !traffic->streams[conn->stream].config.keep_alive)
        line_close(traffic, conn, flow, at_ns);
    think(traffic, flow, at_ns);
}

static void closed_failed(struct traffic *traffic, struct traffic_conn *conn, enum outcome outcome,
                          const struct flow_signal *signal)
{
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    struct flow_signal of_flow = *signal;
    bool waits = conn->requests == 0; /* It thinks already. */
    if (!traffic->streams[conn->stream].config.keep_alive)
        of_flow.connection = 0;
    line_failed(traffic, conn, flow, outcome, &of_flow);
    if (!waits)
        think(traffic, flow, signal->at_ns);
}

/* A turn's share of the flows. Those that are not stopped yet begin nothing more. */
static bool closed_stop(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns)
{
    for (unsigned i = 0; i < TRAFFIC_STOPS_A_TURN && stream->stopped < stream->flow_count; i++)
        stop_flow(traffic, &traffic->flows[stream->flow_base + stream->stopped++], now_ns);
    return stream->stopped == stream->flow_count;
}

const struct pattern closed_pattern = {.start = closed_start,
                                       .open = closed_open,
                                       .syn_sent = syn_sent,
                                       .connected = closed_connected,
                                       .answered = closed_answered,
                                       .failed = closed_failed,
                                       .wake = begin,
                                       .stop = closed_stop};

static struct loop *loop_of(const struct traffic *traffic, const struct traffic_flow *flow)
{
    const struct traffic_stream *stream = &traffic->streams[flow->stream];
    return &stream->loops[flow_number(traffic, flow) - stream->flow_base];
}

static void stop_flow(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    struct traffic_conn *conn = pool_get(&traffic->conns, flow->conn);
    wheel_cancel(&traffic->wheel, &loop_of(traffic, flow)->timer.wheel);
    if (conn != NULL) {
        bool up = conn->state == CONN_UP, open = conn->requests > 0;
        struct flow_signal signal = conn_signal(
            traffic, conn, up ? CONNECTION_LASTING : CONNECTION_UNFINISHED, NULL, now_ns);
        line_unfinished(traffic, conn, flow, OUTCOME_UNFINISHED, &signal);
        conn_end(traffic, conn, &signal);
        if (open)
            conn_abort(traffic, conn, now_ns);
        else
            conn_close(traffic, conn, now_ns);
    }
    flow_stop(traffic, flow);
}

/* A request of FLOW ended at NOW_NS. */
static void think(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    const struct traffic_stream_config *config = &traffic->streams[flow->stream].config;
    struct loop *loop = loop_of(traffic, flow);
    uint64_t wait_ns = flow_back_off_ns(config, flow);
    if (wait_ns < config->think_ns)
        wait_ns = config->think_ns;
    loop->due_ns = now_ns + wait_ns;
    if (wait_ns == 0)
        begin(traffic, flow, now_ns);
    else
        wheel_set(&traffic->wheel, &loop->timer.wheel, loop->due_ns);
}

/* Have as many requests under way as there shall be. */
static void begin(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    const struct traffic_stream *stream = &traffic->streams[flow->stream];
    uint32_t depth = stream->config.depth;
    enum unsent_reason reason = UNSENT_NONE;
    if (stream->state != STREAM_RUNNING)
        return;
    struct traffic_conn *conn = connection_of(traffic, flow, now_ns, &reason);
    while (conn != NULL && conn->requests < depth)
        if (!add(traffic, flow, conn, now_ns)) {
            reason = UNSENT_POOL_FULL;
            break;
        }
    if (conn == NULL || conn->requests == 0)
        unsent(traffic, flow, reason, now_ns);
}

/* The one it has, or a new one; NULL with *REASON. */
static struct traffic_conn *connection_of(struct traffic *traffic, struct traffic_flow *flow,
                                          uint64_t now_ns, enum unsent_reason *reason)
{
    struct traffic_conn *conn = pool_get(&traffic->conns, flow->conn);
    if (conn != NULL)
        return conn;
    conn = conn_open(traffic, flow, now_ns, reason);
    if (conn != NULL)
        flow->conn = pool_handle_of(&traffic->conns, conn);
    return conn;
}

static bool add(struct traffic *traffic, struct traffic_flow *flow, struct traffic_conn *conn,
                uint64_t now_ns)
{
    struct traffic_request *request = request_take(traffic, flow, loop_of(traffic, flow)->due_ns);
    if (request == NULL)
        return false;
    request_bind(traffic, conn, request);
    if (conn->state == CONN_UP)
        ask(traffic, conn, request, now_ns);
    return true;
}

/* It began at BEGAN_NS. */
static void ask(struct traffic *traffic, struct traffic_conn *conn, struct traffic_request *request,
                uint64_t began_ns)
{
    uint64_t timeout_ns = traffic->streams[conn->stream].config.timeout_ns;
    request_ask(traffic, conn, request, began_ns + timeout_ns);
}

/* The tester's own want of a port or of memory: tried again after the shortest back-off. */
static void unsent(struct traffic *traffic, struct traffic_flow *flow, enum unsent_reason reason,
                   uint64_t now_ns)
{
    const struct traffic_stream_config *config = &traffic->streams[flow->stream].config;
    struct loop *loop = loop_of(traffic, flow);
    struct record_request record = {.due_ns = loop->due_ns,
                                    .done_ns = now_ns,
                                    .flow = flow_index(traffic, flow),
                                    .stream = flow->stream,
                                    .outcome = OUTCOME_UNSENT,
                                    .reason = (uint8_t)reason};
    flow_request_done(traffic, flow, &record);
    loop->due_ns =
        now_ns + (config->think_ns > config->back_off_ns ? config->think_ns : config->back_off_ns);
    wheel_set(&traffic->wheel, &loop->timer.wheel, loop->due_ns);
}
