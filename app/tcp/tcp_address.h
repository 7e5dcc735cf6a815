/* tcp_address.h - the IPv6 addresses of connections, each kept once.
 *
 * A quiet connection is small: of an IPv6 address it has the number here, and an IPv4 address as it
 * is. Addresses are counted by use and found by a keyed hash.
 *
 * Threads: one owner. Memory: given by the caller, tcp_addresses_bytes() aligned to 64. Full:
 * tcp_addresses_take() returns 0.
 */
#ifndef TCP_TCP_ADDRESS_H
#define TCP_TCP_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/hash.h"
#include "tcp/tcp_table.h"

struct tcp_address_entry {
    struct address address;
    uint32_t uses; /* 0: free. */
    uint32_t next; /* Number of the next free one; 0: none. */
};

struct tcp_addresses {
    struct tcp_address_entry *entries; /* The one with number 1 first. */
    struct tcp_table table;            /* Hash of an address -> its number. */
    struct hash_key key;               /* Secret. */
    uint32_t free;                     /* Number of the first free one; 0: full. */
};

size_t tcp_addresses_bytes(uint32_t capacity);
void tcp_addresses_init(struct tcp_addresses *addresses, void *memory, uint32_t capacity,
                        const struct hash_key *key);
/* The number of ADDRESS, one use more; 0 when full. */
uint32_t tcp_addresses_take(struct tcp_addresses *addresses, const struct address *address);
/* One use less. */
void tcp_addresses_release(struct tcp_addresses *addresses, uint32_t number);

static inline const struct address *tcp_addresses_get(const struct tcp_addresses *addresses,
                                                      uint32_t number)
{
    return &addresses->entries[number - 1].address;
}

#endif
