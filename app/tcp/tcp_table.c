#include "tcp/tcp_table.h"

#include <assert.h>
#include <string.h>

static uint32_t slots_for(uint32_t capacity)
{
    return (capacity + capacity / 2 + TCP_TABLE_LINE) / TCP_TABLE_LINE * TCP_TABLE_LINE;
}

/* An entry at SLOT whose home is HOME may not stand at HOLE, before it in a run that may wrap: its
 * home is in (HOLE, SLOT]. */
static inline bool stays(uint32_t home, uint32_t hole, uint32_t slot)
{
    return hole < slot ? home > hole && home <= slot : home > hole || home <= slot;
}

/* The slot of REF under HASH, or the empty one where it would go. */
static uint32_t slot_of(const struct tcp_table *table, uint32_t hash, uint32_t ref)
{
    uint32_t slot = tcp_table_home(table, hash);

    while (table->entries[slot].ref != 0 && table->entries[slot].ref != ref)
        slot = tcp_table_after(table, slot);
    return slot;
}

size_t tcp_table_bytes(uint32_t capacity)
{
    return (size_t)slots_for(capacity) * sizeof(struct tcp_table_entry);
}

void tcp_table_init(struct tcp_table *table, void *memory, uint32_t capacity)
{
    *table =
        (struct tcp_table){.entries = memory, .slots = slots_for(capacity), .capacity = capacity};
    memset(memory, 0, tcp_table_bytes(capacity));
}

bool tcp_table_insert(struct tcp_table *table, uint32_t hash, uint32_t ref)
{
    assert(ref != 0);
    if (table->count == table->capacity)
        return false;
    table->entries[slot_of(table, hash, ref)] = (struct tcp_table_entry){hash, ref};
    table->count++;
    return true;
}

bool tcp_table_remove(struct tcp_table *table, uint32_t hash, uint32_t ref)
{
    uint32_t hole = slot_of(table, hash, ref);

    if (table->entries[hole].ref == 0)
        return false;
    /* Move back each later entry of the run that may not stand behind a hole. */
    for (uint32_t slot = tcp_table_after(table, hole); table->entries[slot].ref != 0;
         slot = tcp_table_after(table, slot)) {
        if (!stays(tcp_table_home(table, table->entries[slot].hash), hole, slot)) {
            table->entries[hole] = table->entries[slot];
            hole = slot;
        }
    }
    table->entries[hole].ref = 0;
    table->count--;
    return true;
}
