/* Connect streams: a connection for each request, and the account of it. */
#include "tests/unit/traffic/world.h"
#include "traffic/traffic_priv.h"

static struct world *start(uint64_t per_s, uint64_t timeout_ns)
{
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_CONNECT);
    stream.law = law_constant(per_s, S);
    stream.connect_timeout_ns = timeout_ns;
    struct world *world = world_new(&stream);
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    return world;
}

/* 100/s for 2 s: each from a 5-tuple of its own, closed by FIN. */
static void quiet(void **state)
{
    (void)state;
    struct world *world = start(100, S);
    world->pods = 8;
    world_run(world, 2 * S - 1);
    assert_outcomes(world, "ok 200");
    assert_ends(world, "done 200");
    assert_int_equal(world->fins, 200);
    assert_int_equal(world->resets, 0);
    for (unsigned i = 0; i < 200; i++) {
        const struct record_request *request = record_at(world->record, RECORD_REQUESTS, i);
        assert_int_equal(request->due_ns, i * 10 * MS);
        assert_int_equal(request->done_ns - request->due_ns, 2 * WORLD_WAY_NS);
        for (unsigned j = 0; j < i; j++)
            assert_false(tuple_equal(&world_connection(world, i)->tuple,
                                     &world_connection(world, j)->tuple));
    }
    uint64_t connects = 0;
    for (unsigned i = 0; i < INTERVAL_SLOTS; i++)
        connects += world->record->streams[0].intervals.slots[i].latencies[INTERVAL_CONNECT].count;
    assert_int_equal(connects, 200);
    world_stop(world);
}

/* Refused for 100 ms: ten requests, one outage from the last good to the next good one. */
static void refused(void **state)
{
    (void)state;
    struct world *world = start(100, S);
    world_run(world, S - 1);
    world->pod[0].door = POD_REFUSE;
    world_run(world, S + 100 * MS - 1);
    world->pod[0].door = POD_ACCEPT;
    world_run(world, 2 * S - 1);
    assert_outcomes(world, "ok 190, refused 10");
    assert_int_equal(world_count(world, RECORD_OUTAGES), 1);
    const struct record_outage *outage = world_outage(world, 0);
    assert_int_equal(outage->last_good_sent_ns, 990 * MS + WORLD_STAMP_NS);
    assert_int_equal(outage->signal_ns, S + 2 * WORLD_WAY_NS);
    assert_int_equal(outage->recovered_sent_ns, 1100 * MS + WORLD_STAMP_NS);
    assert_int_equal(outage->lost, 10);
    assert_int_equal(outage->signal, CONNECTION_REFUSED);
    assert_int_equal(outage->connection, 0);
    world_stop(world);
}

/* Nobody answers every other SYN for 100 ms, and each such is known 1 s later only: five outages
 * of one request each, in the order of sending. */
static void silent_in_turn(void **state)
{
    (void)state;
    struct world *world = start(100, 900 * MS);
    world_run(world, S - 1);
    for (unsigned i = 0; i < 10; i++) {
        world->pod[0].door = i % 2 == 0 ? POD_SILENT : POD_ACCEPT;
        world_run(world, S + (i + 1) * 10 * MS - 1);
    }
    world->pod[0].door = POD_ACCEPT;
    world_run(world, 3 * S - 1);
    assert_outcomes(world, "ok 295, connect-timeout 5");
    assert_int_equal(world_count(world, RECORD_OUTAGES), 5);
    for (unsigned i = 0; i < 5; i++) {
        const struct record_outage *outage = world_outage(world, i);
        uint64_t sent_ns = S + i * 20 * MS + WORLD_STAMP_NS;
        assert_int_equal(outage->first_unanswered_ns, sent_ns);
        assert_int_equal(outage->last_good_sent_ns, sent_ns - 10 * MS);
        assert_int_equal(outage->recovered_sent_ns, sent_ns + 10 * MS);
        assert_int_equal(outage->lost, 1);
        assert_in_range(outage->signal_ns - sent_ns, 899 * MS, 901 * MS);
        assert_int_equal(outage->largest_rtt_ns, 2 * WORLD_WAY_NS - WORLD_STAMP_NS);
    }
    world_stop(world);
}

/* A SYN lost on the way is sent again after 1 s: repaired, or late. */
static void syn_again(void **state)
{
    (void)state;
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_CONNECT);
    for (unsigned i = 0; i < 2; i++) {
        stream.law = law_constant(1, S);
        stream.connect_timeout_ns = 3 * S;
        stream.late_ns = i == 0 ? 0 : 500 * MS;
        struct world *world = world_new(&stream);
        world->drop_syn = true;
        traffic_start(world->traffic, 0, 0, 0);
        world_run(world, 3 * S - 1);
        assert_outcomes(world, i == 0 ? "ok 2, repaired 1" : "ok 2, late 1");
        const struct record_segment *segment = record_at(world->record, RECORD_SEGMENTS, 0);
        assert_true(segment->offset == UINT64_MAX);
        assert_int_equal(segment->bytes, 0);
        world_stop(world);
    }
}

/* Two targets take turns, each with its own flow: only one has an outage. */
static void targets_are_told_apart(void **state)
{
    (void)state;
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_CONNECT);
    stream.law = law_constant(100, S);
    stream.target_count = 2;
    stream.targets[0].port = 5003;
    stream.targets[1].port = 5004;
    assert_int_equal(address_parse("10.9.0.1", &stream.targets[0].address, NULL), 0);
    assert_int_equal(address_parse("10.9.0.1", &stream.targets[1].address, NULL), 0);
    struct world *world = world_new(&stream);
    world->pods = 2;
    world->pod[1].door = POD_REFUSE;
    traffic_start(world->traffic, 0, 0, 0);
    world_run(world, S - 1);
    assert_outcomes(world, "ok 50, refused 50");
    world->pod[1].door = POD_ACCEPT;
    world_run(world, 2 * S - 1);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 1);
    assert_int_equal(world_outage(world, 0)->flow, 1);
    assert_int_equal(world_outage(world, 0)->lost, 50);
    world_stop(world);
}

