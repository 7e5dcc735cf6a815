/* Held streams: what befalls a service, and the account of it. Each test ends by proving that
 * each due request has one outcome and that nothing is left over. */
#include "traffic/held.h"
#include "tests/unit/traffic/world.h"
#include "traffic/traffic_config.h"

/* FLOWS at 5 packets/s each, 256 bytes: as ctraffic has them. */
static struct traffic_stream_config stream_of(uint32_t flows)
{
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_CTRAFFIC);
    stream.flows = flows;
    stream.law = law_constant(UINT64_C(5) * flows, S);
    stream.size_bytes = 256;
    return stream;
}

static struct world *start(uint32_t flows, uint32_t pods)
{
    struct traffic_stream_config stream = stream_of(flows);
    struct world *world = world_new(&stream);
    world->pods = pods;
    assert_true(traffic_start(world->traffic, 0, 0, 0));
    assert_false(traffic_start(world->traffic, 0, 0, 0));
    return world;
}

/* Nothing happens: 8 flows over 4 pods, 10 s. */
static void quiet(void **state)
{
    (void)state;
    struct world *world = start(8, 4);
    struct traffic_report report;
    world_run(world, S / 2);
    assert_true(traffic_report(world->traffic, &report));
    assert_int_equal(report.kind, TRAFFIC_REPORT_STARTED);
    assert_false(traffic_report(world->traffic, &report));
    const struct record_counters *counters = &world->record->streams[0].counters;
    assert_int_equal(record_count_read(&counters->connections_up), 8);
    assert_int_equal(record_count_read(&counters->steady_flows), 8);
    world_run(world, 10 * S - 1);
    assert_true(traffic_report(world->traffic, &report));
    assert_int_equal(report.kind, TRAFFIC_REPORT_STEADY);
    assert_in_range(report.at_ns, S, 1400 * MS);
    assert_outcomes(world, "ok 400");
    assert_int_equal(world_count(world, RECORD_HOSTS), 4);
    for (unsigned i = 0; i < 400; i++) {
        const struct record_request *request = record_at(world->record, RECORD_REQUESTS, i);
        assert_int_equal(request->sent_ns - request->due_ns, WORLD_STAMP_NS);
        assert_int_equal(request->done_ns - request->due_ns, 2 * WORLD_WAY_NS);
        assert_int_equal(request->first_byte_ns, request->done_ns);
        assert_int_equal(request->arrival_uncertainty_ns, WORLD_POLL_NS);
        assert_in_range(request->host, 1, 4);
        assert_int_not_equal(request->connection, 0);
    }
    assert_int_equal(traffic_stop(world->traffic, 1, world->now_ns), false);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 0);
    assert_int_equal(world->resets, 0);
    world_stop(world);
}

/* By a NIC that stamps: 2 us before the turns that find them. */
static void stamped(void **state)
{
    (void)state;
    struct world *world = start(2, 1);
    traffic_lag(world->traffic, 2000);
    world_run(world, S - 1);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    world_run(world, 3 * S);
    const struct record_connection *connection = world_connection(world, 0);
    assert_int_equal(connection->connected_ns - connection->opened_ns,
                     2 * WORLD_WAY_NS - WORLD_STAMP_NS - 2000);
    const struct record_request *request = record_at(world->record, RECORD_REQUESTS, 1);
    assert_int_equal(request->done_ns - request->due_ns, 2 * WORLD_WAY_NS - 2000);
    assert_int_equal(request->first_byte_ns, request->done_ns);
    assert_int_equal(request->arrival_uncertainty_ns, WORLD_POLL_NS - 2000);
    assert_true(traffic_start(world->traffic, 0, world->now_ns, 4 * S));
    world_stop(world);
}

/* At the stop each connection is lasting, closed by FIN, and has its account. */
static void lasting(void **state)
{
    (void)state;
    struct world *world = start(4, 4);
    world_run(world, 5 * S - 1);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    world_run(world, 7 * S);
    assert_ends(world, "lasting 4");
    assert_int_equal(world->fins, 4);
    assert_int_equal(world->resets, 0);
    for (unsigned i = 0; i < 4; i++) {
        const struct record_connection *connection = world_connection(world, i);
        assert_int_equal(connection->sent, 25);
        assert_int_equal(connection->received, 25);
        assert_int_equal(connection->blocked, 0);
        assert_int_equal(connection->ended_ns, 5 * S - 1);
        assert_int_equal(connection->first_unanswered_ns, 0);
        assert_int_equal(connection->opened_ns, WORLD_STAMP_NS);
        assert_int_equal(connection->connected_ns, 2 * WORLD_WAY_NS);
        assert_int_not_equal(connection->host, 0);
        assert_true(connection->last_good_done_ns > connection->last_good_sent_ns);
    }
    /* Started again, it is as new. */
    assert_true(traffic_start(world->traffic, 0, 7 * S, 8 * S));
    world_run(world, 10 * S - 1);
    assert_outcomes(world, "ok 140");
    world_stop(world);
}

