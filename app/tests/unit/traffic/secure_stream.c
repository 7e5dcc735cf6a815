/* HTTP streams over TLS against scripted servers, in virtual time: every pattern, what is lost on the
 * way, certificates that do not fit, and ends at every stage. */
#include "tests/unit/traffic/world.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/traffic/certificates.h"
#include "tests/unit/traffic/openssl_heap.h"
#include "traffic/event.h"
#include "traffic/http_message.h"
#include "traffic/secure.h"

#define OK_5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Pod: one\r\n\r\nhello"

static struct certificates files;
static struct http_message message;
static struct http_expect expect;
static struct tls_config tls;

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

static struct tls_config server_config(void)
{
    return (struct tls_config){
        .server = true, .certificate_file = files.own, .key_file = files.key, .resume = true};
}

/* GET / of web.example, by way of PATTERN, on one flow or at 100/s. */
static struct traffic_stream_config https(enum traffic_pattern pattern,
                                          struct http_request_config request)
{
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_HTTP);
    struct error err = {0};
    tls = (struct tls_config){.ca_file = files.ca, .host = "web.example", .resume = true};
    request.target = "/";
    request.host = "web.example";
    http_message_free(&message);
    assert_int_equal(http_message_request(&message, &request, &err), 0);
    http_expect_init(&expect);
    assert_true(http_expect_name(&expect, "x-pod"));
    stream.pattern = pattern;
    stream.flows = 1;
    stream.law = law_constant(100, S);
    stream.timeout_ns = 200 * MS;
    stream.messages = &message;
    stream.message_count = 1;
    stream.expect = &expect;
    stream.tls = &tls;
    return stream;
}

/* The pods are servers as SERVER says, whose context is freed with the world. */
static struct world *start(const struct traffic_stream_config *stream,
                           const struct tls_config *server)
{
    struct world *world = world_new(stream);
    struct error err = {0};
    world->pod[0].answer = OK_5;
    world->pod[0].tls = tls_context_new(server, &err);
    assert_string_equal(err.text, "");
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    return world;
}

static void stop(struct world *world)
{
    struct tls_context *context = world->pod[0].tls;
    world_stop(world);
    tls_context_free(context);
    http_message_free(&message);
    memset(&message, 0, sizeof(message));
}

static const struct record_request *request(const struct world *world, uint64_t index)
{
    return record_at(world->record, RECORD_REQUESTS, index);
}

static uint64_t handshakes_timed(const struct world *world)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < INTERVAL_SLOTS; i++)
        count += world->record->streams[0].intervals.slots[i].latencies[INTERVAL_SECURE].count;
    return count;
}

/* The rows of both versions: patterns, with and without keep-alive, one request or four in flight.
 */
static void all_patterns(void **state)
{
    static const struct {
        enum traffic_pattern pattern;
        bool keep_alive;
        uint32_t depth;
    } rows[] = {
        {TRAFFIC_HELD, true, 1},    {TRAFFIC_HELD, true, 4},   {TRAFFIC_OPEN, true, 1},
        {TRAFFIC_OPEN, false, 1},   {TRAFFIC_CLOSED, true, 1}, {TRAFFIC_CLOSED, true, 4},
        {TRAFFIC_CLOSED, false, 1},
    };
    (void)state;
    for (unsigned i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        bool keep_alive = rows[i / 2].keep_alive;
        struct traffic_stream_config stream =
            https(rows[i / 2].pattern, (struct http_request_config){.close = !keep_alive});
        struct tls_config server = server_config();
        stream.keep_alive = keep_alive;
        stream.depth = rows[i / 2].depth;
        stream.think_ns = stream.depth == 1 ? 9 * MS : 0;
        server.max = i % 2 == 0 ? TLS_1_2 : TLS_1_3;
        struct world *world = start(&stream, &server);
        world->pod[0].piece_bytes = 700;
        world_run(world, 98 * MS);
        assert_true(world->requests >= 9);
        assert_int_equal(world->syns, keep_alive ? 1 : world->requests);
        assert_int_equal(world->handshakes, world->syns);
        assert_int_equal(handshakes_timed(world), world->syns);
        assert_true(world_count(world, RECORD_REQUESTS) >= 9);
        for (uint32_t k = 0; k < world_count(world, RECORD_REQUESTS); k++) {
            assert_int_equal(request(world, k)->outcome, OUTCOME_OK);
            assert_int_equal(request(world, k)->host, 1);
            assert_true(request(world, k)->sent_ns >= request(world, k)->due_ns);
            assert_true(request(world, k)->first_byte_ns > request(world, k)->sent_ns);
        }
        assert_memory_equal(world->heard, "GET / HTTP/1.1\r\nHost: web.example\r\n", 35);
        stop(world);
    }
}

