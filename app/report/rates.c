#include "report/rates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/due_order.h"
#include "analyze/quantiles.h"

#define SECOND_NS UINT64_C(1000000000)
#define STEP_MIN_NS UINT64_C(1000000)

static uint64_t last_due_ns(const struct logs *logs, unsigned stream)
{
    return due_bins_last_us(&logs->bins[stream]) * 1000;
}

uint64_t rates_step_ns(const struct result *result, size_t most)
{
    static const uint64_t parts[] = {1, 2, 5};
    uint64_t last_ns = 0;
    for (unsigned i = 0; i < result->meta.stream_count; i++)
        if (last_due_ns(&result->logs, i) > last_ns)
            last_ns = last_due_ns(&result->logs, i);
    for (uint64_t unit_ns = STEP_MIN_NS;; unit_ns *= 10)
        for (unsigned i = 0; i < 3; i++)
            if (last_ns / (unit_ns * parts[i]) < most)
                return unit_ns * parts[i];
}

/* NULL: a damaged log has lost the bin of what was due then, and it is left to the rest. */
static struct rates_item *item_at(struct rates *rates, uint64_t due_ns)
{
    if (due_ns < rates->from_ns || (due_ns - rates->from_ns) / rates->step_ns >= rates->count)
        return NULL;
    return &rates->items[(due_ns - rates->from_ns) / rates->step_ns];
}

/* All counts, and what they leave of the stream's. */
static int add_counts(struct rates *rates, const struct result *result, unsigned stream)
{
    const struct result_stream *whole = &result->streams[stream];
    struct rates_item *rest = &rates->rest;
    struct due_order order;
    struct due_group group;
    uint64_t due_ns;
    rest->due = whole->due;
    rest->lost = whole->lost;
    memcpy(rest->outcomes, whole->outcomes, sizeof(rest->outcomes));
    if (due_order_start(&order, &result->logs, stream, 0) < 0)
        return -ENOMEM;
    while (due_order_peek(&order, &due_ns)) {
        struct rates_item *item = item_at(rates, due_ns);
        due_order_take(&order, due_ns - due_ns % rates->step_ns + rates->step_ns, &group);
        if (item == NULL)
            continue;
        item->due += group.count;
        for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
            item->outcomes[i] += group.outcomes[i];
            item->lost += result->opens >> i & 1 ? group.outcomes[i] : 0;
        }
    }
    due_order_free(&order);
    for (size_t i = 0; i < rates->count; i++) {
        const struct rates_item *item = &rates->items[i];
        rest->due -= item->due < rest->due ? item->due : rest->due;
        rest->lost -= item->lost < rest->lost ? item->lost : rest->lost;
        for (unsigned o = 0; o < OUTCOME_COUNT; o++)
            rest->outcomes[o] -=
                item->outcomes[o] < rest->outcomes[o] ? item->outcomes[o] : rest->outcomes[o];
    }
    return 0;
}

/* The requests are in order of due. */
static int add_exact(struct rates *rates, const struct logs *logs, unsigned stream)
{
    struct values values = {0};
    struct rates_item *item = rates->items;
    for (size_t i = 0; i < logs->request_count; i++) {
        const struct record_request *request = &logs->requests[i];
        struct rates_item *next = item_at(rates, request->due_ns);
        if (request->stream != stream || !outcome_is_good(request->outcome) || next == NULL)
            continue;
        if (next != item) {
            item->latency = values_quantiles(&values);
            values.count = 0;
            item = next;
        }
        values_add(&values,
                   request->done_ns > request->due_ns ? request->done_ns - request->due_ns : 0);
    }
    item->latency = values_quantiles(&values);
    bool failed = values.failed;
    values_free(&values);
    return failed ? -ENOMEM : 0;
}

/* Histograms are of whole seconds: intervals within one have the same. */
static void add_histograms(struct rates *rates, const struct result *result, unsigned stream)
{
    struct bracket last = {0, 0};
    struct result_quantiles quantiles = {0};
    struct histogram histogram;
    for (size_t i = 0; i < rates->count; i++) {
        uint64_t from_ns = rates->from_ns + i * rates->step_ns, to_ns = from_ns + rates->step_ns;
        struct bracket whole = {from_ns / SECOND_NS * SECOND_NS,
                                (to_ns + SECOND_NS - 1) / SECOND_NS * SECOND_NS};
        if (whole.from_ns != last.from_ns || whole.to_ns != last.to_ns) {
            result_latencies(result, stream, INTERVAL_FROM_DUE, whole.from_ns, whole.to_ns,
                             &histogram);
            quantiles = quantiles_of(&histogram);
            last = whole;
        }
        rates->items[i].latency = quantiles;
    }
}

int rates_make(struct rates *rates, const struct result *result, unsigned stream, uint64_t step_ns)
{
    const struct logs *logs = &result->logs;
    struct due_place first = {0};
    uint64_t first_us = 0;
    bool any = due_bins_peek(&logs->bins[stream], &first, &first_us);
    *rates = (struct rates){.from_ns = first_us * 1000 / step_ns * step_ns, .step_ns = step_ns};
    rates->count = any ? (last_due_ns(logs, stream) - rates->from_ns) / step_ns + 1 : 0;
    rates->items = calloc(rates->count + 1, sizeof(*rates->items));
    int code = rates->items == NULL ? -ENOMEM : add_counts(rates, result, stream);
    if (code == 0 && rates->count > 0 && result->streams[stream].exact)
        code = add_exact(rates, logs, stream);
    else if (code == 0)
        add_histograms(rates, result, stream);
    if (code < 0)
        rates_free(rates);
    return code;
}

void rates_free(struct rates *rates)
{
    free(rates->items);
    memset(rates, 0, sizeof(*rates));
}
