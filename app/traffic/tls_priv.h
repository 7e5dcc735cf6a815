/* tls_priv.h - inside of struct tls_context. tls.c runs connections, tls_setup.c makes contexts. */
#ifndef TRAFFIC_TLS_PRIV_H
#define TRAFFIC_TLS_PRIV_H

#include <openssl/ssl.h>

#include "traffic/tls.h"

enum {
    TLS_HOST_BYTES = 256 /* With NUL: RFC 1035's limit. */
};

struct tls_context {
    SSL_CTX *ssl;
    SSL_SESSION *sessions[TLS_PEERS]; /* Client: the last one that each gave. NULL: none. */
    bool server;
    bool resume;
    bool named;   /* `host` is a name, not an address. */
    bool checked; /* The certificate must be for `host`. */
    char host[TLS_HOST_BYTES];
};

#endif
