/* header.h - writing Ethernet and IP headers.
 *
 * Threads: pure. Sources: IEEE 802.1Q, RFC 791, 6864 (ID 0 with "don't fragment"), 8200, 6437.
 */
#ifndef NET_HEADER_H
#define NET_HEADER_H

#include <stdint.h>

#include "base/address.h"
#include "net/checksum.h"
#include "net/wire.h"

struct header_ip {
    struct address source;
    struct address destination;
    uint32_t flow_label; /* IPv6 only. */
    uint8_t tos;         /* Traffic class. */
    uint8_t hop_limit;   /* TTL. */
    uint8_t protocol;    /* Of what follows. */
};

/* Write the Ethernet header, with a tag when VLAN_ID is not 0. Returns its size. */
static inline uint32_t header_ethernet(uint8_t *out, const uint8_t *to, const uint8_t *from,
                                       uint16_t vlan_id, uint16_t type)
{
    memcpy(out, to, WIRE_MAC_BYTES);
    memcpy(out + WIRE_MAC_BYTES, from, WIRE_MAC_BYTES);
    if (vlan_id == 0) {
        wire_put16(out + 12, type);
        return WIRE_ETHERNET_BYTES;
    }
    wire_put16(out + 12, WIRE_TYPE_VLAN);
    wire_put16(out + 14, vlan_id);
    wire_put16(out + 16, type);
    return WIRE_ETHERNET_BYTES + WIRE_VLAN_BYTES;
}

static inline uint32_t header_ip_bytes(const struct address *destination)
{
    return address_is_v4(destination) ? WIRE_IPV4_BYTES : WIRE_IPV6_BYTES;
}

uint32_t header_ipv6(uint8_t *out, const struct header_ip *ip, uint16_t l4_bytes);

/* Words as the machine reads them. The checksum is of these, not of the bytes just written: a load
 * of bytes that were stored one by one would wait until they are in the cache. */
static inline uint32_t header_ipv4(uint8_t *out, const struct header_ip *ip, uint16_t l4_bytes,
                                   bool without_checksum)
{
    const uint32_t source = address_v4_word(&ip->source);
    const uint32_t destination = address_v4_word(&ip->destination);
    const uint32_t first = htobe32(UINT32_C(0x45000000) | (uint32_t)ip->tos << 16 |
                                   (uint16_t)(WIRE_IPV4_BYTES + l4_bytes));
    const uint32_t second = htobe32(0x4000); /* ID 0; don't fragment. */
    const uint32_t third = htobe32((uint32_t)ip->hop_limit << 24 | (uint32_t)ip->protocol << 16);
    const uint64_t sum = (uint64_t)first + second + third + source + destination;
    wire_put_word(out, first);
    wire_put_word(out + 4, second);
    wire_put_word(out + 8, third | (without_checksum ? 0 : htobe32(checksum_finish(sum))));
    wire_put_word(out + 12, source);
    wire_put_word(out + 16, destination);
    return WIRE_IPV4_BYTES;
}

/* Write the IP header for L4_BYTES behind it; the IPv4 header's checksum is set unless
 * WITHOUT_CHECKSUM (then 0). Returns its size. */
static inline uint32_t header_ip(uint8_t *out, const struct header_ip *ip, uint16_t l4_bytes,
                                 bool without_checksum)
{
    if (address_is_v4(&ip->destination))
        return header_ipv4(out, ip, l4_bytes, without_checksum);
    return header_ipv6(out, ip, l4_bytes);
}

#endif
