/* flow.h - the account of a flow: each request's end, and its outages.
 *
 * An outage lasts from the flow's last proof of life to the first good answer on its connection
 * or a successor (docs/accuracy.md). It begins when a connection breaks, when an attempt fails,
 * when a slot is blocked because an answer is overdue (signal: silence, until another one
 * comes), or, for a connection a request, with a lost request. What happens further until the
 * first good answer is the same outage.
 *
 * Threads: the owning worker. Full: of an outage for which no memory is left no record is
 * made, and the log of outages counts it as refused.
 */
#ifndef TRAFFIC_FLOW_H
#define TRAFFIC_FLOW_H

#include "traffic/traffic_priv.h"

/* What ended a connection, or a request that had its own. */
struct flow_signal {
    enum connection_end end;
    uint64_t at_ns; /* Arrival, or decision. */
    uint64_t
        first_unanswered_ns; /* Stamp of the first request or segment without answer; 0: none. */
    uint64_t uncertainty_ns; /* Of at_ns. */
    uint64_t largest_rtt_ns; /* Seen before. */
    uint32_t connection;     /* Id; 0 for a connection a request. */
    uint16_t host;           /* Of that connection. */
};

/* As at the start of a stream; the timer is left alone. */
void flow_reset(struct traffic_flow *flow);
/* REQUEST is over: its one call of record_request_done(), with the live figures. */
void flow_request_done(struct traffic *traffic, struct traffic_flow *flow,
                       const struct record_request *request);
/* A request was lost; it counts to the outage, when one is open. */
void flow_lost(struct traffic *traffic, struct traffic_flow *flow);
/* The part of flow_good() for a flow with an outage under way, or one to be proved over. */
void flow_revived(struct traffic *traffic, struct traffic_flow *flow,
                  const struct record_request *request, uint64_t connected_ns);
/* A good answer: the last proof of life, and the end of an outage. CONNECTED_NS is of the
 * connection. */
static inline void flow_good(struct traffic *traffic, struct traffic_flow *flow,
                             const struct record_request *request, uint64_t connected_ns)
{
    if (flow->outage_open || flow->proving)
        flow_revived(traffic, flow, request, connected_ns);
    flow->good_sent_ns = request->sent_ns;
    flow->good_done_ns = request->done_ns;
    flow->failures = 0;
    flow->unanswered = 0;
}
/* An outage begins, or its connection's real end is known now. */
void flow_outage(struct traffic *traffic, struct traffic_flow *flow,
                 const struct flow_signal *signal);
/* An attempt to reconnect is sent. */
void flow_attempt(struct traffic *traffic, struct traffic_flow *flow, uint64_t sent_ns);
/* How long FLOW should wait before it opens its next connection. */
uint64_t flow_back_off_ns(const struct traffic_stream_config *config,
                          const struct traffic_flow *flow);
/* REQUEST, which was no held connection's, ended as END says, and so have all of FLOW that were
 * sent before it: an outage begins, goes on or ends. LARGEST_RTT_NS was seen so far. */
void flow_settle(struct traffic *traffic, struct traffic_flow *flow,
                 const struct record_request *request, enum connection_end end,
                 uint32_t largest_rtt_ns);
/* The stream stops: an outage is written as it is, open. */
void flow_stop(struct traffic *traffic, struct traffic_flow *flow);

#endif
