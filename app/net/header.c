#include "net/header.h"

uint32_t header_ipv6(uint8_t *out, const struct header_ip *ip, uint16_t l4_bytes)
{
    wire_put32(out, UINT32_C(6) << 28 | (uint32_t)ip->tos << 20 | (ip->flow_label & 0xfffff));
    wire_put16(out + 4, l4_bytes);
    out[6] = ip->protocol;
    out[7] = ip->hop_limit;
    memcpy(out + 8, ip->source.bytes, 16);
    memcpy(out + 24, ip->destination.bytes, 16);
    return WIRE_IPV6_BYTES;
}
