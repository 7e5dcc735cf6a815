#include "analyze/due_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t member_due_ns(const struct record_fold *fold, uint32_t index)
{
    return fold->first_ns + index * fold->step_ns;
}

/* A binary heap: no member is due before the one at half its place. */
static void push(struct due_order *order, struct due_member member)
{
    size_t at = order->heap_count++;
    while (at > 0 && order->heap[(at - 1) / 2].due_ns > member.due_ns) {
        order->heap[at] = order->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    order->heap[at] = member;
}

static struct due_member pop(struct due_order *order)
{
    struct due_member top = order->heap[0], last = order->heap[--order->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < order->heap_count &&
            order->heap[child + 1].due_ns < order->heap[child].due_ns)
            child++;
        if (child >= order->heap_count || order->heap[child].due_ns >= last.due_ns)
            break;
        order->heap[at] = order->heap[child];
        at = child;
    }
    order->heap[at] = last;
    return top;
}

/* The next fold of the stream that begins before END_NS joins the heap; false: there is none. */
static bool take_fold(struct due_order *order, uint64_t end_ns)
{
    const struct logs *logs = order->logs;
    while (order->fold < logs->fold_count && logs->folds[order->fold].stream != order->stream)
        order->fold++;
    if (order->fold == logs->fold_count || logs->folds[order->fold].first_ns >= end_ns)
        return false;
    const struct record_fold *fold = &logs->folds[order->fold++];
    push(order, (struct due_member){.due_ns = fold->first_ns, .fold = fold});
    return true;
}

static void take_member(struct due_order *order, struct due_group *group)
{
    struct due_member member = pop(order);
    group->outcomes[member.fold->outcome]++;
    if (++member.index == member.fold->count)
        return;
    member.due_ns = member_due_ns(member.fold, member.index);
    push(order, member);
}

/* The microsecond of the next member or bin; UINT64_MAX at the end. */
static uint64_t next_us(struct due_order *order)
{
    const struct logs *logs = order->logs;
    uint64_t us = UINT64_MAX;
    if (order->bin < logs->bin_count[order->stream])
        us = logs->bins[order->stream][order->bin].us;
    while (take_fold(order, us == UINT64_MAX ? UINT64_MAX : (us + 1) * 1000))
        if (order->heap[0].due_ns / 1000 < us)
            us = order->heap[0].due_ns / 1000;
    if (order->heap_count > 0 && order->heap[0].due_ns / 1000 < us)
        us = order->heap[0].due_ns / 1000;
    return us;
}

bool due_order_next(struct due_order *order, struct due_group *group)
{
    const struct logs *logs = order->logs;
    uint64_t us = next_us(order);
    if (us == UINT64_MAX)
        return false;
    memset(group, 0, sizeof(*group));
    group->due_ns = us * 1000;
    const struct logs_bin *bins = logs->bins[order->stream];
    while (order->bin < logs->bin_count[order->stream] && bins[order->bin].us == us)
        group->count += (uint32_t)bins[order->bin++].count;
    uint32_t members = 0;
    for (; order->heap_count > 0 && order->heap[0].due_ns / 1000 == us; members++)
        take_member(order, group);
    /* Of a damaged log a bin may be missing; what is in a fold was due all the same. */
    if (group->count < members)
        group->count = members;
    group->outcomes[OUTCOME_OK] = group->count - members;
    return true;
}

/* Folds are skipped member by member: what began before may go on after. */
static void skip(struct due_order *order, uint64_t from_ns)
{
    const struct logs *logs = order->logs;
    struct due_group skipped = {0};
    size_t low = 0, high = logs->bin_count[order->stream];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (logs->bins[order->stream][middle].us < from_ns / 1000)
            low = middle + 1;
        else
            high = middle;
    }
    order->bin = low;
    uint64_t edge_ns = from_ns / 1000 * 1000;
    while (take_fold(order, edge_ns))
        continue;
    while (order->heap_count > 0 && order->heap[0].due_ns < edge_ns)
        take_member(order, &skipped);
}

int due_order_start(struct due_order *order, const struct logs *logs, unsigned stream,
                    uint64_t from_ns)
{
    *order = (struct due_order){.logs = logs, .stream = stream};
    order->heap = malloc((logs->fold_count + 1) * sizeof(*order->heap));
    if (order->heap == NULL)
        return -ENOMEM;
    if (from_ns > 0)
        skip(order, from_ns);
    return 0;
}

void due_order_free(struct due_order *order)
{
    free(order->heap);
    memset(order, 0, sizeof(*order));
}
