#include "traffic/open.h"

#include "traffic/conn.h"
#include "traffic/flow.h"
#include "traffic/order.h"
#include "traffic/request.h"

static void stop_conn(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns);
static struct crowd *crowd_of(const struct traffic *traffic, const struct traffic_flow *flow);
static void unsent(struct traffic *traffic, struct traffic_flow *flow, uint64_t due_ns,
                   uint8_t reason, uint64_t now_ns);
static void place(struct traffic *traffic, struct traffic_flow *flow,
                  struct traffic_request *request, uint64_t now_ns);
static bool may_open(const struct traffic *traffic, const struct traffic_flow *flow);
static void wait_in_queue(struct traffic *traffic, struct traffic_flow *flow,
                          struct traffic_request *request, uint64_t now_ns);
static struct traffic_request *leave_queue(struct traffic *traffic, struct crowd *crowd);
static void set_idle(struct traffic *traffic, struct traffic_conn *conn);
static struct traffic_conn *take_idle(struct traffic *traffic, struct traffic_flow *flow);
static void unlink_idle(struct traffic *traffic, struct traffic_conn *conn);
static void ask(struct traffic *traffic, struct traffic_conn *conn, struct traffic_request *request,
                uint64_t began_ns);
static void open_answered(struct traffic *traffic, struct traffic_conn *conn,
                          struct traffic_request *request, bool last, uint64_t at_ns);
static void over(struct traffic *traffic, struct traffic_conn *conn,
                 struct traffic_request *request, enum connection_end end);
static void serve_queue(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns);
static void undo(struct traffic *traffic, struct traffic_request *request, enum outcome outcome,
                 enum unsent_reason reason, uint64_t now_ns);

static void open_start(struct traffic *traffic, struct traffic_stream *stream, uint64_t start_ns)
{
    (void)traffic;
    for (uint32_t i = 0; i < stream->flow_count; i++)
        stream->crowds[i].largest_rtt_ns = 0;
    stream->opened = stream->flow_count;
    schedule_start(&stream->schedule, start_ns);
}

/* Targets take turns. */
static struct traffic_flow *next_flow(struct traffic *traffic, struct traffic_stream *stream,
                                      uint32_t slot)
{
    (void)slot;
    return &traffic->flows[stream->flow_base + stream->next_target++ % stream->flow_count];
}

static void open_due(struct traffic *traffic, struct traffic_stream *stream, uint32_t slot,
                     uint64_t due_ns, uint64_t now_ns)
{
    struct traffic_flow *flow = next_flow(traffic, stream, slot);
    if (now_ns - due_ns > stream->unsent_after_ns) {
        unsent(traffic, flow, due_ns, stream->unsent_reason, now_ns);
        return;
    }
    struct traffic_request *request = request_take(traffic, flow, due_ns);
    if (request != NULL &&
        order_enter(&stream->order, request, (uint32_t)(flow - traffic->flows))) {
        place(traffic, flow, request, now_ns);
        return;
    }
    if (request != NULL)
        request_give_back(traffic, request);
    unsent(traffic, flow, due_ns, UNSENT_POOL_FULL, now_ns);
}

/* The first segment of a request that has a connection opened for it is the SYN. */
static void syn_sent(struct traffic *traffic, struct traffic_conn *conn, uint64_t sent_ns)
{
    struct traffic_request *request = request_first(traffic, conn);
    request->record.sent_ns = sent_ns;
    conn->account.sent = 1;
    traffic_count_sent(traffic, &request->record);
}

static void open_connected(struct traffic *traffic, struct traffic_conn *conn, uint64_t at_ns)
{
    struct traffic_request *request = request_first(traffic, conn);
    struct exchange_answer nothing = {.verdict = EXCHANGE_WHOLE, .last = true};
    if (exchange_of(traffic, conn->stream)->begin != NULL) {
        ask(traffic, conn, request, conn->account.opened_ns);
        return;
    }
    request->record.first_byte_ns = traffic_arrival_ns(traffic, at_ns, request->record.sent_ns);
    request_answered(traffic, conn, request, &nothing, at_ns);
    open_answered(traffic, conn, request, true, at_ns);
}

