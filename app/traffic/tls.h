/* tls.h - TLS 1.2 and 1.3 between a stream of bytes and TCP's, by OpenSSL over memory: client and
 * server. No socket, no clock of ours.
 *
 *     tls_open(&tls, context);
 *     ... encrypted bytes came:   tls_put(&tls, bytes, count);
 *         until MORE:             tls_read(&tls, plain, room, &count);     // drives the handshake
 *     ... to be said:             if (tls_can_write(&tls)) tls_write(&tls, plain, count);
 *     ... after each of these:    while ((n = tls_take(&tls, bytes, room)) > 0) send them
 *     tls_close(&tls);
 *
 * A client begins with tls_read(): there is nothing to read, but a greeting to take. Encrypted
 * bytes cannot be made again: their sender holds them (hold.h).
 *
 * A client checks the certificate's chain and that it is for the host, unless told not to; it
 * offers http/1.1 by ALPN and the host by SNI. If it may resume, a context keeps the last sessions
 * of each of TLS_PEERS peers, which are alike in all else.
 *
 * Threads: a context and all its connections belong to one worker; contexts are made and freed on
 * the slow path. Memory: OpenSSL's own, from the heap, as much as a connection needs while it
 * lasts: this is the one object of a worker that takes memory after start. Sources: RFC 8446, 5246,
 * 6066 (SNI), 7301 (ALPN), 6125 (names).
 */
#ifndef TRAFFIC_TLS_H
#define TRAFFIC_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/http_reason.h"

enum {
    TLS_PEERS = 16
};

struct tls_context; /* Inside in tls_priv.h. */
struct ssl_st;
struct bio_st;

/* Why a connection is of no use. Their sentences are in http_reason.h. */
enum tls_reason {
    TLS_NONE = HTTP_BAD_NONE,
    TLS_HANDSHAKE = HTTP_BAD_TLS_HANDSHAKE,
    TLS_VERSION = HTTP_BAD_TLS_VERSION,
    TLS_DATE = HTTP_BAD_TLS_DATE,
    TLS_AUTHORITY = HTTP_BAD_TLS_AUTHORITY,
    TLS_CERTIFICATE = HTTP_BAD_TLS_CERTIFICATE,
    TLS_NAME = HTTP_BAD_TLS_NAME,
    TLS_ALERT = HTTP_BAD_TLS_ALERT,
    TLS_RECORD = HTTP_BAD_TLS_RECORD,
    TLS_MEMORY = HTTP_REASON_COUNT /* Our own doing: there is no memory for TLS. */
};

enum tls_verdict {
    TLS_MORE,  /* All that came is read. */
    TLS_DATA,  /* Bytes were read: there may be more. */
    TLS_ENDED, /* The peer has said that it is all (close_notify). */
    TLS_BAD    /* tls->reason says why; what tls_take() gives is an alert for the peer. */
};

enum tls_version {
    TLS_ANY,
    TLS_1_2,
    TLS_1_3
};

struct tls_config {
    bool server;
    const char *ca_file;          /* PEM; client: whom to trust, NULL: the system's. Server: clients
                                     need a certificate of these; NULL: they need none. */
    const char *certificate_file; /* PEM chain, own first. A server needs it. NULL: none. */
    const char *key_file;         /* PEM. */
    const char *host;             /* Client: name or address that the certificate is for; SNI. */
    bool insecure;                /* Client: any certificate will do. */
    bool resume;                  /* Client: resume a peer's last session. Server: let clients. */
    enum tls_version min;
    enum tls_version max;
};

/* A connection. */
struct tls {
    struct ssl_st *ssl;
    struct bio_st *in;  /* What came. Belongs to ssl. */
    struct bio_st *out; /* What is to be sent. The same. */
    bool ready;         /* The handshake is over. */
    uint8_t reason;     /* enum tls_reason. */
};

/* --- Slow path. --- */

/* NULL with ERR: files that cannot be read or do not fit together. CONFIG is not kept. */
struct tls_context *tls_context_new(const struct tls_config *config, struct error *err);
/* After the last connection's close; NULL is harmless. */
void tls_context_free(struct tls_context *context);

/* --- Worker. --- */

/* False: no memory. */
bool tls_open(struct tls *tls, struct tls_context *context);
/* A client's, which is not begun yet, is with PEER: it resumes the last session that this one
 * gave, if there is one, and keeps those that come. False: no memory. */
bool tls_resume(struct tls *tls, struct tls_context *context, uint32_t peer);
/* Forget all of it; harmless on a zeroed one. */
void tls_close(struct tls *tls);
/* Encrypted bytes came. False: no memory, the connection is of no use. */
bool tls_put(struct tls *tls, const uint8_t *bytes, uint32_t count);
/* Read decrypted bytes, ROOM at most; *COUNT of them with TLS_DATA, else 0. */
enum tls_verdict tls_read(struct tls *tls, uint8_t *bytes, uint32_t room, uint32_t *count);
/* Ready, and not in the middle of another handshake (RFC 5246 7.4.1.1), or of a message after the
 * handshake (RFC 8446 4.6): the peer's next bytes end that. */
bool tls_can_write(const struct tls *tls);
/* Encrypt bytes, when that can be. False: TLS_BAD. */
bool tls_write(struct tls *tls, const uint8_t *bytes, uint32_t count);
/* Say that this was all (close_notify). */
void tls_end(struct tls *tls);
/* Take encrypted bytes to be sent, ROOM at most. Returns how many; 0: there are none. */
uint32_t tls_take(struct tls *tls, uint8_t *bytes, uint32_t room);
/* How many there are. */
uint32_t tls_pending(const struct tls *tls);
/* Was an earlier session resumed? */
bool tls_resumed(const struct tls *tls);

#endif