/* A pod dies with RST, as its 2 flows' packets come: they go on with other pods at once. */
static void reset_in_flight(void **state)
{
    (void)state;
    struct world *world = start(8, 4);
    world_run(world, 3 * S - 1);
    world->pod[1].manner = POD_RESET;
    world->pod[1].door = POD_ACCEPT;
    world_run(world, 3 * S + 200 * MS - 1);
    world->pod[1].manner = POD_ECHO;
    assert_outcomes(world, "ok 126, reset 2");
    world_run(world, 5 * S - 1);
    assert_outcomes(world, "ok 198, reset 2");
    assert_int_equal(world_count(world, RECORD_OUTAGES), 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct record_outage *outage = world_outage(world, i);
        const struct record_connection *connection = world_connection(world, i);
        assert_int_equal(outage->signal, CONNECTION_RST);
        assert_int_equal(outage->lost, 1);
        assert_int_equal(outage->attempts, 1);
        assert_int_equal(outage->connection, connection->id);
        assert_int_not_equal(outage->successor, connection->id);
        /* By turns: to pod-0, and to the revived pod-1 itself. */
        assert_int_equal(outage->host == outage->successor_host, i == 1);
        /* One interval apart: last good, first unanswered; a round trip later the signal. */
        assert_int_equal(outage->first_unanswered_ns - outage->last_good_sent_ns, 200 * MS);
        assert_int_equal(outage->signal_ns - outage->first_unanswered_ns,
                         2 * WORLD_WAY_NS - WORLD_STAMP_NS);
        assert_int_equal(outage->first_attempt_ns - outage->signal_ns, WORLD_STAMP_NS);
        assert_int_equal(outage->connected_ns - outage->signal_ns, 2 * WORLD_WAY_NS);
        assert_int_equal(outage->recovered_sent_ns - outage->first_unanswered_ns, 200 * MS);
        assert_true(outage->recovered_done_ns > outage->recovered_sent_ns);
        assert_int_equal(outage->largest_rtt_ns, 2 * WORLD_WAY_NS);
        assert_int_equal(connection->end, CONNECTION_RST);
        assert_int_equal(connection->first_unanswered_ns, outage->first_unanswered_ns);
        assert_int_equal(connection->sent, 16);
        assert_int_equal(connection->received, 15);
    }
    world_stop(world);
}

/* A pod closes between two packets: its connections are lost, no request is. */
static void closed_between(void **state)
{
    (void)state;
    struct world *world = start(4, 4);
    world_run(world, 3 * S - 1);
    world->pod[2].door = POD_REFUSE;
    world_close(world, 2);
    world_run(world, 5 * S - 1);
    assert_outcomes(world, "ok 100");
    assert_int_equal(world_count(world, RECORD_OUTAGES), 1);
    const struct record_outage *outage = world_outage(world, 0);
    assert_int_equal(outage->signal, CONNECTION_FIN);
    assert_int_equal(outage->signal_ns, 3 * S - 1 + 2 * WORLD_WAY_NS);
    assert_int_equal(outage->lost, 0);
    assert_int_equal(outage->first_unanswered_ns, 0);
    assert_int_equal(record_count_read(&world->record->streams[0].counters.broken), 1);
    world_stop(world);
}

static void closed_in_flight(void **state)
{
    (void)state;
    struct world *world = start(1, 2);
    world_run(world, 2 * S - 1);
    world->pod[0].manner = POD_CLOSE;
    world_run(world, 4 * S - 1);
    assert_outcomes(world, "ok 19, closed 1");
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    world_run(world, 6 * S);
    assert_ends(world, "lasting 1, closed 1");
    assert_true(traffic_start(world->traffic, 0, 6 * S, 6 * S));
    world_stop(world);
}

