#include "traffic/order.h"

static void settle(struct traffic *traffic, const struct traffic_stream *stream, uint32_t flow,
                   const struct record_request *request, enum connection_end end);
static struct order_entry *entry_of(struct order_ring *ring, uint32_t number);

bool order_enter(struct order_ring *ring, struct traffic_request *request, uint32_t flow)
{
    if (ring->head - ring->tail == ring->capacity)
        return false;
    request->order = ring->head++;
    *entry_of(ring, request->order) = (struct order_entry){.flow = flow};
    return true;
}

void order_decide(struct traffic *traffic, struct traffic_stream *stream, uint32_t number,
                  const struct record_request *record, enum connection_end end)
{
    struct order_ring *ring = &stream->order;
    if (number == ring->tail) {
        uint32_t flow = entry_of(ring, ring->tail++)->flow;
        settle(traffic, stream, flow, record, end);
    } else {
        struct order_entry *entry = entry_of(ring, number);
        entry->request = *record;
        entry->end = (uint8_t)end;
        entry->decided = true;
    }
    while (ring->tail != ring->head && entry_of(ring, ring->tail)->decided) {
        const struct order_entry *oldest = entry_of(ring, ring->tail++);
        settle(traffic, stream, oldest->flow, &oldest->request, oldest->end);
    }
}

/* All before it are. */
static void settle(struct traffic *traffic, const struct traffic_stream *stream, uint32_t flow,
                   const struct record_request *request, enum connection_end end)
{
    flow_settle(traffic, &traffic->flows[flow], request, end,
                stream->crowds[flow - stream->flow_base].largest_rtt_ns);
}

static struct order_entry *entry_of(struct order_ring *ring, uint32_t number)
{
    return &ring->entries[number & (ring->capacity - 1)];
}
