/* An open loop on a pool of connections that are kept alive. */
#include "tests/unit/traffic/world.h"
#include "traffic/traffic_priv.h"

static struct traffic_stream_config pooled(uint64_t per_s, uint32_t connections)
{
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_CTRAFFIC);
    stream.pattern = TRAFFIC_OPEN;
    stream.law = law_constant(per_s, S);
    stream.connections = connections;
    stream.size_bytes = 100;
    stream.timeout_ns = 200 * MS;
    return stream;
}

static struct world *start(const struct traffic_stream_config *stream)
{
    struct world *world = world_new(stream);
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    return world;
}

static const struct record_request *request(const struct world *world, uint64_t index)
{
    return record_at(world->record, RECORD_REQUESTS, index);
}

static uint64_t outcomes(const struct world *world, enum outcome outcome)
{
    return record_count_read(&world->record->streams[0].counters.outcomes[outcome]);
}

/* Answers come before the next request is due: one connection serves all. */
static void one_is_enough(void **state)
{
    (void)state;
    struct traffic_stream_config stream = pooled(100, 10);
    struct world *world = start(&stream);
    world_run(world, S - 1);
    assert_outcomes(world, "ok 100");
    assert_int_equal(world->syns, 1);
    assert_int_equal(request(world, 0)->sent_ns, WORLD_STAMP_NS); /* The SYN's. */
    assert_int_equal(request(world, 1)->sent_ns, 10 * MS + WORLD_STAMP_NS);
    assert_int_equal(request(world, 1)->done_ns, 10 * MS + 2 * WORLD_WAY_NS);
    world_stop(world);
}

/* Answers after 25 ms at 100/s: three are in flight at a time. */
static void as_many_as_needed(void **state)
{
    (void)state;
    struct traffic_stream_config stream = pooled(100, 10);
    struct world *world = world_new(&stream);
    world->pod[0].delay_ns = 25 * MS;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, S - 1);
    assert_int_equal(outcomes(world, OUTCOME_OK), 98); /* Up to the one due at 970 ms. */
    assert_int_equal(world->syns, 3);
    assert_int_equal(record_count_read(&world->record->streams[0].counters.connections_up), 3);
    world_stop(world);
}

/* Two connections serve 80/s of the 100: the rest waits, latency from `due` grows up to the
 * timeout, and from then on one in five is blocked. */
static void queue(void **state)
{
    (void)state;
    struct traffic_stream_config stream = pooled(100, 2);
    struct world *world = world_new(&stream);
    world->pod[0].delay_ns = 25 * MS;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, 5 * S - 1);
    assert_int_equal(world->syns, 2);
    uint64_t ok = outcomes(world, OUTCOME_OK), blocked = outcomes(world, OUTCOME_BLOCKED);
    assert_in_range(ok, 390, 400);
    assert_in_range(blocked, 70, 90);
    uint64_t longest_ns = 0;
    for (uint64_t i = 0; i < world_count(world, RECORD_REQUESTS); i++) {
        const struct record_request *one = request(world, i);
        uint64_t waited_ns = one->done_ns - one->due_ns;
        if (one->outcome == OUTCOME_BLOCKED) {
            assert_in_range(waited_ns, 200 * MS, 201 * MS);
            assert_int_equal(one->sent_ns, 0);
        } else if (waited_ns > longest_ns) {
            longest_ns = waited_ns;
        }
    }
    assert_in_range(longest_ns, 200 * MS, 230 * MS);
    world_stop(world);
}

/* A queue of one: what finds it full is blocked at once. */
static void queue_full(void **state)
{
    (void)state;
    struct traffic_stream_config stream = pooled(100, 1);
    stream.queue = 1;
    struct world *world = world_new(&stream);
    world->pod[0].delay_ns = 95 * MS;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, 94 * MS);
    assert_outcomes(world, "blocked 8");
    assert_int_equal(request(world, 0)->due_ns, 20 * MS);
    assert_int_equal(request(world, 0)->done_ns, 20 * MS);
    world_run(world, 200 * MS);
    assert_int_equal(outcomes(world, OUTCOME_OK), 2);
    world_stop(world);
}

/* Three in flight are reset: each is lost, all in one outage; the next ones open new connections. */
static void reset(void **state)
{
    (void)state;
    struct traffic_stream_config stream = pooled(100, 10);
    struct world *world = world_new(&stream);
    world->pod[0].delay_ns = 25 * MS;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, 502 * MS);
    world_reset(world, 0);
    world_run(world, S - 1);
    assert_int_equal(outcomes(world, OUTCOME_RESET), 3);
    assert_ends(world, "reset 3");
    assert_int_equal(world->syns, 6);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 1);
    assert_int_equal(world_outage(world, 0)->lost, 3);
    world_stop(world);
}

/* The peer closes idle ones: nothing is lost, and the next request opens another. */
static void idle_ones_close(void **state)
{
    (void)state;
    struct traffic_stream_config stream = pooled(100, 10);
    struct world *world = world_new(&stream);
    world->pod[0].delay_ns = 25 * MS;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, 95 * MS);
    world->pod[0].delay_ns = 0;
    world_run(world, 195 * MS);
    assert_int_equal(world->syns, 3);
    world_close(world, 0);
    world_run(world, 295 * MS);
    assert_ends(world, "closed 3");
    assert_int_equal(world->syns, 4);
    assert_outcomes(world, "ok 30");
    assert_int_equal(world_count(world, RECORD_OUTAGES), 0);
    world_stop(world);
}

