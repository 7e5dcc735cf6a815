/* report_text_window.c - loss windows: in sum for each stream and pod, one by one for the run. */
#include <inttypes.h>

#include "report/print.h"
#include "report/report_priv.h"

enum {
    WINDOWS_SHOWN = 50,
    HOSTS_SHOWN = 8
};

static void add_bracket(struct text *out, struct bracket bracket)
{
    print_time(out, bracket.from_ns);
    text_add(out, " .. ");
    print_time(out, bracket.to_ns);
    text_add(out, " s (");
    print_span(out, bracket.to_ns - bracket.from_ns);
    text_add(out, ")");
}

/* By time stamps: an interval, for its ends are known as brackets. */
static void add_duration(struct text *out, const struct window *window)
{
    if (window->open) {
        text_add(out, "not over at the end");
        return;
    }
    struct bracket duration = window_duration(window);
    print_span(out, duration.from_ns);
    text_add(out, " .. ");
    print_span(out, duration.to_ns);
}

/* By loss: what was lost over what was offered, stream by stream (RFC 6201). */
static void add_loss(const struct result *result, const struct window *window, struct text *out)
{
    const char *sign = "; by loss over rate: ";
    for (uint32_t i = 0; i < result->meta.stream_count; i++) {
        const struct meta_stream *meta = &result->meta.streams[i];
        if (window->lost_by_stream[i] == 0 || meta->rate_pps <= 0)
            continue;
        text_addf(out, "%s%s ", sign, meta->name);
        print_span(out, (uint64_t)(1e9 * (double)window->lost_by_stream[i] / meta->rate_pps));
        sign = ", ";
    }
}

static void add_outcomes(struct text *out, const struct window *window)
{
    const char *sign = "";
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        if (window->outcomes[i] == 0)
            continue;
        text_addf(out, "%s%s %" PRIu64, sign, outcome_text(i), window->outcomes[i]);
        sign = ", ";
    }
}

static void add_hosts(const struct result *result, const struct window *window, struct text *out)
{
    for (uint32_t i = 0; i < window->host_count && i < HOSTS_SHOWN; i++)
        text_addf(out, "%s%s", i > 0 ? ", " : "", logs_host(&result->logs, window->hosts[i]));
    if (window->host_count > HOSTS_SHOWN)
        text_addf(out, " and %u more", window->host_count - HOSTS_SHOWN);
    if (window->host_count == WINDOW_HOSTS_MAX)
        text_add(out, " at least");
    if (window->host_count == 0)
        text_add(out, "unknown: nobody answered");
}

static void add_resolution(const struct result *result, const struct window *window,
                           struct text *out)
{
    text_add(out, "     resolution  requests were due every ");
    const char *sign = "";
    for (uint32_t i = 0; i < result->meta.stream_count; i++) {
        const struct meta_stream *meta = &result->meta.streams[i];
        if (window->lost_by_stream[i] == 0 || meta->rate_pps <= 0)
            continue;
        text_add(out, sign);
        print_span(out, (uint64_t)(1e9 / meta->rate_pps));
        text_addf(out, " on %s (", meta->name);
        print_span(out, (uint64_t)(1e9 * meta->flows / meta->rate_pps));
        text_add(out, " a flow)");
        sign = ", ";
    }
    text_add(out, "; arrivals known to ");
    print_span(out, window->arrival_uncertainty_ns);
    text_add(out, "; tester's stalls ");
    print_span(out, window->stall_ns);
    text_add(out, "\n");
}

static void add_window(const struct result *result, size_t index, struct text *out)
{
    const struct window *window = &result->windows.items[index];
    text_addf(out, "  %2zu onset       ", index + 1);
    add_bracket(out, window->onset);
    text_add(out, "\n     recovery    ");
    if (window->open)
        text_add(out, "not seen");
    else
        add_bracket(out, window->recovery);
    if (!window->open && !window->validated)
        text_add(out, ", NOT VALIDATED: the stream ended or a flow was lost again before");
    text_add(out, "\n     duration    ");
    add_duration(out, window);
    add_loss(result, window, out);
    text_add(out, "\n     lost        ");
    print_count(out, window->lost, "request", "requests");
    text_add(out, " in ");
    print_count(out, window->outages, "outage", "outages");
    text_add(out, " of ");
    print_count(out, window->flows, "flow", "flows");
    text_add(out, "\n");
    text_add(out, "     outcomes    ");
    add_outcomes(out, window);
    text_add(out, "\n     pods        ");
    add_hosts(result, window, out);
    text_add(out, "\n");
    add_resolution(result, window, out);
    text_addf(out, "     cause       %s\n", result->causes[index].text);
    if (window->tester)
        text_add(out, "     TESTER      the tester's own faults fall into it: it may be no loss\n");
}

/* Count, lengths and sum of some windows. */
static void add_summary(const struct windows *windows, uint64_t end_ns, struct text *out)
{
    uint64_t longest_ns = 0, shortest_ns = UINT64_MAX, total_ns = 0, last_ns = 0, lost = 0;
    for (size_t i = 0; i < windows->count; i++) {
        last_ns = window_length_ns(&windows->items[i], end_ns);
        longest_ns = last_ns > longest_ns ? last_ns : longest_ns;
        shortest_ns = last_ns < shortest_ns ? last_ns : shortest_ns;
        total_ns += last_ns;
        lost += windows->items[i].lost;
    }
    print_count(out, windows->count, "window", "windows");
    text_addf(out, ", %" PRIu64 " lost", lost);
    if (windows->count == 0)
        return;
    text_add(out, "; shortest ");
    print_span(out, shortest_ns);
    text_add(out, ", mean ");
    print_span(out, total_ns / windows->count);
    text_add(out, ", longest ");
    print_span(out, longest_ns);
    text_add(out, ", last ");
    print_span(out, last_ns);
    text_add(out, ", total ");
    print_span(out, total_ns);
}

static void add_summaries(const struct result *result, struct text *out)
{
    for (unsigned i = 0; i < result->meta.stream_count; i++) {
        text_addf(out, "  stream %s: ", result->meta.streams[i].name);
        add_summary(&result->streams[i].windows, result_stream_end_ns(result, i), out);
        text_add(out, "\n");
    }
    for (size_t i = 0; i < result->pod_count; i++) {
        if (result->pods[i].windows.count == 0)
            continue;
        text_addf(out, "  pod %s: ", result->pods[i].name);
        add_summary(&result->pods[i].windows, result_stream_end_ns(result, 0), out);
        text_add(out, "\n");
    }
}

void report_text_windows(const struct result *result, struct text *out)
{
    const struct experiment_windows *plan = &result->experiment->windows;
    text_add(out, "\nLoss windows (hold-off ");
    print_span(out, (uint64_t)plan->hold_off_ns);
    text_addf(out, "; over after %u good requests in a row on every flow hit)\n", plan->validate);
    add_summaries(result, out);
    if (result->windows.count > 0)
        text_add(out, "  the run's, over all streams:\n");
    for (size_t i = 0; i < result->windows.count && i < WINDOWS_SHOWN; i++)
        add_window(result, i, out);
    if (result->windows.count > WINDOWS_SHOWN)
        text_addf(out, "  and %zu more: see run.json\n", result->windows.count - WINDOWS_SHOWN);
}
