/* Closed loops: the next request when the one before is over. */
#include "tests/unit/traffic/world.h"
#include "traffic/traffic_priv.h"

static struct traffic_stream_config loop(uint32_t flows, uint64_t think_ns)
{
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_CTRAFFIC);
    stream.pattern = TRAFFIC_CLOSED;
    stream.flows = flows;
    stream.think_ns = think_ns;
    stream.size_bytes = 100;
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

/* One flow, 10 ms of thinking: each request is due so long after the end of the one before, and
 * all go on one connection. The first waits for the SYN, which is its first segment. */
static void thinks(void **state)
{
    (void)state;
    struct traffic_stream_config stream = loop(1, 10 * MS);
    struct world *world = start(&stream);
    world_run(world, S);
    uint64_t count = world_count(world, RECORD_REQUESTS);
    assert_in_range(count, 97, 100); /* Timers are late by up to 65.5 us. */
    assert_int_equal(request(world, 0)->due_ns, 0);
    assert_int_equal(request(world, 0)->sent_ns, WORLD_STAMP_NS);
    assert_int_equal(request(world, 0)->done_ns, 4 * WORLD_WAY_NS);
    for (uint64_t i = 1; i < count; i++) {
        const struct record_request *now = request(world, i);
        assert_int_equal(now->due_ns, request(world, i - 1)->done_ns + 10 * MS);
        assert_in_range(now->sent_ns - now->due_ns, 0, 66000 + WORLD_STAMP_NS);
        assert_int_equal(now->outcome, OUTCOME_OK);
    }
    assert_int_equal(world->syns, 1);
    world_stop(world);
}

/* Three flows without thinking: as many requests as round trips. */
static void as_fast_as_it_goes(void **state)
{
    (void)state;
    struct traffic_stream_config stream = loop(3, 0);
    struct world *world = start(&stream);
    world_run(world, 10 * MS);
    /* The first answer after two round trips, then one each. */
    assert_int_equal(world_count(world, RECORD_REQUESTS), 3 * (10 * MS / (2 * WORLD_WAY_NS) - 1));
    assert_int_equal(world->syns, 3);
    world_stop(world);
}

/* Room for two connections, and a peer that takes no FIN: each new one has the one reset that has
 * been closing for the longest time. */
static void making_room(void **state)
{
    (void)state;
    struct traffic_config config = traffic_config_default();
    config.stream_count = 1;
    config.streams[0] = traffic_stream_default(TRAFFIC_CONNECT);
    config.streams[0].pattern = TRAFFIC_CLOSED;
    config.streams[0].flows = 1;
    config.streams[0].think_ns = 10 * MS;
    config.connections = 2;
    struct world *world = world_new_config(&config);
    world->pod[0].manner = POD_MUTE;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, 95 * MS);
    assert_outcomes(world, "ok 10");
    assert_ends(world, "done 10");
    assert_int_equal(world->resets, 8);
    assert_int_equal(traffic_connections(world->traffic), 2);
    world_run(world, 95 * MS + 1);
    world_stop(world);
}

/* Without keep-alive each request has a 5-tuple of its own, and two round trips. */
static void a_connection_each(void **state)
{
    (void)state;
    struct traffic_stream_config stream = loop(1, 0);
    stream.keep_alive = false;
    struct world *world = start(&stream);
    world->pods = 2;
    world_run(world, 100 * MS - 1);
    uint64_t count = world_count(world, RECORD_REQUESTS);
    assert_int_equal(count, 100 * MS / (4 * WORLD_WAY_NS) - 1);
    for (uint64_t i = 1; i < count; i++) {
        assert_int_equal(request(world, i)->due_ns, request(world, i - 1)->done_ns);
        assert_int_not_equal(request(world, i)->connection, request(world, i - 1)->connection);
        assert_int_not_equal(request(world, i)->host, request(world, i - 1)->host);
        assert_false(tuple_equal(&world_connection(world, i)->tuple,
                                 &world_connection(world, i - 1)->tuple));
    }
    assert_int_equal(world_count(world, RECORD_OUTAGES), 0);
    world_stop(world);
}

/* Refused for 1 s: the flow backs off as one that is held does, each attempt is a request, and all
 * of it is one outage. */
static void refused(void **state)
{
    (void)state;
    struct traffic_stream_config stream = loop(1, 10 * MS);
    stream.keep_alive = false;
    struct world *world = start(&stream);
    world_run(world, S);
    world->pod[0].door = POD_REFUSE;
    world_run(world, 2 * S);
    world->pod[0].door = POD_ACCEPT;
    world_run(world, 3 * S);
    /* At 0, 100, 300, 600 and 1000 ms, more or less. */
    assert_int_equal(
        record_count_read(&world->record->streams[0].counters.outcomes[OUTCOME_REFUSED]), 4);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 1);
    assert_int_equal(world_outage(world, 0)->lost, 4);
    assert_int_equal(world_outage(world, 0)->connection, 0);
    assert_int_equal(world_outage(world, 0)->signal, CONNECTION_REFUSED);
    assert_true(world_outage(world, 0)->recovered_done_ns > 2 * S);
    world_stop(world);
}

