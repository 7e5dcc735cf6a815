#include "net/net.h"

#include <assert.h>

#include "base/clock.h"
#include "net/capture.h"
#include "net/checksum.h"
#include "net/frame_expected.h"
#include "net/header.h"
#include "net/net_impair.h"
#include "net/net_priv.h"
#include "net/net_stamps.h"

/* What becomes of a received frame. */
enum fate {
    FATE_CALLERS, /* A packet for the caller, which owns its buffer then. */
    FATE_GIVEN,   /* Another worker's, which has it now. */
    FATE_ENDS     /* Its buffer can be freed. */
};

static inline enum fate take(struct net_port *port, struct rte_mbuf *mbuf, bool handed,
                             uint64_t now_ns, struct net_packet *packet);
static enum fate take_any(struct net_port *port, struct rte_mbuf *mbuf, bool handed,
                          uint64_t now_ns, struct net_packet *packet);
static inline enum fate deliver(struct net_port *port, struct rte_mbuf *mbuf,
                                const struct frame *frame, uint64_t now_ns,
                                struct net_packet *packet);
static inline void begin_ipv4(struct net_port *port, uint8_t *frame, const struct hop *hop,
                              const struct net_path *path, const struct tuple *tuple);
static void begin_ipv6(struct net_port *port, uint8_t *frame, const struct hop *hop,
                       const struct net_path *path, const struct tuple *tuple);
static inline uint32_t checksum_at(uint8_t protocol);
static inline bool offloads(const struct net_port *port, uint8_t protocol);
static inline struct rte_mbuf *finish(struct net_port *port, uint64_t l4_sum);
static inline void put_checksum(const struct net_port *port, const struct net_begun *begun,
                                uint64_t l4_sum);
static void poll_handed(struct net_port *port);
static struct net_path choose(const struct net_port *port, const struct net_group *hops,
                              const struct tuple *tuple);
static void keep(struct net_port *port, bool sent, struct rte_mbuf *const mbufs[], uint16_t count);

/* Drivers ask for a frame's first line; checksums look at all of it. */
static inline void prefetch_rest(const struct rte_mbuf *mbuf)
{
    enum {
        LINE_BYTES = 64,
        MOST_BYTES = 8 * LINE_BYTES /* Beyond, the processor has seen where it goes. */
    };
    const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
    const uint32_t bytes = RTE_MIN((uint32_t)rte_pktmbuf_data_len(mbuf), (uint32_t)MOST_BYTES);
    for (uint32_t at = LINE_BYTES; at < bytes; at += LINE_BYTES)
        rte_prefetch0(frame + at);
}

uint16_t net_poll(struct net_port *port)
{
    if (port->rx_next < port->rx_count)
        return net_rx_waiting(port);
    port->rx_next = 0;
    port->rx_wire = port->impair != NULL
                        ? net_impair_rx(port, port->rx, NET_BURST)
                        : rte_eth_rx_burst(port->port_id, port->queue_id, port->rx, NET_BURST);
    port->rx_count = port->rx_wire;
    for (uint16_t i = 0; i < port->rx_wire; i++)
        prefetch_rest(port->rx[i]);
    port->counters.rx_frames += port->rx_wire;
    port->rx_since_ns = port->turn_ns;
    if (port->capture != NULL && port->rx_wire > 0)
        keep(port, false, port->rx, port->rx_wire);
    if (port->handover != NULL)
        poll_handed(port);
    return port->rx_count;
}

uint16_t net_rx_waiting(const struct net_port *port)
{
    return (uint16_t)(port->rx_count - port->rx_next);
}

static void poll_handed(struct net_port *port)
{
    const uint16_t count =
        handover_take(port->handover, port->queue_id, &port->lane_first, port->rx + port->rx_wire,
                      NET_HANDED_BURST, &port->rx_since_ns);
    port->rx_count = (uint16_t)(port->rx_wire + count);
    port->counters.handed_in += count;
}

uint16_t net_rx(struct net_port *port, uint64_t now_ns, struct net_packet out[], uint16_t max)
{
    uint16_t count = 0;
    while (port->rx_next < port->rx_count && count < max) {
        const bool handed = port->rx_next >= port->rx_wire;
        struct rte_mbuf *mbuf = port->rx[port->rx_next++];
        port->counters.rx_bytes += handed ? 0 : rte_pktmbuf_pkt_len(mbuf);
        const enum fate fate = take(port, mbuf, handed, now_ns, &out[count]);
        if (fate == FATE_CALLERS)
            count++;
        else if (fate == FATE_ENDS)
            rte_pktmbuf_free(mbuf);
    }
    port->rx_held += count;
    port->counters.rx_packets += count;
    return count;
}

