/* A responder and a client worker, each on its lcore, back to back over a pair of rings: requests
 * answered, connections that wait in vain reclaimed, a flood of SYNs, many connections. Every test
 * ends with nothing held on either side.
 *
 * Real time is waited for no longer than PATIENCE_NS, and nothing else depends on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/clock.h"
#include "net/checksum.h"
#include "net/header.h"
#include "net/net_setup.h"
#include "net/wire.h"
#include "worker/responder.h"
#include "worker/worker.h"

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define PATIENCE_NS (60 * S)

enum {
    CLIENT, /* Lcores. */
    SERVER,
    HTTP_PORT = 80,
    BODY_BYTES = 3000,
    BUSY = 0, /* Streams: requests one after another on kept connections, */
    OTHER,    /* and what the test is about. */
    LOOPS = 4,
    REQUESTS = 200, /* Of a stream, that must be answered. */
    FLOODERS = 4096
};

static const uint8_t near_mac[6] = {2, 0, 0, 0, 0, 1}, far_mac[6] = {2, 0, 0, 0, 0, 2};

static struct clock run_clock;
static struct net_port *near, *far;
static struct rte_ring *to_far; /* What arrives at the responder. */
static struct rte_mempool *flood_pool;
static struct address client, service;
static struct http_message message;
static struct http_expect expect;
static struct responder *responder;
static struct worker *worker;

static struct net_port *open_port(const char *device, const uint8_t mac[6], const char *pool)
{
    struct error err = {0};
    struct net_port *port = NULL;
    struct net_port_config config = {.name = device,
                                     .profile = "ring",
                                     .device = device,
                                     .serves = mac == far_mac,
                                     .has_mac = true,
                                     .pool_count = 1};
    memcpy(config.mac, mac, 6);
    assert_int_equal(prefix_parse(pool, &config.pools[0], &err), 0);
    if (net_port_open(&config, getenv("SEAMLINE_DRIVERS"), &port, NULL, &err) < 0)
        fail_msg("%s", err.text);
    return port;
}

/* Two give into the responder's ring: the worker, and this test. */
static void open_ports(void)
{
    to_far = rte_ring_create("sl_r_b", 1024, SOCKET_ID_ANY, RING_F_SC_DEQ);
    assert_non_null(to_far);
    near = open_port("r.a", near_mac, "10.1.0.0/24");
    far = open_port("r.b", far_mac, "10.9.0.0/24");
    assert_int_equal(net_group_add(far, &client, 1, NULL), 0);
    assert_int_equal(net_group_add(near, &service, 1, NULL), 0);
}

static void start_responder(uint32_t connections, uint64_t idle_ns)
{
    struct responder_config config = responder_config_default();
    struct error err = {0};
    net_resolve(far, &run_clock, S / 20, &err); /* The other side asks later: it is heard then. */
    err = (struct error){0};
    config.clock = &run_clock;
    config.port = far;
    config.key = (struct hash_key){3, 4};
    config.time_wait_ns = S / 1000;
    config.server.connections = connections;
    config.server.idle_ns = idle_ns;
    config.server.listeners[0] = (struct server_listener){SERVER_HTTP, HTTP_PORT};
    config.server.listener_count = 1;
    config.server.http.body.size_bytes = BODY_BYTES;
    strcpy(config.server.name, "far");
    responder = responder_setup(&config, &err);
    if (responder == NULL)
        fail_msg("%s", err.text);
    rte_eal_remote_launch(responder_main, responder, net_worker_lcore(SERVER));
    if (net_resolve(near, &run_clock, PATIENCE_NS, &err) < 0)
        fail_msg("%s", err.text);
}

