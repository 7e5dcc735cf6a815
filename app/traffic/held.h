/* held.h - streams whose connections are held: one ctraffic packet in flight on each, a
 * successor for each that breaks.
 *
 * A slot of a flow, in this order: unsent, when the worker got to it too late or could open no
 * connection; blocked, when the flow has no connection or the answer before is overdue; else
 * sent. A slot that is found blocked only because the tester was late with the packet before is
 * unsent.
 *
 * A connection breaks by RST, FIN, ICMP, a wrong byte, or silence for the stream's timeout, and its
 * flow connects again: at once, or after failed attempts with a growing wait. Three connections
 * in a row that break before they answered are replaced at once too; further ones with the wait,
 * lest a server that closes at once is flooded.
 *
 * Threads: the owning worker.
 */
#ifndef TRAFFIC_HELD_H
#define TRAFFIC_HELD_H

#include "traffic/traffic_priv.h"

/* Open the first connections of STREAM, TRAFFIC_OPENS_A_TURN of them. */
void held_open(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns);
/* Slot of flow SLOT was due at DUE_NS. */
void held_due(struct traffic *traffic, struct traffic_stream *stream, uint32_t slot,
              uint64_t due_ns, uint64_t now_ns);
/* EVENT of the tcp for CONN, which is connecting or up: CONNECTED, DATA, PEER_FIN, or a fatal
 * one. */
void held_event(struct traffic *traffic, struct traffic_conn *conn, const struct tcp_event *event);
/* CONN's timer ran out while it was connecting or up. */
void held_silence(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns);
/* The wait of FLOW is over. */
void held_reconnect(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns);
/* The stream stops. */
void held_stop(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns);

#endif
