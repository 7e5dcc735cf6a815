#include "rundir/meta.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

static void add_datagrams(cJSON *object, const struct record_log_totals *totals)
{
    cJSON *json = cJSON_AddObjectToObject(object, "datagrams");
    for (unsigned i = 0; i < DATAGRAM_COUNT; i++)
        json_add_integer(json, datagram_count_key(i), (int64_t)totals->datagrams[i]);
    json_add_integer(json, "largestExtent", (int64_t)totals->reorder_extent);
}

static cJSON *stream_json(const struct meta_stream *stream)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", stream->name);
    cJSON_AddStringToObject(json, "protocol", stream->protocol);
    cJSON_AddStringToObject(json, "target", stream->target);
    json_add_integer(json, "flows", stream->flows);
    cJSON_AddNumberToObject(json, "rate", stream->rate_pps);
    json_add_integer(json, "size", stream->size_bytes);
    json_add_integer(json, "timeout", (int64_t)stream->timeout_ns);
    json_add_integer(json, "connectTimeout", (int64_t)stream->connect_timeout_ns);
    json_add_integer(json, "late", (int64_t)stream->late_ns);
    cJSON_AddStringToObject(json, "record", stream->record);
    json_add_integer(json, "oneIn", stream->one_in);
    json_add_integer(json, "started", (int64_t)stream->started_ns);
    json_add_integer(json, "steady", (int64_t)stream->steady_ns);
    json_add_integer(json, "stopped", (int64_t)stream->stopped_ns);
    cJSON *totals = cJSON_AddObjectToObject(json, "totals");
    json_add_integer(totals, "due", (int64_t)stream->totals.due);
    json_add_integer(totals, "done", (int64_t)stream->totals.done);
    json_add_integer(totals, "received", (int64_t)stream->totals.received);
    json_add_integer(totals, "readBytes", (int64_t)stream->totals.read_bytes);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        json_add_integer(totals, outcome_text(i), (int64_t)stream->totals.outcomes[i]);
    if (stream->datagrams)
        add_datagrams(json, &stream->totals);
    cJSON_AddBoolToObject(json, "oneWay", stream->one_way);
    return json;
}

static cJSON *port_json(const struct meta_port *port)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", port->name);
    cJSON_AddStringToObject(json, "driver", port->driver);
    json_add_integer(json, "rxPackets", (int64_t)port->rx_packets);
    json_add_integer(json, "txPackets", (int64_t)port->tx_packets);
    json_add_integer(json, "imissed", (int64_t)port->imissed);
    json_add_integer(json, "rxNombuf", (int64_t)port->rx_nombuf);
    json_add_integer(json, "txRefused", (int64_t)port->tx_refused);
    cJSON_AddStringToObject(json, "arrivals", port->stamps_arrivals ? "nic" : "poll");
    cJSON_AddStringToObject(json, "departures", port->sends_on_time ? "nic" : "worker");
    if (port->stamps_arrivals || port->sends_on_time) {
        json_add_integer(json, "rxStamps", (int64_t)port->rx_stamps);
        json_add_integer(json, "txTimed", (int64_t)port->tx_timed);
        json_add_integer(json, "clockBound", (int64_t)port->clock_bound_ns);
        json_add_integer(json, "clockJumps", (int64_t)port->clock_jumps);
    }
    json_add_integer(json, "peakRate", (int64_t)port->peak_pps);
    json_add_integer(json, "dropped", (int64_t)port->dropped);
    json_add_integer(json, "mbufsMissing", (int64_t)port->mbufs_missing);
    return json;
}

static cJSON *queue_json(const struct meta_queue *queue)
{
    cJSON *json = cJSON_CreateObject();
    json_add_integer(json, "port", queue->port);
    json_add_integer(json, "queue", queue->queue);
    json_add_integer(json, "core", queue->core);
    json_add_integer(json, "rxPackets", (int64_t)queue->rx_packets);
    json_add_integer(json, "txPackets", (int64_t)queue->tx_packets);
    json_add_integer(json, "handedOut", (int64_t)queue->handed_out);
    json_add_integer(json, "handedIn", (int64_t)queue->handed_in);
    json_add_integer(json, "handoverFull", (int64_t)queue->handover_full);
    json_add_integer(json, "stalls", (int64_t)queue->stalls);
    return json;
}