/* A connect stream in a closed loop, as a checker of downtime. */
static void connects(void **state)
{
    (void)state;
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_CONNECT);
    stream.pattern = TRAFFIC_CLOSED;
    stream.think_ns = 0;
    struct world *world = start(&stream);
    world_run(world, 10 * MS);
    assert_int_equal(world_count(world, RECORD_REQUESTS), 10 * MS / (2 * WORLD_WAY_NS));
    assert_ends(world, "done 100");
    world_stop(world);
}

/* No answer for the timeout: stalled, and the next request goes on a new connection. */
static void stalled(void **state)
{
    (void)state;
    struct traffic_stream_config stream = loop(1, 10 * MS);
    stream.timeout_ns = 200 * MS;
    struct world *world = start(&stream);
    world_run(world, 105 * MS);
    world->pod[0].manner = POD_MUTE;
    world_run(world, 300 * MS);
    world->pod[0].manner = POD_ECHO;
    world_run(world, 400 * MS);
    assert_int_equal(
        record_count_read(&world->record->streams[0].counters.outcomes[OUTCOME_STALLED]), 1);
    assert_ends(world, "stalled 1");
    assert_int_equal(world->syns, 2);
    const struct record_outage *outage = world_outage(world, 0);
    assert_int_equal(outage->lost, 1);
    assert_in_range(outage->signal_ns - outage->first_unanswered_ns, 199 * MS, 201 * MS);
    world_stop(world);
}

/* Closed by the peer while the flow thinks: an outage without a lost request. */
static void closed_while_thinking(void **state)
{
    (void)state;
    struct traffic_stream_config stream = loop(1, 10 * MS);
    struct world *world = start(&stream);
    world_run(world, 105 * MS);
    world_close(world, 0);
    world_run(world, 200 * MS);
    assert_ends(world, "closed 1");
    assert_int_equal(world->syns, 2);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 1);
    assert_int_equal(world_outage(world, 0)->lost, 0);
    assert_int_equal(world_outage(world, 0)->signal, CONNECTION_FIN);
    world_stop(world);
}

/* Stopped while the answer is on its way, and while the flow thinks. */
static void stop_in_the_middle(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct traffic_stream_config stream = loop(1, i == 0 ? 0 : 10 * MS);
        struct world *world = start(&stream);
        world_run(world, 10 * MS + 5);
        assert_true(traffic_stop(world->traffic, 0, world->now_ns));
        assert_outcomes(world, i == 0 ? "ok 99, unfinished 1" : "ok 1");
        assert_ends(world, "lasting 1");
        world_run(world, 5 * S);
        assert_true(traffic_start(world->traffic, 0, world->now_ns, 0));
        world_stop(world);
    }
}

/* No turn stops more than its share of the flows. */
static void stopped_by_turns(void **state)
{
    (void)state;
    struct traffic_stream_config stream = loop(1500, S);
    struct world *world = start(&stream);
    world_run(world, S / 2);
    assert_int_equal(traffic_connections(world->traffic), 1500);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    assert_int_equal(world_count(world, RECORD_CONNECTIONS), TRAFFIC_STOPS_A_TURN);
    world_run(world, 3 * S);
    assert_ends(world, "lasting 1500");
    assert_outcomes(world, "ok 1500");
    assert_true(traffic_next_ns(world->traffic) == UINT64_MAX);
    world_free(world);
}

/* Flows that are not stopped yet, and have thought long enough, begin nothing. */
static void nothing_begins_while_stopping(void **state)
{
    (void)state;
    struct traffic_stream_config stream = loop(1500, S);
    stream.keep_alive = false;
    struct world *world = start(&stream);
    world_run(world, S / 2);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    world->now_ns += 2 * S;
    traffic_timers(world->traffic, world->now_ns);
    assert_int_equal(record_count_read(&world->record->streams[0].counters.connecting), 0);
    world_run(world, 5 * S);
    assert_outcomes(world, "ok 1500");
    assert_true(traffic_next_ns(world->traffic) == UINT64_MAX);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thinks),
        cmocka_unit_test(as_fast_as_it_goes),
        cmocka_unit_test(making_room),
        cmocka_unit_test(a_connection_each),
        cmocka_unit_test(refused),
        cmocka_unit_test(connects),
        cmocka_unit_test(stalled),
        cmocka_unit_test(closed_while_thinking),
        cmocka_unit_test(stop_in_the_middle),
        cmocka_unit_test(stopped_by_turns),
        cmocka_unit_test(nothing_begins_while_stopping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
