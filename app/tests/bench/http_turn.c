/* What an HTTP request costs a client above its NIC port: tcp, traffic and record, of a request on
 * an open connection, and of a connection with one request. A client and a server stand back to
 * back, with headers and payload written and read, but without a port or time but our own; the
 * ticks are those of the client's turns. Usage: http_turn [COUNT [kept]]: so many requests of one
 * kind, once and without a warm-up, for a profile (callgrind: --toggle-collect=client_turn). */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tcp/tcp.h"
#include "traffic/server.h"
#include "traffic/traffic.h"

#include "tests/bench/bench.h"

enum {
    REPEATS = 63,
    REPEAT = 2000, /* Requests. */
    LOOPS = 16,
    BURST = 32, /* Packets a turn takes, as a driver gives them. */
    WIRE_PACKETS = 1024,
    PACKET_BYTES = 1500,
    OUTPUT_MAX = 512,
    BODY_BYTES = 64,
    SERVER_PORT = 80,
    TIME_WAITS = 65536,
    LOG_RECORDS = 4096,
    TAKE_TURNS = 64 /* Between two looks of the control thread. */
};
#define TURN_NS UINT64_C(10000)
#define TIME_WAIT_NS UINT64_C(1000000) /* Of the server, which closes first. */

struct packet {
    struct tuple tuple; /* As its receiver sees it. */
    uint16_t bytes;
    uint8_t l4[PACKET_BYTES];
};

/* To one side. */
struct wire {
    struct packet packets[WIRE_PACKETS];
    uint32_t put, taken; /* Ever. */
};

struct side {
    struct tcp *tcp;
    struct traffic *traffic; /* Of the client. */
    struct server *server;   /* Of the server. */
    struct wire in;
    struct tcp_descriptor out[OUTPUT_MAX];
    uint32_t sent; /* Of these, in this turn. */
};

static struct side client, server;
static struct record *record;
static struct http_message message;
static struct http_expect expect;
static uint64_t now_ns;

static void events(struct side *side)
{
    if (side->traffic != NULL)
        traffic_events(side->traffic, now_ns, TURN_NS);
    else
        server_events(side->server, now_ns);
}

static void fill(const struct side *side, const struct tcp_descriptor *descriptor, uint8_t *payload)
{
    if (side->traffic != NULL)
        traffic_fill(side->traffic, descriptor, payload);
    else
        server_fill(side->server, descriptor, payload);
}

static void transmit(struct side *side, struct wire *wire)
{
    uint32_t room = WIRE_PACKETS - (wire->put - wire->taken);
    side->sent = tcp_output(side->tcp, now_ns, side->out, room < OUTPUT_MAX ? room : OUTPUT_MAX);
    for (uint32_t i = 0; i < side->sent; i++) {
        struct packet *packet = &wire->packets[wire->put++ % WIRE_PACKETS];
        const struct tuple *tuple = &side->out[i].tuple;
        packet->tuple = (struct tuple){.local = tuple->remote,
                                       .remote = tuple->local,
                                       .local_port = tuple->remote_port,
                                       .remote_port = tuple->local_port,
                                       .protocol = IPPROTO_TCP};
        uint16_t header_bytes = tcp_header_write(&side->out[i], packet->l4);
        if (side->traffic != NULL)
            traffic_group(side->traffic, &side->out[i]);
        fill(side, &side->out[i], packet->l4 + header_bytes);
        packet->bytes = (uint16_t)(header_bytes + side->out[i].payload_bytes);
    }
}

/* The events of a turn point into these. */
static void receive(struct side *side)
{
    for (unsigned i = 0; i < BURST && side->in.taken != side->in.put; i++) {
        const struct packet *packet = &side->in.packets[side->in.taken++ % WIRE_PACKETS];
        tcp_input(side->tcp, now_ns, &packet->tuple, packet->l4, packet->bytes);
    }
}

__attribute__((noinline)) static void client_turn(void)
{
    receive(&client);
    events(&client);
    tcp_timers(client.tcp, now_ns);
    traffic_timers(client.traffic, now_ns);
    traffic_due(client.traffic, now_ns);
    transmit(&client, &server.in);
    events(&client);
    for (uint32_t i = 0; i < client.sent; i++)
        traffic_sent(client.traffic, &client.out[i], now_ns);
}

static void server_turn(void)
{
    receive(&server);
    events(&server);
    tcp_timers(server.tcp, now_ns);
    server_timers(server.server, now_ns);
    transmit(&server, &client.in);
    events(&server);
}

/* As the control thread does. */
static void take_records(void)
{
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        if (type != RECORD_HOSTS)
            record_take(record, type, record_count(record, type));
    while (intervals_oldest(&record->streams[0].intervals) != NULL)
        intervals_give_back(&record->streams[0].intervals);
}

