/* server.h - the answering side: HTTP, ctraffic and mconnect on the tcp's passive connections, and
 * their answers to datagrams.
 *
 * One struct server belongs to one worker and sits on its struct tcp, whose events it consumes. A
 * turn of that worker:
 *
 *     ... tcp_input(), server_datagram() for what arrived; tcp_timers() ...
 *     server_events(server, now_ns);
 *     n = tcp_output(tcp, now_ns, descriptors, room);
 *     for each: ... tcp_header_write(); server_fill(server, &d, payload);
 *     server_events(server, now_ns);                     // retransmissions
 *
 * What it says by protocol:
 *
 *   http      to each request the configured answer; to a HEAD its head; 100 Continue where it is
 *             waited for; 400 and the end of the connection to what is no request (http.h says
 *             what that is). An HTTP/1.0 client gets no chunks and the connection's end.
 *   https     the same by TLS (tls.h). Encrypted bytes are held until acknowledged, 64 KiB a
 *             connection at most: the rest of an answer is encrypted when there is room again.
 *   ctraffic  an echo, with the server's name written over the start of the first 64 bytes. What is
 *             on its way back is held until acknowledged (hold.h).
 *             Datagrams: an echo with the name written over the start.
 *   mconnect  the name, at once, then nothing. Datagrams: the name.
 *   udp       datagrams alone, as ctraffic's.
 *
 * A connection is closed when the peer closes it, and by HTTP's rules (RFC 9112 9.6).
 *
 * Threads: server_setup() and server_free() on the slow path, else the owning worker; counters may
 * be read by any. Memory: all of it in server_setup(), but for TLS's. Full: what finds no memory to
 * be held in, and an HTTP connection whose unacknowledged answers are of too many kinds, are reset
 * and counted.
 */
#ifndef TRAFFIC_SERVER_H
#define TRAFFIC_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "tcp/tcp.h"
#include "traffic/http_message.h"

enum {
    SERVER_LISTENERS = 16,
    SERVER_NAME_BYTES = 64 /* With NUL. */
};

enum server_protocol {
    SERVER_HTTP,
    SERVER_HTTPS,
    SERVER_CTRAFFIC,
    SERVER_MCONNECT,
    SERVER_UDP,
    SERVER_PROTOCOLS
};

struct server_listener {
    enum server_protocol protocol;
    uint16_t port; /* TCP port, and UDP port of those that answer datagrams. */
};

struct server_config {
    struct server_listener listeners[SERVER_LISTENERS];
    uint32_t listener_count;
    char name[SERVER_NAME_BYTES];   /* Of this server, as ctraffic and mconnect tell it. */
    struct http_answer_config http; /* The answer; `close` is the server's. */
    const char *certificate_file;   /* PEM chain, for https. NULL: none. */
    const char *key_file;           /* PEM. */
    uint32_t connections;           /* Capacity of the tcp that it sits on. */
    uint32_t held_bytes;            /* Of all that is held until acknowledged. */
};

/* id, sentence. */
#define SERVER_COUNTERS(X)                                                                         \
    X(accepted, "connections accepted")                                                            \
    X(requests, "HTTP requests answered")                                                          \
    X(bad_requests, "connections closed because what came was no HTTP request")                    \
    X(bytes_in, "bytes received")                                                                  \
    X(echoed_bytes, "ctraffic bytes sent back")                                                    \
    X(datagrams, "datagrams answered")                                                             \
    X(datagrams_ignored, "datagrams to ports that answer none")                                    \
    X(tls_failed, "connections closed because TLS failed")                                         \
    X(held_full, "connections reset: no memory to hold what they are sent")                        \
    X(answers_full, "connections reset: too many kinds of answers unacknowledged")

struct server_counters {
#define X(id, text) _Atomic uint64_t id;
    SERVER_COUNTERS(X)
#undef X
};

struct server; /* Inside in server.c and server_setup.c. */

/* Listen on TCP, which is borrowed until server_free(). NULL with ERR (where, what to change). */
struct server *server_setup(const struct server_config *config, struct tcp *tcp, struct error *err);
/* NULL is harmless. */
void server_free(struct server *server);

/* Act on all events of the tcp and clear them: before the packets of this turn are freed. Returns
 * the number of events. */
uint32_t server_events(struct server *server, uint64_t now_ns);
/* Write DESCRIPTOR's payload_bytes to PAYLOAD. */
void server_fill(const struct server *server, const struct tcp_descriptor *descriptor,
                 uint8_t *payload);
/* Length of the answer to a datagram of COUNT bytes that came to PORT; 0: none is due. With several
 * listeners on a port, the first that answers datagrams does. */
uint32_t server_datagram(struct server *server, uint16_t port, uint32_t count);
/* Write the answer, which server_datagram() gave the length of, to BYTES. */
void server_datagram_fill(const struct server *server, uint16_t port, const uint8_t *datagram,
                          uint32_t count, uint8_t *bytes);

/* Pieces of streams that are held now: 0 when no connection is left. */
uint32_t server_held(const struct server *server);
const struct server_counters *server_counters(const struct server *server);
/* "http". */
const char *server_protocol_text(enum server_protocol protocol);

#endif
