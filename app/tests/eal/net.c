/* A port on a pair of rings, whose far end is this test: frames go in by hand, and what comes out
 * is looked at byte by byte. Every test ends with all buffers back. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/stop.h"
#include "net/arp.h"
#include "net/checksum.h"
#include "net/header.h"
#include "net/nd.h"
#include "net/net.h"
#include "net/net_device.h"
#include "net/net_impair.h"
#include "net/net_setup.h"

enum {
    POOL_BUFFERS = 4096,
    MS = 1000000,
    FRAME_BYTES = 2048
};

static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 9};
static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 10};
static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* The port under test, and its far end. */
struct bench {
    struct net_port *port;
    struct rte_ring *in;      /* Toward the port. */
    struct rte_ring *out;     /* From it. */
    struct rte_mempool *pool; /* Of frames made by the test. */
    uint8_t mac[6];           /* The port's. */
    uint16_t vlan_id;         /* The port's. */
    uint64_t now_ns;          /* Virtual time. */
};

static struct address address(const char *text)
{
    struct address parsed;
    assert_int_equal(address_parse(text, &parsed, NULL), 0);
    return parsed;
}

static struct prefix prefix(const char *text)
{
    struct prefix parsed;
    assert_int_equal(prefix_parse(text, &parsed, NULL), 0);
    return parsed;
}

static struct net_port_config config(void)
{
    return (struct net_port_config){
        .name = "test",
        .profile = "ring",
        .device = "t.a",
        .buffers = POOL_BUFFERS,
        .has_mac = true,
        .mac = {2, 0, 0, 0, 0, 1},
        .pools = {prefix("10.1.0.0/24"), prefix("fd00:1::/64")},
        .pool_count = 2,
    };
}

static void open_bench(struct bench *bench, uint16_t vlan_id)
{
    struct net_port_config wanted = config();
    struct error err = {0};
    wanted.vlan_id = vlan_id;
    *bench = (struct bench){.vlan_id = vlan_id, .now_ns = 1000};
    if (net_port_open(&wanted, getenv("SEAMLINE_DRIVERS"), &bench->port, NULL, &err) < 0)
        fail_msg("%s", err.text);
    bench->in = rte_ring_lookup("sl_t_a");
    bench->out = rte_ring_lookup("sl_t_b");
    bench->pool = rte_mempool_lookup("test");
    net_mac(bench->port, bench->mac);
    assert_non_null(bench->in);
    assert_non_null(bench->out);
}

static void close_bench(struct bench *bench)
{
    assert_int_equal(rte_ring_count(bench->out), 0);
    assert_int_equal(net_buffers_held(bench->port), 0);
    assert_int_equal(net_buffers_out(bench->port), 0);
    assert_int_equal(net_port_close(bench->port), 0);
    assert_int_equal(rte_mempool_in_use_count(bench->pool), 0);
}

static void inject(struct bench *bench, const uint8_t *frame, uint32_t size)
{
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(bench->pool);
    assert_non_null(mbuf);
    memcpy(rte_pktmbuf_append(mbuf, (uint16_t)size), frame, size);
    assert_int_equal(rte_ring_enqueue(bench->in, mbuf), 0);
}

/* Write an Ethernet and IP header to FRAME; returns where L4 goes. */
static uint8_t *head(const struct bench *bench, uint8_t *frame, const char *from, const char *to,
                     uint8_t protocol, uint16_t l4_bytes)
{
    const struct header_ip ip = {
        .source = address(from),
        .destination = address(to),
        .hop_limit = 255,
        .protocol = protocol,
    };
    const uint16_t type = address_is_v4(&ip.source) ? WIRE_TYPE_IPV4 : WIRE_TYPE_IPV6;
    uint8_t *at = frame + header_ethernet(frame, bench->mac, peer_mac, bench->vlan_id, type);
    return at + header_ip(at, &ip, l4_bytes, false);
}

static void inject_ip(struct bench *bench, const char *from, const char *to, uint8_t protocol,
                      const uint8_t *l4, uint16_t l4_bytes)
{
    uint8_t frame[FRAME_BYTES];
    uint8_t *at = head(bench, frame, from, to, protocol, l4_bytes);
    memcpy(at, l4, l4_bytes);
    inject(bench, frame, (uint32_t)(at - frame) + l4_bytes);
}

static void inject_arp(struct bench *bench, bool request, const uint8_t *mac, const char *sender,
                       const char *target, bool to_all)
{
    uint8_t frame[64];
    struct arp arp = {.request = request, .sender = address(sender), .target = address(target)};
    memcpy(arp.sender_mac, mac, 6);
    const uint32_t l2_bytes =
        header_ethernet(frame, to_all ? broadcast : bench->mac, mac, bench->vlan_id, WIRE_TYPE_ARP);
    arp_build(frame + l2_bytes, &arp, request ? NULL : bench->mac);
    inject(bench, frame, l2_bytes + ARP_BYTES);
}

/* One turn; returns the L4 packets. */
static uint16_t turn(struct bench *bench, struct net_packet packets[NET_BURST])
{
    net_poll(bench->port);
    const uint16_t count = net_rx(bench->port, bench->now_ns, packets, NET_BURST);
    net_tick(bench->port, bench->now_ns);
    net_tx_room(bench->port);
    net_tx_flush(bench->port);
    return count;
}

