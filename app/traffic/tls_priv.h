/* tls_priv.h - inside of struct tls_context. tls.c runs connections, tls_setup.c makes contexts. */
#ifndef TRAFFIC_TLS_PRIV_H
#define TRAFFIC_TLS_PRIV_H

#include <openssl/ssl.h>

#include "traffic/tls.h"

enum {
    TLS_HOST_BYTES = 256, /* With NUL: RFC 1035's limit. */
    TLS_SESSIONS = 8      /* Kept for a peer; the oldest makes room. */
};

/* Of one peer, the newest last. By TLS 1.2 it is one, for all connections; by 1.3 each is for one
 * connection (RFC 8446 C.4), and a peer gives a few on each. */
struct tls_sessions {
    SSL_SESSION *kept[TLS_SESSIONS]; /* count of them. */
    unsigned count;
};

struct tls_context {
    SSL_CTX *ssl;
    struct tls_sessions sessions[TLS_PEERS]; /* Client: that they gave. */
    bool server;
    bool resume;
    bool named;   /* `host` is a name, not an address. */
    bool checked; /* The certificate must be for `host`. */
    char host[TLS_HOST_BYTES];
};

#endif
