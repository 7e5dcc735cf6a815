/* account.c - the account of each stream: requests, connections, outages, windows. */
#include <errno.h>

#include "analyze/loss.h"
#include "analyze/quantiles.h"
#include "analyze/result_priv.h"

/* The sets of values of which a stream's quantiles are made. */
struct sets {
    struct values from_due, from_sent, connect, lag, onset, interruption, baseline;
};

static void free_sets(struct sets *sets)
{
    values_free(&sets->from_due);
    values_free(&sets->from_sent);
    values_free(&sets->connect);
    values_free(&sets->lag);
    values_free(&sets->onset);
    values_free(&sets->interruption);
    values_free(&sets->baseline);
}

static bool any_failed(const struct sets *sets)
{
    return sets->from_due.failed || sets->from_sent.failed || sets->connect.failed ||
           sets->lag.failed || sets->onset.failed || sets->interruption.failed ||
           sets->baseline.failed;
}

static bool is_lost(const struct result *result, const struct record_request *request)
{
    return result->opens >> request->outcome & 1;
}

/* The baseline runs from steady to the first change, or to the stop where nothing was changed. */
static bool in_baseline(const struct result *result, const struct meta_stream *stream,
                        const struct record_request *request)
{
    uint64_t end_ns = result->meta.change_ns ? result->meta.change_ns : stream->stopped_ns;
    return stream->steady_ns != 0 && request->due_ns >= stream->steady_ns &&
           (end_ns == 0 || request->due_ns < end_ns);
}

/* Stamps of a damaged log may be in any order. */
static uint64_t span_ns(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

static void add_request(struct result *result, unsigned index, const struct record_request *request,
                        struct sets *sets, struct loss *loss)
{
    struct result_stream *stream = &result->streams[index];
    bool lost = is_lost(result, request);
    stream->due++;
    stream->outcomes[request->outcome]++;
    stream->sent += request->sent_ns != 0;
    stream->received += outcome_is_good(request->outcome);
    if (request->outcome != OUTCOME_UNFINISHED && request->outcome != OUTCOME_UNSENT)
        loss_add(loss, lost);
    if (request->sent_ns >= request->due_ns && request->sent_ns != 0)
        values_add(&sets->lag, request->sent_ns - request->due_ns);
    bool baseline = in_baseline(result, &result->meta.streams[index], request);
    stream->baseline_due += baseline;
    stream->baseline_lost += baseline && lost;
    if (!outcome_is_good(request->outcome))
        return;
    values_add(&sets->from_due, span_ns(request->due_ns, request->done_ns));
    values_add(&sets->from_sent, span_ns(request->sent_ns, request->done_ns));
    if (baseline)
        values_add(&sets->baseline, span_ns(request->due_ns, request->done_ns));
}

static void add_connection(struct result_stream *stream, const struct record_connection *connection,
                           struct sets *sets)
{
    stream->retransmits += connection->retransmits;
    if (connection->connected_ns == 0) {
        if (connection->end == CONNECTION_UNFINISHED || connection->end == CONNECTION_UNSENT)
            return;
        stream->failed_connects++;
        stream->failed_by_end[connection->end]++;
        return;
    }
    stream->connections++;
    values_add(&sets->connect, span_ns(connection->opened_ns, connection->connected_ns));
    if (connection_end_is_broken(connection->end)) {
        stream->broken++;
        stream->broken_by_end[connection->end]++;
    } else if (connection->end == CONNECTION_LASTING) {
        stream->lasting++;
    } else if (connection->end == CONNECTION_DONE) {
        stream->done++;
    } else {
        stream->unfinished++;
    }
}

/* It began with the end of a connection, and service resumed on another one. */
static bool is_interruption(const struct outage *outage)
{
    const struct record_outage *record = outage->record;
    return record->connection != 0 && record->successor != record->connection &&
           connection_end_is_broken(record->signal);
}

static void add_outage(struct result_stream *stream, const struct outage *outage, struct sets *sets)
{
    struct result_outages *outages = &stream->outages;
    outages->count++;
    values_add(&sets->onset, span_ns(outage->onset.from_ns, outage->onset.to_ns));
    if (outage->open) {
        outages->open++;
        return;
    }
    uint64_t length_ns = span_ns(outage->onset.from_ns, outage->recovery.to_ns);
    if (is_interruption(outage))
        values_add(&sets->interruption, length_ns);
    bool first = outages->count - outages->open == 1;
    outages->last_ns = length_ns;
    outages->total_ns += length_ns;
    if (length_ns > outages->longest_ns)
        outages->longest_ns = length_ns;
    if (first || length_ns < outages->shortest_ns)
        outages->shortest_ns = length_ns;
    outages->mean_ns = (double)outages->total_ns / (double)(outages->count - outages->open);
}

/* The workers' own counters go on when a log is full: they are the truth for totals. */
static void check_totals(struct result *result, unsigned index)
{
    struct result_stream *stream = &result->streams[index];
    const struct record_log_totals *totals = &result->meta.streams[index].totals;
    stream->complete = result->meta.final && totals->due == stream->due &&
                       result->meta.records_refused == 0 && result->logs.damaged_bytes == 0;
    uint64_t sum = 0, lost = 0;
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        if (result->meta.final)
            stream->outcomes[i] = totals->outcomes[i];
        sum += stream->outcomes[i];
        lost += result->opens >> i & 1 ? stream->outcomes[i] : 0;
    }
    stream->lost = lost;
    if (result->meta.final)
        stream->due = totals->due;
    stream->sums_hold = sum == stream->due;
}

