#include "net/net_timed.h"

#include <assert.h>
#include <string.h>

#include <rte_mbuf_dyn.h>

#include "net/net_priv.h"
#include "net/net_stamps.h"

uint64_t net_tx_ahead_ns(const struct net_port *port)
{
    const bool known = port->timed != NULL && nic_clock_usable(&port->stamps->nic, port->turn_ns);
    return known ? NET_TIMED_AHEAD_NS : 0;
}

uint16_t net_tx_timed_room(const struct net_port *port)
{
    const struct net_timed *timed = port->timed;
    return timed == NULL || timed->refused ? 0 : (uint16_t)(NET_TX_QUEUE - timed->count);
}

void net_tx_commit_at(struct net_port *port, uint64_t at_ns)
{
    struct net_timed *timed = port->timed;
    assert(timed->count < NET_TX_QUEUE);
    struct rte_mbuf *mbuf = net_tx_finish(port);
    *RTE_MBUF_DYNFIELD(mbuf, timed->field, rte_mbuf_timestamp_t *) =
        nic_clock_ticks(&port->stamps->nic, at_ns);
    mbuf->ol_flags |= timed->flag;
    const uint64_t bound_ns = nic_clock_bound_ns(&port->stamps->nic, at_ns);
    if (bound_ns > port->counters.clock_bound_ns)
        port->counters.clock_bound_ns = bound_ns;
    timed->mbufs[timed->count++] = mbuf;
}

uint16_t net_tx_timed_flush(struct net_port *port)
{
    struct net_timed *timed = port->timed;
    if (timed == NULL || timed->count == 0)
        return 0;
    if (port->capture != NULL)
        net_keep_sent(port, timed->mbufs + timed->kept, (uint16_t)(timed->count - timed->kept));
    uint64_t bytes = 0;
    for (uint16_t i = 0; i < timed->count; i++)
        bytes += rte_pktmbuf_pkt_len(timed->mbufs[i]);
    const uint16_t sent =
        rte_eth_tx_burst(port->port_id, timed->queue_id, timed->mbufs, timed->count);
    const uint16_t left = (uint16_t)(timed->count - sent);
    memmove(timed->mbufs, timed->mbufs + sent, left * sizeof(timed->mbufs[0]));
    for (uint16_t i = 0; i < left; i++)
        bytes -= rte_pktmbuf_pkt_len(timed->mbufs[i]);
    timed->count = timed->kept = left;
    timed->refused = left > 0;
    port->counters.tx_refusals += timed->refused;
    port->counters.tx_packets += sent;
    port->counters.tx_timed += sent;
    port->counters.tx_bytes += bytes;
    return sent;
}

uint16_t net_tx_timed_queued(const struct net_port *port)
{
    return port->timed != NULL ? port->timed->count : 0;
}

void net_timed_let_go(struct net_port *port)
{
    struct net_timed *timed = port->timed;
    for (uint16_t i = 0; timed != NULL && i < timed->count; i++)
        timed->mbufs[i]->ol_flags &= ~timed->flag;
}