/* The handshake takes one round trip after the SYN's by TLS 1.3, and two by 1.2, which is what the
 * connection's record says; a request of an open stream waits for it, and is sent by the SYN. */
static void handshakes_are_timed(void **state)
{
    (void)state;
    for (unsigned trips = 1; trips <= 2; trips++) {
        struct traffic_stream_config stream = https(TRAFFIC_OPEN, (struct http_request_config){0});
        struct tls_config server = server_config();
        server.max = trips == 1 ? TLS_1_3 : TLS_1_2;
        stream.keep_alive = false;
        tls.resume = false;
        struct world *world = start(&stream, &server);
        world_run(world, 95 * MS);
        assert_outcomes(world, "ok 10");
        assert_ends(world, "done 10");
        for (unsigned i = 0; i < 10; i++) {
            const struct record_connection *connection = world_connection(world, i);
            assert_int_equal(connection->secured_ns - connection->connected_ns,
                             trips * 2 * WORLD_WAY_NS);
            assert_int_equal(request(world, i)->sent_ns, connection->opened_ns);
            assert_true(request(world, i)->first_byte_ns > connection->secured_ns);
        }
        assert_int_equal(world->farewells, 10);
        assert_int_equal(world->resets, 0);
        stop(world);
    }
}

/* A request on an open connection is sent when the first byte of its record leaves. */
static void sent_is_when_the_record_leaves(void **state)
{
    struct traffic_stream_config stream = https(TRAFFIC_HELD, (struct http_request_config){0});
    struct tls_config server = server_config();
    (void)state;
    struct world *world = start(&stream, &server);
    world_run(world, 200 * MS);
    assert_in_range(world_count(world, RECORD_REQUESTS), 19, 20);
    for (unsigned i = 1; i < 19; i++)
        assert_in_range(request(world, i)->sent_ns - request(world, i)->due_ns, WORLD_STAMP_NS,
                        WORLD_STAMP_NS + 1000);
    stop(world);
}

/* More than may be held at once goes out as it is acknowledged, and arrives whole. */
static void long_requests(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct traffic_stream_config stream =
            https(TRAFFIC_CLOSED, (struct http_request_config){.method = "POST",
                                                               .body = {.size_bytes = 1000000},
                                                               .expect_continue = i == 1});
        struct tls_config server = server_config();
        stream.think_ns = 10 * MS;
        struct world *world = start(&stream, &server);
        world_run(world, 150 * MS);
        assert_true(world->requests >= 2);
        for (uint32_t k = 0; k < world_count(world, RECORD_REQUESTS); k++)
            assert_int_equal(request(world, k)->outcome, OUTCOME_OK);
        stop(world);
    }
}

/* What is lost on the way is sent again, byte for byte: TLS would notice any other. */
static void lost_segments(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < 6; lost++) {
        struct traffic_stream_config stream =
            https(TRAFFIC_OPEN,
                  (struct http_request_config){.method = "POST", .body = {.size_bytes = 5000}});
        struct tls_config server = server_config();
        stream.timeout_ns = 5 * S;
        stream.connect_timeout_ns = 5 * S;
        stream.law = law_constant(1, S);
        struct world *world = start(&stream, &server);
        /* Of the greeting, of the end of the handshake, of the request, one after another. */
        world_run(world, lost * WORLD_WAY_NS);
        world->pod[0].manner = POD_DROP_ONE;
        world_run(world, 900 * MS);
        world->pod[0].manner = POD_ECHO;
        assert_int_equal(world_count(world, RECORD_REQUESTS), 1);
        assert_int_equal(world_count(world, RECORD_SEGMENTS) > 0,
                         request(world, 0)->outcome == OUTCOME_REPAIRED);
        assert_true(outcome_is_good(request(world, 0)->outcome));
        if (lost < 2)
            assert_int_equal(request(world, 0)->outcome, OUTCOME_REPAIRED);
        world_run(world, 1100 * MS);
        assert_int_equal(world->handshakes, 1);
        stop(world);
    }
}

/* A stream whose TLS fails: each request is a bad answer for that reason, each connection is closed
 * in order, the peer told why by an alert. */