/* What the NIC says about checksums. "Bad" is not believed: drivers err, and software decides. */
static struct frame_checked checked_by_nic(const struct rte_mbuf *mbuf)
{
    const uint64_t l4 = mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    return (struct frame_checked){
        .ip = (mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD,
        .l4 = l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD || l4 == RTE_MBUF_F_RX_L4_CKSUM_NONE,
    };
}

/* Give MBUF to worker OWNER. */
static enum fate give(struct net_port *port, uint16_t owner, struct rte_mbuf *mbuf)
{
    if (!handover_put(port->handover, port->queue_id, owner, mbuf, port->rx_since_ns)) {
        net_count_drop(port, NET_DROP_HANDOVER_FULL);
        return FATE_ENDS;
    }
    port->counters.handed_out++;
    return FATE_GIVEN;
}

/* Let all other workers hear what MBUF says; none may write to it. */
static void give_all(struct net_port *port, struct rte_mbuf *mbuf)
{
    for (uint16_t to = 0; port->handover != NULL && to < port->handover->workers; to++) {
        if (to == port->queue_id)
            continue;
        rte_mbuf_refcnt_update(mbuf, 1);
        if (give(port, to, mbuf) == FATE_ENDS)
            rte_mbuf_refcnt_update(mbuf, -1);
    }
}

static bool quotes_us(const struct net_port *port, const struct frame *frame,
                      const struct icmp_error *error)
{
    return own_contains(&port->own, &error->quoted.local) &&
           address_equal(&error->quoted.local, &frame->destination);
}

/* A reply to a group is nobody's. */
static bool take_echo_reply(struct net_port *port, const struct frame *frame,
                            struct net_packet *packet)
{
    if (!own_contains(&port->own, &frame->destination)) {
        net_count_drop(port, NET_DROP_ICMP_OTHER);
        return false;
    }
    packet->kind = NET_ECHO_REPLY;
    packet->tuple = (struct tuple){
        .local = frame->destination,
        .remote = frame->source,
        .local_port = wire_get16(frame->l4 + 4),
        .protocol = frame->ipv6 ? WIRE_ICMPV6 : WIRE_ICMP,
    };
    return true;
}

/* True: an error that quotes one of us, or an echo reply. */
static bool take_icmp(struct net_port *port, const struct frame *frame, struct rte_mbuf *mbuf,
                      bool handed, uint64_t now_ns, struct net_packet *packet)
{
    switch (icmp_parse(frame->l4, frame->l4_bytes, frame->ipv6, &frame->source, &packet->error)) {
    case ICMP_IS_ERROR:
        packet->kind = NET_ICMP_ERROR;
        packet->tuple = packet->error.quoted;
        if (quotes_us(port, frame, &packet->error))
            return true;
        net_count_drop(port, NET_DROP_ICMP_QUOTE);
        return false;
    case ICMP_IS_ECHO: net_answer_echo(port, frame); return false;
    case ICMP_IS_REPLY: return take_echo_reply(port, frame, packet);
    case ICMP_IS_ND:
        if (net_answer_nd(port, frame, handed, now_ns) && !handed)
            give_all(port, mbuf);
        return false;
    case ICMP_IS_OTHER: net_count_drop(port, NET_DROP_ICMP_OTHER); return false;
    case ICMP_BAD_QUOTE: net_count_drop(port, NET_DROP_ICMP_QUOTE); return false;
    }
    return false;
}

static inline void take_l4(const struct frame *frame, struct net_packet *packet)
{
    packet->kind = frame->kind == FRAME_TCP ? NET_TCP : NET_UDP;
    packet->tuple = (struct tuple){
        .local = frame->destination,
        .remote = frame->source,
        .local_port = wire_get16(frame->l4 + 2),
        .remote_port = wire_get16(frame->l4),
        .protocol = frame->kind == FRAME_TCP ? WIRE_TCP : WIRE_UDP,
    };
}

static inline bool is_anothers(const struct net_port *port, const struct tuple *tuple,
                               uint16_t *owner)
{
    *owner = port->queue_id;
    if (port->handover != NULL)
        *owner = steering_owner(port->steering, tuple);
    return *owner != port->queue_id;
}

/* Parse MBUF, and find whose it is. */
static inline enum fate take(struct net_port *port, struct rte_mbuf *mbuf, bool handed,
                             uint64_t now_ns, struct net_packet *packet)
{
    struct frame frame;
    if (mbuf->nb_segs != 1 ||
        !frame_parse_expected(rte_pktmbuf_mtod(mbuf, const uint8_t *), rte_pktmbuf_data_len(mbuf),
                              &port->rules, checked_by_nic(mbuf), &frame))
        return take_any(port, mbuf, handed, now_ns, packet);
    port->counters.rx_software_checksums += frame.checked_here;
    take_l4(&frame, packet);
    return deliver(port, mbuf, &frame, now_ns, packet);
}

/* Not for most frames. */
__attribute__((noinline)) static enum fate take_any(struct net_port *port, struct rte_mbuf *mbuf,
                                                    bool handed, uint64_t now_ns,
                                                    struct net_packet *packet)
{
    if (mbuf->nb_segs != 1) {
        net_count_drop(port, NET_DROP_SEGMENTED);
        return FATE_ENDS;
    }
    struct frame frame;
    frame_parse(rte_pktmbuf_mtod(mbuf, const uint8_t *), rte_pktmbuf_data_len(mbuf), &port->rules,
                checked_by_nic(mbuf), &frame);
    port->counters.rx_software_checksums += frame.checked_here;

