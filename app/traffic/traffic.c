#include "traffic/traffic_priv.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "traffic/conn.h"
#include "traffic/event.h"
#include "traffic/flow.h"
#include "traffic/pattern.h"
#include "traffic/quiet.h"
#include "traffic/request.h"
#include "traffic/secure.h"

enum {
    LATE_GATHER_NS = 100000000 /* Requests sent late within this are one fault. */
};

static struct traffic_conn *conn_of(const struct traffic *traffic,
                                    const struct tcp_descriptor *descriptor);
static void start_flows(struct traffic *traffic, struct traffic_stream *stream);
static uint32_t finish_due(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns);
static void act(struct traffic *traffic, uint64_t now_ns, const struct tcp_event *event);
static inline bool is_soft(const struct tcp_event *event);
static struct traffic_conn *quiet_conn(struct traffic *traffic, uint64_t now_ns,
                                       const struct tcp_event *event);
static void gone(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns);
static void expired(struct traffic *traffic, struct traffic_timer *timer, uint64_t now_ns);
static uint32_t open_first(struct traffic *traffic, uint64_t now_ns);
static uint32_t act_on_timers(struct traffic *traffic, uint64_t now_ns);
static uint32_t act_on_due(struct traffic *traffic, uint64_t now_ns);
static uint32_t act_on_events(struct traffic *traffic, uint64_t now_ns, uint64_t uncertainty_ns);
static uint32_t streams_due(struct traffic *traffic, uint64_t now_ns, bool regardless);
static uint32_t stream_due(struct traffic *traffic, struct traffic_stream *stream,
                           const struct pattern *pattern, uint64_t now_ns);
static bool is_ahead(const struct traffic_stream_config *config);
static uint64_t next_take_ns(const struct traffic_stream *stream);
static void update_next_due(struct traffic *traffic);
static void syn_sent(struct traffic *traffic, struct traffic_conn *conn, uint64_t sent_ns);

bool traffic_start(struct traffic *traffic, uint32_t index, uint64_t now_ns, uint64_t start_ns)
{
    if (index >= traffic->stream_count || traffic->streams[index].state != STREAM_STOPPED)
        return false;
    struct traffic_stream *stream = &traffic->streams[index];
    stream->state = STREAM_RUNNING;
    stream->attempts = 0;
    stream->next_target = 0;
    stream->steady_told = false;
    stream->steady_since_ns = now_ns;
    start_flows(traffic, stream);
    pattern_of(traffic, index)->start(traffic, stream, start_ns > now_ns ? start_ns : now_ns);
    traffic->opening += stream->opened < stream->flow_count;
    update_next_due(traffic);
    traffic_tell(traffic, index, TRAFFIC_REPORT_STARTED, now_ns);
    return true;
}

bool traffic_stop(struct traffic *traffic, uint32_t index, uint64_t now_ns)
{
    if (index >= traffic->stream_count || traffic->streams[index].state != STREAM_RUNNING)
        return false;
    struct traffic_stream *stream = &traffic->streams[index];
    stream->state = STREAM_DRAINING;
    stream->stop_ns = now_ns;
    finish_due(traffic, stream, now_ns);
    update_next_due(traffic);
    traffic->opening -= stream->opened < stream->flow_count;
    stream->stopped = 0;
    stream->stopped_conn = 0;
    stream->stopping = !pattern_of(traffic, index)->stop(traffic, stream, now_ns);
    traffic->opening += stream->stopping;
    traffic_flush_faults(traffic);
    traffic_drained(traffic, stream, now_ns);
    return true;
}

void traffic_quit(struct traffic *traffic, uint64_t now_ns)
{
    /* Each pass stops one more flow, connection or request at least: what is reset makes room to
     * wake another. */
    uint64_t most =
        (uint64_t)traffic->flow_count + traffic->conns.capacity + traffic->requests.capacity;
    for (uint64_t pass = 0; traffic->opening != 0 && pass <= most; pass++) {
        conn_reset_closing(traffic, now_ns);
        traffic_events(traffic, now_ns, 0);
        open_first(traffic, now_ns);
    }
}