static void expect_reason(struct tls_config client, struct tls_config server,
                          enum tls_reason reason)
{
    struct traffic_stream_config stream = https(TRAFFIC_OPEN, (struct http_request_config){0});
    stream.keep_alive = false;
    tls = client;
    struct world *world = start(&stream, &server);
    world_run(world, 98 * MS);
    assert_outcomes(world, "bad-answer 10");
    assert_ends(world, "bad-answer 10");
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(request(world, i)->reason, reason);
        assert_int_equal(request(world, i)->status, 0);
    }
    assert_int_equal(world->resets, 0);
    stop(world);
}

static void broken_tls_is_named(void **state)
{
    const struct tls_config good = {.ca_file = files.ca, .host = "web.example"};
    struct tls_config client = good, server = server_config();
    (void)state;
    client.host = "other.example";
    expect_reason(client, server, TLS_NAME);
    client = good;
    client.ca_file = files.other_ca;
    expect_reason(client, server, TLS_AUTHORITY);
    client = good;
    server.certificate_file = files.expired;
    expect_reason(client, server, TLS_DATE);
    server.certificate_file = files.self_signed;
    expect_reason(client, server, TLS_AUTHORITY);
    server = server_config();
    server.max = TLS_1_2;
    client.min = TLS_1_3;
    expect_reason(client, server, TLS_VERSION);
    /* The server wants a certificate: by 1.2 in the handshake, by 1.3 when the client is done. */
    client = good;
    server = server_config();
    server.ca_file = files.ca;
    expect_reason(client, server, TLS_ALERT);
    server.max = TLS_1_2;
    expect_reason(client, server, TLS_ALERT);
}

static void no_tls_at_all(void **state)
{
    struct traffic_stream_config stream = https(TRAFFIC_OPEN, (struct http_request_config){0});
    struct tls_config server = server_config();
    (void)state;
    struct world *world = start(&stream, &server);
    tls_context_free(world->pod[0].tls);
    world->pod[0].tls = NULL;
    world->pod[0].hasty = true;
    world->pod[0].answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    world_run(world, 98 * MS);
    assert_outcomes(world, "bad-answer 10");
    assert_int_equal(request(world, 0)->reason, TLS_VERSION);
    stop(world);
}

/* One bit of an answer's record is wrong: nothing of it is believed. */
static void broken_records(void **state)
{
    struct traffic_stream_config stream = https(TRAFFIC_HELD, (struct http_request_config){0});
    struct tls_config server = server_config();
    (void)state;
    struct world *world = start(&stream, &server);
    world_run(world, 45 * MS);
    world->pod[0].manner = POD_WRONG;
    world_run(world, 55 * MS);
    world->pod[0].manner = POD_ECHO;
    world_run(world, 300 * MS);
    uint64_t bad = 0;
    for (uint32_t k = 0; k < world_count(world, RECORD_REQUESTS); k++) {
        bool wrong = request(world, k)->outcome == OUTCOME_BAD_ANSWER;
        bad += wrong;
        assert_int_equal(request(world, k)->reason, wrong ? TLS_RECORD : 0);
    }
    assert_int_equal(bad, 1);
    assert_true(world->handshakes >= 2);
    stop(world);
}

/* By TLS 1.2 a server may want another handshake: requests that are due meanwhile wait for its end.
 */
static void handshakes_anew(void **state)
{
    struct traffic_stream_config stream = https(TRAFFIC_HELD, (struct http_request_config){0});
    struct tls_config server = server_config();
    (void)state;
    stream.depth = 8;
    server.max = TLS_1_2;
    struct world *world = start(&stream, &server);
    world_run(world, 45 * MS);
    world->pod[0].delay_ns = 15 * MS;
    SSL *ssl = world->conns[0].tls.ssl;
    assert_int_equal(SSL_renegotiate(ssl), 1);
    assert_int_equal(SSL_do_handshake(ssl), 1);
    world_run(world, 395 * MS);
    assert_int_equal(SSL_total_renegotiations(ssl), 1);
    assert_int_equal(world->syns, 1);
    assert_true(world_count(world, RECORD_REQUESTS) > 30);
    for (uint32_t k = 0; k < world_count(world, RECORD_REQUESTS); k++)
        assert_int_equal(request(world, k)->outcome, OUTCOME_OK);
    stop(world);
}

