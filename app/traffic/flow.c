#include "traffic/flow.h"

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
    flow->largest_rtt_ns = 0;
    flow->host = 0;
    flow->unsent_reason = UNSENT_NONE;
    flow->begun = false;
    flow->steady = false;
    flow->outage_open = false;
    flow->idle = 0;
    flow->queue_first = 0;
    flow->queue_last = 0;
    flow->queued = 0;
    flow->open_conns = 0;
    flow->to_validate = 0;
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
    if (good || loss)
        set_steady(traffic, flow, good, request->done_ns);
}

void flow_lost(struct traffic_flow *flow)
{
    if (flow->outage_open)
        flow->outage.lost++;
}

void flow_good(struct traffic *traffic, struct traffic_flow *flow,
               const struct record_request *request, uint64_t connected_ns)
{
    struct record_outage *outage = &flow->outage;
    if (flow->outage_open) {
        bool same = request->connection == outage->connection;
        outage->connected_ns = same ? 0 : connected_ns;
        outage->recovered_sent_ns = request->sent_ns;
        outage->recovered_done_ns = request->done_ns;
        outage->recovery_uncertainty_ns = request->arrival_uncertainty_ns;
        outage->successor = request->connection;
        outage->successor_host = request->host;
        record_append(traffic->record, RECORD_OUTAGES, outage);
        flow->outage_open = false;
        flow->to_validate = traffic->validate;
    }
    if (flow->to_validate > 0) {
        flow->to_validate--;
        record_keep(traffic->record, request);
    }
    flow->good_sent_ns = request->sent_ns;
    flow->good_done_ns = request->done_ns;
    flow->host = request->host;
    flow->failures = 0;
    flow->unanswered = 0;
}

/* Of an outage that is open, only the end of the connection it began on is news; that its
 * successors fail too is part of it. */
void flow_outage(struct traffic_flow *flow, const struct flow_signal *signal)
{
    struct record_outage *outage = &flow->outage;
    if (flow->outage_open) {
        if (signal->connection != 0 && signal->connection == outage->connection)
            set_signal(outage, signal);
        return;
    }
    *outage = (struct record_outage){.last_good_sent_ns = flow->good_sent_ns,
                                     .last_good_done_ns = flow->good_done_ns,
                                     .connection = signal->connection,
                                     .host = signal->host,
                                     .flow = flow->index,
                                     .stream = flow->stream};
    set_signal(outage, signal);
    flow->outage_open = true;
}

void flow_attempt(struct traffic_flow *flow, uint64_t sent_ns)
{
    if (!flow->outage_open)
        return;
    if (flow->outage.attempts == 0)
        flow->outage.first_attempt_ns = sent_ns;
    flow->outage.attempts++;
}

void flow_stop(struct traffic *traffic, struct traffic_flow *flow)
{
    if (flow->outage_open)
        record_append(traffic->record, RECORD_OUTAGES, &flow->outage);
    flow->outage_open = false;
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
                 const struct record_request *request, enum connection_end end)
{
    if (outcome_is_loss(request->outcome)) {
        struct flow_signal signal = {.end = end,
                                     .at_ns = request->done_ns,
                                     .first_unanswered_ns =
                                         end == CONNECTION_REFUSED ? 0 : request->sent_ns,
                                     .uncertainty_ns = request->arrival_uncertainty_ns,
                                     .largest_rtt_ns = flow->largest_rtt_ns};
        if (request->sent_ns != 0)
            flow_attempt(flow, request->sent_ns);
        flow_outage(flow, &signal);
        flow_lost(flow);
    } else if (outcome_is_good(request->outcome)) {
        flow_attempt(flow, request->sent_ns);
        flow_good(traffic, flow, request, request->done_ns);
    }
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