uint32_t traffic_events(struct traffic *traffic, uint64_t now_ns, uint64_t uncertainty_ns)
{
    uint32_t count;
    tcp_events(traffic->tcp, &count);
    return count == 0 ? 0 : act_on_events(traffic, now_ns, uncertainty_ns);
}

/* Apart, so that asking in vain saves no registers. */
__attribute__((noinline)) static uint32_t act_on_events(struct traffic *traffic, uint64_t now_ns,
                                                        uint64_t uncertainty_ns)
{
    uint32_t count, done = 0;
    const struct tcp_event *events = tcp_events(traffic->tcp, &count);
    traffic->uncertainty_ns = uncertainty_ns;
    while (done < count) {
        while (done < count)
            act(traffic, now_ns, &events[done++]);
        tcp_events(traffic->tcp, &count); /* Acting makes further ones. */
    }
    tcp_events_clear(traffic->tcp);
    traffic->woken_count = 0;
    return done;
}

void traffic_ahead(struct traffic *traffic, uint64_t ahead_ns)
{
    traffic->ahead_ns = ahead_ns;
    for (uint32_t i = 0; i < traffic->stream_count; i++)
        if (is_ahead(&traffic->streams[i].config))
            traffic->streams[i].ahead_ns = ahead_ns;
    update_next_due(traffic);
}

void traffic_lag(struct traffic *traffic, uint64_t lag_ns)
{
    traffic->lag_ns = lag_ns;
}

uint32_t traffic_timers(struct traffic *traffic, uint64_t now_ns)
{
    return now_ns < traffic->wheel.next_ns ? 0 : act_on_timers(traffic, now_ns);
}

/* Apart, so that asking in vain saves no registers. */
__attribute__((noinline)) static uint32_t act_on_timers(struct traffic *traffic, uint64_t now_ns)
{
    uint32_t count = 0;
    struct wheel_timer *timer;
    while ((timer = wheel_expire(&traffic->wheel, now_ns)) != NULL) {
        expired(traffic, (struct traffic_timer *)(void *)timer, now_ns);
        count++;
    }
    return count;
}

uint32_t traffic_due(struct traffic *traffic, uint64_t now_ns)
{
    bool nothing = traffic->opening == 0 && now_ns < traffic->next_due_ns &&
                   now_ns < traffic->next_regardless_ns;
    return nothing ? 0 : act_on_due(traffic, now_ns);
}

/* Apart, as above. */
__attribute__((noinline)) static uint32_t act_on_due(struct traffic *traffic, uint64_t now_ns)
{
    uint32_t count = traffic->opening != 0 ? open_first(traffic, now_ns) : 0;
    if (now_ns >= traffic->next_due_ns)
        count += streams_due(traffic, now_ns, false);
    return count + traffic_due_regardless(traffic, now_ns);
}

uint32_t traffic_due_regardless(struct traffic *traffic, uint64_t now_ns)
{
    return now_ns < traffic->next_regardless_ns ? 0 : streams_due(traffic, now_ns, true);
}

uint64_t traffic_regardless_ns(const struct traffic *traffic)
{
    return traffic->next_regardless_ns;
}

uint64_t traffic_next_ns(const struct traffic *traffic)
{
    if (traffic->opening != 0)
        return 0;
    uint64_t next_ns = traffic->wheel.next_ns;
    if (traffic->next_due_ns < next_ns)
        next_ns = traffic->next_due_ns;
    if (traffic->next_regardless_ns < next_ns)
        next_ns = traffic->next_regardless_ns;
    return traffic->next_frames_ns < next_ns ? traffic->next_frames_ns : next_ns;
}

uint16_t traffic_group(const struct traffic *traffic, const struct tcp_descriptor *descriptor)
{
    if (descriptor->user != 0)
        return (uint16_t)(descriptor->user >> TRAFFIC_USER_GROUP);
    for (uint32_t i = 0; i < traffic->target_count; i++) {
        const struct target *target = &traffic->targets[i];
        if (target->port == descriptor->tuple.remote_port &&
            address_equal(&target->address, &descriptor->tuple.remote))
            return target->group;
    }
    return traffic->targets[0].group;
}

