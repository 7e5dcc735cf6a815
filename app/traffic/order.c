#include "traffic/order.h"

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
    struct order_entry *entry = entry_of(ring, number);
    entry->request = *record;
    entry->end = (uint8_t)end;
    entry->decided = true;
    while (ring->tail != ring->head && entry_of(ring, ring->tail)->decided) {
        const struct order_entry *oldest = entry_of(ring, ring->tail++);
        flow_settle(traffic, &traffic->flows[oldest->flow], &oldest->request, oldest->end,
                    stream->crowds[oldest->flow - stream->flow_base].largest_rtt_ns);
    }
}

static struct order_entry *entry_of(struct order_ring *ring, uint32_t number)
{
    return &ring->entries[number & (ring->capacity - 1)];
}
