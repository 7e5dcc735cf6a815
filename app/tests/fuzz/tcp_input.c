/* fuzz: deps tcp */

/* A connection driven by the input: each record is an opcode and its bytes. Segments are near
 * the connection's own numbers, so that they get beyond the first checks. At the end all is
 * given back. */
#include <string.h>

#include "tcp/tcp.h"

#define MS UINT64_C(1000000)

enum {
    RECORD_BYTES = 8,
    RECORDS_MAX = 200,
    PAYLOAD_MAX = 600,
};

static struct tcp *tcp;
static struct tuple tuple = {.local_port = 1, .remote_port = 2, .protocol = 6};
static uint64_t now_ns;
static tcp_conn conn;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        __builtin_trap();
}

static void turn(uint32_t budget)
{
    struct tcp_descriptor out[32];
    uint8_t l4[TCP_HEADER_BYTES_MAX];
    uint32_t count, events, sum = 0;

    do {
        count = tcp_output(tcp, now_ns, out, budget);
        check(count <= budget);
        for (uint32_t i = 0; i < count; i++)
            check(tcp_header_write(&out[i], l4) <= TCP_HEADER_BYTES_MAX);
    } while (count > 0 && budget == 32);
    const struct tcp_event *event = tcp_events(tcp, &events);
    for (uint32_t i = 0; i < events; i++) {
        for (uint32_t b = 0; event[i].kind == TCP_EVENT_DATA && b < event[i].bytes; b++)
            sum += event[i].data[b]; /* Readable, as a sanitizer sees. */
    }
    check(sum < UINT32_MAX);
    tcp_events_clear(tcp);
}

static void put_32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Numbers by one byte: mostly near the edges, and now and then far away. */
static uint32_t near(uint32_t edge, uint8_t choice)
{
    return choice >= 250 ? edge + ((uint32_t)choice << 23)
                         : edge + (uint32_t)((int)choice - 100) * 10;
}

static void segment(const uint8_t *record)
{
    uint8_t l4[TCP_HEADER_BYTES_MAX + PAYLOAD_MAX] = {0};
    struct tcp_info info = {0};
    uint32_t header = 20;
    uint32_t payload = record[4] % 4 == 0 ? record[5] * 2U : 0;

    tcp_conn_info(tcp, conn, &info);
    put_32(l4 + 4, near(info.rcv_nxt, record[2]));
    put_32(l4 + 8, record[3] == 255 ? info.snd_nxt : near(info.snd_una, record[3]));
    l4[13] = record[1];
    l4[14] = record[6];
    if (record[7] & 1) {
        memcpy(l4 + header, (const uint8_t[]){1, 1, 8, 10, 0, 0, record[7], record[6], 0, 0, 0, 0},
               12);
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
    struct tcp_info info = {0};

    switch (record[0] % 12) {
    case 0:
        if (conn == 0 || !tcp_conn_info(tcp, conn, &info))
            conn = tcp_open(tcp, now_ns, &tuple, 1);
        break;
    case 1: tcp_send(tcp, conn, (uint64_t)record[1] * 100); break;
    case 2: tcp_close(tcp, now_ns, conn); break;
    case 3:
        if (record[1] == 7)
            tcp_abort(tcp, now_ns, conn);
        break;
    case 4: tcp_receive_window(tcp, conn, (uint32_t)record[1] * 64); break;
    case 5:
        tcp_conn_info(tcp, conn, &info);
        tcp_icmp(tcp, now_ns, &tuple, near(info.snd_una, record[2]), record[1] % 7,
                 (uint32_t)record[3] * 16);
        break;
    case 6:
        now_ns += (uint64_t)record[1] * record[2] * MS / 4;
        tcp_timers(tcp, now_ns);
        break;
    case 7: turn(record[1] % 4); break;
    default: segment(record); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tcp_config config = tcp_config_default(2);
    struct error err = {0};

    config.segments = 8;
    config.time_waits = 1;
    config.chunks = 8;
    config.chunks_per_connection = 4;
    config.events = 64;
    config.replies = 8;
    config.window_bytes = 8192;
    config.timestamps = size > 0 && (data[0] & 1) != 0;
    config.window_scale = size > 0 && (data[0] & 2) != 0;
    config.delayed_ack_ns = size > 0 && (data[0] & 4) != 0 ? 40 * MS : 0;
    now_ns = 0;
    conn = 0;
    tcp = tcp_setup(&config, 0, &err);
    check(tcp != NULL);
    for (size_t i = 1; i + RECORD_BYTES <= size && i < RECORDS_MAX * RECORD_BYTES;
         i += RECORD_BYTES) {
        record_step(data + i);
        turn(32);
    }
    tcp_abort(tcp, now_ns, conn);
    turn(32);
    now_ns += 3600 * 1000 * MS;
    tcp_timers(tcp, now_ns);
    turn(32);
    check(tcp_is_empty(tcp));
    tcp_teardown(tcp);
    return 0;
}
