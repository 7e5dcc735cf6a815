/* net.h - what a worker does with its queue of a NIC port.
 *
 * A struct net_port is one receive and one transmit queue of one NIC port, with its own buffers,
 * next hops and counters. A worker owns it alone. Workers that share a NIC port are told apart by
 * steering.h; what arrives at another worker's queue is given to it (handover.h), and comes out of
 * its net_rx as if it had arrived there. One turn of a worker:
 *
 *     net_poll(port);                                 // rx_burst
 *     now_ns = clock_now_ns(clock);                   // the turn's time
 *     n = net_rx(port, now_ns, packets, NET_RX_MAX);  // parse; ARP, ND and echo end here
 *     ... each packet to TCP or UDP, then net_free(port, &packets[i]) ...
 *     net_tick(port, now_ns);                         // next hops' probes
 *     room = net_tx_room(port);
 *     ... up to ROOM times: net_tx_begin, write the L4 header and payload, net_tx_commit ...
 *     sent_ns = clock_now_ns(clock);                  // the send stamp
 *     net_tx_flush(port);                             // tx_burst
 *     net_tx_timed_flush(port);                       // the same, of net_tx_commit_at()
 *     while (net_event(port, &event)) ...
 *
 * Received packets are verified whole: lengths, checksums, destination in a client pool. Addresses
 * and ports are given as the appliance sees them: local is ours.
 *
 * Transmission never loses a packet silently: what the driver refuses stays in the port, in order,
 * and the room is 0 until it is gone. Room counts buffers as well, so that a begin after a positive
 * room fails for an unresolved next hop only.
 *
 * Threads: all functions here are for the owning worker, but before launch and after the join the
 * control thread may call them (it polls so for next hops to resolve). Time: NOW_NS is run time and
 * never goes back. Memory: none is taken after net_port_open(), see net_setup.h. An mbuf belongs to
 * the packet until net_free().
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "net/drop.h"
#include "net/icmp.h"

struct rte_mbuf;

enum {
    NET_BURST = 32,        /* Frames that one net_poll takes from the wire at most, */
    NET_HANDED_BURST = 32, /* and from the other workers of the NIC port. */
    NET_RX_MAX = NET_BURST + NET_HANDED_BURST,
    NET_TX_QUEUE = 128,      /* Packets that wait for net_tx_flush at most: the largest room. */
    NET_HOPS_MAX = 256,      /* Next hops of a port. */
    NET_GROUPS_MAX = 64,     /* Next-hop groups of a port. */
    NET_GROUP_HOPS_MAX = 64, /* Next hops of a group. */
    NET_EVENTS_MAX = 256     /* Events that wait to be fetched; more are counted as lost. */
};

struct net_port; /* Opaque: see net_priv.h. */

/* ---- Receiving ---- */

enum net_kind {
    NET_TCP,
    NET_UDP,
    NET_ICMP_ERROR,
    NET_ECHO_REPLY /* Of ICMP or ICMPv6: the identifier is the tuple's local port; remote: 0. */
};

struct net_packet {
    enum net_kind kind;
    uint8_t ecn;         /* The two ECN bits of the IP header. */
    uint8_t hop_limit;   /* TTL or hop limit, as it arrived. */
    uint16_t l4_bytes;   /* From the TCP, UDP or ICMP header to the end of the IP packet. */
    const uint8_t *l4;   /* First byte of that header; valid until net_free(). */
    uint64_t arrival_ns; /* By the NIC's stamp; without one, NOW_NS of the net_rx that gave it. */
    uint64_t uncertainty_ns; /* It arrived within so long before arrival_ns. */
    struct rte_mbuf *mbuf;   /* Owner of the bytes. */
    struct tuple tuple;      /* For an ICMP error the same as error.quoted. */
    struct icmp_error error; /* For NET_ICMP_ERROR only: last, for most packets end before it. */
};

/* Take what has arrived (one rx_burst, and what other workers handed over) and keep it for net_rx.
 * Returns the number of frames that wait for net_rx now. Takes nothing while frames of an earlier
 * poll wait. */
uint16_t net_poll(struct net_port *port);

/* Parse what waits and give the packets of enum net_kind, at most MAX, as arrived by NOW_NS, the
 * time of the poll.
 * ARP, ND and echo requests are answered and end here; malformed frames are counted. Frames that
 * did not fit wait for the next call. Returns the number of packets in OUT; the caller owes each a
 * net_free(). */
uint16_t net_rx(struct net_port *port, uint64_t now_ns, struct net_packet out[], uint16_t max);

/* Frames that wait for net_rx: the next net_poll takes nothing if there are some. */
uint16_t net_rx_waiting(const struct net_port *port);

/* What the last net_poll took arrived after this: the time of the poll before (that of the last
 * net_tick), of this worker or of the one that handed it over. */
uint64_t net_rx_since(const struct net_port *port);

/* Give the packet's buffer back. Asserts that it is there; PACKET's pointers are cleared. */
void net_free(struct net_port *port, struct net_packet *packet);
/* Of COUNT packets, of which none was freed. */
void net_free_all(struct net_port *port, struct net_packet packets[], uint16_t count);