static void open_answered(struct traffic *traffic, struct traffic_conn *conn,
                          struct traffic_request *request, bool last, uint64_t at_ns)
{
    const struct traffic_stream *stream = &traffic->streams[conn->stream];
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    struct crowd *crowd = crowd_of(traffic, flow);
    uint64_t took_ns = request->record.done_ns - request->record.sent_ns;
    if (request->record.retransmits == 0 && took_ns > crowd->largest_rtt_ns)
        crowd->largest_rtt_ns = conn_saturate(took_ns);
    flow->failures = 0;
    over(traffic, conn, request, CONNECTION_BAD_ANSWER);
    if (last || !stream->config.keep_alive) {
        struct flow_signal signal = conn_signal(traffic, conn, CONNECTION_DONE, NULL, at_ns);
        signal.uncertainty_ns = traffic->uncertainty_ns;
        crowd->conns--;
        conn_end(traffic, conn, &signal);
        conn_close(traffic, conn, at_ns);
    } else {
        set_idle(traffic, conn);
    }
    serve_queue(traffic, flow, at_ns);
}

static void open_failed(struct traffic *traffic, struct traffic_conn *conn, enum outcome outcome,
                        const struct flow_signal *signal)
{
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    if (conn->state == CONN_CONNECTING && outcome_is_loss(outcome))
        flow->failures++;
    conn->account.failed_connects = flow->failures;
    if (conn->idle)
        unlink_idle(traffic, conn);
    for (struct traffic_request *request = request_first(traffic, conn); request != NULL;
         request = request_first(traffic, conn)) {
        request->record.outcome = (uint8_t)outcome;
        request->record.done_ns = signal->at_ns;
        request->record.arrival_uncertainty_ns = conn_saturate(signal->uncertainty_ns);
        over(traffic, conn, request, signal->end);
    }
    crowd_of(traffic, flow)->conns--;
    conn_end(traffic, conn, signal);
    if (outcome != OUTCOME_UNFINISHED)
        serve_queue(traffic, flow, signal->at_ns);
}

/* Those that have waited too long. */
static void open_wake(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    struct crowd *crowd = crowd_of(traffic, flow);
    struct traffic_request *request;
    while ((request = pool_get(&traffic->requests, crowd->queue_first)) != NULL) {
        if (request->deadline_ns > now_ns) {
            wheel_set(&traffic->wheel, &crowd->timer.wheel, request->deadline_ns);
            return;
        }
        leave_queue(traffic, crowd);
        undo(traffic, request, OUTCOME_BLOCKED, UNSENT_NONE, now_ns);
    }
}

/* A turn's share of the requests that wait, and then of the connections. */
static bool open_stop(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns)
{
    uint8_t index = (uint8_t)(stream - traffic->streams);
    uint32_t left = TRAFFIC_STOPS_A_TURN;
    for (uint32_t i = 0; i < stream->flow_count; i++) {
        struct crowd *crowd = &stream->crowds[i];
        while (crowd->queued > 0 && left > 0) {
            undo(traffic, leave_queue(traffic, crowd), OUTCOME_UNFINISHED, UNSENT_NONE, now_ns);
            left--;
        }
        if (crowd->queued > 0)
            return false;
        wheel_cancel(&traffic->wheel, &crowd->timer.wheel);
    }
    do {
        if (left-- == 0)
            return false;
        stream->stopped_conn = pool_next(&traffic->conns, stream->stopped_conn);
        struct traffic_conn *conn = pool_get(&traffic->conns, stream->stopped_conn);
        if (conn != NULL && conn->stream == index && conn->state != CONN_CLOSING)
            stop_conn(traffic, conn, now_ns);
    } while (stream->stopped_conn != 0);
    for (uint32_t i = 0; i < stream->flow_count; i++)
        flow_stop(traffic, &traffic->flows[stream->flow_base + i]);
    return true;
}

