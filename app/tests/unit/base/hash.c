#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

/* From the reference implementation's table: key 00 01 .. 0f, input 00 01 .. of each length. */
static void siphash_vectors(void **state)
{
    static const struct {
        size_t size;
        uint8_t expected[8];
    } rows[] = {
        {0, {0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72}},
        {1, {0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74}},
        {2, {0x5a, 0x4f, 0xa9, 0xd9, 0x09, 0x80, 0x6c, 0x0d}},
        {3, {0x2d, 0x7e, 0xfb, 0xd7, 0x96, 0x66, 0x67, 0x85}},
        {7, {0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab}},
        {8, {0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93}},
        {15, {0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1}}, /* The paper's own example. */
        {63, {0x72, 0x45, 0x06, 0xeb, 0x4c, 0x32, 0x8a, 0x95}},
    };
    uint8_t input[64];
    struct hash_key key;

    (void)state;
    for (unsigned i = 0; i < sizeof(input); i++)
        input[i] = (uint8_t)i;
    memcpy(&key, input, sizeof(key));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t hash = hash_sip(&key, input, rows[i].size);

        assert_memory_equal(&hash, rows[i].expected, 8);
    }
}

static void siphash_depends_on_both_halves_of_the_key(void **state)
{
    struct hash_key a = {1, 2}, b = {1, 3}, c = {2, 2};

    (void)state;
    assert_true(hash_sip(&a, "x", 1) != hash_sip(&b, "x", 1));
    assert_true(hash_sip(&a, "x", 1) != hash_sip(&c, "x", 1));
}

/* The formula of hash.h, without and with the last step, which is MurmurHash3's: its fmix32(1) is known. */
static void words_are_hashed_by_the_formula(void **state)
{
    const struct hash_key key = {1, 2};
    struct hash_words_key of = {.sum = 0, .words = {UINT64_C(1) << 32, 1}};
    const uint32_t none[2] = {0}, words[4] = {7, 9, 11, 13};

    (void)state;
    assert_int_equal(hash_words(&of, none, 0), 0);
    assert_int_equal(hash_words(&of, none, 2), 0x514e28b7); /* fmix32(2^32 * 1 >> 32). */
    of = (struct hash_words_key){.words = {1, UINT64_C(1) << 32, 5, 0}};
    /* (1 + 7) 2^32 + 72 + (5 + 11) 13. */
    struct hash_words_key same = {.sum = (UINT64_C(8) << 32) + 72 + 208};
    assert_int_equal(hash_words(&of, words, 4), hash_words(&same, none, 0));
    assert_true(hash_words_key(&key).sum != hash_words_key(&key).words[0]);
    assert_true(hash_words_key(&key).words[9] != hash_words_key(&(struct hash_key){1, 3}).words[9]);
}

/* Neighbouring ports make an arithmetic progression, which a product alone puts into heaps for some
 * keys: 40000 in 512 slots, 78 in each on average. */
static void ports_in_a_row_are_scattered(void **state)
{
    enum {
        KEYS = 300,
        PORTS = 40000,
        SLOTS = 512
    };

    (void)state;
    for (uint64_t k = 1; k <= KEYS; k++) {
        const struct hash_words_key key = hash_words_key(&(struct hash_key){k, 99});
        unsigned counts[SLOTS] = {0}, most = 0;
        for (uint32_t port = 1; port <= PORTS; port++) {
            const uint32_t words[4] = {0x0100010a, 0x0100090a, port << 16 | 80, 0};
            unsigned *count = &counts[hash_words(&key, words, 4) / (UINT32_MAX / SLOTS + 1)];
            if (++*count > most)
                most = *count;
        }
        assert_true(most < 78 + 7 * 9); /* Standard deviations. */
    }
}

