/* report_json.c - run.json: all of a result. docs/file-formats.md describes every member. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "report/escape.h"
#include "report/report_json_priv.h"
#include "report/report_priv.h"

enum {
    RUN_JSON_VERSION = 1
};

static const char *verdict_word(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_MET: return "met";
    case VERDICT_NOT_MET: return "not-met";
    default: return "undecided";
    }
}

static void add_server_clock(cJSON *json, const struct meta_server_clock *clock)
{
    cJSON *of = clock->answers > 0 ? cJSON_AddObjectToObject(json, "serverClock") : NULL;
    if (of == NULL)
        return;
    json_add_integer(of, "least", clock->least_ns);
    json_add_integer(of, "most", clock->most_ns);
    json_add_integer(of, "answers", clock->answers);
    json_add_integer(of, "steps", clock->steps);
}

static void add_head(cJSON *json, const struct result *result)
{
    const struct meta *meta = &result->meta;
    json_add_integer(json, "version", RUN_JSON_VERSION);
    cJSON_AddStringToObject(json, "seamline", meta->version);
    cJSON_AddStringToObject(json, "environment", meta->environment);
    add_server_clock(json, &meta->server_clock);
    cJSON_AddBoolToObject(json, "lab", meta->lab);
    cJSON_AddStringToObject(json, "experiment", meta->experiment);
    cJSON_AddStringToObject(json, "started", meta->started);
    report_json_add(json, "ended", meta->ended_ns);
    cJSON_AddBoolToObject(json, "final", meta->final);
    cJSON_AddBoolToObject(json, "interrupted", meta->interrupted);
    cJSON_AddStringToObject(json, "failure", meta->failure);
    cJSON_AddStringToObject(json, "verdict", verdict_word(result->verdict));
    report_json_add(json, "change", meta->change_ns ? meta->change_ns : UINT64_MAX);
    report_json_add(json, "firstLoss", result->first_loss_ns);
    report_json_add(json, "fullRecovery", result->full_recovery_ns);
    cJSON_AddItemToObject(json, "tcp",
                          cJSON_Duplicate(json_member(result->experiment->resolved, "tcp"), true));
}

static cJSON *expectation_json(const struct result *result,
                               const struct result_expectation *expectation)
{
    static const char *const units[] = {[EXPERIMENT_UNIT_COUNT] = "count",
                                        [EXPERIMENT_UNIT_NS] = "ns",
                                        [EXPERIMENT_UNIT_RATIO] = "ratio"};
    const struct experiment_expect *expect = expectation->expect;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "stream", result->experiment->streams[expect->stream].name);
    cJSON_AddStringToObject(json, "figure", experiment_figure_word(expect->figure));
    cJSON_AddStringToObject(json, "compare", experiment_compare_word(expect->compare));
    cJSON_AddStringToObject(json, "expected", expect->value_text);
    if (expect->from_step >= 0)
        cJSON_AddStringToObject(json, "from", result->experiment->steps[expect->from_step].id);
    cJSON_AddStringToObject(json, "unit", units[experiment_figure_unit(expect->figure)]);
    cJSON_AddNumberToObject(json, "bound", expectation->bound);
    cJSON_AddNumberToObject(json, "value", expectation->value);
    cJSON_AddStringToObject(json, "verdict", verdict_word(expectation->verdict));
    cJSON_AddStringToObject(json, "why", expectation->text);
    return json;
}

static void add_prediction(cJSON *json, const struct meta_prediction *prediction)
{
    if (!prediction->given) {
        cJSON_AddNullToObject(json, "prediction");
        return;
    }
    cJSON *object = cJSON_AddObjectToObject(json, "prediction");
    cJSON_AddNumberToObject(object, "mean", prediction->mean);
    json_add_integer(object, "min", prediction->min);
    json_add_integer(object, "p1", prediction->p1);
    json_add_integer(object, "p50", prediction->p50);
    json_add_integer(object, "p99", prediction->p99);
    json_add_integer(object, "max", prediction->max);
    cJSON_AddStringToObject(object, "basis", prediction->basis);
}

static void add_event(cJSON *windows, const struct result *result, size_t index)
{
    const struct result_cause *cause = &result->causes[index];
    cJSON *window = report_json_window(result, &result->windows.items[index]);
    cJSON *json = cJSON_AddObjectToObject(window, "cause");
    cJSON_AddStringToObject(json, "cause", cause_word(cause->cause));
    cJSON_AddStringToObject(json, "confidence", cause_confidence_word(cause->confidence));
    cJSON_AddStringToObject(json, "text", cause->text);
    if (cause->event != NULL) {
        cJSON_AddStringToObject(json, "kind", timeline_kind_text(cause->event->kind));
        cJSON_AddStringToObject(json, "object", cause->event->object);
        cJSON_AddItemToObject(json, "at",
                              report_json_bracket((struct bracket){cause->event->not_before_ns,
                                                                   cause->event->not_after_ns}));
    }
    cJSON_AddItemToArray(windows, window);
}

/* Connections that did their work and were closed by us are in the streams' counts alone. MOST: of
 * connections and of outages. */
