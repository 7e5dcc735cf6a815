/* own.h - the addresses that a port answers for: client pools, its own, and a link-local one.
 *
 * Threads: filled by set-up, then read only. Full: own_add is false.
 */
#ifndef NET_OWN_H
#define NET_OWN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/address.h"

enum {
    OWN_MAX = 40
};

/* A prefix as every received packet is held against it. */
struct own_range {
    uint64_t bits[2]; /* The address, as the machine reads it. */
    uint64_t mask[2]; /* Likewise: which bits of it count. */
};

/* The same of IPv4 alone. */
struct own_range_v4 {
    uint32_t bits, mask;
};

struct own {
    uint32_t count;                         /* Ranges in use. */
    uint32_t count_v4;                      /* Those of them that are of IPv4. */
    struct own_range ranges[OWN_MAX];       /* Pools; single addresses are ranges of one. */
    struct own_range_v4 ranges_v4[OWN_MAX]; /* Those of IPv4 again. */
    struct address ask_v4;                  /* Source of ARP requests; zero when there is none. */
    struct address link_local; /* Source of neighbour solicitations: fe80:: + EUI-64. */
};

bool own_add(struct own *own, const struct prefix *prefix);
bool own_add_address(struct own *own, const struct address *address);

static inline bool own_contains(const struct own *own, const struct address *address)
{
    uint64_t bits[2];
    memcpy(bits, address->bytes, sizeof(bits));
    for (uint32_t i = 0; i < own->count; i++) {
        const struct own_range *range = &own->ranges[i];
        if ((((bits[0] ^ range->bits[0]) & range->mask[0]) |
             ((bits[1] ^ range->bits[1]) & range->mask[1])) == 0)
            return true;
    }
    return false;
}

/* The same of an IPv4 address as the machine reads it. */
static inline bool own_contains_v4(const struct own *own, uint32_t address)
{
    for (uint32_t i = 0; i < own->count_v4; i++)
        if (((address ^ own->ranges_v4[i].bits) & own->ranges_v4[i].mask) == 0)
            return true;
    return false;
}

/* The link-local address of MAC: RFC 4291 appendix A. */
struct address own_link_local(const uint8_t mac[6]);
/* The first address of PREFIX that a host may have: not an IPv4 network's own (all zero host bits)
 * and not IPv6's subnet-router anycast, unless the prefix is too short of addresses for that. */
struct address own_first_host(const struct prefix *prefix);

#endif
