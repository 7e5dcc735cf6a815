/* steering.h - which of the workers that share a NIC port a 5-tuple belongs to.
 *
 * Two ways, and the same answer for all workers without a word between them:
 *
 *   by hash   The NIC computes the Toeplitz hash of what it receives and looks the queue up in its
 *             redirection table: queue = table[hash mod size]. Key, table and what is hashed are
 *             the NIC's own, as read back from it. A worker that takes only client ports whose
 *             tuples hash to its queue gets its answers from the wire.
 *   by port   Where the NIC does not hash this kind of packet by its ports, or nobody can tell
 *             how: worker = client port mod workers. The client's is the local port, or the remote
 *             one where we serve. What arrives elsewhere is handed over (handover.h).
 *
 * Toeplitz is linear: the hash of a tuple is the XOR of the hashes of its bytes, each with the key
 * shifted to where the byte stands. These are tabled, 36 KiB a NIC port: a tuple costs 12 (IPv4) or
 * 36 loads. A search over client ports computes the target's and the address's part once and the
 * port's for each, so that no bitmap of ports is needed:
 *
 *   hash = steering_remote(tuple) ^ steering_local(tuple) ^ steering_port(tuple)
 *
 * Threads: pure, and immutable after set-up. Memory: the caller's, one for each NIC port. Sources:
 * Microsoft's RSS specification (the fields and their order; its test vectors are in the unit
 * test), RFC 9293 and 768 for the ports.
 */
#ifndef NET_STEERING_H
#define NET_STEERING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

enum {
    STEERING_WORKERS_MAX = 16,
    STEERING_INPUT_BYTES = 36,   /* The longest: two IPv6 addresses, two ports. */
    STEERING_KEY_MIN_BYTES = 40, /* What such an input needs. */
    STEERING_KEY_MAX_BYTES = 64, /* NICs have 40 or 52; what is behind the first 40 is unused. */
    STEERING_TABLE_MAX = 2048    /* Entries of a redirection table. */
};

/* What is hashed by addresses and ports. */
enum steering_kind {
    STEERING_TCP4,
    STEERING_UDP4,
    STEERING_TCP6,
    STEERING_UDP6,
    STEERING_KINDS
};

struct steering {
    uint16_t workers;                    /* That share the NIC port; 1 at least. */
    uint16_t table_size;                 /* Entries in use; 0: everything by port. */
    uint16_t key_bytes;                  /* Of key. */
    bool serves;                         /* The clients are the others. */
    bool hashed[STEERING_KINDS];         /* The NIC hashes this kind by addresses and ports. */
    uint8_t key[STEERING_KEY_MAX_BYTES]; /* The NIC's. */
    uint8_t table[STEERING_TABLE_MAX];   /* Queue, and so worker, of each remainder. */
    uint32_t byte_hash[STEERING_INPUT_BYTES][256]; /* Of a byte of that value at that place. */
};

/* Everything by port, for WORKERS of them. */
void steering_by_port(struct steering *steering, uint16_t workers);
/* By hash, from then on, where `hashed` is set: with KEY (KEY_MIN to KEY_MAX bytes) and a TABLE of
 * SIZE (1 to STEERING_TABLE_MAX) entries, each a queue below `workers`. */
void steering_by_hash(struct steering *steering, const uint8_t key[], uint16_t key_bytes,
                      const uint8_t table[], uint16_t size);

/* Is TUPLE's queue found by hash? The ports' values do not matter. */
bool steering_is_hashed(const struct steering *steering, const struct tuple *tuple);

/* Parts of the hash that the NIC computes of a packet from TUPLE's remote side to its local one:
 * of the remote address and port, of the local address, of the local port. */
uint32_t steering_remote(const struct steering *steering, const struct tuple *tuple);
uint32_t steering_local(const struct steering *steering, const struct tuple *tuple);
uint32_t steering_port(const struct steering *steering, const struct tuple *tuple);
/* The worker whose queue gets what has HASH. */
uint16_t steering_queue(const struct steering *steering, uint32_t hash);

/* The worker that TUPLE belongs to. */
uint16_t steering_owner(const struct steering *steering, const struct tuple *tuple);

#endif
