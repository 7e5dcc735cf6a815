/* A worker on an lcore without a wire: commands, reports, faults, and leaving the loop with
 * connections open. The port is null's: no next hop ever answers, so nothing that is sent
 * leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_launch.h>

#include "base/clock.h"
#include "net/net_setup.h"
#include "worker/worker_priv.h"

#define S UINT64_C(1000000000)

enum {
    FLOWS = 4,
    FLOWS_THAT_WAIT = 6000 /* Too many to be stopped in one turn. */
};

static struct clock run_clock;
static struct net_port *port;
static struct worker_config config;
static struct worker *worker;

static int launch(struct error *err)
{
    worker = worker_setup(&config, err);
    return worker == NULL ? -1 : rte_eal_remote_launch(worker_main, worker, net_worker_lcore(0));
}

static struct worker_report next_report(void)
{
    struct worker_report report = {0};
    for (unsigned i = 0; i < 5000; i++) {
        if (worker_report(worker, &report))
            return report;
        usleep(1000);
    }
    fail_msg("no report within 5 s");
    return report;
}

/* Those of net may come between. */
static struct worker_report next_of_streams(void)
{
    struct worker_report report = next_report();
    while (report.kind == WORKER_NET_EVENT)
        report = next_report();
    return report;
}

static void command(struct worker_command bytes)
{
    assert_true(worker_command(worker, &bytes));
}

static void test_commands_are_answered(void **state)
{
    (void)state;
    command((struct worker_command){.kind = WORKER_STOP, .stream = 0});
    struct worker_report report = next_of_streams();
    assert_int_equal(report.kind, WORKER_BAD_COMMAND);
    assert_int_equal(report.stream, 0);
    command((struct worker_command){.kind = WORKER_START, .stream = 9});
    report = next_of_streams();
    assert_int_equal(report.kind, WORKER_BAD_COMMAND);
    assert_int_equal(report.stream, 9);
    command((struct worker_command){.kind = 1000});
    assert_int_equal(next_of_streams().kind, WORKER_BAD_COMMAND);
    command((struct worker_command){.kind = WORKER_START, .stream = 0});
    report = next_of_streams();
    assert_int_equal(report.kind, WORKER_STREAM_STARTED);
    command((struct worker_command){.kind = WORKER_START, .stream = 0});
    assert_int_equal(next_of_streams().kind, WORKER_BAD_COMMAND);
}

/* What control saw of the port is on the worker's log, behind what the worker saw itself. */
static void test_control_may_add_a_fault(void **state)
{
    (void)state;
    const struct record *record = worker_record(worker);
    const struct record_fault fault = {
        .start_ns = 1, .end_ns = 2, .count = 77, .kind = FAULT_MISSED};
    bool found = false;
    command((struct worker_command){.kind = WORKER_FAULT, .fault = fault});
    for (unsigned i = 0; i < 1000 && !found; i++) {
        usleep(1000);
        for (uint64_t j = 0; j < record_count(record, RECORD_FAULTS); j++) {
            const struct record_fault *of = record_at(record, RECORD_FAULTS, j);
            found = found || (of->kind == FAULT_MISSED && of->count == 77);
        }
    }
    assert_true(found);
}

/* Attempts fail after 300 ms, for want of a next hop and not of an answer. */
static void test_an_unresolved_next_hop(void **state)
{
    (void)state;
    const struct record *record = worker_record(worker);
    for (unsigned i = 0; i < 3000 && record_count(record, RECORD_CONNECTIONS) < FLOWS; i++)
        usleep(1000);
    assert_true(record_count(record, RECORD_CONNECTIONS) >= FLOWS);
    for (unsigned i = 0; i < FLOWS; i++) {
        const struct record_connection *connection = record_at(record, RECORD_CONNECTIONS, i);
        assert_int_equal(connection->end, CONNECTION_ICMP);
        assert_int_equal(connection->connected_ns, 0);
    }
    assert_true(record_count_read(&worker_counters(worker)->hop_refusals) >= FLOWS);
}

/* Left at once; the account is whole all the same. */
static void test_quit_leaves_nothing_over(void **state)
{
    (void)state;
    struct worker_leftovers leftovers;
    const struct record_counters *counters = &worker_record(worker)->streams[0].counters;
    for (unsigned i = 0; i < 3000 && record_count_read(&counters->due) == 0; i++)
        usleep(1000);
    command((struct worker_command){.kind = WORKER_QUIT});
    rte_eal_wait_lcore(net_worker_lcore(0));
    assert_true(worker_leftovers(worker, &leftovers));
    struct worker_report report = next_of_streams();
    assert_int_equal(report.kind, WORKER_STREAM_STOPPED);
    assert_int_equal(next_of_streams().kind, WORKER_ENDED);
    assert_true(record_count_read(&counters->due) > 0);
    /* Which outcome a slot got depends on when the worker came to it; none was answered. */
    for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        if (outcome_is_good(outcome))
            assert_int_equal(record_count_read(&counters->outcomes[outcome]), 0);
    assert_true(record_sums_hold(worker_record(worker)));
    assert_true(record_count_read(&worker_counters(worker)->end_ns) > 0);
    worker_free(worker);
}

