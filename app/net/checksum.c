#include "net/checksum.h"

#include <string.h>

static inline uint64_t load64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
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

struct sum {
    uint64_t words;
    uint64_t carries; /* Of their additions. */
};

static inline void add64(struct sum *sum, const uint8_t *at)
{
    const uint64_t word = load64(at);
    sum->words += word;
    sum->carries += sum->words < word;
}

/* Sums do not mind the byte order (RFC 1071 2.B): words are added as the machine reads them, and
 * the folded sum is swapped once at the end. Nor do they mind the words' size (2.C), for 2^64 - 1
 * is a multiple of 2^16 - 1. */
uint64_t checksum_add(uint64_t sum, const void *bytes, uint32_t size)
{
    const uint8_t *at = bytes;
    struct sum all = {.words = sum};
    for (; size >= 32; size -= 32, at += 32) {
        add64(&all, at);
        add64(&all, at + 8);
        add64(&all, at + 16);
        add64(&all, at + 24);
    }
    for (; size >= 8; size -= 8, at += 8)
        add64(&all, at);
    return (all.words >> 32) + (uint32_t)all.words + all.carries + load_rest(at, size);
}
