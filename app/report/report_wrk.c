/* report_wrk.c - a summary of each HTTP stream in wrk's words and layout. What wrk does not know
 * has a line of its own. A run that was killed has not counted its bytes: they are left out. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/escape.h"
#include "report/report_priv.h"

struct stats {
    double mean, stdev, max, within; /* Within one standard deviation of the mean: in per cent. */
};

/* VALUE in the unit that suits it, as wrk chooses: the next one from 85 % of it on. */
static void add_scaled(char out[32], double value, double scale, int digits,
                       const char *const *units)
{
    for (; units[1] != NULL && value >= 0.85 * scale; units++)
        value /= scale;
    snprintf(out, 32, "%.*f%s", digits, value, units[0]);
}

static void add_span(char out[32], double us, int digits)
{
    static const char *const parts[] = {"us", "ms", "s", NULL}, *const wholes[] = {"s", "m", "h",
                                                                                   NULL};
    if (us >= 1e6)
        add_scaled(out, us / 1e6, 60, digits, wholes);
    else
        add_scaled(out, us, 1000, digits, parts);
}

static void add_metric(char out[32], double value)
{
    static const char *const units[] = {"", "k", "M", "G", NULL};
    add_scaled(out, value, 1000, 2, units);
}

static void add_bytes(char out[32], double value)
{
    static const char *const units[] = {"", "K", "M", "G", "T", "P", NULL};
    add_scaled(out, value, 1024, 2, units);
}

/* Columns are aligned by their digits: a missing letter of the unit is a space. */
static void add_column(struct text *out, const char *value, int width)
{
    size_t length = strlen(value);
    int pad = 2;
    for (size_t i = 1; i <= 2 && i <= length; i++)
        pad -= (value[length - i] >= 'A');
    text_addf(out, "%*s%*s", width - pad, value, pad, "");
}

static void add_stats(struct text *out, const char *name, const struct stats *stats, bool spans)
{
    const double values[] = {stats->mean, stats->stdev, stats->max};
    static const int widths[] = {8, 10, 9};
    text_addf(out, "    %-10s", name);
    for (unsigned i = 0; i < 3; i++) {
        char value[32];
        if (spans)
            add_span(value, values[i], 2);
        else
            add_metric(value, values[i]);
        add_column(out, value, widths[i]);
    }
    text_addf(out, "%8.2f%%\n", stats->within);
}

/* Where bucket INDEX begins: base/histogram.h. */
static double bucket_ns(unsigned index)
{
    const unsigned parts = 1u << HISTOGRAM_SUB_BITS;
    return index < 2 * parts
               ? index
               : (double)(index % parts + parts) * (double)(UINT64_C(1) << (index / parts - 1));
}

static struct stats latency_stats(const struct result *result, unsigned stream)
{
    struct histogram histogram;
    histogram_clear(&histogram);
    if (!result->streams[stream].exact)
        result_latencies(result, stream, INTERVAL_FROM_SENT, 0, UINT64_MAX, &histogram);
    for (size_t i = 0; result->streams[stream].exact && i < result->logs.request_count; i++) {
        const struct record_request *request = &result->logs.requests[i];
        if (request->stream == stream && outcome_is_good(request->outcome) &&
            request->done_ns >= request->sent_ns)
            histogram_add(&histogram, request->done_ns - request->sent_ns);
    }
    if (histogram.count == 0)
        return (struct stats){0};
    double mean_ns = histogram_mean(&histogram), stdev_ns = histogram_stdev(&histogram), within = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (bucket_ns(i) <= mean_ns + stdev_ns && bucket_ns(i + 1) > mean_ns - stdev_ns)
            within += histogram.buckets[i];
    return (struct stats){mean_ns / 1e3, stdev_ns / 1e3, (double)histogram.max_ns / 1e3,
                          100 * within / (double)histogram.count};
}

/* Answers a second of one worker: a histogram's interval has them. */
static double rate_of(const struct log_interval *head)
{
    return (double)head->count * 1e9 / (double)(head->to_ns - head->from_ns);
}

static bool is_rate(const struct log_interval *head, unsigned stream)
{
    return head->stream == stream && head->kind == INTERVAL_FROM_SENT &&
           head->to_ns > head->from_ns;
}

