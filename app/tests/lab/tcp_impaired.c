/* The stack against the kernel's TCP through the impairment stage, in both roles: every byte once
 * and in order, whatever is dropped, flipped, duplicated, delayed or reordered.
 *
 *     tcp-impaired [CONNECTIONS]        so many in each role; 200 unless said
 *
 * A TUN device in a network namespace of the test's own. One thread drives both ends: the kernel's
 * through sockets that don't block, ours with struct tcp. Each connection carries a stream each way
 * whose bytes depend on the connection and on their position, and both ends close after theirs.
 * Real time: what must hold is that everything arrives, not when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/impair.h"
#include "tcp/tcp.h"

#define MS UINT64_C(1000000)

enum {
    STREAM = 32768, /* Bytes each way. */
    AT_ONCE = 100,  /* Connections open at a time. */
    IP_BYTES = 20,
    PACKET_MAX = 2048,
    SILENCE_S = 60, /* Without a connection that ends: the test failed. */
    SERVER_PORT = 5000,
    COOKIE_PORT, /* Another one: the kernel's client ports are in TIME-WAIT toward the first. */
    FIRST_PORT = 20000, /* Client port of connection 0. */
    CONNECTIONS_MAX = 20000,
    EVENTS = 64,
    TUN_EVENT = CONNECTIONS_MAX,
    LISTENER_EVENT,
    GHOST, /* The user of a connection that a late ACK with its cookie opened once more. */
};

struct packet {
    size_t bytes;
    uint8_t data[PACKET_MAX];
};

/* One connection, both ends of it. */
struct pair {
    tcp_conn conn; /* Ours, once there is one. */
    int fd;        /* The kernel's; -1: none (any more). */
    uint32_t our_received, kernel_received, kernel_sent;
    bool our_gone, kernel_done, kernel_shut;
};

static uint32_t wanted = 200;
static int tun = -1, poller = -1;
static struct tcp *tcp;
static struct impair receive, send_out;
static struct pair *pairs;
static bool we_connect;
static bool by_cookie; /* No half-open records. */
static uint16_t server_port = SERVER_PORT;
static uint32_t opened, ended, ghosts;
static tcp_conn ghost; /* The last of them. */

static uint8_t pattern(uint32_t pair, uint64_t offset, bool ours)
{
    return (uint8_t)(offset * 7 + (offset >> 8) * 13 + pair * 31 + ours * 101);
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

static void watch(int fd, uint32_t events, uint32_t number)
{
    struct epoll_event event = {.events = events, .data.u32 = number};

    assert_int_equal(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event), 0);
}

/* --- The network between --- */