/* Stopped with one in flight and some waiting: all are unfinished. */
static void stop_in_the_middle(void **state)
{
    (void)state;
    struct traffic_stream_config stream = pooled(100, 1);
    struct world *world = world_new(&stream);
    world->pod[0].delay_ns = 95 * MS;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, 55 * MS);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    assert_outcomes(world, "unfinished 6");
    assert_ends(world, "unfinished 1");
    world_run(world, 5 * S);
    assert_true(traffic_start(world->traffic, 0, world->now_ns, 0));
    world->pod[0].delay_ns = 0;
    world_run(world, 5500 * MS);
    assert_true(outcomes(world, OUTCOME_OK) > 45);
    world_stop(world);
}

/* Ten connections that stay silent, and 1800/s that wait for one: each request is stalled or
 * blocked, however many are due before the oldest is decided. None is blamed on the tester. */
static void long_silence(void **state)
{
    (void)state;
    struct traffic_stream_config stream = pooled(1800, 10);
    stream.timeout_ns = S;
    stream.connect_timeout_ns = S;
    struct world *world = world_new(&stream);
    world->pod[0].manner = POD_ACK_ONLY;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, 3500 * MS);
    assert_int_equal(outcomes(world, OUTCOME_UNSENT), 0);
    assert_int_equal(outcomes(world, OUTCOME_STALLED), 30);
    assert_in_range(outcomes(world, OUTCOME_BLOCKED), 4400, 4500);
    world_stop(world);
}

/* Without keep-alive, each has a connection of its own; a limit makes the others wait. */
static void limited_without_keep_alive(void **state)
{
    (void)state;
    struct traffic_stream_config stream = pooled(100, 2);
    stream.keep_alive = false;
    struct world *world = world_new(&stream);
    world->pod[0].delay_ns = 15 * MS;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, S - 1);
    assert_int_equal(outcomes(world, OUTCOME_OK), 99);
    assert_int_equal(world->syns, 100);
    assert_ends(world, "done 99");
    world_stop(world);
}

/* No turn stops more than its share of connections, or of requests that wait for one. */
static void stopped_by_turns(void **state)
{
    (void)state;
    for (uint32_t connections = 0; connections < 2; connections++) {
        struct traffic_stream_config stream = pooled(15000, connections);
        struct world *world = world_new(&stream);
        world->pod[0].door = POD_SILENT;
        assert_true(traffic_start(world->traffic, 0, 0, 0));
        world_run(world, 100 * MS - 1);
        uint32_t syns = world->syns;
        assert_true(traffic_stop(world->traffic, 0, world->now_ns));
        assert_int_equal(outcomes(world, OUTCOME_UNFINISHED), TRAFFIC_STOPS_A_TURN);
        world_run(world, world->now_ns + S);
        assert_outcomes(world, "unfinished 1500");
        assert_int_equal(world->syns, syns);
        assert_int_equal(traffic_connections(world->traffic), 0);
        assert_true(traffic_next_ns(world->traffic) == UINT64_MAX);
        world_free(world);
    }
}

/* What fails between two such turns makes no room for others. */
static void nothing_is_opened_while_stopping(void **state)
{
    (void)state;
    struct traffic_stream_config stream = pooled(15000, 1);
    stream.connect_timeout_ns = 150 * MS;
    struct world *world = world_new(&stream);
    world->pod[0].door = POD_SILENT;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, 100 * MS - 1);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    world->now_ns = 160 * MS; /* Of its connection, and of no request that waits. */
    traffic_timers(world->traffic, world->now_ns);
    assert_int_equal(record_count_read(&world->record->streams[0].counters.connecting), 0);
    world_run(world, world->now_ns + S);
    assert_outcomes(world, "connect-timeout 1, unfinished 1499");
    assert_true(traffic_next_ns(world->traffic) == UINT64_MAX);
    world_free(world);
}

/* The worker quits: all is stopped at once. */
static void quit(void **state)
{
    (void)state;
    struct traffic_stream_config stream = pooled(15000, 0);
    struct world *world = world_new(&stream);
    world->pod[0].door = POD_SILENT;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, 180 * MS);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    traffic_quit(world->traffic, world->now_ns);
    assert_int_equal(outcomes(world, OUTCOME_UNFINISHED), 15 * 180 + 1);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_enough),
        cmocka_unit_test(as_many_as_needed),
        cmocka_unit_test(queue),
        cmocka_unit_test(queue_full),
        cmocka_unit_test(reset),
        cmocka_unit_test(idle_ones_close),
        cmocka_unit_test(stop_in_the_middle),
        cmocka_unit_test(long_silence),
        cmocka_unit_test(limited_without_keep_alive),
        cmocka_unit_test(stopped_by_turns),
        cmocka_unit_test(nothing_is_opened_while_stopping),
        cmocka_unit_test(quit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