static void add_lists(cJSON *json, const struct result *result, size_t most)
{
    cJSON *streams = cJSON_AddArrayToObject(json, "streams");
    for (uint32_t i = 0; i < result->meta.stream_count; i++)
        cJSON_AddItemToArray(streams, report_json_stream(result, i));
    cJSON *windows = cJSON_AddArrayToObject(json, "windows");
    for (size_t i = 0; i < result->windows.count; i++)
        add_event(windows, result, i);
    cJSON *pods = cJSON_AddArrayToObject(json, "pods");
    for (size_t i = 0; i < result->pod_count; i++)
        cJSON_AddItemToArray(pods, report_json_pod(result, &result->pods[i]));
    cJSON *outages = cJSON_AddArrayToObject(json, "outages");
    for (size_t i = 0; i < result->logs.outage_count && i < most; i++)
        cJSON_AddItemToArray(outages, report_json_outage(result, &result->outages[i]));
    cJSON *connections = cJSON_AddArrayToObject(json, "connections");
    for (size_t i = 0, listed = 0; i < result->logs.connection_count && listed < most; i++) {
        if (result->logs.connections[i].end == CONNECTION_DONE)
            continue;
        cJSON_AddItemToArray(connections,
                             report_json_connection(result, &result->logs.connections[i]));
        listed++;
    }
}

static cJSON *port_json(const struct meta_port *port)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", port->name);
    cJSON_AddStringToObject(json, "driver", port->driver);
    report_json_add(json, "rxPackets", port->rx_packets);
    report_json_add(json, "txPackets", port->tx_packets);
    report_json_add(json, "imissed", port->imissed);
    report_json_add(json, "rxNombuf", port->rx_nombuf);
    report_json_add(json, "txRefused", port->tx_refused);
    cJSON_AddStringToObject(json, "arrivals", port->stamps_arrivals ? "nic" : "poll");
    cJSON_AddStringToObject(json, "departures", port->sends_on_time ? "nic" : "worker");
    if (port->stamps_arrivals || port->sends_on_time) {
        report_json_add(json, "rxStamps", port->rx_stamps);
        report_json_add(json, "txTimed", port->tx_timed);
        report_json_add(json, "clockBound", port->clock_bound_ns);
        report_json_add(json, "clockJumps", port->clock_jumps);
    }
    report_json_add(json, "peakRate", port->peak_pps);
    report_json_add(json, "dropped", port->dropped);
    report_json_add(json, "mbufsMissing", port->mbufs_missing);
    return json;
}