static int finish_stream(struct result *result, unsigned index, struct sets *sets,
                         struct loss *loss)
{
    struct result_stream *stream = &result->streams[index];
    stream->latency_from_due = values_quantiles(&sets->from_due);
    stream->latency_from_sent = values_quantiles(&sets->from_sent);
    stream->connect_time = values_quantiles(&sets->connect);
    stream->send_lag = values_quantiles(&sets->lag);
    stream->onset_width = values_quantiles(&sets->onset);
    stream->interruption = values_quantiles(&sets->interruption);
    stream->baseline_p99_ns = values_quantiles(&sets->baseline).p99_ns;
    stream->pattern.periods = loss->period_count;
    stream->pattern.longest_period = loss_longest_period(loss);
    stream->pattern.noticeable_rate = loss_noticeable_rate(loss);
    check_totals(result, index);
    if (any_failed(sets) || loss->failed)
        return -ENOMEM;
    return windows_make(&stream->windows, &result->logs, result->outages,
                        (struct window_scope){.stream = (int)index},
                        (uint64_t)result->experiment->windows.hold_off_ns);
}

static int account_stream(struct result *result, unsigned index)
{
    const struct logs *logs = &result->logs;
    struct sets sets = {0};
    struct loss loss;
    loss_start(&loss, RESULT_NOTICEABLE_DELTA);
    for (size_t i = 0; i < logs->request_count; i++)
        if (logs->requests[i].stream == index)
            add_request(result, index, &logs->requests[i], &sets, &loss);
    for (size_t i = 0; i < logs->connection_count; i++)
        if (logs->connections[i].stream == index)
            add_connection(&result->streams[index], &logs->connections[i], &sets);
    for (size_t i = 0; i < logs->outage_count; i++)
        if (logs->outages[i].stream == index)
            add_outage(&result->streams[index], &result->outages[i], &sets);
    int code = finish_stream(result, index, &sets, &loss);
    loss_free(&loss);
    free_sets(&sets);
    return code;
}

static void account_faults(struct result *result)
{
    for (size_t i = 0; i < result->logs.fault_count; i++) {
        const struct record_fault *fault = &result->logs.faults[i];
        result->faults[fault->kind] += fault->count;
        if (fault->kind != FAULT_STALL)
            continue;
        uint64_t length_ns = span_ns(fault->start_ns, fault->end_ns);
        result->stalls++;
        result->stall_total_ns += length_ns;
        if (length_ns > result->stall_longest_ns)
            result->stall_longest_ns = length_ns;
    }
    for (size_t i = 0; i < result->timeline.count; i++) {
        const struct timeline_event *event = &result->timeline.events[i];
        if (event->unseen)
            result->unseen_ns += event->not_after_ns - event->not_before_ns;
    }
}

/* RFC 6412: first loss and full recovery, from the change. */
static void account_convergence(struct result *result)
{
    result->first_loss_ns = UINT64_MAX;
    result->full_recovery_ns = UINT64_MAX;
    uint64_t change_ns = result->meta.change_ns;
    if (change_ns == 0)
        return;
    for (size_t i = 0; i < result->windows.count; i++) {
        const struct window *window = &result->windows.items[i];
        uint64_t end_ns = window->open ? UINT64_MAX : window->recovery.to_ns;
        if (end_ns < change_ns)
            continue;
        uint64_t onset_ns = window->onset.to_ns > change_ns ? window->onset.to_ns : change_ns;
        if (result->first_loss_ns == UINT64_MAX)
            result->first_loss_ns = onset_ns - change_ns;
        result->full_recovery_ns = window->open ? UINT64_MAX : end_ns - change_ns;
    }
}

int account_streams(struct result *result)
{
    for (unsigned i = 0; i < result->meta.stream_count; i++) {
        int code = account_stream(result, i);
        if (code < 0)
            return code;
    }
    int code = windows_make(&result->windows, &result->logs, result->outages,
                            (struct window_scope){.stream = WINDOW_ALL_STREAMS},
                            (uint64_t)result->experiment->windows.hold_off_ns);
    account_faults(result);
    account_convergence(result);
    return code;
}
