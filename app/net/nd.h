/* nd.h - neighbour discovery: solicitations and advertisements.
 *
 * Router advertisements and redirects are not used: next hops are configured.
 *
 * Threads: pure. Sources: RFC 4861 (4.3, 4.4, 7.1), RFC 4862 (5.4).
 */
#ifndef NET_ND_H
#define NET_ND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

enum {
    ND_BYTES = 32,
    ND_HOP_LIMIT = 255
}; /* One message with its link-layer address option. */

struct nd {
    bool solicitation;     /* Else an advertisement. */
    bool solicited;        /* Advertisement: an answer to a solicitation of ours. */
    bool override;         /* Advertisement: replaces what is known. */
    bool has_mac;          /* The source (or target) link-layer address option is there. */
    uint8_t mac[6];        /* Its value. */
    struct address target; /* Who is asked for, or advertised. */
};

/* Read an ICMPv6 message (checksum verified) that is an NS or NA; FROM and TO are the IPv6 header's
 * addresses. False when RFC 4861 7.1 says to discard it. */
bool nd_parse(const uint8_t *icmp, uint32_t bytes, uint8_t hop_limit, const struct address *from,
              const struct address *to, struct nd *nd);

/* Write ND_BYTES with the checksum for FROM and TO. The option is always there. */
void nd_build(uint8_t *out, const struct nd *nd, const struct address *from,
              const struct address *to);

/* ff02::1:ffXX:XXXX of ADDRESS. */
struct address nd_solicited_node(const struct address *address);
/* ff02::1 */
struct address nd_all_nodes(void);
/* 33:33:XX:XX:XX:XX of an IPv6 group: RFC 2464 7. */
void nd_group_mac(const struct address *group, uint8_t mac[6]);

#endif