static cJSON *prediction_json(const struct meta_prediction *prediction)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "mean", prediction->mean);
    json_add_integer(json, "min", prediction->min);
    json_add_integer(json, "p1", prediction->p1);
    json_add_integer(json, "p50", prediction->p50);
    json_add_integer(json, "p99", prediction->p99);
    json_add_integer(json, "max", prediction->max);
    cJSON_AddStringToObject(json, "basis", prediction->basis);
    return json;
}

static cJSON *samples_json(const struct meta *meta)
{
    cJSON *samples = cJSON_CreateArray();
    for (uint32_t i = 0; i < meta->utc_count; i++) {
        char utc[36];
        cJSON *sample = cJSON_CreateObject();
        json_format_time(meta->utc[i].utc_ns, 9, utc);
        json_add_integer(sample, "run", (int64_t)meta->utc[i].run_ns);
        cJSON_AddStringToObject(sample, "utc", utc);
        json_add_integer(sample, "halfWidth", (int64_t)meta->utc[i].half_width_ns);
        cJSON_AddItemToArray(samples, sample);
    }
    return samples;
}

static cJSON *server_clock_json(const struct meta_server_clock *clock)
{
    cJSON *json = cJSON_CreateObject();
    json_add_integer(json, "least", clock->least_ns);
    json_add_integer(json, "most", clock->most_ns);
    json_add_integer(json, "answers", clock->answers);
    json_add_integer(json, "steps", clock->steps);
    return json;
}

static cJSON *meta_json(const struct meta *meta)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "version", meta->version);
    cJSON_AddStringToObject(json, "experiment", meta->experiment);
    cJSON_AddStringToObject(json, "started", meta->started);
    cJSON_AddStringToObject(json, "environment", meta->environment);
    if (meta->server_clock.answers > 0)
        cJSON_AddItemToObject(json, "serverClock", server_clock_json(&meta->server_clock));
    cJSON_AddBoolToObject(json, "lab", meta->lab);
    cJSON_AddBoolToObject(json, "final", meta->final);
    cJSON_AddBoolToObject(json, "interrupted", meta->interrupted);
    cJSON_AddStringToObject(json, "failure", meta->failure);
    json_add_integer(json, "ended", (int64_t)meta->ended_ns);
    json_add_integer(json, "tscHz", (int64_t)meta->tsc_hz);
    json_add_integer(json, "clockError", (int64_t)meta->clock_error_ns);
    json_add_integer(json, "workers", meta->worker_count);
    json_add_integer(json, "change", (int64_t)meta->change_ns);
    json_add_integer(json, "turns", (int64_t)meta->turns);
    json_add_integer(json, "recordsRefused", (int64_t)meta->records_refused);
    cJSON *streams = cJSON_AddArrayToObject(json, "streams");
    for (uint32_t i = 0; i < meta->stream_count; i++)
        cJSON_AddItemToArray(streams, stream_json(&meta->streams[i]));
    cJSON *ports = cJSON_AddArrayToObject(json, "ports");
    for (uint32_t i = 0; i < meta->port_count; i++)
        cJSON_AddItemToArray(ports, port_json(&meta->ports[i]));
    cJSON *queues = cJSON_AddArrayToObject(json, "queues");
    for (uint32_t i = 0; i < meta->queue_count; i++)
        cJSON_AddItemToArray(queues, queue_json(&meta->queues[i]));
    if (meta->prediction.given)
        cJSON_AddItemToObject(json, "prediction", prediction_json(&meta->prediction));
    cJSON_AddItemToObject(json, "utc", samples_json(meta));
    cJSON_AddStringToObject(json, "notes", meta->notes ? meta->notes : "");
    return json;
}

int meta_write(const struct meta *meta, const char *rundir, struct error *err)
{
    cJSON *json = meta_json(meta);
    char *printed = json_print(json, true);
    cJSON_Delete(json);
    struct text content = {0};
    char path[4096];
    snprintf(path, sizeof(path), "%s/meta.json", rundir);
    text_add(&content, printed ? printed : "");
    text_add(&content, "\n");
    content.failed = content.failed || printed == NULL;
    free(printed);
    int result = text_write_file(&content, path);
    text_free(&content);
    if (result < 0)
        return error_set(err, EXIT_ENVIRONMENT, result, "%s: %s", path, strerror(-result));
    return 0;
}

