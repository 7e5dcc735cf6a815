#include "net/steering.h"

#include "base/hash.h"
#include "net/wire.h"

/* Bytes of an address in the input, and where in tuple's address they begin. */
struct extent {
    uint32_t from;
    uint32_t bytes;
};

static struct extent extent_of(const struct tuple *tuple);
static uint32_t port_hash(const struct steering *steering, uint32_t offset, uint16_t port);

void steering_by_port(struct steering *steering, uint16_t workers)
{
    *steering = (struct steering){.workers = workers};
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
    return hash_toeplitz(steering->key, tuple->remote.bytes + extent.from, extent.bytes) ^
           port_hash(steering, 2 * extent.bytes, tuple->remote_port);
}

uint32_t steering_local(const struct steering *steering, const struct tuple *tuple)
{
    const struct extent extent = extent_of(tuple);
    return hash_toeplitz(steering->key + extent.bytes, tuple->local.bytes + extent.from,
                         extent.bytes);
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
        return tuple->local_port % steering->workers;
    return steering_queue(steering, steering_remote(steering, tuple) ^
                                        steering_local(steering, tuple) ^
                                        steering_port(steering, tuple));
}

static struct extent extent_of(const struct tuple *tuple)
{
    return address_is_v4(&tuple->remote) ? (struct extent){12, 4} : (struct extent){0, 16};
}

static uint32_t port_hash(const struct steering *steering, uint32_t offset, uint16_t port)
{
    uint8_t bytes[2];
    wire_put16(bytes, port);
    return hash_toeplitz(steering->key + offset, bytes, sizeof(bytes));
}
