#include "report/hdr.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/base64.h"

enum {
    HEADER_BYTES = 40,
    NUMBER_BYTES = 9 /* A count at most. */
};

#define COOKIE 0x1c849313u
#define COOKIE_COMPRESSED 0x1c849314u

static size_t put_payload(const struct hdr *hdr, uint8_t *out);
static size_t put_number(int64_t number, uint8_t *out);
static void put_be(uint64_t value, unsigned bytes, uint8_t *out);

void hdr_clear(struct hdr *hdr)
{
    memset(hdr, 0, sizeof(*hdr));
}

void hdr_add(struct hdr *hdr, uint64_t value_ns)
{
    uint64_t value = value_ns < HDR_MAX_NS ? value_ns : HDR_MAX_NS;
    hdr->counts[hdr_index(value)]++;
    hdr->total++;
    if (value > hdr->max_ns)
        hdr->max_ns = value;
}

/* Bucket b > 0 has the values whose highest bit is b + 10, cut to 11 bits. */
uint32_t hdr_index(uint64_t value_ns)
{
    uint32_t bits = 64 - (uint32_t)__builtin_clzll(value_ns | (2 * HDR_HALF - 1));
    uint32_t bucket = bits - 11;
    return bucket * HDR_HALF + (uint32_t)(value_ns >> bucket);
}

bool hdr_encode(const struct hdr *hdr, struct text *out)
{
    size_t room = HEADER_BYTES + (size_t)HDR_COUNTS * NUMBER_BYTES;
    uLongf packed = compressBound(room);
    double ratio = 1.0;
    uint64_t ratio_bits;
    uint8_t *plain = malloc(room), *whole = malloc(8 + packed);
    bool good = plain != NULL && whole != NULL;
    if (good) {
        size_t payload = put_payload(hdr, plain + HEADER_BYTES);
        memcpy(&ratio_bits, &ratio, sizeof(ratio_bits));
        put_be(COOKIE, 4, plain);
        put_be(payload, 4, plain + 4);
        put_be(0, 4, plain + 8);
        put_be(HDR_DIGITS, 4, plain + 12);
        put_be(1, 8, plain + 16);
        put_be(HDR_MAX_NS, 8, plain + 24);
        put_be(ratio_bits, 8, plain + 32);
        good = compress(whole + 8, &packed, plain, HEADER_BYTES + payload) == Z_OK;
        put_be(COOKIE_COMPRESSED, 4, whole);
        put_be(packed, 4, whole + 4);
    }
    if (good)
        base64_add(out, whole, 8 + packed);
    free(plain);
    free(whole);
    return good && !out->failed;
}

static size_t put_payload(const struct hdr *hdr, uint8_t *out)
{
    uint32_t limit = hdr->total > 0 ? hdr_index(hdr->max_ns) + 1 : 0;
    size_t size = 0;
    for (uint32_t i = 0; i < limit;) {
        uint32_t zeros = 0;
        while (i + zeros < limit && hdr->counts[i + zeros] == 0)
            zeros++;
        if (zeros > 1)
            size += put_number(-(int64_t)zeros, out + size);
        else
            size += put_number((int64_t)hdr->counts[i], out + size);
        i += zeros > 1 ? zeros : 1;
    }
    return size;
}

/* Seven bits a byte, the lowest first, all but the last with the high bit; the ninth has eight. */
static size_t put_number(int64_t number, uint8_t *out)
{
    uint64_t left = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
    size_t size = 0;
    while (left > 0x7f && size < NUMBER_BYTES - 1) {
        out[size++] = (uint8_t)(left | 0x80);
        left >>= 7;
    }
    out[size++] = (uint8_t)left;
    return size;
}

static void put_be(uint64_t value, unsigned bytes, uint8_t *out)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}
