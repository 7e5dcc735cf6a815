/* own.h - the addresses that a port answers for: client pools, its own, and a link-local one.
 *
 * Threads: filled by set-up, then read only. Full: own_add is false.
 */
#ifndef NET_OWN_H
#define NET_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

enum {
    OWN_MAX = 40
};

struct own {
    uint32_t count;                  /* Prefixes in use. */
    struct prefix prefixes[OWN_MAX]; /* Pools; single addresses are prefixes of 128 bits. */
    struct address ask_v4;           /* Source of ARP requests; zero when there is none. */
    struct address link_local;       /* Source of neighbour solicitations: fe80:: + EUI-64. */
};

bool own_add(struct own *own, const struct prefix *prefix);
bool own_add_address(struct own *own, const struct address *address);
bool own_contains(const struct own *own, const struct address *address);

/* The link-local address of MAC: RFC 4291 appendix A. */
struct address own_link_local(const uint8_t mac[6]);
/* The first address of PREFIX that a host may have: not an IPv4 network's own (all zero host bits)
 * and not IPv6's subnet-router anycast, unless the prefix is too short of addresses for that. */
struct address own_first_host(const struct prefix *prefix);

#endif