static void turn_nothing(struct bench *bench)
{
    struct net_packet packets[NET_BURST];
    net_tx_room(bench->port); /* Spare buffers for answers. */
    assert_int_equal(turn(bench, packets), 0);
}

/* What the port sent next, without its Ethernet header; its type in *TYPE. */
static uint32_t sent(struct bench *bench, uint8_t to[6], uint16_t *type, uint8_t *payload)
{
    void *object;
    assert_int_equal(rte_ring_dequeue(bench->out, &object), 0);
    struct rte_mbuf *mbuf = object;
    const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
    uint32_t l2_bytes = WIRE_ETHERNET_BYTES;
    *type = wire_get16(frame + 12);
    if (bench->vlan_id != 0) {
        assert_int_equal(*type, WIRE_TYPE_VLAN);
        assert_int_equal(wire_get16(frame + 14), bench->vlan_id);
        *type = wire_get16(frame + 16);
        l2_bytes += WIRE_VLAN_BYTES;
    }
    assert_memory_equal(frame + 6, bench->mac, 6);
    memcpy(to, frame, 6);
    const uint32_t bytes = rte_pktmbuf_pkt_len(mbuf) - l2_bytes;
    memcpy(payload, frame + l2_bytes, bytes);
    rte_pktmbuf_free(mbuf);
    return bytes;
}

static void expect_event(struct bench *bench, enum net_event_kind kind, const char *who)
{
    struct net_event event;
    const struct address expected = address(who);
    assert_true(net_event(bench->port, &event));
    assert_string_equal(net_event_name(event.kind), net_event_name(kind));
    assert_true(address_equal(&event.address, &expected));
    assert_int_equal(event.at_ns, bench->now_ns);
}

/* A group of one next hop that has answered. */
static void resolve(struct bench *bench, const char *hop)
{
    struct net_packet packets[NET_BURST];
    const struct address hops[] = {address(hop)};
    struct error err = {0};
    uint8_t to[6];
    uint8_t asked[FRAME_BYTES];
    uint16_t type;
    assert_int_equal(net_group_add(bench->port, hops, 1, &err), 0);
    net_tx_room(bench->port);
    assert_int_equal(turn(bench, packets), 0);
    assert_int_equal(sent(bench, to, &type, asked), ARP_BYTES);
    assert_int_equal(net_hop_state(bench->port, 0), NET_HOP_ASKING);
    inject_arp(bench, false, peer_mac, hop, "10.1.0.1", false);
    assert_int_equal(turn(bench, packets), 0);
    assert_int_equal(net_hop_state(bench->port, 0), NET_HOP_RESOLVED);
    expect_event(bench, NET_EVENT_RESOLVED, hop);
}

static void test_arp_is_answered_for_the_whole_pool(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        bool answered;
    } rows[] = {{"10.1.0.1", true}, {"10.1.0.200", true}, {"10.1.1.1", false}};
    struct bench bench;
    open_bench(&bench, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t to[6];
        uint8_t payload[FRAME_BYTES];
        uint16_t type;
        struct arp reply;
        inject_arp(&bench, true, peer_mac, "10.1.9.9", rows[i].target, true);
        turn_nothing(&bench);
        assert_int_equal(rte_ring_count(bench.out), rows[i].answered);
        if (!rows[i].answered)
            continue;
        assert_int_equal(sent(&bench, to, &type, payload), ARP_BYTES);
        assert_int_equal(type, WIRE_TYPE_ARP);
        assert_memory_equal(to, peer_mac, 6);
        assert_true(arp_parse(payload, ARP_BYTES, &reply));
        assert_false(reply.request);
        assert_memory_equal(reply.sender_mac, bench.mac, 6);
        const struct address asked = address(rows[i].target);
        assert_true(address_equal(&reply.sender, &asked));
    }
    assert_int_equal(net_counters(bench.port)->arp_answers, 2);
    assert_int_equal(net_counters(bench.port)->drops[NET_DROP_ARP_OTHER], 1);
    close_bench(&bench);
}

static void solicit(struct bench *bench, const char *from, const char *target, bool with_mac)
{
    uint8_t icmp[ND_BYTES];
    const struct address wanted = address(target);
    const struct address group = nd_solicited_node(&wanted);
    const struct address source = address(from);
    struct nd nd = {.solicitation = true, .target = wanted};
    char to[ADDRESS_TEXT_BYTES];
    memcpy(nd.mac, peer_mac, 6);
    nd_build(icmp, &nd, &source, &group);
    if (!with_mac) { /* The message without its option. */
        wire_put16(icmp + 2, 0);
        const uint64_t sum = checksum_pseudo(&source, &group, WIRE_ICMPV6, 24);
        wire_put16(icmp + 2, checksum_finish(checksum_add(sum, icmp, 24)));
    }
    inject_ip(bench, from, address_text(&group, to), WIRE_ICMPV6, icmp, with_mac ? 32 : 24);
}