const struct pattern open_pattern = {.start = open_start,
                                     .due = open_due,
                                     .unreached = next_flow,
                                     .syn_sent = syn_sent,
                                     .connected = open_connected,
                                     .answered = open_answered,
                                     .failed = open_failed,
                                     .wake = open_wake,
                                     .stop = open_stop};

static void stop_conn(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns)
{
    bool idle = conn->idle;
    enum connection_end end = idle ? CONNECTION_LASTING : CONNECTION_UNFINISHED;
    struct flow_signal signal = conn_signal(traffic, conn, end, NULL, now_ns);
    open_failed(traffic, conn, OUTCOME_UNFINISHED, &signal);
    if (idle)
        conn_close(traffic, conn, now_ns);
    else
        conn_abort(traffic, conn, now_ns);
}

static struct crowd *crowd_of(const struct traffic *traffic, const struct traffic_flow *flow)
{
    const struct traffic_stream *stream = &traffic->streams[flow->stream];
    return &stream->crowds[flow_number(traffic, flow) - stream->flow_base];
}

/* The slot of DUE_NS has no request. */
static void unsent(struct traffic *traffic, struct traffic_flow *flow, uint64_t due_ns,
                   uint8_t reason, uint64_t now_ns)
{
    struct record_request record = {.due_ns = due_ns,
                                    .done_ns = now_ns,
                                    .flow = flow_index(traffic, flow),
                                    .stream = flow->stream,
                                    .outcome = OUTCOME_UNSENT,
                                    .reason = reason};
    flow_request_done(traffic, flow, &record);
}

/* On an idle connection, on a new one, or into the queue. */
static void place(struct traffic *traffic, struct traffic_flow *flow,
                  struct traffic_request *request, uint64_t now_ns)
{
    struct traffic_conn *conn = take_idle(traffic, flow);
    if (conn != NULL) {
        request_bind(traffic, conn, request);
        ask(traffic, conn, request, now_ns);
        return;
    }
    if (!may_open(traffic, flow)) {
        wait_in_queue(traffic, flow, request, now_ns);
        return;
    }
    enum unsent_reason reason = UNSENT_NONE;
    conn = conn_open(traffic, flow, now_ns, &reason);
    if (conn == NULL) {
        undo(traffic, request, OUTCOME_UNSENT, reason, now_ns);
        return;
    }
    crowd_of(traffic, flow)->conns++;
    request_bind(traffic, conn, request);
}

static bool may_open(const struct traffic *traffic, const struct traffic_flow *flow)
{
    const struct traffic_stream *stream = &traffic->streams[flow->stream];
    uint32_t max = stream->config.connections;
    uint32_t share = max / stream->flow_count + (max < stream->flow_count);
    return max == 0 || crowd_of(traffic, flow)->conns < share;
}

/* --- The queue: the oldest first, by `next`. --- */

static void wait_in_queue(struct traffic *traffic, struct traffic_flow *flow,
                          struct traffic_request *request, uint64_t now_ns)
{
    const struct traffic_stream *stream = &traffic->streams[flow->stream];
    struct crowd *crowd = crowd_of(traffic, flow);
    struct traffic_request *last = pool_get(&traffic->requests, crowd->queue_last);
    if (crowd->queued == stream->queue_max) {
        undo(traffic, request, OUTCOME_BLOCKED, UNSENT_NONE, now_ns);
        return;
    }
    request->deadline_ns = request->record.due_ns + stream->config.timeout_ns;
    if (last != NULL)
        last->next = request->self;
    else
        crowd->queue_first = request->self;
    crowd->queue_last = request->self;
    crowd->queued++;
    if (!wheel_is_set(&crowd->timer.wheel))
        wheel_set(&traffic->wheel, &crowd->timer.wheel, request->deadline_ns);
}

