/* Arrivals and departures by a NIC's clock, on a test's NIC (test_nic.h): frames go in by hand, stamped, and are
 * polled later. Run time is real here, but no test depends on how fast anything is: what is asserted
 * is that the true arrival is within what was told, whenever it was told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_ring.h>

#include "net/arp.h"
#include "net/header.h"
#include "net/net.h"
#include "net/net_impair.h"
#include "net/net_setup.h"
#include "net/nic_clock.h"
#include "net/wire.h"
#include "tests/eal/test_nic.h"

enum {
    TURNS_MAX = 100000, /* Of 100 us, to wait for something that is sure to come. */
    UDP_BYTES = 16
};
#define MS UINT64_C(1000000)

static struct clock run_clock;
static struct rte_mempool *pool;
static struct net_port *port;

static struct address address(const char *text)
{
    struct address parsed;
    assert_int_equal(address_parse(text, &parsed, NULL), 0);
    return parsed;
}

/* A NIC that stamps, unless a test says otherwise before. */
static void open_port(enum net_stamping stamping)
{
    struct net_port_config config = {.name = "test",
                                     .profile = "ring",
                                     .device = "stamps.a",
                                     .buffers = 4096,
                                     .has_mac = true,
                                     .mac = {2, 0, 0, 0, 0, 1},
                                     .stamping = stamping,
                                     .pool_count = 1};
    struct error err = {0};
    assert_int_equal(prefix_parse("10.1.0.0/24", &config.pools[0], &err), 0);
    if (net_port_open(&config, getenv("SEAMLINE_DRIVERS"), &port, NULL, &err) < 0)
        fail_msg("%s", err.text);
    net_port_clock(port, &run_clock);
}

static void close_port(void)
{
    assert_int_equal(net_buffers_held(port), 0);
    assert_int_equal(net_port_close(port), 0);
    assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* A datagram on the wire to the port. */
static struct rte_mbuf *datagram(void)
{
    const struct header_ip ip = {.source = address("10.9.0.1"),
                                 .destination = address("10.1.0.5"),
                                 .hop_limit = 64,
                                 .protocol = WIRE_UDP};
    uint8_t mac[6];
    net_mac(port, mac);
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
    assert_non_null(mbuf);
    uint8_t *at =
        (uint8_t *)rte_pktmbuf_append(mbuf, WIRE_ETHERNET_BYTES + WIRE_IPV4_BYTES + UDP_BYTES);
    at += header_ethernet(at, mac, (const uint8_t[6]){2, 0, 0, 0, 0, 9}, 0, WIRE_TYPE_IPV4);
    at += header_ip(at, &ip, UDP_BYTES, false);
    memset(at, 0, UDP_BYTES); /* No checksum. */
    wire_put16(at, 5003);
    wire_put16(at + 2, 40000);
    wire_put16(at + 4, UDP_BYTES);
    return mbuf;
}

/* One turn, which finds MBUF (or nothing, for NULL) and returns it as it was told. */
static struct net_packet turn(struct rte_mbuf *mbuf)
{
    struct net_packet packets[NET_RX_MAX] = {0};
    if (mbuf != NULL)
        assert_int_equal(rte_ring_enqueue(rte_ring_lookup("sl_stamps_a"), mbuf), 0);
    assert_int_equal(net_poll(port), mbuf != NULL);
    uint64_t now_ns = clock_now_ns(&run_clock);
    assert_int_equal(net_rx(port, now_ns, packets, NET_RX_MAX), mbuf != NULL);
    net_tick(port, now_ns);
    struct net_packet packet = packets[0];
    if (mbuf != NULL)
        net_free(port, &packets[0]);
    return packet;
}

/* A datagram that came DELAY_NS before the turn that finds it. */
static struct net_packet receive(uint64_t delay_ns, uint64_t *arrival_ns)
{
    struct rte_mbuf *mbuf = datagram();
    turn(NULL); /* The queue was seen empty. */
    *arrival_ns = clock_now_ns(&run_clock);
    test_nic_stamp(mbuf, *arrival_ns);
    while (clock_now_ns(&run_clock) < *arrival_ns + delay_ns)
        continue;
    return turn(mbuf);
}

/* Turns, until a stamp is used. Whether or not, the truth is within what is told. */
static struct net_packet receive_stamped(uint64_t delay_ns, uint64_t *arrival_ns)
{
    uint64_t before = net_counters(port)->rx_stamps;
    for (unsigned i = 0; i < TURNS_MAX; i++) {
        struct net_packet packet = receive(delay_ns, arrival_ns);
        assert_true(*arrival_ns <= packet.arrival_ns);
        assert_true(*arrival_ns >= packet.arrival_ns - packet.uncertainty_ns);
        if (net_counters(port)->rx_stamps > before)
            return packet;
        usleep(100);
    }
    fail_msg("no stamp was used");
    return (struct net_packet){0};
}

static void test_arrivals_are_the_nics_whatever_the_poll_was(void **state)
{
    static const struct {
        int64_t skew_ppb;
        uint64_t offset;
    } clocks[] = {{0, 0}, {50000, UINT64_C(1) << 62}, {-90000, UINT64_MAX - 1000}};
    (void)state;
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        test_nic.skew_ppb = clocks[i].skew_ppb;
        test_nic.offset = clocks[i].offset;
        open_port(NET_STAMPING_AUTO);
        assert_true(test_nic.asked_for_stamps);
        assert_true(net_port_stamps_arrivals(port));
        for (unsigned look = 0; look < 100; look++) {
            uint64_t arrival_ns;
            struct net_packet packet = receive_stamped(look % 4 * MS / 8, &arrival_ns);
            assert_true(packet.uncertainty_ns <= 2 * NIC_CLOCK_BOUND_MAX_NS);
        }
        assert_true(net_counters(port)->clock_bound_ns <= NIC_CLOCK_BOUND_MAX_NS);
        assert_int_equal(net_counters(port)->rx_stamps_refused, 0);
        close_port();
    }
}

