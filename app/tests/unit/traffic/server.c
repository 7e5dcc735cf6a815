/* The server against a client on a TCP of its own, in virtual time, over a wire that loses packets:
 * what a client says and what it is answered, byte for byte. */
#include "traffic/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <openssl/ssl.h>

#include "tests/unit/traffic/certificates.h"
#include "tests/unit/traffic/openssl_heap.h"
#include "traffic/hold.h"
#include "traffic/http.h"
#include "traffic/tls.h"

#define MS UINT64_C(1000000)

enum {
    HTTP_PORT = 80,
    HTTPS_PORT = 443,
    CTRAFFIC_PORT = 5003,
    MCONNECT_PORT = 5001,
    UDP_PORT = HTTP_PORT, /* Of another protocol below. */
    SILENT_PORT = 81,
    BODY_BYTES = 10000,
    BATCH = 64,
    HEARD_MAX = 1 << 20
};

/* What the client says and hears. */
struct client {
    struct tcp *tcp;
    tcp_conn conn;
    const uint8_t *text; /* Its stream. */
    uint8_t *heard;
    uint32_t heard_bytes;
    bool connected, closed, reset, gone;
};

static struct tcp *server_tcp;
static struct server *server;
static struct client client;
static uint64_t now_ns;
static unsigned lose_every; /* Packets; 0: none. */
static unsigned packets;
static uint16_t deaf; /* Client port to which answers are lost; 0: none. */
static uint16_t next_port = 10000;
static struct certificates files;

static struct tcp *make_tcp(uint64_t key)
{
    struct tcp_config config = tcp_config_default(64);
    config.key = (struct hash_key){key, key + 1};
    struct tcp *tcp = tcp_setup(&config, 0, NULL);
    assert_non_null(tcp);
    return tcp;
}

static struct server_config default_config(void)
{
    struct server_config config = {
        .listeners = {{SERVER_HTTP, HTTP_PORT},
                      {SERVER_CTRAFFIC, CTRAFFIC_PORT},
                      {SERVER_MCONNECT, MCONNECT_PORT},
                      {SERVER_UDP, UDP_PORT}},
        .listener_count = 4,
        .name = "pod-1",
        .http = {.status = 200, .body = {.size_bytes = BODY_BYTES}},
        .connections = 64,
        .held_bytes = 1 << 20,
    };
    return config;
}

static void start(const struct server_config *config)
{
    struct error err = {0};
    now_ns = 0;
    lose_every = 0;
    deaf = 0;
    server_tcp = make_tcp(1);
    server = server_setup(config, server_tcp, &err);
    if (server == NULL)
        fail_msg("%s", err.text);
    client = (struct client){.tcp = make_tcp(3), .heard = malloc(HEARD_MAX)};
}

static void free_all(void)
{
    server_free(server);
    tcp_teardown(server_tcp);
    tcp_teardown(client.tcp);
    free(client.heard);
}

/* Nothing is left over: every test ends with it. */
static void finish(void)
{
    assert_int_equal(server_held(server), 0);
    assert_int_equal(tcp_connections(server_tcp), 0);
    free_all();
}

static void client_event(const struct tcp_event *event)
{
    if (event->conn != client.conn) /* One of an earlier connection. */
        return;
    switch (event->kind) {
    case TCP_EVENT_CONNECTED: client.connected = true; break;
    case TCP_EVENT_DATA:
        assert_true(client.heard_bytes + event->bytes <= HEARD_MAX);
        memcpy(client.heard + client.heard_bytes, event->data, event->bytes);
        client.heard_bytes += event->bytes;
        break;
    case TCP_EVENT_PEER_FIN: client.closed = true; break;
    case TCP_EVENT_RESET: client.reset = true; break;
    case TCP_EVENT_GONE: client.gone = true; break;
    default: break;
    }
}