/* A black hole: silence for the timeout, slots blocked meanwhile, a reset from us, and attempts
 * that nobody answers: 1.5 s, 100 ms, 1.5 s, 200 ms. At 10 s another pod is there. */
static void black_hole(void **state)
{
    (void)state;
    struct world *world = start(1, 1);
    world_run(world, 2 * S - 1);
    assert_outcomes(world, "ok 10");
    world->pod[0].manner = POD_MUTE;
    world->pod[0].door = POD_SILENT;
    world_run(world, 3400 * MS);
    const struct record_connection *connection = world_connection(world, 0);
    assert_int_equal(connection->end, CONNECTION_SILENCE);
    assert_int_equal(connection->blocked, 5);
    assert_int_equal(world->resets, 1);
    uint64_t given_up = connection->ended_ns;
    assert_in_range(given_up - connection->first_unanswered_ns, S - WORLD_STAMP_NS, S + 100000);
    world_run(world, 9 * S);
    world->pods = 2;
    world->next_pod = 1;
    world_run(world, 14 * S - 1);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 1);
    const struct record_outage *outage = world_outage(world, 0);
    assert_int_equal(outage->signal, CONNECTION_SILENCE);
    assert_int_equal(outage->signal_ns, given_up);
    assert_int_equal(outage->first_unanswered_ns, connection->first_unanswered_ns);
    assert_in_range(outage->first_attempt_ns - given_up, 0, WORLD_STAMP_NS);
    /* 3.0 .. 4.5 .. 6.1 .. 7.8 .. 9.6: the first four fail, but for the SYN sent again at 9 s and
     * later. */
    assert_in_range(outage->attempts, 4, 5);
    assert_true(outage->recovered_done_ns > 9 * S);
    uint64_t lost = outage->lost;
    uint64_t good = record_count_read(&world->record->streams[0].counters.received);
    assert_int_equal(lost + good, world_due(world));
    assert_int_equal(world_due(world), 70);
    assert_int_equal(
        record_count_read(&world->record->streams[0].counters.outcomes[OUTCOME_STALLED]), 1);
    assert_int_equal(
        record_count_read(&world->record->streams[0].counters.outcomes[OUTCOME_BLOCKED]), lost - 1);
    world_stop(world);
}

/* Refused: waits of 100, 200, .. 1000, 1000 ms between attempts. */
static void back_off(void **state)
{
    (void)state;
    struct world *world = start(1, 1);
    world->pod[0].door = POD_REFUSE;
    world_run(world, 12 * S);
    for (unsigned i = 1; i < 14; i++) {
        uint64_t wait_ns = (i < 10 ? i : 10) * 100 * MS;
        assert_in_range(world->syn_ns[i] - world->syn_ns[i - 1], wait_ns, wait_ns + 300000);
    }
    uint64_t count = world_count(world, RECORD_CONNECTIONS);
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(world_connection(world, i)->end, CONNECTION_REFUSED);
        assert_int_equal(world_connection(world, i)->failed_connects, i + 1);
        assert_int_equal(world_connection(world, i)->connected_ns, 0);
    }
    assert_int_equal(record_count_read(&world->record->streams[0].counters.failed_connects), count);
    assert_int_equal(record_count_read(&world->record->streams[0].counters.broken), 0);
    /* Once it is up, the series is over. */
    world->pod[0].door = POD_ACCEPT;
    world_run(world, 14 * S);
    world_reset(world, 0);
    world->pod[0].door = POD_REFUSE;
    uint32_t syns = world->syns;
    world_run(world, 14 * S + 150 * MS);
    assert_int_equal(world->syns, syns + 2);
    assert_int_equal(world_outage(world, 0)->last_good_done_ns, 0);
    assert_int_equal(world_outage(world, 0)->connection, 0);
    assert_int_equal(world_outage(world, 0)->signal, CONNECTION_REFUSED);
    world_stop(world);
}

/* An answer takes 650 ms: late; the slots that came meanwhile are blocked; the same connection
 * goes on. */
static void late(void **state)
{
    (void)state;
    struct world *world = start(1, 1);
    world_run(world, 2 * S - 1);
    world->pod[0].delay_ns = 650 * MS;
    world_run(world, 2200 * MS - 1);
    world->pod[0].delay_ns = 0;
    world_run(world, 4 * S - 1);
    assert_outcomes(world, "ok 16, late 1, blocked 3");
    assert_int_equal(world_count(world, RECORD_OUTAGES), 1);
    const struct record_outage *outage = world_outage(world, 0);
    assert_int_equal(outage->signal, CONNECTION_SILENCE);
    assert_int_equal(outage->attempts, 0);
    assert_int_equal(outage->connected_ns, 0);
    assert_int_equal(outage->connection, outage->successor);
    assert_int_equal(outage->lost, 3);
    assert_int_equal(outage->recovered_sent_ns, outage->first_unanswered_ns);
    world_stop(world);
}

