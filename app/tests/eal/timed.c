/* A worker whose NIC sends on time, on an lcore, against a test's NIC (test_nic.h) and a wire that is
 * this test: what the NIC was given leaves when its time has come, and is sent back at once. Run time
 * is real, but nothing depends on how fast anything is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_launch.h>
#include <rte_ring.h>

#include "net/net_setup.h"
#include "net/nic_clock.h"
#include "tests/eal/test_nic.h"
#include "traffic/mark.h"
#include "worker/worker.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

enum {
    FLOWS = 2,
    ON_TIME_WANTED = 200, /* Requests that the NIC has sent on time, to be seen. */
    REQUESTS_MAX = 1 << 16,
    SIZE_BYTES = 64
};

static struct clock run_clock;
static struct net_port *port;
static struct worker *worker;
static uint64_t left_ticks[REQUESTS_MAX]; /* By request; 0: not by the NIC's clock. */
static uint32_t by_nic, by_worker;

static void send_back(struct rte_mbuf *mbuf)
{
    test_nic_stamp(mbuf, clock_now_ns(&run_clock));
    assert_int_equal(rte_ring_enqueue(rte_ring_lookup("sl_timed_a"), mbuf), 0);
}

static void echo(struct rte_mbuf *mbuf)
{
    const uint8_t *end = rte_pktmbuf_mtod(mbuf, const uint8_t *) + rte_pktmbuf_data_len(mbuf);
    struct mark mark;
    uint64_t ticks;
    assert_true(mark_read(end - MARK_ECHO_BYTES, MARK_ECHO, &mark));
    uint64_t number = mark.sequence * FLOWS + mark.flow;
    assert_true(number < REQUESTS_MAX);
    if (test_nic_time(mbuf, &ticks)) {
        left_ticks[number] = ticks;
        by_nic++;
    } else {
        by_worker++;
    }
    test_nic_turn_round(mbuf);
    send_back(mbuf);
}

/* What the NIC has for the wire now. */
static void wire(void)
{
    void *object;
    struct rte_mbuf *mbuf;
    while (rte_ring_dequeue(rte_ring_lookup("sl_timed_b"), &object) == 0) {
        mbuf = object;
        if (test_nic_answer_arp(mbuf))
            send_back(mbuf);
        else
            echo(mbuf);
    }
    while ((mbuf = test_nic_depart()) != NULL)
        echo(mbuf);
}

static void command(enum worker_command_kind kind)
{
    struct worker_command command = {.kind = kind};
    while (!worker_command(worker, &command))
        wire();
}

static const struct record_request *request(uint64_t number)
{
    return record_at(worker_record(worker), RECORD_REQUESTS, number);
}

/* Every request is answered; the NIC sent what was handed over ahead when it was due, and the stamp
 * says so; what was not ahead any more left at once, and is stamped by that. */
static void check_requests(void)
{
    uint32_t on_time = 0;
    uint64_t first_ns = UINT64_MAX; /* Records are in the order of answers. */
    for (uint64_t i = 0; i < record_count(worker_record(worker), RECORD_REQUESTS); i++)
        if (request(i)->due_ns < first_ns)
            first_ns = request(i)->due_ns;
    for (uint64_t i = 0; i < record_count(worker_record(worker), RECORD_REQUESTS); i++) {
        const struct record_request *one = request(i);
        uint64_t number = (one->due_ns - first_ns) / MS;
        if (one->outcome == OUTCOME_UNFINISHED || one->outcome == OUTCOME_UNSENT)
            continue;
        assert_true(one->sent_ns >= one->due_ns);
        assert_true(outcome_is_good(one->outcome) || one->outcome == OUTCOME_STALLED);
        assert_true(one->done_ns >= one->sent_ns);
        if (one->sent_ns != one->due_ns)
            continue;
        on_time++;
        uint64_t ticks = left_ticks[number], due_ticks = test_nic_ticks(one->due_ns);
        assert_int_not_equal(ticks, 0);
        assert_true(llabs((int64_t)(ticks - due_ticks)) <= NIC_CLOCK_BOUND_MAX_NS);
    }
    assert_true(on_time >= ON_TIME_WANTED);
}

