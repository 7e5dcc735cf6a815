/* report_csv.c - one table: a row for each interval and stream, with a column for each outcome. */
#include <inttypes.h>

#include "report/escape.h"
#include "report/rates.h"
#include "report/report_priv.h"

static void add_counts(struct text *out, const char *stream, const struct rates_item *item)
{
    escape_csv(out, stream);
    text_addf(out, ",%" PRIu64, item->due);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        text_addf(out, ",%" PRIu64, item->outcomes[i]);
    text_addf(out, ",%" PRIu64, item->lost);
}

static void add_item(struct text *out, const char *stream, const struct rates *rates, size_t i)
{
    const struct result_quantiles *latency = &rates->items[i].latency;
    uint64_t from_ms = (rates->from_ns + i * rates->step_ns) / 1000000;
    uint64_t step_ms = rates->step_ns / 1000000;
    text_addf(out, "%" PRIu64 ".%03u,%" PRIu64 ".%03u,", from_ms / 1000, (unsigned)(from_ms % 1000),
              step_ms / 1000, (unsigned)(step_ms % 1000));
    add_counts(out, stream, &rates->items[i]);
    if (latency->count > 0)
        text_addf(out, ",%.9f,%.9f,%.9f\n", (double)latency->p50_ns / 1e9,
                  (double)latency->p99_ns / 1e9, (double)latency->max_ns / 1e9);
    else
        text_add(out, ",,,\n");
}

int report_csv(const struct result *result, struct text *out, struct error *err)
{
    uint64_t step_ns = rates_step_ns(result, RATES_MAX);
    (void)err;
    text_add(out, "time_s,length_s,stream,due");
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        text_addf(out, ",%s", outcome_text(i));
    text_add(out, ",lost,latency_p50_s,latency_p99_s,latency_max_s\n");
    for (unsigned s = 0; s < result->meta.stream_count; s++) {
        const char *stream = result->meta.streams[s].name;
        struct rates rates;
        int code = rates_make(&rates, result, s, step_ns);
        if (code < 0)
            return code;
        for (size_t i = 0; i < rates.count; i++)
            add_item(out, stream, &rates, i);
        if (rates.rest.due > 0) {
            text_add(out, ",,");
            add_counts(out, stream, &rates.rest);
            text_add(out, ",,,\n");
        }
        rates_free(&rates);
    }
    return 0;
}
