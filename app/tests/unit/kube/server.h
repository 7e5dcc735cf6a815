/* server.h - a small HTTPS server for tests of the client, on 127.0.0.1 and a free port.
 *
 * It has a CA of its own, made at start, and answers by rules: the first rule with uses left whose
 * `match` stands in "METHOD /path?query" decides. A stream's text may be added to while it is being
 * sent. Each request's line is logged.
 *
 * Threads: none. server_run() does what can be done; call it in turn with the client's poll. For a
 * client that blocks, server_start_thread() runs it aside until server_join_thread(); rules and log
 * are not to be touched meanwhile.
 */
#ifndef TESTS_KUBE_SERVER_H
#define TESTS_KUBE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum server_mode {
    SERVER_WHOLE,  /* One answer with its length. */
    SERVER_STREAM, /* In chunks; stays open when its text is used up. */
    SERVER_END,    /* In chunks; ends in order. */
    SERVER_DIE,    /* In chunks; the connection is cut without the last chunk. */
    SERVER_HANG,   /* No answer at all. */
};

struct server_rule {
    const char *match; /* In the request's line. */
    int uses;          /* How often it may still be used; below 0: always. */
    long code;         /* HTTP status. */
    enum server_mode mode;
    size_t chunk_bytes;      /* Of the streaming modes; 0: all that there is. */
    const char *date;        /* Instead of the true one; NULL: that. */
    const char *retry_after; /* NULL: none. */
    struct text body;        /* What is sent. The caller's to fill; the server frees it. */
};

enum {
    SERVER_RULES = 32
};

struct server; /* Opaque. */

struct server *server_start(const char *certificate_name); /* "127.0.0.1" or another name for it. */
void server_stop(struct server *server);
unsigned server_port(const struct server *server);
/* A new rule, tried after those that were added before. BODY NULL: empty. */
struct server_rule *server_rule(struct server *server, const char *match, long code,
                                enum server_mode mode, const char *body);
const char *server_log(const struct server *server);           /* "GET /api/...\n" a request. */
bool server_saw_certificate(const struct server *server);      /* In the last request. */
const char *server_authorization(const struct server *server); /* Likewise; "": none. */
const char *
server_folder(const struct server *server); /* ca.pem, client.pem, client.key, other.pem. */
void server_run(struct server *server);
void server_start_thread(struct server *server);
void server_join_thread(struct server *server);

#endif
