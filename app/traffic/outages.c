#include "traffic/outages.h"

#include <assert.h>
#include <string.h>

static uint32_t chain_count(uint32_t capacity);
static pool_handle *chain_of(const struct outages *outages, uint32_t flow);

size_t outages_bytes(uint32_t capacity)
{
    size_t chains = chain_count(capacity) * sizeof(pool_handle);
    return pool_bytes(capacity, sizeof(struct outage)) + ((chains + 63) & ~(size_t)63);
}

void outages_init(struct outages *outages, void *memory, uint32_t capacity)
{
    uint8_t *chains = (uint8_t *)memory + pool_bytes(capacity, sizeof(struct outage));
    pool_init(&outages->pool, memory, capacity, sizeof(struct outage));
    outages->chains = (pool_handle *)(void *)chains;
    outages->chain_mask = chain_count(capacity) - 1;
    memset(chains, 0, chain_count(capacity) * sizeof(pool_handle));
}

struct outage *outages_begin(struct outages *outages, uint32_t flow,
                             const struct record_outage *record)
{
    pool_handle handle = pool_take(&outages->pool);
    if (handle == 0)
        return NULL;
    struct outage *outage = pool_get(&outages->pool, handle);
    pool_handle *chain = chain_of(outages, flow);
    *outage = (struct outage){.record = *record, .flow = flow, .next = *chain};
    *chain = handle;
    return outage;
}

struct outage *outages_find(const struct outages *outages, uint32_t flow)
{
    struct outage *outage = pool_get(&outages->pool, *chain_of(outages, flow));
    while (outage != NULL && outage->flow != flow)
        outage = pool_get(&outages->pool, outage->next);
    return outage;
}

void outages_end(struct outages *outages, uint32_t flow)
{
    pool_handle *link = chain_of(outages, flow);
    struct outage *outage = pool_get(&outages->pool, *link);
    while (outage != NULL && outage->flow != flow) {
        link = &outage->next;
        outage = pool_get(&outages->pool, *link);
    }
    assert(outage != NULL);
    pool_handle handle = *link;
    *link = outage->next;
    pool_free(&outages->pool, handle);
}

/* A power of two, and as many as there can be outages at least. */
static uint32_t chain_count(uint32_t capacity)
{
    uint32_t count = 1;
    while (count < capacity)
        count *= 2;
    return count;
}

/* Flows that follow each other have different ones. */
static pool_handle *chain_of(const struct outages *outages, uint32_t flow)
{
    return &outages->chains[flow & outages->chain_mask];
}