static void client_events(void)
{
    uint32_t count;
    const struct tcp_event *events = tcp_events(client.tcp, &count);
    for (uint32_t i = 0; i < count; i++)
        client_event(&events[i]);
    tcp_events_clear(client.tcp);
}

/* Carry one descriptor to TO, unless it is lost on the way. */
static void carry(const struct tcp_descriptor *descriptor, bool to_server)
{
    uint8_t l4[TCP_HEADER_BYTES_MAX + 2048];
    uint16_t header = tcp_header_write(descriptor, l4);
    struct tuple tuple = {.local = descriptor->tuple.remote,
                          .remote = descriptor->tuple.local,
                          .local_port = descriptor->tuple.remote_port,
                          .remote_port = descriptor->tuple.local_port,
                          .protocol = IPPROTO_TCP};
    if (to_server)
        memcpy(l4 + header, client.text + descriptor->stream_offset, descriptor->payload_bytes);
    else
        server_fill(server, descriptor, l4 + header);
    bool lost = !to_server && deaf == tuple.local_port && descriptor->payload_bytes > 0;
    if (lost || (lose_every > 0 && ++packets % lose_every == 0))
        return;
    uint16_t bytes = (uint16_t)(header + descriptor->payload_bytes);
    tcp_input(to_server ? server_tcp : client.tcp, now_ns, &tuple, l4, bytes);
    if (to_server)
        server_events(server, now_ns);
    else
        client_events();
}

static bool output(bool to_server)
{
    struct tcp_descriptor out[BATCH];
    uint32_t count = tcp_output(to_server ? client.tcp : server_tcp, now_ns, out, BATCH);
    for (uint32_t i = 0; i < count; i++)
        carry(&out[i], to_server);
    client_events();
    server_events(server, now_ns);
    return count > 0;
}

/* One ms. True if anything was sent. */
static bool step(void)
{
    bool busy = output(true);
    busy = output(false) || busy;
    now_ns += MS;
    tcp_timers(client.tcp, now_ns);
    tcp_timers(server_tcp, now_ns);
    server_timers(server, now_ns);
    client_events();
    server_events(server, now_ns);
    return busy;
}

/* Until nothing happens any more, timers apart, and for QUIET_NS after. */
static void run(uint64_t quiet_ns)
{
    uint64_t last_ns = now_ns;
    while (now_ns <= last_ns + quiet_ns)
        if (step())
            last_ns = now_ns;
}

static void run_until(uint64_t end_ns)
{
    while (now_ns < end_ns)
        step();
}

static void connect_to(uint16_t port, const void *text)
{
    static const uint8_t near[4] = {10, 0, 0, 1}, far[4] = {10, 0, 0, 2};
    struct tuple tuple = {.local = address_from_v4(near),
                          .remote = address_from_v4(far),
                          .local_port = next_port++,
                          .remote_port = port,
                          .protocol = IPPROTO_TCP};
    client.text = text;
    client.heard_bytes = 0;
    client.connected = client.closed = client.reset = client.gone = false;
    client.conn = tcp_open(client.tcp, now_ns, &tuple, 0);
    assert_true(client.conn != 0);
    run(lose_every > 0 ? 3000 * MS : 10 * MS);
    assert_true(client.connected);
}

static void say(uint64_t bytes)
{
    assert_true(tcp_send(client.tcp, client.conn, bytes));
    run(lose_every > 0 ? 3000 * MS : 300 * MS);
}

/* Answers to this connection are lost from now on. */
static void go_deaf(void)
{
    deaf = (uint16_t)(next_port - 1);
}

static void hang_up(void)
{
    tcp_close(client.tcp, now_ns, client.conn);
    run(5000 * MS);
    assert_true(client.gone);
}

