#include "traffic/server_priv.h"

enum {
    PART_BYTES = 4096, /* Encrypted or decrypted at once. */
    /* Held: that much is not of answers, TLS itself is made to talk (KeyUpdate, RFC 8446 4.6.3). */
    TALK_BYTES = 2 * SERVER_HELD_BYTES
};

static bool seal(struct server *server, uint64_t now_ns, struct server_conn *conn);
static bool flush(struct server *server, uint64_t now_ns, struct server_conn *conn);
static void fail(struct server *server, uint64_t now_ns, struct server_conn *conn);
static void end(struct server *server, uint64_t now_ns, struct server_conn *conn);

void server_tls_receive(struct server *server, uint64_t now_ns, struct server_conn *conn,
                        const uint8_t *bytes, uint32_t count)
{
    uint8_t plain[PART_BYTES];
    enum tls_verdict verdict = TLS_BAD;
    bool was_ready = conn->tls.ready;
    if (tls_put(&conn->tls, bytes, count)) {
        while ((verdict = tls_read(&conn->tls, plain, sizeof(plain), &count)) == TLS_DATA)
            server_http_receive(server, now_ns, conn, plain, count);
    }
    if (conn->ended)
        return;
    if (verdict == TLS_BAD) {
        fail(server, now_ns, conn);
        return;
    }
    if (conn->tls.ready && !was_ready)
        server_watch(server, now_ns, conn);
    conn->closing |= verdict == TLS_ENDED;
    server_tls_pump(server, now_ns, conn);
    if (!conn->ended && conn->hold.end - conn->hold.start > TALK_BYTES)
        fail(server, now_ns, conn);
}

void server_tls_pump(struct server *server, uint64_t now_ns, struct server_conn *conn)
{
    if (conn->ended)
        return;
    if (!flush(server, now_ns, conn) || !seal(server, now_ns, conn))
        return;
    if (conn->closing && conn->sealed == conn->said)
        end(server, now_ns, conn);
}

/* False: the connection is reset. */
static bool seal(struct server *server, uint64_t now_ns, struct server_conn *conn)
{
    uint8_t plain[PART_BYTES];
    while (tls_can_write(&conn->tls) && conn->sealed < conn->said &&
           conn->hold.end - conn->hold.start < SERVER_HELD_BYTES) {
        uint64_t left = conn->said - conn->sealed;
        uint32_t count = left < sizeof(plain) ? (uint32_t)left : sizeof(plain);
        server_http_fill(server, conn, conn->sealed, plain, count);
        if (!tls_write(&conn->tls, plain, count)) {
            server_reset(server, now_ns, conn, &server->counters.tls_failed);
            return false;
        }
        conn->sealed += count;
        if (!flush(server, now_ns, conn))
            return false;
    }
    server_http_release(conn, conn->sealed);
    return true;
}

/* What is encrypted becomes part of our stream. False: the connection is reset. */
static bool flush(struct server *server, uint64_t now_ns, struct server_conn *conn)
{
    uint8_t bytes[PART_BYTES];
    uint32_t count;
    while ((count = tls_take(&conn->tls, bytes, sizeof(bytes))) > 0) {
        if (!server_hold(server, now_ns, conn, bytes, count))
            return false;
        tcp_send(server->tcp, conn->tcp, count);
    }
    return true;
}

/* The peer is told by an alert. */
static void fail(struct server *server, uint64_t now_ns, struct server_conn *conn)
{
    server_count(&server->counters.tls_failed, 1);
    conn->closing = true;
    end(server, now_ns, conn);
}

static void end(struct server *server, uint64_t now_ns, struct server_conn *conn)
{
    tls_end(&conn->tls);
    if (!flush(server, now_ns, conn))
        return;
    conn->ended = true;
    tcp_close(server->tcp, now_ns, conn->tcp);
}