/* This worker needs nothing more from the wire. True when the same is so for all workers of the NIC
 * port: until then it goes on with its turns, for the others' frames may arrive at its queue. */
bool net_finished(struct net_port *port);

/* ---- Sending ---- */

/* How a connection's packets leave: made once by net_path(), kept by the connection (8 bytes). */
struct net_path {
    uint32_t flow_label; /* IPv6 flow label, of the 5-tuple's hash (RFC 6437); 20 bits. */
    uint16_t hop;        /* Index of the next hop: net_hop_state(). */
    uint8_t tos;         /* DSCP and ECN bits of the IP header; 0 unless the caller sets it. */
    uint8_t zero;        /* Padding. */
};

enum net_refusal {
    NET_SENT = 0,     /* Not refused. */
    NET_REFUSED_ROOM, /* No room: the driver refused earlier ones, or buffers are short. */
    NET_REFUSED_HOP,  /* The next hop is unresolved. */
    NET_REFUSED_SIZE  /* Larger than the port's MTU. */
};

/* The path of TUPLE by GROUP: the next hop is chosen by the 5-tuple's hash. Never fails; whether
 * the hop is resolved is asked at each net_tx_begin. */
struct net_path net_path(const struct net_port *port, unsigned group, const struct tuple *tuple);

/* An ICMP error that quotes a packet to REMOTE told TOLD_BYTES (0: it did not say), and whoever
 * sent that packet believes it (RFC 5927): anybody can forge one whose addresses fit. */
void net_path_mtu_told(struct net_port *port, const struct address *remote, uint32_t told_bytes,
                       uint64_t now_ns);
/* IP packet size that fits on the way to REMOTE: the port's MTU or what was told so in the last 10
 * minutes. TCP's MSS is this - 40 (IPv4) or - 60. */
uint16_t net_path_mtu_bytes(const struct net_port *port, const struct address *remote,
                            uint64_t now_ns);

/* Packets that can be begun and committed now. Refills the port's spare buffers: ask once a turn,
 * or once a batch. 0 while the driver's refusals wait. */
uint16_t net_tx_room(struct net_port *port);

/* Begin a packet with L4_BYTES (header and payload) from TUPLE's local to its remote side. Returns
 * where its L4 header goes: L4_BYTES to be written in full by the caller, checksum field included
 * (with anything: commit sets it; ports and lengths are the caller's). NULL with *WHY (which may be
 * NULL) set when it cannot be. A begin without commit is dropped by the next begin. */
uint8_t *net_tx_begin(struct net_port *port, const struct net_path *path, const struct tuple *tuple,
                      uint16_t l4_bytes, enum net_refusal *why);

/* The begun packet is written: put it last in the queue. */
void net_tx_commit(struct net_port *port);

/* The same, for one who knows the sum of what it wrote: SUM is checksum_add()'s of the first BYTES
 * from the L4 header on, an even number or all, with 0 in the checksum field. It saves a pass over
 * them, and the wait for bytes that were stored one by one until they are in the cache. */
void net_tx_commit_summed(struct net_port *port, uint64_t sum, uint16_t bytes);

/* Where the NIC sends on time, a packet may be committed so long before its time; 0: it may not
 * now, for there is no such NIC, or its clock is not known well enough. */
uint64_t net_tx_ahead_ns(const struct net_port *port);
/* Packets for which net_tx_commit_at() has room, beside net_tx_room(). */
uint16_t net_tx_timed_room(const struct net_port *port);
/* Finish the begun packet, for the NIC to send at AT_NS: not long before, see net_tx_ahead_ns().
 * The order is that of commits: one whose time is before another's waits for that. One that is
 * handed over after its time leaves at once. */
void net_tx_commit_at(struct net_port *port, uint64_t at_ns);
/* Hand these to the driver, in order; returns how many it took. The rest stays. */
uint16_t net_tx_timed_flush(struct net_port *port);
/* Those that wait for it. */
uint16_t net_tx_timed_queued(const struct net_port *port);

/* Places in the queue for whole frames: 0 while the driver's refusals wait. */
uint16_t net_tx_frames_room(const struct net_port *port);

/* Whole frames, all headers written by the caller. Begin COUNT of them: FRAMES[i] is where the i-th
 * goes, with room for an Ethernet header and the port's MTU, and for 1600 bytes at least. Returns
 * how many were begun, 0 without room: these are to be committed next, all of them. */
uint16_t net_tx_frames(struct net_port *port, uint8_t *frames[], uint16_t count);

/* The COUNT frames that were begun are written, BYTES[i] of each, without FCS. */
void net_tx_frames_commit(struct net_port *port, const uint16_t bytes[], uint16_t count);

/* Hand the queue to the driver. Returns how many it took; the rest stays, in order. */
uint16_t net_tx_flush(struct net_port *port);

/* Packets that wait for net_tx_flush, answers and probes included. */
uint16_t net_tx_queued(const struct net_port *port);

/* ---- Next hops ---- */

