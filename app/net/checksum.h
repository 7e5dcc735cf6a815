/* checksum.h - the Internet checksum (RFC 1071), in software.
 *
 *     checksum = ~(sum of all 16-bit words, carries added back in)
 *
 * Sums are kept in 64 bits unfolded and added in any order, so parts can be summed apart as long as
 * each begins at an even offset of the whole.
 *
 * Threads: pure.
 */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include <stdint.h>

#include "base/address.h"

/* SUM plus the words of SIZE bytes; an odd last byte counts as the high half of a word. */
uint64_t checksum_add(uint64_t sum, const void *bytes, uint32_t size);
/* The pseudo header's sum of TCP, UDP and ICMPv6: RFC 9293 3.1, 8200 8.1. */
uint64_t checksum_pseudo(const struct address *from, const struct address *to, uint8_t protocol,
                         uint32_t l4_bytes);
/* Folded to 16 bits, not inverted: what a NIC wants in the field of a packet it shall finish.
 * In host order: to be stored by wire_put16. */
uint16_t checksum_fold(uint64_t sum);

/* What belongs into the checksum field; 0 over whole, correct data (field included). */
static inline uint16_t checksum_finish(uint64_t sum)
{
    return (uint16_t)~checksum_fold(sum);
}

#endif
