/* HTTP streams against scripted servers: what is asked, and what is made of the answers. */
#include "tests/unit/traffic/world.h"

#include <string.h>

#include "traffic/http.h"
#include "traffic/http_message.h"

#define OK_5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Pod: one\r\n\r\nhello"

static struct http_message message;
static struct http_expect expect;

/* GET / of test.example, by way of PATTERN; 100/s or 1 flow. */
static struct traffic_stream_config http(enum traffic_pattern pattern,
                                         struct http_request_config request)
{
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_HTTP);
    struct error err = {0};
    request.target = "/";
    request.host = "test.example";
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
    return stream;
}

static struct world *start(const struct traffic_stream_config *stream, const char *answer)
{
    struct world *world = world_new(stream);
    world->pod[0].answer = answer;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    return world;
}

static void stop(struct world *world)
{
    world_stop(world);
    http_message_free(&message);
    memset(&message, 0, sizeof(message));
}

static const struct record_request *request(const struct world *world, uint64_t index)
{
    return record_at(world->record, RECORD_REQUESTS, index);
}

/* Each pattern asks the same, is answered the same, and learns the backend's name. */
static void all_patterns(void **state)
{
    static const struct {
        enum traffic_pattern pattern;
        bool keep_alive;
        uint32_t syns;
    } rows[] = {
        {TRAFFIC_HELD, true, 1},   {TRAFFIC_OPEN, true, 1},     {TRAFFIC_OPEN, false, 10},
        {TRAFFIC_CLOSED, true, 1}, {TRAFFIC_CLOSED, false, 10},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct traffic_stream_config stream =
            http(rows[i].pattern, (struct http_request_config){.close = !rows[i].keep_alive});
        stream.keep_alive = rows[i].keep_alive;
        stream.think_ns = 9 * MS;
        struct world *world = start(&stream, OK_5);
        world->pod[0].piece_bytes = 7;
        world_run(world, 98 * MS);
        assert_in_range(world->requests, 9, 11);
        assert_int_equal(world->syns, rows[i].keep_alive ? 1 : world->requests);
        assert_int_equal(world_count(world, RECORD_REQUESTS), world->requests);
        for (uint32_t k = 0; k < world->requests; k++) {
            assert_int_equal(request(world, k)->outcome, OUTCOME_OK);
            assert_int_equal(request(world, k)->status, 200);
            assert_int_equal(request(world, k)->host, 1);
            assert_int_not_equal(request(world, k)->first_byte_ns, 0);
            assert_int_equal(request(world, k)->answer_bytes, 5);
        }
        assert_int_equal(record_count_read(&world->record->streams[0].counters.read_bytes),
                         world->requests * strlen(OK_5));
        const struct record_host *host = record_at(world->record, RECORD_HOSTS, 0);
        assert_string_equal(host->name, "one");
        assert_memory_equal(world->heard, "GET / HTTP/1.1\r\nHost: test.example\r\n", 36);
        stop(world);
    }
}

/* A request under 4 KiB leaves in one go; one of 100,000 bytes in many segments, filled right. */
static void long_request(void **state)
{
    (void)state;
    struct traffic_stream_config stream =
        http(TRAFFIC_HELD,
             (struct http_request_config){.method = "POST", .body = {.size_bytes = 100000}});
    struct world *world = start(&stream, OK_5);
    world_run(world, 98 * MS);
    assert_in_range(world->requests, 9, 10);
    assert_int_equal(world_count(world, RECORD_REQUESTS), world->requests);
    stop(world);
}

/* Each answer of a pipeline against its own digest: "hello" is right, "hellp" is not. */
static void digests_of_a_pipeline(void **state)
{
    static const uint8_t hello[DIGEST_BYTES] = {0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e,
                                                0x26, 0xe8, 0x3b, 0x2a, 0xc5, 0xb9, 0xe2, 0x9e,
                                                0x1b, 0x16, 0x1e, 0x5c, 0x1f, 0xa7, 0x42, 0x5e,
                                                0x73, 0x04, 0x33, 0x62, 0x93, 0x8b, 0x98, 0x24};
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        struct traffic_stream_config stream = http(TRAFFIC_CLOSED, (struct http_request_config){0});
        stream.depth = 3;
        expect.digested = true;
        memcpy(expect.sha256, hello, sizeof(hello));
        expect.sha256[31] ^= (uint8_t)round;
        struct world *world = start(&stream, OK_5);
        world->pod[0].piece_bytes = 50;
        world_run(world, 50 * MS);
        const struct record_counters *counters = &world->record->streams[0].counters;
        uint64_t good = record_count_read(&counters->outcomes[OUTCOME_OK]);
        uint64_t bad = record_count_read(&counters->outcomes[OUTCOME_BAD_ANSWER]);
        assert_true(round == 0 ? good > 10 && bad == 0 : good == 0 && bad > 0);
        if (round == 1)
            assert_int_equal(request(world, 0)->reason, HTTP_BAD_BODY_HASH);
        stop(world);
    }
}

