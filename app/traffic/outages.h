/* outages.h - interruptions of flows that are under way: lent to the few flows that have one.
 *
 * Each is found by its flow's number, in a hash table of chains: a flow that is well has but a bit
 * that says so.
 *
 * Threads: the owning worker. Memory: given by the caller, outages_bytes() aligned to 64. Full:
 * outages_begin() refuses.
 */
#ifndef TRAFFIC_OUTAGES_H
#define TRAFFIC_OUTAGES_H

#include "base/pool.h"
#include "record/record.h"

struct outage {
    struct record_outage record; /* As far as it is known. */
    uint32_t flow;               /* Number of its flow in the worker. */
    uint32_t to_validate;        /* It is over: good requests that are still to prove it. */
    pool_handle next;            /* In its chain; 0: the last. */
};

struct outages {
    struct pool pool;    /* struct outage. */
    pool_handle *chains; /* chain_mask + 1 of them; 0: empty. */
    uint32_t chain_mask;
};

size_t outages_bytes(uint32_t capacity);
void outages_init(struct outages *outages, void *memory, uint32_t capacity);
/* A new one of FLOW, which has none: a copy of RECORD. NULL when full. */
struct outage *outages_begin(struct outages *outages, uint32_t flow,
                             const struct record_outage *record);
/* That of FLOW; NULL: it has none. */
struct outage *outages_find(const struct outages *outages, uint32_t flow);
/* FLOW, which has one, has it no more. */
void outages_end(struct outages *outages, uint32_t flow);

#endif