static void test_solicitations_are_answered_and_duplicates_are_defended(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t to[6];
    uint8_t payload[FRAME_BYTES];
    uint16_t type;
    open_bench(&bench, 7); /* In a VLAN, too. */

    solicit(&bench, "fe80::9", "fd00:1::77", true);
    turn_nothing(&bench);
    assert_int_equal(sent(&bench, to, &type, payload), WIRE_IPV6_BYTES + ND_BYTES);
    assert_memory_equal(to, peer_mac, 6);
    struct address source = address_from_v6(payload + 8);
    struct address destination = address_from_v6(payload + 24);
    struct nd nd;
    assert_true(nd_parse(payload + 40, ND_BYTES, payload[7], &source, &destination, &nd));
    assert_true(!nd.solicitation && nd.solicited && nd.override && nd.has_mac);
    assert_memory_equal(nd.mac, bench.mac, 6);
    uint64_t sum = checksum_pseudo(&source, &destination, WIRE_ICMPV6, ND_BYTES);
    assert_int_equal(checksum_finish(checksum_add(sum, payload + 40, ND_BYTES)), 0);

    solicit(&bench, "::", "fd00:1::78", false);
    turn_nothing(&bench);
    assert_int_equal(sent(&bench, to, &type, payload), WIRE_IPV6_BYTES + ND_BYTES);
    destination = address_from_v6(payload + 24);
    const struct address all = nd_all_nodes();
    assert_true(address_equal(&destination, &all));
    assert_int_equal(payload[40 + 4] & 0x60, 0x20); /* Override, not solicited. */

    solicit(&bench, "fe80::9", "fd00:2::1", true);
    turn_nothing(&bench);
    assert_int_equal(net_counters(bench.port)->drops[NET_DROP_ND_OTHER], 1);
    assert_int_equal(net_counters(bench.port)->nd_answers, 2);
    close_bench(&bench);
}

