/* server.h - the answering side: HTTP, ctraffic and mconnect on the tcp's passive connections, and
 * their answers to datagrams.
 *
 * One struct server belongs to one worker and sits on its struct tcp, whose events it consumes. A
 * turn of that worker:
 *
 *     ... tcp_input(), server_datagram() for what arrived; tcp_timers() ...
 *     server_timers(server, now_ns);
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
 *   https     the same by TLS (tls.h). Encrypted bytes are held until acknowledged, a connection's
 *             SERVER_HELD_BYTES at most: the rest of an answer is encrypted when there is room.
 *   ctraffic  an echo, with the server's name written over the start of the first 64 bytes. What is
 *             on its way back is held until acknowledged (hold.h), SERVER_HELD_BYTES at most: the
 *             receive window is what is left of them.
 *             Datagrams: an echo with the name written over the start.
 *   mconnect  the name, at once, then nothing. Datagrams: the name.
 *   udp       datagrams alone, as ctraffic's.
 *
 * A connection is closed when the peer closes it, by HTTP's rules (RFC 9112 9.6), and when nothing
 * happens on it for the idle time (9.5). What happens is: a request's head, or bytes of its body,
 * came; bytes to echo came; the peer acknowledged what it was sent. Bytes of an unfinished head are
 * not enough. A peer that owes us acknowledgements then, or does not close in its turn, is reset,
 * and so is one that does not finish its TLS handshake in time.
 *
 * Threads: server_setup() and server_free() on the slow path, else the owning worker; counters may
 * be read by any. Memory: all of it in server_setup(), but for TLS's. Full: when there is no memory
 * to hold more, of the connections that hold some the one is reset whose peer acknowledged nothing
 * for longest. An HTTP connection whose unacknowledged answers are of too many kinds is reset. Each
 * is counted.
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
    SERVER_NAME_BYTES = 64,   /* With NUL. */
    SERVER_HELD_BYTES = 65536 /* Of a connection, and a TLS record: not less than a SYN's window. */
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
    uint64_t idle_ns;      /* A connection on which nothing happens for so long ends; 0: never. */
    uint64_t handshake_ns; /* One whose TLS handshake takes longer, likewise; 0: never. */
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
    X(datagrams_looped, "datagrams from ports that answer themselves: not answered")               \
    X(tls_failed, "connections closed because TLS failed")                                         \
    X(idle, "connections closed: nothing happened on them for the idle time")                      \
    X(stuck, "connections reset: for the idle time the peer took nothing, or did not close")       \
    X(handshake_late, "connections reset: their TLS handshake took too long")                      \
    X(held_full, "connections reset to hold what others are sent: theirs was taken least lately")  \
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

/* End what has waited for too long. Returns the number of connections looked at; a call that finds
 * none costs a comparison. */
uint32_t server_timers(struct server *server, uint64_t now_ns);
/* Act on all events of the tcp and clear them: before the packets of this turn are freed. Returns
 * the number of events. */
uint32_t server_events(struct server *server, uint64_t now_ns);
/* Write DESCRIPTOR's payload_bytes to PAYLOAD. */
void server_fill(const struct server *server, const struct tcp_descriptor *descriptor,
                 uint8_t *payload);
/* Length of the answer to a datagram of COUNT bytes that came to PORT from the port FROM; 0: none
 * is due. With several listeners on a port, the first that answers datagrams does. What comes from
 * a port that answers as well (answering.h), or from one that this server answers on, is not
 * answered: two servers would never stop. */
uint32_t server_datagram(struct server *server, uint16_t port, uint16_t from, uint32_t count);
/* Write the answer, which server_datagram() gave the length of, to BYTES. */
void server_datagram_fill(const struct server *server, uint16_t port, const uint8_t *datagram,
                          uint32_t count, uint8_t *bytes);

/* Pieces of streams that are held now: 0 when no connection is left. */
uint32_t server_held(const struct server *server);
const struct server_counters *server_counters(const struct server *server);
/* "http". */
const char *server_protocol_text(enum server_protocol protocol);

#endif