void traffic_fill(const struct traffic *traffic, const struct tcp_descriptor *descriptor,
                  uint8_t *payload)
{
    if (descriptor->payload_bytes == 0)
        return;
    const struct traffic_conn *conn = conn_of(traffic, descriptor);
    if (conn == NULL)
        memset(payload, 0, descriptor->payload_bytes);
    else if (conn->secure)
        secure_fill(traffic, conn, descriptor->stream_offset, payload, descriptor->payload_bytes);
    else
        request_fill(traffic, conn, descriptor->stream_offset, payload, descriptor->payload_bytes);
}

void traffic_sent(struct traffic *traffic, const struct tcp_descriptor *descriptor,
                  uint64_t sent_ns)
{
    struct traffic_conn *conn = conn_of(traffic, descriptor);
    if (conn == NULL)
        return;
    conn->no_hop = false;
    if ((descriptor->flags & TCP_SYN) != 0)
        syn_sent(traffic, conn, sent_ns);
    else if (descriptor->payload_bytes > 0)
        request_sent(traffic, conn, descriptor, sent_ns);
}

void traffic_refused(struct traffic *traffic, const struct tcp_descriptor *descriptor)
{
    struct traffic_conn *conn = conn_of(traffic, descriptor);
    if (conn != NULL)
        conn->no_hop = true;
}

bool traffic_report(struct traffic *traffic, struct traffic_report *report)
{
    if (traffic->reports == 0)
        return false;
    uint32_t index = (uint32_t)__builtin_ctz(traffic->reports);
    struct traffic_stream *stream = &traffic->streams[index];
    uint32_t kind = (uint32_t)__builtin_ctz(stream->reports);
    stream->reports &= (uint8_t)(stream->reports - 1);
    if (stream->reports == 0)
        traffic->reports &= traffic->reports - 1;
    *report = (struct traffic_report){kind, index, stream->report_ns[kind]};
    return true;
}

uint32_t traffic_connections(const struct traffic *traffic)
{
    return traffic->conns.taken + traffic->asleep;
}

void traffic_flush_faults(struct traffic *traffic)
{
    struct late_fault *late = &traffic->late;
    if (late->count == 0)
        return;
    struct record_fault fault = {.start_ns = late->first_ns,
                                 .end_ns = late->last_ns,
                                 .count = late->count,
                                 .kind = FAULT_SENT_LATE};
    record_append(traffic->record, RECORD_FAULTS, &fault);
    *late = (struct late_fault){0};
}

void traffic_tell(struct traffic *traffic, uint32_t stream, enum traffic_report_kind kind,
                  uint64_t now_ns)
{
    traffic->reports |= UINT32_C(1) << stream;
    traffic->streams[stream].reports |= (uint8_t)(1u << kind);
    traffic->streams[stream].report_ns[kind] = now_ns;
}

void traffic_drained(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns)
{
    if (stream->state != STREAM_DRAINING || stream->conns != 0 || stream->stopping ||
        stream->lingers || stream->schedule.next_ns != UINT64_MAX)
        return;
    stream->state = STREAM_STOPPED;
    traffic_tell(traffic, (uint32_t)(stream - traffic->streams), TRAFFIC_REPORT_STOPPED, now_ns);
}

void traffic_count_sent(struct traffic *traffic, const struct record_request *request)
{
    struct late_fault *late = &traffic->late;
    record_count_add(&traffic_counters(traffic, request->stream)->sent, 1);
    if (request->sent_ns - request->due_ns <= traffic->sent_late_ns)
        return;
    if (late->count > 0 && request->due_ns > late->first_ns + LATE_GATHER_NS)
        traffic_flush_faults(traffic);
    if (late->count == 0)
        late->first_ns = request->due_ns;
    late->last_ns = request->sent_ns;
    late->count++;
}

/* NULL: it has none that is awake. */
static struct traffic_conn *conn_of(const struct traffic *traffic,
                                    const struct tcp_descriptor *descriptor)
{
    return quiet_is_user(descriptor->user)
               ? NULL
               : pool_get(&traffic->conns, (pool_handle)descriptor->user);
}