/* The arrival is the turn's time, and the uncertainty the gap before it. */
static void expect_poll(void)
{
    for (unsigned i = 0; i < 50; i++) {
        uint64_t arrival_ns;
        struct net_packet packet = receive(MS, &arrival_ns);
        assert_true(packet.arrival_ns >= arrival_ns + MS);
        assert_true(packet.uncertainty_ns >= MS);
        usleep(100);
    }
    assert_int_equal(net_counters(port)->rx_stamps, 0);
}

static void test_without_all_that_is_needed_the_poll_tells(void **state)
{
    (void)state;
    test_nic.stamps_arrivals = false;
    open_port(NET_STAMPING_AUTO);
    assert_false(test_nic.asked_for_stamps);
    assert_false(net_port_stamps_arrivals(port));
    expect_poll();
    close_port();

    test_nic.stamps_arrivals = true;
    open_port(NET_STAMPING_OFF);
    assert_false(test_nic.asked_for_stamps);
    expect_poll();
    close_port();

    test_nic.has_clock = false;
    open_port(NET_STAMPING_AUTO);
    assert_true(test_nic.asked_for_stamps);
    assert_false(net_port_stamps_arrivals(port));
    expect_poll();
    close_port();
}

static void test_frames_that_bear_no_stamp(void **state)
{
    uint64_t arrival_ns;
    (void)state;
    open_port(NET_STAMPING_AUTO);
    receive_stamped(0, &arrival_ns);
    uint64_t stamps = net_counters(port)->rx_stamps;
    turn(NULL);
    struct rte_mbuf *mbuf = datagram();
    uint64_t before_ns = clock_now_ns(&run_clock);
    struct net_packet packet = turn(mbuf);
    assert_true(packet.arrival_ns >= before_ns);
    assert_true(packet.arrival_ns - packet.uncertainty_ns <= before_ns);
    assert_int_equal(net_counters(port)->rx_stamps, stamps);
    assert_int_equal(net_counters(port)->rx_stamps_refused, 0);
    close_port();
}

/* A second ahead, and a second before the queue was last seen empty. */
static void test_stamps_that_cannot_be_are_refused(void **state)
{
    static const int64_t off_ns[] = {1000000000, -1000000000};
    (void)state;
    usleep(1100000); /* There is a second ago. */
    for (size_t i = 0; i < 2; i++) {
        uint64_t arrival_ns;
        open_port(NET_STAMPING_AUTO);
        receive_stamped(0, &arrival_ns);
        for (unsigned turns = 0; net_counters(port)->rx_stamps_refused == 0; turns++) {
            assert_true(turns < TURNS_MAX); /* The clock may be unknown for a while. */
            turn(NULL);
            struct rte_mbuf *mbuf = datagram();
            uint64_t now_ns = clock_now_ns(&run_clock);
            test_nic_stamp(mbuf, now_ns + (uint64_t)off_ns[i]);
            struct net_packet packet = turn(mbuf);
            assert_true(packet.arrival_ns >= now_ns);
            assert_true(packet.arrival_ns - packet.uncertainty_ns <= now_ns);
            usleep(100);
        }
        close_port();
    }
}