/* A packet is lost on the way and sent again after the RTO: repaired, and one lost segment. */
static void repaired(void **state)
{
    (void)state;
    struct traffic_stream_config stream = stream_of(1);
    stream.law = law_constant(1, S);
    struct world *world = world_new(&stream);
    traffic_start(world->traffic, 0, 0, 0);
    world_run(world, 3 * S);
    world->pod[0].manner = POD_DROP_ONE;
    world_run(world, 6 * S);
    assert_outcomes(world, "ok 5, repaired 1");
    assert_int_equal(world_count(world, RECORD_SEGMENTS), 1);
    const struct record_segment *segment = record_at(world->record, RECORD_SEGMENTS, 0);
    assert_int_equal(segment->offset, 3 * 256);
    assert_int_equal(segment->bytes, 256);
    assert_int_equal(segment->cause, RECORD_RESEND_TIMER);
    assert_true(segment->resent_ns > segment->first_sent_ns);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 0);
    world_stop(world);
}

/* The worker is away for 700 ms: one slot of each flow is a bit late and is sent, with a fault;
 * those that are older than an interval are unsent, and nothing is blamed on the service. */
static void tester_stall(void **state)
{
    (void)state;
    struct world *world = start(2, 1);
    world_run(world, 2 * S - 1);
    assert_outcomes(world, "ok 20");
    world_stall(world, 2700 * MS - 1);
    world_run(world, 4 * S - 1);
    const struct record_counters *counters = &world->record->streams[0].counters;
    uint64_t unsent = record_count_read(&counters->outcomes[OUTCOME_UNSENT]);
    uint64_t ok = record_count_read(&counters->outcomes[OUTCOME_OK]);
    assert_int_equal(unsent + ok, 40);
    assert_in_range(unsent, 4, 6);
    for (unsigned i = 0; i < 40; i++) {
        const struct record_request *request = record_at(world->record, RECORD_REQUESTS, i);
        assert_int_equal(request->reason,
                         request->outcome == OUTCOME_UNSENT ? UNSENT_STALL : UNSENT_NONE);
    }
    traffic_flush_faults(world->traffic);
    assert_int_equal(world_count(world, RECORD_FAULTS), 1);
    const struct record_fault *fault = record_at(world->record, RECORD_FAULTS, 0);
    assert_int_equal(fault->kind, FAULT_SENT_LATE);
    assert_int_equal(fault->count, 2);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 0);
    world_stop(world);
}

/* Stopped with a packet in flight, a connection under way, and an outage open. */
static void stop_in_the_middle(void **state)
{
    (void)state;
    struct world *world = start(2, 2);
    world_run(world, 2 * S - 1);
    world->pod[0].delay_ns = 10 * MS;
    world->pod[1].door = POD_SILENT;
    world->next_pod = 1;
    world_reset(world, 1);
    world_run(world, 2200 * MS);
    const struct record_request *last =
        record_at(world->record, RECORD_REQUESTS, world_count(world, RECORD_REQUESTS) - 1);
    uint64_t due_ns = last->due_ns;
    world_run(world, due_ns + 200 * MS + 1000);
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    world_run(world, world->now_ns + 5 * S);
    assert_ends(world, "lasting 1, reset 1, unfinished 1");
    assert_int_equal(world_count(world, RECORD_OUTAGES), 1);
    assert_int_equal(world_outage(world, 0)->recovered_done_ns, 0);
    assert_int_equal(world_outage(world, 0)->attempts, 1);
    const struct record_counters *counters = &world->record->streams[0].counters;
    assert_true(record_count_read(&counters->outcomes[OUTCOME_UNFINISHED]) <= 1);
    assert_int_equal(traffic_connections(world->traffic), 0);
    assert_true(traffic_start(world->traffic, 0, world->now_ns, 0));
    world_stop(world);
}

