/* api_server.h - the lab's API server on a TCP port of the loopback: HTTPS (TLS 1.2 or later) by
 * libmicrohttpd, clients known by certificate.
 *
 * It has no thread and no clock. The daemon's event loop waits for api_server_fd() to be readable,
 * for no longer than api_server_wait_ms(), and then calls api_server_run(); it also calls that
 * after controllers or the kubelet have changed the store, so that watches go out at once:
 *
 *     poll(api_server_fd(server), POLLIN, api_server_wait_ms(server));
 *     ... controllers, kubelet ...
 *     api_server_run(server, utc_ns);
 *
 * A watch is an answer of unknown length that is suspended while there is nothing to tell. A client
 * that has gone is noticed within a second. Limits: 512 connections, 256 watches (then 429), 1 MiB
 * of body (413), 16 KiB of path and query (400).
 *
 * Threads: one; the same as the store's. Memory: malloc and libmicrohttpd's.
 */
#ifndef LAB_API_SERVER_H
#define LAB_API_SERVER_H

#include <stdint.h>

#include "base/error.h"
#include "lab/certificate.h"
#include "lab/store.h"

#define API_SERVER_LATE_NS INT64_C(10000000)

struct api_server_config {
    struct store *store;                        /* Borrowed; outlives the server. */
    const struct certificate_set *certificates; /* Borrowed; outlives the server. */
    uint16_t port;                              /* Of 127.0.0.1; 0: any that is free. */
    unsigned minor;                             /* It answers as Kubernetes 1.minor. */
    const char *description;                    /* Of the lab, in /version; copied. NULL: none. */
    const char *const *deny;                    /* "verb:resource", see api_handler_deny(). */
    unsigned deny_count;                        /* Rules in `deny`. */
};

struct api_server;

/* 0, or -errno with ERR (port in use, a bad rule). */
int api_server_start(const struct api_server_config *config, struct api_server **out,
                     struct error *err);
/* Cuts all connections. NULL is allowed. */
void api_server_stop(struct api_server *server);

/* For poll or epoll, readable: work. -1 while it is away. */
int api_server_fd(const struct api_server *server);
uint16_t api_server_port(const struct api_server *server);
int api_server_wait_ms(const struct api_server *server); /* 0..1000. */
/* Read requests, answer them, send what watches have to tell. Never blocks. */
void api_server_run(struct api_server *server, int64_t utc_ns);

unsigned api_server_watch_count(const struct api_server *server);
/* Faults, for tests of clients. Cut the connections of all watches in mid-stream; count all
 * versions below VERSION as expired; add a rule of what is denied (0 or -EINVAL); allow all again.
 * */
void api_server_drop_watches(struct api_server *server);
/* Be away, as a server that was killed: all connections are cut, new ones refused. Meanwhile
 * api_server_fd() is -1. Before: take that descriptor out of the event loop. */
void api_server_go_away(struct api_server *server);
/* Be there again, at the same port. As with a real server, what watches can go on from begins anew:
 * older versions have expired. 0, or -errno: it can be tried again. */
int api_server_come_back(struct api_server *server);
/* Tell watches of changes only DELAY_NS after they were made (to within API_SERVER_LATE_NS); 0: at
 * once again. */
void api_server_slow_watches(struct api_server *server, int64_t delay_ns);
void api_server_expire(struct api_server *server, uint64_t version);
int api_server_deny(struct api_server *server, const char *rule);
void api_server_allow_all(struct api_server *server);

#endif
