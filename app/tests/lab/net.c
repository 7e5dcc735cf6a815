/* A port against the Linux kernel, over a veth pair (or a TAP interface): usage: PROFILE.
 *
 * The kernel pings addresses of the port's pools, keeps them in its neighbour table, changes its
 * MAC in mid-run, and echoes datagrams whose checksums it verifies. Everything is in a network
 * namespace of this process alone, which disappears with it. Needs root. */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/net.h"
#include "net/net_setup.h"
#include "net/wire.h"

#define SECOND_NS UINT64_C(1000000000)

static struct clock run_clock;
static struct net_port *port;
static const char *profile;

/* Run a shell command in this namespace; fails the test with it. */
static void sh(const char *command)
{
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static bool output_has(const char *command, const char *wanted)
{
    char bytes[4096];
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    const size_t size = fread(bytes, 1, sizeof(bytes) - 1, pipe);
    bytes[size] = '\0';
    pclose(pipe);
    return strstr(bytes, wanted) != NULL;
}

/* One turn. Packets are given to the caller, who frees. */
static uint16_t turn(struct net_packet packets[NET_BURST])
{
    net_poll(port);
    const uint64_t now_ns = clock_now_ns(&run_clock);
    const uint16_t count = net_rx(port, now_ns, packets, NET_BURST);
    net_tick(port, now_ns);
    net_tx_room(port);
    net_tx_flush(port);
    return count;
}

static void turn_and_free(void)
{
    struct net_packet packets[NET_BURST];
    const uint16_t count = turn(packets);
    for (uint16_t i = 0; i < count; i++)
        net_free(port, &packets[i]);
}

/* Poll while COMMAND runs; returns its wait status. */
static int poll_while(const char *command)
{
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    while (waitpid(child, &status, WNOHANG) == 0)
        turn_and_free();
    return status;
}

static struct address address(const char *text)
{
    struct address parsed;
    assert_int_equal(address_parse(text, &parsed, NULL), 0);
    return parsed;
}

static void test_pool_addresses_answer_ping(void **state)
{
    (void)state;
    assert_int_equal(poll_while("ping -q -c 3 -i 0.02 -W 2 10.77.1.5 >/dev/null"), 0);
    assert_int_equal(poll_while("ping -q -c 3 -i 0.02 -W 2 -s 1400 10.77.1.200 >/dev/null"), 0);
    assert_int_equal(poll_while("ping -q -c 3 -i 0.02 -W 2 fd77:1::5 >/dev/null"), 0);
    assert_int_not_equal(poll_while("ping -q -c 1 -W 1 10.77.3.1 >/dev/null"), 0);
    uint8_t mac[6];
    char text[18];
    net_mac(port, mac);
    snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
    assert_true(output_has("ip neigh show 10.77.1.5", text));
    assert_true(output_has("ip neigh show fd77:1::5", text));
    assert_in_range(net_counters(port)->echo_answers, 9, 12);
}

static void test_next_hops_resolve_and_silent_ones_are_named(void **state)
{
    (void)state;
    const struct address v4 = address("10.77.0.1");
    const struct address v6 = address("fd77::1");
    const struct address silent = address("10.77.0.99");
    struct error err = {0};
    assert_int_equal(net_group_add(port, &v4, 1, &err), 0);
    assert_int_equal(net_group_add(port, &v6, 1, &err), 1);
    assert_int_equal(net_resolve(port, &run_clock, 5 * SECOND_NS, &err), 0);
    assert_int_equal(net_group_add(port, &silent, 1, &err), 2);
    assert_int_equal(net_resolve(port, &run_clock, 10 * SECOND_NS, &err), -EHOSTUNREACH);
    assert_non_null(strstr(err.text, "10.77.0.99"));
    assert_null(strstr(err.text, "10.77.0.1,"));
    struct net_event event;
    unsigned unresolved = 0;
    while (net_event(port, &event))
        unresolved += event.kind == NET_EVENT_UNRESOLVED;
    assert_int_equal(unresolved, 1);
}

static int kernel_socket(bool ipv6)
{
    const struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(7)};
    const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
    const struct sockaddr *bound =
        ipv6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    const int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    const int only = 1;
    if (ipv6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    assert_int_equal(bind(fd, bound, ipv6 ? sizeof(v6) : sizeof(v4)), 0);
    return fd;
}

static void send_datagram(unsigned group, const struct tuple *tuple, uint16_t bytes)
{
    const struct net_path path = net_path(port, group, tuple);
    assert_true(net_tx_room(port) > 0);
    uint8_t *l4 = net_tx_begin(port, &path, tuple, (uint16_t)(8 + bytes), NULL);
    assert_non_null(l4);
    wire_put16(l4, tuple->local_port);
    wire_put16(l4 + 2, tuple->remote_port);
    wire_put16(l4 + 4, (uint16_t)(8 + bytes));
    for (uint16_t i = 0; i < bytes; i++)
        l4[8 + i] = (uint8_t)(i * 7);
    net_tx_commit(port);
    net_tx_flush(port);
}

/* The next packet within a second. */
static struct net_packet receive(void)
{
    struct net_packet packets[NET_BURST];
    const uint64_t start_ns = clock_now_ns(&run_clock);
    uint16_t count = 0;
    while (count == 0 && clock_now_ns(&run_clock) - start_ns < SECOND_NS)
        count = turn(packets);
    assert_int_equal(count, 1);
    return packets[0];
}

/* The kernel drops what has a wrong checksum, so an echo proves ours. */
static void test_datagrams_go_both_ways(void **state)
{
    (void)state;
    for (unsigned group = 0; group < 2; group++) {
        const bool ipv6 = group == 1;
        struct tuple tuple = {
            .local = address(ipv6 ? "fd77:1::5" : "10.77.1.5"),
            .remote = address(ipv6 ? "fd77::1" : "10.77.0.1"),
            .local_port = 40000,
            .remote_port = 7,
            .protocol = WIRE_UDP,
        };
        const int fd = kernel_socket(ipv6);
        for (uint16_t bytes = 0; bytes < 1400; bytes = (uint16_t)(bytes + 333)) {
            uint8_t buffer[2048];
            struct sockaddr_storage from;
            socklen_t size = sizeof(from);
            ssize_t got = -1;
            send_datagram(group, &tuple, bytes);
            for (int i = 0; i < 100000 && got < 0; i++)
                got = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &size);
            assert_int_equal(got, bytes);
            assert_int_equal(sendto(fd, buffer, (size_t)got, 0, (struct sockaddr *)&from, size),
                             got);
            struct net_packet packet = receive();
            assert_int_equal(packet.kind, NET_UDP);
            assert_true(tuple_equal(&packet.tuple, &tuple));
            assert_int_equal(packet.l4_bytes, 8 + bytes);
            net_free(port, &packet);
        }
        close(fd);
        tuple.remote_port = 9; /* Nobody there. */
        send_datagram(group, &tuple, 100);
        struct net_packet packet = receive();
        assert_int_equal(packet.kind, NET_ICMP_ERROR);
        assert_string_equal(icmp_kind_name(packet.error.kind), "port-unreachable");
        assert_true(tuple_equal(&packet.tuple, &tuple));
        net_free(port, &packet);
    }
}

