/* fuzz: deps traffic */

/* A server under clients that say anything, hear what they like, and go when they like. Input: the
 * clients' stream, which is the input itself again and again, and what they do, two bytes a step.
 * In the end every connection is given up, and nothing is held. */
#include "traffic/server.h"

#include <netinet/in.h>
#include <string.h>

#define MS UINT64_C(1000000)

enum {
    CLIENTS = 3,
    STEPS_MAX = 200,
    TURNS_MAX = 50,
    BATCH = 32,
    HELD_BYTES = 100000
};

static const uint16_t ports[] = {80, 5003, 5001};
static struct tcp *server_tcp, *client_tcp;
static struct server *server;
static tcp_conn conns[CLIENTS];
static const uint8_t *said;
static size_t said_bytes;
static uint64_t now_ns;
static uint16_t next_port;
static unsigned lost; /* Packets to the clients that are lost from now on. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        __builtin_trap();
}

static void carry(const struct tcp_descriptor *descriptor, bool to_server)
{
    uint8_t l4[TCP_HEADER_BYTES_MAX + 2048];
    const uint16_t header = tcp_header_write(descriptor, l4);
    const uint16_t bytes = (uint16_t)(header + descriptor->payload_bytes);
    const struct tuple tuple = {.local = descriptor->tuple.remote,
                                .remote = descriptor->tuple.local,
                                .local_port = descriptor->tuple.remote_port,
                                .remote_port = descriptor->tuple.local_port,
                                .protocol = IPPROTO_TCP};
    for (uint32_t i = 0; to_server && i < descriptor->payload_bytes; i++)
        l4[header + i] = said[(descriptor->stream_offset + i) % said_bytes];
    if (!to_server)
        server_fill(server, descriptor, l4 + header);
    if (!to_server && lost > 0) {
        lost--;
        return;
    }
    tcp_input(to_server ? server_tcp : client_tcp, now_ns, &tuple, l4, bytes);
    if (to_server)
        server_events(server, now_ns); /* Events point into l4. */
    else
        tcp_events_clear(client_tcp);
}

static bool output(bool to_server)
{
    struct tcp_descriptor out[BATCH];
    const uint32_t count = tcp_output(to_server ? client_tcp : server_tcp, now_ns, out, BATCH);
    for (uint32_t i = 0; i < count; i++)
        carry(&out[i], to_server);
    tcp_events_clear(client_tcp);
    server_events(server, now_ns);
    return count > 0;
}

/* Let MS pass. */
static void pass(uint64_t ms)
{
    now_ns += ms * MS;
    tcp_timers(client_tcp, now_ns);
    tcp_timers(server_tcp, now_ns);
    server_timers(server, now_ns);
    for (unsigned i = 0; i < TURNS_MAX; i++) {
        bool busy = output(true);
        if (!output(false) && !busy)
            break;
    }
}

static void connect_to(unsigned client, uint16_t port)
{
    static const uint8_t near[4] = {10, 0, 0, 1}, far[4] = {10, 0, 0, 2};
    const struct tuple tuple = {.local = address_from_v4(near),
                                .remote = address_from_v4(far),
                                .local_port = next_port++,
                                .remote_port = port,
                                .protocol = IPPROTO_TCP};
    conns[client] = tcp_open(client_tcp, now_ns, &tuple, client);
}

static void step(uint8_t what, uint8_t how)
{
    const unsigned client = what >> 4 & 3;
    if (client >= CLIENTS)
        return;
    switch (what & 15) {
    case 0: connect_to(client, ports[how % 3]); break;
    case 1: pass((uint64_t)how * how); break;
    case 2: lost = how; break;
    case 3: tcp_close(client_tcp, now_ns, conns[client]); break;
    case 4: tcp_abort(client_tcp, now_ns, conns[client]); break;
    case 5: tcp_receive_window(client_tcp, conns[client], (uint32_t)how * 257); break;
    case 6: tcp_send(client_tcp, conns[client], (uint64_t)how * 1024); break;
    default: tcp_send(client_tcp, conns[client], how); break;
    }
    pass(1);
}

static void start(uint8_t options)
{
    struct tcp_config config = tcp_config_default(CLIENTS + 1);
    struct server_config wanted = {
        .listeners = {{SERVER_HTTP, 80}, {SERVER_CTRAFFIC, 5003}, {SERVER_MCONNECT, 5001}},
        .listener_count = 3,
        .name = "fuzz",
        .http = {.status = 200, .body = {.size_bytes = 5000, .chunk_bytes = options & 1 ? 99 : 0}},
        .connections = CLIENTS + 1,
        .held_bytes = HELD_BYTES,
        .idle_ns = 2000 * MS};
    config.tick_ns = 10 * MS;
    config.time_waits = 1;
    config.time_wait_ns = 0;
    config.half_opens = 4;
    config.segments = 256;
    config.chunks = 16;
    config.chunks_per_connection = 8;
    config.events = 256;
    config.replies = 16;
    now_ns = 0;
    lost = 0;
    next_port = 1000;
    memset(conns, 0, sizeof(conns));
    config.key = (struct hash_key){1, 2};
    server_tcp = tcp_setup(&config, 0, NULL);
    config.key = (struct hash_key){3, 4};
    client_tcp = tcp_setup(&config, 0, NULL);
    check(server_tcp != NULL && client_tcp != NULL);
    server = server_setup(&wanted, server_tcp, NULL);
    check(server != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    said = data;
    said_bytes = size;
    start(data[0]);
    for (size_t i = 1; i + 2 <= size && i < 2 * STEPS_MAX; i += 2)
        step(data[i], data[i + 1]);
    /* Whatever they do: nothing more is heard of the clients. */
    lost = UINT32_MAX;
    for (unsigned i = 0; i < 20; i++)
        pass(1000);
    check(tcp_connections(server_tcp) == 0);
    check(server_held(server) == 0);
    server_free(server);
    tcp_teardown(server_tcp);
    tcp_teardown(client_tcp);
    return 0;
}