static cJSON *queue_json(const struct meta_queue *queue)
{
    cJSON *json = cJSON_CreateObject();
    json_add_integer(json, "port", queue->port);
    json_add_integer(json, "queue", queue->queue);
    json_add_integer(json, "core", queue->core);
    report_json_add(json, "rxPackets", queue->rx_packets);
    report_json_add(json, "txPackets", queue->tx_packets);
    report_json_add(json, "handedOut", queue->handed_out);
    report_json_add(json, "handedIn", queue->handed_in);
    report_json_add(json, "handoverFull", queue->handover_full);
    report_json_add(json, "stalls", queue->stalls);
    return json;
}

static cJSON *lines_json(const struct text *lines)
{
    cJSON *json = cJSON_CreateArray();
    const char *line = text_str(lines);
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        char *one = strndup(line, (size_t)(end - line));
        cJSON_AddItemToArray(json, cJSON_CreateString(one != NULL ? one : "?"));
        free(one);
    }
    return json;
}

static void add_tester(cJSON *json, const struct result *result)
{
    const struct meta *meta = &result->meta;
    cJSON *tester = cJSON_AddObjectToObject(json, "tester");
    report_json_add(tester, "clockError", meta->clock_error_ns);
    report_json_add(tester, "tscHz", meta->tsc_hz);
    json_add_integer(tester, "workers", meta->worker_count);
    report_json_add(tester, "turns", meta->turns);
    report_json_add(tester, "stalls", result->stalls);
    report_json_add(tester, "stallTotal", result->stall_total_ns);
    report_json_add(tester, "stallLongest", result->stall_longest_ns);
    cJSON *faults = cJSON_AddObjectToObject(tester, "faults");
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        if (result->faults[i] > 0)
            report_json_add(faults, tester_fault_text(i), result->faults[i]);
    cJSON *ports = cJSON_AddArrayToObject(tester, "ports");
    for (uint32_t i = 0; i < meta->port_count; i++)
        cJSON_AddItemToArray(ports, port_json(&meta->ports[i]));
    cJSON *queues = cJSON_AddArrayToObject(tester, "queues");
    for (uint32_t i = 0; i < meta->queue_count; i++)
        cJSON_AddItemToArray(queues, queue_json(&meta->queues[i]));
    report_json_add(tester, "recordsRefused", meta->records_refused);
    report_json_add(tester, "damagedBytes", result->logs.damaged_bytes);
    cJSON_AddBoolToObject(tester, "timelineCut", result->timeline.cut);
    report_json_add(tester, "timelineRefused", result->timeline.refused);
    if (result->unread.size > 0)
        cJSON_AddItemToObject(tester, "unread", lines_json(&result->unread));
    report_json_add(tester, "unseen", result->unseen_ns);
    cJSON_AddStringToObject(tester, "notes", meta->notes ? meta->notes : "");
}

cJSON *report_json_tree(const struct result *result, size_t most)
{
    cJSON *json = cJSON_CreateObject();
    add_head(json, result);
    cJSON *expectations = cJSON_AddArrayToObject(json, "expectations");
    for (uint32_t i = 0; i < result->experiment->expect_count; i++)
        cJSON_AddItemToArray(expectations, expectation_json(result, &result->expectations[i]));
    add_prediction(json, &result->meta.prediction);
    cJSON *failures = cJSON_AddObjectToObject(json, "failures");
    report_json_add(failures, "known", result->known);
    report_json_add(failures, "inferred", result->inferred);
    report_json_add(failures, "unknown", result->unknown);
    add_lists(json, result, most);
    add_tester(json, result);
    return json;
}

int report_json(const struct result *result, struct text *out, struct error *err)
{
    (void)err;
    cJSON *json = report_json_tree(result, SIZE_MAX);
    char *printed = json_print(json, true);
    if (printed == NULL)
        out->failed = true;
    else
        escape_utf8(out, printed);
    text_add(out, "\n");
    free(printed);
    cJSON_Delete(json);
    return 0;
}
