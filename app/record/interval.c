#include "record/interval.h"

#include <assert.h>
#include <stddef.h>

static_assert((INTERVAL_SLOTS & (INTERVAL_SLOTS - 1)) == 0, "the ring's index is a mask");

static void clear(struct interval *interval)
{
    interval->from_ns = interval->to_ns = 0;
    interval->whole = false;
    for (unsigned i = 0; i < INTERVAL_LATENCY_COUNT; i++)
        histogram_clear(&interval->latencies[i]);
}

void intervals_clear(struct intervals *intervals)
{
    for (unsigned i = 0; i < INTERVAL_SLOTS; i++)
        clear(&intervals->slots[i]);
    intervals->end_ns = 0;
    intervals->newest = NULL;
    atomic_store(&intervals->closed, 0);
    atomic_store(&intervals->taken, 0);
}

static void close_newest(struct intervals *intervals, uint64_t closed)
{
    intervals->slots[closed % INTERVAL_SLOTS].to_ns = intervals->end_ns;
    atomic_store_explicit(&intervals->closed, closed + 1, memory_order_release);
}

void intervals_turn(struct intervals *intervals, uint64_t now_ns)
{
    uint64_t closed = atomic_load_explicit(&intervals->closed, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&intervals->taken, memory_order_acquire);
    uint64_t from_ns = now_ns / INTERVAL_NS * INTERVAL_NS;
    bool first = intervals->end_ns == 0;
    /* Closed ones and the newest: one slot must be free for the next. */
    if (!first && closed - taken + 1 < INTERVAL_SLOTS)
        close_newest(intervals, closed++);
    else if (!first)
        from_ns = intervals->slots[closed % INTERVAL_SLOTS].from_ns;
    intervals->newest = &intervals->slots[closed % INTERVAL_SLOTS];
    intervals->newest->from_ns = from_ns;
    intervals->end_ns = now_ns / INTERVAL_NS * INTERVAL_NS + INTERVAL_NS;
}

void intervals_finish(struct intervals *intervals)
{
    if (intervals->end_ns != 0)
        close_newest(intervals, atomic_load_explicit(&intervals->closed, memory_order_relaxed));
    intervals->end_ns = 0;
}

const struct interval *intervals_oldest(struct intervals *intervals)
{
    uint64_t taken = atomic_load_explicit(&intervals->taken, memory_order_relaxed);
    uint64_t closed = atomic_load_explicit(&intervals->closed, memory_order_acquire);
    if (taken == closed)
        return NULL;
    struct interval *interval = &intervals->slots[taken % INTERVAL_SLOTS];
    struct histogram *latencies = interval->latencies;
    if (!interval->whole)
        histogram_merge(&latencies[INTERVAL_FROM_SENT], &latencies[INTERVAL_PLAIN]);
    interval->whole = true;
    return interval;
}

void intervals_give_back(struct intervals *intervals)
{
    uint64_t taken = atomic_load_explicit(&intervals->taken, memory_order_relaxed);
    clear(&intervals->slots[taken % INTERVAL_SLOTS]);
    atomic_store_explicit(&intervals->taken, taken + 1, memory_order_release);
}
