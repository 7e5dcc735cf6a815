#include "net/handover.h"

struct message {
    struct rte_mbuf *mbuf;
    uint64_t since_ns; /* It arrived after that. */
};

static size_t head_bytes(void)
{
    return (sizeof(struct handover) + 63) & ~(size_t)63;
}

size_t handover_bytes(uint16_t workers)
{
    return head_bytes() + (size_t)workers * (workers - 1u) *
                              mailbox_bytes(HANDOVER_LANE_FRAMES, sizeof(struct message));
}

struct handover *handover_init(void *memory, uint16_t workers)
{
    struct handover *handover = memory;
    uint8_t *next = (uint8_t *)memory + head_bytes();
    *handover = (struct handover){.workers = workers};
    for (uint16_t from = 0; from < workers; from++) {
        for (uint16_t to = 0; to < workers; to++) {
            if (from == to)
                continue;
            handover->lanes[from][to] =
                mailbox_init(next, HANDOVER_LANE_FRAMES, sizeof(struct message));
            next += mailbox_bytes(HANDOVER_LANE_FRAMES, sizeof(struct message));
        }
    }
    return handover;
}

bool handover_put(struct handover *handover, uint16_t from, uint16_t to, struct rte_mbuf *mbuf,
                  uint64_t since_ns)
{
    const struct message message = {mbuf, since_ns};
    return mailbox_put(handover->lanes[from][to], &message);
}

uint16_t handover_take(struct handover *handover, uint16_t to, uint16_t *first,
                       struct rte_mbuf *out[], uint16_t max, uint64_t *since_ns)
{
    uint16_t count = 0;
    uint16_t from = *first;
    struct message message;
    for (uint16_t looked = 0; looked < handover->workers && count < max; looked++) {
        while (from != to && count < max && mailbox_take(handover->lanes[from][to], &message)) {
            out[count++] = message.mbuf;
            if (message.since_ns < *since_ns)
                *since_ns = message.since_ns;
        }
        from = from + 1 == handover->workers ? 0 : (uint16_t)(from + 1);
    }
    *first = from;
    return count;
}

void handover_finish(struct handover *handover)
{
    atomic_fetch_add_explicit(&handover->finished, 1, memory_order_release);
}

bool handover_all_finished(const struct handover *handover)
{
    return atomic_load_explicit(&handover->finished, memory_order_acquire) == handover->workers;
}
