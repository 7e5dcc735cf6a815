/* The part of it that workers use; parsing and printing are in address_text.c. */
#include "base/address.h"

static uint64_t load_be(const uint8_t *bytes, unsigned count);
static void store_be(uint8_t *bytes, unsigned count, uint64_t value);

struct address address_plus(struct address address, uint64_t n)
{
    unsigned count = address_is_v4(&address) ? 4 : 8;
    uint8_t *low = address.bytes + 16 - count;

    store_be(low, count, load_be(low, count) + n);
    return address;
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
    unsigned whole = prefix->length_bits / 8;
    unsigned rest = prefix->length_bits % 8;

    if (memcmp(prefix->address.bytes, address->bytes, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    return (prefix->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

uint64_t prefix_size(const struct prefix *prefix)
{
    unsigned host_bits = 128u - prefix->length_bits;

    return host_bits >= 64 ? UINT64_MAX : UINT64_C(1) << host_bits;
}

static uint64_t load_be(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void store_be(uint8_t *bytes, unsigned count, uint64_t value)
{
    for (unsigned i = count; i-- > 0; value >>= 8)
        bytes[i] = (uint8_t)value;
}
