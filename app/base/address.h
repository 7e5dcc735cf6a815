/* address.h - IP addresses, prefixes and 5-tuples, one shape for IPv4 and IPv6.
 *
 * An IPv4 address is held as the IPv4-mapped IPv6 address ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so
 * that tables and comparisons need no family. Bytes are in network order; ports are in host order.
 *
 * Threads: pure values. Parsing and printing are for the slow path.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

enum {
    ADDRESS_TEXT_BYTES = 48,
    PREFIX_TEXT_BYTES = 52,
    TUPLE_TEXT_BYTES = 120
};

struct address {
    uint8_t bytes[16]; /* Network order; IPv4 in the last four, after ::ffff. */
};

struct prefix {
    struct address address; /* Host bits are zero. */
    uint8_t length_bits;    /* 0..128 of the 16 bytes: an IPv4 /24 is 96 + 24. */
};

/* As the appliance sees it: local is ours, remote is the target. */
struct tuple {
    struct address local;
    struct address remote;
    uint16_t local_port;
    uint16_t remote_port;
    uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP. */
    uint8_t zero[3];  /* Padding that is hashed: always 0. */
};
static_assert(sizeof(struct tuple) == 40, "no padding that is not hashed");

static inline bool address_is_v4(const struct address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

/* Of an IPv4 address its four bytes, as they are. */
static inline uint32_t address_v4_word(const struct address *address)
{
    uint32_t word;
    memcpy(&word, address->bytes + 12, sizeof(word));
    return word;
}

static inline bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The bits in which the I-th 64 of two tuples differ. */
static inline uint64_t tuple_differs(const struct tuple *a, const struct tuple *b, unsigned i)
{
    uint64_t x, y;
    memcpy(&x, (const uint8_t *)a + i * sizeof(x), sizeof(x));
    memcpy(&y, (const uint8_t *)b + i * sizeof(y), sizeof(y));
    return x ^ y;
}

/* By words, without a branch for each: compilers leave a memcmp of 40 bytes to the C library, and
 * a loop as it is. */
static inline bool tuple_equal(const struct tuple *a, const struct tuple *b)
{
    return (tuple_differs(a, b, 0) | tuple_differs(a, b, 1) | tuple_differs(a, b, 2) |
            tuple_differs(a, b, 3) | tuple_differs(a, b, 4)) == 0;
}

static inline struct address address_from_v4(const uint8_t bytes[4])
{
    static const uint8_t mapped[8] = {[2] = 0xff, [3] = 0xff};
    struct address address;
    uint64_t half = 0;
    memcpy(address.bytes, &half, sizeof(half));
    memcpy(&half, mapped, sizeof(half));
    memcpy((uint8_t *)&half + 4, bytes, 4);
    memcpy(address.bytes + 8, &half, sizeof(half));
    return address;
}

static inline struct address address_from_v6(const uint8_t bytes[16])
{
    struct address address;
    memcpy(address.bytes, bytes, 16);
    return address;
}

/* The address N further on (host order arithmetic on the last 8 bytes; IPv4: the last 4). */
struct address address_plus(struct address address, uint64_t n);
bool prefix_contains(const struct prefix *prefix, const struct address *address);
/* Addresses in it, saturated at UINT64_MAX. */
uint64_t prefix_size(const struct prefix *prefix);

/* "10.0.0.1" or "2001:db8::1". 0 or -EINVAL with ERR. */
int address_parse(const char *text, struct address *out, struct error *err);
/* "10.0.0.0/24"; an address alone is a prefix of full length; set host bits are refused. */
int prefix_parse(const char *text, struct prefix *out, struct error *err);
/* All print to OUT and return it. */
const char *address_text(const struct address *address, char out[ADDRESS_TEXT_BYTES]);
const char *prefix_text(const struct prefix *prefix, char out[PREFIX_TEXT_BYTES]);
/* "10.0.0.1:40000->10.9.0.1:5003", IPv6 in brackets. */
const char *tuple_text(const struct tuple *tuple, char out[TUPLE_TEXT_BYTES]);

#endif
