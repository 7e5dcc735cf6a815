/* server_priv.h - inside of struct server. server.c acts, server_tls.c puts TLS between tcp and
 * HTTP, server_limit.c bounds what a connection may hold and how long it may wait, server_setup.c
 * takes the memory. */
#ifndef TRAFFIC_SERVER_PRIV_H
#define TRAFFIC_SERVER_PRIV_H

#include <sys/queue.h>

#include "base/wheel.h"
#include "traffic/hold.h"
#include "traffic/http.h"
#include "traffic/server.h"
#include "traffic/tls.h"

enum {
    SERVER_RUNS = 8,           /* Of answers that a connection can have unacknowledged. */
    SERVER_TICK_NS = 1 << 20,  /* Of its timers. */
    SERVER_CTRAFFIC_BYTES = 64 /* ctraffic's server reads these before it says anything. */
};

/* What an HTTP server may say. Those of HTTP_ANSWERS come in pairs: the whole, and its head. */
enum server_message {
    SERVER_ANSWER,
    SERVER_ANSWER_HEAD,
    SERVER_CLOSE, /* With Connection: close. */
    SERVER_CLOSE_HEAD,
    SERVER_OLD, /* The same, never in chunks: for HTTP/1.0. */
    SERVER_OLD_HEAD,
    SERVER_CONTINUE, /* 100 Continue. */
    SERVER_BAD,      /* 400, with Connection: close. */
    SERVER_MESSAGES
};

/* One message again and again, up to the start of the next run or the end of our stream. */
struct server_run {
    uint64_t start;  /* Stream offset. */
    uint8_t message; /* enum server_message. */
};

struct server_conn {
    tcp_conn tcp;             /* 0: unused. */
    uint8_t protocol;         /* enum server_protocol. */
    uint8_t runs;             /* Of `run` in use. */
    bool closing;             /* tcp_close() was called: what comes is not looked at. */
    bool ended;               /* https: all was encrypted, and the connection closed. */
    uint64_t said;            /* Bytes of our stream; https: before encryption. */
    uint64_t heard;           /* ctraffic: bytes of the peer's. */
    uint64_t sealed;          /* https: bytes of `said` that are encrypted. */
    uint64_t acked;           /* Bytes of our stream that the peer has; https: encrypted ones. */
    uint64_t last_ns;         /* When something last happened, as server.h says. */
    bool holds;               /* In the list of those that hold something. */
    struct wheel_timer timer; /* To see what became of it: at its deadline, or before. */
    TAILQ_ENTRY(server_conn) hold_link;
    struct hold hold; /* ctraffic and https: our stream. */
    struct http http; /* HTTP: the request under way. */
    struct tls tls;   /* https. */
    struct server_run run[SERVER_RUNS];
};

TAILQ_HEAD(server_conn_list, server_conn);

struct server {
    struct tcp *tcp;           /* Borrowed. */
    struct server_conn *conns; /* By tcp_conn_index(). */
    struct server_listener listeners[SERVER_LISTENERS];
    uint32_t listener_count;
    uint32_t name_bytes;
    uint8_t name[SERVER_NAME_BYTES];
    struct tls_context *tls;                       /* NULL: nothing listens for https. */
    struct http_message messages[SERVER_MESSAGES]; /* Heads share their whole's memory. */
    struct pool pieces;                            /* struct hold_piece. */
    void *pieces_memory;
    struct server_conn_list holders; /* Who holds pieces; whose peer took some last, last. */
    uint64_t idle_ns;                /* From the config. */
    uint64_t handshake_ns;           /* The same. */
    struct server_counters counters;
    struct http_known known; /* Of requests. */
    struct wheel wheel;      /* Timers of connections. */
};

static inline struct server_conn *server_conn_of(const struct server *server, tcp_conn conn)
{
    return &server->conns[tcp_conn_index(server->tcp, conn)];
}

/* --- server.c. --- */
/* HTTP requests came, decrypted. */
void server_http_receive(struct server *server, uint64_t now_ns, struct server_conn *conn,
                         const uint8_t *bytes, uint32_t count);
/* Write COUNT bytes of what was said from OFFSET on. */
void server_http_fill(const struct server *server, const struct server_conn *conn, uint64_t offset,
                      uint8_t *bytes, uint32_t count);
/* What was said below OFFSET is not needed any more. */
void server_http_release(struct server_conn *conn, uint64_t offset);
void server_close(struct server *server, uint64_t now_ns, struct server_conn *conn);
void server_reset(struct server *server, uint64_t now_ns, struct server_conn *conn,
                  _Atomic uint64_t *counter);
/* One writer: no read-modify-write is needed. */
static inline void server_count(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + n, memory_order_relaxed);
}

/* --- server_limit.c. --- */
/* Watch the time of CONN, from now on, or anew since it is at another stage. */
void server_watch(struct server *server, uint64_t now_ns, struct server_conn *conn);
/* CONN is gone. */
void server_forget(struct server *server, struct server_conn *conn);
/* Hold COUNT bytes for CONN, whoever must give way for them. False: it was CONN. */
bool server_hold(struct server *server, uint64_t now_ns, struct server_conn *conn,
                 const uint8_t *bytes, uint32_t count);
/* The peer of CONN has what is below OFFSET of the stream that is held. */
void server_release(struct server *server, struct server_conn *conn, uint64_t offset);
/* Hold nothing for CONN any more. */
void server_let_go(struct server *server, struct server_conn *conn);

/* --- server_tls.c. --- */
void server_tls_receive(struct server *server, uint64_t now_ns, struct server_conn *conn,
                        const uint8_t *bytes, uint32_t count);
/* Encrypt what was said, as far as there is room; the end, too, if it is closing. */
void server_tls_pump(struct server *server, uint64_t now_ns, struct server_conn *conn);

#endif
