/* line.h - flows that have one connection after another, and their requests in order on it: what
 * held and closed streams have in common in their accounts.
 *
 * Threads: the owning worker.
 */
#ifndef TRAFFIC_LINE_H
#define TRAFFIC_LINE_H

#include "traffic/flow.h"
#include "traffic/traffic_priv.h"

/* REQUEST, the oldest of CONN, FLOW's, was answered at AT_NS as its record says: account for it and
 * pop it. An answer that was not wanted is an outage's beginning. */
void line_answered(struct traffic *traffic, struct traffic_conn *conn, struct traffic_flow *flow,
                   struct traffic_request *request, uint64_t at_ns);
/* CONN ends as SIGNAL says, its requests by OUTCOME: all of the account, by way of conn_end(). The
 * outage begins before its lost requests are counted. */
void line_failed(struct traffic *traffic, struct traffic_conn *conn, struct traffic_flow *flow,
                 enum outcome outcome, const struct flow_signal *signal);
/* CONN, FLOW's, takes no further request after the answer of AT_NS: we close it. Requests that are
 * still in flight on it are closed. */
void line_close(struct traffic *traffic, struct traffic_conn *conn, struct traffic_flow *flow,
                uint64_t at_ns);
/* The requests of CONN end by OUTCOME, at the time of SIGNAL. */
void line_unfinished(struct traffic *traffic, struct traffic_conn *conn, struct traffic_flow *flow,
                     enum outcome outcome, const struct flow_signal *signal);

#endif