/* Take the next answer of what was heard. Returns its head's and body's bytes. */
static uint32_t take_answer(uint32_t at, bool head, uint16_t status, uint64_t body_bytes,
                            enum http_verdict verdict)
{
    struct http_expect expect;
    struct http http;
    uint32_t used;
    http_expect_init(&expect);
    expect.body_bytes = body_bytes;
    expect.hashed = true;
    expect.body_hash = http_body_hash(&(struct http_body){.size_bytes = body_bytes});
    http_ask(&http, head);
    assert_int_equal(
        http_receive(&http, &expect, client.heard + at, client.heard_bytes - at, &used), verdict);
    assert_int_equal(http.status, status);
    return at + used;
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define HEAD "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"

static void ask(const char *text)
{
    connect_to(HTTP_PORT, text);
    say(strlen(text));
}

static void http_answers_each_request(void **state)
{
    struct server_config config = default_config();
    (void)state;
    for (config.http.body.chunk_bytes = 0; config.http.body.chunk_bytes < 3000;
         config.http.body.chunk_bytes += 999) {
        for (unsigned lose = 0; lose <= 7; lose += 7) {
            start(&config);
            lose_every = lose;
            ask(GET GET HEAD GET);
            uint32_t at = take_answer(0, false, 200, BODY_BYTES, HTTP_WHOLE);
            at = take_answer(at, false, 200, BODY_BYTES, HTTP_WHOLE);
            at = take_answer(at, true, 200, BODY_BYTES, HTTP_WHOLE);
            at = take_answer(at, false, 200, BODY_BYTES, HTTP_WHOLE);
            assert_int_equal(at, client.heard_bytes);
            assert_false(client.closed);
            assert_int_equal(server_counters(server)->requests, 4);
            hang_up();
            finish();
        }
    }
}

static void http_closes_when_told(void **state)
{
    struct server_config config = default_config();
    (void)state;
    config.http.body.chunk_bytes = 100;
    start(&config);
    /* What follows the last request is not looked at (RFC 9112 9.6). */
    ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET);
    assert_int_equal(take_answer(0, false, 200, BODY_BYTES, HTTP_WHOLE_CLOSE), client.heard_bytes);
    assert_true(client.closed);
    hang_up();
    /* RFC 9112 7.1: no chunks to HTTP/1.0. */
    ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(take_answer(0, false, 200, BODY_BYTES, HTTP_WHOLE_CLOSE), client.heard_bytes);
    assert_null(memmem(client.heard, 200, "chunked", 7));
    assert_true(client.closed);
    hang_up();
    ask("HEAD / HTTP/1.0\r\n\r\n");
    take_answer(0, true, 200, 0, HTTP_WHOLE_CLOSE);
    hang_up();
    finish();
}

static void http_tells_when_to_continue(void **state)
{
    static const char text[] =
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" GET;
    const uint32_t head = (uint32_t)(strstr(text, "hello") - text);
    struct server_config config = default_config();
    (void)state;
    start(&config);
    connect_to(HTTP_PORT, text);
    say(head);
    assert_int_equal(client.heard_bytes, 25);
    assert_memory_equal(client.heard, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    say(sizeof(text) - 1 - head);
    uint32_t at = take_answer(25, false, 200, BODY_BYTES, HTTP_WHOLE);
    assert_int_equal(take_answer(at, false, 200, BODY_BYTES, HTTP_WHOLE), client.heard_bytes);
    hang_up();
    finish();
}

static void http_refuses_what_is_no_request(void **state)
{
    static const char *const texts[] = {
        "HELO example.org\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"};
    struct server_config config = default_config();
    (void)state;
    start(&config);
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ask(texts[i]);
        assert_int_equal(take_answer(0, false, 400, 0, HTTP_WHOLE_CLOSE), client.heard_bytes);
        assert_true(client.closed);
        assert_int_equal(server_counters(server)->bad_requests, i + 1);
        assert_int_equal(server_counters(server)->requests, 0);
        hang_up();
    }
    finish();
}

