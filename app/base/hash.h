/* hash.h - SipHash-2-4 with a 128-bit key (ISNs by RFC 6528, flow tables against chosen input), a
 * quick one for choices of our own, a keyed one for places in tables, Toeplitz (what a NIC's RSS
 * computes) and CRC-32C (bodies). Pure. Sources: Aumasson and Bernstein 2012; Lemire and Kaser
 * 2014; the Microsoft RSS specification and RFC 3720 B.4, whose vectors the unit test holds. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
/* The same without a call: where SIZE is a constant, nothing is left of its loops. */
static inline uint64_t hash_sip_here(const struct hash_key *key, const void *bytes, size_t size);
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

static inline uint64_t hash_rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

/* Always inline: the four words stay in registers. */
__attribute__((always_inline)) static inline void hash_sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = hash_rotate_left(v[1], 13) ^ v[0];
    v[3] = hash_rotate_left(v[3], 16) ^ v[2];
    v[0] = hash_rotate_left(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = hash_rotate_left(v[1], 17) ^ v[2];
    v[3] = hash_rotate_left(v[3], 21) ^ v[0];
    v[2] = hash_rotate_left(v[2], 32);
}

__attribute__((always_inline)) static inline uint64_t hash_sip_here(const struct hash_key *key,
                                                                    const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    uint64_t last = (uint64_t)size << 56;
    uint64_t v[4] = {
        key->k0 ^ UINT64_C(0x736f6d6570736575),
        key->k1 ^ UINT64_C(0x646f72616e646f6d),
        key->k0 ^ UINT64_C(0x6c7967656e657261),
        key->k1 ^ UINT64_C(0x7465646279746573),
    };

    for (; size >= 8; size -= 8, from += 8) {
        uint64_t word;

        memcpy(&word, from, sizeof(word)); /* Little-endian, as x86 is. */
        v[3] ^= word;
        hash_sip_round(v);
        hash_sip_round(v);
        v[0] ^= word;
    }
    size_t at = 0;
    if (size >= sizeof(uint32_t)) {
        uint32_t half;

        memcpy(&half, from, sizeof(half));
        last |= half;
        at = sizeof(half);
    }
    for (; at < size; at++)
        last |= (uint64_t)from[at] << (8 * at);
    v[3] ^= last;
    hash_sip_round(v);
    hash_sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (unsigned i = 0; i < 4; i++)
        hash_sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

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