/* Of PATTERN, with FLOWS of them. */
static struct traffic_stream_config stream_of(enum traffic_pattern pattern, uint32_t flows)
{
    struct traffic_stream_config stream = traffic_stream_default(TRAFFIC_HTTP);
    stream.pattern = pattern;
    stream.keep_alive = true;
    stream.flows = flows;
    stream.messages = &message;
    stream.message_count = 1;
    stream.expect = &expect;
    stream.targets[0] = (struct traffic_target){.address = service, .port = HTTP_PORT};
    stream.target_count = 1;
    stream.connect_timeout_ns = PATIENCE_NS;
    stream.timeout_ns = PATIENCE_NS;
    stream.unsent_after_ns = PATIENCE_NS;
    stream.late_ns = 0;
    return stream;
}

/* Start the worker with a busy stream and OTHER. */
static void start_worker(const struct traffic_stream_config *other)
{
    struct worker_config config = worker_config_default();
    struct error err = {0};
    config.clock = &run_clock;
    config.port = near;
    config.key = (struct hash_key){5, 6};
    config.time_wait_ns = 0;
    config.traffic.quarantine_ns = 0;
    config.traffic.close_timeout_ns = PATIENCE_NS;
    config.traffic.pool_count = 1;
    assert_int_equal(prefix_parse("10.1.0.0/24", &config.traffic.pools[0], &err), 0);
    config.traffic.streams[BUSY] = stream_of(TRAFFIC_CLOSED, LOOPS);
    config.traffic.streams[OTHER] = *other;
    config.traffic.stream_count = 2;
    worker = worker_setup(&config, &err);
    if (worker == NULL)
        fail_msg("%s", err.text);
    rte_eal_remote_launch(worker_main, worker, net_worker_lcore(CLIENT));
    for (uint32_t i = 0; i < 2; i++)
        worker_command(worker, &(struct worker_command){.kind = WORKER_START, .stream = i});
}

static const struct record_counters *counters_of(uint32_t stream)
{
    return &worker_record(worker)->streams[stream].counters;
}

/* Requests of STREAM that were answered well, or lost. */
static uint64_t decided(uint32_t stream, bool good)
{
    uint64_t sum = 0;
    for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        if (good ? outcome_is_good(outcome)
                 : !outcome_is_good(outcome) && outcome != OUTCOME_UNFINISHED)
            sum += record_count_read(&counters_of(stream)->outcomes[outcome]);
    return sum;
}