/* Told once. What the NIC stamps meanwhile is of the future and not believed, then the poll tells,
 * and then the NIC again. */
static void test_a_clock_that_is_set(void **state)
{
    uint64_t arrival_ns;
    struct net_event event;
    (void)state;
    open_port(NET_STAMPING_AUTO);
    receive_stamped(0, &arrival_ns);
    assert_false(net_event(port, &event));
    test_nic.offset += 50 * MS;
    for (unsigned turns = 0; net_counters(port)->clock_jumps == 0; turns++) {
        assert_true(turns < TURNS_MAX);
        struct net_packet packet = receive(0, &arrival_ns);
        assert_true(arrival_ns <= packet.arrival_ns);
        assert_true(arrival_ns >= packet.arrival_ns - packet.uncertainty_ns);
        usleep(100);
    }
    assert_true(net_event(port, &event));
    assert_string_equal(net_event_name(event.kind), "clock");
    receive_stamped(0, &arrival_ns);
    assert_int_equal(net_counters(port)->clock_jumps, 1);
    assert_false(net_event(port, &event));
    close_port();
}

static void test_a_clock_that_fails(void **state)
{
    uint64_t arrival_ns;
    (void)state;
    open_port(NET_STAMPING_AUTO);
    receive_stamped(0, &arrival_ns);
    test_nic.has_clock = false;
    for (unsigned turns = 0; net_counters(port)->clock_failures == 0; turns++) {
        assert_true(turns < TURNS_MAX);
        turn(NULL);
        usleep(100);
    }
    uint64_t stamps = net_counters(port)->rx_stamps;
    struct net_packet packet = receive(0, &arrival_ns);
    assert_true(packet.arrival_ns >= arrival_ns);
    assert_int_equal(net_counters(port)->rx_stamps, stamps);
    test_nic.has_clock = true;
    receive_stamped(0, &arrival_ns);
    close_port();
}

/* The stage keeps packets: when the wire gave them is not when they arrive. */
static void test_the_impairment_stage_has_the_polls_time(void **state)
{
    const struct impair_config nothing = {0};
    struct error err = {0};
    (void)state;
    open_port(NET_STAMPING_AUTO);
    assert_int_equal(net_impair_set(port, &nothing, &nothing, 1, &err), 0);
    assert_false(net_port_stamps_arrivals(port));
    net_tick(port, clock_now_ns(&run_clock));
    expect_poll();
    close_port();
}

/* A group of one next hop that has answered, and a datagram to it, begun and written. */
static void begin_datagram(void)
{
    const struct tuple tuple = {.local = address("10.1.0.5"),
                                .remote = address("10.9.0.1"),
                                .local_port = 40000,
                                .remote_port = 5003,
                                .protocol = WIRE_UDP};
    const struct net_path path = net_path(port, 0, &tuple);
    uint8_t *l4 = net_tx_begin(port, &path, &tuple, UDP_BYTES, NULL);
    assert_non_null(l4);
    memset(l4, 0, UDP_BYTES);
}

