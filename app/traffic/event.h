/* event.h - what happens on a connection, put into the words of its pattern: connected, answered,
 * failed (pattern.h). Bytes and the peer's FIN go to the exchange of its oldest request first.
 *
 * Threads: the owning worker.
 */
#ifndef TRAFFIC_EVENT_H
#define TRAFFIC_EVENT_H

#include "traffic/traffic_priv.h"

/* EVENT of the tcp for CONN, which is connecting or up: CONNECTED, DATA, PEER_FIN, or a fatal
 * one. */
void event_take(struct traffic *traffic, struct traffic_conn *conn, const struct tcp_event *event);
/* CONN's timer ran out while it was connecting or up. */
void event_silence(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns);

#endif
