#include "net/steering.h"

#include <assert.h>

#include "base/hash.h"
#include "net/wire.h"

/* Bytes of an address in the input, and where in tuple's address they begin. */
struct extent {
    uint32_t from;
    uint32_t bytes;
};

static struct extent extent_of(const struct tuple *tuple);
static uint32_t address_hash(const struct steering *steering, uint32_t offset,
                             const struct address *address, struct extent extent);
static uint32_t port_hash(const struct steering *steering, uint32_t offset, uint16_t port);

void steering_by_port(struct steering *steering, uint16_t workers)
{
    *steering = (struct steering){.workers = workers};
}

void steering_by_hash(struct steering *steering, const uint8_t key[], uint16_t key_bytes,
                      const uint8_t table[], uint16_t size)
{
    assert(key_bytes >= STEERING_KEY_MIN_BYTES);
    assert(key_bytes <= STEERING_KEY_MAX_BYTES);
    assert(size > 0);
    assert(size <= STEERING_TABLE_MAX);
    steering->key_bytes = key_bytes;
    steering->table_size = size;
    memcpy(steering->key, key, key_bytes);
    memcpy(steering->table, table, size);
    for (unsigned place = 0; place < STEERING_INPUT_BYTES; place++) {
        for (unsigned value = 0; value < 256; value++) {
            const uint8_t byte = (uint8_t)value;
            steering->byte_hash[place][value] = hash_toeplitz(key + place, &byte, 1);
        }
    }
}

bool steering_is_hashed(const struct steering *steering, const struct tuple *tuple)
{
    const bool v4 = address_is_v4(&tuple->remote);
    if (steering->table_size == 0)
        return false;
    if (tuple->protocol == WIRE_TCP)
        return steering->hashed[v4 ? STEERING_TCP4 : STEERING_TCP6];
    return tuple->protocol == WIRE_UDP && steering->hashed[v4 ? STEERING_UDP4 : STEERING_UDP6];
}

/* The input is source address, destination address, source port, destination port. */
uint32_t steering_remote(const struct steering *steering, const struct tuple *tuple)
{
    const struct extent extent = extent_of(tuple);
    return address_hash(steering, 0, &tuple->remote, extent) ^
           port_hash(steering, 2 * extent.bytes, tuple->remote_port);
}

uint32_t steering_local(const struct steering *steering, const struct tuple *tuple)
{
    const struct extent extent = extent_of(tuple);
    return address_hash(steering, extent.bytes, &tuple->local, extent);
}

uint32_t steering_port(const struct steering *steering, const struct tuple *tuple)
{
    return port_hash(steering, 2 * extent_of(tuple).bytes + 2, tuple->local_port);
}

uint16_t steering_queue(const struct steering *steering, uint32_t hash)
{
    return steering->table[hash % steering->table_size];
}

uint16_t steering_owner(const struct steering *steering, const struct tuple *tuple)
{
    if (!steering_is_hashed(steering, tuple))
        return (uint16_t)((steering->serves ? tuple->remote_port : tuple->local_port) %
                          steering->workers);
    return steering_queue(steering, steering_remote(steering, tuple) ^
                                        steering_local(steering, tuple) ^
                                        steering_port(steering, tuple));
}

static struct extent extent_of(const struct tuple *tuple)
{
    return address_is_v4(&tuple->remote) ? (struct extent){12, 4} : (struct extent){0, 16};
}

static uint32_t address_hash(const struct steering *steering, uint32_t offset,
                             const struct address *address, struct extent extent)
{
    uint32_t hash = 0;
    for (uint32_t i = 0; i < extent.bytes; i++)
        hash ^= steering->byte_hash[offset + i][address->bytes[extent.from + i]];
    return hash;
}

static uint32_t port_hash(const struct steering *steering, uint32_t offset, uint16_t port)
{
    return steering->byte_hash[offset][port >> 8] ^ steering->byte_hash[offset + 1][port & 0xff];
}
