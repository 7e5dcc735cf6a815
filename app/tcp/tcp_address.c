#include "tcp/tcp_address.h"

#include <assert.h>

static uint32_t hash_of(const struct tcp_addresses *addresses, const struct address *address)
{
    return (uint32_t)hash_sip(&addresses->key, address, sizeof(*address));
}

static size_t entries_bytes(uint32_t capacity)
{
    return ((size_t)capacity * sizeof(struct tcp_address_entry) + 63) / 64 * 64;
}

size_t tcp_addresses_bytes(uint32_t capacity)
{
    return entries_bytes(capacity) + tcp_table_bytes(capacity);
}

void tcp_addresses_init(struct tcp_addresses *addresses, void *memory, uint32_t capacity,
                        const struct hash_key *key)
{
    *addresses = (struct tcp_addresses){.entries = memory, .key = *key};
    tcp_table_init(&addresses->table, (uint8_t *)memory + entries_bytes(capacity), capacity);
    for (uint32_t number = capacity; number > 0; number--) {
        addresses->entries[number - 1] = (struct tcp_address_entry){.next = addresses->free};
        addresses->free = number;
    }
}

uint32_t tcp_addresses_take(struct tcp_addresses *addresses, const struct address *address)
{
    uint32_t hash = hash_of(addresses, address);
    struct tcp_table_walk walk = tcp_table_walk(&addresses->table, hash);
    uint32_t number;

    while ((number = tcp_table_next(&addresses->table, &walk)) != 0) {
        if (address_equal(tcp_addresses_get(addresses, number), address)) {
            addresses->entries[number - 1].uses++;
            return number;
        }
    }
    number = addresses->free;
    if (number == 0)
        return 0;
    struct tcp_address_entry *entry = &addresses->entries[number - 1];
    addresses->free = entry->next;
    *entry = (struct tcp_address_entry){.address = *address, .uses = 1};
    tcp_table_insert(&addresses->table, hash, number);
    return number;
}

void tcp_addresses_release(struct tcp_addresses *addresses, uint32_t number)
{
    struct tcp_address_entry *entry = &addresses->entries[number - 1];

    assert(entry->uses > 0);
    if (--entry->uses > 0)
        return;
    tcp_table_remove(&addresses->table, hash_of(addresses, &entry->address), number);
    entry->next = addresses->free;
    addresses->free = number;
}
