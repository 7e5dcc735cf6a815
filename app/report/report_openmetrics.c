/* report_openmetrics.c - the counts of a run as OpenMetrics 1.0, for Prometheus and its like: one
 * family after the other, each with a sample or more for each stream. */
#include <inttypes.h>

#include "report/escape.h"
#include "report/openmetrics.h"
#include "report/report_priv.h"

/* NAME{stream="...",LABEL="WORD"}, and a space. */
static void add_name(struct text *out, const struct result *result, unsigned stream,
                     const char *name, const char *label, const char *word)
{
    text_addf(out, "%s{stream=\"", name);
    escape_label(out, result->experiment->streams[stream].name);
    text_add(out, "\"");
    if (label != NULL) {
        text_addf(out, ",%s=\"", label);
        escape_label(out, word);
        text_add(out, "\"");
    }
    text_add(out, "} ");
}

static void add_count(struct text *out, const struct result *result, unsigned stream,
                      const char *name, const char *label, const char *word, uint64_t value)
{
    add_name(out, result, stream, name, label, word);
    text_addf(out, "%" PRIu64 "\n", value);
}

static void add_info(const struct result *result, struct text *out)
{
    const struct meta *meta = &result->meta;
    openmetrics_family(out, "seamline_run", "info", NULL, "The run that these figures are of.");
    text_add(out, "seamline_run_info{experiment=\"");
    escape_label(out, meta->experiment);
    text_add(out, "\",environment=\"");
    escape_label(out, meta->environment);
    text_add(out, "\",started=\"");
    escape_label(out, meta->started);
    text_add(out, "\",version=\"");
    escape_label(out, meta->version);
    text_addf(out, "\",lab=\"%s\",complete=\"%s\"} 1\n", meta->lab ? "true" : "false",
              meta->final && !meta->interrupted && result->unread.size == 0 ? "true" : "false");
}

static void add_requests(const struct result *result, struct text *out)
{
    const uint32_t count = result->meta.stream_count;
    openmetrics_family(out, "seamline_requests_due", "counter", NULL,
                       "Requests that the schedule wanted.");
    for (unsigned i = 0; i < count; i++)
        add_count(out, result, i, "seamline_requests_due_total", NULL, NULL,
                  result->streams[i].due);
    openmetrics_family(out, "seamline_requests", "counter", NULL,
                       "Requests by outcome; the sum over outcomes is the number due.");
    for (unsigned i = 0; i < count; i++)
        for (unsigned o = 0; o < OUTCOME_COUNT; o++)
            add_count(out, result, i, "seamline_requests_total", "outcome", outcome_text(o),
                      result->streams[i].outcomes[o]);
    openmetrics_family(out, "seamline_requests_lost", "counter", NULL,
                       "Requests with an outcome that opens loss windows.");
    for (unsigned i = 0; i < count; i++)
        add_count(out, result, i, "seamline_requests_lost_total", NULL, NULL,
                  result->streams[i].lost);
    openmetrics_family(out, "seamline_answers", "counter", NULL, "Good answers.");
    for (unsigned i = 0; i < count; i++)
        add_count(out, result, i, "seamline_answers_total", NULL, NULL,
                  result->streams[i].received);
}

static void add_connections(const struct result *result, struct text *out)
{
    openmetrics_family(out, "seamline_connections", "counter", NULL,
                       "Established connections by their end.");
    for (unsigned i = 0; i < result->meta.stream_count; i++) {
        const struct result_stream *stream = &result->streams[i];
        const char *name = "seamline_connections_total", *label = "end";
        add_count(out, result, i, name, label, "lasting", stream->lasting);
        add_count(out, result, i, name, label, "broken", stream->broken);
        add_count(out, result, i, name, label, "done", stream->done);
        add_count(out, result, i, name, label, "unfinished", stream->unfinished);
    }
    openmetrics_family(out, "seamline_failed_connects", "counter", NULL,
                       "Attempts that never became a connection.");
    for (unsigned i = 0; i < result->meta.stream_count; i++)
        add_count(out, result, i, "seamline_failed_connects_total", NULL, NULL,
                  result->streams[i].failed_connects);
}

