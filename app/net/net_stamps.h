/* net_stamps.h - arrivals stamped by the NIC, in a queue of a NIC port (nic_clock.h is the law);
 * and its clock, for packets that it is to send on time (net_timed.h).
 *
 * Where the device offers RTE_ETH_RX_OFFLOAD_TIMESTAMP and its clock can be read, it writes its
 * clock into each received mbuf; net_rx puts that to run time. A worker reads the NIC's clock in
 * net_tick, each 100 ms: one to eight readings of about a microsecond. Everything falls back to the
 * poll's own time by itself: for a frame without a stamp, while the clock is not known well enough,
 * and for a stamp that cannot be, which is counted. Such is one of the future, and one more than
 * NET_STAMPS_SLACK_NS before the queue was last seen empty.
 *
 * When the NIC's clock was set, it is noticed by the next reading: NET_EVENT_CLOCK.
 *
 * Threads: the queue's owner; set-up is the control thread's, while no worker runs. Memory: taken
 * when the port is opened.
 */
#ifndef NET_NET_STAMPS_H
#define NET_NET_STAMPS_H

#include <rte_ethdev.h>

#include "base/clock.h"
#include "net/net.h"
#include "net/nic_clock.h"

enum {
    NET_STAMPS_BRACKETS = 8,      /* Readings for a sample, at most. */
    NET_STAMPS_SLACK_NS = 1000000 /* That a frame may take from the wire to its descriptor. */
};

struct net_device;

struct net_stamps {
    const struct clock *clock; /* The run's; NULL: not told yet, so that nothing is stamped. */
    struct nic_clock nic;
    uint64_t rx_flag;      /* Of mbufs with a stamp; 0: the NIC only sends on time. */
    int field;             /* Where in an mbuf it is. */
    uint64_t next_ns;      /* The next sample. */
    uint64_t empty_ns;     /* When a poll last left nothing in the queue. */
    uint64_t best_half_ns; /* The narrowest bracket so far; 0: none yet. */
};

/* ---- For net.c ---- */

/* It is NOW_NS: take a sample if one is due. */
void net_stamps_tick(struct net_port *port, uint64_t now_ns);
/* Give PACKET, which has the time of the poll, the arrival that MBUF bears, if it can be used. */
void net_stamps_arrival(struct net_port *port, const struct rte_mbuf *mbuf,
                        struct net_packet *packet);

/* ---- For set-up ---- */

/* Ask for stamps and for sending on time where the device described by INFO has them: before
 * rte_eth_dev_configure. Returns the transmit queues that QUEUES workers need. */
uint16_t net_stamps_choose(const struct rte_eth_dev_info *info, uint16_t queues,
                           struct rte_eth_conf *conf);
/* Take PORT's memory, for what CONF has of them. 0 or -ENOMEM. */
int net_stamps_make(struct net_port *port, uint16_t queues, const struct rte_eth_conf *conf,
                    int socket);
void net_stamps_release(struct net_port *port);
/* After the start: a device whose clock cannot be read does neither. */
void net_stamps_check(struct net_device *device);

#endif
