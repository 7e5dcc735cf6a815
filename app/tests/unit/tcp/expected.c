/* What is expected is taken, and sent, by a shorter way, to the same state. Two ends talk through a
 * network that is bad now and then. Each has a double that gets the same calls and the same
 * segments, but with URG set, which changes nothing (RFC 6093) and is never expected: the double
 * takes all steps of RFC 9293 3.10.7.4. And its path MTU was lowered once, which is never expected
 * of what is sent, and changes nothing for ten minutes. Both have to say the same, and to be the
 * same, at any time. */
#include "tcp/tcp_priv.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

#define MS UINT64_C(1000000)

enum {
    RUNS = 200,
    TURNS = 400,
    WIRE_MAX = 512,
    OUTPUT_MAX = 64,
    SEGMENT_MAX = 1500,
    CLIENT_PORT = 40000,
    SERVER_PORT = 80,
    FLAGS_AT = 13,
};

struct end {
    struct tcp *real, *twin;
    tcp_conn conn; /* Of both; 0: not yet, or gone. */
};

/* A segment under way. */
struct wire {
    uint64_t at_ns; /* Arrival. */
    struct end *to;
    struct tuple tuple; /* As its receiver sees it. */
    uint16_t bytes;
    uint8_t ecn;
    uint8_t l4[TCP_HEADER_BYTES_MAX + SEGMENT_MAX];
};

static struct {
    struct end client, server;
    struct random random;
    uint64_t now_ns;
    unsigned loss_percent, late_percent, talk_percent;
    unsigned wire_count;
    struct wire wires[WIRE_MAX];
} world;

static bool chance(unsigned percent)
{
    return random_below(&world.random, 100) < percent;
}

/* --- Comparison --- */

static void same_event(const struct tcp_event *a, const struct tcp_event *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->cause, b->cause);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->conn, b->conn);
    assert_int_equal(a->user, b->user);
    assert_int_equal(a->at_ns, b->at_ns);
    assert_int_equal(a->stream_offset, b->stream_offset);
    assert_int_equal(a->first_sent_ns, b->first_sent_ns);
    assert_int_equal(a->rtt_max_ns, b->rtt_max_ns);
    assert_int_equal(a->bytes, b->bytes);
    assert_int_equal(a->fatal, b->fatal);
    if (a->bytes > 0 && a->kind == TCP_EVENT_DATA)
        assert_memory_equal(a->data, b->data, a->bytes);
}

static void same_descriptor(const struct tcp_descriptor *a, const struct tcp_descriptor *b)
{
    uint8_t x[TCP_HEADER_BYTES_MAX], y[TCP_HEADER_BYTES_MAX];
    uint16_t bytes = tcp_header_write(a, x);

    assert_int_equal(bytes, tcp_header_write(b, y));
    assert_memory_equal(x, y, bytes);
    assert_true(tuple_equal(&a->tuple, &b->tuple));
    assert_int_equal(a->user, b->user);
    assert_int_equal(a->stream_offset, b->stream_offset);
    assert_int_equal(a->first_sent_ns, b->first_sent_ns);
    assert_int_equal(a->conn, b->conn);
    assert_int_equal(a->payload_bytes, b->payload_bytes);
    assert_int_equal(a->ecn, b->ecn);
    assert_int_equal(a->retransmission, b->retransmission);
}

static void same_segments(const struct tcb *a, const struct tcb *b)
{
    const struct tcp_segment *y = STAILQ_FIRST(&b->segments), *x;

    STAILQ_FOREACH(x, &a->segments, link)
    {
        assert_non_null(y);
        assert_memory_equal(&x->pos, &y->pos, sizeof(*x) - offsetof(struct tcp_segment, pos));
        y = STAILQ_NEXT(y, link);
    }
    assert_null(y);
}