/* A server that takes no FIN: after 2 s we reset. */
static void stop_against_a_wall(void **state)
{
    (void)state;
    struct world *world = start(3, 1);
    world_run(world, S);
    world->pod[0].manner = POD_MUTE;
    assert_true(traffic_stop(world->traffic, 0, S));
    world_run(world, 2900 * MS);
    assert_int_equal(traffic_connections(world->traffic), 3);
    assert_int_equal(world->resets, 0);
    world_run(world, 3100 * MS);
    assert_int_equal(traffic_connections(world->traffic), 0);
    assert_int_equal(world->resets, 3);
    assert_ends(world, "lasting 3");
    assert_true(traffic_start(world->traffic, 0, world->now_ns, 0));
    world_stop(world);
}

static void a_wrong_byte(void **state)
{
    (void)state;
    struct world *world = start(1, 2);
    world_run(world, 2 * S - 1);
    world->pod[0].manner = POD_WRONG;
    world_run(world, 4 * S - 1);
    assert_outcomes(world, "ok 19, bad-answer 1");
    assert_int_equal(world_outage(world, 0)->signal, CONNECTION_BAD_ANSWER);
    assert_int_equal(world->resets, 1);
    world_stop(world);
}

/* It accepts and closes at once: some attempts, not a flood; then it works again. */
static void slammed_door(void **state)
{
    (void)state;
    struct world *world = start(1, 1);
    world->pod[0].door = POD_SLAM;
    world_run(world, 3 * S);
    assert_in_range(world->syns, 8, 13);
    world->pod[0].door = POD_ACCEPT;
    world_run(world, 6 * S);
    const struct record_counters *counters = &world->record->streams[0].counters;
    assert_int_equal(record_count_read(&counters->connections_up), 1);
    assert_int_equal(record_count_read(&counters->failed_connects), 0);
    assert_true(record_count_read(&counters->outcomes[OUTCOME_OK]) >= 10);
    world_stop(world);
}

static void answers_in_pieces(void **state)
{
    static const uint32_t pieces[] = {1, 63, 64, 65, 192, 255};
    (void)state;
    for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct world *world = start(2, 1);
        world->pod[0].piece_bytes = pieces[i];
        world_run(world, 2 * S - 1);
        assert_outcomes(world, "ok 20");
        world_stop(world);
    }
}

/* Three client ports for four flows: the fourth is the tester's want. */
static void no_client_port(void **state)
{
    (void)state;
    struct traffic_config config = traffic_config_default();
    config.stream_count = 1;
    config.streams[0] = stream_of(4);
    config.pool_count = 1;
    assert_int_equal(prefix_parse("10.0.0.1/32", &config.pools[0], NULL), 0);
    config.port_first = 5000;
    config.port_last = 5002;
    struct world *world = world_new_config(&config);
    traffic_start(world->traffic, 0, 0, 0);
    world_run(world, 2 * S - 1);
    assert_outcomes(world, "ok 30, unsent 10");
    for (unsigned i = 0; i < 40; i++) {
        const struct record_request *request = record_at(world->record, RECORD_REQUESTS, i);
        if (request->outcome == OUTCOME_UNSENT)
            assert_int_equal(request->reason, UNSENT_NO_PORT);
    }
    assert_int_equal(world_count(world, RECORD_OUTAGES), 0);
    world_stop(world);
}

static void unreachable(void **state)
{
    (void)state;
    struct world *world = start(1, 1);
    world->pod[0].door = POD_HOST_UNREACHABLE;
    world_run(world, 250 * MS);
    assert_true(world_count(world, RECORD_CONNECTIONS) >= 2);
    assert_int_equal(world_connection(world, 0)->end, CONNECTION_ICMP);
    world->pod[0].door = POD_ACCEPT;
    world_run(world, 3 * S);
    world->no_hop = true;
    world_run(world, 5 * S);
    world->no_hop = false;
    world_run(world, 9 * S);
    const struct record_counters *counters = &world->record->streams[0].counters;
    assert_int_equal(record_count_read(&counters->outcomes[OUTCOME_UNREACHABLE]), 1);
    assert_int_equal(record_count_read(&counters->outcomes[OUTCOME_STALLED]), 0);
    assert_int_equal(record_count_read(&counters->connections_up), 1);
    world_stop(world);
}

/* The port takes nothing for 1.5 s: the packet in hand and the slots after it are ours to answer
 * for. */
