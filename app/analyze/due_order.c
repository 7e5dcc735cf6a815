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

/* Folds that begin before all in the heap join it; false: there is no member left. */
static bool fill(struct due_order *order)
{
    const struct logs *logs = order->logs;
    for (; order->fold < logs->fold_count; order->fold++) {
        const struct record_fold *fold = &logs->folds[order->fold];
        if (fold->stream != order->stream)
            continue;
        if (order->heap_count > 0 && fold->first_ns > order->heap[0].due_ns)
            break;
        push(order, (struct due_member){.due_ns = fold->first_ns, .fold = fold});
    }
    return order->heap_count > 0;
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

/* The microsecond of the next member; UINT64_MAX: there is none. */
static uint64_t next_wrong_us(struct due_order *order)
{
    return fill(order) ? order->heap[0].due_ns / 1000 : UINT64_MAX;
}

static uint64_t next_us(struct due_order *order)
{
    uint64_t wrong_us = next_wrong_us(order), us = UINT64_MAX;
    due_bins_peek(&order->logs->bins[order->stream], &order->place, &us);
    return us < wrong_us ? us : wrong_us;
}

bool due_order_peek(struct due_order *order, uint64_t *due_ns)
{
    uint64_t us = next_us(order);
    if (us != UINT64_MAX)
        *due_ns = us * 1000;
    return us != UINT64_MAX;
}

void due_order_take(struct due_order *order, uint64_t until_ns, struct due_group *group)
{
    const struct due_bins *bins = &order->logs->bins[order->stream];
    uint64_t us = next_us(order), wrong_us = next_wrong_us(order), members = 0, until_us = us + 1;
    memset(group, 0, sizeof(*group));
    group->due_ns = us * 1000;
    if (us < wrong_us && until_ns / 1000 > until_us)
        until_us = until_ns / 1000 < wrong_us ? until_ns / 1000 : wrong_us;
    for (; next_wrong_us(order) == us; members++)
        take_member(order, group);
    group->count = due_bins_take(bins, &order->place, until_us);
    /* Of a damaged log a bin may be missing; what is in a fold was due all the same. */
    if (group->count < members)
        group->count = members;
    group->outcomes[OUTCOME_OK] = group->count - members;
}

/* Folds are skipped member by member: what began before may go on after. */
static void skip(struct due_order *order, uint64_t from_us)
{
    struct due_group skipped = {0};
    order->place = due_bins_place(&order->logs->bins[order->stream], from_us);
    while (next_wrong_us(order) < from_us)
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
        skip(order, from_ns / 1000);
    return 0;
}

void due_order_free(struct due_order *order)
{
    free(order->heap);
    memset(order, 0, sizeof(*order));
}
