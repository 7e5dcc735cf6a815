/* mailbox.h - a single-producer, single-consumer ring of fixed-size messages.
 *
 * The only door between the control thread and a worker: one mailbox each way. Bounded; full means
 * mailbox_put returns false and the caller tries again or counts. An empty look costs the consumer
 * one relaxed load of its own line and one acquire load of the producer's.
 *
 * Threads: exactly one producer and one consumer. Ordering: put releases `head`, take acquires it;
 * take releases `tail`, put acquires it. Memory: given by the caller, mailbox_bytes() aligned to
 * 64.
 */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mailbox {
    /* Line 1. Immutable after init. */
    alignas(64) uint32_t capacity; /* Messages, a power of two. */
    uint32_t message_bytes;
    uint8_t *messages;
    /* Line 2. Written by the producer. */
    alignas(64) _Atomic uint32_t head; /* Messages ever put. */
    uint32_t tail_seen;                /* The producer's last look at tail. */
    /* Line 3. Written by the consumer. */
    alignas(64) _Atomic uint32_t tail; /* Messages ever taken. */
};

size_t mailbox_bytes(uint32_t capacity, uint32_t message_bytes);
struct mailbox *mailbox_init(void *memory, uint32_t capacity, uint32_t message_bytes);
bool mailbox_put(struct mailbox *mailbox, const void *message);
bool mailbox_take(struct mailbox *mailbox, void *message);
/* The consumer's look, without a call: a message may be taken. */
static inline bool mailbox_waits(const struct mailbox *mailbox)
{
    return atomic_load_explicit(&mailbox->tail, memory_order_relaxed) !=
           atomic_load_explicit(&mailbox->head, memory_order_acquire);
}

#endif