static void get_text(const cJSON *json, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s", json_string(json, name, ""));
    text_flatten(out);
}

static uint64_t get_count(const cJSON *json, const char *name)
{
    int64_t value = json_integer(json, name, 0);
    return value < 0 ? 0 : (uint64_t)value;
}

static void read_stream(const cJSON *json, struct meta_stream *stream)
{
    get_text(json, "name", stream->name, sizeof(stream->name));
    get_text(json, "protocol", stream->protocol, sizeof(stream->protocol));
    get_text(json, "target", stream->target, sizeof(stream->target));
    stream->flows = (uint32_t)get_count(json, "flows");
    stream->rate_pps = json_number(json, "rate", 0);
    stream->size_bytes = (uint32_t)get_count(json, "size");
    stream->timeout_ns = get_count(json, "timeout");
    stream->connect_timeout_ns = get_count(json, "connectTimeout");
    stream->late_ns = get_count(json, "late");
    get_text(json, "record", stream->record, sizeof(stream->record));
    stream->one_in = (uint32_t)get_count(json, "oneIn");
    stream->started_ns = get_count(json, "started");
    stream->steady_ns = get_count(json, "steady");
    stream->stopped_ns = get_count(json, "stopped");
    const cJSON *totals = json_member(json, "totals");
    stream->totals.due = get_count(totals, "due");
    stream->totals.done = get_count(totals, "done");
    stream->totals.received = get_count(totals, "received");
    stream->totals.read_bytes = get_count(totals, "readBytes");
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        stream->totals.outcomes[i] = get_count(totals, outcome_text(i));
    const cJSON *datagrams = json_member(json, "datagrams");
    stream->datagrams = datagrams != NULL;
    stream->one_way = cJSON_IsTrue(json_member(json, "oneWay"));
    for (unsigned i = 0; i < DATAGRAM_COUNT && datagrams != NULL; i++)
        stream->totals.datagrams[i] = get_count(datagrams, datagram_count_key(i));
    if (datagrams != NULL)
        stream->totals.reorder_extent = get_count(datagrams, "largestExtent");
}

static void read_port(const cJSON *json, struct meta_port *port)
{
    get_text(json, "name", port->name, sizeof(port->name));
    get_text(json, "driver", port->driver, sizeof(port->driver));
    port->rx_packets = get_count(json, "rxPackets");
    port->tx_packets = get_count(json, "txPackets");
    port->imissed = get_count(json, "imissed");
    port->rx_nombuf = get_count(json, "rxNombuf");
    port->tx_refused = get_count(json, "txRefused");
    port->stamps_arrivals = strcmp(json_string(json, "arrivals", "poll"), "nic") == 0;
    port->sends_on_time = strcmp(json_string(json, "departures", "worker"), "nic") == 0;
    port->rx_stamps = get_count(json, "rxStamps");
    port->tx_timed = get_count(json, "txTimed");
    port->clock_bound_ns = get_count(json, "clockBound");
    port->clock_jumps = get_count(json, "clockJumps");
    port->peak_pps = get_count(json, "peakRate");
    port->dropped = get_count(json, "dropped");
    port->mbufs_missing = get_count(json, "mbufsMissing");
}

static void read_queue(const cJSON *json, struct meta_queue *queue)
{
    queue->port = (uint32_t)get_count(json, "port");
    queue->queue = (uint32_t)get_count(json, "queue");
    queue->core = (uint32_t)get_count(json, "core");
    queue->rx_packets = get_count(json, "rxPackets");
    queue->tx_packets = get_count(json, "txPackets");
    queue->handed_out = get_count(json, "handedOut");
    queue->handed_in = get_count(json, "handedIn");
    queue->handover_full = get_count(json, "handoverFull");
    queue->stalls = get_count(json, "stalls");
}