    switch (frame.kind) {
    case FRAME_DROP: net_count_drop(port, frame.drop); return FATE_ENDS;
    case FRAME_ARP:
        if (net_answer_arp(port, &frame, handed, now_ns) && !handed)
            give_all(port, mbuf);
        return FATE_ENDS;
    case FRAME_ICMP:
        if (!take_icmp(port, &frame, mbuf, handed, now_ns, packet))
            return FATE_ENDS;
        break;
    case FRAME_TCP:
    case FRAME_UDP: take_l4(&frame, packet); break;
    }
    return deliver(port, mbuf, &frame, now_ns, packet);
}

/* PACKET, whose kind and tuple are known, to the worker whose it is. */
static inline enum fate deliver(struct net_port *port, struct rte_mbuf *mbuf,
                                const struct frame *frame, uint64_t now_ns,
                                struct net_packet *packet)
{
    uint16_t owner;
    if (is_anothers(port, &packet->tuple, &owner))
        return give(port, owner, mbuf);
    if (packet->kind == NET_ICMP_ERROR)
        port->counters.icmp_errors++;
    packet->ecn = frame->tos & 3;
    packet->hop_limit = frame->hop_limit;
    packet->l4 = frame->l4;
    packet->l4_bytes = frame->l4_bytes;
    packet->arrival_ns = now_ns;
    packet->uncertainty_ns = now_ns - port->rx_since_ns;
    packet->mbuf = mbuf;
    if (port->stamps != NULL)
        net_stamps_arrival(port, mbuf, packet);
    return FATE_CALLERS;
}

/* A buffer that was received is the next one to be sent from: it is in this core's cache, and needs
 * no way through the pool. What is too much goes back there, as does that of another worker's port,
 * which was handed over. Packets that net_rx gives out have one segment. */
static inline void give_back(struct net_port *port, struct rte_mbuf *mbuf)
{
    mbuf = rte_pktmbuf_prefree_seg(mbuf);
    if (mbuf == NULL)
        return;
    if (mbuf->pool != port->pool || port->spare_count >= NET_TX_SPARE) {
        rte_mbuf_raw_free(mbuf);
        return;
    }
    rte_pktmbuf_reset(mbuf);
    port->spare[port->spare_count++] = mbuf;
}

void net_free_all(struct net_port *port, struct net_packet packets[], uint16_t count)
{
    assert(port->rx_held >= count);
    for (uint16_t i = 0; i < count; i++) {
        assert(packets[i].mbuf != NULL);
        give_back(port, packets[i].mbuf);
        packets[i].mbuf = NULL;
        packets[i].l4 = NULL;
    }
    port->rx_held -= count;
}

void net_free(struct net_port *port, struct net_packet *packet)
{
    net_free_all(port, packet, 1);
}

bool net_finished(struct net_port *port)
{
    if (port->handover == NULL)
        return true;
    if (!port->finished)
        handover_finish(port->handover);
    port->finished = true;
    return handover_all_finished(port->handover);
}

struct net_path net_path(const struct net_port *port, unsigned group, const struct tuple *tuple)
{
    assert(group < port->group_count);
    const struct net_group *hops = &port->groups[group];
    if (hops->count == 1 && address_is_v4(&tuple->remote)) /* Nothing to choose, and no label. */
        return (struct net_path){.hop = hops->hops[0]};
    return choose(port, hops, tuple);
}

__attribute__((noinline)) static struct net_path
choose(const struct net_port *port, const struct net_group *hops, const struct tuple *tuple)
{
    const uint64_t hash = hash_quick(&port->hash_key, tuple, sizeof(*tuple));
    const uint64_t share = (uint64_t)(uint32_t)hash * hops->count >> 32;
    return (struct net_path){
        .flow_label = (uint32_t)(hash >> 44),
        .hop = hops->hops[share],
    };
}

void net_path_mtu_told(struct net_port *port, const struct address *remote, uint32_t told_bytes,
                       uint64_t now_ns)
{
    const uint16_t mtu_bytes = pmtu_tell(&port->pmtu, remote, told_bytes, port->mtu_bytes, now_ns);
    if (mtu_bytes != 0)
        net_event_add(port, &(struct net_event){.kind = NET_EVENT_PATH_MTU,
                                                .at_ns = now_ns,
                                                .address = *remote,
                                                .mtu_bytes = mtu_bytes});
}

uint16_t net_path_mtu_bytes(const struct net_port *port, const struct address *remote,
                            uint64_t now_ns)
{
    return pmtu_bytes(&port->pmtu, remote, port->mtu_bytes, now_ns);
}

/* Have a place for each packet of a full queue, as far as the pool gives. Few at a time: the first
 * look at a buffer may cost a way to memory, and it is paid between two packets. */
static void refill(struct net_port *port)
{
    while (port->spare_count < NET_TX_PLACES &&
           rte_pktmbuf_alloc_bulk(port->pool, &port->spare[port->spare_count], NET_TX_REFILL) == 0)
        port->spare_count += NET_TX_REFILL;
    port->counters.tx_no_buffer += port->spare_count < NET_TX_PLACES;
}

uint16_t net_tx_room(struct net_port *port)
{
    if (port->tx_refused)
        return 0;
    if (port->spare_count < NET_TX_PLACES)
        refill(port);
    const int places = NET_TX_QUEUE - port->tx_count;
    const int buffers = port->spare_count - NET_TX_RESERVE;
    const int room = places < buffers ? places : buffers;
    return (uint16_t)(room > 0 ? room : 0);
}

static enum net_refusal may_begin(const struct net_port *port, const struct hop *hop,
                                  uint32_t ip_bytes)
{
    if (ip_bytes > port->mtu_bytes)
        return NET_REFUSED_SIZE;
    if (!hop_usable(hop))
        return NET_REFUSED_HOP;
    if (port->tx_refused || port->tx_count >= NET_TX_QUEUE || port->spare_count <= NET_TX_RESERVE)
        return NET_REFUSED_ROOM;
    return NET_SENT;
}

/* Make the front of what the next packet is written to ours, while this one is being made: another
 * core has read what was in that buffer before. Our pools have nothing between an mbuf's own lines
 * and its buffer. */
static inline void prefetch_to_write(const struct rte_mbuf *mbuf)
{
    const uint8_t *frame = (const uint8_t *)(mbuf + 1) + RTE_PKTMBUF_HEADROOM;
    __builtin_prefetch(mbuf, 1);
    __builtin_prefetch(frame, 1);
    __builtin_prefetch(frame + 64, 1);
}

uint8_t *net_tx_begin(struct net_port *port, const struct net_path *path, const struct tuple *tuple,
                      uint16_t l4_bytes, enum net_refusal *why)
{
    assert(path->hop < port->hops.count);
    struct hop *hop = &port->hops.hops[path->hop];
    const bool ipv4 = address_is_v4(&tuple->remote);
    const uint32_t l3_bytes = ipv4 ? WIRE_IPV4_BYTES : WIRE_IPV6_BYTES;
    const enum net_refusal refusal = may_begin(port, hop, l3_bytes + l4_bytes);
    if (why != NULL)
        *why = refusal;
    if (refusal != NET_SENT)
        return NULL;

    struct net_begun *begun = &port->begun;
    if (begun->mbuf == NULL)
        begun->mbuf = port->spare[--port->spare_count];
    prefetch_to_write(port->spare[port->spare_count - 1]);
    uint8_t *frame = rte_pktmbuf_mtod(begun->mbuf, uint8_t *);
    begun->protocol = tuple->protocol;
    begun->l4_bytes = l4_bytes;
    if (ipv4)
        begin_ipv4(port, frame, hop, path, tuple);
    else
        begin_ipv6(port, frame, hop, path, tuple);
    hop->used = true;
    return begun->l4;
}

static inline void begin_ipv4(struct net_port *port, uint8_t *frame, const struct hop *hop,
                              const struct net_path *path, const struct tuple *tuple)
{
    struct net_begun *begun = &port->begun;
    const uint16_t l4_bytes = begun->l4_bytes;
    const uint32_t l2_bytes =
        header_ethernet(frame, hop->mac, port->rules.mac, port->rules.vlan_id, WIRE_TYPE_IPV4);
    const struct header_ip ip = {.source = tuple->local,
                                 .destination = tuple->remote,
                                 .tos = path->tos,
                                 .hop_limit = NET_HOP_LIMIT,
                                 .protocol = tuple->protocol};
    begun->l2_bytes = (uint16_t)l2_bytes;
    begun->l3_bytes = WIRE_IPV4_BYTES;
    begun->l4 = frame + l2_bytes + WIRE_IPV4_BYTES;
    begun->pseudo_sum =
        tuple->protocol == WIRE_ICMP /* RFC 792: it has none. */
            ? 0
            : checksum_pseudo_v4(address_v4_word(&tuple->local), address_v4_word(&tuple->remote),
                                 tuple->protocol, l4_bytes);
    header_ipv4(frame + l2_bytes, &ip, l4_bytes, port->offload_ip);
}

/* Not for most packets. */
__attribute__((noinline)) static void begin_ipv6(struct net_port *port, uint8_t *frame,
                                                 const struct hop *hop, const struct net_path *path,
                                                 const struct tuple *tuple)
{
    struct net_begun *begun = &port->begun;
    const uint32_t l2_bytes =
        header_ethernet(frame, hop->mac, port->rules.mac, port->rules.vlan_id, WIRE_TYPE_IPV6);
    const struct header_ip ip = {.source = tuple->local,
                                 .destination = tuple->remote,
                                 .flow_label = path->flow_label,
                                 .tos = path->tos,
                                 .hop_limit = NET_HOP_LIMIT,
                                 .protocol = tuple->protocol};
    begun->l2_bytes = (uint16_t)l2_bytes;
    begun->l3_bytes = WIRE_IPV6_BYTES;
    begun->l4 = frame + l2_bytes + WIRE_IPV6_BYTES;
    begun->pseudo_sum =
        checksum_pseudo(&tuple->local, &tuple->remote, tuple->protocol, begun->l4_bytes);
    header_ipv6(frame + l2_bytes, &ip, begun->l4_bytes);
}

void net_tx_commit(struct net_port *port)
{
    port->tx[port->tx_count++] = net_tx_finish(port);
}

void net_tx_commit_summed(struct net_port *port, uint64_t sum, uint16_t bytes)
{
    const struct net_begun *begun = &port->begun;
    if (bytes < begun->l4_bytes && !offloads(port, begun->protocol))
        sum = checksum_add(sum, begun->l4 + bytes, begun->l4_bytes - bytes);
    port->tx[port->tx_count++] = finish(port, sum);
}

struct rte_mbuf *net_tx_finish(struct net_port *port)
{
    const struct net_begun *begun = &port->begun;
    wire_put16(begun->l4 + checksum_at(begun->protocol), 0); /* It may be anything. */
    return finish(
        port, offloads(port, begun->protocol) ? 0 : checksum_add(0, begun->l4, begun->l4_bytes));
}

/* Complete the begun packet, all of whose L4 comes to L4_SUM, if the NIC makes no checksums. */
__attribute__((always_inline)) static inline struct rte_mbuf *finish(struct net_port *port,
                                                                     uint64_t l4_sum)
{
    struct net_begun *begun = &port->begun;
    struct rte_mbuf *mbuf = begun->mbuf;
    assert(mbuf != NULL);
    const uint16_t bytes = (uint16_t)(begun->l2_bytes + begun->l3_bytes + begun->l4_bytes);
    mbuf->data_len = bytes;
    mbuf->pkt_len = bytes;
    put_checksum(port, begun, l4_sum);
    begun->mbuf = NULL;
    return mbuf;
}

/* Where PROTOCOL's checksum is in its header. */
static inline uint32_t checksum_at(uint8_t protocol)
{
    switch (protocol) {
    case WIRE_TCP: return 16;
    case WIRE_UDP: return 6;
    default: return 2;
    }
}

static inline bool offloads(const struct net_port *port, uint8_t protocol)
{
    return (protocol == WIRE_TCP && port->offload_tcp) ||
           (protocol == WIRE_UDP && port->offload_udp);
}

/* Set the L4 checksum, or leave the pseudo header's sum and tell the NIC to finish it. */
__attribute__((always_inline)) static inline void
put_checksum(const struct net_port *port, const struct net_begun *begun, uint64_t l4_sum)
{
    struct rte_mbuf *mbuf = begun->mbuf;
    const uint8_t protocol = begun->protocol;
    const bool ipv4 = begun->l3_bytes == WIRE_IPV4_BYTES;
    uint8_t *field = begun->l4 + checksum_at(protocol);

    if (offloads(port, protocol)) {
        wire_put16(field, checksum_fold(begun->pseudo_sum));
        mbuf->ol_flags |= protocol == WIRE_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
    } else {
        const uint16_t sum = checksum_finish(begun->pseudo_sum + l4_sum);
        wire_put16(field, sum == 0 && protocol == WIRE_UDP ? 0xffff : sum); /* RFC 768: 0: none. */
    }
    if (ipv4 && port->offload_ip)
        mbuf->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
    if (mbuf->ol_flags != 0) {
        mbuf->ol_flags |= ipv4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
        mbuf->tx_offload = begun->l2_bytes | (uint64_t)begun->l3_bytes << RTE_MBUF_L2_LEN_BITS;
    }
}

bool net_hop_mac(struct net_port *port, unsigned index, uint8_t mac[6])
{
    assert(index < port->hops.count);
    struct hop *hop = &port->hops.hops[index];
    if (!hop_usable(hop))
        return false;
    hop->used = true;
    memcpy(mac, hop->mac, WIRE_MAC_BYTES);
    return true;
}

uint16_t net_tx_frames_room(const struct net_port *port)
{
    const bool full = port->tx_refused || port->tx_count >= NET_TX_QUEUE;
    return full ? 0 : (uint16_t)(NET_TX_QUEUE - port->tx_count);
}

uint16_t net_tx_frames(struct net_port *port, uint8_t *frames[], uint16_t count)
{
    struct rte_mbuf **mbufs = port->tx + port->tx_count;
    const uint16_t room = net_tx_frames_room(port);
    if (count > room)
        count = room;
    if (count == 0)
        return 0;
    if (rte_pktmbuf_alloc_bulk(port->pool, mbufs, count) != 0) {
        port->counters.tx_no_buffer++;
        return 0;
    }
    for (uint16_t i = 0; i < count; i++)
        frames[i] = rte_pktmbuf_mtod(mbufs[i], uint8_t *);
    return count;
}

void net_tx_frames_commit(struct net_port *port, const uint16_t bytes[], uint16_t count)
{
    struct rte_mbuf **mbufs = port->tx + port->tx_count;
    assert(count <= NET_TX_QUEUE - port->tx_count);
    for (uint16_t i = 0; i < count; i++) {
        mbufs[i]->data_len = bytes[i];
        mbufs[i]->pkt_len = bytes[i];
    }
    port->tx_count = (uint16_t)(port->tx_count + count);
}

/* The headers are in a frame's first segment. */
static void keep(struct net_port *port, bool sent, struct rte_mbuf *const mbufs[], uint16_t count)
{
    const uint64_t tsc = clock_tsc();
    for (uint16_t i = 0; i < count; i++)
        capture_add(port->capture, tsc, sent, rte_pktmbuf_mtod(mbufs[i], const uint8_t *),
                    rte_pktmbuf_data_len(mbufs[i]), rte_pktmbuf_pkt_len(mbufs[i]));
}

void net_keep_sent(struct net_port *port, struct rte_mbuf *const mbufs[], uint16_t count)
{
    keep(port, true, mbufs, count);
}

static uint64_t bytes_of(struct rte_mbuf *const mbufs[], uint16_t count)
{
    uint64_t bytes = 0;
    for (uint16_t i = 0; i < count; i++)
        bytes += rte_pktmbuf_pkt_len(mbufs[i]);
    return bytes;
}

uint16_t net_tx_flush(struct net_port *port)
{
    if (port->tx_count == 0)
        return 0;
    uint64_t bytes = bytes_of(port->tx, port->tx_count);
    if (port->capture != NULL) /* Before they are the driver's; what it leaves was kept already. */
        keep(port, true, port->tx + port->tx_kept, (uint16_t)(port->tx_count - port->tx_kept));
    const uint16_t sent = port->impair != NULL ? net_impair_tx(port, port->tx, port->tx_count)
                                               : rte_eth_tx_burst(port->port_id, port->queue_id,
                                                                  port->tx, port->tx_count);
    const uint16_t left = (uint16_t)(port->tx_count - sent);

    if (left > 0) {
        memmove(port->tx, port->tx + sent, left * sizeof(port->tx[0]));
        bytes -= bytes_of(port->tx, left);
    }
    port->tx_count = left;
    port->tx_kept = left;
    port->tx_refused = left > 0;
    port->counters.tx_refusals += port->tx_refused;
    port->counters.tx_packets += sent;
    port->counters.tx_bytes += bytes;
    return sent;
}

uint16_t net_tx_queued(const struct net_port *port)
{
    return port->tx_count;
}

uint64_t net_rx_since(const struct net_port *port)
{
    return port->rx_since_ns;
}

/* Apart, so that asking in vain saves no registers. */
__attribute__((noinline)) static void step_hops(struct net_port *port, uint64_t now_ns)
{
    struct hop_probe probe;
    struct net_event event;
    bool send;
    bool note;
    while (hop_step(&port->hops, now_ns, &probe, &send, &event, &note)) {
        if (send)
            net_answer_probe(port, &probe);
        if (note)
            net_event_add(port, &event);
    }
}

void net_tick(struct net_port *port, uint64_t now_ns)
{
    port->turn_ns = now_ns;
    if (port->impair != NULL)
        net_impair_tick(port, now_ns);
    if (port->stamps != NULL)
        net_stamps_tick(port, now_ns);
    if (now_ns >= port->hops.due_ns)
        step_hops(port, now_ns);
}

unsigned net_hop_count(const struct net_port *port)
{
    return port->hops.count;
}

enum net_hop_state net_hop_state(const struct net_port *port, unsigned hop)
{
    assert(hop < port->hops.count);
    return port->hops.hops[hop].state;
}

struct address net_hop_address(const struct net_port *port, unsigned hop, uint8_t mac[6])
{
    assert(hop < port->hops.count);
    if (mac != NULL)
        memcpy(mac, port->hops.hops[hop].mac, WIRE_MAC_BYTES);
    return port->hops.hops[hop].address;
}

void net_event_add(struct net_port *port, const struct net_event *event)
{
    if (port->event_count == NET_EVENTS_MAX) {
        port->counters.events_lost++;
        return;
    }
    port->events[(port->event_first + port->event_count) % NET_EVENTS_MAX] = *event;
    port->event_count++;
}

bool net_event(struct net_port *port, struct net_event *event)
{
    if (port->event_count == 0)
        return false;
    *event = port->events[port->event_first];
    port->event_first = (port->event_first + 1) % NET_EVENTS_MAX;
    port->event_count--;
    return true;
}

const struct net_counters *net_counters(const struct net_port *port)
{
    return &port->counters;
}

uint32_t net_buffers_held(const struct net_port *port)
{
    return port->rx_held + net_rx_waiting(port) + (port->begun.mbuf != NULL);
}

bool net_address_is_ours(const struct net_port *port, const struct address *address)
{
    return own_contains(&port->own, address);
}

uint16_t net_mtu_bytes(const struct net_port *port)
{
    return port->mtu_bytes;
}

void net_mac(const struct net_port *port, uint8_t mac[6])
{
    memcpy(mac, port->rules.mac, WIRE_MAC_BYTES);
}
