#include "traffic/line.h"

#include "traffic/conn.h"
#include "traffic/request.h"

void line_answered(struct traffic *traffic, struct traffic_conn *conn, struct traffic_flow *flow,
                   struct traffic_request *request, uint64_t at_ns)
{
    const struct record_request *record = &request->record;
    if (outcome_is_good(record->outcome)) {
        flow_good(traffic, flow, record, conn->account.connected_ns);
    } else {
        struct flow_signal signal = conn_signal(traffic, conn, CONNECTION_BAD_ANSWER, NULL, at_ns);
        signal.first_unanswered_ns = record->sent_ns;
        signal.uncertainty_ns = traffic->uncertainty_ns;
        flow_outage(traffic, flow, &signal);
        flow_lost(traffic, flow);
    }
    flow_request_done(traffic, flow, record);
    request_pop(traffic, conn, request);
}

void line_failed(struct traffic *traffic, struct traffic_conn *conn, struct traffic_flow *flow,
                 enum outcome outcome, const struct flow_signal *signal)
{
    struct flow_signal of_flow = *signal;
    if (conn->state == CONN_CONNECTING) {
        of_flow.connection = 0;
        flow->failures++;
        conn->account.failed_connects = flow->failures;
    } else if (conn->account.received == 0 && flow->unanswered < UINT16_MAX) {
        flow->unanswered++;
    }
    flow_outage(traffic, flow, &of_flow);
    line_unfinished(traffic, conn, flow, outcome, signal);
    conn_end(traffic, conn, signal);
}

void line_close(struct traffic *traffic, struct traffic_conn *conn, struct traffic_flow *flow,
                uint64_t at_ns)
{
    bool whole = conn->requests == 0;
    struct flow_signal signal =
        conn_signal(traffic, conn, whole ? CONNECTION_DONE : CONNECTION_FIN, NULL, at_ns);
    signal.uncertainty_ns = traffic->uncertainty_ns;
    if (whole)
        conn_end(traffic, conn, &signal);
    else
        line_failed(traffic, conn, flow, OUTCOME_CLOSED, &signal);
    conn_close(traffic, conn, at_ns);
}

void line_unfinished(struct traffic *traffic, struct traffic_conn *conn, struct traffic_flow *flow,
                     enum outcome outcome, const struct flow_signal *signal)
{
    struct traffic_request *request;
    while ((request = request_first(traffic, conn)) != NULL) {
        struct record_request *record = &request->record;
        record->outcome = (uint8_t)outcome;
        record->done_ns = signal->at_ns;
        record->arrival_uncertainty_ns = conn_saturate(signal->uncertainty_ns);
        if (outcome_is_loss(outcome))
            flow_lost(traffic, flow);
        flow_request_done(traffic, flow, record);
        request_pop(traffic, conn, request);
    }
}
