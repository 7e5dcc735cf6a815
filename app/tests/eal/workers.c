/* Two workers on one NIC port whose answers all arrive at the first one's queue, as on a port that
 * spreads by nothing we know: what belongs to the second comes home by hand-over alone.
 *
 * The NIC port is a pair of rings with two queues. Its far end is this test, with a port of one
 * queue, to which it also carries what leaves by the second queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/clock.h"
#include "net/arp.h"
#include "net/checksum.h"
#include "net/header.h"
#include "net/net_priv.h"
#include "net/net_setup.h"
#include "worker/worker.h"

enum {
    WORKERS = 2,
    BUFFERS = 4096,
    SERVICE_PORT = 5003,
    ISS = 1000 /* The far end's first sequence number. */
};

#define S UINT64_C(1000000000)

/* Real time is waited for no longer than this, and nothing else depends on it. */
#define PATIENCE_NS (60 * S)

static struct clock run_clock;
static struct net_port *ports[WORKERS];
static struct net_port *far;
static struct rte_ring *far_in[WORKERS]; /* What left by each queue. */
static struct address client, service;

static uint64_t now(void)
{
    return clock_now_ns(&run_clock);
}

/* ---- The far end ---- */

static void send_tcp(const struct tuple *tuple, uint32_t seq, uint32_t ack, uint8_t flags)
{
    const struct net_path path = net_path(far, 0, tuple);
    if (net_tx_room(far) == 0)
        return; /* As if lost on the wire. */
    uint8_t *l4 = net_tx_begin(far, &path, tuple, 20, NULL);
    assert_non_null(l4);
    memset(l4, 0, 20);
    wire_put16(l4, tuple->local_port);
    wire_put16(l4 + 2, tuple->remote_port);
    wire_put32(l4 + 4, seq);
    wire_put32(l4 + 8, ack);
    l4[12] = 5 << 4;
    l4[13] = flags;
    wire_put16(l4 + 14, 65535);
    net_tx_commit(far);
}

/* A server without memory: whoever asks is let in, and whoever leaves is let go. */
static void answer(const struct net_packet *packet)
{
    enum {
        FIN = 1,
        SYN = 2,
        ACK = 16
    };
    const uint32_t seq = wire_get32(packet->l4 + 4);
    const uint8_t flags = packet->l4[13];
    if (packet->kind == NET_TCP && (flags & SYN) != 0)
        send_tcp(&packet->tuple, ISS, seq + 1, SYN | ACK);
    else if (packet->kind == NET_TCP && (flags & FIN) != 0)
        send_tcp(&packet->tuple, ISS + 1, seq + 1, FIN | ACK);
}

static void far_turn(void)
{
    struct net_packet packets[NET_RX_MAX];
    void *object;
    while (rte_ring_dequeue(far_in[1], &object) == 0)
        if (rte_ring_enqueue(far_in[0], object) < 0)
            rte_pktmbuf_free(object);
    net_poll(far);
    const uint16_t count = net_rx(far, now(), packets, NET_RX_MAX);
    for (uint16_t i = 0; i < count; i++) {
        answer(&packets[i]);
        net_free(far, &packets[i]);
    }
    net_tx_room(far);
    net_tick(far, now());
    net_tx_flush(far);
}

/* ---- The near end, while no worker runs ---- */

static uint16_t near_turn(unsigned queue, struct net_packet packets[NET_RX_MAX])
{
    net_poll(ports[queue]);
    const uint16_t count = net_rx(ports[queue], now(), packets, NET_RX_MAX);
    net_tx_room(ports[queue]);
    net_tick(ports[queue], now());
    net_tx_flush(ports[queue]);
    return count;
}

static bool all_resolved(void)
{
    bool all = net_hop_state(far, 0) == NET_HOP_RESOLVED;
    for (unsigned i = 0; i < WORKERS; i++)
        all = all && net_hop_state(ports[i], 0) == NET_HOP_RESOLVED;
    return all;
}