static void test_a_changed_mac_is_an_event(void **state)
{
    (void)state;
    struct net_event event;
    unsigned changed = 0;
    while (net_event(port, &event)) {
    }
    poll_while("ip link set slv1 address 02:00:00:00:77:02; sleep 0.3");
    while (net_event(port, &event)) {
        static const uint8_t expected[6] = {2, 0, 0, 0, 0x77, 2};
        if (event.kind == NET_EVENT_MAC_CHANGED) {
            assert_memory_equal(event.mac, expected, 6);
            changed++;
        }
    }
    assert_int_equal(changed, 2); /* By ARP and by neighbour discovery. */
}

/* XDP on a veth wants as many receive queues as the peer has transmit queues. */
static void test_a_refused_af_xdp_falls_back(void **state)
{
    (void)state;
    const struct net_port_config config = {
        .name = "second",
        .profile = "af_xdp",
        .device = "slv2",
        .pools = {{.address = address("10.77.2.0"), .length_bits = 96 + 24}},
        .pool_count = 1,
        .buffers = 4096,
        .mtu_bytes = 1400,
    };
    struct net_port *second;
    struct error err = {0};
    char note[NET_NOTE_BYTES];
    sh("ip link add slv2 numrxqueues 1 numtxqueues 1 "
       "type veth peer name slv3 numrxqueues 2 numtxqueues 2");
    sh("ip link set slv2 up; ip link set slv3 up");
    if (net_port_open(&config, getenv("SEAMLINE_DRIVERS"), &second, note, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(net_port_profile(second)->name, "af_packet");
    assert_non_null(strstr(note, "af_packet in place of af_xdp"));
    assert_non_null(strstr(note, "peer tx queues"));
    assert_true(net_link_up(second));
    assert_int_equal(net_mtu_bytes(second), 1400);
    assert_true(output_has("ip link show slv2", "mtu 1400"));
    sh("ip link set slv3 down");
    for (int tries = 0; net_link_up(second) && tries < 200; tries++)
        usleep(10000); /* The kernel tells of a lost carrier when it finds the time. */
    assert_false(net_link_up(second));
    assert_int_equal(net_port_close(second), 0);
}

static void test_without_rights_it_says_so(void **state)
{
    (void)state;
    const struct net_port_config config = {
        .name = "third",
        .profile = "af_packet",
        .device = "slv1",
        .pools = {{.address = address("10.77.3.0"), .length_bits = 96 + 24}},
        .pool_count = 1,
        .buffers = 4096,
    };
    struct net_port *third;
    struct error err = {0};
    assert_int_equal(seteuid(65534), 0);
    const int status = net_port_open(&config, getenv("SEAMLINE_DRIVERS"), &third, NULL, &err);
    assert_int_equal(seteuid(0), 0);
    assert_true(status < 0);
    assert_int_equal(err.status, EXIT_ENVIRONMENT);
    if (strstr(err.text, "not root") == NULL)
        fail_msg("%s", err.text);
}

static void test_everything_comes_back(void **state)
{
    (void)state;
    struct net_device_stats stats;
    assert_int_equal(net_device_stats(port, &stats), 0);
    assert_int_equal(stats.rx_nombuf, 0);
    assert_int_equal(net_tx_queued(port), 0);
    assert_int_equal(net_buffers_held(port), 0);
    assert_int_equal(net_port_close(port), 0);
}

static void make_link(void)
{
    sh("ip link set lo up");
    sh("ip link add slv0 numrxqueues 1 numtxqueues 1 "
       "type veth peer name slv1 numrxqueues 1 numtxqueues 1");
    sh("sysctl -qw net.ipv6.conf.slv0.disable_ipv6=1 net.ipv4.conf.slv0.arp_ignore=8");
    sh("sysctl -qw net.ipv4.conf.slv1.arp_notify=1 net.ipv6.conf.slv1.ndisc_notify=1");
    sh("ethtool -K slv1 tx off tso off gso off gro off >/dev/null");
    sh("ip link set slv0 up; ip link set slv1 up");
}

static int start(void **state)
{
    (void)state;
    const struct net_eal_config eal = {
        .main_core = -1, .memory = NET_MEMORY_PAGES, .memory_mib = 256};
    const bool tap = strcmp(profile, "tap") == 0;
    const struct net_port_config config = {
        .name = "test",
        .profile = profile,
        .device = tap ? "slv1" : "slv0",
        .pools = {{.address = address("10.77.1.0"), .length_bits = 96 + 24},
                  {.address = address("fd77:1::"), .length_bits = 64}},
        .pool_count = 2,
    };
    struct error err = {0};
    char note[NET_NOTE_BYTES];
    if (unshare(CLONE_NEWNET) < 0) {
        perror("unshare");
        return -1;
    }
    clock_start(&run_clock, 50000000);
    if (!tap)
        make_link();
    if (net_eal_start(&eal, NULL, &err) < 0 ||
        net_port_open(&config, getenv("SEAMLINE_DRIVERS"), &port, note, &err) < 0) {
        print_error("%s\n", err.text);
        return -1;
    }
    if (strcmp(net_port_profile(port)->name, profile) != 0) {
        print_error("%s\n", note);
        return -1;
    }
    sh("ip link set slv1 up; ip addr add 10.77.0.1/24 dev slv1; ip route add 10.77.1.0/24 dev "
       "slv1; "
       "ip -6 addr add fd77::1/64 dev slv1 nodad; ip -6 route add fd77:1::/64 dev slv1");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    net_eal_stop();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest veth[] = {
        cmocka_unit_test(test_pool_addresses_answer_ping),
        cmocka_unit_test(test_next_hops_resolve_and_silent_ones_are_named),
        cmocka_unit_test(test_datagrams_go_both_ways),
        cmocka_unit_test(test_a_changed_mac_is_an_event),
        cmocka_unit_test(test_a_refused_af_xdp_falls_back),
        cmocka_unit_test(test_without_rights_it_says_so),
        cmocka_unit_test(test_everything_comes_back),
    };
    const struct CMUnitTest tap[] = {
        /* Its interface is the port's own: the MAC is not changed. */
        cmocka_unit_test(test_pool_addresses_answer_ping),
        cmocka_unit_test(test_next_hops_resolve_and_silent_ones_are_named),
        cmocka_unit_test(test_datagrams_go_both_ways),
        cmocka_unit_test(test_everything_comes_back),
    };
    profile = argc > 1 ? argv[1] : "af_xdp";
    if (strcmp(profile, "tap") == 0)
        return cmocka_run_group_tests_name("tap", tap, start, stop);
    return cmocka_run_group_tests_name(profile, veth, start, stop);
}