/* RFC 3720 B.4, and the check value of the CRC catalogues. */
static void crc32c_vectors(void **state)
{
    uint8_t zeros[32] = {0}, ones[32], rising[32], falling[32];

    (void)state;
    memset(ones, 0xff, sizeof(ones));
    for (unsigned i = 0; i < 32; i++) {
        rising[i] = (uint8_t)i;
        falling[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(hash_crc32c(0, zeros, 32), 0x8a9136aa);
    assert_int_equal(hash_crc32c(0, ones, 32), 0x62a8ab43);
    assert_int_equal(hash_crc32c(0, rising, 32), 0x46dd794e);
    assert_int_equal(hash_crc32c(0, falling, 32), 0x113fdb5c);
    assert_int_equal(hash_crc32c(0, (const uint8_t *)"123456789", 9), 0xe3069283);
    assert_int_equal(hash_crc32c(0, zeros, 0), 0);
}

/* Whole words and single bytes are reckoned in different ways. */
static void crc32c_does_not_depend_on_the_cut(void **state)
{
    const uint8_t text[] = "The quick brown fox jumps over the lazy dog";

    (void)state;
    for (size_t cut = 0; cut < sizeof(text); cut++) {
        uint32_t crc = hash_crc32c(0, text, cut);
        crc = hash_crc32c(crc, text + cut, sizeof(text) - cut);
        assert_int_equal(crc, hash_crc32c(0, text, sizeof(text)));
    }
}

/* 1000 values that differ in one byte fall evenly on 8 places, by the lowest bits and by the highest
 * ones, wherever the byte is; and each half of the key has a say. */
static void quick_hash_spreads_every_byte(void **state)
{
    const struct hash_key key = {UINT64_C(0x7365616d6c696e65), 0x5ea31e};
    const struct hash_key other[2] = {{key.k0 + 1, key.k1}, {key.k0, key.k1 + 1}};
    (void)state;
    for (unsigned at = 0; at + 1 < 40; at++) {
        uint8_t input[40] = {[10] = 0xff, [11] = 0xff, [26] = 0xff, [27] = 0xff};
        unsigned low[8] = {0}, high[8] = {0};
        for (unsigned i = 0; i < 1000; i++) {
            input[at] = (uint8_t)i;
            input[at + 1] = (uint8_t)(i >> 8);
            uint64_t hash = hash_quick(&key, input, sizeof(input));
            low[hash % 8]++;
            high[hash >> 61]++;
            assert_int_not_equal(hash, hash_quick(&other[0], input, sizeof(input)));
            assert_int_not_equal(hash, hash_quick(&other[1], input, sizeof(input)));
        }
        for (unsigned i = 0; i < 8; i++) { /* 125 expected, sigma 10.5. */
            assert_in_range(low[i], 70, 180);
            assert_in_range(high[i], 70, 180);
        }
    }
}

/* The Microsoft RSS specification, "Verifying the RSS hash calculation". */
static void toeplitz_vectors(void **state)
{
    static const uint8_t key[40] = {
        0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
        0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
        0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
    };
    static const struct {
        int family;
        const char *destination;
        uint16_t destination_port;
        const char *source;
        uint16_t source_port;
        uint32_t addresses_alone, with_ports;
    } rows[] = {
        {AF_INET, "161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178},
        {AF_INET, "65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea},
        {AF_INET, "12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a},
        {AF_INET, "209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f},
        {AF_INET, "202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2},
        {AF_INET6, "3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5,
         0x40207d3d},
        {AF_INET6, "ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c,
         0xdde51bbf},
        {AF_INET6, "fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251,
         0x4b61e985, 0x02d1feef},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t size = rows[i].family == AF_INET ? 4 : 16;
        uint16_t ports_be[2] = {htons(rows[i].source_port), htons(rows[i].destination_port)};
        uint8_t input[36];

        assert_int_equal(inet_pton(rows[i].family, rows[i].source, input), 1);
        assert_int_equal(inet_pton(rows[i].family, rows[i].destination, input + size), 1);
        memcpy(input + 2 * size, ports_be, 4);
        assert_int_equal(hash_toeplitz(key, input, 2 * size), rows[i].addresses_alone);
        assert_int_equal(hash_toeplitz(key, input, 2 * size + 4), rows[i].with_ports);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_vectors),
        cmocka_unit_test(siphash_depends_on_both_halves_of_the_key),
        cmocka_unit_test(quick_hash_spreads_every_byte),
        cmocka_unit_test(words_are_hashed_by_the_formula),
        cmocka_unit_test(ports_in_a_row_are_scattered),
        cmocka_unit_test(crc32c_vectors),
        cmocka_unit_test(crc32c_does_not_depend_on_the_cut),
        cmocka_unit_test(toeplitz_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
