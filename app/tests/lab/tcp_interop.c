/* The stack against the kernel's TCP, over a TUN device in a network namespace of the test's own
 * (which ends with the process), with loss made by nftables' numgen on the way to the kernel and
 * back. Real time: what must hold is that everything arrives, not when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tcp/tcp.h"

#define MS UINT64_C(1000000)

enum {
    STREAM = 1 << 20,
    IP_BYTES = 20,
    PACKET_MAX = 2048,
    LIMIT_S = 60,
    PORT_TRANSFER = 5000, /* Both streams at once, each checked, each end closed by its sender. */
    PORT_RESET = 5001,    /* Closed with SO_LINGER 0 after the first byte. */
    PORT_SLOW = 5002,     /* As the first, but nothing is read for a second. */
    PORT_CLOSED = 5999,
};

/* What came of one connection, on our side. */
struct result {
    uint64_t received;
    bool connected, peer_fin, local_closed, refused, reset, gone, wrong;
    uint64_t retransmits, probes;
};

static int tun = -1;
static uint16_t next_port = 20000;
static _Atomic uint64_t
    kernel_received; /* By the server's last connection, bytes that were right. */

static uint8_t pattern(uint64_t offset)
{
    return (uint8_t)(offset * 7 + (offset >> 11));
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * MS + (uint64_t)now.tv_nsec;
}

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

/* --- The kernel's side --- */

static void *write_stream(void *argument)
{
    static uint8_t bytes[STREAM];
    int fd = *(int *)argument;
    size_t sent = 0;

    for (size_t i = 0; i < STREAM; i++)
        bytes[i] = pattern(i);
    while (sent < STREAM) {
        ssize_t n = write(fd, bytes + sent, STREAM - sent);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    shutdown(fd, SHUT_WR);
    return NULL;
}

static void read_stream(int fd)
{
    uint8_t bytes[8192];
    uint64_t right = 0;
    ssize_t n;

    while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < n; i++)
            right += bytes[i] == pattern(right);
        kernel_received = right;
    }
}

static void serve(int fd, int port)
{
    pthread_t writer;

    if (port == PORT_RESET) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        uint8_t byte;
        if (read(fd, &byte, 1) == 1)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        close(fd);
        return;
    }
    kernel_received = 0;
    if (port == PORT_SLOW)
        sleep(1);
    pthread_create(&writer, NULL, write_stream, &fd);
    read_stream(fd);
    pthread_join(writer, NULL);
    close(fd);
}

static void *server(void *argument)
{
    int listener = *(int *)argument;
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    int fd;

    getsockname(listener, (struct sockaddr *)&address, &size);
    while ((fd = accept(listener, NULL, NULL)) >= 0)
        serve(fd, ntohs(address.sin_port));
    return NULL;
}

