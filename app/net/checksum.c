#include "net/checksum.h"

#include <string.h>
#include <x86intrin.h>

static inline uint64_t load64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* SUM plus the four words at AT and the last carry, for which there is room: all ones with a carry
 * would need all ones with a carry before. */
static inline uint64_t add_four(uint64_t sum, const uint8_t *at)
{
    unsigned long long one, two, three, four;
    uint8_t carry = _addcarry_u64(0, sum, load64(at), &one);
    carry = _addcarry_u64(carry, one, load64(at + 8), &two);
    carry = _addcarry_u64(carry, two, load64(at + 16), &three);
    carry = _addcarry_u64(carry, three, load64(at + 24), &four);
    return four + carry;
}

/* Fewer than eight bytes. */
static inline uint64_t load_rest(const uint8_t *at, uint32_t size)
{
    uint64_t sum = 0;
    if (size & 4) {
        sum = checksum_word(at);
        at += 4;
    }
    uint16_t word = 0;
    if (size & 2) {
        memcpy(&word, at, sizeof(word));
        sum += word;
        at += 2;
    }
    word = 0;
    if (size & 1)
        memcpy(&word, at, 1); /* The byte behind it is 0. */
    return sum + word;
}

/* Sums do not mind the byte order (RFC 1071 2.B): words are added as the machine reads them, and
 * the folded sum is swapped once at the end. Nor do they mind the words' size (2.C), for 2^64 - 1
 * is a multiple of 2^16 - 1. */
uint64_t checksum_add(uint64_t sum, const void *bytes, uint32_t size)
{
    const uint8_t *at = bytes;
    uint64_t all = sum;
    for (; size >= 32; size -= 32, at += 32)
        all = add_four(all, at);
    for (; size >= 8; size -= 8, at += 8) {
        const uint64_t word = load64(at);
        all += word;
        all += all < word;
    }
    return (all >> 32) + (uint32_t)all + load_rest(at, size);
}