/* Flows that wait for their next attempt have no connection for the worker to wait for; each has an
 * outage all the same, and that is written before the worker leaves. */
static void test_shutdown_waits_for_all_to_be_stopped(void **state)
{
    (void)state;
    struct traffic_stream_config *stream = &config.traffic.streams[0];
    struct worker_leftovers leftovers;
    struct error err = {0};
    stream->protocol = TRAFFIC_CONNECT;
    stream->pattern = TRAFFIC_CLOSED;
    stream->keep_alive = false;
    stream->flows = FLOWS_THAT_WAIT;
    stream->back_off_ns = stream->back_off_max_ns = 3600 * S;
    if (launch(&err) < 0)
        fail_msg("%s", err.text);
    const struct record *record = worker_record(worker);
    command((struct worker_command){.kind = WORKER_START, .stream = 0});
    assert_int_equal(next_of_streams().kind, WORKER_STREAM_STARTED);
    for (unsigned i = 0; i < 60000 && record_count(record, RECORD_CONNECTIONS) < FLOWS_THAT_WAIT;
         i++)
        usleep(1000);
    assert_int_equal(record_count(record, RECORD_CONNECTIONS), FLOWS_THAT_WAIT);
    command((struct worker_command){.kind = WORKER_SHUTDOWN});
    rte_eal_wait_lcore(net_worker_lcore(0));
    assert_int_equal(record_count(record, RECORD_OUTAGES), FLOWS_THAT_WAIT);
    assert_int_equal(next_of_streams().kind, WORKER_STREAM_STOPPED);
    assert_int_equal(next_of_streams().kind, WORKER_ENDED);
    assert_true(worker_leftovers(worker, &leftovers));
    worker_free(worker);
    assert_int_equal(net_port_close(port), 0);
}

/* A few packets while a datagram is due soon, or overdue; whole bursts without one, and when so many
 * answers may be waiting that the queue could run over. */
static void test_how_much_a_turn_reads(void **state)
{
    (void)state;
    static const struct {
        uint64_t due_ns;
        uint32_t unread;
        uint16_t most;
    } rows[] = {
        {UINT64_MAX, 0, NET_RX_MAX},
        {1000000 + WORKER_SOON_NS, 0, NET_RX_MAX},
        {1000000 + WORKER_SOON_NS - 1, 0, WORKER_SLICE},
        {0, 0, WORKER_SLICE},
        {0, WORKER_UNREAD - 1, WORKER_SLICE},
        {0, WORKER_UNREAD, NET_RX_MAX},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(worker_slice(1000000, rows[i].due_ns, rows[i].unread), rows[i].most);
}

static int start(void **state)
{
    (void)state;
    const struct net_eal_config eal = {.main_core = -1,
                                       .worker_cores = {1},
                                       .worker_count = 1,
                                       .memory = NET_MEMORY_PAGES,
                                       .memory_mib = 128};
    struct net_port_config of_port = {.name = "test", .profile = "null", .device = "worker0"};
    struct traffic_config *traffic = &config.traffic;
    struct address hop;
    struct error err = {0};
    config = worker_config_default();
    clock_start(&run_clock, 50000000);
    traffic->stream_count = 1;
    traffic->pool_count = 1;
    traffic->streams[0] = traffic_stream_default(TRAFFIC_CTRAFFIC);
    traffic->streams[0].flows = FLOWS;
    traffic->streams[0].connect_timeout_ns = 300000000;
    traffic->streams[0].target_count = 1;
    traffic->streams[0].targets[0].port = 5003;
    of_port.pool_count = 1;
    if (prefix_parse("10.0.0.0/24", &of_port.pools[0], &err) < 0 ||
        address_parse("10.0.1.1", &hop, &err) < 0 || net_eal_start(&eal, NULL, &err) < 0 ||
        net_port_open(&of_port, getenv("SEAMLINE_DRIVERS"), &port, NULL, &err) < 0 ||
        net_group_add(port, &hop, 1, &err) < 0) {
        print_error("%s\n", err.text);
        return -1;
    }
    traffic->pools[0] = of_port.pools[0];
    traffic->streams[0].targets[0].address = hop;
    config.clock = &run_clock;
    config.port = port;
    if (launch(&err) < 0) {
        print_error("%s\n", err.text);
        return -1;
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    net_eal_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_much_a_turn_reads),
        cmocka_unit_test(test_commands_are_answered),
        cmocka_unit_test(test_control_may_add_a_fault),
        cmocka_unit_test(test_an_unresolved_next_hop),
        cmocka_unit_test(test_quit_leaves_nothing_over),
        cmocka_unit_test(test_shutdown_waits_for_all_to_be_stopped),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
