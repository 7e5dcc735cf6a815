#include "net/header.h"

#include "net/checksum.h"

/* The checksum is of the numbers, not of the bytes just written: a load of bytes that were stored
 * one by one would wait until they are in the cache. */
static uint32_t header_ipv4(uint8_t *out, const struct header_ip *ip, uint16_t l4_bytes,
                            bool without_checksum)
{
    const uint32_t first =
        UINT32_C(0x45000000) | (uint32_t)ip->tos << 16 | (uint16_t)(WIRE_IPV4_BYTES + l4_bytes);
    const uint32_t second = 0x4000; /* ID 0; don't fragment. */
    const uint32_t third = (uint32_t)ip->hop_limit << 24 | (uint32_t)ip->protocol << 16;
    const uint32_t source = wire_get32(ip->source.bytes + 12);
    const uint32_t destination = wire_get32(ip->destination.bytes + 12);
    const uint64_t sum = (uint64_t)first + second + third + source + destination;
    wire_put32(out, first);
    wire_put32(out + 4, second);
    wire_put32(out + 8, third | (without_checksum ? 0u : checksum_finish_numbers(sum)));
    wire_put32(out + 12, source);
    wire_put32(out + 16, destination);
    return WIRE_IPV4_BYTES;
}

static uint32_t header_ipv6(uint8_t *out, const struct header_ip *ip, uint16_t l4_bytes)
{
    wire_put32(out, UINT32_C(6) << 28 | (uint32_t)ip->tos << 20 | (ip->flow_label & 0xfffff));
    wire_put16(out + 4, l4_bytes);
    out[6] = ip->protocol;
    out[7] = ip->hop_limit;
    memcpy(out + 8, ip->source.bytes, 16);
    memcpy(out + 24, ip->destination.bytes, 16);
    return WIRE_IPV6_BYTES;
}

uint32_t header_ip(uint8_t *out, const struct header_ip *ip, uint16_t l4_bytes,
                   bool without_checksum)
{
    if (address_is_v4(&ip->destination))
        return header_ipv4(out, ip, l4_bytes, without_checksum);
    return header_ipv6(out, ip, l4_bytes);
}
