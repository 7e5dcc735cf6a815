#include "report/report_json_priv.h"
#include <stdio.h>

#include "base/json.h"
#include <stdio.h>

void report_json_add(cJSON *object, const char *name, uint64_t value)
{
    if (value == UINT64_MAX)
        cJSON_AddNullToObject(object, name);
    else
        json_add_integer(object, name, (int64_t)value);
}

cJSON *report_json_bracket(struct bracket bracket)
{
    cJSON *json = cJSON_CreateObject();
    report_json_add(json, "from", bracket.from_ns);
    report_json_add(json, "to", bracket.to_ns);
    return json;
}

static void add_quantiles(cJSON *object, const char *name, const struct result_quantiles *quantiles)
{
    cJSON *json = cJSON_AddObjectToObject(object, name);
    json_add_integer(json, "count", (int64_t)quantiles->count);
    report_json_add(json, "min", quantiles->min_ns);
    report_json_add(json, "mean", (uint64_t)(quantiles->mean_ns + 0.5));
    report_json_add(json, "p50", quantiles->p50_ns);
    report_json_add(json, "p90", quantiles->p90_ns);
    report_json_add(json, "p95", quantiles->p95_ns);
    report_json_add(json, "p99", quantiles->p99_ns);
    report_json_add(json, "p999", quantiles->p999_ns);
    report_json_add(json, "max", quantiles->max_ns);
}

/* Only ends that occurred. */
static void add_ends(cJSON *object, const char *name, const uint32_t ends[CONNECTION_END_COUNT])
{
    cJSON *json = cJSON_AddObjectToObject(object, name);
    for (unsigned i = 0; i < CONNECTION_END_COUNT; i++)
        if (ends[i] > 0)
            json_add_integer(json, connection_end_text(i), ends[i]);
}

static void add_windows(cJSON *object, const struct result *result, const struct windows *windows)
{
    cJSON *json = cJSON_AddArrayToObject(object, "windows");
    for (size_t i = 0; i < windows->count; i++)
        cJSON_AddItemToArray(json, report_json_window(result, &windows->items[i]));
}

static void add_connections(cJSON *object, const struct result_stream *stream)
{
    cJSON *json = cJSON_AddObjectToObject(object, "connections");
    json_add_integer(json, "established", stream->connections);
    json_add_integer(json, "lasting", stream->lasting);
    json_add_integer(json, "broken", stream->broken);
    json_add_integer(json, "done", stream->done);
    json_add_integer(json, "unfinished", stream->unfinished);
    add_ends(json, "brokenBy", stream->broken_by_end);
    json_add_integer(json, "failedConnects", stream->failed_connects);
    add_ends(json, "failedBy", stream->failed_by_end);
}

static void add_outages(cJSON *object, const struct result_outages *outages)
{
    cJSON *json = cJSON_AddObjectToObject(object, "outages");
    json_add_integer(json, "count", (int64_t)outages->count);
    json_add_integer(json, "open", (int64_t)outages->open);
    report_json_add(json, "shortest", outages->shortest_ns);
    report_json_add(json, "longest", outages->longest_ns);
    report_json_add(json, "last", outages->last_ns);
    report_json_add(json, "total", outages->total_ns);
    report_json_add(json, "mean", (uint64_t)(outages->mean_ns + 0.5));
}

/* Of HTTP streams; empty for others. */
static void add_answers(cJSON *json, const struct result_stream *stream)
{
    cJSON *statuses = cJSON_AddObjectToObject(json, "statuses");
    for (unsigned i = 1; i < RESULT_STATUSES; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%u", i);
        if (stream->statuses[i] > 0)
            json_add_integer(statuses, text, stream->statuses[i]);
    }
    cJSON *bad = cJSON_AddObjectToObject(json, "badAnswers");
    for (unsigned i = 1; i < HTTP_REASON_COUNT; i++)
        if (stream->bad_answers[i] > 0)
            json_add_integer(bad, http_reason_name(i), stream->bad_answers[i]);
}

static void add_requests(cJSON *json, const struct result_stream *stream)
{
    report_json_add(json, "due", stream->due);
    cJSON *outcomes = cJSON_AddObjectToObject(json, "outcomes");
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        report_json_add(outcomes, outcome_text(i), stream->outcomes[i]);
    add_answers(json, stream);
    cJSON_AddBoolToObject(json, "sumsHold", stream->sums_hold);
    cJSON_AddBoolToObject(json, "complete", stream->complete);
    cJSON_AddBoolToObject(json, "exactLatencies", stream->exact);
    report_json_add(json, "logged", stream->logged);
    report_json_add(json, "sent", stream->sent);
    report_json_add(json, "received", stream->received);
    report_json_add(json, "lost", stream->lost);
    json_add_integer(json, "retransmits", stream->retransmits);
    cJSON *pattern = cJSON_AddObjectToObject(json, "pattern");
    json_add_integer(pattern, "periods", (int64_t)stream->pattern.periods);
    json_add_integer(pattern, "longestPeriod", (int64_t)stream->pattern.longest_period);
    cJSON_AddNumberToObject(pattern, "noticeableRate", stream->pattern.noticeable_rate);
    json_add_integer(pattern, "delta", RESULT_NOTICEABLE_DELTA);
    cJSON *baseline = cJSON_AddObjectToObject(json, "baseline");
    report_json_add(baseline, "due", stream->baseline_due);
    report_json_add(baseline, "lost", stream->baseline_lost);
    report_json_add(baseline, "p99", stream->baseline_p99_ns);
}

