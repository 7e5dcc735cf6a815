#include "traffic/order.h"

static void settle(struct traffic *traffic, const struct order_entry *entry);
static struct order_entry *entry_of(struct order_ring *ring, uint32_t number);

bool order_enter(struct order_ring *ring, struct traffic_request *request, uint32_t flow)
{
    if (ring->head - ring->tail == ring->capacity)
        return false;
    request->order = ring->head++;
    *entry_of(ring, request->order) = (struct order_entry){.flow = flow};
    return true;
}

void order_decide(struct traffic *traffic, struct order_ring *ring, uint32_t number,
                  const struct record_request *record, enum connection_end end)
{
    struct order_entry *entry = entry_of(ring, number);
    entry->request = *record;
    entry->end = (uint8_t)end;
    entry->decided = true;
    while (ring->tail != ring->head && entry_of(ring, ring->tail)->decided)
        settle(traffic, entry_of(ring, ring->tail++));
}

static void settle(struct traffic *traffic, const struct order_entry *entry)
{
    struct traffic_flow *flow = &traffic->flows[entry->flow];
    const struct record_request *request = &entry->request;
    if (outcome_is_loss(request->outcome)) {
        struct flow_signal signal = {.end = entry->end,
                                     .at_ns = request->done_ns,
                                     .first_unanswered_ns =
                                         entry->end == CONNECTION_REFUSED ? 0 : request->sent_ns,
                                     .uncertainty_ns = request->arrival_uncertainty_ns,
                                     .largest_rtt_ns = flow->largest_rtt_ns};
        if (request->sent_ns != 0)
            flow_attempt(flow, request->sent_ns);
        flow_outage(flow, &signal);
        flow_lost(flow);
    } else if (outcome_is_good(request->outcome)) {
        flow_attempt(flow, request->sent_ns);
        flow_good(traffic, flow, request, request->done_ns);
    }
}

static struct order_entry *entry_of(struct order_ring *ring, uint32_t number)
{
    return &ring->entries[number & (ring->capacity - 1)];
}
