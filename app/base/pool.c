/* The state of an object is one word, links[index], with its generation in the high bits. Taken:
 * the low bits are its own index, so that the word is its handle. Free: they are the next free
 * index (or the capacity), which is never its own. Generations go 1, 2, .. as far as the bits
 * go, 1: no handle is 0. */
#include "base/pool.h"

#include <assert.h>

static uint32_t rounded_bytes(uint32_t object_bytes);
static uint64_t inverse_of(uint64_t odd);

size_t pool_bytes(uint32_t capacity, uint32_t object_bytes)
{
    size_t bytes = (size_t)capacity * (rounded_bytes(object_bytes) + sizeof(uint32_t));

    return (bytes + 63) & ~(size_t)63;
}

void pool_init(struct pool *pool, void *memory, uint32_t capacity, uint32_t object_bytes)
{
    assert(capacity <= POOL_CAPACITY_MAX);
    assert(object_bytes > 0);
    assert((uintptr_t)memory % 64 == 0);
    pool->objects = memory;
    pool->object_bytes = rounded_bytes(object_bytes);
    pool->object_shift = (uint32_t)__builtin_ctz(pool->object_bytes);
    pool->object_inverse = inverse_of(pool->object_bytes >> pool->object_shift);
    pool->capacity = capacity;
    pool->links = (uint32_t *)(void *)(pool->objects + (size_t)capacity * pool->object_bytes);
    pool->index_mask = 1;
    while (pool->index_mask < capacity)
        pool->index_mask = pool->index_mask << 1 | 1;
    pool->free_head = 0;
    pool->taken = 0;
    pool->refused = 0;
    for (uint32_t i = 0; i < capacity; i++)
        pool->links[i] = pool_generation_one(pool) | (i + 1);
}

pool_handle pool_next(const struct pool *pool, pool_handle previous)
{
    uint32_t index = previous == 0 ? 0 : (previous & pool->index_mask) + 1;

    for (; index < pool->capacity; index++) {
        if ((pool->links[index] & pool->index_mask) == index)
            return pool->links[index];
    }
    return 0;
}

static uint32_t rounded_bytes(uint32_t object_bytes)
{
    return (object_bytes + 7) & ~UINT32_C(7);
}

/* Modulo 2^64, of an odd number, by Newton: each step doubles the bits that are right, from 3. */
static uint64_t inverse_of(uint64_t odd)
{
    uint64_t inverse = odd;

    for (unsigned bits = 3; bits < 64; bits *= 2)
        inverse *= 2 - odd * inverse;
    return inverse;
}
