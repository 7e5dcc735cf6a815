#include "traffic/server.h"

#include <string.h>

#include "traffic/answering.h"
#include "traffic/server_priv.h"

static void act(struct server *server, uint64_t now_ns, const struct tcp_event *event);
static void accepted(struct server *server, uint64_t now_ns, const struct tcp_event *event);
static void receive(struct server *server, uint64_t now_ns, struct server_conn *conn,
                    const uint8_t *bytes, uint32_t count);
static void answer(struct server *server, uint64_t now_ns, struct server_conn *conn, bool last);
static void refuse(struct server *server, uint64_t now_ns, struct server_conn *conn);
static bool say(struct server *server, uint64_t now_ns, struct server_conn *conn,
                enum server_message message);
static void echo(struct server *server, uint64_t now_ns, struct server_conn *conn,
                 const uint8_t *bytes, uint32_t count);
static bool hold_echo(struct server *server, uint64_t now_ns, struct server_conn *conn,
                      const uint8_t *bytes, uint32_t count);
static uint32_t echo_room(const struct server_conn *conn);
static void acknowledged(struct server *server, uint64_t now_ns, struct server_conn *conn,
                         uint64_t offset);
static void gone(struct server *server, struct server_conn *conn);
static const struct server_listener *listener_of(const struct server *server, uint16_t port);
static uint32_t smaller(uint64_t a, uint32_t b);

uint32_t server_events(struct server *server, uint64_t now_ns)
{
    uint32_t count, done = 0;
    const struct tcp_event *events = tcp_events(server->tcp, &count);
    if (count == 0)
        return 0;
    for (; done < count; done++) {
        act(server, now_ns, &events[done]);
        tcp_events(server->tcp, &count); /* Acting makes further ones. */
    }
    tcp_events_clear(server->tcp);
    return done;
}

void server_fill(const struct server *server, const struct tcp_descriptor *descriptor,
                 uint8_t *payload)
{
    const struct server_conn *conn = server_conn_of(server, descriptor->conn);
    uint32_t count = descriptor->payload_bytes;
    if (count == 0)
        return;
    switch ((enum server_protocol)conn->protocol) {
    case SERVER_HTTP:
        server_http_fill(server, conn, descriptor->stream_offset, payload, count);
        break;
    case SERVER_HTTPS:
    case SERVER_CTRAFFIC:
        hold_read(&conn->hold, &server->pieces, descriptor->stream_offset, payload, count);
        break;
    default: memcpy(payload, server->name + descriptor->stream_offset, count); break;
    }
}

uint32_t server_datagram(struct server *server, uint16_t port, uint16_t from, uint32_t count)
{
    const struct server_listener *listener = listener_of(server, port);
    if (listener == NULL) {
        server_count(&server->counters.datagrams_ignored, 1);
        return 0;
    }
    if (answering_port(from) || listener_of(server, from) != NULL) {
        server_count(&server->counters.datagrams_looped, 1);
        return 0;
    }
    server_count(&server->counters.datagrams, 1);
    return listener->protocol == SERVER_MCONNECT ? server->name_bytes : count;
}

void server_datagram_fill(const struct server *server, uint16_t port, const uint8_t *datagram,
                          uint32_t count, uint8_t *bytes)
{
    if (listener_of(server, port)->protocol == SERVER_MCONNECT) {
        memcpy(bytes, server->name, server->name_bytes);
        return;
    }
    memcpy(bytes, datagram, count);
    memcpy(bytes, server->name, smaller(server->name_bytes, count));
}

uint32_t server_held(const struct server *server)
{
    return server->pieces.taken;
}

const struct server_counters *server_counters(const struct server *server)
{
    return &server->counters;
}

static void act(struct server *server, uint64_t now_ns, const struct tcp_event *event)
{
    struct server_conn *conn = server_conn_of(server, event->conn);
    switch (event->kind) {
    case TCP_EVENT_ACCEPTED: accepted(server, now_ns, event); break;
    case TCP_EVENT_DATA:
        server_count(&server->counters.bytes_in, event->bytes);
        if (!conn->closing)
            receive(server, now_ns, conn, event->data, event->bytes);
        break;
    case TCP_EVENT_ACKED: acknowledged(server, now_ns, conn, event->stream_offset); break;
    case TCP_EVENT_PEER_FIN: server_close(server, now_ns, conn); break;
    case TCP_EVENT_GONE: gone(server, conn); break;
    default: break;
    }
}