/* The answers to both queues' ARP requests come to the first one. */
static void resolve_all(void)
{
    struct net_packet packets[NET_RX_MAX];
    const uint64_t end_ns = now() + PATIENCE_NS;
    while (!all_resolved() && now() < end_ns) {
        far_turn();
        for (unsigned i = 0; i < WORKERS; i++)
            assert_int_equal(near_turn(i, packets), 0);
    }
    assert_true(all_resolved());
}

static void open_ports(void)
{
    struct error err = {0};
    struct net_port_config config = {
        .name = "near",
        .profile = "ring",
        .device = "w.a",
        .queues = WORKERS,
        .buffers = BUFFERS,
        .has_mac = true,
        .mac = {2, 0, 0, 0, 0, 1},
        .pool_count = 1,
    };
    assert_int_equal(prefix_parse("10.1.0.0/24", &config.pools[0], &err), 0);
    assert_int_equal(address_parse("10.1.0.1", &client, &err), 0);
    assert_int_equal(address_parse("10.9.0.1", &service, &err), 0);
    /* Two give into the far end's ring: a worker, and this test for the other. */
    far_in[0] = rte_ring_create("sl_w_b", 1024, SOCKET_ID_ANY, RING_F_SC_DEQ);
    assert_non_null(far_in[0]);
    if (net_port_open(&config, getenv("SEAMLINE_DRIVERS"), ports, NULL, &err) < 0)
        fail_msg("%s", err.text);
    far_in[1] = rte_ring_lookup("sl_w_b1");
    assert_non_null(far_in[1]);
    config.name = "far";
    config.device = "w.b";
    config.queues = 1;
    config.mac[5] = 2;
    assert_int_equal(prefix_parse("10.9.0.0/24", &config.pools[0], &err), 0);
    if (net_port_open(&config, getenv("SEAMLINE_DRIVERS"), &far, NULL, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(net_group_add(far, &client, 1, &err), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(net_port_queue(ports[i]), i);
        assert_int_equal(net_group_add(ports[i], &service, 1, &err), 0);
    }
    resolve_all();
}

static void close_ports(void)
{
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(net_buffers_held(ports[i]), 0);
    assert_int_equal(net_port_close(ports[0]), 0);
    assert_int_equal(net_port_close(far), 0);
}

static struct tuple far_tuple(uint16_t client_port)
{
    return (struct tuple){.local = service,
                          .remote = client,
                          .local_port = SERVICE_PORT,
                          .remote_port = client_port,
                          .protocol = WIRE_TCP};
}

/* ---- Tests ---- */

static void test_neighbours_are_heard_by_all(void **state)
{
    (void)state;
    uint8_t first[6], second[6];
    open_ports();
    assert_true(net_counters(ports[0])->handed_out > 0);
    assert_int_equal(net_counters(ports[1])->handed_in, net_counters(ports[0])->handed_out);
    assert_int_equal(net_counters(ports[1])->rx_frames, 0);
    net_hop_address(ports[0], 0, first);
    net_hop_address(ports[1], 0, second);
    assert_memory_equal(first, second, 6);
    close_ports();
}

/* Requests for our addresses are answered once, by whom they came to. */
static void test_a_request_is_answered_once(void **state)
{
    (void)state;
    struct net_packet packets[NET_RX_MAX];
    open_ports();
    const uint64_t before = net_counters(ports[0])->arp_answers;
    struct hop_probe probe = {.address = client};
    net_tx_room(far);
    net_answer_probe(far, &probe);
    net_tx_flush(far);
    for (unsigned turn = 0; turn < 2; turn++)
        for (unsigned i = 0; i < WORKERS; i++)
            assert_int_equal(near_turn(i, packets), 0);
    assert_int_equal(net_counters(ports[0])->arp_answers, before + 1);
    assert_int_equal(net_counters(ports[1])->arp_answers, 0);
    close_ports();
}

/* Eight segments to ports of both workers, all by the first queue. */
static void test_segments_come_to_their_worker(void **state)
{
    (void)state;
    struct net_packet packets[NET_RX_MAX];
    open_ports();
    for (uint16_t port = 4000; port < 4008; port++) {
        const struct tuple tuple = far_tuple(port);
        send_tcp(&tuple, 1, 1, 16);
    }
    net_tx_flush(far);
    for (unsigned i = 0; i < WORKERS; i++) {
        const uint16_t count = near_turn(i, packets);
        assert_int_equal(count, 4);
        for (uint16_t k = 0; k < count; k++) {
            assert_int_equal(packets[k].tuple.local_port % WORKERS, i);
            assert_int_equal(packets[k].l4_bytes, 20);
            net_free(ports[i], &packets[k]);
        }
    }
    close_ports();
}

/* A frame that was handed over may have waited since the giver's turn before: that is told. */
static void test_what_was_handed_over_is_that_old(void **state)
{
    (void)state;
    struct net_packet packets[NET_RX_MAX];
    const struct tuple tuple = far_tuple(4001);
    open_ports();
    assert_int_equal(near_turn(0, packets), 0);
    const uint64_t before_ns = ports[0]->turn_ns;
    send_tcp(&tuple, 1, 1, 16);
    net_tx_flush(far);
    assert_int_equal(near_turn(1, packets), 0);
    assert_true(ports[1]->turn_ns > before_ns);
    assert_int_equal(near_turn(0, packets), 0);
    assert_int_equal(net_rx_since(ports[0]), before_ns);
    assert_int_equal(near_turn(1, packets), 1);
    assert_int_equal(net_rx_since(ports[1]), before_ns);
    net_free(ports[1], &packets[0]);
    assert_int_equal(near_turn(1, packets), 0);
    assert_true(net_rx_since(ports[1]) > before_ns); /* Of its own turns again. */
    close_ports();
}

/* "Packet too big" for a connection of the second worker: it alone is told. */
static void test_icmp_errors_come_to_their_worker(void **state)
{
    (void)state;
    struct net_packet packets[NET_RX_MAX];
    open_ports();
    uint8_t icmp[8 + 28] = {3, 4, 0, 0, 0, 0, 1400 >> 8, 1400 & 255};
    const struct header_ip quoted = {
        .source = client, .destination = service, .hop_limit = 60, .protocol = WIRE_TCP};
    header_ip(icmp + 8, &quoted, 1480, false);
    wire_put16(icmp + 28, 4001);
    wire_put16(icmp + 30, SERVICE_PORT);
    wire_put16(icmp + 2, checksum_finish(checksum_add(0, icmp, sizeof(icmp))));
    struct rte_mbuf *mbuf;
    net_tx_room(far);
    uint8_t mac[6];
    net_hop_address(far, 0, mac);
    uint8_t *frame = net_answer_begin(far, 14 + 20 + sizeof(icmp), &mbuf);
    const struct header_ip ip = {
        .source = service, .destination = client, .hop_limit = 60, .protocol = WIRE_ICMP};
    frame += header_ethernet(frame, mac, far->rules.mac, 0, WIRE_TYPE_IPV4);
    frame += header_ip(frame, &ip, sizeof(icmp), false);
    memcpy(frame, icmp, sizeof(icmp));
    net_answer_commit(far, mbuf);
    net_tx_flush(far);
    assert_int_equal(near_turn(0, packets), 0);
    assert_int_equal(near_turn(1, packets), 1);
    assert_int_equal(packets[0].kind, NET_ICMP_ERROR);
    assert_int_equal(packets[0].tuple.local_port, 4001);
    net_free(ports[1], &packets[0]);
    close_ports();
}

/* A worker that does not come to take its frames loses them, counted, and holds nobody up. */
static void test_a_full_lane_is_a_counted_drop(void **state)
{
    enum {
        EXTRA = 64
    };
    (void)state;
    struct net_packet packets[NET_RX_MAX];
    const struct tuple tuple = far_tuple(4001);
    open_ports();
    const uint64_t before = net_counters(ports[0])->handed_out;
    for (unsigned i = 0; i < HANDOVER_LANE_FRAMES + EXTRA; i++) {
        send_tcp(&tuple, 1, 1, 16);
        net_tx_flush(far);
        assert_int_equal(near_turn(0, packets), 0);
    }
    const struct net_counters *counters = net_counters(ports[0]);
    assert_int_equal(counters->handed_out - before, HANDOVER_LANE_FRAMES);
    assert_int_equal(counters->drops[NET_DROP_HANDOVER_FULL], EXTRA);
    /* A turn takes no more than its bound. */
    const uint16_t count = near_turn(1, packets);
    assert_int_equal(count, NET_HANDED_BURST);
    for (uint16_t i = 0; i < count; i++)
        net_free(ports[1], &packets[i]);
    close_ports(); /* The rest is freed with the port. */
}

static void test_all_must_have_finished(void **state)
{
    (void)state;
    open_ports();
    assert_false(net_finished(ports[1]));
    assert_false(net_finished(ports[1]));
    assert_true(net_finished(ports[0]));
    assert_true(net_finished(ports[1]));
    assert_true(net_finished(far)); /* It shares with nobody. */
    close_ports();
}

/* ---- Two workers on lcores ---- */

static struct worker *make_worker(unsigned index)
{
    struct error err = {0};
    struct worker_config config = worker_config_default();
    struct traffic_config *traffic = &config.traffic;
    struct traffic_stream_config *stream = &traffic->streams[0];
    config.index = index;
    config.clock = &run_clock;
    config.port = ports[index];
    config.key = (struct hash_key){.k0 = 7 + index, .k1 = 9};
    traffic->stream_count = 1;
    traffic->pool_count = 1;
    traffic->pools[0] = (struct prefix){.address = client, .length_bits = 128};
    traffic->close_timeout_ns = PATIENCE_NS;
    *stream = traffic_stream_default(TRAFFIC_CONNECT);
    stream->targets[0] = (struct traffic_target){.address = service, .port = SERVICE_PORT};
    stream->target_count = 1;
    stream->connect_timeout_ns = PATIENCE_NS;
    stream->unsent_after_ns = PATIENCE_NS;
    stream->late_ns = 0;
    struct worker *worker = worker_setup(&config, &err);
    if (worker == NULL)
        fail_msg("%s", err.text);
    return worker;
}

static uint64_t good(const struct worker *worker)
{
    const struct record_counters *counters = &worker_record(worker)->streams[0].counters;
    uint64_t sum = 0;
    for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        if (outcome_is_good(outcome))
            sum += record_count_read(&counters->outcomes[outcome]);
    return sum;
}

/* The far end serves until WORKER has had COUNT good answers. */
static void serve_until_good(const struct worker *worker, uint64_t count)
{
    const uint64_t end_ns = now() + PATIENCE_NS;
    while (good(worker) < count && now() < end_ns)
        far_turn();
    assert_true(good(worker) >= count);
}

static void serve_until_stopped(struct worker *worker)
{
    struct worker_report report = {0};
    const uint64_t end_ns = now() + PATIENCE_NS;
    while (report.kind != WORKER_STREAM_STOPPED && now() < end_ns) {
        far_turn();
        if (!worker_report(worker, &report))
            report.kind = WORKER_STREAM_STARTED;
    }
    assert_int_equal(report.kind, WORKER_STREAM_STOPPED);
}

static void serve_until_ended(const struct worker *worker)
{
    const uint64_t end_ns = now() + PATIENCE_NS;
    while (record_count_read(&worker_counters(worker)->end_ns) == 0 && now() < end_ns)
        far_turn();
    assert_true(record_count_read(&worker_counters(worker)->end_ns) > 0);
}

/* All due requests but those that the stop cut short were answered. */
static void check_account(const struct worker *worker)
{
    const struct record_counters *counters = &worker_record(worker)->streams[0].counters;
    struct worker_leftovers leftovers;
    assert_true(worker_leftovers(worker, &leftovers));
    assert_int_equal(good(worker) + record_count_read(&counters->outcomes[OUTCOME_UNFINISHED]),
                     record_count_read(&counters->due));
}

static void test_two_workers_get_their_answers(void **state)
{
    struct worker *workers[WORKERS];
    (void)state;
    open_ports();
    for (unsigned i = 0; i < WORKERS; i++)
        workers[i] = make_worker(i);
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(rte_eal_remote_launch(worker_main, workers[i], net_worker_lcore(i)), 0);
        worker_command(workers[i], &(struct worker_command){.kind = WORKER_START});
    }
    for (unsigned i = 0; i < WORKERS; i++)
        serve_until_good(workers[i], 100);

    /* The first is done, but the second's answers come to its queue. */
    worker_command(workers[0], &(struct worker_command){.kind = WORKER_SHUTDOWN});
    serve_until_stopped(workers[0]);
    serve_until_good(workers[1], good(workers[1]) + 100);
    worker_command(workers[1], &(struct worker_command){.kind = WORKER_SHUTDOWN});
    for (unsigned i = 0; i < WORKERS; i++) {
        serve_until_ended(workers[i]);
        rte_eal_wait_lcore(net_worker_lcore(i));
    }
    for (unsigned i = 0; i < WORKERS; i++)
        check_account(workers[i]);
    assert_int_equal(net_counters(ports[1])->rx_frames, 0);
    assert_int_equal(net_counters(ports[0])->drops[NET_DROP_HANDOVER_FULL], 0);
    assert_true(net_counters(ports[1])->handed_in >= 2 * good(workers[1]));
    for (unsigned i = 0; i < WORKERS; i++)
        worker_free(workers[i]);
    close_ports();
}

/* What a device says of its receive-side scaling is what is used: the profile null offers it. */
static void test_scaling_is_read_back(void **state)
{
    (void)state;
    struct error err = {0};
    struct net_port *queues[4];
    struct net_port_config config = {.name = "rss",
                                     .profile = "null",
                                     .device = "rss0",
                                     .queues = 4,
                                     .buffers = 1024,
                                     .pool_count = 1};
    char text[NET_NOTE_BYTES];
    assert_int_equal(prefix_parse("10.1.0.0/24", &config.pools[0], &err), 0);
    if (net_port_open(&config, getenv("SEAMLINE_DRIVERS"), queues, NULL, &err) < 0)
        fail_msg("%s", err.text);
    const struct steering *steering = net_port_steering(queues[3]);
    assert_ptr_equal(steering, net_port_steering(queues[0]));
    assert_int_equal(steering->workers, 4);
    assert_int_equal(steering->key_bytes, 40);
    assert_true(steering->table_size >= 64);
    for (unsigned i = 0; i < steering->table_size; i++)
        assert_int_equal(steering->table[i], i % 4);
    for (unsigned i = 0; i < STEERING_KINDS; i++)
        assert_true(steering->hashed[i]);
    net_port_steering_text(queues[0], text, sizeof(text));
    assert_non_null(strstr(text, "4 queues, by Toeplitz hash of TCP/IPv4"));
    assert_non_null(strstr(text, "key 6d5a56da"));
    assert_int_equal(net_port_close(queues[0]), 0);
}

static int start(void **state)
{
    (void)state;
    const struct net_eal_config eal = {.main_core = -1,
                                       .worker_cores = {0, 1},
                                       .worker_count = WORKERS,
                                       .memory = NET_MEMORY_PAGES,
                                       .memory_mib = 192};
    struct error err = {0};
    clock_start(&run_clock, 50000000);
    if (net_eal_start(&eal, NULL, &err) == 0)
        return 0;
    print_error("%s\n", err.text);
    return -1;
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
        cmocka_unit_test(test_neighbours_are_heard_by_all),
        cmocka_unit_test(test_a_request_is_answered_once),
        cmocka_unit_test(test_segments_come_to_their_worker),
        cmocka_unit_test(test_what_was_handed_over_is_that_old),
        cmocka_unit_test(test_icmp_errors_come_to_their_worker),
        cmocka_unit_test(test_a_full_lane_is_a_counted_drop),
        cmocka_unit_test(test_all_must_have_finished),
        cmocka_unit_test(test_two_workers_get_their_answers),
        cmocka_unit_test(test_scaling_is_read_back),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
