#include "base/hash.h"

#include <string.h>

#include "base/wide.h"

static size_t crc32c_words(uint32_t *crc, const uint8_t *bytes, size_t size);
static uint32_t crc32c_byte(uint32_t crc, uint8_t byte);

uint64_t hash_sip(const struct hash_key *key, const void *bytes, size_t size)
{
    return hash_sip_here(key, bytes, size);
}

/* A product's halves folded: every bit of both numbers has a say in the middle ones. */
static inline uint64_t fold_product(uint64_t a, uint64_t b)
{
    wide_uint product = (wide_uint)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_quick(const struct hash_key *key, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    uint64_t hash = key->k0 ^ size;
    uint64_t words[2];
    for (; size >= sizeof(words); size -= sizeof(words), from += sizeof(words)) {
        memcpy(words, from, sizeof(words));
        hash = fold_product(hash ^ words[0], key->k1 ^ words[1]);
    }
    if (size != 0) {
        memcpy(words, from, sizeof(words[0]));
        hash = fold_product(hash ^ words[0], UINT64_C(0x9e3779b97f4a7c15));
    }
    return fold_product(hash, UINT64_C(0xd6e8feb86659fd93));
}

struct hash_words_key hash_words_key(const struct hash_key *key)
{
    struct hash_words_key out;
    uint8_t use[] = "words 0";

    out.sum = hash_sip(key, use, sizeof(use));
    for (unsigned i = 0; i < HASH_WORDS_MAX; i++) {
        use[sizeof(use) - 2]++;
        out.words[i] = hash_sip(key, use, sizeof(use));
    }
    return out;
}

uint32_t hash_toeplitz(const uint8_t *key, const uint8_t *bytes, size_t size)
{
    uint32_t window =
        (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
    uint32_t result = 0;

    for (size_t i = 0; i < size; i++) {
        for (int bit = 7; bit >= 0; bit--) {
            if (bytes[i] >> bit & 1)
                result ^= window;
            window = window << 1 | (key[i + 4] >> bit & 1);
        }
    }
    return result;
}

uint32_t hash_crc32c(uint32_t crc, const uint8_t *bytes, size_t size)
{
    crc = ~crc;
    for (size_t at = crc32c_words(&crc, bytes, size); at < size; at++)
        crc = crc32c_byte(crc, bytes[at]);
    return ~crc;
}

/* Whole words by the processor's instruction, where it has one: as many bytes as returned. */
#ifdef __x86_64__
/* DPDK needs a processor with SSE 4.2 anyway. */
__attribute__((target("sse4.2"))) static size_t crc32c_words(uint32_t *crc, const uint8_t *bytes,
                                                             size_t size)
{
    uint64_t value = *crc;
    size_t at = 0;
    for (; size - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof(word));
        value = __builtin_ia32_crc32di(value, word);
    }
    *crc = (uint32_t)value;
    return at;
}
#else
static size_t crc32c_words(uint32_t *crc, const uint8_t *bytes, size_t size)
{
    (void)crc, (void)bytes, (void)size;
    return 0;
}
#endif

/* Four bits at a time: entry i is i * x^28 modulo the polynomial, bits reversed. */
static uint32_t crc32c_byte(uint32_t crc, uint8_t byte)
{
    static const uint32_t nibbles[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    crc ^= byte;
    crc = crc >> 4 ^ nibbles[crc & 15];
    return crc >> 4 ^ nibbles[crc & 15];
}