static void no_room_to_send(void **state)
{
    (void)state;
    struct world *world = start(1, 1);
    world_run(world, 2 * S - 1);
    world->tx_full = true;
    world_run(world, 3500 * MS - 1);
    world->tx_full = false;
    world_run(world, 6 * S - 1);
    const struct record_counters *counters = &world->record->streams[0].counters;
    uint64_t unsent = record_count_read(&counters->outcomes[OUTCOME_UNSENT]);
    assert_in_range(unsent, 5, 8);
    uint64_t count = world_count(world, RECORD_REQUESTS);
    for (uint64_t i = 0; i < count; i++) {
        const struct record_request *request = record_at(world->record, RECORD_REQUESTS, i);
        if (request->outcome == OUTCOME_UNSENT)
            assert_int_equal(request->reason, UNSENT_TX_FULL);
    }
    world_stop(world);
}

/* The sweep's beginning has a seed of its own: the same offsets, other ports. */
static void port_seed(void **state)
{
    uint64_t due_ns[2];
    uint16_t ports[2];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct traffic_config config = traffic_config_default();
        config.stream_count = 1;
        config.streams[0] = stream_of(1);
        config.seed = 5;
        config.port_seed = 100 + i;
        struct world *world = world_new_config(&config);
        traffic_start(world->traffic, 0, 0, 0);
        world_run(world, S);
        due_ns[i] =
            ((const struct record_request *)record_at(world->record, RECORD_REQUESTS, 0))->due_ns;
        assert_true(traffic_stop(world->traffic, 0, S));
        ports[i] = world_connection(world, 0)->tuple.local_port;
        world_run(world, 2 * S);
        world_free(world);
    }
    assert_int_equal(due_ns[0], due_ns[1]);
    assert_int_not_equal(ports[0], ports[1]);
}

/* At most flows * retries connections and attempts. */
static void retries(void **state)
{
    (void)state;
    struct traffic_stream_config stream = stream_of(2);
    stream.retries = 3;
    struct world *world = world_new(&stream);
    world->pod[0].door = POD_REFUSE;
    traffic_start(world->traffic, 0, 0, 0);
    world_run(world, 20 * S);
    assert_int_equal(world->syns, 6);
    assert_int_equal(world_count(world, RECORD_CONNECTIONS), 6);
    world_stop(world);
}

static void refused_at_set_up(const struct traffic_stream_config *stream, const char *text)
{
    struct traffic_config config = traffic_config_default();
    struct error err = {0};
    config.stream_count = 1;
    config.streams[0] = *stream;
    config.streams[0].target_count = 1;
    config.streams[0].targets[0].port = 5003;
    assert_int_equal(address_parse("10.9.0.1", &config.streams[0].targets[0].address, NULL), 0);
    config.pool_count = 1;
    assert_int_equal(prefix_parse("10.0.0.0/29", &config.pools[0], NULL), 0);
    assert_int_equal(traffic_config_check(&config, &err) == 0, text[0] == '\0');
    assert_string_equal(err.text, text);
}

/* The stream stops when a thousand slots are overdue: no turn takes them all. */
static void stop_after_a_stall(void **state)
{
    (void)state;
    struct traffic_stream_config stream = stream_of(200);
    struct world *world = world_new(&stream);
    const struct record_counters *counters = &world->record->streams[0].counters;
    traffic_start(world->traffic, 0, 0, 0);
    world_run(world, S);
    uint64_t sent = record_count_read(&counters->sent);
    world->now_ns = 2 * S;
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    assert_int_equal(traffic_due_regardless(world->traffic, world->now_ns), 0);
    for (unsigned done = 256; done < 1000; done += 256) {
        assert_int_equal(record_count_read(&counters->due), sent + done);
        assert_true(traffic_next_ns(world->traffic) <= world->now_ns);
        traffic_due(world->traffic, world->now_ns);
    }
    assert_int_equal(record_count_read(&counters->due), 2000);
    world_run(world, 3 * S);
    assert_int_equal(record_count_read(&counters->due), 2000);
    assert_true(record_sums_hold(world->record));
    assert_true(traffic_next_ns(world->traffic) == UINT64_MAX);
    assert_true(traffic_start(world->traffic, 0, world->now_ns, world->now_ns));
    world_stop(world);
}

/* Three flows are broken and there is memory for two outages: both are whole, and the third is counted
 * as refused, once. When the two have proved to be well, there is room again. */