/* The oldest, or NULL. */
static struct traffic_request *leave_queue(struct traffic *traffic, struct crowd *crowd)
{
    struct traffic_request *request = pool_get(&traffic->requests, crowd->queue_first);
    if (request == NULL)
        return NULL;
    crowd->queue_first = request->next;
    if (request->next == 0)
        crowd->queue_last = 0;
    request->next = 0;
    crowd->queued--;
    return request;
}

/* --- Idle connections: the one used last first. --- */

static void set_idle(struct traffic *traffic, struct traffic_conn *conn)
{
    struct crowd *crowd = crowd_of(traffic, &traffic->flows[conn->flow]);
    struct traffic_conn *first = pool_get(&traffic->conns, crowd->idle);
    pool_handle handle = pool_handle_of(&traffic->conns, conn);
    conn->idle = true;
    conn->idle_before = 0;
    conn->idle_after = crowd->idle;
    if (first != NULL)
        first->idle_before = handle;
    crowd->idle = handle;
}

static struct traffic_conn *take_idle(struct traffic *traffic, struct traffic_flow *flow)
{
    struct traffic_conn *conn = pool_get(&traffic->conns, crowd_of(traffic, flow)->idle);
    if (conn != NULL)
        unlink_idle(traffic, conn);
    return conn;
}

static void unlink_idle(struct traffic *traffic, struct traffic_conn *conn)
{
    struct traffic_conn *before = pool_get(&traffic->conns, conn->idle_before);
    struct traffic_conn *after = pool_get(&traffic->conns, conn->idle_after);
    if (before != NULL)
        before->idle_after = conn->idle_after;
    else
        crowd_of(traffic, &traffic->flows[conn->flow])->idle = conn->idle_after;
    if (after != NULL)
        after->idle_before = conn->idle_before;
    conn->idle = false;
}

/* --- A request on its connection. --- */

/* It began at BEGAN_NS. */
static void ask(struct traffic *traffic, struct traffic_conn *conn, struct traffic_request *request,
                uint64_t began_ns)
{
    uint64_t timeout_ns = traffic->streams[conn->stream].config.timeout_ns;
    request_ask(traffic, conn, request, began_ns + timeout_ns);
}

/* REQUEST, the oldest of CONN, is over, its record whole but for its place in the order. */
static void over(struct traffic *traffic, struct traffic_conn *conn,
                 struct traffic_request *request, enum connection_end end)
{
    struct traffic_stream *stream = &traffic->streams[conn->stream];
    flow_request_done(traffic, &traffic->flows[conn->flow], &request->record);
    order_decide(traffic, stream, request->order, &request->record, end);
    request_pop(traffic, conn, request);
}

/* A connection became idle, or made room for another one. */
static void serve_queue(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    struct crowd *crowd = crowd_of(traffic, flow);
    if (traffic->streams[flow->stream].state != STREAM_RUNNING)
        return;
    while (crowd->queued > 0 && (crowd->idle != 0 || may_open(traffic, flow)))
        place(traffic, flow, leave_queue(traffic, crowd), now_ns);
}

/* REQUEST is over without ever having had a connection. */
static void undo(struct traffic *traffic, struct traffic_request *request, enum outcome outcome,
                 enum unsent_reason reason, uint64_t now_ns)
{
    struct traffic_stream *stream = &traffic->streams[request->record.stream];
    uint32_t number = request->order;
    struct record_request record = request->record;
    uint32_t nth = record.flow - stream->config.flow_first;
    record.outcome = (uint8_t)outcome;
    record.reason = (uint8_t)reason;
    record.done_ns = now_ns;
    request_give_back(traffic, request);
    flow_request_done(traffic, &traffic->flows[stream->flow_base + nth], &record);
    order_decide(traffic, stream, number, &record, CONNECTION_SILENCE);
}
