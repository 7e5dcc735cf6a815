#include "traffic/schedule.h"

#include <assert.h>
#include <stddef.h>

static uint64_t first_step(struct schedule *schedule);
static uint64_t next_step(struct schedule *schedule);
static uint64_t poisson_step(struct schedule *schedule);
static uint64_t burst_position(const struct schedule *schedule);
static void go_on(struct schedule *schedule, uint64_t step);
static void sift_down(uint64_t heap[], uint32_t root, uint32_t count);
static void sort(uint64_t values[], uint32_t count);

void schedule_stagger(uint64_t places[], uint32_t slot_count, uint32_t stride, uint64_t seed,
                      uint32_t first)
{
    struct random random;
    random_seed(&random, seed ^ ((uint64_t)first << 32));
    for (uint32_t slot = 0; slot < slot_count; slot++)
        places[slot] = random_below(&random, (uint64_t)stride << LAW_POSITION_BITS);
    sort(places, slot_count);
}

void schedule_in_turn(uint64_t places[], uint32_t slot_count, uint32_t first)
{
    for (uint32_t slot = 0; slot < slot_count; slot++)
        places[slot] = ((uint64_t)first + slot) << LAW_POSITION_BITS;
}

void schedule_by_turns(uint64_t places[], const uint32_t turns[], uint32_t count, uint32_t first,
                       uint32_t step)
{
    for (uint32_t i = 0; i < count; i++)
        places[i] = (first + (uint64_t)(turns[i] - 1) * step) << LAW_POSITION_BITS;
}

void schedule_init(struct schedule *schedule, const struct law *law, const uint64_t places[],
                   uint32_t slot_count, uint32_t stride, uint64_t seed)
{
    assert(slot_count > 0);
    assert(slot_count <= stride);
    *schedule = (struct schedule){.next_ns = UINT64_MAX,
                                  .slot_count = slot_count,
                                  .stride = stride,
                                  .places = places,
                                  .seed = seed};
    law_start(&schedule->cursor, law);
}

void schedule_start(struct schedule *schedule, uint64_t start_ns)
{
    schedule->start_ns = start_ns;
    schedule->cycle = 0;
    schedule->slot = 0;
    random_seed(&schedule->random, schedule->seed);
    law_start(&schedule->cursor, schedule->cursor.law);
    go_on(schedule, first_step(schedule));
}

void schedule_stop(struct schedule *schedule)
{
    schedule->next_ns = UINT64_MAX;
}

bool schedule_take_due(struct schedule *schedule, uint64_t now_ns, uint32_t *slot, uint64_t *due_ns)
{
    if (schedule->next_ns == UINT64_MAX)
        return false;
    bool maximum = schedule->cursor.law->arrivals == LAW_MAXIMUM;
    *slot = schedule->slot;
    *due_ns = maximum ? now_ns : schedule->next_ns;
    go_on(schedule, next_step(schedule));
    return true;
}

static uint64_t first_step(struct schedule *schedule)
{
    switch (schedule->cursor.law->arrivals) {
    case LAW_POISSON: return poisson_step(schedule);
    case LAW_BURST: return burst_position(schedule);
    default: return schedule->places[0];
    }
}

/* To the next slot, and how far on its position is. */
static uint64_t next_step(struct schedule *schedule)
{
    enum law_arrivals arrivals = schedule->cursor.law->arrivals;
    uint64_t place = schedule->places[schedule->slot];
    uint64_t burst = arrivals == LAW_BURST ? burst_position(schedule) : 0;
    uint64_t cycle = 0;
    schedule->slot++;
    if (schedule->slot == schedule->slot_count) {
        schedule->slot = 0;
        schedule->cycle++;
        cycle = (uint64_t)schedule->stride << LAW_POSITION_BITS;
    }
    switch (arrivals) {
    case LAW_POISSON: return poisson_step(schedule);
    case LAW_BURST: return burst_position(schedule) - burst;
    default: return cycle + schedule->places[schedule->slot] - place;
    }
}

static uint64_t poisson_step(struct schedule *schedule)
{
    return random_exponential(&schedule->random) * schedule->stride / schedule->slot_count;
}

/* Whole numbers; what is over 2^32 is lost, and makes no difference to a difference. */
static uint64_t burst_position(const struct schedule *schedule)
{
    uint64_t place = schedule->places[schedule->slot] >> LAW_POSITION_BITS;
    uint64_t number = schedule->cycle * schedule->stride + place;
    return (number - number % schedule->cursor.law->burst) << LAW_POSITION_BITS;
}

static void go_on(struct schedule *schedule, uint64_t step)
{
    if (schedule->cursor.law->arrivals == LAW_MAXIMUM) {
        schedule->next_ns = schedule->start_ns;
        return;
    }
    uint64_t due_ns = law_advance(&schedule->cursor, step);
    schedule->next_ns = due_ns == UINT64_MAX ? UINT64_MAX : schedule->start_ns + due_ns;
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