static void start_flows(struct traffic *traffic, struct traffic_stream *stream)
{
    for (uint32_t i = 0; i < stream->flow_count; i++)
        flow_reset(&traffic->flows[stream->flow_base + i]);
    stream->steady_flows = 0;
}

/* What was due before the stop and not reached: unfinished, for the run ended first. As many as a
 * turn takes; the next turns go on. Returns their number. */
static uint32_t finish_due(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns)
{
    const struct pattern *pattern = patterns[stream->config.pattern];
    uint32_t slot, count = 0;
    uint64_t due_ns;
    for (; count < TRAFFIC_SLOTS_A_TURN && pattern->unreached != NULL &&
           schedule_take(&stream->schedule, stream->stop_ns, &slot, &due_ns);
         count++) {
        struct traffic_flow *flow = pattern->unreached(traffic, stream, slot);
        if (flow == NULL)
            continue;
        struct record_request request = {.due_ns = due_ns,
                                         .done_ns = now_ns,
                                         .flow = flow_index(traffic, flow),
                                         .stream = flow->stream,
                                         .outcome = OUTCOME_UNFINISHED};
        flow_request_done(traffic, flow, &request);
    }
    if (count < TRAFFIC_SLOTS_A_TURN)
        schedule_stop(&stream->schedule);
    return count;
}

static void act(struct traffic *traffic, uint64_t now_ns, const struct tcp_event *event)
{
    struct traffic_conn *conn = quiet_is_user(event->user)
                                    ? quiet_conn(traffic, now_ns, event)
                                    : pool_get(&traffic->conns, (pool_handle)event->user);
    if (conn == NULL)
        return;
    switch (event->kind) {
    case TCP_EVENT_GONE: gone(traffic, conn, now_ns); break;
    case TCP_EVENT_RETRANSMIT: conn_retransmit(traffic, conn, event); break;
    case TCP_EVENT_ACKED:
        if (conn->secure)
            secure_acked(traffic, conn, event->stream_offset);
        break;
    case TCP_EVENT_LOCAL_CLOSED: break;
    default:
        if (conn->state == CONN_CLOSING)
            break;
        if (is_soft(event))
            conn->icmp = true;
        else
            event_take(traffic, conn, event);
        break;
    }
}

/* An ICMP error that ends nothing. */
static inline bool is_soft(const struct tcp_event *event)
{
    return event->kind == TCP_EVENT_UNREACHABLE && !event->fatal;
}

/* One that was quiet when EVENT's user was told, woken if there is something to do; NULL: none. */
static struct traffic_conn *quiet_conn(struct traffic *traffic, uint64_t now_ns,
                                       const struct tcp_event *event)
{
    struct traffic_flow *flow = quiet_flow(traffic, event->user, event->conn);
    if (flow == NULL)
        return quiet_woken(traffic, event->conn);
    if (event->kind == TCP_EVENT_ACKED || event->kind == TCP_EVENT_LOCAL_CLOSED || is_soft(event))
        return NULL;
    return quiet_wake_by_event(traffic, flow, now_ns);
}

/* Every way to here has ended the connection before; if the tcp forgets one unasked, it is a
 * reset. */
static void gone(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns)
{
    if (conn->state != CONN_CLOSING) {
        struct tcp_event reset = {
            .kind = TCP_EVENT_RESET, .at_ns = now_ns, .first_sent_ns = UINT64_MAX};
        event_take(traffic, conn, &reset);
    }
    conn_gone(traffic, conn, now_ns);
}

static void expired(struct traffic *traffic, struct traffic_timer *timer, uint64_t now_ns)
{
    if (timer->kind == TRAFFIC_TIMER_FLOW) {
        struct traffic_flow *flow = &traffic->flows[timer->flow];
        pattern_of(traffic, flow->stream)->wake(traffic, flow, now_ns);
        return;
    }
    if (timer->kind == TRAFFIC_TIMER_CLOSING)
        conn_close_expired(traffic, now_ns);
    else
        event_silence(traffic, (struct traffic_conn *)(void *)timer, now_ns);
}

