/* wheel.h - a hierarchical timer wheel in virtual time.
 *
 * Four levels of 256 slots; tick given at init (say 65536 ns: ~65 us; a power of two saves
 * divisions). Timers are intrusive: a
 * struct wheel_timer inside the object. Expiry is never early: a timer set for T is returned by the
 * first wheel_expire(now) with now >= T rounded up to a tick. Timers of one tick come out in the
 * order in which they were set. Beyond the wheel's range (2^32 ticks) a timer is set again inside.
 *
 * Nothing calls back: the owner asks for expired timers one after another.
 *
 *     struct wheel_timer *timer;
 *     while ((timer = wheel_expire(&wheel, now_ns)) != NULL)
 *         handle(container_of(timer, struct conn, timer));
 *
 * Threads: one owner. Memory: no allocation; the wheel holds pointers to itself and must not move.
 * Cost: O(1) to set and cancel; a turn that finds nothing due costs a comparison with `next_ns`, a
 * lower bound of the earliest expiry.
 */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WHEEL_LEVELS = 4,
    WHEEL_SLOT_BITS = 8,
    WHEEL_SLOTS = 1 << WHEEL_SLOT_BITS
};

struct wheel_timer {
    struct wheel_timer *next, *prev; /* NULL when not set. */
    uint64_t expires_tick;           /* Absolute. */
};

struct wheel {
    uint64_t tick_ns;       /* Length of a tick. */
    uint8_t tick_shift;     /* It is 1 << this; 64: it is no power of two. */
    uint64_t now_tick;      /* Ticks that have been processed. */
    uint64_t next_ns;       /* No timer expires before this; UINT64_MAX when none is set. */
    uint32_t count;         /* Timers set. */
    struct wheel_timer due; /* List of expired ones, not yet fetched. */
    uint64_t occupied[WHEEL_LEVELS][WHEEL_SLOTS / 64];   /* One bit a slot: has timers. */
    struct wheel_timer slots[WHEEL_LEVELS][WHEEL_SLOTS]; /* List heads. */
};

void wheel_init(struct wheel *wheel, uint64_t tick_ns, uint64_t now_ns);
/* Set, or move when already set. TIMER is zeroed before its first use. A time in the past expires
 * at the next call. */
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t expires_ns);
void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer); /* Harmless when not set. */
/* The part of wheel_expire() for when something may be due. */
struct wheel_timer *wheel_expire_due(struct wheel *wheel, uint64_t now_ns);

static inline bool wheel_is_set(const struct wheel_timer *timer)
{
    return timer->next != NULL;
}

/* Does TIMER, which is set, expire after one that would be set for EXPIRES_NS? */
static inline bool wheel_is_later(const struct wheel *wheel, const struct wheel_timer *timer,
                                  uint64_t expires_ns)
{
    return timer->expires_tick * wheel->tick_ns >= expires_ns + wheel->tick_ns;
}

/* The next expired timer, no longer set, by tick and then in the order of setting; NULL when there
 * is none (any more). While one is handled, timers may be set, moved and cancelled; one that is set
 * in the past comes out of the same loop, so whoever always sets in the past never leaves it. */
static inline struct wheel_timer *wheel_expire(struct wheel *wheel, uint64_t now_ns)
{
    if (now_ns < wheel->next_ns)
        return NULL;
    return wheel_expire_due(wheel, now_ns);
}

#endif
