/* secure.h - TLS between a connection and its exchange, for streams that have it (tls.h): what is
 * said is encrypted on its way to the tcp, what is heard is decrypted on its way from it.
 *
 *     CONNECTED -> secure_begin(), CONN_SECURING: the handshake, both ways
 *     DATA      -> tls_put(), then tls_read() until MORE; once that is ready, CONN_UP
 *     ACKED     -> secure_acked()
 *     request   -> secure_pump() encrypts conn->asked_bytes of our stream, by request_fill()
 *     a segment -> secure_fill()
 *     the end   -> secure_end() says close_notify, or the alert; GONE -> secure_give_back()
 *
 * Our stream before encryption and the tcp's stream are numbered apart. Records cannot be made
 * again, so that they are held (hold.h) until the peer has them, and a request learns by
 * request_sealed() which part of the tcp's stream bears it: that is what sent stamps and
 * retransmissions go by.
 *
 * Threads: the owning worker. Memory: lent by pools of traffic_setup(), and OpenSSL's own from the
 * heap (tls.h). Two pieces are every connection's own, the others whose first comes. Full:
 * secure_begin() refuses; with no room to hold more, encryption goes on when the peer acknowledges;
 * one that has TLS itself say more and more (KeyUpdate, RFC 8446 4.6.3) meanwhile is given up.
 */
#ifndef TRAFFIC_SECURE_H
#define TRAFFIC_SECURE_H

#include "traffic/hold.h"
#include "traffic/tls.h"
#include "traffic/traffic_priv.h"

enum {
    SECURE_PART_BYTES = 4096,    /* Encrypted or decrypted at once. */
    SECURE_UNSENT_BYTES = 65536, /* What TLS has to say and nothing holds yet, at most. */
    SECURE_PIECES = 2,           /* Of hold.h, that each connection may have at any time. */
    SECURE_SPARE_PIECES = 2048   /* Those of a worker beyond. */
};

/* Lent to a connection from its establishment to its end. */
struct secure {
    struct tls tls;        /* The codec. */
    struct hold hold;      /* The tcp's stream, until it is acknowledged. */
    uint64_t sealed_bytes; /* Of our stream, encrypted. */
    uint64_t ready_ns;     /* When the handshake was over; 0: it is not. */
};

/* CONN is established: lend it its state, and greet. False: no memory. */
bool secure_begin(struct traffic *traffic, struct traffic_conn *conn);
/* CONN's, which has one. */
struct secure *secure_of(const struct traffic *traffic, const struct traffic_conn *conn);
/* Encrypt what was asked for, and give the tcp what is encrypted, as far as it can be held. */
void secure_pump(struct traffic *traffic, struct traffic_conn *conn);
/* The peer has all of the tcp's stream below OFFSET. */
void secure_acked(struct traffic *traffic, struct traffic_conn *conn, uint64_t offset);
/* Write COUNT bytes of the tcp's stream from OFFSET on. */
void secure_fill(const struct traffic *traffic, const struct traffic_conn *conn, uint64_t offset,
                 uint8_t *bytes, uint32_t count);
/* Nothing more is said but that. Before tcp_close(). */
void secure_end(struct traffic *traffic, struct traffic_conn *conn);
/* The tcp has forgotten CONN. */
void secure_give_back(struct traffic *traffic, struct traffic_conn *conn);

#endif