static void test_echo_is_answered(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t to[6];
    uint8_t payload[FRAME_BYTES];
    uint16_t type;
    open_bench(&bench, 0);
    uint8_t echo[64] = {8, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'};
    wire_put16(echo + 2, checksum_finish(checksum_add(0, echo, sizeof(echo))));
    inject_ip(&bench, "10.1.9.9", "10.1.0.5", WIRE_ICMP, echo, sizeof(echo));
    turn_nothing(&bench);
    assert_int_equal(sent(&bench, to, &type, payload), 20 + sizeof(echo));
    assert_int_equal(payload[20], 0);
    assert_memory_equal(payload + 24, echo + 4, sizeof(echo) - 4);
    assert_int_equal(checksum_finish(checksum_add(0, payload, 20)), 0);
    assert_int_equal(checksum_finish(checksum_add(0, payload + 20, sizeof(echo))), 0);

    echo[0] = 128;
    wire_put16(echo + 2, 0);
    const struct address from = address("fd00:9::9");
    const struct address us = address("fd00:1::5");
    uint64_t sum = checksum_pseudo(&from, &us, WIRE_ICMPV6, sizeof(echo));
    wire_put16(echo + 2, checksum_finish(checksum_add(sum, echo, sizeof(echo))));
    inject_ip(&bench, "fd00:9::9", "fd00:1::5", WIRE_ICMPV6, echo, sizeof(echo));
    turn_nothing(&bench);
    assert_int_equal(sent(&bench, to, &type, payload), 40 + sizeof(echo));
    assert_int_equal(payload[40], 129);
    sum = checksum_pseudo(&us, &from, WIRE_ICMPV6, sizeof(echo));
    assert_int_equal(checksum_finish(checksum_add(sum, payload + 40, sizeof(echo))), 0);
    assert_int_equal(net_counters(bench.port)->echo_answers, 2);
    close_bench(&bench);
}

/* An echo request of ours, and the reply to it. */
static void test_echo_replies_come_to_the_caller(void **state)
{
    (void)state;
    struct bench bench;
    struct net_packet packets[NET_BURST];
    uint8_t to[6], payload[FRAME_BYTES];
    uint16_t type;
    open_bench(&bench, 0);
    resolve(&bench, "10.1.9.9");
    const struct tuple tuple = {.local = address("10.1.0.5"),
                                .remote = address("10.9.0.1"),
                                .local_port = 0x1234,
                                .protocol = WIRE_ICMP};
    const struct net_path path = net_path(bench.port, 0, &tuple);
    uint8_t *icmp = net_tx_begin(bench.port, &path, &tuple, 12, NULL);
    assert_non_null(icmp);
    memcpy(icmp, (uint8_t[]){8, 0, 0xff, 0xff, 0x12, 0x34, 0, 7, 'e', 'c', 'h', 'o'}, 12);
    net_tx_commit(bench.port);
    net_tx_flush(bench.port);
    assert_int_equal(sent(&bench, to, &type, payload), 20 + 12);
    assert_int_equal(payload[9], WIRE_ICMP);
    assert_int_equal(checksum_finish(checksum_add(0, payload + 20, 12)), 0);

    payload[20] = 0;
    wire_put16(payload + 22, 0);
    wire_put16(payload + 22, checksum_finish(checksum_add(0, payload + 20, 12)));
    inject_ip(&bench, "10.9.0.1", "10.1.0.5", WIRE_ICMP, payload + 20, 12);
    assert_int_equal(turn(&bench, packets), 1);
    assert_int_equal(packets[0].kind, NET_ECHO_REPLY);
    assert_true(tuple_equal(&packets[0].tuple, &tuple));
    assert_int_equal(packets[0].l4_bytes, 12);
    assert_memory_equal(packets[0].l4 + 8, "echo", 4);
    net_free(bench.port, packets);
    close_bench(&bench);
}

/* Whole frames go out as they were written, behind what was queued before, and no more are begun
 * than the queue has places. */
static void test_whole_frames(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t to[6], mac[6], payload[FRAME_BYTES], *frames[NET_TX_QUEUE + 1];
    uint16_t type, bytes[NET_TX_QUEUE];
    open_bench(&bench, 0);
    resolve(&bench, "10.1.9.9");
    assert_true(net_hop_mac(bench.port, 0, mac) && memcmp(mac, peer_mac, 6) == 0);
    for (uint16_t round = 0; round < 2; round++) {
        const uint16_t wanted = round == 0 ? 3 : NET_TX_QUEUE + 1;
        const uint16_t count = net_tx_frames(bench.port, frames, wanted);
        assert_int_equal(count, round == 0 ? 3 : NET_TX_QUEUE - 3);
        for (uint16_t i = 0; i < count; i++) {
            bytes[i] = (uint16_t)(60 + i);
            memset(frames[i], i, bytes[i]);
            header_ethernet(frames[i], mac, bench.mac, 0, WIRE_TYPE_IPV4);
        }
        net_tx_frames_commit(bench.port, bytes, count);
    }
    assert_int_equal(net_tx_frames(bench.port, frames, 1), 0);
    assert_int_equal(net_tx_flush(bench.port), NET_TX_QUEUE);
    for (uint16_t i = 0; i < NET_TX_QUEUE; i++) {
        const uint16_t nth = i < 3 ? i : (uint16_t)(i - 3);
        assert_int_equal(sent(&bench, to, &type, payload), 60 + nth - WIRE_ETHERNET_BYTES);
        assert_int_equal(payload[0], nth);
    }
    close_bench(&bench);
}

/* A TCP header with a right checksum and TEXT behind it. */
static uint16_t tcp_segment(uint8_t *l4, const char *from, const char *to, const char *text)
{
    const struct address source = address(from);
    const struct address destination = address(to);
    const uint16_t bytes = (uint16_t)(20 + strlen(text));
    memset(l4, 0, 20);
    wire_put16(l4, 5003);
    wire_put16(l4 + 2, 40000);
    l4[12] = 0x50;
    memcpy(l4 + 20, text, strlen(text));
    const uint64_t sum = checksum_pseudo(&source, &destination, WIRE_TCP, bytes);
    wire_put16(l4 + 16, checksum_finish(checksum_add(sum, l4, bytes)));
    return bytes;
}

static void test_packets_come_as_we_see_them(void **state)
{
    (void)state;
    struct bench bench;
    struct net_packet packets[NET_BURST];
    uint8_t l4[64];
    open_bench(&bench, 0);
    const uint16_t bytes = tcp_segment(l4, "10.9.0.1", "10.1.0.5", "odd");
    inject_ip(&bench, "10.9.0.1", "10.1.0.5", WIRE_TCP, l4, bytes);
    l4[20] ^= 1;
    inject_ip(&bench, "10.9.0.1", "10.1.0.5", WIRE_TCP, l4, bytes);
    assert_int_equal(turn(&bench, packets), 1);
    const struct address local = address("10.1.0.5");
    const struct address remote = address("10.9.0.1");
    assert_int_equal(packets[0].kind, NET_TCP);
    assert_true(address_equal(&packets[0].tuple.local, &local));
    assert_true(address_equal(&packets[0].tuple.remote, &remote));
    assert_int_equal(packets[0].tuple.local_port, 40000);
    assert_int_equal(packets[0].tuple.remote_port, 5003);
    assert_int_equal(packets[0].l4_bytes, bytes);
    assert_memory_equal(packets[0].l4 + 20, "odd", 3);
    assert_int_equal(packets[0].arrival_ns, bench.now_ns);
    assert_int_equal(net_counters(bench.port)->drops[NET_DROP_L4_CHECKSUM], 1);
    assert_int_equal(net_counters(bench.port)->rx_software_checksums, 2);
    assert_int_equal(net_buffers_held(bench.port), 1);
    net_free(bench.port, &packets[0]);
    close_bench(&bench);
}

static void test_frames_wait_for_a_caller_without_room(void **state)
{
    (void)state;
    struct bench bench;
    struct net_packet packets[4];
    uint8_t l4[64];
    open_bench(&bench, 0);
    const uint16_t bytes = tcp_segment(l4, "10.9.0.1", "10.1.0.5", "");
    for (int i = 0; i < 6; i++)
        inject_ip(&bench, "10.9.0.1", "10.1.0.5", WIRE_TCP, l4, bytes);
    assert_int_equal(net_poll(bench.port), 6);
    assert_int_equal(net_rx(bench.port, 1, packets, 4), 4);
    assert_int_equal(net_rx_waiting(bench.port), 2);
    for (int i = 0; i < 4; i++)
        net_free(bench.port, &packets[i]);
    assert_int_equal(net_poll(bench.port), 2);
    assert_int_equal(net_rx(bench.port, 2, packets, 4), 2);
    assert_int_equal(net_rx_waiting(bench.port), 0);
    net_free_all(bench.port, packets, 2);
    assert_null(packets[1].mbuf);
    close_bench(&bench);
}

static void test_sent_packets_are_whole(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t to[6];
    uint8_t payload[FRAME_BYTES];
    uint16_t type;
    open_bench(&bench, 0);
    resolve(&bench, "10.1.9.9");
    const struct tuple tuple = {
        .local = address("10.1.0.5"),
        .remote = address("10.9.0.1"),
        .local_port = 40000,
        .remote_port = 5003,
        .protocol = WIRE_TCP,
    };
    const struct net_path path = net_path(bench.port, 0, &tuple);
    uint8_t *l4 = net_tx_begin(bench.port, &path, &tuple, 23, NULL);
    assert_non_null(l4);
    memset(l4, 0xab, 23); /* The checksum field too: commit sets it. */
    assert_int_equal(net_buffers_held(bench.port), 1);
    net_tx_commit(bench.port);
    assert_int_equal(net_buffers_held(bench.port), 0);
    assert_int_equal(net_tx_flush(bench.port), 1);

    assert_int_equal(sent(&bench, to, &type, payload), 20 + 23);
    assert_int_equal(type, WIRE_TYPE_IPV4);
    assert_memory_equal(to, peer_mac, 6);
    assert_int_equal(wire_get16(payload + 2), 43);
    assert_int_equal(payload[8], 64);
    assert_int_equal(payload[9], WIRE_TCP);
    assert_int_equal(wire_get16(payload + 6), 0x4000);
    assert_int_equal(checksum_finish(checksum_add(0, payload, 20)), 0);
    assert_memory_equal(payload + 12, tuple.local.bytes + 12, 4);
    assert_memory_equal(payload + 16, tuple.remote.bytes + 12, 4);
    const uint64_t sum = checksum_pseudo(&tuple.local, &tuple.remote, WIRE_TCP, 23);
    assert_int_equal(checksum_finish(checksum_add(sum, payload + 20, 23)), 0);
    close_bench(&bench);
}

/* The same frame, whoever sums it up, or a part of it: an odd number of bytes, and a UDP checksum
 * that comes to 0. */
static void test_the_caller_may_know_the_sum(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t to[6], payload[3][FRAME_BYTES];
    uint16_t type;
    open_bench(&bench, 0);
    resolve(&bench, "10.1.9.9");
    const struct tuple tuple = {.local = address("10.1.0.5"),
                                .remote = address("10.9.0.1"),
                                .local_port = 40000,
                                .remote_port = 5003,
                                .protocol = WIRE_UDP};
    const struct net_path path = net_path(bench.port, 0, &tuple);
    uint8_t udp[13] = {0x9c, 0x40, 0x13, 0x8b, 0, 13, 0, 0, 1, 2, 3, 4, 5};
    for (unsigned zero = 0; zero < 2; zero++) {
        if (zero) { /* What is left to all ones. */
            udp[10] = udp[11] = 0;
            const uint64_t rest = checksum_pseudo(&tuple.local, &tuple.remote, WIRE_UDP, 13);
            wire_put16(udp + 10, checksum_finish(checksum_add(rest, udp, sizeof(udp))));
        }
        const uint16_t known[3] = {0, sizeof(udp), 8};
        for (unsigned i = 0; i < 3; i++) {
            uint8_t *l4 = net_tx_begin(bench.port, &path, &tuple, sizeof(udp), NULL);
            assert_non_null(l4);
            memcpy(l4, udp, sizeof(udp));
            if (i == 0)
                net_tx_commit(bench.port);
            else
                net_tx_commit_summed(bench.port, checksum_add(0, udp, known[i]), known[i]);
            assert_int_equal(net_tx_flush(bench.port), 1);
            assert_int_equal(sent(&bench, to, &type, payload[i]), 20 + sizeof(udp));
        }
        assert_memory_equal(payload[0], payload[1], 20 + sizeof(udp));
        assert_memory_equal(payload[0], payload[2], 20 + sizeof(udp));
        assert_true(zero == (wire_get16(payload[1] + 26) == 0xffff));
    }
    close_bench(&bench);
}

static void test_a_refusing_driver_loses_nothing_and_keeps_the_order(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t to[6];
    uint8_t payload[FRAME_BYTES];
    uint16_t type;
    open_bench(&bench, 0);
    resolve(&bench, "10.1.9.9");
    const struct tuple tuple = {
        .local = address("10.1.0.5"),
        .remote = address("10.9.0.1"),
        .local_port = 40000,
        .remote_port = 5003,
        .protocol = WIRE_UDP,
    };
    const struct net_path path = net_path(bench.port, 0, &tuple);
    uint32_t made = 0;
    uint16_t room;
    while ((room = net_tx_room(bench.port)) > 0) {
        for (; room > 0; room--) {
            uint8_t *l4 = net_tx_begin(bench.port, &path, &tuple, 12, NULL);
            assert_non_null(l4);
            memset(l4, 0, 12);
            wire_put32(l4 + 8, made++);
            net_tx_commit(bench.port);
        }
        net_tx_flush(bench.port);
    }
    assert_int_equal(net_counters(bench.port)->tx_refusals, 1);
    assert_int_equal(made, rte_ring_count(bench.out) + net_tx_queued(bench.port));
    enum net_refusal why;
    assert_null(net_tx_begin(bench.port, &path, &tuple, 12, &why));
    assert_int_equal(why, NET_REFUSED_ROOM);

    for (uint32_t i = 0; i < made; i++) {
        assert_int_equal(sent(&bench, to, &type, payload), 32);
        assert_int_equal(wire_get32(payload + 28), i);
        if (i % 64 == 0)
            net_tx_flush(bench.port);
    }
    assert_int_equal(net_tx_queued(bench.port), 0);
    assert_true(net_tx_room(bench.port) > 0);
    close_bench(&bench);
}

static void test_refusals_have_a_reason(void **state)
{
    (void)state;
    struct bench bench;
    enum net_refusal why;
    struct error err = {0};
    uint8_t to[6];
    uint8_t payload[FRAME_BYTES];
    uint16_t type;
    open_bench(&bench, 0);
    resolve(&bench, "10.1.9.9");
    const struct address silent[] = {address("fd00:9::1")};
    const int group = net_group_add(bench.port, silent, 1, &err);
    assert_int_equal(group, 1);
    const struct tuple tuple = {
        .local = address("fd00:1::5"), .remote = address("fd00:9::2"), .protocol = WIRE_TCP};
    struct net_path path = net_path(bench.port, 1, &tuple);
    assert_null(net_tx_begin(bench.port, &path, &tuple, 20, &why));
    assert_int_equal(why, NET_REFUSED_HOP);
    path = net_path(bench.port, 0, &tuple);
    assert_null(net_tx_begin(bench.port, &path, &tuple, 1461, &why));
    assert_int_equal(why, NET_REFUSED_SIZE);
    assert_non_null(net_tx_begin(bench.port, &path, &tuple, 1460, &why));
    assert_int_equal(why, NET_SENT);
    net_tx_commit(bench.port);
    net_tx_flush(bench.port);
    assert_int_equal(sent(&bench, to, &type, payload), 1500);

    const struct address own[] = {address("10.1.0.77")};
    assert_int_equal(net_group_add(bench.port, own, 1, &err), -EADDRINUSE);
    assert_non_null(strstr(err.text, "10.1.0.77"));
    assert_true(net_address_is_ours(bench.port, &own[0]));
    close_bench(&bench);
}

static void test_a_gratuitous_arp_is_followed(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t mac[6];
    open_bench(&bench, 0);
    resolve(&bench, "10.1.9.9");
    bench.now_ns += 5 * MS;
    inject_arp(&bench, true, other_mac, "10.1.9.9", "10.1.9.9", true);
    turn_nothing(&bench);
    expect_event(&bench, NET_EVENT_MAC_CHANGED, "10.1.9.9");
    net_hop_address(bench.port, 0, mac);
    assert_memory_equal(mac, other_mac, 6);
    uint8_t to[6];
    uint8_t payload[FRAME_BYTES];
    uint16_t type;
    assert_int_equal(sent(&bench, to, &type, payload), ARP_BYTES); /* It is asked at once. */
    assert_memory_equal(to, other_mac, 6);

    inject_arp(&bench, false, other_mac, "10.1.0.5", "10.1.9.9", true);
    turn_nothing(&bench);
    expect_event(&bench, NET_EVENT_CONFLICT, "10.1.0.5");
    close_bench(&bench);
}

static void test_an_icmp_error_names_the_packet_it_quotes(void **state)
{
    (void)state;
    struct bench bench;
    struct net_packet packets[NET_BURST];
    open_bench(&bench, 0);
    uint8_t icmp[8 + 28] = {3, 4, 0, 0, 0, 0, 1400 >> 8, 1400 & 255};
    const struct header_ip quoted = {
        .source = address("10.1.0.5"),
        .destination = address("10.9.0.1"),
        .hop_limit = 60,
        .protocol = WIRE_TCP,
    };
    header_ip(icmp + 8, &quoted, 1480, false);
    wire_put16(icmp + 28, 40000);
    wire_put16(icmp + 30, 5003);
    wire_put32(icmp + 32, 0x01020304);
    wire_put16(icmp + 2, checksum_finish(checksum_add(0, icmp, sizeof(icmp))));
    inject_ip(&bench, "10.5.5.5", "10.1.0.5", WIRE_ICMP, icmp, sizeof(icmp));
    inject_ip(&bench, "10.5.5.5", "10.1.0.6", WIRE_ICMP, icmp, sizeof(icmp)); /* Not its source. */
    assert_int_equal(turn(&bench, packets), 1);
    assert_int_equal(packets[0].kind, NET_ICMP_ERROR);
    assert_int_equal(packets[0].error.kind, ICMP_TOO_BIG);
    assert_int_equal(packets[0].error.mtu_bytes, 1400);
    assert_int_equal(packets[0].error.quoted_seq, 0x01020304);
    assert_int_equal(packets[0].tuple.local_port, 40000);
    assert_int_equal(packets[0].tuple.remote_port, 5003);
    assert_true(address_equal(&packets[0].tuple.remote, &quoted.destination));
    /* Anybody can have made it: nothing is remembered before who sent the packet believes it. */
    assert_int_equal(net_path_mtu_bytes(bench.port, &quoted.destination, bench.now_ns), 1500);
    net_path_mtu_told(bench.port, &quoted.destination, 1400, bench.now_ns);
    assert_int_equal(net_path_mtu_bytes(bench.port, &quoted.destination, bench.now_ns), 1400);
    assert_int_equal(net_path_mtu_bytes(bench.port, &quoted.source, bench.now_ns), 1500);
    assert_int_equal(net_counters(bench.port)->drops[NET_DROP_ICMP_QUOTE], 1);
    expect_event(&bench, NET_EVENT_PATH_MTU, "10.9.0.1");
    net_free(bench.port, &packets[0]);
    close_bench(&bench);
}

static void test_a_group_spreads_over_all_its_hops(void **state)
{
    (void)state;
    struct bench bench;
    unsigned hits[8] = {0};
    struct address hops[8];
    struct error err = {0};
    open_bench(&bench, 0);
    for (unsigned i = 0; i < 8; i++)
        hops[i] = address_plus(address(i % 2 == 0 ? "10.1.9.1" : "fd00:9::1"), i);
    assert_int_equal(net_group_add(bench.port, hops, 8, &err), 0);
    struct tuple tuple = {
        .local = address("10.1.0.5"),
        .remote = address("10.9.0.1"),
        .remote_port = 5003,
        .protocol = WIRE_TCP,
    };
    for (uint16_t port = 1; port <= 8000; port++) {
        tuple.local_port = port;
        const struct net_path path = net_path(bench.port, 0, &tuple);
        const struct net_path again = net_path(bench.port, 0, &tuple);
        assert_int_equal(path.hop, again.hop);
        hits[path.hop]++;
    }
    for (unsigned i = 0; i < 8; i++) /* 1000 expected, sigma 30. */
        assert_in_range(hits[i], 850, 1150);
    close_bench(&bench);
}

/* The stage that spoils packets on purpose: each fault, in both directions. */
static void test_the_impairment_stage_spoils_both_directions(void **state)
{
    (void)state;
    const struct impair_config none = {0}, drop = {.drop = 1}, flip = {.flip = 1};
    const struct impair_config twice = {.duplicate = 1}, late = {.delay = 1, .delay_ns = MS};
    const uint8_t udp[9] = {0, 7, 0, 9, 0, 9, 0, 0, 'x'}; /* Without a checksum. */
    uint8_t echo[16] = {8};
    struct net_packet packets[NET_BURST];
    struct error err = {0};
    struct bench bench;
    open_bench(&bench, 0);
    resolve(&bench, "10.1.9.9");
    wire_put16(echo + 2, checksum_finish(checksum_add(0, echo, sizeof(echo))));

    assert_int_equal(net_impair_set(bench.port, &drop, &none, 1, &err), 0);
    inject_ip(&bench, "10.1.9.9", "10.1.0.5", WIRE_UDP, udp, sizeof(udp));
    turn_nothing(&bench);
    assert_int_equal(net_impair(bench.port)->receive.counters.dropped, 1);

    assert_int_equal(net_impair_set(bench.port, &flip, &none, 1, &err), 0);
    inject_ip(&bench, "10.1.9.9", "10.1.0.5", WIRE_ICMP, echo, sizeof(echo));
    turn_nothing(&bench); /* Whatever bit it was: no answer. */

    /* No checksum would tell a neighbour that an answer to ARP is wrong: it is left alone. */
    uint8_t to[6], answer[FRAME_BYTES];
    uint16_t type;
    struct arp reply;
    assert_int_equal(net_impair_set(bench.port, &none, &flip, 1, &err), 0);
    for (unsigned i = 0; i < 20; i++) {
        inject_arp(&bench, true, peer_mac, "10.1.9.9", "10.1.0.1", true);
        turn_nothing(&bench);
        assert_int_equal(sent(&bench, to, &type, answer), ARP_BYTES);
        assert_true(type == WIRE_TYPE_ARP && arp_parse(answer, ARP_BYTES, &reply));
        assert_memory_equal(reply.sender_mac, bench.mac, 6);
        const struct address asked = address("10.1.0.1");
        assert_true(address_equal(&reply.sender, &asked));
    }

    assert_int_equal(net_impair_set(bench.port, &twice, &none, 1, &err), 0);
    inject_ip(&bench, "10.1.9.9", "10.1.0.5", WIRE_UDP, udp, sizeof(udp));
    assert_int_equal(turn(&bench, packets), 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(packets[i].l4[8], 'x');
        net_free(bench.port, &packets[i]);
    }

    /* An answer is sent a millisecond later, when a turn has come. */
    assert_int_equal(net_impair_set(bench.port, &none, &late, 1, &err), 0);
    inject_ip(&bench, "10.1.9.9", "10.1.0.5", WIRE_ICMP, echo, sizeof(echo));
    turn_nothing(&bench);
    assert_int_equal(rte_ring_count(bench.out), 0);
    bench.now_ns += MS - 1;
    turn_nothing(&bench);
    assert_int_equal(rte_ring_count(bench.out), 0);
    bench.now_ns++;
    turn_nothing(&bench);
    assert_int_equal(rte_ring_count(bench.out), 1);
    sent(&bench, to, &type, answer);

    /* What is kept at the close goes back with it. */
    inject_ip(&bench, "10.1.9.9", "10.1.0.5", WIRE_ICMP, echo, sizeof(echo));
    turn_nothing(&bench);
    assert_int_equal(impair_held(&net_impair(bench.port)->send), 1);
    assert_int_equal(net_port_close(bench.port), 0);
    assert_int_equal(rte_mempool_in_use_count(bench.pool), 0);
}

static void test_what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    struct bench bench;
    struct net_port *port;
    const char *drivers = getenv("SEAMLINE_DRIVERS");
    struct error err = {0};
    open_bench(&bench, 0);

    struct net_port_config wanted = config();
    assert_int_equal(net_port_open(&wanted, drivers, &port, NULL, &err), -EBUSY);
    assert_non_null(strstr(err.text, "held by another seamline (process "));

    err = (struct error){0};
    wanted.profile = "af_xdp";
    wanted.device = "nosuch0";
    assert_int_equal(net_port_open(&wanted, drivers, &port, NULL, &err), -ENODEV);
    assert_non_null(strstr(err.text, "no network interface \"nosuch0\" here; there are: "));
    assert_non_null(strstr(err.text, "lo"));
    assert_int_equal(err.status, EXIT_ENVIRONMENT);

    err = (struct error){0};
    wanted.profile = "nosuch";
    assert_int_equal(net_port_open(&wanted, drivers, &port, NULL, &err), -ENOENT);
    assert_non_null(strstr(err.text, "af_xdp, null"));
    close_bench(&bench);
}