static uint64_t good(void)
{
    const struct record_counters *of = &record->streams[0].counters;
    return record_count_read(&of->outcomes[OUTCOME_OK]);
}

/* The ticks of a request. */
static double measure(uint64_t count)
{
    const uint64_t first = good();
    uint64_t ticks = 0;
    for (uint64_t turn = 0; good() - first < count; turn++) {
        const uint64_t begin = clock_tsc();
        client_turn();
        ticks += clock_tsc() - begin;
        server_turn();
        now_ns += TURN_NS;
        if (turn % TAKE_TURNS == 0)
            take_records();
    }
    return (double)ticks / (double)(good() - first);
}

/* As a responder sets its own up. */
static int start_server(struct error *err)
{
    struct tcp_config tcp = tcp_config_default(4 * LOOPS);
    struct server_config config = {.listeners[0] = {SERVER_HTTP, SERVER_PORT},
                                   .listener_count = 1,
                                   .name = "bench",
                                   .http = {.status = 200, .body = {.size_bytes = BODY_BYTES}},
                                   .connections = 4 * LOOPS,
                                   .held_bytes = 1 << 20};
    tcp.key = (struct hash_key){1, 2};
    tcp.time_wait_ns = TIME_WAIT_NS;
    tcp.time_waits = TIME_WAITS;
    server.tcp = tcp_setup(&tcp, now_ns, err);
    server.server = server.tcp != NULL ? server_setup(&config, server.tcp, err) : NULL;
    return server.server != NULL ? 0 : -1;
}

/* As a worker does. */
static int start_client(bool keep_alive, struct error *err)
{
    const struct http_request_config request = {
        .target = "/", .host = "10.9.0.1", .close = !keep_alive};
    struct traffic_config config = traffic_config_default();
    struct traffic_stream_config *stream = &config.streams[0];
    struct record_config of_record = {.stream_count = 1};
    if (http_message_request(&message, &request, err) < 0)
        return -1;
    http_expect_init(&expect);
    *stream = traffic_stream_default(TRAFFIC_HTTP);
    stream->pattern = TRAFFIC_CLOSED;
    stream->keep_alive = keep_alive;
    stream->flows = LOOPS;
    stream->messages = &message;
    stream->message_count = 1;
    stream->expect = &expect;
    stream->targets[0].port = SERVER_PORT;
    stream->target_count = 1;
    config.stream_count = 1;
    config.quarantine_ns = 0;
    config.pool_count = 1;
    if (address_parse("10.9.0.1", &stream->targets[0].address, err) < 0 ||
        prefix_parse("10.1.0.0/24", &config.pools[0], err) < 0)
        return -1;
    of_record.capacity[RECORD_REQUESTS] = of_record.capacity[RECORD_CONNECTIONS] = LOG_RECORDS;
    record = record_setup(&of_record);
    struct tcp_config tcp =
        tcp_config_quiet(traffic_connections_needed(&config), traffic_awake_needed(&config));
    tcp.key = (struct hash_key){1, 2};
    tcp.time_wait_ns = 0;
    tcp.time_waits = 0;
    tcp.tell_acked = traffic_acked_needed(&config);
    client.tcp = tcp_setup(&tcp, now_ns, err);
    if (record == NULL || client.tcp == NULL)
        return -1;
    client.traffic = traffic_setup(&config, client.tcp, record, err);
    return client.traffic != NULL && traffic_start(client.traffic, 0, now_ns, now_ns) ? 0 : -1;
}

static void end(void)
{
    traffic_free(client.traffic);
    tcp_teardown(client.tcp);
    server_free(server.server);
    tcp_teardown(server.tcp);
    record_free(record);
    http_message_free(&message);
    memset(&client, 0, sizeof(client));
    memset(&server, 0, sizeof(server));
}

static int run(struct bench *bench, bool keep_alive, unsigned count, struct error *err)
{
    const int status = start_server(err) == 0 && start_client(keep_alive, err) == 0 ? 0 : -1;
    bench->note = "";
    if (status == 0 && count == 0)
        measure(10 * REPEAT);
    for (unsigned i = 0; status == 0 && i < (count == 0 ? REPEATS : 1); i++) {
        const double ticks = measure(count == 0 ? REPEAT : count);
        bench_add(bench, ticks, ticks);
    }
    if (status == 0)
        bench_print(bench);
    end();
    return status;
}

int main(int argc, char **argv)
{
    const unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    struct bench fresh = {.name = "http-turn-new", .unit = "cycles", .judged = true};
    struct bench kept = {.name = "http-turn-keepalive", .unit = "cycles", .judged = true};
    struct error err = {0};
    int status = argc > 2 ? 0 : run(&fresh, false, count, &err);
    if (status == 0 && argc != 2)
        status = run(&kept, true, count, &err);
    if (status == 0)
        return EXIT_MET;
    fprintf(stderr, "http_turn: %s\n", err.text);
    return EXIT_ENVIRONMENT;
}
