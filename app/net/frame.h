/* frame.h - from the bytes of an Ethernet frame to a verified TCP, UDP, ICMP or ARP message.
 *
 * Everything is checked here, so that those behind need not: one VLAN tag if the port has one,
 * IPv4 (options are skipped; header checksum; total length against the frame), IPv6 with a bounded
 * chain of extension headers, no fragments, an answerable source, a destination of ours, the L4
 * header's own lengths, and the L4 checksum unless the NIC vouched for it.
 *
 * Threads: pure. Borrows the bytes; the result points into them. Sources: IEEE 802.1Q, RFC 791,
 * 1122 (3.2.1), 8200, 9293 (3.1), 768, 4443 (2.4).
 */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "net/drop.h"
#include "net/own.h"

enum frame_kind {
    FRAME_DROP, /* Only `drop` is set. */
    FRAME_TCP,
    FRAME_UDP,
    FRAME_ICMP, /* ICMP or ICMPv6. */
    FRAME_ARP   /* l4 is the ARP message; the addresses are not set. */
};

struct frame_rules {
    const struct own *own; /* Addresses that are ours. */
    uint8_t mac[6];        /* The port's. */
    uint16_t vlan_id;      /* 0: frames must come untagged (or priority-tagged). */
};

/* What the NIC has verified already. */
struct frame_checked {
    bool ip; /* IPv4 header checksum. */
    bool l4; /* TCP or UDP checksum. */
};

struct frame {
    enum frame_kind kind;
    enum net_drop drop;         /* Why, for FRAME_DROP. */
    bool ipv6;                  /* Else IPv4. */
    bool to_group;              /* Sent to a group or broadcast MAC. */
    bool checked_here;          /* A TCP or UDP checksum was verified in software. */
    uint8_t tos;                /* Traffic class. */
    uint8_t hop_limit;          /* TTL. */
    uint16_t l4_bytes;          /* Of l4. */
    const uint8_t *l4;          /* First byte behind the IP headers. */
    const uint8_t *mac;         /* Sender's MAC, in the frame. */
    struct address source;      /* IP source. */
    struct address destination; /* IP destination; ours, or for ICMPv6 perhaps a link's group. */
};

void frame_parse(const uint8_t *bytes, uint32_t size, const struct frame_rules *rules,
                 struct frame_checked checked, struct frame *frame);

#endif
