/* order.h - requests that are decided out of order, put into the order of `due` again.
 *
 * Outages are found in that order: each request enters a ring when it is due, and its account
 * waits there until all before it are decided.
 *
 * Threads: the owning worker. Memory: the caller's. Full: order_enter() refuses.
 */
#ifndef TRAFFIC_ORDER_H
#define TRAFFIC_ORDER_H

#include "traffic/flow.h"
#include "traffic/traffic_priv.h"

/* REQUEST of traffic->flows[FLOW] is due; false when the ring is full. */
bool order_enter(struct order_ring *ring, struct traffic_request *request, uint32_t flow);
/* The request of STREAM's entry NUMBER is over as RECORD has it, END being what its connection
 * met. */
void order_decide(struct traffic *traffic, struct traffic_stream *stream, uint32_t number,
                  const struct record_request *record, enum connection_end end);

#endif
