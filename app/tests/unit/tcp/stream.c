/* Both streams through a bad network, in virtual time: loss, duplication, reordering, a reader that
 * stops now and then. The peer is a model of its own, that shares nothing with the stack but the
 * wire: it keeps what it got in a map of bytes, and sends go-back-N with a fixed time-out. */
#include "tcp/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

#define MS UINT64_C(1000000)

enum {
    RUNS = 150,
    STREAM_MAX = 60000,
    WIRE_MAX = 4096,
    SEGMENT_MAX = 1460,
    PEER_WINDOW = 20000,
    PEER_FLIGHT = 6000,
    PEER_TIMEOUT_MS = 300,
    RUN_LIMIT_S = 3600,
};

/* A segment under way. */
struct wire {
    uint64_t at_ns; /* Arrival. */
    bool to_peer;
    uint16_t bytes;
    uint8_t l4[TCP_HEADER_BYTES_MAX + SEGMENT_MAX];
};

struct peer {
    bool open;             /* It has our SYN. */
    bool timestamps;       /* It agrees to them. */
    uint32_t irs, iss;     /* Theirs are ours. */
    uint32_t ts_recent;    /* To echo. */
    bool got[STREAM_MAX];  /* Bytes of our stream that are here. */
    uint32_t next;         /* First one that is not. */
    uint32_t fin_at;       /* Where our stream ends, if known; else UINT32_MAX. */
    uint32_t edge;         /* Right edge of what it offered. */
    uint64_t paused_ns;    /* Its reader stands until then. */
    uint32_t length;       /* Of its own stream. */
    uint32_t acked, sent;  /* Of that; the FIN counts as one more. */
    uint32_t stack_window; /* What we offered it. */
    uint64_t timeout_ns;   /* Of its retransmission. */
};

struct world {
    struct tcp *tcp;
    struct tuple tuple;
    struct random random;
    uint64_t now_ns;
    unsigned loss_percent;
    unsigned wire_count;
    struct wire wires[WIRE_MAX];
    struct peer peer;
    uint32_t stream;   /* Length of our stream. */
    uint32_t queued;   /* Of that, given to tcp_send(). */
    uint32_t received; /* Of the peer's, delivered to us. */
    tcp_conn conn;
    bool connected, closed, gone, peer_fin, local_closed;
    unsigned retransmits;
};

static struct world world;

static uint8_t ours(uint64_t offset)
{
    return (uint8_t)(offset * 13 + 5);
}

static uint8_t theirs(uint64_t offset)
{
    return (uint8_t)(offset * 29 + 3);
}

static void put_32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get_32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void transmit(const uint8_t *l4, uint16_t bytes, bool to_peer)
{
    unsigned copies = random_below(&world.random, 50) == 0 ? 2 : 1;

    for (unsigned i = 0; i < copies; i++) {
        if (random_below(&world.random, 100) < world.loss_percent)
            continue;
        assert_true(world.wire_count < WIRE_MAX);
        struct wire *wire = &world.wires[world.wire_count++];
        uint64_t late_ms =
            random_below(&world.random, 10) == 0 ? random_below(&world.random, 30) : 0;
        wire->at_ns = world.now_ns + (5 + late_ms) * MS + random_below(&world.random, MS / 10);
        wire->to_peer = to_peer;
        wire->bytes = bytes;
        memcpy(wire->l4, l4, bytes);
    }
}

/* --- The peer --- */

static void peer_send(uint32_t from, uint32_t bytes, uint8_t flags)
{
    struct peer *peer = &world.peer;
    uint8_t l4[TCP_HEADER_BYTES_MAX + SEGMENT_MAX] = {0};
    uint32_t ack = peer->irs + 1 + peer->next + (peer->next == peer->fin_at);
    unsigned header = flags & TCP_SYN ? 24 : 20;

    if (world.now_ns >= peer->paused_ns && peer->next + PEER_WINDOW > peer->edge)
        peer->edge = peer->next + PEER_WINDOW;
    put_32(l4 + 4, flags & TCP_SYN ? peer->iss : peer->iss + 1 + from);
    put_32(l4 + 8, ack);
    l4[13] = flags | TCP_ACK;
    l4[14] = (uint8_t)((peer->edge - peer->next) >> 8);
    l4[15] = (uint8_t)(peer->edge - peer->next);
    if (flags & TCP_SYN)
        memcpy(l4 + 20, (const uint8_t[]){2, 4, 5, 0xb4}, 4);
    if (peer->timestamps) {
        memcpy(l4 + header, (const uint8_t[]){1, 1, 8, 10}, 4);
        put_32(l4 + header + 4, (uint32_t)(world.now_ns / MS) + 12345);
        put_32(l4 + header + 8, peer->ts_recent);
        header += 12;
    }
    l4[12] = (uint8_t)(header / 4 << 4);
    for (uint32_t i = 0; i < bytes; i++)
        l4[header + i] = theirs(from + i);
    transmit(l4, (uint16_t)(header + bytes), false);
}

