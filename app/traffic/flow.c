#include "traffic/flow.h"

static struct outage *outage_of(const struct traffic *traffic, const struct traffic_flow *flow);
static void recover(struct traffic *traffic, struct traffic_flow *flow,
                    const struct record_request *request, uint64_t connected_ns);
static void prove(struct traffic *traffic, struct traffic_flow *flow,
                  const struct record_request *request);
static void forget(struct traffic *traffic, struct traffic_flow *flow);
static void set_steady(struct traffic *traffic, struct traffic_flow *flow, bool steady,
                       uint64_t now_ns);
static void tell_steady(struct traffic *traffic, uint32_t index, uint64_t now_ns);
static void set_signal(struct record_outage *outage, const struct flow_signal *signal);
static uint32_t saturate(uint64_t value);

void flow_reset(struct traffic_flow *flow)
{
    flow->conn = 0;
    flow->failures = 0;
    flow->unanswered = 0;
    flow->unsent_reason = UNSENT_NONE;
    flow->begun = false;
    flow->steady = false;
    flow->good_sent_ns = 0;
    flow->good_done_ns = 0;
}

void flow_request_done(struct traffic *traffic, struct traffic_flow *flow,
                       const struct record_request *request)
{
    bool good = outcome_is_good(request->outcome);
    bool loss = outcome_is_loss(request->outcome);
    record_request_done(traffic->record, request);
    if (good)
        record_count_add(&traffic_counters(traffic, flow->stream)->received, 1);
    if ((good || loss) && (flow->steady != good || !traffic->streams[flow->stream].steady_told))
        set_steady(traffic, flow, good, request->done_ns);
}

void flow_lost(struct traffic *traffic, struct traffic_flow *flow)
{
    struct outage *outage = outage_of(traffic, flow);
    if (outage != NULL)
        outage->record.lost++;
}

void flow_revived(struct traffic *traffic, struct traffic_flow *flow,
                  const struct record_request *request, uint64_t connected_ns)
{
    if (flow->outage_open)
        recover(traffic, flow, request, connected_ns);
    if (flow->proving)
        prove(traffic, flow, request);
}

/* Of an outage that is open, only the end of the connection it began on is news; that its
 * successors fail too is part of it. */
void flow_outage(struct traffic *traffic, struct traffic_flow *flow,
                 const struct flow_signal *signal)
{
    struct outage *outage = outage_of(traffic, flow);
    if (flow->outage_open) {
        if (outage != NULL && signal->connection != 0 &&
            signal->connection == outage->record.connection)
            set_signal(&outage->record, signal);
        return;
    }
    struct record_outage record = {.last_good_sent_ns = flow->good_sent_ns,
                                   .last_good_done_ns = flow->good_done_ns,
                                   .connection = signal->connection,
                                   .host = signal->host,
                                   .flow = flow_index(traffic, flow),
                                   .stream = flow->stream};
    set_signal(&record, signal);
    forget(traffic, flow);
    flow->outage_open = true;
    if (outages_begin(&traffic->outages, flow_number(traffic, flow), &record) == NULL)
        record_count_add(&traffic->record->logs[RECORD_OUTAGES].refused, 1);
}

void flow_attempt(struct traffic *traffic, struct traffic_flow *flow, uint64_t sent_ns)
{
    struct outage *outage = flow->outage_open ? outage_of(traffic, flow) : NULL;
    if (outage == NULL)
        return;
    if (outage->record.attempts == 0)
        outage->record.first_attempt_ns = sent_ns;
    outage->record.attempts++;
}

void flow_stop(struct traffic *traffic, struct traffic_flow *flow)
{
    const struct outage *outage = flow->outage_open ? outage_of(traffic, flow) : NULL;
    if (outage != NULL)
        record_append(traffic->record, RECORD_OUTAGES, &outage->record);
    forget(traffic, flow);
    set_steady(traffic, flow, false, 0);
}

uint64_t flow_back_off_ns(const struct traffic_stream_config *config,
                          const struct traffic_flow *flow)
{
    uint64_t steps = flow->failures;
    if (config->reconnect == TRAFFIC_RECONNECT_BACK_OFF)
        steps = flow->failures + (flow->failures == 0);
    if (flow->unanswered > TRAFFIC_UNANSWERED_FREE)
        steps += flow->unanswered - TRAFFIC_UNANSWERED_FREE;
    if (steps != 0 && config->back_off_ns > config->back_off_max_ns / steps)
        return config->back_off_max_ns;
    return config->back_off_ns * steps;
}

