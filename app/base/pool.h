/* pool.h - a fixed pool of equal objects, named by handles that notice reuse.
 *
 * A handle is index + generation: an object that was freed and taken again has another handle, and
 * pool_get() of the old one is NULL. The index has as many of the 32 bits as the capacity needs,
 * the generation the others: six in the largest pool, 12 in one of a million. Objects are not
 * cleared by take. LIFO, so that the warmest object is taken first. Handle 0 is never valid.
 *
 * Threads: one owner. Memory: given by the caller (malloc in set-up code, or rte_malloc on the
 * worker's NUMA node): pool_bytes() of it, aligned to 64. Objects stand side by side: a type that
 * wants lines of its own has alignas(64). Full: pool_take returns 0, and counts it.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t pool_handle; /* Generation above, index below. */

enum {
    POOL_INDEX_BITS_MAX = 26,
    POOL_CAPACITY_MAX = (1 << POOL_INDEX_BITS_MAX) - 1
};

struct pool {
    uint8_t *objects;        /* capacity objects of object_bytes each. */
    uint32_t *links;         /* Free list: next index; generations in the high bits while taken. */
    uint32_t object_bytes;   /* Rounded up to 8. */
    uint32_t object_shift;   /* It is an odd number times two to the power of this. */
    uint64_t object_inverse; /* Of that odd number, modulo 2^64: to divide by it exactly. */
    uint32_t capacity;       /* At most POOL_CAPACITY_MAX. */
    uint32_t index_mask;     /* The low bits of a handle that are its index. */
    uint32_t free_head;      /* Index, or capacity when none. */
    uint32_t taken;          /* Objects in use now. */
    uint64_t refused;        /* Takes that found it full. */
};

size_t pool_bytes(uint32_t capacity, uint32_t object_bytes);
void pool_init(struct pool *pool, void *memory, uint32_t capacity, uint32_t object_bytes);
static inline pool_handle pool_take(struct pool *pool);
/* Asserts that it is taken. */
static inline void pool_free(struct pool *pool, pool_handle handle);
/* NULL when stale or 0. */
static inline void *pool_get(const struct pool *pool, pool_handle handle)
{
    uint32_t index = handle & pool->index_mask;
    if (index >= pool->capacity || pool->links[index] != handle)
        return NULL;
    return pool->objects + (size_t)index * pool->object_bytes;
}
/* The same of one that is taken for certain: a link that is cut when its object goes. */
static inline void *pool_at(const struct pool *pool, pool_handle handle)
{
    return pool->objects + (size_t)(handle & pool->index_mask) * pool->object_bytes;
}
static inline pool_handle pool_handle_of(const struct pool *pool, const void *object);
/* Iterate over taken objects: start with 0, ends with 0. Objects may be freed while iterating. */
pool_handle pool_next(const struct pool *pool, pool_handle previous);

/* The first generation, and the step to the next: its lowest bit. */
static inline uint32_t pool_generation_one(const struct pool *pool)
{
    return pool->index_mask + 1;
}

/* With the index bits zero. */
static inline pool_handle pool_next_generation(const struct pool *pool, pool_handle handle)
{
    pool_handle next = (handle & ~pool->index_mask) + pool_generation_one(pool);

    return next == 0 ? pool_generation_one(pool) : next;
}

static inline pool_handle pool_take(struct pool *pool)
{
    uint32_t index = pool->free_head;

    if (index == pool->capacity) {
        pool->refused++;
        return 0;
    }
    pool->free_head = pool->links[index] & pool->index_mask;
    pool->links[index] = (pool->links[index] & ~pool->index_mask) | index;
    pool->taken++;
    return pool->links[index];
}

static inline void pool_free(struct pool *pool, pool_handle handle)
{
    uint32_t index = handle & pool->index_mask;

    assert(pool_get(pool, handle) != NULL);
    pool->links[index] = pool_next_generation(pool, handle) | pool->free_head;
    pool->free_head = index;
    pool->taken--;
}

static inline pool_handle pool_handle_of(const struct pool *pool, const void *object)
{
    size_t offset = (size_t)((const uint8_t *)object - pool->objects);
    size_t index = (offset >> pool->object_shift) * pool->object_inverse;

    assert(index < pool->capacity);
    assert((pool->links[index] & pool->index_mask) == index);
    return pool->links[index];
}

#endif