/* The hold ends with its process, however that ends. */
static void test_a_killed_holder_holds_no_more(void **state)
{
    (void)state;
    struct error err = {0};
    char holder[64];
    char byte;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        net_lock("held0", NULL);
        (void)!write(ready[1], "", 1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(net_lock("held0", &err), -EBUSY);
    snprintf(holder, sizeof(holder), "(process %d)", (int)child);
    assert_non_null(strstr(err.text, holder));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    const int fd = net_lock("held0", &err);
    assert_true(fd >= 0);
    close(fd);
    close(ready[0]);
    close(ready[1]);
}

/* A signal ends the wait for a next hop that does not answer. */
static void test_resolving_is_interrupted(void **state)
{
    (void)state;
    struct net_port_config wanted = config();
    struct net_port *port;
    struct clock clock;
    struct error err = {0};
    const struct address silent = address("10.1.1.1");
    wanted.profile = "null";
    wanted.device = "stop0";
    clock_start(&clock, 2 * MS);
    if (net_port_open(&wanted, getenv("SEAMLINE_DRIVERS"), &port, NULL, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(net_group_add(port, &silent, 1, &err), 0);
    stop_on_signals();
    raise(SIGINT);
    const int code = net_resolve(port, &clock, 60000 * (uint64_t)MS, &err);
    stop_on_signals(); /* It is forgotten again. */
    assert_int_equal(code, -EINTR);
    assert_string_equal(err.text, "");
    assert_int_equal(net_port_close(port), 0);
}

static int start(void **state)
{
    (void)state;
    const struct net_eal_config eal = {
        .main_core = -1, .memory = NET_MEMORY_PAGES, .memory_mib = 128};
    struct error err = {0};
    if (net_eal_start(&eal, NULL, &err) < 0) {
        print_error("%s\n", err.text);
        return -1;
    }
    return rte_pktmbuf_pool_create("test", 4096, 0, 0, FRAME_BYTES + RTE_PKTMBUF_HEADROOM, 0) ==
                   NULL
               ? -1
               : 0;
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
        cmocka_unit_test(test_arp_is_answered_for_the_whole_pool),
        cmocka_unit_test(test_solicitations_are_answered_and_duplicates_are_defended),
        cmocka_unit_test(test_echo_is_answered),
        cmocka_unit_test(test_echo_replies_come_to_the_caller),
        cmocka_unit_test(test_whole_frames),
        cmocka_unit_test(test_packets_come_as_we_see_them),
        cmocka_unit_test(test_frames_wait_for_a_caller_without_room),
        cmocka_unit_test(test_sent_packets_are_whole),
        cmocka_unit_test(test_the_caller_may_know_the_sum),
        cmocka_unit_test(test_a_refusing_driver_loses_nothing_and_keeps_the_order),
        cmocka_unit_test(test_refusals_have_a_reason),
        cmocka_unit_test(test_a_gratuitous_arp_is_followed),
        cmocka_unit_test(test_an_icmp_error_names_the_packet_it_quotes),
        cmocka_unit_test(test_a_group_spreads_over_all_its_hops),
        cmocka_unit_test(test_the_impairment_stage_spoils_both_directions),
        cmocka_unit_test(test_what_cannot_be_opened_says_why),
        cmocka_unit_test(test_a_killed_holder_holds_no_more),
        cmocka_unit_test(test_resolving_is_interrupted),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