/* The peer goes during the handshake, and later. */
static void ends_at_each_stage(void **state)
{
    static const struct {
        enum pod_manner manner;
        uint64_t from_ns; /* Of the manner. */
        const char *outcomes, *ends;
    } rows[] = {
        {POD_CLOSE, 0, "closed 1", "closed 1"},
        {POD_RESET, 0, "reset 1", "reset 1"},
        {POD_ACK_ONLY, 0, "stalled 1", "stalled 1"},
        {POD_CLOSE, 3 * WORLD_WAY_NS, "closed 1", "closed 1"},
        {POD_RESET, 3 * WORLD_WAY_NS, "reset 1", "reset 1"},
        {POD_ACK_ONLY, 3 * WORLD_WAY_NS, "stalled 1", "stalled 1"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct traffic_stream_config stream = https(TRAFFIC_OPEN, (struct http_request_config){0});
        struct tls_config server = server_config();
        stream.law = law_constant(1, S);
        stream.connect_timeout_ns = 300 * MS;
        struct world *world = start(&stream, &server);
        world_run(world, rows[i].from_ns);
        world->pod[0].manner = rows[i].manner;
        world_run(world, 900 * MS);
        assert_outcomes(world, rows[i].outcomes);
        assert_ends(world, rows[i].ends);
        assert_int_equal(world_connection(world, 0)->secured_ns != 0, rows[i].from_ns != 0);
        world->pod[0].manner = POD_ECHO;
        stop(world);
    }
}

/* An answer that ends with the connection: a close_notify ends it, a FIN alone cuts it off, for
 * that may be anybody's (RFC 9112 9.8). */
static void answers_ended_by_close(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct traffic_stream_config stream = https(TRAFFIC_OPEN, (struct http_request_config){0});
        struct tls_config server = server_config();
        struct world *world = start(&stream, &server);
        world->pod[0].answer = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
        world->pod[0].closes = true;
        world->pod[0].rude = i == 1;
        world_run(world, 98 * MS);
        assert_outcomes(world, i == 0 ? "ok 10" : "closed 10");
        assert_ends(world, i == 0 ? "done 10" : "closed 10");
        stop(world);
    }
}

/* Stopped, or reset by the peer, at any stage of the handshake and of the first requests: nothing is
 * left of it, and each request has its outcome. */
static void stops_at_each_stage(void **state)
{
    static const enum traffic_pattern patterns[] = {TRAFFIC_HELD, TRAFFIC_OPEN, TRAFFIC_CLOSED};
    (void)state;
    for (unsigned i = 0; i < 2 * 3 * 16; i++) {
        struct traffic_stream_config stream =
            https(patterns[i / 2 % 3],
                  (struct http_request_config){.method = "POST", .body = {.size_bytes = 90000}});
        struct tls_config server = server_config();
        server.max = i % 2 == 0 ? TLS_1_2 : TLS_1_3;
        stream.law = law_constant(4000, S);
        stream.depth = patterns[i / 2 % 3] == TRAFFIC_OPEN ? 1 : 4;
        struct world *world = start(&stream, &server);
        world_run(world, i / 6 * WORLD_WAY_NS);
        if (i % 4 >= 2)
            world_reset(world, 0);
        stop(world);
    }
}

/* A peer that has TLS answer it again and again, and takes nothing of that, is given up: no more
 * memory goes into it than a connection may have unsent. */
static void endless_key_updates(void **state)
{
    struct traffic_stream_config stream = https(TRAFFIC_CLOSED, (struct http_request_config){0});
    struct tls_config server = server_config();
    uint32_t most = 0;
    (void)state;
    stream.think_ns = S;
    struct world *world = start(&stream, &server);
    world_run(world, 5 * MS);
    assert_outcomes(world, "ok 1");
    struct traffic_conn *conn = pool_get(&world->traffic->conns, world->traffic->flows[0].conn);
    struct tls *peer = &world->conns[0].tls;
    for (unsigned i = 0; i < 10000 && conn->state == CONN_UP; i++) {
        uint8_t bytes[100];
        assert_int_equal(SSL_key_update(peer->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(peer->ssl), 1);
        struct tcp_event event = {.kind = TCP_EVENT_DATA, .at_ns = world->now_ns, .data = bytes};
        event.bytes = tls_take(peer, bytes, sizeof(bytes));
        event_take(world->traffic, conn, &event);
        uint32_t unsent = tls_pending(&secure_of(world->traffic, conn)->tls);
        most = unsent > most ? unsent : most;
    }
    assert_in_range(most, 1, SECURE_UNSENT_BYTES + 100);
    assert_ends(world, "bad-answer 1");
    stop(world);
}

/* The ACK of the peer's FIN has an offset behind our own. */
static void both_close_at_once(void **state)
{
    struct traffic_stream_config stream = https(TRAFFIC_HELD, (struct http_request_config){0});
    struct tls_config server = server_config();
    (void)state;
    struct world *world = start(&stream, &server);
    world_run(world, 45 * MS);
    world_close(world, 0);
    stop(world);
}

static void sessions_are_resumed_as_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct traffic_stream_config stream = https(TRAFFIC_OPEN, (struct http_request_config){0});
        struct tls_config server = server_config();
        stream.keep_alive = false;
        tls.resume = i < 2;
        server.max = i % 2 == 0 ? TLS_1_2 : TLS_1_3;
        struct world *world = start(&stream, &server);
        world_run(world, 98 * MS);
        assert_outcomes(world, "ok 10");
        assert_int_equal(world->handshakes, 10);
        assert_int_equal(world->resumed, i < 2 ? 9 : 0);
        world->pod[0].answer = "no HTTP, which ends the connection by a reset\r\n";
        world_run(world, 198 * MS);
        assert_outcomes(world, "ok 10, bad-answer 10");
        assert_int_equal(world->resumed, i < 2 ? 19 : 0);
        stop(world);
    }
}

