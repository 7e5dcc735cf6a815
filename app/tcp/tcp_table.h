/* tcp_table.h - tuple -> reference: open addressing, linear probing, keyed hash.
 *
 * Deletion moves later entries of the run back, so there are no tombstones and a lookup that
 * misses ends at the first empty slot. The key keeps an adversary from choosing tuples that
 * collide.
 *
 * Threads: one owner. Memory: given by the caller, tcp_table_bytes() aligned to 64; at least
 * twice as many slots as entries. Full (capacity entries): tcp_table_insert() returns false.
 */
#ifndef TCP_TCP_TABLE_H
#define TCP_TCP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/hash.h"

struct tcp_table_entry {
    struct tuple tuple; /* The key. */
    uint32_t hash;      /* Of the tuple: its home slot and a first comparison. */
    uint32_t ref;       /* The value; 0: the slot is empty. */
};

struct tcp_table {
    struct tcp_table_entry *entries; /* mask + 1 slots. */
    struct hash_key key;             /* Secret. */
    uint32_t mask;                   /* Slots - 1, slots being a power of two. */
    uint32_t capacity;               /* Entries that may be in use. */
    uint32_t count;                  /* Entries in use. */
};

size_t tcp_table_bytes(uint32_t capacity);
void tcp_table_init(struct tcp_table *table, void *memory, uint32_t capacity,
                    const struct hash_key *key);
/* The reference, or 0. */
uint32_t tcp_table_find(const struct tcp_table *table, const struct tuple *tuple);
/* REF is not 0. False if it is full, or the tuple is there. */
bool tcp_table_insert(struct tcp_table *table, const struct tuple *tuple, uint32_t ref);
/* Change the reference of a tuple that is there. False if it is not. */
bool tcp_table_replace(struct tcp_table *table, const struct tuple *tuple, uint32_t ref);
/* False if it was not there. */
bool tcp_table_remove(struct tcp_table *table, const struct tuple *tuple);

#endif