enum net_hop_state {
    NET_HOP_IDLE,      /* Not asked for yet. */
    NET_HOP_ASKING,    /* Asked, no answer so far; nothing can be sent. */
    NET_HOP_RESOLVED,  /* Its MAC is known. */
    NET_HOP_CHECKING,  /* Known, and being asked again; packets are still sent to the known MAC. */
    NET_HOP_UNRESOLVED /* Did not answer; asked again at growing intervals. */
};

/* Send the due ARP and ND probes. Cheap when none is due. Once a turn, with the time of the last
 * net_poll: see net_rx_since(). */
void net_tick(struct net_port *port, uint64_t now_ns);

unsigned net_hop_count(const struct net_port *port);
enum net_hop_state net_hop_state(const struct net_port *port, unsigned hop);
/* Address of a hop, and its MAC when it has one (else zeros); MAC may be NULL. */
struct address net_hop_address(const struct net_port *port, unsigned hop, uint8_t mac[6]);
/* The MAC to send to now by HOP. False when it is unresolved. */
bool net_hop_mac(struct net_port *port, unsigned hop, uint8_t mac[6]);
/* "asking" and the like. */
const char *net_hop_state_name(enum net_hop_state state);

/* ---- Events ---- */

enum net_event_kind {
    NET_EVENT_RESOLVED,    /* A next hop answered (again); mac is its MAC. */
    NET_EVENT_UNRESOLVED,  /* A next hop does not answer. */
    NET_EVENT_MAC_CHANGED, /* A next hop has another MAC: old_mac, mac. */
    NET_EVENT_CONFLICT,    /* Another station claims one of our addresses: mac is the claimant's. */
    NET_EVENT_PATH_MTU,    /* The way to `address` takes packets up to mtu_bytes. */
    NET_EVENT_CLOCK        /* The NIC's clock was set: stamps of 100 ms before may be wrong. */
};

struct net_event {
    enum net_event_kind kind;
    uint64_t at_ns;         /* Run time when it was seen. */
    struct address address; /* Whom it is about. */
    uint8_t mac[6];         /* New or present MAC. */
    uint8_t old_mac[6];     /* For MAC_CHANGED. */
    uint16_t hop;           /* Index, for those about a next hop. */
    uint16_t mtu_bytes;     /* For PATH_MTU. */
};

/* Fetch the oldest event; false when there is none. */
bool net_event(struct net_port *port, struct net_event *event);
/* "mac-changed" and the like. */
const char *net_event_name(enum net_event_kind kind);

/* ---- Accounts ---- */

struct net_counters {
    uint64_t rx_frames;    /* From the driver. */
    uint64_t rx_bytes;     /* Of these frames, without FCS. */
    uint64_t rx_packets;   /* Given to the caller. */
    uint64_t tx_packets;   /* Taken by the driver, answers and probes included. */
    uint64_t tx_bytes;     /* Of these frames, without FCS. */
    uint64_t tx_refusals;  /* net_tx_flush calls of which the driver left something over. */
    uint64_t tx_no_buffer; /* Refills of spare buffers that got none. */
    uint64_t arp_answers;  /* ARP replies sent. */
    uint64_t nd_answers;   /* Neighbour advertisements sent. */
    uint64_t echo_answers; /* Echo replies sent. */
    uint64_t probes;       /* ARP requests and neighbour solicitations sent. */
    uint64_t icmp_errors;  /* ICMP errors given to the caller. */
    uint64_t handed_out;   /* Frames given to other workers of the NIC port. */
    uint64_t handed_in;    /* Frames taken from them. */
    uint64_t events_lost;  /* Events that found the queue full. */
    uint64_t rx_software_checksums; /* Packets whose checksum was verified here. */
    uint64_t rx_stamps;             /* Packets whose arrival the NIC's stamp told. */
    uint64_t
        clock_bound_ns; /* How far the NIC's clock may have been wrong for a packet, at most. */
    uint64_t rx_stamps_refused;     /* Stamps that cannot be: of the future, or too old. */
    uint64_t tx_timed;              /* Packets given to the NIC with the time to send them. */
    uint64_t clock_jumps;           /* Of the NIC's clock. */
    uint64_t clock_failures;        /* Times that it could not be read. */
    uint64_t drops[NET_DROP_COUNT]; /* By reason. */
};

/* Borrowed; written by the worker. A look from another thread may be torn between members. */
const struct net_counters *net_counters(const struct net_port *port);

/* Buffers that the caller still owes a net_free(), + frames polled and not yet taken, + a packet
 * begun and not committed. 0 at the end of a run. What waits for the driver is the port's: a driver
 * that takes nothing more, as one without a link, is told by tx_refusals; the close frees it. */
uint32_t net_buffers_held(const struct net_port *port);

/* Is ADDRESS one that this port answers for (a client pool's or the port's own)? A target must not
 * be. */
bool net_address_is_ours(const struct net_port *port, const struct address *address);
uint16_t net_mtu_bytes(const struct net_port *port);
void net_mac(const struct net_port *port, uint8_t mac[6]);

#endif
