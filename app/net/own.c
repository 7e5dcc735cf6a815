#include "net/own.h"

#include <string.h>

enum {
    V4_BITS_FIRST = 96 /* Before an IPv4 address in one of 16 bytes. */
};

bool own_add(struct own *own, const struct prefix *prefix)
{
    if (own->count == OWN_MAX)
        return false;
    struct own_range *range = &own->ranges[own->count++];
    uint8_t mask[sizeof(range->mask)] = {0};
    for (unsigned bit = 0; bit < prefix->length_bits; bit++)
        mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    memcpy(range->bits, prefix->address.bytes, sizeof(range->bits));
    memcpy(range->mask, mask, sizeof(range->mask));
    if (address_is_v4(&prefix->address) && prefix->length_bits >= V4_BITS_FIRST) {
        struct own_range_v4 *v4 = &own->ranges_v4[own->count_v4++];
        memcpy(&v4->bits, prefix->address.bytes + V4_BITS_FIRST / 8, sizeof(v4->bits));
        memcpy(&v4->mask, mask + V4_BITS_FIRST / 8, sizeof(v4->mask));
    }
    return true;
}

bool own_add_address(struct own *own, const struct address *address)
{
    const struct prefix prefix = {.address = *address, .length_bits = 128};
    return own_contains(own, address) || own_add(own, &prefix);
}

struct address own_link_local(const uint8_t mac[6])
{
    struct address address = {{0xfe, 0x80}};
    memcpy(&address.bytes[8], mac, 3);
    address.bytes[8] ^= 2; /* The universal/local bit is inverted. */
    address.bytes[11] = 0xff;
    address.bytes[12] = 0xfe;
    memcpy(&address.bytes[13], mac + 3, 3);
    return address;
}

struct address own_first_host(const struct prefix *prefix)
{
    if (prefix->length_bits >= 127)
        return prefix->address;
    return address_plus(prefix->address, 1);
}
