/* net_timed.h - packets that the NIC holds back until they are due, in a queue of a NIC port.
 *
 * Where the device offers RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP, its clock can be read
 * (net_stamps.h) and it has a second transmit queue for each worker, datagrams are handed to it
 * ahead of their time, with that time in its own clock. They have that queue to themselves, for a
 * NIC keeps the order of a queue: what waits for its time would hold up all that comes behind it.
 *
 * While the clock is not known well enough nothing is handed over ahead (net_tx_ahead_ns() is 0),
 * and pacing is the worker's.
 *
 * Threads: the queue's owner. Memory: taken when the port is opened.
 */
#ifndef NET_NET_TIMED_H
#define NET_NET_TIMED_H

#include <rte_mbuf.h>

#include "net/net.h"

enum {
    NET_TIMED_AHEAD_NS = 50000 /* So long before their time they are handed over. */
};

struct net_timed {
    uint16_t queue_id;                    /* Of transmission, for them alone. */
    uint16_t count;                       /* Packets in mbufs[]. */
    uint16_t kept;                        /* Of these, in the capture. */
    bool refused;                         /* The driver left something over at the last flush. */
    int field;                            /* Where in an mbuf the time is. */
    uint64_t flag;                        /* Of mbufs that have one. */
    struct rte_mbuf *mbufs[NET_TX_QUEUE]; /* To be handed over, in order. */
};

/* ---- For net_stamps.c ---- */

/* What waits leaves at once: the clock that its times were in is no more. */
void net_timed_let_go(struct net_port *port);

/* ---- For set-up ---- */

/* Take PORT's memory; QUEUE is its second one. 0 or -ENOMEM. */
int net_timed_make(struct net_port *port, uint16_t queue, int socket);
void net_timed_release(struct net_port *port);

#endif
