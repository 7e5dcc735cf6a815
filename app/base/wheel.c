/* A timer's level is the highest byte in which its tick differs from now_tick, its slot that byte.
 * From that follows:
 *  - all timers of one tick are in one list, always, and keep the order in which they were set;
 *  - timers of a level come before all those of the next one;
 *  - a slot is never below or at now_tick's byte of its level, so that slot 0 is never used: slot 0
 *    of the last level holds the timers beyond the range, until now_tick gets to its next 2^32.
 * now_tick goes from one occupied slot to the next, and never over one. */
#include "base/wheel.h"

#include <assert.h>
#include <stddef.h>

enum {
    TOP_LEVEL = WHEEL_LEVELS - 1,
    RANGE_BITS = WHEEL_LEVELS * WHEEL_SLOT_BITS
};

/* An occupied slot, and the tick at which it must be looked at. */
struct visit {
    uint64_t tick;  /* UINT64_MAX when there is none. */
    unsigned level; /* Of the slot. */
    unsigned slot;  /* In its level. */
};

static uint64_t tick_of(const struct wheel *wheel, uint64_t expires_ns);
static uint64_t in_ticks(const struct wheel *wheel, uint64_t ns);
static void place(struct wheel *wheel, struct wheel_timer *timer);
static void unlink_timer(struct wheel *wheel, struct wheel_timer *timer);
static void step(struct wheel *wheel, uint64_t target_tick);
static struct visit next_visit(const struct wheel *wheel);
static uint64_t next_ns(const struct wheel *wheel);
static int next_occupied(const struct wheel *wheel, unsigned level, unsigned after);
static void list_init(struct wheel_timer *head);
static void list_append(struct wheel_timer *head, struct wheel_timer *timer);

void wheel_init(struct wheel *wheel, uint64_t tick_ns, uint64_t now_ns)
{
    assert(tick_ns > 0);
    *wheel =
        (struct wheel){.tick_ns = tick_ns, .now_tick = now_ns / tick_ns, .next_ns = UINT64_MAX};
    bool power = (tick_ns & (tick_ns - 1)) == 0;
    wheel->tick_shift = power ? (uint8_t)__builtin_ctzll(tick_ns) : 64;
    list_init(&wheel->due);
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++)
            list_init(&wheel->slots[level][slot]);
    }
}

void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t expires_ns)
{
    if (wheel_is_set(timer))
        unlink_timer(wheel, timer);
    else
        wheel->count++;
    timer->expires_tick = tick_of(wheel, expires_ns);
    place(wheel, timer);
    uint64_t earliest_ns =
        timer->expires_tick <= wheel->now_tick ? 0 : timer->expires_tick * wheel->tick_ns;
    if (earliest_ns < wheel->next_ns)
        wheel->next_ns = earliest_ns;
}

void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer)
{
    if (!wheel_is_set(timer))
        return;
    unlink_timer(wheel, timer);
    wheel->count--;
    if (wheel->count == 0)
        wheel->next_ns = UINT64_MAX;
}

struct wheel_timer *wheel_expire_due(struct wheel *wheel, uint64_t now_ns)
{
    uint64_t target_tick = in_ticks(wheel, now_ns);
    struct wheel_timer *timer = NULL;

    while (wheel->due.next == &wheel->due && wheel->now_tick < target_tick)
        step(wheel, target_tick);
    if (wheel->due.next != &wheel->due) {
        timer = wheel->due.next;
        unlink_timer(wheel, timer);
        wheel->count--;
    }
    wheel->next_ns = next_ns(wheel);
    return timer;
}

/* Rounded up, so that nothing is early; what is beyond the last tick of 64 bits is set for that. */
static uint64_t tick_of(const struct wheel *wheel, uint64_t expires_ns)
{
    if (expires_ns > UINT64_MAX - wheel->tick_ns)
        return UINT64_MAX / wheel->tick_ns;
    return in_ticks(wheel, expires_ns + wheel->tick_ns - 1);
}

/* Rounded down. */
static uint64_t in_ticks(const struct wheel *wheel, uint64_t ns)
{
    return wheel->tick_shift < 64 ? ns >> wheel->tick_shift : ns / wheel->tick_ns;
}

