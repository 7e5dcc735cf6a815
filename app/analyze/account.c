/* account.c - the account of each stream: requests, connections, outages, windows. */
#include <errno.h>

#include "analyze/due_order.h"
#include "analyze/loss.h"
#include "analyze/quantiles.h"
#include "analyze/result_priv.h"

/* The sets of values of which a stream's quantiles are made. */
struct sets {
    struct values from_due, from_sent, connect, secure, lag, onset, interruption, baseline;
};

static void free_sets(struct sets *sets)
{
    values_free(&sets->from_due);
    values_free(&sets->from_sent);
    values_free(&sets->connect);
    values_free(&sets->secure);
    values_free(&sets->lag);
    values_free(&sets->onset);
    values_free(&sets->interruption);
    values_free(&sets->baseline);
}

static bool any_failed(const struct sets *sets)
{
    return sets->from_due.failed || sets->from_sent.failed || sets->connect.failed ||
           sets->secure.failed || sets->lag.failed || sets->onset.failed ||
           sets->interruption.failed || sets->baseline.failed;
}

/* The baseline runs from steady to the first change, or to the stop where nothing was changed. */
static struct bracket baseline_of(const struct result *result, const struct meta_stream *stream)
{
    uint64_t end_ns = result->meta.change_ns ? result->meta.change_ns : stream->stopped_ns;
    if (stream->steady_ns == 0)
        return (struct bracket){UINT64_MAX, UINT64_MAX};
    return (struct bracket){stream->steady_ns, end_ns ? end_ns : UINT64_MAX};
}

static bool is_in(struct bracket bracket, uint64_t due_ns)
{
    return due_ns >= bracket.from_ns && due_ns < bracket.to_ns;
}

/* Stamps of a damaged log may be in any order. */
static uint64_t span_ns(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

/* What the tester did not send, or the end cut off, is not in the sequence. Within a microsecond
 * the order is not known: the lost ones are taken to be the last. */
static void add_group(struct result *result, unsigned index, struct bracket baseline,
                      const struct due_group *group, struct loss *loss)
{
    struct result_stream *stream = &result->streams[index];
    uint64_t lost = 0, counted = 0;
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        stream->outcomes[i] += group->outcomes[i];
        bool is_counted = i != OUTCOME_UNFINISHED && i != OUTCOME_UNSENT && i != OUTCOME_SENT;
        counted += is_counted ? group->outcomes[i] : 0;
        lost += is_counted && (result->opens >> i & 1) ? group->outcomes[i] : 0;
    }
    loss_pass(loss, counted - lost);
    for (uint64_t i = 0; i < lost; i++)
        loss_add(loss, true);
    stream->due += group->count;
    if (!is_in(baseline, group->due_ns))
        return;
    stream->baseline_due += group->count;
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        stream->baseline_lost += result->opens >> i & 1 ? group->outcomes[i] : 0;
}

static uint64_t next_edge_ns(struct bracket bracket, uint64_t due_ns)
{
    if (due_ns < bracket.from_ns)
        return bracket.from_ns;
    return due_ns < bracket.to_ns ? bracket.to_ns : UINT64_MAX;
}

/* Counts and patterns, of what is recorded in every mode. */
static int account_dues(struct result *result, unsigned index, struct bracket baseline,
                        struct loss *loss)
{
    struct result_stream *stream = &result->streams[index];
    struct due_order order;
    struct due_group group;
    uint64_t due_ns;
    if (due_order_start(&order, &result->logs, index, 0) < 0)
        return -ENOMEM;
    while (due_order_peek(&order, &due_ns)) {
        due_order_take(&order, next_edge_ns(baseline, due_ns), &group);
        add_group(result, index, baseline, &group, loss);
    }
    due_order_free(&order);
    stream->sent = stream->outcomes[OUTCOME_OK];
    for (size_t i = 0; i < result->logs.fold_count; i++) {
        const struct record_fold *fold = &result->logs.folds[i];
        if (fold->stream != index)
            continue;
        stream->sent += fold->sent;
        if (fold->outcome == OUTCOME_BAD_ANSWER)
            stream->bad_answers[fold->reason] += fold->count;
    }
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        stream->received += outcome_is_good(i) ? stream->outcomes[i] : 0;
    return 0;
}

static void count_status(struct result_stream *stream, const struct record_request *request)
{
    if (request->status < RESULT_STATUSES)
        stream->statuses[request->status]++;
}

/* Its values; those of a part of the requests would stand for nothing. */
static void add_request(const struct record_request *request, struct bracket baseline,
                        struct sets *sets)
{
    if (request->sent_ns >= request->due_ns && request->sent_ns != 0)
        values_add(&sets->lag, request->sent_ns - request->due_ns);
    if (!outcome_is_good(request->outcome))
        return;
    values_add(&sets->from_due, span_ns(request->due_ns, request->done_ns));
    values_add(&sets->from_sent, span_ns(request->sent_ns, request->done_ns));
    if (is_in(baseline, request->due_ns))
        values_add(&sets->baseline, span_ns(request->due_ns, request->done_ns));
}

