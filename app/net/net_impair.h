/* net_impair.h - the impairment stage (impair.h) of a queue's packet buffers.
 *
 * It stands between the driver and the rest of struct net_port, in both directions, so that ARP, ND
 * and every protocol meet the same network. net.c calls it when it is there: when it is off, that
 * costs one branch a burst.
 *
 * Time is that of the last net_tick(), a turn ago at most. Threads: the queue's owner; set-up and
 * release are the control thread's, while no worker runs. Memory: taken by net_impair_set(), given
 * back by net_port_close(), with what the stage holds then.
 */
#ifndef NET_NET_IMPAIR_H
#define NET_NET_IMPAIR_H

#include "base/error.h"
#include "net/impair.h"
#include "net/net.h"

struct rte_mbuf;

struct net_impair {
    uint64_t now_ns;                 /* Of the last tick. */
    uint16_t out_count;              /* Packets in out[]. */
    struct rte_mbuf *out[NET_BURST]; /* For the driver, in order. */
    struct impair receive;
    struct impair send;
};

/* Set PORT's stage up. Checksums are no more the NIC's then, which would be right again after a bit
 * was flipped. 0, or -ENOMEM with ERR. */
int net_impair_set(struct net_port *port, const struct impair_config *receive,
                   const struct impair_config *send, uint64_t seed, struct error *err);
/* What it did, or NULL when it is off. A look from another thread may be torn between members. */
const struct net_impair *net_impair(const struct net_port *port);

/* ---- For net.c and set-up ---- */

/* In the driver's place: as rte_eth_rx_burst() and rte_eth_tx_burst(). */
uint16_t net_impair_rx(struct net_port *port, struct rte_mbuf *mbufs[], uint16_t max);
uint16_t net_impair_tx(struct net_port *port, struct rte_mbuf *mbufs[], uint16_t count);
/* It is NOW_NS: send what was kept until then. */
void net_impair_tick(struct net_port *port, uint64_t now_ns);
void net_impair_release(struct net_port *port);

#endif