/* Go on with streams that start, and with those that stop. Returns the number of the latter. */
static uint32_t open_first(struct traffic *traffic, uint64_t now_ns)
{
    uint32_t stopping = 0;
    for (uint32_t i = 0; i < traffic->stream_count; i++) {
        struct traffic_stream *stream = &traffic->streams[i];
        stopping += stream->stopping;
        if (stream->stopping && pattern_of(traffic, i)->stop(traffic, stream, now_ns)) {
            stream->stopping = false;
            traffic->opening--;
            traffic_drained(traffic, stream, now_ns);
        }
        if (stream->state != STREAM_RUNNING || stream->opened == stream->flow_count)
            continue;
        pattern_of(traffic, i)->open(traffic, stream, now_ns);
        traffic->opening -= stream->opened == stream->flow_count;
    }
    return stopping;
}

/* Of all streams whose slots are taken for them REGARDLESS of answers, or of the others. Apart, as
 * above. */
__attribute__((noinline)) static uint32_t streams_due(struct traffic *traffic, uint64_t now_ns,
                                                      bool regardless)
{
    uint32_t count = 0;
    uint64_t next_ns = UINT64_MAX;
    for (uint32_t i = 0; i < traffic->stream_count; i++) {
        struct traffic_stream *stream = &traffic->streams[i];
        const struct pattern *pattern = pattern_of(traffic, i);
        if (pattern->due == NULL || pattern->regardless != regardless)
            continue;
        count += stream_due(traffic, stream, pattern, now_ns);
        if (next_take_ns(stream) < next_ns)
            next_ns = next_take_ns(stream);
    }
    *(regardless ? &traffic->next_regardless_ns : &traffic->next_due_ns) = next_ns;
    return count;
}

static uint32_t stream_due(struct traffic *traffic, struct traffic_stream *stream,
                           const struct pattern *pattern, uint64_t now_ns)
{
    uint32_t slot, count = 0;
    uint64_t due_ns;
    if (stream->state == STREAM_DRAINING) {
        count = finish_due(traffic, stream, now_ns);
        traffic_drained(traffic, stream, now_ns);
        return count;
    }
    while (count < TRAFFIC_SLOTS_A_TURN &&
           schedule_take(&stream->schedule, now_ns + stream->ahead_ns, &slot, &due_ns)) {
        pattern->due(traffic, stream, slot, due_ns, now_ns);
        count++;
    }
    return count;
}

/* A maximum has no time of its own. */
static bool is_ahead(const struct traffic_stream_config *config)
{
    return config->pattern == TRAFFIC_ECHO && config->law.arrivals != LAW_MAXIMUM;
}

/* When STREAM's next slot is to be taken; UINT64_MAX: never. */
static uint64_t next_take_ns(const struct traffic_stream *stream)
{
    uint64_t due_ns = stream->schedule.next_ns;
    if (due_ns == UINT64_MAX)
        return UINT64_MAX;
    return due_ns > stream->ahead_ns ? due_ns - stream->ahead_ns : 0;
}

static void update_next_due(struct traffic *traffic)
{
    traffic->next_due_ns = UINT64_MAX;
    traffic->next_regardless_ns = UINT64_MAX;
    traffic->next_frames_ns = UINT64_MAX;
    for (uint32_t i = 0; i < traffic->stream_count; i++) {
        const struct pattern *pattern = pattern_of(traffic, i);
        uint64_t at_ns = next_take_ns(&traffic->streams[i]);
        uint64_t *next_ns = &traffic->next_due_ns;
        if (pattern->due == NULL)
            next_ns = &traffic->next_frames_ns;
        else if (pattern->regardless)
            next_ns = &traffic->next_regardless_ns;
        if (at_ns < *next_ns)
            *next_ns = at_ns;
    }
}

/* The stamp of the first one counts; a SYN that was sent again keeps it. The connection may have
 * ended while its SYN was in the port's queue. */
static void syn_sent(struct traffic *traffic, struct traffic_conn *conn, uint64_t sent_ns)
{
    if (conn->syn_sent || conn->state != CONN_CONNECTING)
        return;
    conn->syn_sent = true;
    conn->account.opened_ns = sent_ns;
    pattern_of(traffic, conn->stream)->syn_sent(traffic, conn, sent_ns);
}