/* What its window, and ours, allow of its stream, and its FIN at the end. */
static void peer_push(void)
{
    struct peer *peer = &world.peer;
    uint32_t flight = peer->stack_window < PEER_FLIGHT ? peer->stack_window : PEER_FLIGHT;

    while (peer->sent < peer->length && peer->sent < peer->acked + flight) {
        uint32_t bytes = (uint32_t)random_below(&world.random, 1400) + 1;
        if (bytes > peer->length - peer->sent)
            bytes = peer->length - peer->sent;
        if (bytes > peer->acked + flight - peer->sent)
            bytes = peer->acked + flight - peer->sent;
        peer_send(peer->sent, bytes, 0);
        peer->sent += bytes;
    }
    if (peer->sent == peer->length) {
        peer_send(peer->sent, 0, TCP_FIN);
        peer->sent++;
    }
}

static void peer_timer(void)
{
    struct peer *peer = &world.peer;

    peer->timeout_ns = world.now_ns + PEER_TIMEOUT_MS * MS;
    if (!peer->open || peer->acked > peer->length)
        return;
    peer->sent = peer->acked;
    peer_push();
}

static void peer_take(const uint8_t *data, uint32_t from, uint32_t bytes)
{
    struct peer *peer = &world.peer;

    for (uint32_t i = 0; i < bytes; i++) {
        assert_true(from + i < world.stream);
        assert_true(from + i < peer->edge); /* Nothing beyond what it offered. */
        assert_int_equal(data[i], ours(from + i));
        peer->got[from + i] = true;
    }
    while (peer->next < world.stream && peer->got[peer->next])
        peer->next++;
}

static void peer_receive(const uint8_t *l4, uint16_t bytes)
{
    struct peer *peer = &world.peer;
    uint32_t header = (uint32_t)(l4[12] >> 4) * 4;
    uint32_t payload = bytes - header, seq = get_32(l4 + 4);
    uint8_t flags = l4[13];

    assert_int_equal(flags & TCP_RST, 0);
    if (flags & TCP_SYN) {
        peer->open = true;
        peer->irs = seq;
        peer->timestamps = header > 24 && peer->timestamps;
        if (peer->timestamps)
            peer->ts_recent = get_32(l4 + 28);
        peer_send(0, 0, TCP_SYN);
        return;
    }
    uint32_t from = seq - peer->irs - 1, old_next = peer->next;
    if (peer->timestamps && from <= peer->next)
        peer->ts_recent = get_32(l4 + 24);
    peer->stack_window = (uint32_t)l4[14] << 8 | l4[15];
    uint32_t acked = get_32(l4 + 8) - peer->iss - 1;
    if (acked > peer->acked && acked <= peer->length + 1) {
        peer->acked = acked;
        if (peer->sent < acked)
            peer->sent = acked;
        peer->timeout_ns = world.now_ns + PEER_TIMEOUT_MS * MS;
    }
    if (payload > 0)
        peer_take(l4 + header, from, payload);
    if (flags & TCP_FIN) {
        assert_int_equal(from + payload, world.stream);
        peer->fin_at = world.stream;
    }
    if (random_below(&world.random, 40) == 0)
        peer->paused_ns = world.now_ns + random_below(&world.random, 1000) * MS;
    if (payload > 0 || (flags & TCP_FIN) || from != old_next)
        peer_send(peer->sent, 0, 0);
    peer_push();
}

/* --- The stack's side --- */

static void take_event(const struct tcp_event *event)
{
    switch (event->kind) {
    case TCP_EVENT_DATA:
        assert_int_equal(event->stream_offset, world.received);
        for (uint32_t i = 0; i < event->bytes; i++)
            assert_int_equal(event->data[i], theirs(world.received + i));
        world.received += event->bytes;
        break;
    case TCP_EVENT_CONNECTED: world.connected = true; break;
    case TCP_EVENT_PEER_FIN:
        assert_int_equal(world.received, world.peer.length);
        world.peer_fin = true;
        break;
    case TCP_EVENT_LOCAL_CLOSED: world.local_closed = true; break;
    case TCP_EVENT_RETRANSMIT: world.retransmits++; break;
    case TCP_EVENT_GONE: world.gone = true; break;
    default: assert_false(event->fatal); break;
    }
}

