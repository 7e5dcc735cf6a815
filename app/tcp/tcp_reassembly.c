#include "tcp/tcp_reassembly.h"

#include <string.h>

/* Chunks stand in an array with this stride. */
static size_t stride(uint32_t chunk_bytes)
{
    size_t size = offsetof(struct tcp_chunk, data) + chunk_bytes;

    return (size + 63) / 64 * 64;
}

static struct tcp_chunk *chunk_take(struct tcp_reassembly *pool)
{
    struct tcp_chunk *chunk = pool->free;

    if (chunk == NULL)
        return NULL;
    pool->free = chunk->next;
    pool->in_use++;
    return chunk;
}

static void chunk_free(struct tcp_reassembly *pool, struct tcp_chunk *chunk)
{
    chunk->next = pool->free;
    pool->free = chunk;
    pool->in_use--;
}

/* Put what fits of the gap [pos, pos + bytes) right behind PREVIOUS, in its own room. */
static uint32_t append(const struct tcp_reassembly *pool, struct tcp_chunk *previous, uint64_t pos,
                       const uint8_t *data, uint32_t bytes)
{
    uint32_t room;

    if (previous == NULL || previous->pos + previous->bytes != pos)
        return 0;
    room = pool->chunk_bytes - previous->start - previous->bytes;
    if (bytes > room)
        bytes = room;
    memcpy(previous->data + previous->start + previous->bytes, data, bytes);
    previous->bytes += bytes;
    return bytes;
}

/* Fill the gap [pos, pos + bytes) behind *LINK's owner, PREVIOUS. Returns what was kept, and moves
 * PREVIOUS on. */
static uint32_t fill_gap(struct tcp_reassembly *pool, struct tcp_reassembly_queue *queue,
                         struct tcp_chunk **previous, uint64_t pos, const uint8_t *data,
                         uint32_t bytes)
{
    uint32_t kept = append(pool, *previous, pos, data, bytes);

    while (kept < bytes && queue->count < pool->queue_limit) {
        struct tcp_chunk *chunk = chunk_take(pool);
        if (chunk == NULL)
            break;
        struct tcp_chunk **link = *previous != NULL ? &(*previous)->next : &queue->head;
        uint32_t part = bytes - kept < pool->chunk_bytes ? bytes - kept : pool->chunk_bytes;
        chunk->pos = pos + kept;
        chunk->start = 0;
        chunk->bytes = part;
        memcpy(chunk->data, data + kept, part);
        chunk->next = *link;
        *link = chunk;
        *previous = chunk;
        queue->count++;
        kept += part;
    }
    return kept;
}

size_t tcp_reassembly_bytes(uint32_t capacity, uint32_t chunk_bytes)
{
    return capacity * stride(chunk_bytes);
}

void tcp_reassembly_init(struct tcp_reassembly *pool, void *memory, uint32_t capacity,
                         uint32_t chunk_bytes, uint32_t queue_limit)
{
    *pool = (struct tcp_reassembly){
        .chunk_bytes = chunk_bytes, .capacity = capacity, .queue_limit = queue_limit};
    for (uint32_t i = capacity; i > 0; i--) {
        void *at = (uint8_t *)memory + (i - 1) * stride(chunk_bytes);
        struct tcp_chunk *chunk = at;
        chunk->next = pool->free;
        pool->free = chunk;
    }
}

uint32_t tcp_reassembly_insert(struct tcp_reassembly *pool, struct tcp_reassembly_queue *queue,
                               uint64_t pos, const uint8_t *data, uint32_t bytes, bool *full)
{
    struct tcp_chunk *previous = NULL;
    uint64_t end = pos + bytes;
    uint32_t total = 0;

    *full = false;
    for (uint64_t at = pos; at < end;) {
        struct tcp_chunk *next = previous != NULL ? previous->next : queue->head;
        if (next != NULL && next->pos <= at) { /* What it has need not be kept twice. */
            if (next->pos + next->bytes > at)
                at = next->pos + next->bytes;
            previous = next;
            continue;
        }
        uint32_t gap = (uint32_t)((next != NULL && next->pos < end ? next->pos : end) - at);
        uint32_t kept = fill_gap(pool, queue, &previous, at, data + (at - pos), gap);
        total += kept;
        if (kept < gap) {
            *full = true;
            break;
        }
        at += gap;
    }
    return total;
}

const struct tcp_chunk *tcp_reassembly_next(struct tcp_reassembly *pool,
                                            struct tcp_reassembly_queue *queue, uint64_t pos)
{
    struct tcp_chunk *chunk;

    while ((chunk = queue->head) != NULL && chunk->pos <= pos) {
        uint64_t skip = pos - chunk->pos;
        queue->head = chunk->next;
        queue->count--;
        if (skip >= chunk->bytes) {
            chunk_free(pool, chunk);
            continue;
        }
        chunk->pos = pos;
        chunk->start += (uint32_t)skip;
        chunk->bytes -= (uint32_t)skip;
        chunk->next = pool->lent;
        pool->lent = chunk;
        return chunk;
    }
    return NULL;
}

void tcp_reassembly_discard(struct tcp_reassembly *pool, struct tcp_reassembly_queue *queue)
{
    while (queue->head != NULL) {
        struct tcp_chunk *chunk = queue->head;
        queue->head = chunk->next;
        chunk_free(pool, chunk);
    }
    queue->count = 0;
}

void tcp_reassembly_reclaim(struct tcp_reassembly *pool)
{
    while (pool->lent != NULL) {
        struct tcp_chunk *chunk = pool->lent;
        pool->lent = chunk->next;
        chunk_free(pool, chunk);
    }
}
