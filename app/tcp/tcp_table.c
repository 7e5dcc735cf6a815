#include "tcp/tcp_table.h"

#include <assert.h>
#include <string.h>

static uint32_t slots_for(uint32_t capacity)
{
    uint32_t slots = 8;

    while (slots < 2 * (uint64_t)capacity)
        slots *= 2;
    return slots;
}

static uint32_t hash_of(const struct tcp_table *table, const struct tuple *tuple)
{
    return (uint32_t)hash_sip(&table->key, tuple, sizeof(*tuple));
}

/* The slot of TUPLE, or the empty one where it would go. */
static uint32_t slot_of(const struct tcp_table *table, const struct tuple *tuple, uint32_t hash)
{
    uint32_t slot = hash & table->mask;

    while (table->entries[slot].ref != 0) {
        const struct tcp_table_entry *entry = &table->entries[slot];
        if (entry->hash == hash && tuple_equal(&entry->tuple, tuple))
            break;
        slot = (slot + 1) & table->mask;
    }
    return slot;
}

size_t tcp_table_bytes(uint32_t capacity)
{
    return (size_t)slots_for(capacity) * sizeof(struct tcp_table_entry);
}

void tcp_table_init(struct tcp_table *table, void *memory, uint32_t capacity,
                    const struct hash_key *key)
{
    *table = (struct tcp_table){
        .entries = memory, .key = *key, .mask = slots_for(capacity) - 1, .capacity = capacity};
    memset(memory, 0, tcp_table_bytes(capacity));
}

uint32_t tcp_table_find(const struct tcp_table *table, const struct tuple *tuple)
{
    return table->entries[slot_of(table, tuple, hash_of(table, tuple))].ref;
}

bool tcp_table_insert(struct tcp_table *table, const struct tuple *tuple, uint32_t ref)
{
    uint32_t hash = hash_of(table, tuple);
    struct tcp_table_entry *entry = &table->entries[slot_of(table, tuple, hash)];

    assert(ref != 0);
    if (table->count == table->capacity || entry->ref != 0)
        return false;
    *entry = (struct tcp_table_entry){.tuple = *tuple, .hash = hash, .ref = ref};
    table->count++;
    return true;
}

bool tcp_table_replace(struct tcp_table *table, const struct tuple *tuple, uint32_t ref)
{
    struct tcp_table_entry *entry = &table->entries[slot_of(table, tuple, hash_of(table, tuple))];

    assert(ref != 0);
    if (entry->ref == 0)
        return false;
    entry->ref = ref;
    return true;
}

bool tcp_table_remove(struct tcp_table *table, const struct tuple *tuple)
{
    uint32_t hole = slot_of(table, tuple, hash_of(table, tuple));

    if (table->entries[hole].ref == 0)
        return false;
    /* Move back each later entry of the run that may not stand behind a hole: those whose home is
     * not in (hole, slot]. */
    for (uint32_t slot = (hole + 1) & table->mask; table->entries[slot].ref != 0;
         slot = (slot + 1) & table->mask) {
        uint32_t home = table->entries[slot].hash & table->mask;
        if (((slot - home) & table->mask) >= ((slot - hole) & table->mask)) {
            table->entries[hole] = table->entries[slot];
            hole = slot;
        }
    }
    table->entries[hole].ref = 0;
    table->count--;
    return true;
}