/* Stopped while 9 wait for their SYN to be answered. */
static void stop_in_the_middle(void **state)
{
    (void)state;
    struct world *world = start(100, S);
    world_run(world, S - 1);
    world->pod[0].door = POD_SILENT;
    world_run(world, S + 85 * MS);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    assert_outcomes(world, "ok 100, unfinished 9");
    world_run(world, 5 * S);
    assert_ends(world, "done 100, unfinished 9");
    assert_int_equal(world_count(world, RECORD_OUTAGES), 0);
    assert_true(traffic_start(world->traffic, 0, world->now_ns, 0));
    world_stop(world);
}

/* The stream stops while a SYN is in the port's queue: its stamp comes for a connection that has
 * ended already, and counts for nothing. */
static void syn_sent_after_the_stop(void **state)
{
    (void)state;
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_CONNECT);
    struct tcp_descriptor syn;
    stream.law = law_constant(1, S);
    struct world *world = world_new(&stream);
    world->tx_full = true;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, MS);
    assert_int_equal(tcp_output(world->tcp, world->now_ns, &syn, 1), 1);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    assert_outcomes(world, "unfinished 1");
    traffic_sent(world->traffic, &syn, world->now_ns + WORLD_STAMP_NS);
    assert_int_equal(record_count_read(&world->record->streams[0].counters.sent), 0);
    world_run(world, S);
    assert_int_equal(traffic_connections(world->traffic), 0);
    world_free(world);
}

/* After a stall of 5 s the slots of the last 20 ms are sent, all others unsent. */
static void tester_stall(void **state)
{
    (void)state;
    struct world *world = start(100, S);
    world_run(world, S - 1);
    world_stall(world, 5999 * MS);
    world_run(world, 7 * S - 1);
    assert_outcomes(world, "ok 202, unsent 498");
    world_stop(world);
}

/* More at once than connections: the tester's want, and the answers still count. */
static void pool_full(void **state)
{
    (void)state;
    struct traffic_config config = traffic_config_default();
    config.stream_count = 1;
    config.streams[0] = traffic_stream_default(TRAFFIC_CONNECT);
    config.streams[0].law = law_constant(100, S);
    config.connections = 10;
    struct world *world = world_new_config(&config);
    world->pod[0].door = POD_SILENT;
    traffic_start(world->traffic, 0, 0, 0);
    world_run(world, 995 * MS);
    assert_int_equal(
        record_count_read(&world->record->streams[0].counters.outcomes[OUTCOME_UNSENT]), 90);
    const struct record_request *request = record_at(world->record, RECORD_REQUESTS, 0);
    assert_int_equal(request->reason, UNSENT_POOL_FULL);
    world->pod[0].door = POD_ACCEPT;
    world_run(world, 2500 * MS);
    world_stop(world);
}

/* The worker is away for 5 s at 10,000/s. Each turn after that does no more than its share of what
 * has piled up, and what arrives is received all the while: the answer that waited is taken in the
 * first. In the end all is accounted for, and the stream goes on. */
static void long_stall(enum traffic_catch_up catch_up, enum unsent_reason reason, uint64_t sent)
{
    struct traffic_config config = traffic_config_default();
    config.stream_count = 1;
    config.connections = 2000;
    config.streams[0] = traffic_stream_default(TRAFFIC_CONNECT);
    config.streams[0].law = law_constant(10000, S);
    config.streams[0].catch_up = catch_up;
    struct world *world = world_new_config(&config);
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, 0);
    world_stall(world, 5 * S);
    assert_outcomes(world, "late 1, unsent 256");
    uint64_t due = world_due(world), turns = 1;
    while (world->traffic->next_due_ns <= world->now_ns) {
        world_stall(world, world->now_ns + 1000);
        assert_in_range(world_due(world) - due, 0, 256 + 256);
        due = world_due(world);
        turns++;
    }
    assert_int_equal(turns, 50001 / 256 + 1);
    world_run(world, world->now_ns + 100 * MS - 1);
    uint64_t unsent = 0;
    for (uint64_t i = 0; i < world_due(world); i++) {
        const struct record_request *request = record_at(world->record, RECORD_REQUESTS, i);
        if (request->outcome != OUTCOME_UNSENT)
            continue;
        assert_int_equal(request->reason, reason);
        unsent++;
    }
    assert_in_range(unsent, 50000 - sent - 10, 50000 - sent + 10);
    world_stop(world);
}

/* Late by 20 ms at most, 200 slots, is sent. */
static void long_stall_sent_late(void **state)
{
    (void)state;
    long_stall(TRAFFIC_SEND_LATE, UNSENT_STALL, 200);
}

/* Only what does not count as sent late, 1 ms or 10 slots, is sent. */
static void long_stall_skipped(void **state)
{
    (void)state;
    long_stall(TRAFFIC_SKIP, UNSENT_SKIPPED, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet),
        cmocka_unit_test(refused),
        cmocka_unit_test(silent_in_turn),
        cmocka_unit_test(syn_again),
        cmocka_unit_test(targets_are_told_apart),
        cmocka_unit_test(stop_in_the_middle),
        cmocka_unit_test(syn_sent_after_the_stop),
        cmocka_unit_test(tester_stall),
        cmocka_unit_test(pool_full),
        cmocka_unit_test(long_stall_sent_late),
        cmocka_unit_test(long_stall_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