static void add_datagrams(cJSON *object, const struct record_log_totals *totals)
{
    cJSON *json = cJSON_AddObjectToObject(object, "datagrams");
    for (unsigned i = 0; i < DATAGRAM_COUNT; i++)
        report_json_add(json, datagram_count_key(i), totals->datagrams[i]);
    report_json_add(json, "largestExtent", totals->reorder_extent);
}

cJSON *report_json_stream(const struct result *result, unsigned index)
{
    const struct meta_stream *meta = &result->meta.streams[index];
    const struct result_stream *stream = &result->streams[index];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", meta->name);
    cJSON_AddStringToObject(json, "protocol", meta->protocol);
    cJSON_AddStringToObject(json, "target", meta->target);
    json_add_integer(json, "flows", meta->flows);
    cJSON_AddNumberToObject(json, "rate", meta->rate_pps);
    json_add_integer(json, "size", meta->size_bytes);
    report_json_add(json, "started", meta->started_ns);
    report_json_add(json, "steady", meta->steady_ns);
    report_json_add(json, "stopped", meta->stopped_ns);
    add_requests(json, stream);
    add_quantiles(json, "latencyFromDue", &stream->latency_from_due);
    add_quantiles(json, "latencyFromSent", &stream->latency_from_sent);
    add_quantiles(json, "sendLag", &stream->send_lag);
    add_quantiles(json, "connectTime", &stream->connect_time);
    add_quantiles(json, "tlsTime", &stream->secure_time);
    if (meta->datagrams)
        add_datagrams(json, &meta->totals);
    add_connections(json, stream);
    add_outages(json, &stream->outages);
    add_quantiles(json, "onsetWidth", &stream->onset_width);
    add_quantiles(json, "interruption", &stream->interruption);
    add_windows(json, result, &stream->windows);
    return json;
}

static void add_counts(cJSON *json, const struct window *window)
{
    json_add_integer(json, "outages", window->outages);
    json_add_integer(json, "flows", window->flows);
    json_add_integer(json, "lost", window->lost);
    cJSON *outcomes = cJSON_AddObjectToObject(json, "outcomes");
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        if (window->outcomes[i] > 0)
            json_add_integer(outcomes, outcome_text(i), window->outcomes[i]);
}

/* Lost over offered, by stream (RFC 6201). */
static void add_loss(cJSON *json, const struct result *result, const struct window *window)
{
    cJSON *lost = cJSON_AddObjectToObject(json, "lostByStream");
    cJSON *duration = cJSON_AddObjectToObject(json, "durationByLoss");
    for (uint32_t i = 0; i < result->meta.stream_count; i++) {
        const struct meta_stream *meta = &result->meta.streams[i];
        if (window->lost_by_stream[i] == 0)
            continue;
        json_add_integer(lost, meta->name, window->lost_by_stream[i]);
        if (meta->rate_pps > 0)
            json_add_integer(duration, meta->name,
                             (int64_t)(1e9 * (double)window->lost_by_stream[i] / meta->rate_pps));
    }
}

cJSON *report_json_window(const struct result *result, const struct window *window)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToObject(json, "onset", report_json_bracket(window->onset));
    if (window->open)
        cJSON_AddNullToObject(json, "recovery");
    else
        cJSON_AddItemToObject(json, "recovery", report_json_bracket(window->recovery));
    cJSON_AddItemToObject(json, "duration", report_json_bracket(window_duration(window)));
    cJSON_AddBoolToObject(json, "open", window->open);
    cJSON_AddBoolToObject(json, "validated", window->validated);
    add_counts(json, window);
    add_loss(json, result, window);
    cJSON *pods = cJSON_AddArrayToObject(json, "pods");
    for (uint32_t i = 0; i < window->host_count; i++)
        cJSON_AddItemToArray(pods, cJSON_CreateString(logs_host(&result->logs, window->hosts[i])));
    report_json_add(json, "arrivalUncertainty", window->arrival_uncertainty_ns);
    report_json_add(json, "stalls", window->stall_ns);
    cJSON_AddBoolToObject(json, "tester", window->tester);
    return json;
}

