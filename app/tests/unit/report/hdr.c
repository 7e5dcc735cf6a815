/* The encoding of histograms against what HdrHistogram documents of it, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <zlib.h>

#include "report/hdr.h"

static struct hdr hdr;

/* Exact below 2048; then 1024 parts of each power of two. */
static void indexes(void **state)
{
    static const struct {
        uint64_t value;
        uint32_t index;
    } rows[] = {{0, 0},
                {1, 1},
                {1023, 1023},
                {1024, 1024},
                {2047, 2047},
                {2048, 2048},
                {2049, 2048},
                {2050, 2049},
                {4095, 3071},
                {4096, 3072},
                {4099, 3072},
                {4100, 3073},
                {UINT64_C(1) << 41, 31 * 1024 + 1024}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(hdr_index(rows[i].value), rows[i].index);
    assert_true(hdr_index(HDR_MAX_NS) < HDR_COUNTS);
}

static uint32_t be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* RFC 4648; returns the number of bytes. */
static size_t from_base64(const char *text, uint8_t *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t size = 0, count = 0;
    assert_int_equal(strlen(text) % 4, 0);
    for (; *text != '\0' && *text != '='; text++) {
        const char *digit = strchr(digits, *text);
        assert_non_null(digit);
        bits = bits << 6 | (uint32_t)(digit - digits);
        if (++count % 4 != 1)
            out[size++] = (uint8_t)(bits >> (count % 4 == 2 ? 4 : count % 4 == 3 ? 2 : 0));
    }
    return size;
}

/* Undo base64 and deflate, check the headers, and give the payload. */
static size_t payload_of(uint8_t *payload, size_t room)
{
    struct text text = {0};
    uint8_t packed[4096], plain[4096];
    uLongf size = sizeof(plain);
    assert_true(hdr_encode(&hdr, &text));
    size_t bytes = from_base64(text_str(&text), packed);
    assert_memory_equal(text_str(&text), "HISTFA", 6); /* As all logs of this version begin. */
    assert_int_equal(be32(packed), 0x1c849314);
    assert_int_equal(be32(packed + 4), bytes - 8);
    assert_int_equal(uncompress(plain, &size, packed + 8, bytes - 8), Z_OK);
    static const uint8_t header[] = {
        0x1c, 0x84, 0x93, 0x13, 0,    0,    0,    0,    /* Cookie, length: below. */
        0,    0,    0,    0,    0,    0,    0,    3,    /* Offset, digits. */
        0,    0,    0,    0,    0,    0,    0,    1,    /* Lowest value. */
        0,    0,    0x03, 0x46, 0x30, 0xb8, 0xa0, 0x00, /* Highest: an hour. */
        0x3f, 0xf0, 0,    0,    0,    0,    0,    0,    /* 1.0 */
    };
    assert_int_equal(be32(plain + 4), size - sizeof(header));
    memset(plain + 4, 0, 4);
    assert_memory_equal(plain, header, sizeof(header));
    size -= sizeof(header);
    assert_true(size <= room);
    memcpy(payload, plain + sizeof(header), size);
    text_free(&text);
    return size;
}

/* One 1 and three 5s: count 0 at 0, 1 at 1, three zeros, 3 at 5. */
static void counts_and_runs(void **state)
{
    static const uint8_t expected[] = {0x00, 0x02, 0x05, 0x06};
    uint8_t payload[64];
    (void)state;
    hdr_clear(&hdr);
    hdr_add(&hdr, 1);
    for (unsigned i = 0; i < 3; i++)
        hdr_add(&hdr, 5);
    assert_int_equal(payload_of(payload, sizeof(payload)), sizeof(expected));
    assert_memory_equal(payload, expected, sizeof(expected));
}

/* Counts of one, two and nine bytes. */
static void long_counts(void **state)
{
    static const uint8_t expected[] = {0x7e, 0x80, 0x01, 0xfe, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t payload[64];
    (void)state;
    hdr_clear(&hdr);
    hdr.counts[0] = 63;
    hdr.counts[1] = 64;
    hdr.counts[2] = INT64_MAX;
    hdr.total = 1;
    hdr.max_ns = 2;
    assert_int_equal(payload_of(payload, sizeof(payload)), sizeof(expected));
    assert_memory_equal(payload, expected, sizeof(expected));
}

static void nothing_and_too_much(void **state)
{
    uint8_t payload[64];
    (void)state;
    hdr_clear(&hdr);
    assert_int_equal(payload_of(payload, sizeof(payload)), 0);
    hdr_add(&hdr, UINT64_MAX);
    assert_true(hdr.max_ns == HDR_MAX_NS);
    assert_int_equal(hdr.counts[hdr_index(HDR_MAX_NS)], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indexes),
        cmocka_unit_test(counts_and_runs),
        cmocka_unit_test(long_counts),
        cmocka_unit_test(nothing_and_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
