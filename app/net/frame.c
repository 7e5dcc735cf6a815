#include "net/frame.h"

#include "net/checksum.h"
#include "net/extension.h"
#include "net/frame_expected.h"
#include "net/icmp.h"
#include "net/wire.h"

/* What is left to read: `at` and `bytes` behind what has been read. */
struct cursor {
    const uint8_t *at;
    uint32_t bytes;
};

static void parse_any(const uint8_t *bytes, uint32_t size, const struct frame_rules *rules,
                      struct frame_checked checked, struct frame *frame);
static enum net_drop read_ethernet(struct cursor *rest, const struct frame_rules *rules,
                                   struct frame *frame, uint16_t *type);
static enum net_drop read_ipv4(struct cursor *rest, struct frame_checked checked,
                               struct frame *frame, uint8_t *protocol);
static enum net_drop read_ipv6(struct cursor *rest, struct frame *frame, uint8_t *protocol);
static enum net_drop check_addresses(const struct frame_rules *rules, uint8_t protocol,
                                     const struct frame *frame);
static enum net_drop read_l4(struct cursor *rest, struct frame_checked checked, uint8_t protocol,
                             struct frame *frame);

/* No drop: the value behind the last reason. */
#define PASS NET_DROP_COUNT

void frame_parse(const uint8_t *bytes, uint32_t size, const struct frame_rules *rules,
                 struct frame_checked checked, struct frame *frame)
{
    if (!frame_parse_expected(bytes, size, rules, checked, frame))
        parse_any(bytes, size, rules, checked, frame);
}

/* Not for most frames. */
__attribute__((noinline)) static void parse_any(const uint8_t *bytes, uint32_t size,
                                                const struct frame_rules *rules,
                                                struct frame_checked checked, struct frame *frame)
{
    struct cursor rest = {bytes, size};
    uint16_t type = 0;
    uint8_t protocol = 0;

    *frame = (struct frame){.kind = FRAME_DROP};
    enum net_drop drop = read_ethernet(&rest, rules, frame, &type);
    if (drop == PASS && type == WIRE_TYPE_ARP) {
        frame->kind = FRAME_ARP;
        frame->l4 = rest.at;
        frame->l4_bytes = (uint16_t)(rest.bytes > UINT16_MAX ? UINT16_MAX : rest.bytes);
        return;
    }
    if (drop == PASS && type == WIRE_TYPE_IPV4)
        drop = read_ipv4(&rest, checked, frame, &protocol);
    else if (drop == PASS && type == WIRE_TYPE_IPV6)
        drop = read_ipv6(&rest, frame, &protocol);
    else if (drop == PASS)
        drop = NET_DROP_ETHERTYPE;
    if (drop == PASS)
        drop = check_addresses(rules, protocol, frame);
    if (drop == PASS)
        drop = read_l4(&rest, checked, protocol, frame);
    if (drop != PASS) {
        frame->kind = FRAME_DROP;
        frame->drop = drop;
    }
}

static void advance(struct cursor *rest, uint32_t bytes)
{
    rest->at += bytes;
    rest->bytes -= bytes;
}

static bool is_tag(uint16_t type)
{
    return type == WIRE_TYPE_VLAN || type == WIRE_TYPE_QINQ;
}

static enum net_drop read_ethernet(struct cursor *rest, const struct frame_rules *rules,
                                   struct frame *frame, uint16_t *type)
{
    if (rest->bytes < WIRE_ETHERNET_BYTES)
        return NET_DROP_SHORT;
    frame->to_group = (rest->at[0] & 1) != 0;
    if (!frame->to_group && !wire_mac_equal(rest->at, rules->mac))
        return NET_DROP_FOREIGN_MAC;
    frame->mac = rest->at + WIRE_MAC_BYTES;
    *type = wire_get16(rest->at + 12);
    advance(rest, WIRE_ETHERNET_BYTES);

    uint16_t vlan_id = 0;
    if (is_tag(*type)) {
        if (rest->bytes < WIRE_VLAN_BYTES)
            return NET_DROP_SHORT;
        vlan_id = wire_get16(rest->at) & 0xfff;
        *type = wire_get16(rest->at + 2);
        advance(rest, WIRE_VLAN_BYTES);
        if (is_tag(*type))
            return NET_DROP_VLAN_DOUBLE;
    }
    return vlan_id == rules->vlan_id ? PASS : NET_DROP_VLAN;
}