static void accepted(struct server *server, uint64_t now_ns, const struct tcp_event *event)
{
    struct server_conn *conn = server_conn_of(server, event->conn);
    conn->tcp = event->conn;
    conn->protocol = (uint8_t)server->listeners[event->user].protocol;
    conn->runs = 0;
    conn->closing = false;
    conn->said = 0;
    conn->heard = 0;
    conn->sealed = 0;
    conn->acked = 0;
    conn->ended = false;
    hold_init(&conn->hold);
    http_await(&conn->http);
    server_count(&server->counters.accepted, 1);
    server_watch(server, now_ns, conn);
    if (conn->protocol == SERVER_HTTPS && !tls_open(&conn->tls, server->tls))
        server_reset(server, now_ns, conn, &server->counters.tls_failed);
    if (conn->protocol == SERVER_CTRAFFIC)
        tcp_receive_window(server->tcp, conn->tcp, SERVER_HELD_BYTES);
    if (conn->protocol == SERVER_MCONNECT) {
        conn->said = server->name_bytes;
        tcp_send(server->tcp, conn->tcp, server->name_bytes);
    }
}

static void receive(struct server *server, uint64_t now_ns, struct server_conn *conn,
                    const uint8_t *bytes, uint32_t count)
{
    switch ((enum server_protocol)conn->protocol) {
    case SERVER_HTTP: server_http_receive(server, now_ns, conn, bytes, count); break;
    case SERVER_HTTPS: server_tls_receive(server, now_ns, conn, bytes, count); break;
    case SERVER_CTRAFFIC: echo(server, now_ns, conn, bytes, count); break;
    default: break; /* mconnect does not read. */
    }
}

void server_http_receive(struct server *server, uint64_t now_ns, struct server_conn *conn,
                         const uint8_t *bytes, uint32_t count)
{
    while (count > 0 && !conn->closing) {
        uint32_t used;
        enum http_verdict verdict =
            http_receive_known(&conn->http, NULL, &server->known, bytes, count, &used);
        bytes += used;
        count -= used;
        if (http_in_body(&conn->http))
            conn->last_ns = now_ns;
        if (verdict == HTTP_BAD || conn->http.method == HTTP_METHOD_CONNECT)
            refuse(server, now_ns, conn);
        else if (verdict != HTTP_MORE)
            answer(server, now_ns, conn, verdict == HTTP_WHOLE_CLOSE);
        else if (http_continue_wanted(&conn->http))
            say(server, now_ns, conn, SERVER_CONTINUE);
    }
}

/* A request is whole; it is the LAST one, if so. */
static void answer(struct server *server, uint64_t now_ns, struct server_conn *conn, bool last)
{
    unsigned message = conn->http.old ? SERVER_OLD : last ? SERVER_CLOSE : SERVER_ANSWER;
    if (conn->http.method == HTTP_METHOD_HEAD)
        message++;
    last = last || conn->http.old;
    if (!say(server, now_ns, conn, (enum server_message)message))
        return;
    server_count(&server->counters.requests, 1);
    if (last)
        server_close(server, now_ns, conn);
    else
        http_await(&conn->http);
}

static void refuse(struct server *server, uint64_t now_ns, struct server_conn *conn)
{
    server_count(&server->counters.bad_requests, 1);
    if (say(server, now_ns, conn, SERVER_BAD))
        server_close(server, now_ns, conn);
}

/* A run goes on, or a new one begins. False: no run is free, the connection is reset. */
static bool say(struct server *server, uint64_t now_ns, struct server_conn *conn,
                enum server_message message)
{
    if (conn->runs == 0 || conn->run[conn->runs - 1].message != message) {
        if (conn->runs == SERVER_RUNS) {
            server_reset(server, now_ns, conn, &server->counters.answers_full);
            return false;
        }
        conn->run[conn->runs++] =
            (struct server_run){.start = conn->said, .message = (uint8_t)message};
    }
    conn->said += server->messages[message].total_bytes;
    if (conn->protocol == SERVER_HTTP)
        tcp_send(server->tcp, conn->tcp, server->messages[message].total_bytes);
    return true;
}