static void turn(void)
{
    struct tcp_descriptor out[8];
    uint8_t l4[TCP_HEADER_BYTES_MAX + SEGMENT_MAX];
    uint32_t count;
    const struct tcp_event *events;

    if (world.queued < world.stream && random_below(&world.random, 3) == 0) {
        uint32_t more = (uint32_t)random_below(&world.random, 20000) + 1;
        if (more > world.stream - world.queued)
            more = world.stream - world.queued;
        assert_true(tcp_send(world.tcp, world.conn, more));
        world.queued += more;
    }
    /* Not before the connection is there: that would delete it. */
    if (world.queued == world.stream && world.connected && !world.closed)
        world.closed = tcp_close(world.tcp, world.now_ns, world.conn);
    do {
        count =
            tcp_output(world.tcp, world.now_ns, out, 1 + (uint32_t)random_below(&world.random, 8));
        for (uint32_t i = 0; i < count; i++) {
            uint16_t header = tcp_header_write(&out[i], l4);
            assert_true(out[i].stream_offset + out[i].payload_bytes <= world.queued ||
                        out[i].payload_bytes == 0);
            for (uint32_t b = 0; b < out[i].payload_bytes; b++)
                l4[header + b] = ours(out[i].stream_offset + b);
            transmit(l4, (uint16_t)(header + out[i].payload_bytes), true);
        }
    } while (count > 0);
    events = tcp_events(world.tcp, &count);
    for (uint32_t i = 0; i < count; i++)
        take_event(&events[i]);
    tcp_events_clear(world.tcp);
}

/* The earliest thing to happen: a segment's arrival, or a timer of either side. */
static void step(void)
{
    uint64_t next_ns = world.peer.timeout_ns;
    struct wire *first = NULL;

    if (tcp_next_timer_ns(world.tcp) < next_ns)
        next_ns = tcp_next_timer_ns(world.tcp);
    for (unsigned i = 0; i < world.wire_count; i++) {
        if (world.wires[i].at_ns <= next_ns) {
            first = &world.wires[i];
            next_ns = first->at_ns;
        }
    }
    if (next_ns > world.now_ns)
        world.now_ns = next_ns;
    if (first != NULL) {
        struct wire wire = *first;
        *first = world.wires[--world.wire_count];
        if (wire.to_peer)
            peer_receive(wire.l4, wire.bytes);
        else
            tcp_input(world.tcp, world.now_ns, &world.tuple, wire.l4, wire.bytes);
        turn(); /* The segment is valid until here. */
    } else if (world.now_ns >= world.peer.timeout_ns) {
        peer_timer();
    }
    tcp_timers(world.tcp, world.now_ns);
    turn();
}

static void begin(uint64_t seed)
{
    struct tcp_config config = tcp_config_default(4);
    struct error err = {0};

    memset(&world, 0, sizeof(world));
    random_seed(&world.random, seed);
    config.key = (struct hash_key){seed, 99};
    config.tick_ns = 1000;
    config.segments = random_below(&world.random, 2) == 0 ? 4 : 256;
    config.chunks = random_below(&world.random, 2) == 0 ? 3 : 64;
    config.window_bytes = random_below(&world.random, 2) == 0 ? 4000 : 60000;
    config.window_scale = false;
    config.timestamps = random_below(&world.random, 2) == 0;
    config.delayed_ack_ns = random_below(&world.random, 2) == 0 ? 40 * MS : 0;
    config.rto_max_ns = 2000 * MS;
    config.syn_retries = 1000;
    config.user_timeout_ns = 0;
    config.fin_wait_2_ns = 0;
    config.events = 256;
    world.loss_percent = (unsigned)random_below(&world.random, 25);
    world.stream = (uint32_t)random_below(&world.random, STREAM_MAX) + 1;
    world.peer.length = (uint32_t)random_below(&world.random, STREAM_MAX);
    world.peer.iss = (uint32_t)random_next(&world.random);
    world.peer.fin_at = UINT32_MAX;
    world.peer.timestamps = config.timestamps;
    world.peer.timeout_ns = PEER_TIMEOUT_MS * MS;
    world.tuple = (struct tuple){.local_port = 40000, .remote_port = 5003, .protocol = 6};
    world.tcp = tcp_setup(&config, 0, &err);
    assert_non_null(world.tcp);
    world.conn = tcp_open(world.tcp, 0, &world.tuple, 1);
    assert_true(world.conn != 0);
    turn();
}

static void both_streams_arrive(void **state)
{
    unsigned retransmits = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        begin(seed);
        while (!world.gone || world.peer.acked <= world.peer.length) {
            assert_true(world.now_ns < RUN_LIMIT_S * 1000 * MS);
            step();
        }
        assert_int_equal(world.peer.next, world.stream);
        assert_int_equal(world.peer.fin_at, world.stream);
        assert_int_equal(world.received, world.peer.length);
        assert_true(world.peer_fin && world.local_closed);
        assert_true(tcp_counters(world.tcp)->segments_out > 0);
        retransmits += world.retransmits;
        tcp_timers(world.tcp, world.now_ns + 3600 * 1000 * MS);
        while (tcp_output_wanted(world.tcp))
            turn();
        assert_true(tcp_is_empty(world.tcp));
        tcp_teardown(world.tcp);
    }
    assert_true(retransmits > RUNS); /* Else the network was not bad. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_streams_arrive)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
