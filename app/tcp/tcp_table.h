/* tcp_table.h - hash of a tuple -> references: open addressing, linear probing.
 *
 * Hashes that differ in the low three bits alone have neighbouring homes, in one cache line: who
 * hashes so what comes one after another reads a line once for eight.
 *
 * An entry is the hash and the reference alone: the caller, who has the tuples, compares them. Two
 * tuples with one hash may both be in it. Deletion moves later entries of the run back, so there
 * are no tombstones and a lookup that misses ends at the first empty slot. The hash must be keyed,
 * so that an adversary cannot choose tuples that collide.
 *
 * Threads: one owner. Memory: given by the caller, tcp_table_bytes() aligned to 64: 12 bytes an
 * entry, half as many slots more as entries. Full (capacity entries): tcp_table_insert() returns
 * false.
 */
#ifndef TCP_TCP_TABLE_H
#define TCP_TCP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TCP_TABLE_LINE = 8 /* Entries of a cache line. */
};

struct tcp_table_entry {
    uint32_t hash; /* Its home slot and a first comparison. */
    uint32_t ref;  /* The value; 0: the slot is empty. */
};

struct tcp_table {
    struct tcp_table_entry *entries; /* `slots` of them. */
    uint32_t slots;                  /* A multiple of TCP_TABLE_LINE. */
    uint32_t capacity;               /* Entries that may be in use. */
    uint32_t count;                  /* Entries in use. */
};

/* A walk over the references under one hash. */
struct tcp_table_walk {
    uint32_t hash;
    uint32_t slot; /* To look at next. */
};

size_t tcp_table_bytes(uint32_t capacity);
void tcp_table_init(struct tcp_table *table, void *memory, uint32_t capacity);
static inline struct tcp_table_walk tcp_table_walk(const struct tcp_table *table, uint32_t hash);
/* The next reference under the walk's hash, or 0. Ends with any change of the table. */
static inline uint32_t tcp_table_next(const struct tcp_table *table, struct tcp_table_walk *walk);
/* REF is not 0, and not yet there under HASH. False if it is full. */
bool tcp_table_insert(struct tcp_table *table, uint32_t hash, uint32_t ref);
/* False if it was not there. */
bool tcp_table_remove(struct tcp_table *table, uint32_t hash, uint32_t ref);

static inline uint32_t tcp_table_home(const struct tcp_table *table, uint32_t hash)
{
    uint64_t line = (uint64_t)(hash / TCP_TABLE_LINE) * (table->slots / TCP_TABLE_LINE) >> 29;

    return (uint32_t)line * TCP_TABLE_LINE + hash % TCP_TABLE_LINE;
}

static inline uint32_t tcp_table_after(const struct tcp_table *table, uint32_t slot)
{
    return slot + 1 == table->slots ? 0 : slot + 1;
}

static inline struct tcp_table_walk tcp_table_walk(const struct tcp_table *table, uint32_t hash)
{
    return (struct tcp_table_walk){.hash = hash, .slot = tcp_table_home(table, hash)};
}

static inline uint32_t tcp_table_next(const struct tcp_table *table, struct tcp_table_walk *walk)
{
    for (;;) {
        const struct tcp_table_entry *entry = &table->entries[walk->slot];
        if (entry->ref == 0)
            return 0;
        walk->slot = tcp_table_after(table, walk->slot);
        if (entry->hash == walk->hash)
            return entry->ref;
    }
}

#endif