/* All of a control block but what points elsewhere. */
static void same_tcb(const struct tcb *a, const struct tcb *b)
{
    const struct {
        size_t from, to;
    } parts[] = {
        {offsetof(struct tcb, snd_una), offsetof(struct tcb, segments)},
        {offsetof(struct tcb, user), offsetof(struct tcb, slot)},
        {offsetof(struct tcb, queue.count), offsetof(struct tcb, timer)},
        {offsetof(struct tcb, timer.expires_tick), sizeof(struct tcb)},
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_memory_equal((const uint8_t *)a + parts[i].from, (const uint8_t *)b + parts[i].from,
                            parts[i].to - parts[i].from);
    assert_int_equal(wheel_is_set(&a->timer), wheel_is_set(&b->timer));
    same_segments(a, b);
}

static void same(const struct end *end)
{
    const struct tcp_slot *a = tcp_slot(end->real, end->conn);
    const struct tcp_slot *b = tcp_slot(end->twin, end->conn);

    assert_memory_equal(tcp_counters(end->real), tcp_counters(end->twin),
                        sizeof(struct tcp_counters));
    assert_int_equal(tcp_next_timer_ns(end->real), tcp_next_timer_ns(end->twin));
    assert_int_equal(tcp_output_wanted(end->real), tcp_output_wanted(end->twin));
    assert_int_equal(a == NULL, b == NULL);
    if (a == NULL)
        return;
    assert_int_equal(a->kind, b->kind);
    if (a->kind == TCP_SLOT_AWAKE)
        same_tcb(a->tcb, b->tcb);
    else
        assert_memory_equal(a, b, sizeof(*a));
}

/* --- The network --- */

static void transmit(struct end *to, const struct tcp_descriptor *out)
{
    struct wire *wire;
    uint64_t late_ns = chance(world.late_percent) ? random_below(&world.random, 30 * MS) : 0;

    if (chance(world.loss_percent) || world.wire_count == WIRE_MAX)
        return;
    wire = &world.wires[world.wire_count++];
    *wire = (struct wire){.at_ns = world.now_ns + 5 * MS + late_ns,
                          .to = to,
                          .tuple = {.local = out->tuple.remote,
                                    .remote = out->tuple.local,
                                    .local_port = out->tuple.remote_port,
                                    .remote_port = out->tuple.local_port,
                                    .protocol = IPPROTO_TCP},
                          .ecn = out->ecn != 0 && chance(2) ? 3 : out->ecn};
    wire->bytes = (uint16_t)(tcp_header_write(out, wire->l4) + out->payload_bytes);
}

/* Both get it; only one may expect it. */
static void arrive(struct wire *wire)
{
    enum tcp_verdict verdict =
        tcp_input_ecn(wire->to->real, world.now_ns, &wire->tuple, wire->l4, wire->bytes, wire->ecn);
    wire->l4[FLAGS_AT] |= TCP_URG;
    assert_int_equal(verdict, tcp_input_ecn(wire->to->twin, world.now_ns, &wire->tuple, wire->l4,
                                            wire->bytes, wire->ecn));
    same(wire->to);
}

static void events(struct end *end)
{
    uint32_t count, twin_count;
    const struct tcp_event *real = tcp_events(end->real, &count);
    const struct tcp_event *twin = tcp_events(end->twin, &twin_count);

    assert_int_equal(count, twin_count);
    for (uint32_t i = 0; i < count; i++) {
        same_event(&real[i], &twin[i]);
        if (real[i].kind == TCP_EVENT_ACCEPTED)
            end->conn = real[i].conn;
        if (real[i].kind == TCP_EVENT_GONE)
            end->conn = 0;
    }
    tcp_events_clear(end->real);
    tcp_events_clear(end->twin);
}

static void arrivals(void)
{
    for (unsigned i = 0; i < world.wire_count; i++) {
        if (world.wires[i].at_ns > world.now_ns)
            continue;
        struct wire wire = world.wires[i];
        memmove(&world.wires[i], &world.wires[i + 1],
                (--world.wire_count - i) * sizeof(struct wire));
        i--;
        arrive(&wire);
        events(wire.to); /* While the packet is there. */
    }
}

static void output(struct end *from, struct end *to)
{
    static struct tcp_descriptor real[OUTPUT_MAX], twin[OUTPUT_MAX];
    uint32_t max = 1 + (uint32_t)random_below(&world.random, OUTPUT_MAX);
    uint32_t count = tcp_output(from->real, world.now_ns, real, max);

    assert_int_equal(count, tcp_output(from->twin, world.now_ns, twin, max));
    for (uint32_t i = 0; i < count; i++) {
        same_descriptor(&real[i], &twin[i]);
        transmit(to, &real[i]);
    }
    same(from);
    events(from);
}

/* What a user does now and then. */
static void use(struct end *end, bool may_close)
{
    uint64_t bytes = random_below(&world.random, chance(20) ? 20000 : 1000) + 1;
    uint32_t window = 1 + (uint32_t)random_below(&world.random, 30000);

    if (end->conn == 0)
        return;
    if (chance(world.talk_percent))
        assert_int_equal(tcp_send(end->real, end->conn, bytes),
                         tcp_send(end->twin, end->conn, bytes));
    if (chance(2))
        assert_int_equal(tcp_receive_window(end->real, end->conn, window),
                         tcp_receive_window(end->twin, end->conn, window));
    if (may_close && chance(20))
        assert_int_equal(tcp_close(end->real, world.now_ns, end->conn),
                         tcp_close(end->twin, world.now_ns, end->conn));
}

static void turn(bool may_close)
{
    world.now_ns += random_below(&world.random, chance(10) ? 500 * MS : 10 * MS);
    arrivals();
    tcp_timers(world.client.real, world.now_ns);
    tcp_timers(world.client.twin, world.now_ns);
    tcp_timers(world.server.real, world.now_ns);
    tcp_timers(world.server.twin, world.now_ns);
    same(&world.client);
    same(&world.server);
    if (world.client.conn != 0 && tcp_slot(world.server.real, world.server.conn) != NULL) {
        use(&world.client, may_close);
        use(&world.server, may_close);
    }
    output(&world.client, &world.server);
    output(&world.server, &world.client);
}

static void begin(uint64_t seed)
{
    struct tcp_config config = tcp_config_default(4);
    const struct tuple tuple = {
        .local_port = CLIENT_PORT, .remote_port = SERVER_PORT, .protocol = IPPROTO_TCP};
    struct error err = {0};

    memset(&world, 0, sizeof(world));
    random_seed(&world.random, seed);
    config.key = (struct hash_key){seed, 7};
    config.time_waits = 16;
    config.rto_min_ns = chance(50) ? 200 * MS : 1000 * MS;
    config.sack = !chance(20);
    config.timestamps = !chance(30);
    config.ecn = chance(20);
    config.tell_acked = chance(50);
    config.delayed_ack_ns = chance(50) ? 40 * MS : 0;
    config.congestion = chance(50) ? TCP_CUBIC : TCP_RENO;
    config.keep_alive_ns = chance(20) ? 1000 * MS : 0;
    world.loss_percent = chance(60) ? 0 : (unsigned)random_below(&world.random, 10);
    world.late_percent = chance(60) ? 0 : (unsigned)random_below(&world.random, 10);
    world.talk_percent = chance(50) ? 40 : 4;
    world.client = (struct end){tcp_setup(&config, 0, &err), tcp_setup(&config, 0, &err), 0};
    world.server = (struct end){tcp_setup(&config, 0, &err), tcp_setup(&config, 0, &err), 0};
    world.client.twin->mtu_lowered_ns = 0;
    world.server.twin->mtu_lowered_ns = 0;
    assert_true(tcp_listen(world.server.real, NULL, SERVER_PORT, 0));
    assert_true(tcp_listen(world.server.twin, NULL, SERVER_PORT, 0));
    world.client.conn = tcp_open(world.client.real, 0, &tuple, 1);
    assert_int_equal(tcp_open(world.client.twin, 0, &tuple, 1), world.client.conn);
}

static void both_ways_lead_to_one_state(void **state)
{
    uint64_t bytes = 0, retransmits = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        begin(seed);
        for (unsigned i = 0; i < TURNS; i++)
            turn(i > 3 * TURNS / 4);
        const struct tcp_counters *counters = tcp_counters(world.client.real);
        bytes += counters->bytes_in;
        retransmits += counters->retransmits_fast + counters->retransmits_rto;
        tcp_teardown(world.client.real);
        tcp_teardown(world.client.twin);
        tcp_teardown(world.server.real);
        tcp_teardown(world.server.twin);
    }
    assert_true(bytes > RUNS * UINT64_C(10000)); /* Else nothing was said. */
    assert_true(retransmits > RUNS);             /* Else the network was not bad. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_ways_lead_to_one_state)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