/* Another status than expected: the connection lives on, the request is lost, and that is an
 * outage until a good one comes. */
static void bad_status(void **state)
{
    (void)state;
    struct traffic_stream_config stream = http(TRAFFIC_HELD, (struct http_request_config){0});
    struct world *world = start(&stream, OK_5);
    world_run(world, 100 * MS);
    world->pod[0].answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    world_run(world, 200 * MS);
    world->pod[0].answer = OK_5;
    world_run(world, 300 * MS);
    assert_int_equal(
        record_count_read(&world->record->streams[0].counters.outcomes[OUTCOME_BAD_STATUS]), 10);
    assert_int_equal(world->syns, 1);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 1);
    assert_int_equal(world_outage(world, 0)->lost, 10);
    assert_int_equal(world_outage(world, 0)->signal, CONNECTION_BAD_ANSWER);
    assert_int_equal(request(world, 15)->status, 503);
    stop(world);
}

/* What is no HTTP, or more than was asked for: the reason is kept, the connection reset. */
static void bad_answers(void **state)
{
    static const struct {
        const char *answer;
        enum http_reason reason;
    } rows[] = {
        {"SSH-2.0-x\r\n", HTTP_BAD_NOT_HTTP},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         HTTP_BAD_SMUGGLED},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct traffic_stream_config stream = http(TRAFFIC_OPEN, (struct http_request_config){0});
        struct world *world = start(&stream, rows[i].answer);
        world_run(world, 98 * MS);
        assert_outcomes(world, "bad-answer 10");
        assert_ends(world, "bad-answer 10");
        assert_int_equal(request(world, 0)->reason, rows[i].reason);
        assert_int_equal(world->resets, 10);
        stop(world);
    }
}

/* Bytes after the last answer end the connection, and no request is lost by that. */
static void unasked(void **state)
{
    (void)state;
    struct traffic_stream_config stream = http(TRAFFIC_OPEN, (struct http_request_config){0});
    struct world *world = start(&stream, OK_5 "HTTP/1.1 200 OK\r\n");
    world_run(world, 98 * MS);
    assert_outcomes(world, "ok 10");
    assert_ends(world, "bad-answer 10");
    stop(world);
}

/* Each request is answered twice, in one segment: the second answer comes before the next request
 * has left, and is none to that. */
static void unasked_by_the_next(void **state)
{
    (void)state;
    struct traffic_stream_config stream = http(TRAFFIC_CLOSED, (struct http_request_config){0});
    struct world *world = start(&stream, OK_5 OK_5);
    world_run(world, 50 * MS);
    assert_in_range(world_count(world, RECORD_REQUESTS), 2, 500);
    for (uint64_t i = 0; i < world_count(world, RECORD_REQUESTS); i++) {
        bool second = i % 2 != 0;
        assert_int_equal(request(world, i)->outcome, second ? OUTCOME_BAD_ANSWER : OUTCOME_OK);
        assert_int_equal(request(world, i)->reason, second ? HTTP_BAD_UNASKED : HTTP_BAD_NONE);
        assert_int_equal(request(world, i)->sent_ns == 0, second);
    }
    stop(world);
}

/* An answer that ends with the connection, and one that is cut short by its end. */
static void ended_by_fin(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct traffic_stream_config stream = http(TRAFFIC_OPEN, (struct http_request_config){0});
        struct world *world =
            start(&stream, i == 0 ? "HTTP/1.1 200 OK\r\n\r\nuntil the end"
                                  : "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        world->pod[0].closes = true;
        world_run(world, 98 * MS);
        assert_outcomes(world, i == 0 ? "ok 10" : "closed 10");
        assert_ends(world, i == 0 ? "done 10" : "closed 10");
        stop(world);
    }
}

/* The server says that it will close: done, not broken, and a held flow has the next at once. */
static void announced_close(void **state)
{
    (void)state;
    struct traffic_stream_config stream = http(TRAFFIC_HELD, (struct http_request_config){0});
    struct world *world =
        start(&stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    world->pod[0].closes = true;
    world_run(world, 98 * MS);
    uint64_t ok = record_count_read(&world->record->streams[0].counters.outcomes[OUTCOME_OK]);
    assert_in_range(ok, 9, 10);
    assert_int_equal(world->syns, ok + 1);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 0);
    stop(world);
}