static uint16_t checksum(const uint8_t *bytes, size_t size, uint32_t sum)
{
    for (size_t i = 0; i < size; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static uint16_t l4_checksum(const uint8_t *ip, size_t l4_bytes)
{
    uint32_t pseudo = (uint16_t)~checksum(ip + 12, 8, 0);

    return checksum(ip + IP_BYTES, l4_bytes, pseudo + IPPROTO_TCP + (uint32_t)l4_bytes);
}

static void put_16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static struct packet *new_packet(void)
{
    struct packet *packet = calloc(1, sizeof(*packet));

    assert_non_null(packet);
    return packet;
}

static void spoil(struct impair *impair, struct packet *packet)
{
    struct impair_fate fate = impair_fate(impair), none = {0};

    if (fate.drop) {
        free(packet);
        return;
    }
    if (fate.flip) {
        uint64_t bit = fate.random % (packet->bytes * 8);
        packet->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    if (fate.duplicate) {
        struct packet *twin = new_packet();
        *twin = *packet;
        impair_pass(impair, now_ns(), twin, &none);
    }
    impair_pass(impair, now_ns(), packet, &fate);
}

/* As net/ would: whole, unspoiled, and for TCP. */
static bool is_good(const struct packet *packet)
{
    const uint8_t *ip = packet->data;

    return packet->bytes > IP_BYTES && ip[0] == 0x45 && ip[9] == IPPROTO_TCP &&
           checksum(ip, IP_BYTES, 0) == 0 && (size_t)(ip[2] << 8 | ip[3]) == packet->bytes &&
           l4_checksum(ip, packet->bytes - IP_BYTES) == 0;
}

/* --- Our end --- */

static void take_event(const struct tcp_event *event)
{
    struct pair *pair;
    struct tcp_info info;
    uint32_t number = (uint32_t)event->user;

    /* What came with its ACK still bears the listener's number. */
    if (number == GHOST || (ghost != 0 && event->conn == ghost))
        return;
    if (event->kind == TCP_EVENT_ACCEPTED) {
        assert_true(tcp_conn_info(tcp, event->conn, &info));
        number = info.tuple.remote_port - FIRST_PORT;
        if (by_cookie && pairs[number].our_gone) {
            ghosts++;
            ghost = event->conn;
            tcp_user_set(tcp, event->conn, GHOST);
            tcp_abort(tcp, now_ns(), event->conn);
            return;
        }
        tcp_user_set(tcp, event->conn, number);
        pairs[number].conn = event->conn;
    } else if (tcp_conn_info(tcp, event->conn, &info)) {
        number = (uint32_t)info.user; /* Events of one segment bear the listener's. */
    }
    assert_in_range(number, 0, wanted - 1);
    pair = &pairs[number];
    switch (event->kind) {
    case TCP_EVENT_CONNECTED:
    case TCP_EVENT_ACCEPTED:
        tcp_send(tcp, event->conn, STREAM);
        tcp_close(tcp, now_ns(), event->conn);
        break;
    case TCP_EVENT_DATA:
        assert_int_equal(event->stream_offset, pair->our_received);
        for (uint32_t i = 0; i < event->bytes; i++)
            assert_int_equal(event->data[i], pattern(number, event->stream_offset + i, false));
        pair->our_received += event->bytes;
        break;
    case TCP_EVENT_PEER_FIN: assert_int_equal(pair->our_received, STREAM); break;
    case TCP_EVENT_GONE:
        assert_int_equal(pair->our_received, STREAM);
        pair->our_gone = true;
        ended += pair->kernel_done;
        break;
    default: assert_false(event->fatal); break;
    }
}

static void take_events(void)
{
    uint32_t count;
    const struct tcp_event *events = tcp_events(tcp, &count);

    for (uint32_t i = 0; i < count; i++) {
        take_event(&events[i]);
        events = tcp_events(tcp, &count);
    }
    tcp_events_clear(tcp);
}

static void input(const struct packet *packet)
{
    const uint8_t *ip = packet->data, *l4 = packet->data + IP_BYTES;
    struct tuple tuple = {.local = address_from_v4(ip + 16),
                          .remote = address_from_v4(ip + 12),
                          .local_port = (uint16_t)(l4[2] << 8 | l4[3]),
                          .remote_port = (uint16_t)(l4[0] << 8 | l4[1]),
                          .protocol = IPPROTO_TCP};

    if (!is_good(packet))
        return;
    tcp_input(tcp, now_ns(), &tuple, l4, (uint16_t)(packet->bytes - IP_BYTES));
    take_events();
}

static struct packet *packet_of(const struct tcp_descriptor *d)
{
    struct packet *packet = new_packet();
    uint8_t *ip = packet->data, *l4 = packet->data + IP_BYTES;
    size_t l4_bytes = tcp_header_write(d, l4);
    uint32_t number =
        (d->tuple.local_port == server_port ? d->tuple.remote_port : d->tuple.local_port) -
        FIRST_PORT;

    ip[0] = 0x45;
    ip[8] = 64;
    ip[9] = IPPROTO_TCP;
    for (uint32_t i = 0; i < d->payload_bytes; i++)
        l4[l4_bytes++] = pattern(number, d->stream_offset + i, true);
    packet->bytes = IP_BYTES + l4_bytes;
    memcpy(ip + 12, d->tuple.local.bytes + 12, 4);
    memcpy(ip + 16, d->tuple.remote.bytes + 12, 4);
    put_16(ip + 2, (uint16_t)packet->bytes);
    put_16(ip + 10, checksum(ip, IP_BYTES, 0));
    put_16(l4 + 16, l4_checksum(ip, l4_bytes));
    return packet;
}

static void output(void)
{
    struct tcp_descriptor out[16];
    struct packet *packet;
    uint32_t count;

    tcp_timers(tcp, now_ns());
    take_events();
    do {
        count = tcp_output(tcp, now_ns(), out, 16);
        for (uint32_t i = 0; i < count; i++)
            spoil(&send_out, packet_of(&out[i]));
        take_events();
        while ((packet = impair_take(&send_out, now_ns())) != NULL) {
            /* A header that a flipped bit spoiled is refused here already. */
            if (write(tun, packet->data, packet->bytes) < 0)
                assert_int_equal(errno, EINVAL);
            free(packet);
        }
    } while (count > 0);
}

static void read_tun(void)
{
    for (unsigned i = 0; i < 16; i++) {
        struct packet *packet = new_packet();
        ssize_t size = read(tun, packet->data, sizeof(packet->data));
        if (size <= 0) {
            free(packet);
            return;
        }
        packet->bytes = (size_t)size;
        spoil(&receive, packet);
    }
}

/* --- The kernel's end --- */

static struct sockaddr_in socket_address(const char *host, uint32_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

static void kernel_accept(int listener)
{
    struct sockaddr_in peer;
    socklen_t size = sizeof(peer);
    int fd;

    while ((fd = accept4(listener, (struct sockaddr *)&peer, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        uint32_t number = ntohs(peer.sin_port) - (uint32_t)FIRST_PORT;
        assert_in_range(number, 0, wanted - 1);
        pairs[number].fd = fd;
        watch(fd, EPOLLIN | EPOLLOUT, number);
    }
}

static void kernel_write(struct pair *pair, uint32_t number)
{
    uint8_t bytes[4096];
    ssize_t n = 1;

    while (pair->kernel_sent < STREAM && n > 0) {
        uint32_t left = STREAM - pair->kernel_sent;
        uint32_t size = left < sizeof(bytes) ? left : (uint32_t)sizeof(bytes);
        for (uint32_t i = 0; i < size; i++)
            bytes[i] = pattern(number, pair->kernel_sent + i, false);
        n = write(pair->fd, bytes, size);
        if (n < 0)
            assert_int_equal(errno, EAGAIN);
        else
            pair->kernel_sent += (uint32_t)n;
    }
    if (pair->kernel_sent == STREAM && !pair->kernel_shut) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
        shutdown(pair->fd, SHUT_WR);
        pair->kernel_shut = true;
        epoll_ctl(poller, EPOLL_CTL_MOD, pair->fd, &event);
    }
}

static void kernel_read(struct pair *pair, uint32_t number)
{
    uint8_t bytes[4096];
    ssize_t n;

    while ((n = read(pair->fd, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(bytes[i], pattern(number, pair->kernel_received + (uint64_t)i, true));
        pair->kernel_received += (uint32_t)n;
    }
    if (n < 0) {
        assert_int_equal(errno, EAGAIN);
        return;
    }
    assert_int_equal(pair->kernel_received, STREAM);
    if (!pair->kernel_shut)
        return;
    close(pair->fd);
    pair->fd = -1;
    pair->kernel_done = true;
    ended += pair->our_gone;
}

static void kernel_event(const struct epoll_event *event)
{
    struct pair *pair = &pairs[event->data.u32];

    if (pair->fd >= 0 && (event->events & EPOLLOUT))
        kernel_write(pair, event->data.u32);
    if (pair->fd >= 0 && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        kernel_read(pair, event->data.u32);
}

static void kernel_connect(uint32_t number)
{
    struct sockaddr_in from = socket_address("10.77.0.1", FIRST_PORT + number);
    struct sockaddr_in to = socket_address("10.77.0.2", server_port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
    assert_int_equal(errno, EINPROGRESS);
    pairs[number].fd = fd;
    watch(fd, EPOLLIN | EPOLLOUT, number);
}

/* --- Both --- */

static void open_one(uint32_t number)
{
    struct tuple tuple = {.local = address_from_v4((const uint8_t[4]){10, 77, 0, 2}),
                          .remote = address_from_v4((const uint8_t[4]){10, 77, 0, 1}),
                          .local_port = (uint16_t)(FIRST_PORT + number),
                          .remote_port = server_port,
                          .protocol = IPPROTO_TCP};

    if (we_connect) {
        pairs[number].conn = tcp_open(tcp, now_ns(), &tuple, number);
        assert_true(pairs[number].conn != 0);
    } else {
        kernel_connect(number);
    }
}

static void turn(int listener)
{
    struct epoll_event events[EVENTS];
    struct packet *packet;
    int count = epoll_wait(poller, events, EVENTS, 1);

    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 == TUN_EVENT)
            read_tun();
        else if (events[i].data.u32 == LISTENER_EVENT)
            kernel_accept(listener);
        else
            kernel_event(&events[i]);
    }
    while ((packet = impair_take(&receive, now_ns())) != NULL) {
        input(packet);
        free(packet);
    }
    output();
}

/* Some more connections, as far as others have ended. */
static void open_more(void)
{
    while (opened < wanted && opened - ended < AT_ONCE)
        open_one(opened++);
}

static void drain(struct impair *impair)
{
    struct packet *packet;

    while ((packet = impair_drain(impair)) != NULL)
        free(packet);
}

/* Every fault must have come about, in this direction. */
static void check_faults(const char *direction, const struct impair_counters *counters)
{
    print_message("%s: %llu packets, %llu dropped, %llu flipped, %llu duplicated, %llu delayed, "
                  "%llu reordered\n",
                  direction, (unsigned long long)counters->packets,
                  (unsigned long long)counters->dropped, (unsigned long long)counters->flipped,
                  (unsigned long long)counters->duplicated, (unsigned long long)counters->delayed,
                  (unsigned long long)counters->reordered);
    assert_true(counters->dropped > 0 && counters->flipped > 0 && counters->duplicated > 0 &&
                counters->delayed > 0 && counters->reordered > 0);
}

static void start(void)
{
    const struct impair_config faults = {.drop = 0.01,
                                         .flip = 0.01,
                                         .duplicate = 0.01,
                                         .delay = 0.01,
                                         .reorder = 0.01,
                                         .delay_ns = 5 * MS,
                                         .distance = 3};
    struct tcp_config config = tcp_config_default(AT_ONCE * 2);
    struct error err = {0};

    impair_init(&receive, &faults, 1);
    impair_init(&send_out, &faults, 2);
    pairs = calloc(wanted, sizeof(*pairs));
    for (uint32_t i = 0; i < wanted; i++)
        pairs[i].fd = -1;
    opened = ended = 0;
    config.half_opens = by_cookie ? 0 : config.half_opens;
    config.key = (struct hash_key){now_ns(), 1};
    config.time_wait_ns = 5000 * MS; /* Longer than a FIN of the kernel's is on its way. */
    tcp = tcp_setup(&config, now_ns(), &err);
    assert_non_null(tcp);
}

static void converse(int listener)
{
    uint64_t progress_ns = now_ns();
    uint32_t last = 0;

    start();
    if (!we_connect)
        assert_true(tcp_listen(tcp, NULL, server_port, wanted));
    while (ended < wanted) {
        open_more();
        turn(listener);
        if (ended != last)
            progress_ns = now_ns();
        last = ended;
        assert_true(now_ns() < progress_ns + (uint64_t)SILENCE_S * 1000 * MS);
    }
    if (!we_connect)
        assert_true(tcp_unlisten(tcp, NULL, server_port));
    const struct tcp_counters *counters = tcp_counters(tcp);
    print_message("%u connections, %llu retransmissions\n", ended,
                  (unsigned long long)(counters->retransmits_rto + counters->retransmits_fast));
    assert_int_equal(we_connect ? counters->opened : counters->accepted, wanted + ghosts);
    assert_int_equal(counters->syn_cookies_taken, by_cookie ? wanted + ghosts : 0);
    assert_true(counters->retransmits_rto + counters->retransmits_fast > 0);
    check_faults("received", &receive.counters);
    check_faults("sent", &send_out.counters);
    while (!tcp_is_empty(tcp))
        turn(listener);
    tcp_teardown(tcp);
    drain(&receive);
    drain(&send_out);
    free(pairs);
}

static void every_byte_arrives_when_we_connect(void **state)
{
    struct sockaddr_in address = socket_address("10.77.0.1", SERVER_PORT);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1024), 0);
    watch(listener, EPOLLIN, LISTENER_EVENT);
    we_connect = true;
    converse(listener);
    close(listener);
}

static void every_byte_arrives_when_the_kernel_connects(void **state)
{
    (void)state;
    we_connect = false;
    converse(-1);
}

static void every_byte_arrives_when_the_kernel_connects_by_cookie(void **state)
{
    (void)state;
    we_connect = false;
    by_cookie = true;
    server_port = COOKIE_PORT;
    converse(-1);
}

static int setup(void **state)
{
    struct ifreq request = {.ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI};

    (void)state;
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    assert_true(tun >= 0);
    assert_int_equal(ioctl(tun, TUNSETIFF, &request), 0);
    run("ip link set lo up && ip addr add 10.77.0.1/24 dev tun0 && ip link set tun0 up");
    poller = epoll_create1(EPOLL_CLOEXEC);
    assert_true(poller >= 0);
    watch(tun, EPOLLIN, TUN_EVENT);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_arrives_when_we_connect),
        cmocka_unit_test(every_byte_arrives_when_the_kernel_connects),
        cmocka_unit_test(every_byte_arrives_when_the_kernel_connects_by_cookie),
    };

    if (argc > 1)
        wanted = (uint32_t)strtoul(argv[1], NULL, 10);
    if (wanted == 0 || wanted > CONNECTIONS_MAX)
        return 2;
    return cmocka_run_group_tests(tests, setup, NULL);
}
