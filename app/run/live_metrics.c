#include "run/live.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/openmetrics.h"

const struct live_count live_counts[] = {
    {"seamline_requests_due", false, offsetof(struct fleet_counts, due),
     "Requests that the schedule wanted."},
    {"seamline_requests_sent", false, offsetof(struct fleet_counts, sent),
     "Requests that were sent."},
    {"seamline_answers", false, offsetof(struct fleet_counts, received), "Good answers."},
    {"seamline_requests_lost", false, offsetof(struct fleet_counts, lost),
     "Requests with an outcome that opens loss windows."},
    {"seamline_requests_unsent", false, offsetof(struct fleet_counts, unsent),
     "Requests that the tester could not send."},
    {"seamline_connections_broken", false, offsetof(struct fleet_counts, broken),
     "Connections that the other side ended, or that fell silent."},
    {"seamline_failed_connects", false, offsetof(struct fleet_counts, failed_connects),
     "Attempts that never became a connection."},
    {"seamline_connections_up", true, offsetof(struct fleet_counts, up),
     "Connections that are established now."},
    {"seamline_connections_connecting", true, offsetof(struct fleet_counts, connecting),
     "Attempts that are under way now."},
};
const unsigned live_count_count = sizeof(live_counts) / sizeof(live_counts[0]);

uint64_t live_count_value(const struct fleet_counts *counts, const struct live_count *count)
{
    return *(const uint64_t *)(const void *)((const char *)counts + count->offset);
}

static void add_info(const struct live *live, struct text *out)
{
    openmetrics_family(out, "seamline_run", "info", NULL, "The run that these figures are of.");
    text_add(out, "seamline_run_info{experiment=\"");
    escape_label(out, live->name);
    text_add(out, "\",started=\"");
    escape_label(out, live->meta->started);
    text_add(out, "\",version=\"");
    escape_label(out, live->meta->version);
    text_add(out, "\"} 1\n");
    openmetrics_family(out, "seamline_run_seconds", "gauge", "seconds", "Since the run began.");
    text_addf(out, "seamline_run_seconds %.3f\n", (double)live->now.now_ns / 1e9);
    openmetrics_family(out, "seamline_phase", "stateset", NULL, "Where the run is.");
    for (unsigned phase = 0; phase < LIVE_PHASE_COUNT; phase++)
        text_addf(out, "seamline_phase{seamline_phase=\"%s\"} %d\n", live_phase_text(phase),
                  live->now.phase == phase);
}

static void add_sample(const struct live *live, struct text *out, const char *name,
                       const char *suffix, unsigned stream, uint64_t value)
{
    text_addf(out, "%s%s{stream=\"", name, suffix);
    escape_label(out, live->streams[stream].name);
    text_addf(out, "\"} %" PRIu64 "\n", value);
}

static void add_counts(const struct live *live, struct text *out)
{
    for (unsigned f = 0; f < live_count_count; f++) {
        const struct live_count *count = &live_counts[f];
        openmetrics_family(out, count->name, count->gauge ? "gauge" : "counter", NULL, count->help);
        for (unsigned i = 0; i < live->stream_count; i++)
            add_sample(live, out, count->name, count->gauge ? "" : "_total", i,
                       live_count_value(&live->now.streams[i], count));
    }
}

static void add_windows(const struct live *live, struct text *out)
{
    openmetrics_family(out, "seamline_loss_windows", "counter", NULL,
                       "Loss windows that the counters show, with the one that is open.");
    for (unsigned i = 0; i < live->stream_count; i++)
        add_sample(live, out, "seamline_loss_windows", "_total", i, live->streams[i].window.count);
    openmetrics_family(out, "seamline_loss_window_open", "gauge", NULL,
                       "Whether a loss window is open.");
    for (unsigned i = 0; i < live->stream_count; i++)
        add_sample(live, out, "seamline_loss_window_open", "", i, live->streams[i].window.open);
}

static void add_pods(const struct live_pods *pods, struct text *out)
{
    if (!pods->known)
        return;
    openmetrics_family(out, "seamline_pods", "gauge", NULL,
                       "Pods of the workload that is changed, by template.");
    text_addf(out, "seamline_pods{template=\"old\"} %" PRIu32 "\n", pods->old);
    text_addf(out, "seamline_pods{template=\"new\"} %" PRIu32 "\n", pods->new);
    openmetrics_family(out, "seamline_pods_ready", "gauge", NULL, "Those that are ready.");
    text_addf(out, "seamline_pods_ready{template=\"old\"} %" PRIu32 "\n", pods->old_ready);
    text_addf(out, "seamline_pods_ready{template=\"new\"} %" PRIu32 "\n", pods->new_ready);
}

static void add_workers(const struct live *live, struct text *out)
{
    openmetrics_family(out, "seamline_worker_load_ratio", "gauge", "ratio",
                       "Share of the last second in which the worker found something to do.");
    for (unsigned i = 0; i < live->worker_count; i++)
        text_addf(out, "seamline_worker_load_ratio{worker=\"%u\"} %.3f\n", i, live->loads[i]);
    openmetrics_family(out, "seamline_worker_stalls", "counter", NULL,
                       "Gaps between two turns of the worker that were too long.");
    for (unsigned i = 0; i < live->worker_count; i++)
        text_addf(out, "seamline_worker_stalls_total{worker=\"%u\"} %" PRIu64 "\n", i,
                  live->now.workers[i].stalls);
    openmetrics_family(out, "seamline_worker_longest_gap_seconds", "gauge", "seconds",
                       "The longest gap between two turns of the worker.");
    for (unsigned i = 0; i < live->worker_count; i++)
        text_addf(out, "seamline_worker_longest_gap_seconds{worker=\"%u\"} %.9f\n", i,
                  (double)live->now.workers[i].longest_ns / 1e9);
}

void live_metrics(const struct live *live, struct text *out)
{
    add_info(live, out);
    add_counts(live, out);
    add_windows(live, out);
    add_pods(&live->now.pods, out);
    add_workers(live, out);
    openmetrics_end(out);
}
