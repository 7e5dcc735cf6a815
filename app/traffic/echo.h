/* echo.h - echo streams: datagrams (UDP, or ICMP echo requests) that a server sends back.
 *
 * A flow is a client address and port (ICMP: identifier) toward one target, kept from start to
 * stop. Requests are numbered from 0 over the stream; request k is the (k div flows)-th of flow
 * k mod flows, and that is the sequence number in its mark (mark.h). They are in one ring, in the
 * order of sending:
 *
 *     settled ... | tail: decided or not ... | next: due, not handed out ... | head
 *
 * A request is decided by its answer, by an ICMP error, or `timeout_ns` after it was sent. Each
 * waits in the ring until all before it are decided: a flow's outages are found in the order of
 * sending, and the oldest one that is open is always the next to time out.
 *
 * An answer is as long as its request and ends by the same mark; over the zeros before that the
 * server may have written its name. What comes to a flow's end and has no mark is a bad answer to
 * the flow's oldest open request. An ICMP error is about the request whose mark it quotes, or else
 * about the flow's oldest open one.
 *
 * Threads: the owning worker. Memory: taken in echo_setup.c. Full: the request is unsent.
 */
#ifndef TRAFFIC_ECHO_H
#define TRAFFIC_ECHO_H

#include "net/icmp.h"
#include "traffic/mark.h"
#include "traffic/pattern.h"

extern const struct pattern echo_pattern;

/* --- Slow path. --- */
/* Take the memory of STREAM, whose flows are filled. 0 or -ENOMEM. */
int echo_setup(struct traffic_stream *stream, uint16_t run);
void echo_free(struct traffic_stream *stream);

/* --- The owning worker. --- */
/* The oldest request of STREAM that is due and not handed out. False: there is none. */
bool echo_next(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns,
               struct traffic_datagram *datagram);
/* Write its header, with a checksum of 0, and payload. Returns their checksum_add() sum. */
uint64_t echo_fill(const struct traffic *traffic, const struct traffic_datagram *datagram,
                   uint64_t now_ns, uint8_t *l4);
/* The driver took it. */
void echo_sent(struct traffic *traffic, const struct traffic_datagram *datagram, uint64_t sent_ns);
/* It cannot be sent: for REASON, or because its next hop is unresolved if that is UNSENT_NONE. */
void echo_refused(struct traffic *traffic, const struct traffic_datagram *datagram,
                  enum unsent_reason reason, uint64_t now_ns);

/* BYTES (8 at least: the header) came to TUPLE. False: it is of no running flow. */
bool echo_answer(struct traffic *traffic, const struct tuple *tuple, const uint8_t *l4,
                 uint32_t bytes, uint64_t now_ns);
/* An ICMP error came. False: what it quotes is of no running flow. */
bool echo_error(struct traffic *traffic, const struct icmp_error *error, uint64_t now_ns);

#endif
