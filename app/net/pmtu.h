/* pmtu.h - path MTUs that ICMP errors told, by destination.
 *
 * An entry lasts PMTU_LIFE_NS (RFC 1191 6.3, RFC 8201 5.3), and only a smaller value shortens one:
 * a forged error can only make packets smaller, and never below PMTU_V4_MIN_BYTES or 1280.
 *
 * Threads: one owner. Memory: fixed. Full: the oldest entry is replaced.
 */
#ifndef NET_PMTU_H
#define NET_PMTU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

#define PMTU_LIFE_NS UINT64_C(600000000000)
enum {
    PMTU_ENTRIES = 64,
    PMTU_V4_MIN_BYTES = 552,
    PMTU_V4_UNTOLD_BYTES = 576,
    PMTU_V6_MIN_BYTES = 1280
};

struct pmtu_entry {
    struct address remote; /* Destination. */
    uint64_t told_ns;      /* When. */
    uint16_t mtu_bytes;    /* How large. */
};

struct pmtu {
    uint32_t count;                          /* Entries in use. */
    struct pmtu_entry entries[PMTU_ENTRIES]; /* In no order. */
};

/* An error said TOLD_BYTES (0: not told) for REMOTE. Returns the path's MTU from now on if that is
 * new, else 0. PORT_BYTES is the port's own MTU: what is not less is no news. */
uint16_t pmtu_tell(struct pmtu *pmtu, const struct address *remote, uint32_t told_bytes,
                   uint16_t port_bytes, uint64_t now_ns);
/* MTU toward REMOTE. */
uint16_t pmtu_bytes(const struct pmtu *pmtu, const struct address *remote, uint16_t port_bytes,
                    uint64_t now_ns);

#endif
