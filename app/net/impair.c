#include "net/impair.h"

#include <assert.h>
#include <string.h>

static uint64_t threshold(double probability);
static bool hits(struct impair *impair, uint64_t limit);
static bool keep(struct impair *impair, struct impair_queue *queue, struct impair_kept kept);
static void *first(struct impair_queue *queue);
static bool is_due(const struct impair *impair, const struct impair_queue *queue, uint64_t now_ns);

void impair_init(struct impair *impair, const struct impair_config *config, uint64_t seed)
{
    memset(impair, 0, sizeof(*impair));
    random_seed(&impair->random, seed);
    impair->drop = threshold(config->drop);
    impair->flip = threshold(config->flip);
    impair->duplicate = threshold(config->duplicate);
    impair->delay = threshold(config->delay);
    impair->reorder = threshold(config->reorder);
    impair->delay_ns = config->delay_ns;
    impair->distance = config->distance;
}

uint32_t impair_room(const struct impair *impair)
{
    return IMPAIR_READY_MAX - (impair->ready_head - impair->ready_tail);
}

struct impair_fate impair_fate(struct impair *impair)
{
    struct impair_fate fate = {.drop = hits(impair, impair->drop)};
    struct impair_counters *counters = &impair->counters;

    counters->packets++;
    if (fate.drop) {
        counters->dropped++;
        return fate;
    }
    fate.flip = hits(impair, impair->flip);
    if (fate.flip)
        fate.random = random_next(&impair->random);
    fate.duplicate = hits(impair, impair->duplicate);
    fate.delay = hits(impair, impair->delay);
    fate.reorder = hits(impair, impair->reorder) && !fate.delay;
    counters->flipped += fate.flip;
    counters->duplicated += fate.duplicate;
    counters->delayed += fate.delay;
    counters->reordered += fate.reorder;
    return fate;
}

void impair_pass(struct impair *impair, uint64_t now_ns, void *packet,
                 const struct impair_fate *fate)
{
    struct impair_kept kept = {.packet = packet, .behind = UINT64_MAX};

    if (fate->delay) {
        kept.due_ns = now_ns + impair->delay_ns;
        if (keep(impair, &impair->delayed, kept))
            return;
    } else if (fate->reorder) {
        kept.due_ns = now_ns + IMPAIR_REORDER_NS;
        kept.behind =
            impair->gone_by + (impair->ready_head - impair->ready_tail) + impair->distance;
        if (keep(impair, &impair->reordered, kept))
            return;
    }
    assert(impair_room(impair) > 0);
    impair->ready[impair->ready_head++ % IMPAIR_READY_MAX] = packet;
}

void *impair_take(struct impair *impair, uint64_t now_ns)
{
    if (is_due(impair, &impair->delayed, now_ns))
        return first(&impair->delayed);
    if (is_due(impair, &impair->reordered, now_ns))
        return first(&impair->reordered);
    if (impair->ready_head == impair->ready_tail)
        return NULL;
    impair->gone_by++;
    return impair->ready[impair->ready_tail++ % IMPAIR_READY_MAX];
}

void *impair_drain(struct impair *impair)
{
    return impair_take(impair, UINT64_MAX);
}

uint32_t impair_held(const struct impair *impair)
{
    return impair->ready_head - impair->ready_tail + impair->delayed.head - impair->delayed.tail +
           impair->reordered.head - impair->reordered.tail;
}

static uint64_t threshold(double probability)
{
    const double whole = 18446744073709551616.0; /* 2^64. */
    double scaled = probability * whole;

    if (probability <= 0)
        return 0;
    return scaled < whole ? (uint64_t)scaled : UINT64_MAX;
}

/* Nothing is drawn for what never happens. */
static bool hits(struct impair *impair, uint64_t limit)
{
    return limit != 0 && random_next(&impair->random) <= limit - 1;
}

static bool keep(struct impair *impair, struct impair_queue *queue, struct impair_kept kept)
{
    if (queue->head - queue->tail == IMPAIR_HELD_MAX) {
        impair->counters.full++;
        return false;
    }
    queue->kept[queue->head++ % IMPAIR_HELD_MAX] = kept;
    return true;
}

static void *first(struct impair_queue *queue)
{
    return queue->kept[queue->tail++ % IMPAIR_HELD_MAX].packet;
}

static bool is_due(const struct impair *impair, const struct impair_queue *queue, uint64_t now_ns)
{
    const struct impair_kept *kept = &queue->kept[queue->tail % IMPAIR_HELD_MAX];

    if (queue->head == queue->tail)
        return false;
    return kept->due_ns <= now_ns || kept->behind <= impair->gone_by;
}
