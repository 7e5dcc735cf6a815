/* schedule.h - which slot is due when: a law (law.h) dealt out to slots, an open loop.
 *
 * All requests of a stream are numbered along its law. A worker has `slot_count` slots (the flows
 * of a held stream; one of a stream that opens a connection a request) out of `stride` that all
 * workers have together, and slot s of cycle k has the number
 *
 *     k * stride + place[s]                with places rising and below stride
 *
 * and is due at start + T(position), T the law's. Positions:
 *
 *     even      the number itself; places may have fractions, so that flows do not march in step
 *     poisson   the sum of exponential steps with mean stride / slot_count; slots in turn
 *     burst     the number, rounded down to a whole number of bursts
 *
 * So workers share a law without a word to each other: even ones and bursts have different numbers
 * of one sequence, whose union is what a single worker would do, and Poisson processes of different
 * seeds add up to the Poisson process of the whole. A step of Poisson is rounded down to 2^-32.
 *
 * A maximum is due whenever it is asked, and the asker bounds how often that is.
 *
 * The schedule does not know how late it is asked: what is due stays due, one after another,
 * however long the asker was away. A look that finds nothing due costs one comparison.
 *
 * Threads: one owner. Memory: law and places are the caller's.
 */
#ifndef TRAFFIC_SCHEDULE_H
#define TRAFFIC_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "traffic/law.h"

struct schedule {
    uint64_t next_ns;       /* The next due time; UINT64_MAX: stopped, or the law has ended. */
    uint64_t start_ns;      /* The law's. */
    uint64_t cycle;         /* k of the next due time. */
    uint32_t slot;          /* s of it. */
    uint32_t slot_count;    /* Slots in a cycle that are this worker's, */
    uint32_t stride;        /* and of all workers. */
    const uint64_t *places; /* By slot, in 2^-32. Borrowed. */
    struct law_cursor cursor;
    uint64_t seed;        /* Of Poisson. */
    struct random random; /* The same, under way. */
};

/* Fill PLACES with a random share of STRIDE for each slot, sorted. FIRST is part of the seed, so
 * that workers who share a stream differ. */
void schedule_stagger(uint64_t places[], uint32_t slot_count, uint32_t stride, uint64_t seed,
                      uint32_t first);
/* Fill PLACES with FIRST, FIRST + 1, ...: exactly in turn. */
void schedule_in_turn(uint64_t places[], uint32_t slot_count, uint32_t first);
/* Fill PLACES with FIRST + (t - 1) * STEP for each of COUNT rising TURNS t, from 1 at least. */
void schedule_by_turns(uint64_t places[], const uint32_t turns[], uint32_t count, uint32_t first,
                       uint32_t step);

/* A stopped schedule. LAW was checked; 0 < SLOT_COUNT <= STRIDE. */
void schedule_init(struct schedule *schedule, const struct law *law, const uint64_t places[],
                   uint32_t slot_count, uint32_t stride, uint64_t seed);
/* From the law's start, each time the same. */
void schedule_start(struct schedule *schedule, uint64_t start_ns);
void schedule_stop(struct schedule *schedule);

static inline bool schedule_is_due(const struct schedule *schedule, uint64_t now_ns)
{
    return schedule->next_ns <= now_ns;
}
/* The part of schedule_take() for when something may be due. */
bool schedule_take_due(struct schedule *schedule, uint64_t now_ns, uint32_t *slot,
                       uint64_t *due_ns);
/* If something is due at NOW_NS: true, with its slot and due time, and the schedule goes on to
 * the next. False otherwise. Ask again until false; of a maximum, until enough. */
static inline bool schedule_take(struct schedule *schedule, uint64_t now_ns, uint32_t *slot,
                                 uint64_t *due_ns)
{
    return schedule_is_due(schedule, now_ns) && schedule_take_due(schedule, now_ns, slot, due_ns);
}

#endif