/* A held connection that TLS makes useless is replaced, after some of them with a wait. */
static void held_flows_back_off(void **state)
{
    struct traffic_stream_config stream = https(TRAFFIC_HELD, (struct http_request_config){0});
    struct tls_config server = server_config();
    (void)state;
    tls.host = "other.example";
    struct world *world = start(&stream, &server);
    world_run(world, 350 * MS);
    assert_int_equal(world->syns, 6); /* Four at once, and after 100 ms and 200 ms more. */
    assert_int_equal(
        record_count_read(&world->record->streams[0].counters.outcomes[OUTCOME_BLOCKED]),
        world_due(world));
    stop(world);
}

/* Freed in the middle of it all: OpenSSL has nothing left, either. What it keeps for good, it has
 * after the first time. */
static void nothing_is_left_of_what_nobody_ended(void **state)
{
    size_t before = 0;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct traffic_stream_config stream = https(TRAFFIC_HELD, (struct http_request_config){0});
        struct tls_config server = server_config();
        stream.flows = 4;
        struct world *world = start(&stream, &server);
        struct tls_context *context = world->pod[0].tls;
        world_run(world, 45 * MS);
        assert_int_equal(world->traffic->secures.taken, 4);
        world_free(world);
        tls_context_free(context);
        if (i == 1)
            before = openssl_heap_blocks();
    }
    assert_int_equal(openssl_heap_blocks(), before);
}

static void bad_files_are_told(void **state)
{
    struct traffic_config config = traffic_config_default();
    struct record_config of_record = {.stream_count = 1};
    struct tcp_config of_tcp = tcp_config_default(1000);
    struct record *record = record_setup(&of_record);
    struct tcp *tcp = tcp_setup(&of_tcp, 0, NULL);
    struct error err = {0};
    (void)state;
    config.stream_count = 1;
    config.streams[0] = https(TRAFFIC_OPEN, (struct http_request_config){0});
    config.streams[0].target_count = 1;
    config.streams[0].targets[0].port = 443;
    strcpy(config.streams[0].name, "web");
    assert_int_equal(address_parse("10.9.0.1", &config.streams[0].targets[0].address, NULL), 0);
    config.pool_count = 1;
    assert_int_equal(prefix_parse("10.0.0.0/29", &config.pools[0], NULL), 0);
    tls.ca_file = "/nowhere/ca.pem";
    assert_null(traffic_setup(&config, tcp, record, &err));
    assert_non_null(strstr(err.text, "stream \"web\""));
    assert_non_null(strstr(err.text, "/nowhere/ca.pem"));
    tcp_teardown(tcp);
    record_free(record);
    http_message_free(&message);
    memset(&message, 0, sizeof(message));
}

int main(void)
{
    openssl_heap_watch();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_patterns),
        cmocka_unit_test(handshakes_are_timed),
        cmocka_unit_test(sent_is_when_the_record_leaves),
        cmocka_unit_test(long_requests),
        cmocka_unit_test(lost_segments),
        cmocka_unit_test(broken_tls_is_named),
        cmocka_unit_test(no_tls_at_all),
        cmocka_unit_test(broken_records),
        cmocka_unit_test(handshakes_anew),
        cmocka_unit_test(ends_at_each_stage),
        cmocka_unit_test(answers_ended_by_close),
        cmocka_unit_test(stops_at_each_stage),
        cmocka_unit_test(endless_key_updates),
        cmocka_unit_test(both_close_at_once),
        cmocka_unit_test(sessions_are_resumed_as_told),
        cmocka_unit_test(held_flows_back_off),
        cmocka_unit_test(nothing_is_left_of_what_nobody_ended),
        cmocka_unit_test(bad_files_are_told),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
