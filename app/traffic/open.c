#include "traffic/open.h"

#include "traffic/conn.h"
#include "traffic/flow.h"
#include "traffic/request.h"

static void unsent(struct traffic *traffic, struct traffic_flow *flow,
                   struct record_request *request, enum unsent_reason reason);
static void connected(struct traffic *traffic, struct traffic_conn *conn,
                      const struct tcp_event *event);
static void fail(struct traffic *traffic, struct traffic_conn *conn, struct conn_ending ending,
                 const struct tcp_event *event, uint64_t now_ns);
static void decide(struct traffic *traffic, struct traffic_conn *conn, enum outcome outcome,
                   const struct flow_signal *signal);
static void settle(struct traffic *traffic, struct order_ring *ring);
static void settle_entry(struct traffic *traffic, const struct order_entry *entry);
static struct order_entry *entry_of(struct order_ring *ring, uint32_t number);

static void open_start(struct traffic *traffic, struct traffic_stream *stream, uint64_t start_ns)
{
    (void)traffic;
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
    struct order_ring *ring = &stream->order;
    struct record_request record = {
        .due_ns = due_ns, .done_ns = now_ns, .flow = flow->index, .stream = flow->stream};
    enum unsent_reason reason = UNSENT_NONE;
    if (now_ns - due_ns > stream->unsent_after_ns) {
        unsent(traffic, flow, &record, UNSENT_STALL);
        return;
    }
    if (ring->head - ring->tail == ring->capacity) {
        unsent(traffic, flow, &record, UNSENT_POOL_FULL);
        return;
    }
    struct traffic_request *request = request_take(traffic, &record);
    if (request == NULL) {
        unsent(traffic, flow, &record, UNSENT_POOL_FULL);
        return;
    }
    struct traffic_conn *conn = conn_open(traffic, flow, now_ns, &reason);
    if (conn == NULL) {
        request_give_back(traffic, request);
        unsent(traffic, flow, &record, reason);
        return;
    }
    request->order = ring->head++;
    *entry_of(ring, request->order) = (struct order_entry){.flow = conn->flow};
    request_bind(traffic, conn, request);
}

/* The first segment of a request on a connection of its own is the SYN. */
static void syn_sent(struct traffic *traffic, struct traffic_conn *conn, uint64_t sent_ns)
{
    struct traffic_request *request = request_first(traffic, conn);
    request->record.sent_ns = sent_ns;
    conn->connection.sent = 1;
    traffic_count_sent(traffic, &request->record);
}

static void open_event(struct traffic *traffic, struct traffic_conn *conn,
                       const struct tcp_event *event)
{
    if (event->kind == TCP_EVENT_CONNECTED)
        connected(traffic, conn, event);
    else
        fail(traffic, conn, conn_ending(conn, event), event, event->at_ns);
}

static void open_silence(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns)
{
    struct conn_ending ending = conn_silence(conn);
    if (!conn->syn_sent && !conn->no_hop) {
        request_first(traffic, conn)->record.reason = UNSENT_TX_FULL;
        ending = (struct conn_ending){CONNECTION_UNSENT, OUTCOME_UNSENT};
    }
    fail(traffic, conn, ending, NULL, now_ns);
    conn_abort(traffic, conn, now_ns);
}

static void open_stop(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns)
{
    uint8_t index = (uint8_t)(stream - traffic->streams);
    for (pool_handle handle = pool_next(&traffic->conns, 0); handle != 0;
         handle = pool_next(&traffic->conns, handle)) {
        struct traffic_conn *conn = pool_get(&traffic->conns, handle);
        if (conn->stream != index || conn->state == CONN_CLOSING)
            continue;
        fail(traffic, conn, (struct conn_ending){CONNECTION_UNFINISHED, OUTCOME_UNFINISHED}, NULL,
             now_ns);
        conn_abort(traffic, conn, now_ns);
    }
    for (uint32_t i = 0; i < stream->flow_count; i++)
        flow_stop(traffic, &traffic->flows[stream->flow_base + i]);
}

