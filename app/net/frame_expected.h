/* frame_expected.h - frames that come nearly always: TCP or UDP by IPv4 without options, untagged
 * and for us alone, with which nothing is amiss. For them this is a shorter way to the result of
 * frame_parse(), which begins with it, never to another: whatever is not expected takes the steps
 * of frame.c, and they find the name for what is wrong.
 *
 * A header, so that who wants a part of the result alone need not have all of it written down.
 *
 * Threads: pure, as frame.h.
 */
#ifndef NET_FRAME_EXPECTED_H
#define NET_FRAME_EXPECTED_H

#include "net/checksum.h"
#include "net/frame.h"
#include "net/wire.h"

/* An address that a single station can have (RFC 1122 3.2.1.3), as far as its first byte tells. */
static inline bool frame_is_station_v4(const uint8_t bytes[4])
{
    return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
}

/* The length and the header size that L4 tells are possible, and a checksum is there. */
static inline bool frame_l4_is_expected(const uint8_t *l4, uint32_t l4_bytes, uint8_t protocol)
{
    if (protocol == WIRE_UDP)
        return l4_bytes >= WIRE_UDP_BYTES && wire_get16(l4 + 4) == l4_bytes &&
               wire_get16(l4 + 6) != 0;
    if (protocol != WIRE_TCP || l4_bytes < WIRE_TCP_BYTES)
        return false;
    const uint32_t header_bytes = (uint32_t)(l4[12] >> 4) * 4;
    return header_bytes >= WIRE_TCP_BYTES && header_bytes <= l4_bytes;
}

/* False: it is not expected, and FRAME is untouched. */
static inline bool frame_parse_expected(const uint8_t *bytes, uint32_t size,
                                        const struct frame_rules *rules,
                                        struct frame_checked checked, struct frame *frame)
{
    const uint8_t *ip = bytes + WIRE_ETHERNET_BYTES, *l4 = ip + WIRE_IPV4_BYTES;
    if (size < WIRE_ETHERNET_BYTES + WIRE_IPV4_BYTES || rules->vlan_id != 0 ||
        !wire_mac_equal(bytes, rules->mac) || wire_get16(bytes + 12) != WIRE_TYPE_IPV4 ||
        ip[0] != (4 << 4 | WIRE_IPV4_BYTES / 4) || (wire_get16(ip + 6) & 0x3fff) != 0)
        return false;
    const uint32_t total_bytes = wire_get16(ip + 2), l4_bytes = total_bytes - WIRE_IPV4_BYTES;
    const uint8_t protocol = ip[9];
    if (total_bytes < WIRE_IPV4_BYTES || total_bytes > size - WIRE_ETHERNET_BYTES ||
        !frame_l4_is_expected(l4, l4_bytes, protocol))
        return false;

    const uint32_t source = checksum_word(ip + 12), destination = checksum_word(ip + 16);
    const uint64_t both = (uint64_t)source + destination;
    const uint64_t sum = both + checksum_word(ip) + checksum_word(ip + 4) + checksum_word(ip + 8);
    if (!frame_is_station_v4(ip + 12) || own_contains_v4(rules->own, source) ||
        !own_contains_v4(rules->own, destination) || (!checked.ip && checksum_finish(sum) != 0) ||
        (!checked.l4 &&
         checksum_finish(checksum_add(both + htobe32(l4_bytes + protocol), l4, l4_bytes)) != 0))
        return false;
    *frame = (struct frame){.kind = protocol == WIRE_TCP ? FRAME_TCP : FRAME_UDP,
                            .checked_here = !checked.l4,
                            .tos = ip[1],
                            .hop_limit = ip[8],
                            .l4_bytes = (uint16_t)l4_bytes,
                            .l4 = l4,
                            .mac = bytes + WIRE_MAC_BYTES,
                            .source = address_from_v4(ip + 12),
                            .destination = address_from_v4(ip + 16)};
    return true;
}

#endif