static bool ipv4_checksum_right(const uint8_t *ip, uint32_t header_bytes)
{
    uint64_t sum = (uint64_t)checksum_word(ip) + checksum_word(ip + 4) + checksum_word(ip + 8) +
                   checksum_word(ip + 12) + checksum_word(ip + 16);
    if (header_bytes > WIRE_IPV4_BYTES)
        sum = checksum_add(sum, ip + WIRE_IPV4_BYTES, header_bytes - WIRE_IPV4_BYTES);
    return checksum_finish(sum) == 0;
}

static enum net_drop read_ipv4(struct cursor *rest, struct frame_checked checked,
                               struct frame *frame, uint8_t *protocol)
{
    const uint8_t *ip = rest->at;
    if (rest->bytes < WIRE_IPV4_BYTES)
        return NET_DROP_SHORT;
    const uint32_t header_bytes = (uint32_t)(ip[0] & 15) * 4;
    if (ip[0] >> 4 != 4 || header_bytes < WIRE_IPV4_BYTES)
        return NET_DROP_IP_HEADER;
    const uint32_t total_bytes = wire_get16(ip + 2);
    if (total_bytes < header_bytes || total_bytes > rest->bytes)
        return NET_DROP_IP_LENGTH;
    if (!checked.ip && !ipv4_checksum_right(ip, header_bytes))
        return NET_DROP_IP_CHECKSUM;
    if ((wire_get16(ip + 6) & 0x3fff) != 0) /* More fragments, or an offset. */
        return NET_DROP_FRAGMENT;

    frame->tos = ip[1];
    frame->hop_limit = ip[8];
    frame->source = address_from_v4(ip + 12);
    frame->destination = address_from_v4(ip + 16);
    *protocol = ip[9];
    rest->bytes = total_bytes; /* What follows is Ethernet's padding. */
    advance(rest, header_bytes);
    return PASS;
}

static enum net_drop read_ipv6(struct cursor *rest, struct frame *frame, uint8_t *protocol)
{
    const uint8_t *ip = rest->at;
    if (rest->bytes < WIRE_IPV6_BYTES)
        return NET_DROP_SHORT;
    if (ip[0] >> 4 != 6)
        return NET_DROP_IP_HEADER;
    const uint32_t payload_bytes = wire_get16(ip + 4);
    if (payload_bytes > rest->bytes - WIRE_IPV6_BYTES)
        return NET_DROP_IP_LENGTH;

    frame->ipv6 = true;
    frame->tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
    frame->hop_limit = ip[7];
    frame->source = address_from_v6(ip + 8);
    frame->destination = address_from_v6(ip + 24);
    /* A mapped IPv4 address must not come in by IPv6: it would meet IPv4's tuples. */
    if (address_is_v4(&frame->source) || address_is_v4(&frame->destination))
        return NET_DROP_IP_ADDRESS;
    *protocol = ip[6];
    advance(rest, WIRE_IPV6_BYTES);
    rest->bytes = payload_bytes;

    uint32_t offset = 0;
    switch (extension_skip(rest->at, rest->bytes, protocol, &offset)) {
    case EXTENSION_DONE: break;
    case EXTENSION_FRAGMENT: return NET_DROP_FRAGMENT;
    case EXTENSION_BAD: return NET_DROP_IP_EXTENSIONS;
    }
    advance(rest, offset);
    return PASS;
}

/* An address that a single station can have: RFC 1122 3.2.1.3, RFC 4291 2.7. */
static bool is_station(const struct address *address, bool ipv6)
{
    const uint8_t *bytes = address->bytes;
    static const uint8_t loopback[16] = {[15] = 1};
    if (!ipv6)
        return frame_is_station_v4(bytes + 12);
    return bytes[0] != 0xff && memcmp(bytes, loopback, sizeof(loopback)) != 0;
}

