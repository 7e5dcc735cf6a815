#include "net/net_impair.h"

#include <string.h>

#include "net/net_priv.h"
#include "net/wire.h"

enum {
    ROOM_WANTED = 2, /* Of a packet and its duplicate. */
    BITS = 8
};

static void put(struct net_port *port, struct impair *impair, struct rte_mbuf *mbuf);
static void flip(struct rte_mbuf *mbuf, uint64_t random);
static struct rte_mbuf *copy(struct net_port *port, const struct rte_mbuf *mbuf);
static void push(struct net_port *port);

uint16_t net_impair_rx(struct net_port *port, struct rte_mbuf *mbufs[], uint16_t max)
{
    struct net_impair *impair = port->impair;
    struct rte_mbuf *taken[NET_BURST];
    uint16_t room = (uint16_t)(impair_room(&impair->receive) / ROOM_WANTED);
    uint16_t count = 0;

    if (room > NET_BURST)
        room = NET_BURST;
    if (room > 0)
        count = rte_eth_rx_burst(port->port_id, port->queue_id, taken, room);
    for (uint16_t i = 0; i < count; i++)
        put(port, &impair->receive, taken[i]);
    for (count = 0; count < max; count++) {
        mbufs[count] = impair_take(&impair->receive, impair->now_ns);
        if (mbufs[count] == NULL)
            break;
    }
    return count;
}

uint16_t net_impair_tx(struct net_port *port, struct rte_mbuf *mbufs[], uint16_t count)
{
    struct net_impair *impair = port->impair;
    uint16_t taken = 0;

    while (taken < count) {
        if (impair_room(&impair->send) < ROOM_WANTED) {
            push(port);
            if (impair_room(&impair->send) < ROOM_WANTED)
                break;
        }
        put(port, &impair->send, mbufs[taken++]);
    }
    push(port);
    return taken;
}

void net_impair_tick(struct net_port *port, uint64_t now_ns)
{
    port->impair->now_ns = now_ns;
    push(port);
}

const struct net_impair *net_impair(const struct net_port *port)
{
    return port->impair;
}

static void put(struct net_port *port, struct impair *impair, struct rte_mbuf *mbuf)
{
    const struct impair_fate fate = impair_fate(impair), none = {0};
    struct rte_mbuf *twin;

    if (fate.drop) {
        rte_pktmbuf_free(mbuf);
        return;
    }
    if (fate.flip)
        flip(mbuf, fate.random);
    twin = fate.duplicate ? copy(port, mbuf) : NULL;
    impair_pass(impair, port->impair->now_ns, mbuf, &fate);
    if (twin != NULL)
        impair_pass(impair, port->impair->now_ns, twin, &none);
}

/* Where bits may be flipped in FRAME of BYTES: what lies behind is covered by a checksum, so that
 * no flip leads a frame to another VLAN or address, or tells a neighbour a wrong one. BYTES:
 * nowhere. */
static uint32_t flippable_from(const uint8_t *frame, uint32_t bytes)
{
    uint32_t at = WIRE_ETHERNET_BYTES;
    if (bytes >= at + WIRE_VLAN_BYTES && wire_get16(frame + at - 2) == WIRE_TYPE_VLAN)
        at += WIRE_VLAN_BYTES;
    if (bytes < at)
        return bytes;
    switch (wire_get16(frame + at - 2)) {
    case WIRE_TYPE_IPV4: return at;
    case WIRE_TYPE_IPV6: return at + WIRE_IPV6_BYTES;
    default: return bytes;
    }
}

/* What the NIC verified is not so any more. */
static void flip(struct rte_mbuf *mbuf, uint64_t random)
{
    const uint32_t bytes = rte_pktmbuf_data_len(mbuf);
    uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    const uint32_t from = flippable_from(frame, bytes);
    uint64_t bit;

    mbuf->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
    if (bytes <= from)
        return;
    bit = random % ((bytes - from) * (uint64_t)BITS);
    frame[from + bit / BITS] ^= (uint8_t)(1 << bit % BITS);
}

/* NULL: no buffer, or not in one piece. */
static struct rte_mbuf *copy(struct net_port *port, const struct rte_mbuf *mbuf)
{
    struct rte_mbuf *twin = mbuf->nb_segs == 1 ? rte_pktmbuf_alloc(port->pool) : NULL;

    if (twin == NULL)
        return NULL;
    if (rte_pktmbuf_tailroom(twin) < mbuf->data_len) {
        rte_pktmbuf_free(twin);
        return NULL;
    }
    twin->data_len = mbuf->data_len;
    twin->pkt_len = mbuf->pkt_len;
    twin->ol_flags = mbuf->ol_flags;
    memcpy(rte_pktmbuf_mtod(twin, uint8_t *), rte_pktmbuf_mtod(mbuf, const uint8_t *),
           mbuf->data_len);
    return twin;
}

/* To the driver, as far as it takes them. */
static void push(struct net_port *port)
{
    struct net_impair *impair = port->impair;
    struct rte_mbuf *mbuf;
    uint16_t sent;

    do {
        while (impair->out_count < NET_BURST &&
               (mbuf = impair_take(&impair->send, impair->now_ns)) != NULL)
            impair->out[impair->out_count++] = mbuf;
        if (impair->out_count == 0)
            return;
        sent = rte_eth_tx_burst(port->port_id, port->queue_id, impair->out, impair->out_count);
        impair->out_count = (uint16_t)(impair->out_count - sent);
        memmove(impair->out, impair->out + sent, impair->out_count * sizeof(impair->out[0]));
    } while (impair->out_count == 0);
}