static struct stats rate_stats(const struct logs *logs, unsigned stream)
{
    struct stats stats = {0};
    double count = 0, sum = 0, squares = 0, within = 0;
    for (size_t i = 0; i < logs->interval_count; i++) {
        const struct log_interval *head = &logs->intervals[i].head;
        if (!is_rate(head, stream))
            continue;
        count++;
        sum += rate_of(head);
        squares += rate_of(head) * rate_of(head);
        stats.max = fmax(stats.max, rate_of(head));
    }
    if (count == 0)
        return stats;
    stats.mean = sum / count;
    stats.stdev = sqrt(fmax(squares / count - stats.mean * stats.mean, 0));
    for (size_t i = 0; i < logs->interval_count; i++)
        within += is_rate(&logs->intervals[i].head, stream) &&
                  fabs(rate_of(&logs->intervals[i].head) - stats.mean) <= stats.stdev;
    stats.within = 100 * within / count;
    return stats;
}

static void add_failures(struct text *out, const struct result_stream *stream)
{
    const uint64_t *is = stream->outcomes;
    uint64_t connect = is[OUTCOME_REFUSED] + is[OUTCOME_UNREACHABLE];
    uint64_t read = is[OUTCOME_RESET] + is[OUTCOME_CLOSED];
    uint64_t timeout = is[OUTCOME_CONNECT_TIMEOUT] + is[OUTCOME_STALLED];
    uint64_t unasked = is[OUTCOME_BLOCKED] + is[OUTCOME_UNSENT] + is[OUTCOME_UNFINISHED];
    if (connect + read + timeout > 0)
        text_addf(out,
                  "  Socket errors: connect %" PRIu64 ", read %" PRIu64
                  ", write 0, timeout %" PRIu64 "\n",
                  connect, read, timeout);
    if (is[OUTCOME_BAD_STATUS] > 0)
        text_addf(out, "  Non-2xx or 3xx responses: %" PRIu64 "\n", is[OUTCOME_BAD_STATUS]);
    if (is[OUTCOME_BAD_ANSWER] > 0)
        text_addf(out, "  Bad answers: %" PRIu64 "\n", is[OUTCOME_BAD_ANSWER]);
    if (unasked > 0)
        text_addf(out,
                  "  Not asked: blocked %" PRIu64 ", unsent %" PRIu64 ", unfinished %" PRIu64 "\n",
                  is[OUTCOME_BLOCKED], is[OUTCOME_UNSENT], is[OUTCOME_UNFINISHED]);
}

static void add_stream(const struct result *result, unsigned index, struct text *out)
{
    const struct meta_stream *meta = &result->meta.streams[index];
    const struct result_stream *stream = &result->streams[index];
    uint64_t end_ns = result_stream_end_ns(result, index);
    double us = end_ns > meta->started_ns ? (double)(end_ns - meta->started_ns) / 1e3 : 0;
    uint64_t answers = stream->received + stream->outcomes[OUTCOME_BAD_STATUS] +
                       stream->outcomes[OUTCOME_BAD_ANSWER];
    struct stats latency = latency_stats(result, index);
    struct stats rate = rate_stats(&result->logs, index);
    bool counted = meta->totals.read_bytes > 0 || (result->meta.final && answers == 0);
    char planned[32], took[32], bytes[32];
    add_span(planned, round(us / 1e6) * 1e6, 0);
    add_span(took, us, 2);
    text_addf(out, "Running %s test @ ", planned);
    escape_plain(out, meta->target);
    text_addf(out, "\n  %u threads and %u connections\n", result->meta.worker_count, meta->flows);
    text_add(out, "  Thread Stats   Avg      Stdev     Max   +/- Stdev\n");
    add_stats(out, "Latency", &latency, true);
    add_stats(out, "Req/Sec", &rate, false);
    add_bytes(bytes, (double)meta->totals.read_bytes);
    text_addf(out, "  %" PRIu64 " requests in %s", answers, took);
    if (counted)
        text_addf(out, ", %sB read", bytes);
    text_add(out, "\n");
    add_failures(out, stream);
    text_addf(out, "Requests/sec: %9.2f\n", us > 0 ? (double)answers * 1e6 / us : 0);
    add_bytes(bytes, us > 0 ? (double)meta->totals.read_bytes * 1e6 / us : 0);
    if (counted)
        text_addf(out, "Transfer/sec: %10sB\n", bytes);
}

int report_wrk(const struct result *result, struct text *out, struct error *err)
{
    bool any = false;
    for (unsigned i = 0; i < result->meta.stream_count; i++) {
        if (!experiment_is_http(&result->experiment->streams[i]))
            continue;
        text_add(out, any ? "\n" : "");
        add_stream(result, i, out);
        any = true;
    }
    return any ? 0 : error_set(err, EXIT_USAGE, -ENODATA, "the run had no HTTP stream");
}