void result_latencies(const struct result *result, unsigned stream, enum interval_latency kind,
                      uint64_t from_ns, uint64_t to_ns, struct histogram *histogram)
{
    const struct logs *logs = &result->logs;
    histogram_clear(histogram);
    for (size_t i = 0; i < logs->interval_count; i++) {
        const struct log_interval *head = &logs->intervals[i].head;
        if (head->stream == stream && head->kind == kind && head->from_ns >= from_ns &&
            head->to_ns <= to_ns)
            logs_add_interval(logs, &logs->intervals[i], histogram);
    }
}

static struct result_quantiles interval_quantiles(const struct result *result, unsigned index,
                                                  enum interval_latency kind, struct bracket when)
{
    struct histogram histogram;
    result_latencies(result, index, kind, when.from_ns, when.to_ns, &histogram);
    return quantiles_of(&histogram);
}

static void set_latencies(struct result *result, unsigned index, struct bracket baseline,
                          struct sets *sets)
{
    struct result_stream *stream = &result->streams[index];
    struct bracket all = {0, UINT64_MAX};
    stream->logged = result->logs.logged[index];
    stream->exact = logs_whole(&result->logs, index);
    if (stream->exact) {
        stream->latency_from_due = values_quantiles(&sets->from_due);
        stream->latency_from_sent = values_quantiles(&sets->from_sent);
        stream->connect_time = values_quantiles(&sets->connect);
        stream->secure_time = values_quantiles(&sets->secure);
        stream->send_lag = values_quantiles(&sets->lag);
        stream->baseline_p99_ns = values_quantiles(&sets->baseline).p99_ns;
        return;
    }
    stream->latency_from_due = interval_quantiles(result, index, INTERVAL_FROM_DUE, all);
    stream->latency_from_sent = interval_quantiles(result, index, INTERVAL_FROM_SENT, all);
    stream->connect_time = interval_quantiles(result, index, INTERVAL_CONNECT, all);
    stream->secure_time = interval_quantiles(result, index, INTERVAL_SECURE, all);
    stream->send_lag = interval_quantiles(result, index, INTERVAL_SEND_LAG, all);
    stream->baseline_p99_ns = interval_quantiles(result, index, INTERVAL_FROM_DUE, baseline).p99_ns;
}

static void add_connection(struct result_stream *stream, const struct record_connection *connection,
                           struct sets *sets)
{
    if (connection->connected_ns == 0) {
        if (connection->end == CONNECTION_UNFINISHED || connection->end == CONNECTION_UNSENT)
            return;
        stream->failed_connects++;
        stream->failed_by_end[connection->end]++;
        return;
    }
    stream->connections++;
    values_add(&sets->connect, span_ns(connection->opened_ns, connection->connected_ns));
    if (connection->secured_ns != 0)
        values_add(&sets->secure, span_ns(connection->connected_ns, connection->secured_ns));
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

/* Frames are in no log: the workers' counters are all there is. What came twice counts once. */
static void account_frames(struct result_stream *stream, const struct record_log_totals *totals)
{
    stream->complete = true;
    stream->sent = stream->outcomes[OUTCOME_SENT];
    stream->received = totals->received;
    stream->lost += stream->sent > totals->received ? stream->sent - totals->received : 0;
}

/* The workers' own counters go on when a log is full: they are the truth for totals. */
static void check_totals(struct result *result, unsigned index)
{
    struct result_stream *stream = &result->streams[index];
    const struct record_log_totals *totals = &result->meta.streams[index].totals;
    stream->complete = result->meta.final && totals->due == stream->due &&
                       result->meta.records_refused == 0 && result->logs.damaged_bytes == 0 &&
                       result->logs.unread == 0;
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
    if (result->meta.final && result->meta.streams[index].one_way)
        account_frames(stream, totals);
    stream->sums_hold = sum == stream->due;
    /* Connections that ended done are not all in the log of a stream that is sampled. */
    if (result->meta.final && totals->done > stream->done) {
        stream->connections += (uint32_t)totals->done - stream->done;
        stream->done = (uint32_t)totals->done;
    }
}

static int finish_stream(struct result *result, unsigned index, struct bracket baseline,
                         struct sets *sets, struct loss *loss)
{
    struct result_stream *stream = &result->streams[index];
    set_latencies(result, index, baseline, sets);
    stream->onset_width = values_quantiles(&sets->onset);
    stream->interruption = values_quantiles(&sets->interruption);
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
    bool exact = logs_whole(logs, index);
    struct bracket baseline = baseline_of(result, &result->meta.streams[index]);
    for (size_t i = 0; i < logs->request_count; i++)
        if (logs->requests[i].stream == index) {
            count_status(&result->streams[index], &logs->requests[i]);
            if (exact)
                add_request(&logs->requests[i], baseline, &sets);
        }
    for (size_t i = 0; i < logs->connection_count; i++)
        if (logs->connections[i].stream == index)
            add_connection(&result->streams[index], &logs->connections[i], &sets);
    for (size_t i = 0; i < logs->segment_count; i++)
        result->streams[index].retransmits += logs->segments[i].stream == index;
    for (size_t i = 0; i < logs->outage_count; i++)
        if (logs->outages[i].stream == index)
            add_outage(&result->streams[index], &result->outages[i], &sets);
    int code = account_dues(result, index, baseline, &loss);
    if (code == 0)
        code = finish_stream(result, index, baseline, &sets, &loss);
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
        result->watches_broken += event->kind == TIMELINE_WATCH_BROKEN;
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
