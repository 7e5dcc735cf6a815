/* icmp.h - ICMP and ICMPv6 messages: errors that quote a packet of ours, and echo.
 *
 * An error is believed only if its checksum is right (the caller verified it), its quoted headers
 * are whole up to 8 bytes of TCP, UDP or an echo request, and the quoted source is one of ours (the
 * caller checks). The identifier of an echo stands in the place of our port; the target's is 0.
 * What TCP does with it is TCP's business: RFC 5927 wants the quoted sequence number in the window.
 *
 * Threads: pure. Sources: RFC 792, 1191, 4443, 1122 (3.2.2), 5927.
 */
#ifndef NET_ICMP_H
#define NET_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

enum {
    ICMP_HEADER_BYTES = 8
};

/* Types of echo messages: RFC 792, RFC 4443 4. */
enum {
    ICMP_V4_ECHO_REPLY = 0,
    ICMP_V4_ECHO = 8,
    ICMP_V6_ECHO = 128,
    ICMP_V6_ECHO_REPLY = 129
};

/* What an error says, the same for both families. */
enum icmp_kind {
    ICMP_NET_UNREACHABLE,   /* v4 codes 0, 6, 8, 11; v6 no route, beyond scope. */
    ICMP_HOST_UNREACHABLE,  /* v4 codes 1, 5, 7, 12; v6 address unreachable. */
    ICMP_PROTO_UNREACHABLE, /* v4 code 2; v6 parameter problem, next header. */
    ICMP_PORT_UNREACHABLE,  /* v4 code 3; v6 code 4: it means "refused" for UDP and a SYN. */
    ICMP_PROHIBITED,        /* v4 codes 9, 10, 13..15; v6 codes 1, 5, 6: a firewall. */
    ICMP_TOO_BIG,           /* v4 type 3 code 4; v6 type 2; mtu_bytes is set. */
    ICMP_TIME_EXCEEDED,     /* v4 type 11; v6 type 3. */
    ICMP_PARAMETER,         /* v4 type 12; v6 type 4 with other codes. */
    ICMP_KIND_COUNT
};

struct icmp_error {
    enum icmp_kind kind;
    uint8_t type;             /* As received. */
    uint8_t code;             /* As received. */
    uint32_t mtu_bytes;       /* Of the next link, for ICMP_TOO_BIG; 0: not told (old routers). */
    struct tuple quoted;      /* The packet that it is about; local is ours. */
    uint32_t quoted_seq;      /* TCP sequence number of the quoted segment; else 0. */
    uint32_t quoted_bytes;    /* Of the quoted packet's TCP, UDP or ICMP header and what follows, */
    const uint8_t *quoted_l4; /* as much as was quoted: within the message; 8 bytes at least. */
    struct address sender;    /* Who sent the error. */
};

enum icmp_verdict {
    ICMP_IS_ERROR,  /* ERROR is filled. */
    ICMP_IS_ECHO,   /* An echo request, to be answered. */
    ICMP_IS_REPLY,  /* An echo reply. */
    ICMP_IS_ND,     /* v6: a neighbour solicitation or advertisement: see nd.h. */
    ICMP_IS_OTHER,  /* Of a kind that is not used (redirects and router advertisements too). */
    ICMP_BAD_QUOTE, /* An error whose quoted packet is cut short or no TCP, UDP or echo request. */
};

/* Read BYTES of an ICMP message (at least ICMP_HEADER_BYTES, checksum verified) from SENDER.
 * IPV6 tells the family. ERROR is written only for ICMP_IS_ERROR. */
enum icmp_verdict icmp_parse(const uint8_t *icmp, uint32_t bytes, bool ipv6,
                             const struct address *sender, struct icmp_error *error);

/* "port-unreachable"; "?" when out of range. */
const char *icmp_kind_name(enum icmp_kind kind);

#endif