static void unsent(struct traffic *traffic, struct traffic_flow *flow,
                   struct record_request *request, enum unsent_reason reason)
{
    request->outcome = OUTCOME_UNSENT;
    request->reason = (uint8_t)reason;
    flow_request_done(traffic, flow, request);
}

/* All that was wanted: it is closed at once. */
static void connected(struct traffic *traffic, struct traffic_conn *conn,
                      const struct tcp_event *event)
{
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    conn_connected(traffic, conn, event->at_ns);
    struct record_request *request = &request_first(traffic, conn)->record;
    request->first_byte_ns = event->at_ns;
    request->done_ns = event->at_ns;
    conn->connection.received = 1;
    if (conn->connection.largest_rtt_ns > flow->largest_rtt_ns)
        flow->largest_rtt_ns = conn->connection.largest_rtt_ns;
    flow->failures = 0;
    enum outcome outcome = conn_good_outcome(&traffic->streams[conn->stream], request);
    struct flow_signal signal = {.end = CONNECTION_DONE,
                                 .at_ns = event->at_ns,
                                 .uncertainty_ns = traffic->uncertainty_ns,
                                 .largest_rtt_ns = conn->connection.largest_rtt_ns};
    decide(traffic, conn, outcome, &signal);
    conn_end(traffic, conn, &signal);
    conn_close(traffic, conn, event->at_ns);
}

static void fail(struct traffic *traffic, struct traffic_conn *conn, struct conn_ending ending,
                 const struct tcp_event *event, uint64_t now_ns)
{
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    struct flow_signal signal = conn_signal(traffic, conn, ending.end, event, now_ns);
    if (outcome_is_loss(ending.outcome))
        flow->failures++;
    conn->connection.failed_connects = flow->failures;
    decide(traffic, conn, ending.outcome, &signal);
    conn_end(traffic, conn, &signal);
}

static void decide(struct traffic *traffic, struct traffic_conn *conn, enum outcome outcome,
                   const struct flow_signal *signal)
{
    struct order_ring *ring = &traffic->streams[conn->stream].order;
    struct order_entry *entry = entry_of(ring, request_first(traffic, conn)->order);
    struct record_request *request = &entry->request;
    request_pop(traffic, conn, request);
    request->done_ns = signal->at_ns;
    request->outcome = (uint8_t)outcome;
    request->arrival_uncertainty_ns = conn_saturate(signal->uncertainty_ns);
    flow_request_done(traffic, &traffic->flows[conn->flow], request);
    entry->end = (uint8_t)signal->end;
    entry->decided = true;
    settle(traffic, ring);
}

static void settle(struct traffic *traffic, struct order_ring *ring)
{
    while (ring->tail != ring->head && entry_of(ring, ring->tail)->decided) {
        settle_entry(traffic, entry_of(ring, ring->tail));
        ring->tail++;
    }
}

static void settle_entry(struct traffic *traffic, const struct order_entry *entry)
{
    struct traffic_flow *flow = &traffic->flows[entry->flow];
    const struct record_request *request = &entry->request;
    if (outcome_is_loss(request->outcome)) {
        struct flow_signal signal = {.end = entry->end,
                                     .at_ns = request->done_ns,
                                     .first_unanswered_ns =
                                         entry->end == CONNECTION_REFUSED ? 0 : request->sent_ns,
                                     .uncertainty_ns = request->arrival_uncertainty_ns,
                                     .largest_rtt_ns = flow->largest_rtt_ns};
        flow_attempt(flow, request->sent_ns);
        flow_outage(flow, &signal);
        flow_lost(flow);
    } else if (outcome_is_good(request->outcome)) {
        flow_attempt(flow, request->sent_ns);
        flow_good(traffic, flow, request, request->done_ns);
    }
}

static struct order_entry *entry_of(struct order_ring *ring, uint32_t number)
{
    return &ring->entries[number & (ring->capacity - 1)];
}

const struct pattern open_pattern = {.start = open_start,
                                     .due = open_due,
                                     .unreached = next_flow,
                                     .syn_sent = syn_sent,
                                     .event = open_event,
                                     .silence = open_silence,
                                     .stop = open_stop};