static void place(struct wheel *wheel, struct wheel_timer *timer)
{
    uint64_t differ = timer->expires_tick ^ wheel->now_tick;
    unsigned level = TOP_LEVEL, slot = 0;

    if (timer->expires_tick <= wheel->now_tick) {
        list_append(&wheel->due, timer);
        return;
    }
    if (differ >> RANGE_BITS == 0) {
        level = (63 - (unsigned)__builtin_clzll(differ)) / WHEEL_SLOT_BITS;
        slot = timer->expires_tick >> (level * WHEEL_SLOT_BITS) & (WHEEL_SLOTS - 1);
    }
    list_append(&wheel->slots[level][slot], timer);
    wheel->occupied[level][slot / 64] |= UINT64_C(1) << slot % 64;
}

/* The last of a list has the list's head on both sides. */
static void unlink_timer(struct wheel *wheel, struct wheel_timer *timer)
{
    struct wheel_timer *head = timer->next;

    if (head == timer->prev && head != &wheel->due) {
        size_t index = (size_t)(head - &wheel->slots[0][0]);
        size_t slot = index % WHEEL_SLOTS;

        wheel->occupied[index / WHEEL_SLOTS][slot / 64] &= ~(UINT64_C(1) << slot % 64);
    }
    timer->prev->next = timer->next;
    timer->next->prev = timer->prev;
    timer->next = NULL;
    timer->prev = NULL;
}

/* Go to the next occupied slot and sort its timers in, or to TARGET_TICK if that is before it. */
static void step(struct wheel *wheel, uint64_t target_tick)
{
    struct visit visit = next_visit(wheel);

    if (visit.tick > target_tick) {
        wheel->now_tick = target_tick;
        return;
    }
    struct wheel_timer *head = &wheel->slots[visit.level][visit.slot];
    struct wheel_timer *last = head->prev;
    struct wheel_timer *timer;

    /* Those that are still beyond the range go back to this list: stop at the one that is last
     * now. */
    wheel->now_tick = visit.tick;
    do {
        timer = head->next;
        unlink_timer(wheel, timer);
        place(wheel, timer);
    } while (timer != last);
}

static struct visit next_visit(const struct wheel *wheel)
{
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        unsigned shift = level * WHEEL_SLOT_BITS;
        uint64_t now_slots = wheel->now_tick >> shift;
        int slot = next_occupied(wheel, level, now_slots & (WHEEL_SLOTS - 1));

        if (slot >= 0) {
            uint64_t slots = (now_slots & ~(uint64_t)(WHEEL_SLOTS - 1)) | (uint64_t)slot;
            return (struct visit){slots << shift, level, (unsigned)slot};
        }
    }
    if (wheel->occupied[TOP_LEVEL][0] & 1)
        return (struct visit){((wheel->now_tick >> RANGE_BITS) + 1) << RANGE_BITS, TOP_LEVEL, 0};
    return (struct visit){.tick = UINT64_MAX};
}

static uint64_t next_ns(const struct wheel *wheel)
{
    if (wheel->due.next != &wheel->due)
        return 0;
    uint64_t tick = next_visit(wheel).tick;
    return tick == UINT64_MAX ? UINT64_MAX : tick * wheel->tick_ns;
}

/* The first occupied slot over AFTER, or -1. */
static int next_occupied(const struct wheel *wheel, unsigned level, unsigned after)
{
    unsigned first = after + 1;

    for (unsigned word = first / 64; word < WHEEL_SLOTS / 64; word++) {
        uint64_t bits = wheel->occupied[level][word];

        if (word == first / 64)
            bits &= UINT64_MAX << first % 64;
        if (bits != 0)
            return (int)(word * 64) + __builtin_ctzll(bits);
    }
    return -1;
}

static void list_init(struct wheel_timer *head)
{
    head->next = head;
    head->prev = head;
}

static void list_append(struct wheel_timer *head, struct wheel_timer *timer)
{
    timer->next = head;
    timer->prev = head->prev;
    head->prev->next = timer;
    head->prev = timer;
}