/* GET and HEAD in turn, none of their answers acknowledged: each is a run of its own. */
static void http_bounds_what_is_unacknowledged(void **state)
{
    struct server_config config = default_config();
    (void)state;
    config.http.body.size_bytes = 0;
    start(&config);
    ask(GET HEAD GET HEAD GET HEAD GET HEAD);
    assert_false(client.reset);
    assert_int_equal(server_counters(server)->requests, 8);
    hang_up();
    ask(GET HEAD GET HEAD GET HEAD GET HEAD GET);
    assert_true(client.reset);
    assert_int_equal(server_counters(server)->answers_full, 1);
    run(MS);
    finish();
}

static void ctraffic_echoes_with_its_name(void **state)
{
    enum {
        COUNT = 100000
    };
    struct server_config config = default_config();
    uint8_t *text = malloc(COUNT);
    (void)state;
    for (uint32_t i = 0; i < COUNT; i++)
        text[i] = (uint8_t)(i * 7 + i / 256);
    for (unsigned lose = 0; lose <= 11; lose += 11) {
        start(&config);
        lose_every = lose;
        connect_to(CTRAFFIC_PORT, text);
        say(63); /* It reads 64 before it says anything. */
        assert_int_equal(client.heard_bytes, 0);
        say(1);
        assert_int_equal(client.heard_bytes, 64);
        assert_memory_equal(client.heard, "pod-1", 5);
        assert_memory_equal(client.heard + 5, text + 5, 59);
        say(COUNT - 64);
        assert_int_equal(client.heard_bytes, COUNT);
        assert_memory_equal(client.heard + 64, text + 64, COUNT - 64);
        assert_int_equal(server_counters(server)->echoed_bytes, COUNT);
        hang_up();
        finish();
    }
    free(text);
}

/* What the client has to say by TLS becomes its stream, and what it hears is decrypted. Returns the
 * decrypted bytes. */
static uint32_t converse(struct tls *tls, const char *text, uint8_t *plain, uint32_t room)
{
    static uint8_t stream[1 << 16];
    uint32_t said = 0, taken = 0, got = 0, count;
    bool asked = false;
    enum tls_verdict verdict = TLS_MORE;
    client.text = stream;
    do {
        assert_true(tls_put(tls, client.heard + taken, client.heard_bytes - taken));
        taken = client.heard_bytes;
        while ((verdict = tls_read(tls, plain + got, room - got, &count)) == TLS_DATA)
            got += count;
        if (tls->ready && !asked)
            asked = tls_write(tls, (const uint8_t *)text, (uint32_t)strlen(text));
        count = tls_take(tls, stream + said, sizeof(stream) - said);
        said += count;
        if (count > 0)
            say(count);
        else
            run(3000 * MS);
    } while (taken < client.heard_bytes);
    assert_true(verdict == TLS_MORE || verdict == TLS_ENDED);
    return got;
}

/* Encrypted answers, longer than what is held at once, over a wire that loses packets. */
static void https_answers_over_a_bad_wire(void **state)
{
    enum {
        LONG = 300000,
        ROOM = 1 << 20
    };
    struct server_config config = default_config();
    struct tls_config trust = {.ca_file = files.ca, .host = "web.example"};
    (void)state;
    config.listeners[0] = (struct server_listener){SERVER_HTTPS, HTTPS_PORT};
    config.certificate_file = files.own;
    config.key_file = files.key;
    config.http.body.size_bytes = LONG;
    for (unsigned lose = 0; lose <= 9; lose += 9) {
        struct tls_context *context = tls_context_new(&trust, NULL);
        uint8_t *plain = malloc(ROOM);
        struct tls tls;
        start(&config);
        assert_true(tls_open(&tls, context));
        lose_every = lose;
        connect_to(HTTPS_PORT, "");
        uint32_t got = converse(&tls, HEAD GET "GET / HTTP/1.0\r\n\r\n", plain, ROOM);
        memcpy(client.heard, plain, got);
        client.heard_bytes = got;
        uint32_t at = take_answer(0, true, 200, LONG, HTTP_WHOLE);
        at = take_answer(at, false, 200, LONG, HTTP_WHOLE);
        assert_int_equal(take_answer(at, false, 200, LONG, HTTP_WHOLE_CLOSE), got);
        assert_true(client.closed);
        hang_up();
        tls_close(&tls);
        tls_context_free(context);
        free(plain);
        finish();
    }
}

