/* probe.h - connect streams: a new connection for each request, good when its SYN is answered.
 *
 * Requests overlap, and are decided out of order: one that meets a black hole is decided a
 * second after one that was refused. Outages are in the order of sending, so each request waits
 * in a ring until all before it are decided; the ring is as large as the pool of connections
 * allows, and a request that finds it full is unsent.
 *
 * Threads: the owning worker.
 */
#ifndef TRAFFIC_PROBE_H
#define TRAFFIC_PROBE_H

#include "traffic/traffic_priv.h"

/* A request was due at DUE_NS. */
void probe_due(struct traffic *traffic, struct traffic_stream *stream, uint64_t due_ns,
               uint64_t now_ns);
/* EVENT of the tcp for CONN, which is connecting: CONNECTED, or a fatal one. */
void probe_event(struct traffic *traffic, struct traffic_conn *conn, const struct tcp_event *event);
/* CONN's timer ran out while it was connecting. */
void probe_silence(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns);
/* The stream stops. */
void probe_stop(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns);

#endif
