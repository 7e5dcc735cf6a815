#include "analyze/loss.h"

#include <stdlib.h>
#include <string.h>

void loss_start(struct loss *loss, size_t delta)
{
    memset(loss, 0, sizeof(*loss));
    loss->delta = delta;
}

static void begin_period(struct loss *loss, size_t index)
{
    if (loss->period_count == loss->period_capacity) {
        size_t capacity = loss->period_capacity ? 2 * loss->period_capacity : 16;
        struct loss_period *grown = realloc(loss->periods, capacity * sizeof(*grown));
        if (grown == NULL) {
            loss->failed = true;
            return;
        }
        loss->periods = grown;
        loss->period_capacity = capacity;
    }
    loss->periods[loss->period_count++] = (struct loss_period){
        .first = index, .since_last = loss->lost > 0 ? index - loss->last_lost : 0};
}

size_t loss_add(struct loss *loss, bool lost)
{
    size_t index = loss->count++;
    if (!lost)
        return 0;
    size_t distance = loss->lost > 0 ? index - loss->last_lost : 0;
    if (distance > 0 && distance <= loss->delta)
        loss->noticeable++;
    if (distance != 1)
        begin_period(loss, index);
    if (loss->period_count > 0)
        loss->periods[loss->period_count - 1].length++;
    loss->lost++;
    loss->last_lost = index;
    return distance;
}

void loss_pass(struct loss *loss, size_t count)
{
    loss->count += count;
}

double loss_noticeable_rate(const struct loss *loss)
{
    return loss->lost > 0 ? (double)loss->noticeable / (double)loss->lost : 0;
}

size_t loss_longest_period(const struct loss *loss)
{
    size_t longest = 0;
    for (size_t i = 0; i < loss->period_count; i++)
        if (loss->periods[i].length > longest)
            longest = loss->periods[i].length;
    return longest;
}

void loss_free(struct loss *loss)
{
    free(loss->periods);
    memset(loss, 0, sizeof(*loss));
}
