/* sequence.h - what a receiver learns from sequence numbers: duplicates and reordering.
 *
 * The sender numbers what it sends 0, 1, 2, ... The receiver expects `next`, one more than the
 * largest number that it has met. A number s that arrives is
 *
 *     in order    s >= next; then next = s + 1
 *     reordered   s < next, and not met before (RFC 4737 3)
 *     duplicate   s < next, and met before
 *     old         s < next - window: too long ago to tell which
 *
 * and a reordered number that is the i-th to arrive has the extent e = i - j, where the j-th is the
 * earliest arrival with a larger number (RFC 4737 4.2); duplicates do not count as arrivals. That
 * arrival was in order itself: numbers that arrive in order rise, so the first one behind s is it.
 *
 * What was lost is not decided here: it is what was sent less `arrivals`.
 *
 * Threads: one owner. Memory: sequence_bytes(window), given by the caller.
 */
#ifndef TRAFFIC_SEQUENCE_H
#define TRAFFIC_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

enum {
    SEQUENCE_WINDOW_MIN = 64,
    SEQUENCE_WINDOW_MAX = 1 << 20
};

struct sequence {
    uint64_t next;     /* The largest number met + 1; 0: none. */
    uint64_t arrivals; /* Different numbers that arrived. */
    uint64_t *met;     /* A bit for each number of the window: it has arrived. */
    uint64_t *leading; /* The same: it arrived in order. */
    uint32_t *arrival; /* The low bits of `arrivals` when it arrived in order. */
    uint32_t window;   /* Numbers that are remembered: a power of two. */
};

enum sequence_verdict {
    SEQUENCE_IN_ORDER,
    SEQUENCE_REORDERED,
    SEQUENCE_DUPLICATE,
    SEQUENCE_OLD
};

/* The smallest window that holds COUNT numbers, within the limits. */
uint32_t sequence_window(uint64_t count);
size_t sequence_bytes(uint32_t window);
/* MEMORY is sequence_bytes(WINDOW), aligned to 8. */
void sequence_init(struct sequence *sequence, void *memory, uint32_t window);
/* Forget all. */
void sequence_reset(struct sequence *sequence);

/* NUMBER arrives. *EXTENT is set for a reordered one: 1 at least. The caller has made sure that
 * NUMBER was sent. */
enum sequence_verdict sequence_arrive(struct sequence *sequence, uint64_t number, uint32_t *extent);

#endif