static void resolve(void)
{
    const struct address hop = address("10.9.0.9");
    struct arp answer = {.sender = hop, .target = address("10.1.0.1")};
    struct error err = {0};
    uint8_t mac[6];
    void *asked = NULL;
    assert_int_equal(net_group_add(port, &hop, 1, &err), 0);
    assert_true(net_tx_room(port) > 0);
    turn(NULL);
    assert_int_equal(net_tx_flush(port), 1);
    assert_int_equal(rte_ring_dequeue(rte_ring_lookup("sl_stamps_b"), &asked), 0);
    rte_pktmbuf_free(asked);
    net_mac(port, mac);
    memcpy(answer.sender_mac, (const uint8_t[6]){2, 0, 0, 0, 0, 9}, 6);
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
    uint8_t *at = (uint8_t *)rte_pktmbuf_append(mbuf, WIRE_ETHERNET_BYTES + ARP_BYTES);
    at += header_ethernet(at, mac, answer.sender_mac, 0, WIRE_TYPE_ARP);
    arp_build(at, &answer, mac);
    assert_int_equal(rte_ring_enqueue(rte_ring_lookup("sl_stamps_a"), mbuf), 0);
    assert_int_equal(net_poll(port), 1);
    struct net_packet none;
    assert_int_equal(net_rx(port, clock_now_ns(&run_clock), &none, 1), 0);
    assert_int_equal(net_hop_state(port, 0), NET_HOP_RESOLVED);
    struct net_event event;
    assert_true(net_event(port, &event));
}

/* Turns, until the NIC takes packets ahead. */
static void wait_for_ahead(void)
{
    for (unsigned turns = 0; net_tx_ahead_ns(port) == 0; turns++) {
        assert_true(turns < TURNS_MAX);
        usleep(100);
        turn(NULL);
    }
}

static void close_sending_port(void)
{
    while (test_nic_waiting() > 0)
        rte_pktmbuf_free(test_nic_depart());
    close_port();
    test_nic_free();
}

/* In a queue of their own, in the NIC's time; others are not held up. */
static void test_packets_have_their_time_by_the_nics_clock(void **state)
{
    uint64_t ticks;
    void *other = NULL;
    (void)state;
    test_nic.stamps_arrivals = false;
    test_nic.sends_on_time = true;
    test_nic.skew_ppb = 30000;
    open_port(NET_STAMPING_AUTO);
    char text[NET_NOTE_BYTES];
    assert_true(test_nic.asked_to_send);
    assert_true(net_port_sends_on_time(port));
    assert_false(net_port_stamps_arrivals(port));
    net_port_pacing_text(port, text, sizeof(text));
    assert_string_equal(text, "datagrams by the NIC, which sends on time stamps");
    net_port_stamping_text(port, text, sizeof(text));
    assert_string_equal(text, "arrivals by the worker's poll: the device does not offer it");
    net_port_checksums_text(port, text, sizeof(text));
    assert_string_equal(text, "in software: profile ring leaves them to the worker");
    resolve();
    wait_for_ahead();
    assert_true(net_tx_room(port) > 10);
    const uint64_t from_ns = clock_now_ns(&run_clock);
    for (unsigned i = 0; i < 10; i++) {
        begin_datagram();
        net_tx_commit_at(port, from_ns + i * 1000);
    }
    begin_datagram();
    net_tx_commit(port);
    assert_int_equal(net_tx_timed_queued(port), 10);
    assert_int_equal(net_tx_queued(port), 1);
    assert_int_equal(net_tx_flush(port), 1);
    assert_int_equal(net_tx_timed_flush(port), 10);
    assert_int_equal(net_buffers_held(port), 0);
    assert_int_equal(net_counters(port)->tx_timed, 10);
    assert_int_equal(rte_ring_dequeue(rte_ring_lookup("sl_stamps_b"), &other), 0);
    assert_false(test_nic_time(other, &ticks));
    rte_pktmbuf_free(other);
    for (unsigned i = 0; i < 10; i++) {
        struct rte_mbuf *mbuf = NULL;
        while (mbuf == NULL) /* Not before its time. */
            mbuf = test_nic_depart();
        assert_true(test_nic_time(mbuf, &ticks));
        int64_t off = (int64_t)(ticks - test_nic_ticks(from_ns + i * 1000));
        assert_in_range(off + NIC_CLOCK_BOUND_MAX_NS, 0, 2 * NIC_CLOCK_BOUND_MAX_NS);
        assert_true((uint64_t)llabs(off) <= net_counters(port)->clock_bound_ns + 2);
        rte_pktmbuf_free(mbuf);
    }
    close_sending_port();
}

