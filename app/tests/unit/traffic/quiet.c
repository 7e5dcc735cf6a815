/* Held connections that sleep between their requests: nothing that is told of them is different. */
#include "traffic/quiet.h"

#include "tests/unit/traffic/world.h"

/* FLOWS that send each 5 s, and wait for an answer for 1 s. */
static struct world *start(uint32_t flows)
{
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_CTRAFFIC);
    stream.flows = flows;
    stream.law = law_constant(flows, 5 * S);
    stream.size_bytes = 256;
    struct world *world = world_new(&stream);
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    return world;
}

static void assert_asleep(const struct world *world, uint32_t asleep, uint32_t awake)
{
    assert_int_equal(world->traffic->asleep, asleep);
    assert_int_equal(world->traffic->conns.taken, awake);
    assert_int_equal(traffic_connections(world->traffic), asleep + awake);
}

/* From one request to the next: up to the stop the account is that of one that never slept. */
static void between_requests(void **state)
{
    (void)state;
    struct world *world = start(4);
    world->pods = 4;
    world_run(world, MS);
    assert_asleep(world, 4, 0); /* Connected. */
    world_run(world, 21 * S);
    assert_outcomes(world, "ok 16");
    assert_asleep(world, 4, 0);
    for (unsigned i = 0; i < 16; i++) {
        const struct record_request *request = record_at(world->record, RECORD_REQUESTS, i);
        assert_int_equal(request->sent_ns - request->due_ns, WORLD_STAMP_NS);
        assert_int_equal(request->done_ns - request->due_ns, 2 * WORLD_WAY_NS);
        assert_int_not_equal(request->host, 0);
    }
    assert_int_equal(world_count(world, RECORD_HOSTS), 4);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    world_run(world, 22 * S);
    assert_ends(world, "lasting 4");
    assert_int_equal(world->fins, 4);
    assert_asleep(world, 0, 0);
    for (unsigned i = 0; i < 4; i++) {
        const struct record_connection *connection = world_connection(world, i);
        const struct record_request *last = record_at(world->record, RECORD_REQUESTS, 12 + i);
        assert_int_equal(connection->id, i + 1);
        assert_int_equal(connection->flow, i);
        assert_int_equal(connection->sent, 4);
        assert_int_equal(connection->received, 4);
        assert_int_equal(connection->opened_ns, WORLD_STAMP_NS);
        assert_int_equal(connection->connected_ns, 2 * WORLD_WAY_NS);
        assert_int_equal(connection->last_good_sent_ns, last->sent_ns);
        assert_int_equal(connection->last_good_done_ns, last->done_ns);
        assert_int_equal(connection->first_unanswered_ns, 0);
        assert_in_range(connection->largest_rtt_ns, 2 * WORLD_WAY_NS - 64, 2 * WORLD_WAY_NS);
        assert_int_equal(connection->failed_connects, 0);
        assert_int_equal(connection->host, last->host);
        assert_int_not_equal(connection->host, 0);
    }
    world_free(world);
}

/* One that never had a request keeps the times of its SYN. */
static void before_the_first_request(void **state)
{
    (void)state;
    struct world *world = start(1);
    world->drop_syn = true;
    world_run(world, 1200 * MS);
    world_reset(world, 0);
    world_run(world, 1201 * MS);
    const struct record_connection *connection = world_connection(world, 0);
    assert_int_equal(connection->end, CONNECTION_RST);
    assert_int_equal(connection->retransmits, 1);
    assert_int_equal(connection->last_good_sent_ns, connection->opened_ns);
    assert_int_equal(connection->last_good_done_ns, connection->connected_ns);
    world_stop(world);
}

/* A reset wakes it, and its flow connects again at once. */
static void reset_asleep(void **state)
{
    (void)state;
    struct world *world = start(2);
    world_run(world, 6 * S);
    uint64_t before = record_count_read(&world->record->streams[0].counters.received);
    assert_asleep(world, 2, 0);
    world_reset(world, 0);
    world_run(world, 12 * S);
    assert_ends(world, "reset 2");
    assert_int_equal(world_count(world, RECORD_OUTAGES), 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct record_outage *outage = world_outage(world, i);
        const struct record_connection *connection = world_connection(world, outage->flow);
        assert_int_equal(outage->signal, CONNECTION_RST);
        assert_int_equal(outage->connection, connection->id);
        assert_int_equal(outage->last_good_done_ns, connection->last_good_done_ns);
        assert_int_equal(outage->attempts, 1);
        assert_int_equal(connection->received * 2, before);
    }
    world_stop(world);
}

/* The peer closes: our FIN follows, nothing is reset, and the port is given back. */
static void closed_asleep(void **state)
{
    (void)state;
    struct world *world = start(2);
    world_run(world, 6 * S);
    assert_asleep(world, 2, 0);
    world_close(world, 0);
    world_run(world, 7 * S);
    assert_ends(world, "closed 2");
    assert_int_equal(world->fins, 2);
    assert_int_equal(world->resets, 0);
    assert_asleep(world, 2, 0);
    world_stop(world);
}