void flow_settle(struct traffic *traffic, struct traffic_flow *flow,
                 const struct record_request *request, enum connection_end end,
                 uint32_t largest_rtt_ns)
{
    if (outcome_is_loss(request->outcome)) {
        struct flow_signal signal = {.end = end,
                                     .at_ns = request->done_ns,
                                     .first_unanswered_ns =
                                         end == CONNECTION_REFUSED ? 0 : request->sent_ns,
                                     .uncertainty_ns = request->arrival_uncertainty_ns,
                                     .largest_rtt_ns = largest_rtt_ns};
        if (request->sent_ns != 0)
            flow_attempt(traffic, flow, request->sent_ns);
        flow_outage(traffic, flow, &signal);
        flow_lost(traffic, flow);
    } else if (outcome_is_good(request->outcome)) {
        flow_attempt(traffic, flow, request->sent_ns);
        flow_good(traffic, flow, request, request->done_ns);
    }
}

/* NULL: it has none, or there was no memory for it. */
static struct outage *outage_of(const struct traffic *traffic, const struct traffic_flow *flow)
{
    if (!flow->outage_open && !flow->proving)
        return NULL;
    return outages_find(&traffic->outages, flow_number(traffic, flow));
}

static void recover(struct traffic *traffic, struct traffic_flow *flow,
                    const struct record_request *request, uint64_t connected_ns)
{
    struct outage *outage = outage_of(traffic, flow);
    flow->outage_open = false;
    if (outage == NULL)
        return;
    struct record_outage *record = &outage->record;
    bool same = request->connection == record->connection;
    record->connected_ns = same ? 0 : connected_ns;
    record->recovered_sent_ns = request->sent_ns;
    record->recovered_done_ns = request->done_ns;
    record->recovery_uncertainty_ns = request->arrival_uncertainty_ns;
    record->successor = request->connection;
    record->successor_host = request->host;
    record_append(traffic->record, RECORD_OUTAGES, record);
    outage->to_validate = traffic->validate;
    flow->proving = true;
}

/* REQUEST is one of those that prove its recovery, or the first one after them. */
static void prove(struct traffic *traffic, struct traffic_flow *flow,
                  const struct record_request *request)
{
    struct outage *outage = outage_of(traffic, flow);
    if (outage->to_validate == 0) {
        forget(traffic, flow);
        return;
    }
    outage->to_validate--;
    record_keep(traffic->record, request);
}

/* Give its outage's memory back. */
static void forget(struct traffic *traffic, struct traffic_flow *flow)
{
    if (outage_of(traffic, flow) != NULL)
        outages_end(&traffic->outages, flow_number(traffic, flow));
    flow->outage_open = false;
    flow->proving = false;
}

static void set_steady(struct traffic *traffic, struct traffic_flow *flow, bool steady,
                       uint64_t now_ns)
{
    struct traffic_stream *stream = &traffic->streams[flow->stream];
    if (flow->steady != steady) {
        flow->steady = steady;
        stream->steady_flows += steady ? 1 : -1;
        stream->steady_since_ns = now_ns;
        record_count_add(&traffic_counters(traffic, flow->stream)->steady_flows, steady ? 1 : -1);
    }
    if (steady && !stream->steady_told)
        tell_steady(traffic, flow->stream, now_ns);
}

static void tell_steady(struct traffic *traffic, uint32_t index, uint64_t now_ns)
{
    struct traffic_stream *stream = &traffic->streams[index];
    if (stream->steady_flows < stream->flow_count ||
        now_ns < stream->steady_since_ns + traffic->steady_ns)
        return;
    stream->steady_told = true;
    traffic_tell(traffic, index, TRAFFIC_REPORT_STEADY, now_ns);
}

static void set_signal(struct record_outage *outage, const struct flow_signal *signal)
{
    outage->signal = (uint8_t)signal->end;
    outage->signal_ns = signal->at_ns;
    if (outage->first_unanswered_ns == 0)
        outage->first_unanswered_ns = signal->first_unanswered_ns;
    outage->largest_rtt_ns = saturate(signal->largest_rtt_ns);
    outage->arrival_uncertainty_ns = saturate(signal->uncertainty_ns);
}

static uint32_t saturate(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}