static void add_latencies(const struct result *result, struct text *out)
{
    openmetrics_family(out, "seamline_latency_seconds", "summary", "seconds",
                       "Of good requests, from when they were due to the end of the answer.");
    for (unsigned i = 0; i < result->meta.stream_count; i++) {
        const struct result_quantiles *latency = &result->streams[i].latency_from_due;
        const struct {
            const char *quantile;
            uint64_t value_ns;
        } rows[] = {{"0.5", latency->p50_ns},
                    {"0.9", latency->p90_ns},
                    {"0.99", latency->p99_ns},
                    {"0.999", latency->p999_ns},
                    {"1.0", latency->max_ns}};
        for (size_t q = 0; latency->count > 0 && q < sizeof(rows) / sizeof(rows[0]); q++) {
            add_name(out, result, i, "seamline_latency_seconds", "quantile", rows[q].quantile);
            text_addf(out, "%.9f\n", (double)rows[q].value_ns / 1e9);
        }
        add_count(out, result, i, "seamline_latency_seconds_count", NULL, NULL, latency->count);
        add_name(out, result, i, "seamline_latency_seconds_sum", NULL, NULL);
        text_addf(out, "%.9f\n", latency->mean_ns * (double)latency->count / 1e9);
    }
}

static void add_windows(const struct result *result, struct text *out)
{
    uint64_t longest_ns = 0;
    openmetrics_family(out, "seamline_loss_windows", "counter", NULL,
                       "Loss windows of the stream.");
    for (unsigned i = 0; i < result->meta.stream_count; i++)
        add_count(out, result, i, "seamline_loss_windows_total", NULL, NULL,
                  result->streams[i].windows.count);
    openmetrics_family(out, "seamline_run_loss_windows", "counter", NULL,
                       "Loss windows of the run, over all streams, by cause.");
    for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
        uint64_t count = 0;
        for (size_t i = 0; i < result->windows.count; i++)
            count += result->causes[i].cause == cause;
        text_addf(out, "seamline_run_loss_windows_total{cause=\"%s\"} %" PRIu64 "\n",
                  cause_word(cause), count);
    }
    for (size_t i = 0; i < result->windows.count; i++) {
        uint64_t length_ns = window_length_ns(&result->windows.items[i], result->meta.ended_ns);
        longest_ns = length_ns > longest_ns ? length_ns : longest_ns;
    }
    openmetrics_family(out, "seamline_longest_loss_window_seconds", "gauge", "seconds",
                       "Of the run: from the middle of the onset to the end of the recovery.");
    text_addf(out, "seamline_longest_loss_window_seconds %.9f\n", (double)longest_ns / 1e9);
}

static void add_expectations(const struct result *result, struct text *out)
{
    static const char *const words[] = {
        [VERDICT_MET] = "met", [VERDICT_NOT_MET] = "not-met", [VERDICT_UNDECIDED] = "undecided"};
    openmetrics_family(out, "seamline_expectations", "gauge", NULL, "Expectations by verdict.");
    for (unsigned verdict = 0; verdict < 3; verdict++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < result->experiment->expect_count; i++)
            count += result->expectations[i].verdict == verdict;
        text_addf(out, "seamline_expectations{verdict=\"%s\"} %u\n", words[verdict], count);
    }
}

static void add_tester(const struct result *result, struct text *out)
{
    openmetrics_family(out, "seamline_tester_faults", "counter", NULL,
                       "The tester's own faults, by kind.");
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        text_addf(out, "seamline_tester_faults_total{kind=\"%s\"} %" PRIu64 "\n",
                  tester_fault_text(i), result->faults[i]);
    openmetrics_family(out, "seamline_records_refused", "counter", NULL,
                       "Records that full logs refused: with any, figures are a bound.");
    text_addf(out, "seamline_records_refused_total %" PRIu64 "\n", result->meta.records_refused);
}

int report_openmetrics(const struct result *result, struct text *out, struct error *err)
{
    (void)err;
    add_info(result, out);
    add_requests(result, out);
    add_connections(result, out);
    add_latencies(result, out);
    add_windows(result, out);
    add_expectations(result, out);
    add_tester(result, out);
    openmetrics_end(out);
    return 0;
}
