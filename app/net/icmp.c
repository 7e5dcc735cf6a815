#include "net/icmp.h"

#include "net/extension.h"
#include "net/wire.h"

enum {
    V4_UNREACHABLE = 3,
    V4_TIME_EXCEEDED = 11,
    V4_PARAMETER = 12,
    V4_CODES = 16,
    V4_TOO_BIG_CODE = 4,
    V6_UNREACHABLE = 1,
    V6_TOO_BIG = 2,
    V6_TIME_EXCEEDED = 3,
    V6_PARAMETER = 4,
    V6_CODES = 8,
    V6_SOLICITATION = 135,
    V6_ADVERTISEMENT = 136,
    QUOTED_L4_BYTES = 8 /* The ports and, of TCP, the sequence number; an echo's identifier. */
};

static bool kind_of_v4(const uint8_t *icmp, struct icmp_error *error);
static bool kind_of_v6(const uint8_t *icmp, struct icmp_error *error);
static bool quote_v4(const uint8_t *quote, uint32_t bytes, struct icmp_error *error);
static bool quote_v6(const uint8_t *quote, uint32_t bytes, struct icmp_error *error);

enum icmp_verdict icmp_parse(const uint8_t *icmp, uint32_t bytes, bool ipv6,
                             const struct address *sender, struct icmp_error *error)
{
    const uint8_t type = icmp[0];
    if (type == (ipv6 ? ICMP_V6_ECHO : ICMP_V4_ECHO))
        return icmp[1] == 0 ? ICMP_IS_ECHO : ICMP_IS_OTHER;
    if (type == (ipv6 ? ICMP_V6_ECHO_REPLY : ICMP_V4_ECHO_REPLY))
        return icmp[1] == 0 ? ICMP_IS_REPLY : ICMP_IS_OTHER;
    if (ipv6 && (type == V6_SOLICITATION || type == V6_ADVERTISEMENT))
        return ICMP_IS_ND;

    struct icmp_error found = {.type = type, .code = icmp[1], .sender = *sender};
    if (!(ipv6 ? kind_of_v6(icmp, &found) : kind_of_v4(icmp, &found)))
        return ICMP_IS_OTHER;
    const uint8_t *quote = icmp + ICMP_HEADER_BYTES;
    const uint32_t quote_bytes = bytes - ICMP_HEADER_BYTES;
    if (!(ipv6 ? quote_v6(quote, quote_bytes, &found) : quote_v4(quote, quote_bytes, &found)))
        return ICMP_BAD_QUOTE;
    *error = found;
    return ICMP_IS_ERROR;
}

const char *icmp_kind_name(enum icmp_kind kind)
{
    static const char *const names[ICMP_KIND_COUNT] = {
        [ICMP_NET_UNREACHABLE] = "net-unreachable",
        [ICMP_HOST_UNREACHABLE] = "host-unreachable",
        [ICMP_PROTO_UNREACHABLE] = "proto-unreachable",
        [ICMP_PORT_UNREACHABLE] = "port-unreachable",
        [ICMP_PROHIBITED] = "prohibited",
        [ICMP_TOO_BIG] = "too-big",
        [ICMP_TIME_EXCEEDED] = "time-exceeded",
        [ICMP_PARAMETER] = "parameter-problem",
    };
    return (unsigned)kind < ICMP_KIND_COUNT ? names[kind] : "?";
}

/* RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1. */
static bool kind_of_v4(const uint8_t *icmp, struct icmp_error *error)
{
    static const enum icmp_kind by_code[V4_CODES] = {
        ICMP_NET_UNREACHABLE,  ICMP_HOST_UNREACHABLE, ICMP_PROTO_UNREACHABLE, ICMP_PORT_UNREACHABLE,
        ICMP_TOO_BIG,          ICMP_HOST_UNREACHABLE, ICMP_NET_UNREACHABLE,   ICMP_HOST_UNREACHABLE,
        ICMP_NET_UNREACHABLE,  ICMP_PROHIBITED,       ICMP_PROHIBITED,        ICMP_NET_UNREACHABLE,
        ICMP_HOST_UNREACHABLE, ICMP_PROHIBITED,       ICMP_PROHIBITED,        ICMP_PROHIBITED,
    };
    switch (error->type) {
    case V4_UNREACHABLE:
        if (error->code >= V4_CODES)
            return false;
        error->kind = by_code[error->code];
        if (error->code == V4_TOO_BIG_CODE)
            error->mtu_bytes = wire_get16(icmp + 6); /* RFC 1191 4. */
        return true;
    case V4_TIME_EXCEEDED: error->kind = ICMP_TIME_EXCEEDED; return true;
    case V4_PARAMETER: error->kind = ICMP_PARAMETER; return true;
    default: return false;
    }
}

