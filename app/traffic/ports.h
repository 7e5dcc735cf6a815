/* ports.h - the client side of 5-tuples: a sweep over addresses and ports.
 *
 * Slot i of n * m slots is address i mod n, port i / n. The sweep begins at a place drawn from
 * the seed and goes round; it skips slots in use and slots released less than the quarantine
 * ago, because a balancer may still remember them (IPVS and netfilter keep an ended connection
 * for about 120 s, and a client that comes back from the same port meets the old, dead pod).
 *
 * The quarantine ends with the process. Runs that follow each other begin at different places by
 * different seeds; with r ports used by the run before, of N, they meet with probability about r
 * / N.
 *
 * Of a NIC port that several workers share, each takes only what is its own by steering.h: port
 * numbers of its remainder (first and stride), or those whose answers the NIC brings to its queue.
 * The latter depends on the remote side, so a slot that is skipped for one target may do for
 * another; of n workers each finds 1 slot in n.
 *
 * Threads: one owner. Memory: 4 bytes a slot, given by the caller. Full: ports_take() refuses.
 */
#ifndef TRAFFIC_PORTS_H
#define TRAFFIC_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "net/steering.h"

enum {
    PORTS_LOOK = 256 /* Slots that one ports_take() looks at, at most: its bound of time. */
};

#define PORTS_NONE UINT32_MAX

struct ports {
    const struct address *addresses; /* address_count of them. Borrowed. */
    uint32_t *released; /* By slot: PORTS_FREE_EVER, PORTS_IN_USE, or when it was released, in ms of
                           run time (+ 1). */
    uint32_t address_count;
    uint32_t port_count; /* Of each address. */
    uint16_t port_first; /* Port number of the first. */
    uint16_t stride;     /* Distance between port numbers: workers that share addresses. */
    uint16_t worker;     /* Whose they are, in `steering`. */
    uint32_t cursor;     /* Slot to look at next. */
    uint32_t in_use;     /* Slots taken now. */
    const struct steering *steering; /* Of the shared NIC port, borrowed; NULL: not shared. */
    uint64_t quarantine_ns;
};

/* Ports of an address: FIRST + i * STRIDE up to LAST. */
uint32_t ports_of_address(uint16_t first, uint16_t last, uint16_t stride);

/* RELEASED has address_count * ports_of_address() entries; all slots are free. Not shared; set
 * `steering` and `worker` for one that is. */
void ports_init(struct ports *ports, const struct address addresses[], uint32_t address_count,
                uint16_t first, uint16_t last, uint16_t stride, uint32_t released[], uint64_t seed,
                uint64_t quarantine_ns);

/* Take the next slot that is free and WORKER's own, as the local side of TUPLE, whose remote side
 * and protocol are given. PORTS_NONE when none of the next PORTS_LOOK is: the local side is then
 * undefined, and the next call looks further on. */
uint32_t ports_take(struct ports *ports, uint64_t now_ns, struct tuple *tuple);
/* The local side of TUPLE, as SLOT has it. */
void ports_local(const struct ports *ports, uint32_t slot, struct tuple *tuple);
/* Give SLOT back: its quarantine begins. */
void ports_release(struct ports *ports, uint32_t slot, uint64_t now_ns);

/* The usable addresses of POOL for clients, at most MAX: without the first (network, or
 * subnet-router anycast of RFC 4291 2.6.1) and IPv4's last (broadcast), unless the prefix is so
 * short that all are hosts' (/31 of RFC 3021, /127 of RFC 6164). Returns their number. */
uint32_t ports_addresses_of(const struct prefix *pool, struct address out[], uint32_t max);

#endif
