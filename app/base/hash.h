/* hash.h - SipHash-2-4 with a 128-bit key (ISNs by RFC 6528, flow tables against chosen input) and
 * Toeplitz (what a NIC's RSS computes). Pure. Sources: Aumasson and Bernstein 2012; the Microsoft
 * RSS specification, whose test vectors the unit test holds. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0, k1;
};

uint64_t hash_sip(const struct hash_key *key, const void *bytes, size_t size);
/* KEY has at least SIZE + 4 bytes. */
uint32_t hash_toeplitz(const uint8_t *key, const uint8_t *bytes, size_t size);

#endif
