/* net_priv.h - the inside of struct net_port, for net's own sources and tests.
 *
 * Threads: everything is the worker's, but `device`, which set-up owns.
 */
#ifndef NET_NET_PRIV_H
#define NET_NET_PRIV_H

#include <stdalign.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "base/hash.h"
#include "net/frame.h"
#include "net/handover.h"
#include "net/hop.h"
#include "net/net.h"
#include "net/pmtu.h"
#include "net/steering.h"

enum {
    NET_TX_RESERVE = 16, /* Queue places and spare buffers that only answers and probes use. */
    NET_TX_PLACES = NET_TX_QUEUE + NET_TX_RESERVE,
    NET_TX_REFILL = 16, /* Spare buffers are taken from the pool so many at a time. */
    NET_TX_SPARE = NET_TX_PLACES + NET_TX_REFILL,
    NET_HOP_LIMIT = 64, /* TTL of what we send. */
    NET_GROUP_HASH_SALT = 0x5ea31e
};

struct net_impair; /* net_impair.h. */
struct net_stamps; /* net_stamps.h. */
struct net_timed;  /* net_timed.h. */
struct net_device; /* The NIC port with all its queues: net_device.h. */

/* A packet between begin and its checksum. */
struct net_begun {
    struct rte_mbuf *mbuf; /* NULL: none. */
    uint8_t *l4;           /* Where its TCP, UDP or ICMP header begins. */
    uint64_t pseudo_sum;   /* Of its pseudo header. */
    uint16_t l2_bytes;     /* Ethernet header. */
    uint16_t l3_bytes;     /* IP header. */
    uint16_t l4_bytes;     /* TCP or UDP header and payload. */
    uint8_t protocol;      /* Behind the IP header. */
};

struct net_group {
    uint16_t count;                    /* Hops of it. */
    uint16_t hops[NET_GROUP_HOPS_MAX]; /* Indices into the port's table. */
};

struct net_port {
    /* Line 1. Read by every turn; set by set-up, and the counts by rx and tx. */
    alignas(64) uint16_t port_id;    /* DPDK's number of the NIC port. */
    uint16_t queue_id;               /* Of both directions. */
    uint16_t mtu_bytes;              /* IP packet size. */
    uint16_t rx_next;                /* First frame of rx[] that was not parsed. */
    uint16_t rx_count;               /* Frames in rx[]. */
    uint16_t rx_wire;                /* Of these, from the wire: those behind were handed over. */
    uint16_t lane_first;             /* Of the hand-over: to look at first. */
    uint16_t tx_count;               /* Packets in tx[]. */
    uint16_t tx_kept;                /* Of these, in the capture: what the driver left over. */
    uint16_t spare_count;            /* Buffers in spare[]. */
    bool tx_refused;                 /* The driver left something over at the last flush. */
    bool finished;                   /* net_finished() was called. */
    bool offload_ip;                 /* The NIC fills in the IPv4 header checksum. */
    bool offload_tcp;                /* And TCP's. */
    bool offload_udp;                /* And UDP's. */
    uint32_t rx_held;                /* Packets given out by net_rx and not freed. */
    uint32_t event_first;            /* Oldest event. */
    uint32_t event_count;            /* Events waiting. */
    struct rte_mempool *pool;        /* Of all its buffers. */
    struct handover *handover;       /* Between the NIC port's workers; NULL when there is one. */
    const struct steering *steering; /* Which of them a tuple belongs to. */
    struct net_begun begun;          /* At most one. */
    uint64_t turn_ns;                /* Of the last net_tick(). */
    uint64_t rx_since_ns;            /* What is in rx[] arrived after that. */
    uint64_t conflict_ns;            /* No conflict event before this. */
    uint32_t group_count;            /* Groups in use. */

    struct net_counters counters;
    struct rte_mbuf *rx[NET_RX_MAX];         /* Frames of the last poll. */
    struct rte_mbuf *tx[NET_TX_PLACES];      /* To be sent, in order. */
    struct rte_mbuf *spare[NET_TX_SPARE];    /* Empty buffers for what is to be sent. */
    struct net_event events[NET_EVENTS_MAX]; /* A ring. */

    struct frame_rules rules; /* What may come in; the port's MAC and VLAN. */
    struct own own;           /* Addresses that we answer for. */
    struct pmtu pmtu;         /* Path MTUs. */
    struct hash_key hash_key; /* For the choice of next hops and flow labels. */
    struct hop_table hops;    /* Next hops. */
    struct net_group groups[NET_GROUPS_MAX];

    struct net_impair *impair; /* What makes the network bad; NULL: nothing does. */
    struct net_stamps *stamps; /* Arrivals by the NIC's clock; NULL: it does not stamp. */
    struct net_timed *timed;   /* For the NIC to send on time; NULL: it does not. */
    struct capture *capture;   /* Keeps the last packets; NULL: nobody asked for it. */
    struct net_device *device; /* The NIC port that it is a queue of. */
};

/* Take a spare buffer for an answer or probe with BYTES of frame; NULL (counted) without room. */
uint8_t *net_answer_begin(struct net_port *port, uint32_t bytes, struct rte_mbuf **mbuf);
/* Queue it. */
void net_answer_commit(struct net_port *port, struct rte_mbuf *mbuf);
/* Finish the begun packet, which the caller puts into a queue. */
struct rte_mbuf *net_tx_finish(struct net_port *port);
/* COUNT packets that are to be the driver's: to the capture, which is there. */
void net_keep_sent(struct net_port *port, struct rte_mbuf *const mbufs[], uint16_t count);
/* Append to the event queue, or count it as lost. */
void net_event_add(struct net_port *port, const struct net_event *event);

/* net_answer.c: what ends here. A frame that was HANDED over has been answered, and only tells of a
 * next hop. The first two return true when it did tell: other workers must hear it too. */
bool net_answer_arp(struct net_port *port, const struct frame *frame, bool handed, uint64_t now_ns);
bool net_answer_nd(struct net_port *port, const struct frame *frame, bool handed, uint64_t now_ns);
void net_answer_echo(struct net_port *port, const struct frame *frame);
void net_answer_probe(struct net_port *port, const struct hop_probe *probe);

static inline void net_count_drop(struct net_port *port, enum net_drop drop)
{
    port->counters.drops[drop]++;
}

#endif
