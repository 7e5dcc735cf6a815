/* schedule.h - when requests are due: an open loop of constant rate, exact in integers.
 *
 * A schedule has `slot_count` slots (flows) in a cycle. Slot s of cycle k is due at
 *
 *     start + offsets[s] + floor(k * period * slot_count / count)
 *
 * for `count` requests in `period`: no rounding adds up. Offsets rise and are below the interval
 * floor(period * slot_count / count), so that due times come in the order (k, s), and the next
 * one is known at any time: a look that finds nothing due costs one comparison.
 *
 * The schedule does not know how late it is asked: what is due stays due, one after another,
 * however long the asker was away.
 *
 * Threads: one owner. Memory: offsets and order are the caller's, slot_count of each.
 */
#ifndef TRAFFIC_SCHEDULE_H
#define TRAFFIC_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct schedule {
    uint64_t count;      /* So many requests ... */
    uint64_t period_ns;  /* ... in so long. */
    uint64_t whole_ns;   /* The interval of a slot is whole_ns + rest / count. */
    uint64_t rest;       /* Below count. */
    uint64_t cycle_ns;   /* When the present cycle began, rounded down: start + k intervals. */
    uint64_t cycle_rest; /* What the rounding left, in 1 / count of a ns. */
    uint64_t next_ns;    /* The next due time; UINT64_MAX: stopped. */
    const uint64_t *offsets_ns; /* By slot, rising. Borrowed. */
    uint32_t slot_count;        /* Slots in a cycle. */
    uint32_t slot;              /* s of the next due time. */
};

/* Interval between two requests of one slot, rounded down. */
uint64_t schedule_interval_ns(uint64_t count, uint64_t period_ns, uint32_t slot_count);

/* Fill OFFSETS_NS with a random share of the interval for each slot, sorted. SLOT_FIRST is part
 * of the seed, so that workers who share a stream differ. */
void schedule_stagger(uint64_t offsets_ns[], uint32_t slot_count, uint64_t interval_ns,
                      uint64_t seed, uint32_t slot_first);

/* A stopped schedule. COUNT, PERIOD_NS and SLOT_COUNT are positive. */
void schedule_init(struct schedule *schedule, uint64_t count, uint64_t period_ns,
                   const uint64_t offsets_ns[], uint32_t slot_count);
void schedule_start(struct schedule *schedule, uint64_t start_ns);
void schedule_stop(struct schedule *schedule);

/* If something is due at NOW_NS: true, with its slot and due time, and the schedule goes on to
 * the next. False otherwise. Ask again until false. */
static inline bool schedule_is_due(const struct schedule *schedule, uint64_t now_ns)
{
    return schedule->next_ns <= now_ns;
}
bool schedule_take(struct schedule *schedule, uint64_t now_ns, uint32_t *slot, uint64_t *due_ns);

#endif
