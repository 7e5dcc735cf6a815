/* fuzz: deps tcp */

/* A listener under segments from a few peers: each record is an opcode and its bytes. Segments are
 * near the numbers of the last SYN-ACK of their tuple, so that handshakes complete, by record and
 * by cookie. At the end all is given back. */
#include <string.h>

#include "tcp/tcp.h"

#define MS UINT64_C(1000000)

enum {
    RECORD_BYTES = 8,
    RECORDS_MAX = 200,
    PAYLOAD_MAX = 600,
    PEERS = 4,
    PORT = 80,
};

static struct tcp *tcp;
static uint64_t now_ns;
static uint32_t iss[PEERS]; /* Of our last SYN-ACK to each. */
static uint32_t stamp[PEERS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        __builtin_trap();
}

static struct tuple tuple_of(unsigned peer)
{
    return (struct tuple){
        .local_port = PORT, .remote_port = (uint16_t)(1000 + peer), .protocol = 6};
}

static uint32_t get_32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void sent(const struct tcp_descriptor *d)
{
    uint8_t l4[TCP_HEADER_BYTES_MAX];

    check(tcp_header_write(d, l4) <= TCP_HEADER_BYTES_MAX);
    if ((d->flags & TCP_SYN) == 0)
        return;
    iss[d->tuple.remote_port - 1000] = d->seq;
    /* MSS, then NOP NOP timestamps. */
    if (d->options_bytes >= 16)
        stamp[d->tuple.remote_port - 1000] = get_32(d->options + 8);
}

static void turn(uint32_t budget)
{
    struct tcp_descriptor out[32];
    uint32_t count, events, sum = 0;

    do {
        count = tcp_output(tcp, now_ns, out, budget);
        check(count <= budget);
        for (uint32_t i = 0; i < count; i++)
            sent(&out[i]);
    } while (count > 0 && budget == 32);
    const struct tcp_event *event = tcp_events(tcp, &events);
    for (uint32_t i = 0; i < events; i++) {
        struct tcp_info info;
        for (uint32_t b = 0; event[i].kind == TCP_EVENT_DATA && b < event[i].bytes; b++)
            sum += event[i].data[b]; /* Readable, as a sanitizer sees. */
        if (event[i].kind == TCP_EVENT_ACCEPTED && tcp_conn_info(tcp, event[i].conn, &info))
            check(info.state >= TCP_ESTABLISHED && info.user == 9);
    }
    check(sum < UINT32_MAX);
    tcp_events_clear(tcp);
}

static void segment(const uint8_t *record)
{
    uint8_t l4[TCP_HEADER_BYTES_MAX + PAYLOAD_MAX] = {0};
    unsigned peer = record[0] / 16 % PEERS;
    struct tuple tuple = tuple_of(peer);
    uint32_t header = 20;
    uint32_t payload = record[4] % 4 == 0 ? record[5] * 2U : 0;

    put_32(l4 + 4, (uint32_t)(int32_t)(int8_t)record[2]);
    put_32(l4 + 8, iss[peer] + (record[3] < 200 ? 1 : (uint32_t)record[3] * 7));
    l4[13] = record[1];
    l4[14] = record[6];
    if (record[7] & 1) {
        memcpy(l4 + header, (const uint8_t[]){1, 1, 8, 10, 0, 0, record[7], record[6]}, 8);
        put_32(l4 + header + 8, stamp[peer]);
        header += 12;
    }
    if (record[7] & 2) {
        memcpy(l4 + header, (const uint8_t[]){2, 4, record[6], record[5], 1, 3, 3, record[4]}, 8);
        header += 8;
    }
    l4[12] = (uint8_t)(header / 4 << 4);
    tcp_input(tcp, now_ns, &tuple, l4, (uint16_t)(header + payload));
    turn(32); /* DATA events point into l4. */
}

static void record_step(const uint8_t *record)
{
    struct tuple tuple = tuple_of(record[1] % PEERS);
    tcp_conn conn = tcp_conn_next(tcp, 0);

    switch (record[0] % 16) {
    case 0: tcp_send(tcp, conn, (uint64_t)record[1] * 100); break;
    case 1: tcp_close(tcp, now_ns, conn); break;
    case 2:
        now_ns += (uint64_t)record[1] * record[2] * 4 * MS;
        tcp_timers(tcp, now_ns);
        break;
    case 3: turn(record[1] % 4); break;
    case 4:
        if (record[1] == 7 && tcp_unlisten(tcp, NULL, PORT))
            check(tcp_listen(tcp, NULL, PORT, 9));
        break;
    case 5: tcp_icmp(tcp, now_ns, &tuple, iss[record[1] % PEERS], record[2] % 7, 600); break;
    case 6: tcp_open(tcp, now_ns, &tuple, 9); break;
    default: segment(record); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tcp_config config = tcp_config_default(2);
    struct error err = {0};

    config.segments = 8;
    config.time_waits = 1;
    config.listeners = 1;
    config.half_opens = size > 0 ? data[0] >> 4 & 3 : 0;
    config.chunks = 8;
    config.chunks_per_connection = 4;
    config.events = 64;
    config.replies = 8;
    config.timestamps = size > 0 && (data[0] & 1) != 0;
    config.time_wait_ns = size > 0 && (data[0] & 2) != 0 ? 60000 * MS : 0;
    now_ns = 0;
    tcp = tcp_setup(&config, 0, &err);
    check(tcp != NULL);
    check(tcp_listen(tcp, NULL, PORT, 9));
    for (size_t i = 1; i + RECORD_BYTES <= size && i < RECORDS_MAX * RECORD_BYTES;
         i += RECORD_BYTES) {
        record_step(data + i);
        turn(32);
    }
    check(tcp_unlisten(tcp, NULL, PORT));
    for (tcp_conn conn = tcp_conn_next(tcp, 0); conn != 0; conn = tcp_conn_next(tcp, conn))
        tcp_abort(tcp, now_ns, conn);
    turn(32);
    now_ns += 3600 * 1000 * MS;
    tcp_timers(tcp, now_ns);
    turn(32);
    check(tcp_is_empty(tcp));
    tcp_teardown(tcp);
    return 0;
}