static void listen_on(int port, int *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    pthread_t thread;
    int small = 16384;

    *listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (port == PORT_SLOW)
        setsockopt(*listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    assert_int_equal(bind(*listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(*listener, 8), 0);
    assert_int_equal(pthread_create(&thread, NULL, server, listener), 0);
    pthread_detach(thread);
}

/* --- Our side --- */

static uint16_t checksum(const uint8_t *bytes, size_t size, uint32_t sum)
{
    for (size_t i = 0; i < size; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void put_16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static void send_segment(const struct tcp_descriptor *d)
{
    uint8_t packet[PACKET_MAX] = {0x45, [8] = 64, [9] = IPPROTO_TCP};
    uint8_t *l4 = packet + IP_BYTES;
    size_t l4_bytes = tcp_header_write(d, l4);

    for (uint32_t i = 0; i < d->payload_bytes; i++)
        l4[l4_bytes++] = pattern(d->stream_offset + i);
    memcpy(packet + 12, d->tuple.local.bytes + 12, 4);
    memcpy(packet + 16, d->tuple.remote.bytes + 12, 4);
    put_16(packet + 2, (uint16_t)(IP_BYTES + l4_bytes));
    put_16(packet + 10, checksum(packet, IP_BYTES, 0));
    uint32_t pseudo = (uint16_t)~checksum(packet + 12, 8, 0);
    put_16(l4 + 16, checksum(l4, l4_bytes, pseudo + IPPROTO_TCP + (uint32_t)l4_bytes));
    assert_int_equal(write(tun, packet, IP_BYTES + l4_bytes), IP_BYTES + l4_bytes);
}

static void take_event(struct tcp *tcp, const struct tcp_event *event, struct result *result)
{
    switch (event->kind) {
    case TCP_EVENT_CONNECTED: result->connected = true; break;
    case TCP_EVENT_DATA:
        result->wrong |= event->stream_offset != result->received;
        for (uint32_t i = 0; i < event->bytes; i++)
            result->wrong |= event->data[i] != pattern(event->stream_offset + i);
        result->received += event->bytes;
        break;
    case TCP_EVENT_PEER_FIN: result->peer_fin = true; break;
    case TCP_EVENT_LOCAL_CLOSED: result->local_closed = true; break;
    case TCP_EVENT_REFUSED: result->refused = true; break;
    case TCP_EVENT_RESET: result->reset = true; break;
    case TCP_EVENT_GONE: result->gone = true; break;
    default: break;
    }
    result->retransmits = tcp_counters(tcp)->retransmits_fast + tcp_counters(tcp)->retransmits_rto;
    result->probes = tcp_counters(tcp)->probes;
}

static void drain(struct tcp *tcp, struct result *result)
{
    uint32_t count;
    const struct tcp_event *events = tcp_events(tcp, &count);

    for (uint32_t i = 0; i < count; i++)
        take_event(tcp, &events[i], result);
    tcp_events_clear(tcp);
}

static void turn(struct tcp *tcp, struct result *result)
{
    struct tcp_descriptor out[32];
    uint8_t packet[PACKET_MAX];
    struct pollfd ready = {.fd = tun, .events = POLLIN};
    uint32_t count;

    poll(&ready, 1, 1);
    ssize_t size = ready.revents & POLLIN ? read(tun, packet, sizeof(packet)) : 0;
    if (size > IP_BYTES && packet[0] == 0x45 && packet[9] == IPPROTO_TCP) {
        const uint8_t *l4 = packet + IP_BYTES;
        struct tuple tuple = {.local = address_from_v4(packet + 16),
                              .remote = address_from_v4(packet + 12),
                              .local_port = (uint16_t)(l4[2] << 8 | l4[3]),
                              .remote_port = (uint16_t)(l4[0] << 8 | l4[1]),
                              .protocol = IPPROTO_TCP};
        tcp_input(tcp, now_ns(), &tuple, l4, (uint16_t)(size - IP_BYTES));
        drain(tcp, result);
    }
    tcp_timers(tcp, now_ns());
    while ((count = tcp_output(tcp, now_ns(), out, 32)) > 0) {
        for (uint32_t i = 0; i < count; i++)
            send_segment(&out[i]);
    }
    drain(tcp, result);
}

/* One connection with BYTES of ours, until it is gone and nothing is held. */
static struct result converse(uint16_t port, uint64_t bytes)
{
    struct tcp_config config = tcp_config_default(4);
    struct result result = {0};
    struct error err = {0};
    struct tuple tuple = {.local = address_from_v4((const uint8_t[4]){10, 77, 0, 2}),
                          .remote = address_from_v4((const uint8_t[4]){10, 77, 0, 1}),
                          .local_port = next_port++,
                          .remote_port = port,
                          .protocol = IPPROTO_TCP};
    uint64_t end_ns = now_ns() + LIMIT_S * 1000 * MS;

    config.key = (struct hash_key){now_ns(), 1};
    config.time_wait_ns = 500 * MS;
    struct tcp *tcp = tcp_setup(&config, now_ns(), &err);
    assert_non_null(tcp);
    tcp_conn conn = tcp_open(tcp, now_ns(), &tuple, 1);
    bool closed = false;
    tcp_send(tcp, conn, bytes);
    while (!result.gone || !tcp_is_empty(tcp)) {
        assert_true(now_ns() < end_ns);
        turn(tcp, &result);
        if (result.connected && !closed && port != PORT_RESET)
            closed = tcp_close(tcp, now_ns(), conn);
    }
    tcp_teardown(tcp);
    return result;
}

static void set_loss(unsigned percent)
{
    char command[600];

    run("nft flush ruleset");
    if (percent == 0)
        return;
    snprintf(
        command, sizeof(command),
        "nft 'table ip loss { chain in { type filter hook prerouting priority -300; iifname tun0 "
        "numgen random mod 100 < %u drop; }; chain out { type filter hook postrouting priority "
        "300; "
        "oifname tun0 numgen random mod 100 < %u drop; }; }'",
        percent, percent);
    run(command);
}

static void transfer(uint16_t port, unsigned loss_percent)
{
    set_loss(loss_percent);
    struct result result = converse(port, STREAM);
    set_loss(0);
    assert_true(result.connected && result.peer_fin && result.local_closed && !result.reset);
    assert_false(result.wrong);
    assert_int_equal(result.received, STREAM);
    for (int i = 0; i < 1000 && kernel_received != STREAM; i++)
        usleep(1000);
    assert_int_equal(kernel_received, STREAM);
    assert_true(loss_percent == 0 || result.retransmits > 0);
    assert_true(port != PORT_SLOW || result.probes > 0);
}

static void transfers(void **state)
{
    (void)state;
    transfer(PORT_TRANSFER, 0);
}

static void transfers_with_2_percent_loss(void **state)
{
    (void)state;
    transfer(PORT_TRANSFER, 2);
}

static void transfers_with_10_percent_loss(void **state)
{
    (void)state;
    transfer(PORT_TRANSFER, 10);
}

static void waits_for_a_slow_reader(void **state)
{
    (void)state;
    transfer(PORT_SLOW, 0);
}

static void is_refused(void **state)
{
    (void)state;
    struct result result = converse(PORT_CLOSED, 0);
    assert_true(result.refused && !result.connected);
}

static void is_reset(void **state)
{
    (void)state;
    struct result result = converse(PORT_RESET, 1);
    assert_true(result.connected && result.reset);
}

static int setup(void **state)
{
    static int listeners[3];
    struct ifreq request = {.ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI};

    (void)state;
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    assert_true(tun >= 0);
    assert_int_equal(ioctl(tun, TUNSETIFF, &request), 0);
    run("ip link set lo up && ip addr add 10.77.0.1/24 dev tun0 && ip link set tun0 up");
    listen_on(PORT_TRANSFER, &listeners[0]);
    listen_on(PORT_RESET, &listeners[1]);
    listen_on(PORT_SLOW, &listeners[2]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfers),
        cmocka_unit_test(transfers_with_2_percent_loss),
        cmocka_unit_test(transfers_with_10_percent_loss),
        cmocka_unit_test(waits_for_a_slow_reader),
        cmocka_unit_test(is_refused),
        cmocka_unit_test(is_reset),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
