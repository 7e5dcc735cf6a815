#include "base/mailbox.h"

#include <assert.h>
#include <string.h>

size_t mailbox_bytes(uint32_t capacity, uint32_t message_bytes)
{
    size_t bytes = sizeof(struct mailbox) + (size_t)capacity * message_bytes;

    return (bytes + 63) & ~(size_t)63;
}

struct mailbox *mailbox_init(void *memory, uint32_t capacity, uint32_t message_bytes)
{
    struct mailbox *mailbox = memory;

    assert((uintptr_t)memory % 64 == 0);
    assert(capacity > 0);
    assert((capacity & (capacity - 1)) == 0);
    mailbox->capacity = capacity;
    mailbox->message_bytes = message_bytes;
    mailbox->messages = (uint8_t *)memory + sizeof(*mailbox);
    mailbox->tail_seen = 0;
    atomic_init(&mailbox->head, 0);
    atomic_init(&mailbox->tail, 0);
    return mailbox;
}

bool mailbox_put(struct mailbox *mailbox, const void *message)
{
    uint32_t head = atomic_load_explicit(&mailbox->head, memory_order_relaxed);
    size_t index = head & (mailbox->capacity - 1);

    if (head - mailbox->tail_seen == mailbox->capacity) {
        mailbox->tail_seen = atomic_load_explicit(&mailbox->tail, memory_order_acquire);
        if (head - mailbox->tail_seen == mailbox->capacity)
            return false;
    }
    memcpy(mailbox->messages + index * mailbox->message_bytes, message, mailbox->message_bytes);
    atomic_store_explicit(&mailbox->head, head + 1, memory_order_release);
    return true;
}

bool mailbox_take(struct mailbox *mailbox, void *message)
{
    uint32_t tail = atomic_load_explicit(&mailbox->tail, memory_order_relaxed);
    size_t index = tail & (mailbox->capacity - 1);

    if (tail == atomic_load_explicit(&mailbox->head, memory_order_acquire))
        return false;
    memcpy(message, mailbox->messages + index * mailbox->message_bytes, mailbox->message_bytes);
    atomic_store_explicit(&mailbox->tail, tail + 1, memory_order_release);
    return true;
}