static void read_prediction(const cJSON *json, struct meta_prediction *prediction)
{
    prediction->given = json != NULL;
    prediction->mean = json_number(json, "mean", 0);
    prediction->min = (uint32_t)get_count(json, "min");
    prediction->p1 = (uint32_t)get_count(json, "p1");
    prediction->p50 = (uint32_t)get_count(json, "p50");
    prediction->p99 = (uint32_t)get_count(json, "p99");
    prediction->max = (uint32_t)get_count(json, "max");
    get_text(json, "basis", prediction->basis, sizeof(prediction->basis));
}

static void read_arrays(const cJSON *json, struct meta *meta)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_member(json, "streams"))
    {
        if (meta->stream_count < RECORD_STREAMS)
            read_stream(item, &meta->streams[meta->stream_count++]);
    }
    cJSON_ArrayForEach(item, json_member(json, "ports"))
    {
        if (meta->port_count < META_PORTS)
            read_port(item, &meta->ports[meta->port_count++]);
    }
    cJSON_ArrayForEach(item, json_member(json, "queues"))
    {
        if (meta->queue_count < META_QUEUES)
            read_queue(item, &meta->queues[meta->queue_count++]);
    }
    cJSON_ArrayForEach(item, json_member(json, "utc"))
    {
        int64_t utc_ns = json_parse_time(json_string(item, "utc", ""));
        if (utc_ns != INT64_MIN && meta->utc_count < sizeof(meta->utc) / sizeof(meta->utc[0]))
            meta->utc[meta->utc_count++] =
                (struct utc_sample){.run_ns = get_count(item, "run"),
                                    .utc_ns = utc_ns,
                                    .half_width_ns = get_count(item, "halfWidth")};
    }
}

static void read_tree(const cJSON *json, struct meta *meta)
{
    memset(meta, 0, sizeof(*meta));
    get_text(json, "version", meta->version, sizeof(meta->version));
    get_text(json, "experiment", meta->experiment, sizeof(meta->experiment));
    get_text(json, "started", meta->started, sizeof(meta->started));
    get_text(json, "environment", meta->environment, sizeof(meta->environment));
    get_text(json, "failure", meta->failure, sizeof(meta->failure));
    meta->server_clock = (struct meta_server_clock){
        .least_ns = json_integer(json, "serverClock.least", 0),
        .most_ns = json_integer(json, "serverClock.most", 0),
        .answers = (uint32_t)get_count(json, "serverClock.answers"),
        .steps = (uint32_t)get_count(json, "serverClock.steps"),
    };
    meta->lab = json_bool(json, "lab", false);
    meta->final = json_bool(json, "final", false);
    meta->interrupted = json_bool(json, "interrupted", false);
    meta->ended_ns = get_count(json, "ended");
    meta->tsc_hz = get_count(json, "tscHz");
    meta->clock_error_ns = get_count(json, "clockError");
    meta->worker_count = (uint32_t)get_count(json, "workers");
    meta->change_ns = get_count(json, "change");
    meta->turns = get_count(json, "turns");
    meta->records_refused = get_count(json, "recordsRefused");
    read_prediction(json_member(json, "prediction"), &meta->prediction);
    read_arrays(json, meta);
    meta->notes = strdup(json_string(json, "notes", ""));
}

/* Takes JSON, which may be NULL. */
static int take_tree(cJSON *json, struct meta *meta, struct error *err)
{
    int result = json == NULL ? -EINVAL : 0;
    if (result == 0 && !cJSON_IsArray(json_member(json, "streams")))
        result = error_set(err, EXIT_USAGE, -EINVAL, "it has no list of streams");
    if (result == 0)
        read_tree(json, meta);
    cJSON_Delete(json);
    return result;
}

int meta_parse(struct meta *meta, const char *bytes, size_t size, struct error *err)
{
    return take_tree(json_parse(bytes, size, err), meta, err);
}

int meta_read(struct meta *meta, const char *rundir, struct error *err)
{
    char path[4096];
    struct error why = {0};
    snprintf(path, sizeof(path), "%s/meta.json", rundir);
    cJSON *json = json_parse_file(path, err);
    if (json == NULL)
        return -EINVAL;
    int result = take_tree(json, meta, &why);
    return result < 0 ? error_set(err, why.status, result, "%s: %s", path, why.text) : 0;
}

void meta_free(struct meta *meta)
{
    free(meta->notes);
    meta->notes = NULL;
}
