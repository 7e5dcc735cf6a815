#include "traffic/schedule.h"

#include <assert.h>
#include <stddef.h>

#include "base/random.h"
#include "base/wide.h"

static void next_cycle(struct schedule *schedule);
static void sift_down(uint64_t heap[], uint32_t root, uint32_t count);
static void sort(uint64_t values[], uint32_t count);

uint64_t schedule_interval_ns(uint64_t count, uint64_t period_ns, uint32_t slot_count)
{
    wide_uint interval = (wide_uint)period_ns * slot_count / count;
    return interval > UINT64_MAX ? UINT64_MAX : (uint64_t)interval;
}

void schedule_stagger(uint64_t offsets_ns[], uint32_t slot_count, uint64_t interval_ns,
                      uint64_t seed, uint32_t slot_first)
{
    struct random random;
    random_seed(&random, seed ^ ((uint64_t)slot_first << 32));
    for (uint32_t slot = 0; slot < slot_count; slot++)
        offsets_ns[slot] = random_below(&random, interval_ns);
    sort(offsets_ns, slot_count);
}

void schedule_init(struct schedule *schedule, uint64_t count, uint64_t period_ns,
                   const uint64_t offsets_ns[], uint32_t slot_count)
{
    assert(count > 0);
    assert(period_ns > 0);
    assert(slot_count > 0);
    wide_uint turn = (wide_uint)period_ns * slot_count;
    *schedule = (struct schedule){.count = count,
                                  .period_ns = period_ns,
                                  .whole_ns = (uint64_t)(turn / count),
                                  .rest = (uint64_t)(turn % count),
                                  .offsets_ns = offsets_ns,
                                  .slot_count = slot_count,
                                  .next_ns = UINT64_MAX};
}

void schedule_start(struct schedule *schedule, uint64_t start_ns)
{
    schedule->cycle_ns = start_ns;
    schedule->cycle_rest = 0;
    schedule->slot = 0;
    schedule->next_ns = start_ns + schedule->offsets_ns[0];
}

void schedule_stop(struct schedule *schedule)
{
    schedule->next_ns = UINT64_MAX;
}

bool schedule_take(struct schedule *schedule, uint64_t now_ns, uint32_t *slot, uint64_t *due_ns)
{
    if (!schedule_is_due(schedule, now_ns) || schedule->next_ns == UINT64_MAX)
        return false;
    *slot = schedule->slot;
    *due_ns = schedule->next_ns;
    schedule->slot++;
    if (schedule->slot == schedule->slot_count)
        next_cycle(schedule);
    schedule->next_ns = schedule->cycle_ns + schedule->offsets_ns[schedule->slot];
    return true;
}

/* Adds one interval, exactly: the rests add up to a whole ns now and then. */
static void next_cycle(struct schedule *schedule)
{
    schedule->slot = 0;
    schedule->cycle_ns += schedule->whole_ns;
    if (schedule->cycle_rest >= schedule->count - schedule->rest) {
        schedule->cycle_rest -= schedule->count - schedule->rest;
        schedule->cycle_ns++;
    } else {
        schedule->cycle_rest += schedule->rest;
    }
}

/* A heap sort: no memory, and no bad case. */
static void sort(uint64_t values[], uint32_t count)
{
    for (uint32_t root = count / 2; root > 0; root--)
        sift_down(values, root - 1, count);
    for (uint32_t last = count; last > 1; last--) {
        uint64_t largest = values[0];
        values[0] = values[last - 1];
        values[last - 1] = largest;
        sift_down(values, 0, last - 1);
    }
}

static void sift_down(uint64_t heap[], uint32_t root, uint32_t count)
{
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= count)
            return;
        if (child + 1 < count && heap[child + 1] > heap[child])
            child++;
        if (heap[root] >= heap[child])
            return;
        uint64_t moved = heap[root];
        heap[root] = heap[child];
        heap[child] = moved;
        root = child;
    }
}
