/* What the TCP stack alone costs a client: of a connection with one request, from the SYN to both
 * FINs, and of a request on an open connection. Two stacks stand back to back, with headers
 * written and read, but without a port, payload or time but our own; the ticks are those of the
 * client's turns. Usage: tcp_turn [COUNT [kept]]: so many operations of one kind, once and without a
 * warm-up, for a profile (callgrind: --toggle-collect=client_turn). */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tcp/tcp.h"

#include "tests/bench/bench.h"

enum {
    REPEATS = 63,
    REPEAT = 2000,     /* Operations. */
    CONNECTIONS = 256, /* At once. */
    BURST = 32,        /* Packets a turn takes, as a driver gives them. */
    WIRE_PACKETS = 1024,
    OUTPUT_MAX = 512,
    REQUEST_BYTES = 60,
    ANSWER_BYTES = 170,
    CLIENT_PORT = 1024,
    SERVER_PORT = 80,
    TIME_WAITS = 65536,
};
#define TURN_NS UINT64_C(10000)
#define TIME_WAIT_NS UINT64_C(1000000) /* Of the server, which closes first. */

struct packet {
    struct tuple tuple; /* As its receiver sees it. */
    uint16_t bytes;
    uint8_t l4[TCP_HEADER_BYTES_MAX + ANSWER_BYTES];
};

/* To one side. */
struct wire {
    struct packet packets[WIRE_PACKETS];
    uint32_t put, taken; /* Ever. */
};

static struct wire to_client, to_server;
static struct tcp *client, *server;
static struct tuple next_tuple;
static uint64_t now_ns;
static bool keep_alive;
static unsigned done;

static void transmit(struct tcp *tcp, struct wire *wire)
{
    static struct tcp_descriptor out[OUTPUT_MAX];
    uint32_t room = WIRE_PACKETS - (wire->put - wire->taken);
    uint32_t count = tcp_output(tcp, now_ns, out, room < OUTPUT_MAX ? room : OUTPUT_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct packet *packet = &wire->packets[wire->put++ % WIRE_PACKETS];
        const struct tuple *tuple = &out[i].tuple;
        packet->tuple = (struct tuple){.local = tuple->remote,
                                       .remote = tuple->local,
                                       .local_port = tuple->remote_port,
                                       .remote_port = tuple->local_port,
                                       .protocol = IPPROTO_TCP};
        packet->bytes =
            (uint16_t)(tcp_header_write(&out[i], packet->l4) + (uint16_t)out[i].payload_bytes);
    }
}

static void receive(struct tcp *tcp, struct wire *wire)
{
    for (unsigned i = 0; i < BURST && wire->taken != wire->put; i++) {
        const struct packet *packet = &wire->packets[wire->taken++ % WIRE_PACKETS];
        tcp_input(tcp, now_ns, &packet->tuple, packet->l4, packet->bytes);
    }
}

static void open_next(void)
{
    next_tuple.local_port =
        next_tuple.local_port == UINT16_MAX ? CLIENT_PORT : next_tuple.local_port + 1;
    tcp_open(client, now_ns, &next_tuple, 1);
}

static void client_event(const struct tcp_event *event)
{
    switch (event->kind) {
    case TCP_EVENT_CONNECTED: tcp_send(client, event->conn, REQUEST_BYTES); break;
    case TCP_EVENT_DATA:
        done += keep_alive;
        if (keep_alive)
            tcp_send(client, event->conn, REQUEST_BYTES);
        break;
    case TCP_EVENT_PEER_FIN: tcp_close(client, now_ns, event->conn); break;
    case TCP_EVENT_GONE:
        done++;
        open_next();
        break;
    default: break;
    }
}

static void server_event(const struct tcp_event *event)
{
    if (event->kind != TCP_EVENT_DATA)
        return;
    tcp_send(server, event->conn, ANSWER_BYTES);
    if (!keep_alive)
        tcp_close(server, now_ns, event->conn);
}

static void take_events(struct tcp *tcp, void (*act)(const struct tcp_event *event))
{
    uint32_t count;
    tcp_events(tcp, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct tcp_event event = tcp_events(tcp, &count)[i];
        act(&event);
    }
    tcp_events_clear(tcp);
}

static void turn(struct tcp *tcp, struct wire *in, struct wire *out,
                 void (*act)(const struct tcp_event *event))
{
    receive(tcp, in);
    take_events(tcp, act);
    tcp_timers(tcp, now_ns);
    transmit(tcp, out);
    take_events(tcp, act);
}

__attribute__((noinline)) static void client_turn(void)
{
    turn(client, &to_client, &to_server, client_event);
}

static void server_turn(void)
{
    turn(server, &to_server, &to_client, server_event);
}

/* The ticks of an operation. */
static double measure(unsigned count)
{
    uint64_t ticks = 0;
    done = 0;
    while (done < count) {
        const uint64_t begin = clock_tsc();
        client_turn();
        ticks += clock_tsc() - begin;
        server_turn();
        now_ns += TURN_NS;
    }
    return (double)ticks / done;
}

/* As a worker sets its own up, and a responder. */
static int start(struct error *err)
{
    struct tcp_config config = tcp_config_default(2 * CONNECTIONS);
    config.key = (struct hash_key){1, 2};
    config.time_wait_ns = 0;
    config.time_waits = 0;
    config.tell_acked = false;
    client = tcp_setup(&config, now_ns, err);
    config.time_wait_ns = TIME_WAIT_NS;
    config.time_waits = TIME_WAITS;
    config.tell_acked = true;
    server = tcp_setup(&config, now_ns, err);
    if (client == NULL || server == NULL || address_parse("10.1.0.1", &next_tuple.local, err) < 0 ||
        address_parse("10.9.0.1", &next_tuple.remote, err) < 0)
        return -1;
    next_tuple.local_port = CLIENT_PORT;
    next_tuple.remote_port = SERVER_PORT;
    next_tuple.protocol = IPPROTO_TCP;
    memset(&to_client, 0, sizeof(to_client));
    memset(&to_server, 0, sizeof(to_server));
    tcp_listen(server, NULL, SERVER_PORT, 0);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        open_next();
    return 0;
}

static int run(struct bench *bench, unsigned count, struct error *err)
{
    char note[100];
    const int status = start(err);
    if (status == 0 && count == 0)
        measure(10 * REPEAT);
    for (unsigned i = 0; status == 0 && i < (count == 0 ? REPEATS : 1); i++) {
        const double ticks = measure(count == 0 ? REPEAT : count);
        bench_add(bench, ticks, ticks);
    }
    if (status == 0) {
        const struct tcp_counters *of = tcp_counters(client);
        const double operations = (double)(of->bytes_in / ANSWER_BYTES);
        snprintf(note, sizeof(note), "%.2f segments in and %.2f out an operation",
                 (double)of->segments_in / operations, (double)of->segments_out / operations);
        bench->note = note;
        bench_print(bench);
    }
    tcp_teardown(client);
    tcp_teardown(server);
    return status;
}

int main(int argc, char **argv)
{
    const unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    struct bench fresh = {.name = "tcp-turn-new", .unit = "cycles", .judged = true};
    struct bench kept = {.name = "tcp-turn-keepalive", .unit = "cycles", .judged = true};
    struct error err = {0};
    int status = argc > 2 ? 0 : run(&fresh, count, &err);
    keep_alive = true;
    if (status == 0 && argc != 2)
        status = run(&kept, count, &err);
    if (status == 0)
        return EXIT_MET;
    fprintf(stderr, "tcp_turn: %s\n", err.text);
    return EXIT_ENVIRONMENT;
}
