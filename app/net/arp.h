/* arp.h - ARP over Ethernet for IPv4.
 *
 * Threads: pure. Sources: RFC 826, 5227 (probes and announcements), 3927 (2.4).
 */
#ifndef NET_ARP_H
#define NET_ARP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

enum {
    ARP_BYTES = 28
};

struct arp {
    bool request;          /* Else a reply. */
    uint8_t sender_mac[6]; /* A station's. */
    struct address sender; /* 0.0.0.0 in a probe for duplicates. */
    struct address target; /* Who is asked for; the sender itself in an announcement. */
};

/* False when malformed: cut short, not Ethernet/IPv4, an unknown operation, a sender MAC of a group
 * or zero, a sender address that no station has. */
bool arp_parse(const uint8_t *bytes, uint32_t size, struct arp *arp);

/* Write ARP_BYTES: ARP's request or reply; TARGET_MAC is NULL in a request. */
void arp_build(uint8_t *out, const struct arp *arp, const uint8_t *target_mac);

#endif