/* Four in flight on one connection; then that is reset, and four are lost. */
static void pipelining(void **state)
{
    (void)state;
    struct traffic_stream_config stream = http(TRAFFIC_CLOSED, (struct http_request_config){0});
    stream.flows = 1;
    stream.depth = 4;
    struct world *world = start(&stream, OK_5);
    world->pod[0].delay_ns = 10 * MS;
    world_run(world, 95 * MS);
    assert_int_equal(world->syns, 1);
    assert_in_range(world_count(world, RECORD_REQUESTS), 33, 36); /* A round takes 10.1 ms. */
    world_reset(world, 0);
    world_run(world, 150 * MS);
    assert_int_equal(record_count_read(&world->record->streams[0].counters.outcomes[OUTCOME_RESET]),
                     4);
    assert_int_equal(world_outage(world, 0)->lost, 4);
    stop(world);
}

/* The body waits for 100 Continue; the server that says it gets it. */
static void waits_for_continue(void **state)
{
    (void)state;
    static const uint8_t body[] = "body";
    struct traffic_stream_config stream =
        http(TRAFFIC_OPEN, (struct http_request_config){.method = "POST",
                                                        .body = {.bytes = body, .size_bytes = 4},
                                                        .expect_continue = true});
    struct world *world = start(&stream, OK_5);
    world_run(world, 98 * MS);
    assert_outcomes(world, "ok 10");
    assert_int_equal(world->requests, 10);
    assert_int_equal(world->syns, 1);
    stop(world);
}

/* A whole answer to the first bytes of a long request is bad. */
static void early_answer(void **state)
{
    (void)state;
    struct traffic_stream_config stream =
        http(TRAFFIC_OPEN,
             (struct http_request_config){.method = "POST", .body = {.size_bytes = 100000}});
    struct world *world = start(&stream, OK_5);
    world->pod[0].hasty = true;
    world_run(world, 98 * MS);
    assert_outcomes(world, "bad-answer 10");
    assert_int_equal(request(world, 0)->reason, HTTP_BAD_EARLY);
    assert_int_equal(request(world, 0)->status, 200);
    stop(world);
}

/* A whole answer to a request that has left, and is not acknowledged in full: it counts, and the
 * connection is reset, for the request's bytes are gone and could be sent again as zeros alone. */
static void answer_before_the_ack(void **state)
{
    (void)state;
    struct traffic_stream_config stream = http(
        TRAFFIC_OPEN, (struct http_request_config){.method = "POST", .body = {.size_bytes = 5000}});
    struct world *world = start(&stream, OK_5);
    world->pod[0].hasty = true;
    world_run(world, 98 * MS);
    assert_outcomes(world, "ok 10");
    assert_ends(world, "done 10");
    assert_true(world->resets >= 10);
    assert_int_equal(world->fins, 0);
    stop(world);
}

/* No answer for the timeout, counted from the SYN. */
static void stalled(void **state)
{
    (void)state;
    struct traffic_stream_config stream = http(TRAFFIC_OPEN, (struct http_request_config){0});
    struct world *world = start(&stream, OK_5);
    world->pod[0].manner = POD_ACK_ONLY;
    world_run(world, 299 * MS);
    assert_outcomes(world, "stalled 10");
    assert_in_range(request(world, 0)->done_ns, 200 * MS, 201 * MS);
    stop(world);
}

/* mconnect: the server's name comes unasked, and is the answer. */
static void mconnect(void **state)
{
    (void)state;
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_MCONNECT);
    stream.law = law_constant(100, S);
    struct world *world = world_new(&stream);
    world->pods = 2;
    world->pod[0].greeting = "pod-0";
    world->pod[1].greeting = "pod-1";
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, 98 * MS);
    assert_outcomes(world, "ok 10");
    assert_ends(world, "done 10");
    assert_int_equal(request(world, 0)->host, 1);
    assert_int_equal(request(world, 1)->host, 2);
    assert_int_equal(request(world, 2)->host, 1);
    world->pod[0].greeting = NULL;
    world_run(world, 1500 * MS);
    assert_true(record_count_read(&world->record->streams[0].counters.outcomes[OUTCOME_STALLED]) >
                10);
    world_stop(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_patterns),
        cmocka_unit_test(long_request),
        cmocka_unit_test(digests_of_a_pipeline),
        cmocka_unit_test(bad_status),
        cmocka_unit_test(bad_answers),
        cmocka_unit_test(unasked),
        cmocka_unit_test(unasked_by_the_next),
        cmocka_unit_test(ended_by_fin),
        cmocka_unit_test(announced_close),
        cmocka_unit_test(pipelining),
        cmocka_unit_test(waits_for_continue),
        cmocka_unit_test(early_answer),
        cmocka_unit_test(stalled),
        cmocka_unit_test(mconnect),
        cmocka_unit_test(answer_before_the_ack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
