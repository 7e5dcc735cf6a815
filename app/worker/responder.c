#include "worker/responder.h"

#include <netinet/in.h>
#include <string.h>

#include "net/wire.h"
#include "worker/responder_priv.h"
#include "worker/worker_icmp.h"

enum {
    UDP_HEADER_BYTES = 8,
    LAST_TURNS = 64 /* To send the resets of the end. */
};

static void turn(struct responder *responder);
static void begin_turn(struct responder *responder);
static void receive(struct responder *responder);
static void answer_datagram(struct responder *responder, const struct net_packet *packet);
static void transmit(struct responder *responder);
static void emit(struct responder *responder, const struct tcp_descriptor *descriptor);
static uint8_t *begin_packet(struct responder *responder, const struct tuple *tuple, uint8_t ecn,
                             uint32_t l4_bytes);
static void abort_all(struct responder *responder);
static void count_up(_Atomic uint64_t *counter, uint64_t n);

int responder_main(void *argument)
{
    struct responder *responder = argument;
    responder->tsc = clock_tsc();
    while (!atomic_load_explicit(&responder->asked, memory_order_relaxed))
        turn(responder);
    abort_all(responder);
    return 0;
}

void responder_stop(struct responder *responder)
{
    atomic_store_explicit(&responder->asked, true, memory_order_relaxed);
}

static void turn(struct responder *responder)
{
    uint16_t frames = net_poll(responder->port);
    begin_turn(responder);
    if (frames > 0)
        receive(responder);
    tcp_timers(responder->tcp, responder->now_ns);
    server_timers(responder->server, responder->now_ns);
    responder->busy |= server_events(responder->server, responder->now_ns) > 0;
    net_tick(responder->port, responder->now_ns);
    transmit(responder);
}

/* The turn before is accounted for by what it found. */
static void begin_turn(struct responder *responder)
{
    struct responder_counters *counters = &responder->counters;
    uint64_t before = responder->tsc;
    responder->tsc = clock_tsc();
    responder->now_ns = clock_ns(responder->clock, responder->tsc);
    count_up(&counters->turns, 1);
    if (responder->busy)
        count_up(&counters->busy_cycles, responder->tsc - before);
    else
        count_up(&counters->idle_turns, 1);
    responder->busy = false;
}

/* Events point into the packets: these are freed after they were acted on. */
static void receive(struct responder *responder)
{
    uint64_t now_ns = responder->now_ns;
    uint16_t count = net_rx(responder->port, now_ns, responder->packets, NET_RX_MAX);
    responder->busy = true;
    for (uint16_t i = 0; i < count; i++) {
        const struct net_packet *packet = &responder->packets[i];
        switch (packet->kind) {
        case NET_TCP:
            tcp_input_ecn(responder->tcp, now_ns, &packet->tuple, packet->l4, packet->l4_bytes,
                          packet->ecn);
            break;
        case NET_ICMP_ERROR:
            worker_take_icmp(responder->tcp, responder->port, now_ns, packet);
            break;
        case NET_UDP: answer_datagram(responder, packet); break;
        case NET_ECHO_REPLY: break;
        }
    }
    server_events(responder->server, now_ns);
    net_free_all(responder->port, responder->packets, count);
}

static void answer_datagram(struct responder *responder, const struct net_packet *packet)
{
    uint16_t port = packet->tuple.local_port;
    uint32_t count = packet->l4_bytes - UDP_HEADER_BYTES;
    uint32_t bytes = server_datagram(responder->server, port, packet->tuple.remote_port, count);
    if (bytes == 0)
        return;
    if (net_tx_room(responder->port) == 0) {
        count_up(&responder->counters.room_refusals, 1);
        return;
    }
    uint8_t *l4 = begin_packet(responder, &packet->tuple, 0, bytes + UDP_HEADER_BYTES);
    if (l4 == NULL)
        return;
    wire_put16(l4, packet->tuple.local_port);
    wire_put16(l4 + 2, packet->tuple.remote_port);
    wire_put16(l4 + 4, (uint16_t)(bytes + UDP_HEADER_BYTES));
    wire_put16(l4 + 6, 0);
    server_datagram_fill(responder->server, port, packet->l4 + UDP_HEADER_BYTES, count,
                         l4 + UDP_HEADER_BYTES);
    net_tx_commit(responder->port);
}

static void transmit(struct responder *responder)
{
    if (tcp_output_wanted(responder->tcp)) {
        uint16_t room = net_tx_room(responder->port);
        uint32_t count =
            tcp_output(responder->tcp, responder->now_ns, responder->descriptors, room);
        for (uint32_t i = 0; i < count; i++)
            emit(responder, &responder->descriptors[i]);
        responder->busy |= count > 0;
        server_events(responder->server, responder->now_ns);
    }
    if (net_tx_queued(responder->port) > 0) {
        net_tx_flush(responder->port);
        responder->busy = true;
    }
}

/* One that cannot be sent is lost, as it would be on the wire. */
static void emit(struct responder *responder, const struct tcp_descriptor *descriptor)
{
    uint32_t l4_bytes = TCP_HEADER_BYTES + descriptor->options_bytes + descriptor->payload_bytes;
    uint8_t *l4 = begin_packet(responder, &descriptor->tuple, descriptor->ecn, l4_bytes);
    if (l4 == NULL)
        return;
    uint64_t sum;
    uint16_t header_bytes = tcp_header_write_summed(descriptor, l4, &sum);
    server_fill(responder->server, descriptor, l4 + header_bytes);
    net_tx_commit_summed(responder->port, sum, header_bytes);
}

static uint8_t *begin_packet(struct responder *responder, const struct tuple *tuple, uint8_t ecn,
                             uint32_t l4_bytes)
{
    uint16_t group = address_is_v4(&tuple->remote) ? responder->group_v4 : responder->group_v6;
    struct net_path path = net_path(responder->port, group, tuple);
    path.tos = ecn;
    enum net_refusal why = NET_SENT;
    uint8_t *l4 = net_tx_begin(responder->port, &path, tuple, (uint16_t)l4_bytes, &why);
    if (l4 == NULL)
        count_up(&responder->counters.hop_refusals, why == NET_REFUSED_HOP);
    return l4;
}

static void abort_all(struct responder *responder)
{
    tcp_conn conn = 0;
    while ((conn = tcp_conn_next(responder->tcp, conn)) != 0)
        tcp_abort(responder->tcp, responder->now_ns, conn);
    server_events(responder->server, responder->now_ns);
    for (unsigned i = 0; i < LAST_TURNS; i++)
        transmit(responder);
    net_finished(responder->port);
}

/* One writer: no read-modify-write is needed. */
static void count_up(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + n, memory_order_relaxed);
}

const struct responder_counters *responder_counters(const struct responder *responder)
{
    return &responder->counters;
}

const struct server_counters *responder_server_counters(const struct responder *responder)
{
    return server_counters(responder->server);
}

const struct tcp_counters *responder_tcp_counters(const struct responder *responder)
{
    return tcp_counters(responder->tcp);
}

uint32_t responder_leftovers(const struct responder *responder)
{
    return tcp_connections(responder->tcp) + server_held(responder->server) +
           net_buffers_held(responder->port);
}