static uint64_t server_count_of(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Take what is recorded, as a run does, and give the others the CPU. */
static void wait_a_little(void)
{
    struct record *record = worker_record(worker);
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        if (type != RECORD_HOSTS)
            record_take(record, type, record_count(record, type));
    for (uint32_t i = 0; i < record->stream_count; i++)
        while (intervals_oldest(&record->streams[i].intervals) != NULL)
            intervals_give_back(&record->streams[i].intervals);
    usleep(1000);
}

static void await_good(uint32_t stream, uint64_t count)
{
    const uint64_t end_ns = clock_now_ns(&run_clock) + PATIENCE_NS;
    while (decided(stream, true) < count && clock_now_ns(&run_clock) < end_ns)
        wait_a_little();
    assert_true(decided(stream, true) >= count);
}

/* The worker has left. What the responder still answers would fill the ring to it, and what it says
 * last would find no room there. */
static void drain(void)
{
    struct net_packet packets[NET_RX_MAX];
    for (uint16_t frames = 1; frames > 0 || !rte_ring_empty(to_far);) {
        frames = net_poll(near);
        uint16_t count = net_rx(near, clock_now_ns(&run_clock), packets, NET_RX_MAX);
        for (uint16_t i = 0; i < count; i++)
            net_free(near, &packets[i]);
        net_tx_flush(near);
        usleep(100);
    }
}

static void finish(void)
{
    struct worker_leftovers leftovers;
    worker_command(worker, &(struct worker_command){.kind = WORKER_SHUTDOWN});
    const uint64_t end_ns = clock_now_ns(&run_clock) + PATIENCE_NS;
    while (record_count_read(&worker_counters(worker)->end_ns) == 0 &&
           clock_now_ns(&run_clock) < end_ns)
        wait_a_little();
    rte_eal_wait_lcore(net_worker_lcore(CLIENT));
    assert_true(worker_leftovers(worker, &leftovers));
    drain();
    responder_stop(responder);
    rte_eal_wait_lcore(net_worker_lcore(SERVER));
    assert_int_equal(responder_leftovers(responder), 0);
    worker_free(worker);
    worker = NULL;
    responder_free(responder);
    responder = NULL;
    assert_int_equal(net_port_close(near), 0);
    assert_int_equal(net_port_close(far), 0);
}

static void test_requests_are_answered(void **state)
{
    struct traffic_stream_config each = stream_of(TRAFFIC_CLOSED, LOOPS);
    (void)state;
    each.keep_alive = false;
    open_ports();
    start_responder(64, 0);
    start_worker(&each);
    await_good(BUSY, REQUESTS);
    await_good(OTHER, REQUESTS);
    assert_int_equal(decided(BUSY, false) + decided(OTHER, false), 0);
    const struct server_counters *server = responder_server_counters(responder);
    assert_true(server_count_of(&server->requests) >= 2 * REQUESTS);
    assert_true(server_count_of(&server->accepted) >= LOOPS + REQUESTS);
    finish();
}

/* Connections that were opened and ask nothing: each goes, and who asks is served all the while. */
static void test_idle_connections_are_reclaimed(void **state)
{
    enum {
        QUIET = 32
    };
    struct traffic_stream_config quiet = stream_of(TRAFFIC_HELD, QUIET);
    (void)state;
    quiet.law = law_constant(1, 3600 * S);
    quiet.reconnect = TRAFFIC_RECONNECT_NEVER;
    open_ports();
    start_responder(64, 300 * MS);
    start_worker(&quiet);
    const struct server_counters *server = responder_server_counters(responder);
    const uint64_t end_ns = clock_now_ns(&run_clock) + PATIENCE_NS;
    while (server_count_of(&server->idle) < QUIET && clock_now_ns(&run_clock) < end_ns)
        wait_a_little();
    assert_true(server_count_of(&server->idle) >= QUIET);
    while (record_count_read(&counters_of(OTHER)->connections_up) > 0 &&
           clock_now_ns(&run_clock) < end_ns)
        wait_a_little();
    assert_int_equal(record_count_read(&counters_of(OTHER)->connections_up), 0);
    await_good(BUSY, decided(BUSY, true) + REQUESTS);
    finish();
}

/* A SYN from flooder NUMBER, whose address is nobody's. False: there is no room for it. */
static bool flood_one(uint32_t number)
{
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(flood_pool);
    if (mbuf == NULL)
        return false;
    const uint8_t source[4] = {10, 1, (uint8_t)(1 + number / 200 % 200),
                               (uint8_t)(1 + number % 200)};
    const struct header_ip ip = {.source = address_from_v4(source),
                                 .destination = service,
                                 .hop_limit = 60,
                                 .protocol = WIRE_TCP};
    uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    uint32_t bytes = (uint32_t)header_ethernet(frame, far_mac, near_mac, 0, WIRE_TYPE_IPV4);
    bytes += (uint32_t)header_ip(frame + bytes, &ip, 20, false);
    uint8_t *tcp = frame + bytes;
    memset(tcp, 0, 20);
    wire_put16(tcp, (uint16_t)(1024 + number % 50000));
    wire_put16(tcp + 2, HTTP_PORT);
    wire_put32(tcp + 4, number * 2654435761u);
    tcp[12] = 5 << 4;
    tcp[13] = TCP_SYN;
    wire_put16(tcp + 14, 65535);
    wire_put16(tcp + 16, checksum_finish(checksum_add(
                             checksum_pseudo(&ip.source, &ip.destination, WIRE_TCP, 20), tcp, 20)));
    mbuf->data_len = (uint16_t)(bytes + 20);
    mbuf->pkt_len = bytes + 20;
    if (rte_ring_enqueue(to_far, mbuf) == 0)
        return true;
    rte_pktmbuf_free(mbuf);
    return false;
}

/* Half-open records run out at once: the rest, those who mean it too, are answered by cookies. */
static void test_a_flood_holds_nobody_off(void **state)
{
    struct traffic_stream_config each = stream_of(TRAFFIC_CLOSED, LOOPS);
    (void)state;
    each.keep_alive = false;
    open_ports();
    start_responder(64, 0);
    start_worker(&each);
    await_good(BUSY, 1);
    const uint64_t end_ns = clock_now_ns(&run_clock) + PATIENCE_NS;
    const uint64_t kept = decided(BUSY, true), fresh = decided(OTHER, true);
    uint32_t sent = 0;
    while ((sent < FLOODERS || decided(BUSY, true) < kept + REQUESTS ||
            decided(OTHER, true) < fresh + REQUESTS) &&
           clock_now_ns(&run_clock) < end_ns) {
        for (unsigned i = 0; i < 64 && flood_one(sent); i++)
            sent++;
        wait_a_little();
    }
    /* What is still in the ring is answered in time. */
    const struct tcp_counters *tcp = responder_tcp_counters(responder);
    while (tcp->syn_cookies_sent <= FLOODERS / 2 && clock_now_ns(&run_clock) < end_ns)
        wait_a_little();
    assert_true(decided(BUSY, true) >= kept + REQUESTS);
    assert_true(decided(OTHER, true) >= fresh + REQUESTS);
    assert_int_equal(decided(BUSY, false) + decided(OTHER, false), 0);
    assert_true(tcp->syn_cookies_sent > FLOODERS / 2);
    assert_true(tcp->syn_cookies_taken > 0);
    finish();
}

static void test_many_connections(void **state)
{
    enum {
        MANY = 5000
    };
    struct traffic_stream_config many = stream_of(TRAFFIC_HELD, MANY);
    (void)state;
    many.law = law_constant(1000, S);
    open_ports();
    start_responder(MANY + 64, 0);
    start_worker(&many);
    const uint64_t end_ns = clock_now_ns(&run_clock) + PATIENCE_NS;
    while (record_count_read(&counters_of(OTHER)->connections_up) < MANY &&
           clock_now_ns(&run_clock) < end_ns)
        wait_a_little();
    assert_int_equal(record_count_read(&counters_of(OTHER)->connections_up), MANY);
    await_good(OTHER, REQUESTS);
    await_good(BUSY, REQUESTS);
    const struct server_counters *server = responder_server_counters(responder);
    assert_true(server_count_of(&server->accepted) >= MANY + LOOPS);
    finish();
}

static int start(void **state)
{
    (void)state;
    const struct net_eal_config eal = {.main_core = -1,
                                       .worker_cores = {0, 1},
                                       .worker_count = 2,
                                       .memory = NET_MEMORY_PAGES,
                                       .memory_mib = 256};
    const struct http_request_config request = {.target = "/", .host = "far"};
    struct error err = {0};
    clock_start(&run_clock, 50000000);
    http_expect_init(&expect);
    expect.body_bytes = BODY_BYTES;
    if (net_eal_start(&eal, NULL, &err) == 0 && address_parse("10.1.0.1", &client, &err) == 0 &&
        address_parse("10.9.0.1", &service, &err) == 0 &&
        http_message_request(&message, &request, &err) == 0) {
        flood_pool = rte_pktmbuf_pool_create("flood", 4095, 0, 0, 2048, SOCKET_ID_ANY);
        return flood_pool != NULL ? 0 : -1;
    }
    print_error("%s\n", err.text);
    return -1;
}

static int stop(void **state)
{
    (void)state;
    /* A test that failed left them running, and the EAL waits for their lcores. */
    if (worker != NULL)
        worker_command(worker, &(struct worker_command){.kind = WORKER_QUIT});
    if (responder != NULL)
        responder_stop(responder);
    rte_eal_mp_wait_lcore();
    http_message_free(&message);
    rte_mempool_free(flood_pool);
    net_eal_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_answered),
        cmocka_unit_test(test_idle_connections_are_reclaimed),
        cmocka_unit_test(test_a_flood_holds_nobody_off),
        cmocka_unit_test(test_many_connections),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
