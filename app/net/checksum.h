/* checksum.h - the Internet checksum (RFC 1071), in software.
 *
 *     checksum = ~(sum of all 16-bit words, carries added back in)
 *
 * Sums are kept in 64 bits unfolded and added in any order, so parts can be summed apart as long as
 * each begins at an even offset of the whole. A sum given back here is below 2^34.
 *
 * Threads: pure.
 */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "base/address.h"
#include "net/wire.h"

/* SUM plus the words of SIZE bytes; an odd last byte counts as the high half of a word. */
uint64_t checksum_add(uint64_t sum, const void *bytes, uint32_t size);
/* The word, or pair of words, at AT: to be added to a sum. */
static inline uint32_t checksum_word(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* Write VALUE in network order. Returns what it adds to a sum: known from the number, and not from
 * the bytes just written, which a load would wait for. */
static inline uint64_t checksum_put64(uint8_t *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof(value));
    return (value >> 32) + (uint32_t)value;
}

/* The pseudo header's sum of TCP and UDP over IPv4 (RFC 9293 3.1), the addresses being as the
 * machine reads them. */
static inline uint64_t checksum_pseudo_v4(uint32_t from, uint32_t to, uint8_t protocol,
                                          uint32_t l4_bytes)
{
    return (uint64_t)from + to + htobe32(l4_bytes + protocol); /* As good as each of them. */
}

/* Of TCP, UDP and ICMPv6: RFC 9293 3.1, 8200 8.1. Both addresses are of one family. */
static inline uint64_t checksum_pseudo(const struct address *from, const struct address *to,
                                       uint8_t protocol, uint32_t l4_bytes)
{
    if (address_is_v4(from))
        return checksum_pseudo_v4(address_v4_word(from), address_v4_word(to), protocol, l4_bytes);
    const uint64_t sum =
        checksum_add(htobe32(l4_bytes + protocol), from->bytes, sizeof(from->bytes));
    return checksum_add(sum, to->bytes, sizeof(to->bytes));
}

/* Folded to 16 bits, not inverted: what a NIC wants in the field of a packet it shall finish.
 * In host order: to be stored by wire_put16. A number plus itself with its halves swapped has in
 * its high half the sum of both, with the carry of the low half added in. */
static inline uint16_t checksum_fold(uint64_t sum)
{
    sum += sum << 32 | sum >> 32;
    uint32_t half = (uint32_t)(sum >> 32);
    half += half << 16 | half >> 16;
    return be16toh((uint16_t)(half >> 16));
}

/* What belongs into the checksum field; 0 over whole, correct data (field included). */
static inline uint16_t checksum_finish(uint64_t sum)
{
    return (uint16_t)~checksum_fold(sum);
}

#endif