/* A client that has TLS answer it again and again, and takes nothing of that, holds no more than
 * twice a connection's share. */
static void https_ends_endless_key_updates(void **state)
{
    static uint8_t stream[1 << 20];
    struct server_config config = default_config();
    struct tls_config trust = {.ca_file = files.ca, .host = "web.example"};
    struct tls_context *context = tls_context_new(&trust, NULL);
    uint8_t plain[2 * BODY_BYTES];
    struct tcp_info info;
    struct tls tls;
    (void)state;
    config.listeners[0] = (struct server_listener){SERVER_HTTPS, HTTPS_PORT};
    config.certificate_file = files.own;
    config.key_file = files.key;
    start(&config);
    assert_true(tls_open(&tls, context));
    connect_to(HTTPS_PORT, "");
    converse(&tls, GET, plain, sizeof(plain));
    assert_true(tcp_conn_info(client.tcp, client.conn, &info));
    memcpy(stream, client.text, info.queued_bytes);
    client.text = stream;
    go_deaf();
    uint32_t most = 0;
    for (unsigned i = 0; i < 300 && !client.gone; i++) {
        uint32_t count = 0;
        for (unsigned k = 0; k < 40; k++) {
            assert_int_equal(SSL_key_update(tls.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
            assert_int_equal(SSL_do_handshake(tls.ssl), 1);
            count += tls_take(&tls, stream + info.queued_bytes + count, 100);
        }
        info.queued_bytes += count;
        tcp_send(client.tcp, client.conn, count);
        step();
        most = server_held(server) > most ? server_held(server) : most;
    }
    assert_in_range(most * HOLD_PIECE_BYTES, SERVER_HELD_BYTES, 2 * SERVER_HELD_BYTES + 4096);
    assert_int_equal(server_counters(server)->tls_failed, 1);
    deaf = 0;
    hang_up();
    tls_close(&tls);
    tls_context_free(context);
    finish();
}

/* It is told by an alert, and the connection closed. */
/* Freed with connections that nobody ended: OpenSSL has nothing left, either. What it keeps for
 * good, it has after the first time. */
static void https_leaves_nothing_of_what_nobody_ended(void **state)
{
    struct server_config config = default_config();
    struct tls_config trust = {.ca_file = files.ca, .host = "web.example"};
    size_t before = 0;
    (void)state;
    config.listeners[0] = (struct server_listener){SERVER_HTTPS, HTTPS_PORT};
    config.certificate_file = files.own;
    config.key_file = files.key;
    for (unsigned i = 0; i < 3; i++) {
        struct tls_context *context = tls_context_new(&trust, NULL);
        uint8_t plain[2 * BODY_BYTES];
        struct tls tls;
        start(&config);
        assert_true(tls_open(&tls, context));
        connect_to(HTTPS_PORT, "");
        converse(&tls, GET, plain, sizeof(plain));
        assert_int_equal(server_counters(server)->requests, 1);
        tls_close(&tls);
        tls_context_free(context);
        assert_int_equal(tcp_connections(server_tcp), 1);
        free_all();
        if (i == 1)
            before = openssl_heap_blocks();
    }
    assert_int_equal(openssl_heap_blocks(), before);
}

static void https_ends_what_is_no_tls(void **state)
{
    struct server_config config = default_config();
    (void)state;
    config.listeners[0] = (struct server_listener){SERVER_HTTPS, HTTPS_PORT};
    config.certificate_file = files.own;
    config.key_file = files.key;
    start(&config);
    connect_to(HTTPS_PORT, GET);
    say(sizeof(GET) - 1);
    assert_true(client.closed);
    assert_int_equal(server_counters(server)->tls_failed, 1);
    hang_up();
    finish();
    struct tcp *tcp = make_tcp(1);
    config.key_file = NULL;
    assert_null(server_setup(&config, tcp, NULL));
    tcp_teardown(tcp);
}

/* A client that acknowledges nothing cannot make the server take ever more memory. */
static void ctraffic_bounds_what_it_holds(void **state)
{
    enum {
        COUNT = 60000
    };
    struct server_config config = default_config();
    uint8_t *text = calloc(1, COUNT);
    (void)state;
    config.held_bytes = 8000;
    start(&config);
    connect_to(CTRAFFIC_PORT, text);
    go_deaf();
    tcp_send(client.tcp, client.conn, COUNT);
    run(500 * MS);
    assert_true(client.reset);
    assert_int_equal(server_counters(server)->held_full, 1);
    run(MS);
    finish();
    free(text);
}

/* Nor more than is its share: the window is what is left of that, and opens again. */
static void ctraffic_bounds_what_a_connection_holds(void **state)
{
    enum {
        COUNT = 300000
    };
    struct server_config config = default_config();
    uint8_t *text = calloc(1, COUNT);
    (void)state;
    start(&config);
    connect_to(CTRAFFIC_PORT, text);
    go_deaf();
    tcp_send(client.tcp, client.conn, COUNT);
    run(3000 * MS);
    assert_false(client.reset);
    assert_in_range(server_held(server), SERVER_HELD_BYTES / HOLD_PIECE_BYTES,
                    SERVER_HELD_BYTES / HOLD_PIECE_BYTES + 1);
    assert_in_range(server_counters(server)->bytes_in, SERVER_HELD_BYTES - 16, SERVER_HELD_BYTES);
    deaf = 0;
    run(10000 * MS);
    assert_int_equal(client.heard_bytes, COUNT);
    hang_up();
    finish();
    free(text);
}

/* Whoever stands still gives way to whoever goes on. */
static void who_holds_and_takes_nothing_gives_way(void **state)
{
    enum {
        COUNT = 60000
    };
    struct server_config config = default_config();
    uint8_t *text = calloc(1, COUNT);
    (void)state;
    config.held_bytes = COUNT + 10000;
    start(&config);
    connect_to(CTRAFFIC_PORT, text);
    go_deaf();
    say(COUNT);
    assert_in_range(server_held(server), COUNT / HOLD_PIECE_BYTES, COUNT / HOLD_PIECE_BYTES + 1);
    connect_to(CTRAFFIC_PORT, text);
    say(COUNT);
    assert_false(client.reset);
    assert_int_equal(client.heard_bytes, COUNT);
    assert_int_equal(server_counters(server)->held_full, 1);
    hang_up();
    finish();
    free(text);
}

#define IDLE_NS (UINT64_C(5000) * MS)

/* Nothing is asked: the connection is closed, and reset if the peer does not close, too. */
static void an_idle_connection_is_closed(void **state)
{
    static const uint16_t ports[] = {HTTP_PORT, MCONNECT_PORT, CTRAFFIC_PORT};
    struct server_config config = default_config();
    (void)state;
    config.idle_ns = IDLE_NS;
    start(&config);
    for (unsigned i = 0; i < 3; i++) {
        connect_to(ports[i], GET);
        if (ports[i] == HTTP_PORT)
            say(sizeof(GET) - 1);
        run(IDLE_NS - 1000 * MS);
        assert_false(client.closed);
        run(1000 * MS);
        assert_true(client.closed);
        assert_int_equal(server_counters(server)->idle, i + 1);
        assert_false(client.reset);
        run(IDLE_NS);
        assert_true(client.reset);
        assert_int_equal(server_counters(server)->stuck, i + 1);
    }
    finish();
}

/* A head that never ends does not keep a connection; a body that goes on does. */
static void a_slow_request(void **state)
{
    static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789";
    const uint32_t head = sizeof(text) - 1 - 9;
    struct server_config config = default_config();
    (void)state;
    config.idle_ns = IDLE_NS;
    start(&config);
    connect_to(HTTP_PORT, text);
    for (unsigned i = 0; i < 4; i++) {
        assert_false(client.closed);
        say(1);
        run(IDLE_NS / 4);
    }
    assert_true(client.closed);
    assert_int_equal(server_counters(server)->idle, 1);
    hang_up();
    connect_to(HTTP_PORT, text);
    say(head);
    for (unsigned i = 0; i < 9; i++) {
        run(IDLE_NS / 2);
        say(1);
    }
    take_answer(0, false, 200, BODY_BYTES, HTTP_WHOLE);
    assert_int_equal(server_counters(server)->idle, 1);
    hang_up();
    finish();
}

/* Whoever takes nothing of what it asked for is reset; whoever takes some is not. */
static void a_stuck_connection_is_reset(void **state)
{
    struct server_config config = default_config();
    (void)state;
    config.idle_ns = IDLE_NS;
    start(&config);
    connect_to(HTTP_PORT, GET);
    go_deaf();
    tcp_send(client.tcp, client.conn, sizeof(GET) - 1);
    uint64_t asked_ns = now_ns;
    run_until(asked_ns + IDLE_NS / 2);
    deaf = 0;
    run_until(asked_ns + IDLE_NS + 1000 * MS);
    assert_int_equal(client.heard_bytes, take_answer(0, false, 200, BODY_BYTES, HTTP_WHOLE));
    hang_up();
    connect_to(HTTP_PORT, GET);
    go_deaf();
    tcp_send(client.tcp, client.conn, sizeof(GET) - 1);
    asked_ns = now_ns;
    run_until(asked_ns + IDLE_NS - 1000 * MS);
    assert_false(client.reset);
    run_until(asked_ns + IDLE_NS + 100 * MS);
    assert_true(client.reset);
    assert_int_equal(server_counters(server)->stuck, 1);
    assert_int_equal(server_counters(server)->idle, 0);
    finish();
}

static void a_handshake_has_its_time(void **state)
{
    struct server_config config = default_config();
    (void)state;
    config.listeners[0] = (struct server_listener){SERVER_HTTPS, HTTPS_PORT};
    config.certificate_file = files.own;
    config.key_file = files.key;
    config.handshake_ns = 2000 * MS;
    start(&config);
    connect_to(HTTPS_PORT, GET);
    run(1500 * MS);
    assert_false(client.reset);
    run(1000 * MS);
    assert_true(client.reset);
    assert_int_equal(server_counters(server)->handshake_late, 1);
    finish();
}

static void mconnect_tells_its_name(void **state)
{
    struct server_config config = default_config();
    (void)state;
    start(&config);
    connect_to(MCONNECT_PORT, "");
    assert_int_equal(client.heard_bytes, 5);
    assert_memory_equal(client.heard, "pod-1", 5);
    assert_false(client.closed);
    hang_up();
    assert_true(client.closed);
    finish();
}

/* Forged to come from another server, or from this one: answered, it would be for ever. */
static void servers_do_not_answer_servers(void **state)
{
    static const uint16_t from[] = {7, 19, 5001, 5003, CTRAFFIC_PORT, MCONNECT_PORT, UDP_PORT};
    struct server_config config = default_config();
    (void)state;
    start(&config);
    for (unsigned i = 0; i < sizeof(from) / sizeof(from[0]); i++)
        assert_int_equal(server_datagram(server, UDP_PORT, from[i], 9), 0);
    assert_int_equal(server_counters(server)->datagrams_looped, sizeof(from) / sizeof(from[0]));
    assert_int_equal(server_counters(server)->datagrams, 0);
    assert_int_equal(server_datagram(server, UDP_PORT, SILENT_PORT, 9), 9);
    finish();
}

static void datagrams(void **state)
{
    struct server_config config = default_config();
    uint8_t out[64];
    (void)state;
    start(&config);
    assert_int_equal(server_datagram(server, CTRAFFIC_PORT, 40000, 9), 9);
    server_datagram_fill(server, CTRAFFIC_PORT, (const uint8_t *)"012345678", 9, out);
    assert_memory_equal(out, "pod-15678", 9);
    assert_int_equal(server_datagram(server, CTRAFFIC_PORT, 40000, 3), 3);
    server_datagram_fill(server, CTRAFFIC_PORT, (const uint8_t *)"012", 3, out);
    assert_memory_equal(out, "pod", 3);
    assert_int_equal(server_datagram(server, MCONNECT_PORT, 40000, 5), 5);
    server_datagram_fill(server, MCONNECT_PORT, (const uint8_t *)"Hello", 5, out);
    assert_memory_equal(out, "pod-1", 5);
    assert_int_equal(server_datagram(server, UDP_PORT, 40000, 4), 4);
    server_datagram_fill(server, UDP_PORT, (const uint8_t *)"0123", 4, out);
    assert_memory_equal(out, "pod-", 4);
    assert_int_equal(server_datagram(server, SILENT_PORT, 40000, 5), 0);
    assert_int_equal(server_counters(server)->datagrams, 4);
    assert_int_equal(server_counters(server)->datagrams_ignored, 1);
    finish();
}

static void bad_configurations_are_refused(void **state)
{
    struct server_config good = default_config(), config;
    struct error err = {0};
    struct tcp *tcp = make_tcp(1);
    (void)state;
    config = good;
    config.listeners[1].port = HTTP_PORT;
    assert_null(server_setup(&config, tcp, &err));
    assert_non_null(strstr(err.text, "port 80"));
    config = good;
    config.listener_count = 0;
    assert_null(server_setup(&config, tcp, NULL));
    config = good;
    config.name[0] = '\0';
    assert_null(server_setup(&config, tcp, NULL));
    config = good;
    config.http.status = 100;
    assert_null(server_setup(&config, tcp, NULL));
    tcp_teardown(tcp);
}

static int make_files(void **state)
{
    (void)state;
    return certificates_make(&files);
}

static int remove_files(void **state)
{
    (void)state;
    return certificates_remove(&files);
}

int main(void)
{
    openssl_heap_watch();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_answers_each_request),
        cmocka_unit_test(http_closes_when_told),
        cmocka_unit_test(http_tells_when_to_continue),
        cmocka_unit_test(http_refuses_what_is_no_request),
        cmocka_unit_test(http_bounds_what_is_unacknowledged),
        cmocka_unit_test(https_answers_over_a_bad_wire),
        cmocka_unit_test(https_ends_endless_key_updates),
        cmocka_unit_test(https_ends_what_is_no_tls),
        cmocka_unit_test(https_leaves_nothing_of_what_nobody_ended),
        cmocka_unit_test(ctraffic_echoes_with_its_name),
        cmocka_unit_test(ctraffic_bounds_what_it_holds),
        cmocka_unit_test(ctraffic_bounds_what_a_connection_holds),
        cmocka_unit_test(who_holds_and_takes_nothing_gives_way),
        cmocka_unit_test(an_idle_connection_is_closed),
        cmocka_unit_test(a_slow_request),
        cmocka_unit_test(a_stuck_connection_is_reset),
        cmocka_unit_test(a_handshake_has_its_time),
        cmocka_unit_test(mconnect_tells_its_name),
        cmocka_unit_test(datagrams),
        cmocka_unit_test(servers_do_not_answer_servers),
        cmocka_unit_test(bad_configurations_are_refused),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
