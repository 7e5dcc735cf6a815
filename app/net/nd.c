#include "net/nd.h"

#include "net/checksum.h"
#include "net/wire.h"

enum {
    TYPE_SOLICITATION = 135,
    TYPE_ADVERTISEMENT = 136,
    HEADER_BYTES = 24,
    OPTION_SOURCE_MAC = 1,
    OPTION_TARGET_MAC = 2,
    FLAG_SOLICITED = 0x40,
    FLAG_OVERRIDE = 0x20
};

static bool read_options(const uint8_t *at, uint32_t bytes, struct nd *nd);

static bool is_group(const struct address *address)
{
    return address->bytes[0] == 0xff;
}

bool nd_parse(const uint8_t *icmp, uint32_t bytes, uint8_t hop_limit, const struct address *from,
              const struct address *to, struct nd *nd)
{
    static const struct address zero;
    if (bytes < HEADER_BYTES || hop_limit != ND_HOP_LIMIT || icmp[1] != 0)
        return false;
    struct nd found = {
        .solicitation = icmp[0] == TYPE_SOLICITATION,
        .target = address_from_v6(icmp + 8),
    };
    if (is_group(&found.target) || address_is_v4(&found.target))
        return false;
    if (!found.solicitation) {
        found.solicited = (icmp[4] & FLAG_SOLICITED) != 0;
        found.override = (icmp[4] & FLAG_OVERRIDE) != 0;
        if (found.solicited && is_group(to))
            return false;
    }
    if (!read_options(icmp + HEADER_BYTES, bytes - HEADER_BYTES, &found))
        return false;
    if (address_equal(from, &zero)) {
        /* Duplicate address detection: to the solicited-node group, and without the option. */
        const struct address group = nd_solicited_node(&found.target);
        if (!found.solicitation || found.has_mac || !address_equal(to, &group))
            return false;
    }
    *nd = found;
    return true;
}

static bool read_options(const uint8_t *at, uint32_t bytes, struct nd *nd)
{
    const uint8_t wanted = nd->solicitation ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
    while (bytes > 0) {
        if (bytes < 2 || at[1] == 0)
            return false;
        const uint32_t option_bytes = (uint32_t)at[1] * 8;
        if (option_bytes > bytes)
            return false;
        if (at[0] == wanted) {
            if (!wire_mac_is_station(at + 2))
                return false;
            nd->has_mac = true;
            memcpy(nd->mac, at + 2, WIRE_MAC_BYTES);
        }
        at += option_bytes;
        bytes -= option_bytes;
    }
    return true;
}

void nd_build(uint8_t *out, const struct nd *nd, const struct address *from,
              const struct address *to)
{
    memset(out, 0, ND_BYTES);
    out[0] = nd->solicitation ? TYPE_SOLICITATION : TYPE_ADVERTISEMENT;
    if (!nd->solicitation)
        out[4] =
            (uint8_t)((nd->solicited ? FLAG_SOLICITED : 0) | (nd->override ? FLAG_OVERRIDE : 0));
    memcpy(out + 8, nd->target.bytes, 16);
    out[24] = nd->solicitation ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
    out[25] = 1;
    memcpy(out + 26, nd->mac, WIRE_MAC_BYTES);
    const uint64_t sum = checksum_pseudo(from, to, WIRE_ICMPV6, ND_BYTES);
    wire_put16(out + 2, checksum_finish(checksum_add(sum, out, ND_BYTES)));
}

struct address nd_solicited_node(const struct address *address)
{
    struct address group = {{0xff, 0x02, [11] = 1, [12] = 0xff}};
    memcpy(&group.bytes[13], &address->bytes[13], 3);
    return group;
}

struct address nd_all_nodes(void)
{
    return (struct address){{0xff, 0x02, [15] = 1}};
}

void nd_group_mac(const struct address *group, uint8_t mac[6])
{
    mac[0] = 0x33;
    mac[1] = 0x33;
    memcpy(mac + 2, &group->bytes[12], 4);
}