static void add_event(cJSON *json, const char *name, const struct timeline_event *event)
{
    if (event == NULL)
        cJSON_AddNullToObject(json, name);
    else
        cJSON_AddItemToObject(
            json, name,
            report_json_bracket((struct bracket){event->not_before_ns, event->not_after_ns}));
}

cJSON *report_json_pod(const struct result *result, const struct result_pod *pod)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", pod->name);
    cJSON_AddStringToObject(json, "node", pod->node);
    cJSON_AddBoolToObject(json, "answered", pod->host != 0);
    json_add_integer(json, "broken", pod->broken);
    json_add_integer(json, "lasting", pod->lasting);
    add_ends(json, "ends", pod->by_end);
    json_add_integer(json, "inferredFailedConnects", pod->inferred_failed_connects);
    report_json_add(json, "requests", pod->requests);
    report_json_add(json, "lost", pod->lost);
    cJSON_AddItemToObject(json, "onset", report_json_bracket(pod->onset));
    report_json_add(json, "lastRecovery", pod->last_recovery_ns);
    report_json_add(json, "firstAnswer", pod->first_answer_ns);
    report_json_add(json, "lastAnswer", pod->last_answer_ns);
    report_json_add(json, "lastNewConnection", pod->last_new_connection_ns);
    add_event(json, "created", pod->created);
    add_event(json, "ready", pod->ready);
    add_event(json, "terminating", pod->terminating);
    add_event(json, "gone", pod->gone);
    add_windows(json, result, &pod->windows);
    return json;
}

static const char *stream_name(const struct result *result, uint8_t stream)
{
    return stream < result->meta.stream_count ? result->meta.streams[stream].name : "?";
}

static void add_host(cJSON *json, const char *name, const struct logs *logs, uint16_t host)
{
    if (host == 0)
        cJSON_AddNullToObject(json, name);
    else
        cJSON_AddStringToObject(json, name, logs_host(logs, host));
}

cJSON *report_json_outage(const struct result *result, const struct outage *outage)
{
    const struct record_outage *record = outage->record;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "stream", stream_name(result, record->stream));
    json_add_integer(json, "flow", record->flow);
    json_add_integer(json, "connection", record->connection);
    cJSON_AddStringToObject(json, "signal", connection_end_text(record->signal));
    report_json_add(json, "signalAt", record->signal_ns);
    cJSON_AddItemToObject(json, "onset", report_json_bracket(outage->onset));
    if (outage->open)
        cJSON_AddNullToObject(json, "recovery");
    else
        cJSON_AddItemToObject(json, "recovery", report_json_bracket(outage->recovery));
    report_json_add(json, "validated", outage->open ? UINT64_MAX : outage->validated_ns);
    json_add_integer(json, "attempts", record->attempts);
    json_add_integer(json, "successor", record->successor);
    json_add_integer(json, "lost", outage->lost);
    add_host(json, "pod", &result->logs, record->host);
    add_host(json, "successorPod", &result->logs, record->successor_host);
    return json;
}

static const struct result_attempt *attempt_of(const struct result *result,
                                               const struct record_connection *connection)
{
    size_t low = 0, high = result->attempt_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (result->attempts[middle].connection < connection)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < result->attempt_count && result->attempts[low].connection == connection;
    return found ? &result->attempts[low] : NULL;
}

cJSON *report_json_connection(const struct result *result,
                              const struct record_connection *connection)
{
    const struct result_attempt *attempt = attempt_of(result, connection);
    char tuple[TUPLE_TEXT_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "stream", stream_name(result, connection->stream));
    json_add_integer(json, "flow", connection->flow);
    json_add_integer(json, "id", connection->id);
    cJSON_AddStringToObject(json, "tuple", tuple_text(&connection->tuple, tuple));
    cJSON_AddStringToObject(json, "end", connection_end_text(connection->end));
    report_json_add(json, "opened", connection->opened_ns);
    report_json_add(json, "connected",
                    connection->connected_ns ? connection->connected_ns : UINT64_MAX);
    report_json_add(json, "ended", connection->ended_ns);
    json_add_integer(json, "sent", connection->sent);
    json_add_integer(json, "received", connection->received);
    json_add_integer(json, "blocked", connection->blocked);
    json_add_integer(json, "retransmits", connection->retransmits);
    json_add_integer(json, "failedConnects", connection->failed_connects);
    bool inferred = attempt != NULL && attempt->knowledge == POD_INFERRED;
    if (inferred)
        cJSON_AddStringToObject(json, "pod", result->pods[attempt->pod].name);
    else
        add_host(json, "pod", &result->logs, connection->host);
    cJSON_AddStringToObject(json, "podIs",
                            inferred           ? "inferred"
                            : connection->host ? "known"
                                               : "unknown");
    return json;
}