static bool is_unspecified(const struct address *address)
{
    static const struct address zero;
    return address_equal(address, &zero);
}

static enum net_drop check_addresses(const struct frame_rules *rules, uint8_t protocol,
                                     const struct frame *frame)
{
    const bool icmpv6 = frame->ipv6 && protocol == WIRE_ICMPV6;
    /* Duplicate address detection asks from ::. */
    if (!is_station(&frame->source, frame->ipv6) ||
        (frame->ipv6 && !icmpv6 && is_unspecified(&frame->source)))
        return NET_DROP_IP_ADDRESS;
    if (own_contains(rules->own, &frame->source))
        return NET_DROP_IP_ADDRESS;
    if (icmpv6 && frame->destination.bytes[0] == 0xff)
        return PASS; /* Neighbour discovery goes to groups; nd.h looks at its target. */
    if (!own_contains(rules->own, &frame->destination))
        return NET_DROP_NOT_OURS;
    /* RFC 1122 3.3.6: not to be believed. */
    return frame->to_group && !icmpv6 ? NET_DROP_FOREIGN_MAC : PASS;
}

static bool l4_checksum_right(const struct cursor *rest, uint8_t protocol,
                              const struct frame *frame)
{
    const bool pseudo = protocol != WIRE_ICMP;
    const uint64_t sum =
        pseudo ? checksum_pseudo(&frame->source, &frame->destination, protocol, rest->bytes) : 0;
    return checksum_finish(checksum_add(sum, rest->at, rest->bytes)) == 0;
}

static enum net_drop read_tcp(struct cursor *rest, struct frame_checked checked,
                              struct frame *frame)
{
    if (rest->bytes < WIRE_TCP_BYTES)
        return NET_DROP_L4_SHORT;
    const uint32_t header_bytes = (uint32_t)(rest->at[12] >> 4) * 4;
    if (header_bytes < WIRE_TCP_BYTES || header_bytes > rest->bytes)
        return NET_DROP_L4_SHORT;
    frame->checked_here = !checked.l4;
    if (!checked.l4 && !l4_checksum_right(rest, WIRE_TCP, frame))
        return NET_DROP_L4_CHECKSUM;
    frame->kind = FRAME_TCP;
    return PASS;
}

static enum net_drop read_udp(struct cursor *rest, struct frame_checked checked,
                              struct frame *frame)
{
    if (rest->bytes < WIRE_UDP_BYTES)
        return NET_DROP_L4_SHORT;
    const uint32_t length = wire_get16(rest->at + 4);
    if (length < WIRE_UDP_BYTES || length > rest->bytes)
        return NET_DROP_L4_SHORT;
    rest->bytes = length;
    frame->kind = FRAME_UDP;
    if (wire_get16(rest->at + 6) == 0) /* Not computed: IPv4 allows it, RFC 8200 8.1 does not. */
        return frame->ipv6 ? NET_DROP_L4_CHECKSUM : PASS;
    frame->checked_here = !checked.l4;
    return checked.l4 || l4_checksum_right(rest, WIRE_UDP, frame) ? PASS : NET_DROP_L4_CHECKSUM;
}

static enum net_drop read_icmp(struct cursor *rest, uint8_t protocol, struct frame *frame)
{
    if (rest->bytes < ICMP_HEADER_BYTES)
        return NET_DROP_L4_SHORT;
    frame->kind = FRAME_ICMP;
    return l4_checksum_right(rest, protocol, frame) ? PASS : NET_DROP_L4_CHECKSUM;
}

static enum net_drop read_l4(struct cursor *rest, struct frame_checked checked, uint8_t protocol,
                             struct frame *frame)
{
    enum net_drop drop;
    if (protocol == WIRE_TCP)
        drop = read_tcp(rest, checked, frame);
    else if (protocol == WIRE_UDP)
        drop = read_udp(rest, checked, frame);
    else if (protocol == (frame->ipv6 ? WIRE_ICMPV6 : WIRE_ICMP))
        drop = read_icmp(rest, protocol, frame);
    else
        drop = NET_DROP_PROTOCOL;
    frame->l4 = rest->at;
    frame->l4_bytes = (uint16_t)rest->bytes;
    return drop;
}