/* RFC 4443 3. */
static bool kind_of_v6(const uint8_t *icmp, struct icmp_error *error)
{
    static const enum icmp_kind by_code[V6_CODES] = {
        ICMP_NET_UNREACHABLE,  ICMP_PROHIBITED, ICMP_NET_UNREACHABLE, ICMP_HOST_UNREACHABLE,
        ICMP_PORT_UNREACHABLE, ICMP_PROHIBITED, ICMP_PROHIBITED,      ICMP_NET_UNREACHABLE,
    };
    switch (error->type) {
    case V6_UNREACHABLE:
        if (error->code >= V6_CODES)
            return false;
        error->kind = by_code[error->code];
        return true;
    case V6_TOO_BIG:
        error->kind = ICMP_TOO_BIG;
        error->mtu_bytes = wire_get32(icmp + 4);
        return true;
    case V6_TIME_EXCEEDED: error->kind = ICMP_TIME_EXCEEDED; return true;
    case V6_PARAMETER:
        error->kind = error->code == 1 ? ICMP_PROTO_UNREACHABLE : ICMP_PARAMETER;
        return true;
    default: return false;
    }
}

static bool quote_echo(const uint8_t *l4, uint8_t type, struct icmp_error *error)
{
    if (l4[0] != type)
        return false;
    error->quoted.local_port = wire_get16(l4 + 4);
    return true;
}

/* Ports and sequence number from the first 8 bytes of a quoted header; BYTES of it are there. */
static bool quote_l4(const uint8_t *l4, uint32_t bytes, uint8_t protocol, struct icmp_error *error)
{
    error->quoted.protocol = protocol;
    error->quoted_l4 = l4;
    error->quoted_bytes = bytes;
    if (protocol == WIRE_ICMP || protocol == WIRE_ICMPV6)
        return quote_echo(l4, protocol == WIRE_ICMP ? ICMP_V4_ECHO : ICMP_V6_ECHO, error);
    error->quoted.local_port = wire_get16(l4);
    error->quoted.remote_port = wire_get16(l4 + 2);
    if (protocol == WIRE_TCP)
        error->quoted_seq = wire_get32(l4 + 4);
    return protocol == WIRE_TCP || protocol == WIRE_UDP;
}

static bool quote_v4(const uint8_t *quote, uint32_t bytes, struct icmp_error *error)
{
    if (bytes < WIRE_IPV4_BYTES || quote[0] >> 4 != 4)
        return false;
    const uint32_t header_bytes = (uint32_t)(quote[0] & 15) * 4;
    if (header_bytes < WIRE_IPV4_BYTES || bytes < header_bytes + QUOTED_L4_BYTES)
        return false;
    if ((wire_get16(quote + 6) & 0x1fff) != 0)
        return false; /* A later fragment: no ports in it. */
    error->quoted.local = address_from_v4(quote + 12);
    error->quoted.remote = address_from_v4(quote + 16);
    return quote[9] != WIRE_ICMPV6 &&
           quote_l4(quote + header_bytes, bytes - header_bytes, quote[9], error);
}

static bool quote_v6(const uint8_t *quote, uint32_t bytes, struct icmp_error *error)
{
    if (bytes < WIRE_IPV6_BYTES || quote[0] >> 4 != 6)
        return false;
    uint8_t protocol = quote[6];
    uint32_t offset;
    const uint8_t *payload = quote + WIRE_IPV6_BYTES;
    const uint32_t payload_bytes = bytes - WIRE_IPV6_BYTES;
    if (extension_skip(payload, payload_bytes, &protocol, &offset) != EXTENSION_DONE)
        return false;
    if (payload_bytes - offset < QUOTED_L4_BYTES)
        return false;
    error->quoted.local = address_from_v6(quote + 8);
    error->quoted.remote = address_from_v6(quote + 24);
    if (address_is_v4(&error->quoted.local) || address_is_v4(&error->quoted.remote))
        return false; /* Mapped ones would pass for IPv4's. */
    return protocol != WIRE_ICMP &&
           quote_l4(payload + offset, payload_bytes - offset, protocol, error);
}