/* The flag, the clock, the second queue, or the machine file's consent is missing. */
static void test_without_all_that_is_needed_the_worker_sends(void **state)
{
    static const char *const why[] = {
        "by the worker, and not on time stamps: the device does not offer it",
        "by the worker, and not on time stamps: the device's clock cannot be read",
        "by the worker: sending on time takes 2 transmit queues, and the device has 1",
        "by the worker, and not on time stamps: the machine file leaves stamps to the worker",
    };
    char text[NET_NOTE_BYTES];
    (void)state;
    for (unsigned missing = 0; missing < 4; missing++) {
        test_nic.sends_on_time = missing != 0;
        test_nic.has_clock = missing != 1;
        test_nic.one_queue = missing == 2;
        open_port(missing == 3 ? NET_STAMPING_OFF : NET_STAMPING_AUTO);
        assert_int_equal(test_nic.asked_to_send, missing == 1);
        assert_false(net_port_sends_on_time(port));
        net_port_pacing_text(port, text, sizeof(text));
        assert_string_equal(text, why[missing]);
        assert_int_equal(net_tx_timed_room(port), 0);
        for (unsigned i = 0; i < 300; i++) {
            turn(NULL);
            assert_int_equal(net_tx_ahead_ns(port), 0);
            usleep(100);
        }
        close_sending_port();
    }
}

/* What the driver refuses stays in order; when the clock is set meanwhile it has no time any more. */
static void test_what_waits_when_the_clock_is_set_leaves_at_once(void **state)
{
    uint64_t ticks;
    unsigned sent = 0;
    (void)state;
    test_nic.sends_on_time = true;
    open_port(NET_STAMPING_AUTO);
    resolve();
    wait_for_ahead();
    while (net_tx_timed_room(port) > 0) { /* Until its queue is full. */
        assert_true(net_tx_room(port) > 0);
        begin_datagram();
        net_tx_commit_at(port, clock_now_ns(&run_clock) + MS);
        sent += net_tx_timed_flush(port);
    }
    assert_int_equal(net_tx_timed_queued(port), 1);
    assert_int_equal(net_counters(port)->tx_refusals, 1);
    test_nic.offset += 50 * MS;
    for (unsigned turns = 0; net_counters(port)->clock_jumps == 0; turns++) {
        assert_true(turns < TURNS_MAX);
        usleep(100);
        turn(NULL);
    }
    assert_int_equal(net_tx_ahead_ns(port), 0);
    while (test_nic_waiting() > 0) {
        struct rte_mbuf *mbuf = test_nic_depart();
        assert_true(mbuf == NULL || test_nic_time(mbuf, &ticks));
        rte_pktmbuf_free(mbuf);
    }
    assert_int_equal(net_tx_timed_flush(port), 1);
    assert_int_equal(net_counters(port)->tx_timed, sent + 1);
    struct rte_mbuf *last = test_nic_depart();
    assert_non_null(last);
    assert_false(test_nic_time(last, &ticks));
    rte_pktmbuf_free(last);
    close_sending_port();
}

static int set_up(void **state)
{
    (void)state;
    test_nic = (struct test_nic){
        .stamps_arrivals = true, .has_clock = true, .clock = &run_clock, .offset = 1000000};
    return 0;
}

static int start(void **state)
{
    (void)state;
    const struct net_eal_config eal = {
        .main_core = -1, .memory = NET_MEMORY_PAGES, .memory_mib = 128};
    struct error err = {0};
    clock_start(&run_clock, 50 * MS);
    if (net_eal_start(&eal, NULL, &err) < 0) {
        print_error("%s\n", err.text);
        return -1;
    }
    pool = rte_pktmbuf_pool_create("test", 256, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    return pool == NULL ? -1 : 0;
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
        cmocka_unit_test_setup(test_arrivals_are_the_nics_whatever_the_poll_was, set_up),
        cmocka_unit_test_setup(test_without_all_that_is_needed_the_poll_tells, set_up),
        cmocka_unit_test_setup(test_frames_that_bear_no_stamp, set_up),
        cmocka_unit_test_setup(test_stamps_that_cannot_be_are_refused, set_up),
        cmocka_unit_test_setup(test_a_clock_that_is_set, set_up),
        cmocka_unit_test_setup(test_a_clock_that_fails, set_up),
        cmocka_unit_test_setup(test_the_impairment_stage_has_the_polls_time, set_up),
        cmocka_unit_test_setup(test_packets_have_their_time_by_the_nics_clock, set_up),
        cmocka_unit_test_setup(test_without_all_that_is_needed_the_worker_sends, set_up),
        cmocka_unit_test_setup(test_what_waits_when_the_clock_is_set_leaves_at_once, set_up),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
