/* hash.h - SipHash-2-4 with a 128-bit key (ISNs by RFC 6528, flow tables against chosen input), a
 * quick one for choices of our own, Toeplitz (what a NIC's RSS computes) and CRC-32C (bodies).
 * Pure. Sources: Aumasson and Bernstein 2012; the Microsoft RSS specification and RFC 3720 B.4,
 * whose vectors the unit test holds. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0, k1;
};

uint64_t hash_sip(const struct hash_key *key, const void *bytes, size_t size);
/* Not for input that others choose: they could make it collide. A tenth of SipHash's cost. SIZE is
 * a multiple of 8. */
uint64_t hash_quick(const struct hash_key *key, const void *bytes, size_t size);
/* KEY has at least SIZE + 4 bytes. */
uint32_t hash_toeplitz(const uint8_t *key, const uint8_t *bytes, size_t size);
/* Go on from CRC, which is 0 at the beginning: the parts of a text one by one give what the whole
 * text gives. */
uint32_t hash_crc32c(uint32_t crc, const uint8_t *bytes, size_t size);

#endif