/* A connection and its end come in one burst: both are told. */
static void ended_in_the_burst(void **state)
{
    static void (*const end[])(struct world *, uint32_t) = {world_reset, world_close};
    static const char *const ends[] = {"reset 2", "closed 2"};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world *world = start(2);
        world->burst = true;
        world_stall(world, 0);
        assert_int_equal(world->syns, 2);
        end[i](world, 0);
        world_stall(world, MS);
        world_run(world, 6 * S);
        assert_ends(world, ends[i]);
        assert_int_equal(world_count(world, RECORD_OUTAGES), 2);
        assert_asleep(world, 2, 0);
        world_stop(world);
    }
}

/* No room to wake for a slot: it is unsent, and the next one finds room. An event finds room. */
static void no_room_to_wake(void **state)
{
    (void)state;
    struct world *world = start(1);
    world_run(world, 6 * S);
    assert_asleep(world, 1, 0);
    uint64_t due = world_due(world);
    world->traffic->conns_spare = world->traffic->conns.capacity;
    world_run(world, 11 * S);
    assert_int_equal(world_due(world), due + 1);
    const struct record_request *request = record_at(world->record, RECORD_REQUESTS, due);
    assert_int_equal(request->outcome, OUTCOME_UNSENT);
    assert_int_equal(request->reason, UNSENT_POOL_FULL);
    assert_asleep(world, 1, 0);
    world_reset(world, 0);
    world_run(world, 11 * S + MS);
    assert_ends(world, "reset 1, unsent 1");
    world->traffic->conns_spare = 0;
    world_run(world, 12 * S);
    assert_asleep(world, 1, 0);
    world_stop(world);
}

/* A slot that is due each half second: its connection never sleeps. */
static void busy(void **state)
{
    (void)state;
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_CTRAFFIC);
    stream.flows = 1;
    stream.law = law_constant(2, S);
    struct world *world = world_new(&stream);
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    world_run(world, S);
    for (unsigned i = 0; i < 100; i++) {
        world_run(world, S + i * 100 * MS);
        assert_asleep(world, 0, 1);
    }
    world_stop(world);
}

/* What the line does not hold exactly stays awake. */
static void too_much_to_say(void **state)
{
    (void)state;
    struct world *world = start(1);
    struct traffic *traffic = world->traffic;
    world_run(world, S);
    struct traffic_conn *conn = quiet_wake(traffic, &traffic->flows[0], world->now_ns);
    assert_non_null(conn);
    conn->account.blocked = 256;
    quiet_rest(traffic, conn, world->now_ns);
    assert_asleep(world, 0, 1);
    conn->account.blocked = 255;
    conn->account.retransmits = 65536;
    quiet_rest(traffic, conn, world->now_ns);
    assert_asleep(world, 0, 1);
    conn->account.retransmits = 65535;
    conn->account.failed_connects = 65535;
    quiet_rest(traffic, conn, world->now_ns);
    assert_asleep(world, 1, 0);
    conn = quiet_wake(traffic, &traffic->flows[0], world->now_ns);
    assert_int_equal(conn->account.blocked, 255);
    assert_int_equal(conn->account.retransmits, 65535);
    assert_int_equal(conn->account.failed_connects, 65535);
    world_stop(world);
}

/* No turn stops more than its share of the flows; those that are not stopped yet open nothing. */
static void stopped_by_turns(void **state)
{
    (void)state;
    struct world *world = start(1500);
    struct traffic_report report;
    world_run(world, S / 10);
    assert_int_equal(traffic_connections(world->traffic), 1500);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    assert_int_equal(world_count(world, RECORD_CONNECTIONS), TRAFFIC_STOPS_A_TURN);
    world_reset(world, 0);
    uint32_t syns = world->syns;
    world_run(world, 3 * S);
    assert_int_equal(world->syns, syns);
    assert_int_equal(world_count(world, RECORD_CONNECTIONS), 1500);
    assert_asleep(world, 0, 0);
    while (traffic_report(world->traffic, &report))
        continue;
    assert_int_equal(report.kind, TRAFFIC_REPORT_STOPPED);
    assert_true(traffic_next_ns(world->traffic) == UINT64_MAX);
    world_free(world);
}

/* The worker quits before all flows could be woken: none has lost its connection by that. */
static void quit_before_all_are_stopped(void **state)
{
    (void)state;
    struct world *world = start(1500);
    struct traffic *traffic = world->traffic;
    world_run(world, S / 10);
    world->pod[0].manner = POD_MUTE;
    traffic->conns_spare = traffic->conns.capacity - 100;
    assert_true(traffic_stop(traffic, 0, world->now_ns));
    world_run(world, world->now_ns + S);
    assert_asleep(world, 1400, 100);
    traffic_quit(traffic, world->now_ns);
    tcp_conn conn = 0;
    while ((conn = tcp_conn_next(world->tcp, conn)) != 0)
        tcp_abort(world->tcp, world->now_ns, conn);
    while (traffic_events(traffic, world->now_ns, 0) > 0)
        continue;
    assert_ends(world, "lasting 1500");
    assert_asleep(world, 0, 0);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 0);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(between_requests),   cmocka_unit_test(before_the_first_request),
        cmocka_unit_test(reset_asleep),       cmocka_unit_test(closed_asleep),
        cmocka_unit_test(no_room_to_wake),    cmocka_unit_test(busy),
        cmocka_unit_test(too_much_to_say),    cmocka_unit_test(stopped_by_turns),
        cmocka_unit_test(ended_in_the_burst), cmocka_unit_test(quit_before_all_are_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
