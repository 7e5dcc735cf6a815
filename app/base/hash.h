/* hash.h - SipHash-2-4 with a 128-bit key (ISNs by RFC 6528, flow tables against chosen input), a
 * quick one for choices of our own, a keyed one for places in tables, Toeplitz (what a NIC's RSS
 * computes) and CRC-32C (bodies). Pure. Sources: Aumasson and Bernstein 2012; Lemire and Kaser
 * 2014; the Microsoft RSS specification and RFC 3720 B.4, whose vectors the unit test holds. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0, k1;
};

enum {
    HASH_WORDS_MAX = 10
};

/* For hash_words(). */
struct hash_words_key {
    uint64_t sum;                   /* What a hash begins with. */
    uint64_t words[HASH_WORDS_MAX]; /* What each word is added to. */
};

uint64_t hash_sip(const struct hash_key *key, const void *bytes, size_t size);
/* Not for input that others choose: they could make it collide. A tenth of SipHash's cost. SIZE is
 * a multiple of 8. */
uint64_t hash_quick(const struct hash_key *key, const void *bytes, size_t size);
/* A key that nobody learns who does not have KEY. */
struct hash_words_key hash_words_key(const struct hash_key *key);
/* Of an even COUNT of words:
 *
 *     mix(top half of sum + (k1 + w1) (k2 + w2) + (k3 + w3) (k4 + w4) + ..  mod 2^64)
 *
 * Without mix(), which swaps 32-bit numbers, it is multilinear-HM, which is strongly universal: of
 * any two inputs chosen without the key the hashes are independent, each uniform, so a choice does
 * no better than chance. That holds while nobody is shown hashes: a few tell the key. mix()
 * scatters inputs in arithmetic progression, as ports are. */
static inline uint32_t hash_words(const struct hash_words_key *key, const uint32_t words[],
                                  unsigned count);
/* KEY has at least SIZE + 4 bytes. */
uint32_t hash_toeplitz(const uint8_t *key, const uint8_t *bytes, size_t size);
/* Go on from CRC, which is 0 at the beginning: the parts of a text one by one give what the whole
 * text gives. */
uint32_t hash_crc32c(uint32_t crc, const uint8_t *bytes, size_t size);

__attribute__((always_inline)) static inline uint32_t
hash_words(const struct hash_words_key *key, const uint32_t words[], unsigned count)
{
    uint64_t sum = key->sum;
    uint32_t mixed;

    for (unsigned i = 0; i < count; i += 2)
        sum += (key->words[i] + words[i]) * (key->words[i + 1] + words[i + 1]);
    mixed = (uint32_t)(sum >> 32);
    mixed = (mixed ^ mixed >> 16) * UINT32_C(0x85ebca6b); /* As MurmurHash3 ends. */
    mixed = (mixed ^ mixed >> 13) * UINT32_C(0xc2b2ae35);
    return mixed ^ mixed >> 16;
}

#endif