static void test_requests_leave_when_they_are_due(void **state)
{
    struct worker_leftovers leftovers;
    struct worker_report report;
    (void)state;
    do
        wire();
    while (!worker_report(worker, &report) || report.net.kind != NET_EVENT_RESOLVED);
    struct worker_command start = {.kind = WORKER_START,
                                   .at_ns = clock_now_ns(&run_clock) + 200 * MS};
    assert_true(worker_command(worker, &start));
    uint64_t looked = 0;
    for (uint32_t on_time = 0; on_time < ON_TIME_WANTED; wire()) {
        assert_true(by_nic + by_worker < REQUESTS_MAX / 2);
        for (; looked < record_count(worker_record(worker), RECORD_REQUESTS); looked++)
            on_time += request(looked)->sent_ns == request(looked)->due_ns;
    }
    command(WORKER_SHUTDOWN);
    while (record_count_read(&worker_counters(worker)->end_ns) == 0)
        wire();
    rte_eal_wait_lcore(net_worker_lcore(0));
    while (worker_report(worker, &report))
        continue;
    assert_true(worker_leftovers(worker, &leftovers));
    assert_true(net_counters(port)->tx_timed >= ON_TIME_WANTED);
    check_requests();
    worker_free(worker);
    while (test_nic_waiting() > 0)
        rte_pktmbuf_free(test_nic_depart());
    assert_int_equal(net_port_close(port), 0);
    test_nic_free();
}

static int launch(struct error *err)
{
    struct net_port_config of_port = {.name = "test",
                                      .profile = "ring",
                                      .device = "timed.a",
                                      .has_mac = true,
                                      .mac = {2, 0, 0, 0, 0, 1}};
    struct worker_config config = worker_config_default();
    struct traffic_config *traffic = &config.traffic;
    struct traffic_stream_config *stream = &traffic->streams[0];
    struct address hop;
    of_port.pool_count = 1;
    if (prefix_parse("10.0.0.0/24", &of_port.pools[0], err) < 0 ||
        address_parse("10.0.1.1", &hop, err) < 0 ||
        net_port_open(&of_port, getenv("SEAMLINE_DRIVERS"), &port, NULL, err) < 0 ||
        net_group_add(port, &hop, 1, err) < 0)
        return -1;
    net_tx_room(port); /* Buffers to ask for the next hop. */
    traffic->stream_count = 1;
    traffic->pool_count = 1;
    traffic->pools[0] = of_port.pools[0];
    *stream = traffic_stream_default(TRAFFIC_UDP);
    stream->flows = FLOWS;
    stream->law = law_constant(1000, S);
    stream->size_bytes = SIZE_BYTES;
    stream->target_count = 1;
    stream->targets[0] = (struct traffic_target){.address = hop, .port = 5003};
    config.clock = &run_clock;
    config.port = port;
    worker = worker_setup(&config, err);
    return worker == NULL ? -1 : rte_eal_remote_launch(worker_main, worker, net_worker_lcore(0));
}

static int start(void **state)
{
    (void)state;
    const struct net_eal_config eal = {.main_core = -1,
                                       .worker_cores = {1},
                                       .worker_count = 1,
                                       .memory = NET_MEMORY_PAGES,
                                       .memory_mib = 128};
    struct error err = {0};
    clock_start(&run_clock, 50 * MS);
    test_nic = (struct test_nic){.stamps_arrivals = true,
                                 .sends_on_time = true,
                                 .has_clock = true,
                                 .clock = &run_clock,
                                 .skew_ppb = -20000,
                                 .offset = 1000000};
    if (net_eal_start(&eal, NULL, &err) < 0 || launch(&err) < 0) {
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
        cmocka_unit_test(test_requests_leave_when_they_are_due),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
