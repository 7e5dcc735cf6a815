#include "net/capture.h"

#include <string.h>

void capture_add(struct capture *capture, uint64_t tsc, bool sent, const uint8_t *data,
                 uint32_t kept, uint32_t bytes)
{
    uint64_t count = atomic_load_explicit(&capture->count, memory_order_relaxed);
    struct capture_packet *packet = &capture->slots[count & (capture->slot_count - 1)];
    packet->tsc = tsc;
    packet->bytes = bytes;
    packet->kept = (uint16_t)(kept < CAPTURE_SNAP_BYTES ? kept : CAPTURE_SNAP_BYTES);
    packet->sent = sent;
    memcpy(packet->data, data, packet->kept);
    atomic_store_explicit(&capture->count, count + 1, memory_order_release);
}

/* The slot of packet `count` may be being written: the packet that it held is gone. */
void capture_range(const struct capture *capture, uint64_t *first, uint64_t *end)
{
    *end = atomic_load_explicit(&capture->count, memory_order_acquire);
    *first = *end >= capture->slot_count ? *end - capture->slot_count + 1 : 0;
}

bool capture_get(const struct capture *capture, uint64_t index, struct capture_packet *packet)
{
    uint64_t first, end;
    *packet = capture->slots[index & (capture->slot_count - 1)];
    atomic_thread_fence(memory_order_acquire);
    capture_range(capture, &first, &end);
    return index >= first && index < end && packet->kept <= CAPTURE_SNAP_BYTES;
}