static void more_outages_than_memory(void **state)
{
    (void)state;
    struct traffic_config config = traffic_config_default();
    config.stream_count = 1;
    config.streams[0] = stream_of(3);
    config.seed = 1;
    config.outages = 2;
    config.validate = 2;
    struct world *world = world_new_config(&config);
    const struct record_log *log = &world->record->logs[RECORD_OUTAGES];
    traffic_start(world->traffic, 0, 0, 0);
    world_run(world, S);
    world_reset(world, 0);
    world_run(world, 2 * S);
    assert_ends(world, "reset 3");
    assert_int_equal(world_count(world, RECORD_OUTAGES), 2);
    assert_int_equal(record_count_read(&log->refused), 1);
    assert_int_equal(world_outage(world, 0)->signal, CONNECTION_RST);
    assert_int_equal(world_outage(world, 0)->attempts, 1);
    assert_int_not_equal(world_outage(world, 1)->recovered_done_ns, 0);
    world->pod[0].manner = POD_MUTE;
    world_run(world, 4 * S);
    assert_int_equal(record_count_read(&log->refused), 2);
    world->pod[0].manner = POD_ECHO;
    world_run(world, 8 * S);
    assert_int_equal(world_count(world, RECORD_OUTAGES), 4);
    world_stop(world);
}

/* So many connections of a held stream are opened at a time, and the others when there is room. */
static void opening(void **state)
{
    (void)state;
    struct traffic_config config = traffic_config_default();
    config.stream_count = 1;
    config.streams[0] = stream_of(TRAFFIC_CONNECTING + 100);
    config.connections = TRAFFIC_CONNECTING + 200;
    struct world *world = world_new_config(&config);
    const struct record_counters *counters = &world->record->streams[0].counters;
    traffic_start(world->traffic, 0, 0, 10 * S);
    for (unsigned i = 0; i < TRAFFIC_CONNECTING; i++)
        traffic_due(world->traffic, 0);
    assert_int_equal(record_count_read(&counters->connecting), TRAFFIC_CONNECTING);
    assert_int_equal(record_count_read(&counters->failed_connects), 0);
    /* A flow that would connect again waits as well, and its slots say why. */
    struct traffic_flow *flow = &world->traffic->flows[TRAFFIC_CONNECTING + 1];
    held_pattern.wake(world->traffic, flow, 0);
    assert_int_equal(record_count_read(&counters->connecting), TRAFFIC_CONNECTING);
    assert_int_equal(flow->unsent_reason, UNSENT_POOL_FULL);
    assert_true(wheel_is_set(&flow->timer.wheel));
    world_free(world);
}

/* What would never end a turn. */
static void impossible(void **state)
{
    static const char rate[] = "stream \"\", rate: requests that are answered need one";
    static const char wait[] = "stream \"\", back-off: must be more than 0";
    (void)state;
    struct traffic_stream_config stream = stream_of(2);
    refused_at_set_up(&stream, "");
    stream.law = law_maximum();
    refused_at_set_up(&stream, rate);
    stream.pattern = TRAFFIC_OPEN;
    refused_at_set_up(&stream, rate);
    stream.pattern = TRAFFIC_CLOSED;
    refused_at_set_up(&stream, "");
    stream.back_off_ns = 0;
    refused_at_set_up(&stream, wait);
    stream = stream_of(2);
    stream.back_off_ns = 0;
    refused_at_set_up(&stream, wait);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet),
        cmocka_unit_test(stamped),
        cmocka_unit_test(lasting),
        cmocka_unit_test(reset_in_flight),
        cmocka_unit_test(closed_between),
        cmocka_unit_test(closed_in_flight),
        cmocka_unit_test(black_hole),
        cmocka_unit_test(back_off),
        cmocka_unit_test(late),
        cmocka_unit_test(repaired),
        cmocka_unit_test(tester_stall),
        cmocka_unit_test(stop_in_the_middle),
        cmocka_unit_test(stop_against_a_wall),
        cmocka_unit_test(a_wrong_byte),
        cmocka_unit_test(slammed_door),
        cmocka_unit_test(answers_in_pieces),
        cmocka_unit_test(no_client_port),
        cmocka_unit_test(unreachable),
        cmocka_unit_test(no_room_to_send),
        cmocka_unit_test(port_seed),
        cmocka_unit_test(retries),
        cmocka_unit_test(stop_after_a_stall),
        cmocka_unit_test(more_outages_than_memory),
        cmocka_unit_test(opening),
        cmocka_unit_test(impossible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