static void echo(struct server *server, uint64_t now_ns, struct server_conn *conn,
                 const uint8_t *bytes, uint32_t count)
{
    if (!hold_echo(server, now_ns, conn, bytes, count))
        return;
    conn->heard += count;
    tcp_receive_window(server->tcp, conn->tcp, echo_room(conn));
    if (conn->heard < SERVER_CTRAFFIC_BYTES)
        return;
    conn->last_ns = now_ns;
    server_count(&server->counters.echoed_bytes, conn->heard - conn->said);
    tcp_send(server->tcp, conn->tcp, conn->heard - conn->said);
    conn->said = conn->heard;
}

static bool hold_echo(struct server *server, uint64_t now_ns, struct server_conn *conn,
                      const uint8_t *bytes, uint32_t count)
{
    uint32_t named = 0;
    if (conn->heard < server->name_bytes) {
        named = smaller(server->name_bytes - conn->heard, count);
        if (!server_hold(server, now_ns, conn, server->name + conn->heard, named))
            return false;
    }
    return server_hold(server, now_ns, conn, bytes + named, count - named);
}

/* What the peer may send before it acknowledges more. */
static uint32_t echo_room(const struct server_conn *conn)
{
    uint64_t held = conn->heard - conn->acked;
    return held < SERVER_HELD_BYTES ? (uint32_t)(SERVER_HELD_BYTES - held) : 0;
}

static void acknowledged(struct server *server, uint64_t now_ns, struct server_conn *conn,
                         uint64_t offset)
{
    bool narrow = conn->protocol == SERVER_CTRAFFIC && echo_room(conn) < SERVER_HELD_BYTES / 2;
    conn->acked = offset;
    conn->last_ns = now_ns;
    switch ((enum server_protocol)conn->protocol) {
    case SERVER_HTTP: server_http_release(conn, offset); break;
    case SERVER_HTTPS:
        server_release(server, conn, offset);
        server_tls_pump(server, now_ns, conn);
        break;
    case SERVER_CTRAFFIC:
        server_release(server, conn, offset);
        if (narrow) /* Else the next echo tells, and costs no segment. */
            tcp_receive_window(server->tcp, conn->tcp, echo_room(conn));
        break;
    default: break;
    }
}

void server_http_release(struct server_conn *conn, uint64_t offset)
{
    uint8_t done = 0;
    while (done < conn->runs &&
           (done + 1 < conn->runs ? conn->run[done + 1].start : conn->said) <= offset)
        done++;
    if (done == 0)
        return;
    conn->runs = (uint8_t)(conn->runs - done);
    memmove(conn->run, conn->run + done, conn->runs * sizeof(conn->run[0]));
}

void server_close(struct server *server, uint64_t now_ns, struct server_conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    if (conn->protocol == SERVER_HTTPS)
        server_tls_pump(server, now_ns, conn);
    else
        tcp_close(server->tcp, now_ns, conn->tcp);
}

void server_reset(struct server *server, uint64_t now_ns, struct server_conn *conn,
                  _Atomic uint64_t *counter)
{
    server_count(counter, 1);
    conn->closing = true;
    conn->ended = true;
    server_let_go(server, conn);
    tcp_abort(server->tcp, now_ns, conn->tcp);
}

static void gone(struct server *server, struct server_conn *conn)
{
    server_forget(server, conn);
    tls_close(&conn->tls);
    conn->tcp = 0;
}

void server_http_fill(const struct server *server, const struct server_conn *conn, uint64_t offset,
                      uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < conn->runs && count > 0; i++) {
        const struct server_run *run = &conn->run[i];
        uint64_t end = i + 1u < conn->runs ? run[1].start : conn->said;
        if (offset >= end)
            continue;
        uint32_t part = smaller(end - offset, count);
        http_message_fill_stream(&server->messages[run->message], 0, offset - run->start, bytes,
                                 part);
        offset += part;
        bytes += part;
        count -= part;
    }
}

/* Of datagrams to PORT. */
static const struct server_listener *listener_of(const struct server *server, uint16_t port)
{
    for (uint32_t i = 0; i < server->listener_count; i++)
        if (server->listeners[i].port == port && server->listeners[i].protocol != SERVER_HTTP &&
            server->listeners[i].protocol != SERVER_HTTPS)
            return &server->listeners[i];
    return NULL;
}

static uint32_t smaller(uint64_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}

const char *server_protocol_text(enum server_protocol protocol)
{
    static const char *const texts[SERVER_PROTOCOLS] = {"http", "https", "ctraffic", "mconnect",
                                                        "udp"};
    return texts[protocol];
}
