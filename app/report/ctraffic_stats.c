#include "report/ctraffic_stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "report/report_priv.h"

#define SECOND_NS UINT64_C(1000000000)
/* There is a sample a second: stamps of a damaged log shall not ask for all memory. */
#define DURATION_MAX_NS (31 * UINT64_C(86400) * SECOND_NS)
/* ctraffic begins no sample in the last 1.5 s. */
#define SAMPLE_REST_NS UINT64_C(1500000000)

/* A stream's connections of each flow, one after the other. */
struct by_flow {
    const struct record_connection **items;
    size_t count;
};

static uint64_t since(const struct ctraffic_stats *stats, uint64_t run_ns)
{
    return run_ns > stats->stream->started_ns ? run_ns - stats->stream->started_ns : 0;
}

static int flow_order(const void *a, const void *b)
{
    const struct record_connection *x = *(const struct record_connection *const *)a;
    const struct record_connection *y = *(const struct record_connection *const *)b;
    if (x->flow != y->flow)
        return x->flow < y->flow ? -1 : 1;
    if (x->opened_ns != y->opened_ns)
        return x->opened_ns < y->opened_ns ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool collect(struct by_flow *by_flow, const struct logs *logs, unsigned stream)
{
    by_flow->count = 0;
    by_flow->items =
        malloc((logs->connection_count + 1) * sizeof(const struct record_connection *));
    if (by_flow->items == NULL)
        return false;
    for (size_t i = 0; i < logs->connection_count; i++)
        if (logs->connections[i].stream == stream && logs->connections[i].end != CONNECTION_UNSENT)
            by_flow->items[by_flow->count++] = &logs->connections[i];
    qsort(by_flow->items, by_flow->count, sizeof(*by_flow->items), flow_order);
    return true;
}

static bool has_error(const struct record_connection *connection)
{
    return connection->end != CONNECTION_LASTING && connection->end != CONNECTION_UNFINISHED &&
           connection->end != CONNECTION_DONE;
}

static void add_connected(struct ctraffic_stats *stats, const struct record_connection *connection,
                          uint64_t started_ns)
{
    struct ctraffic_conn *conn = &stats->conns[stats->conn_count++];
    conn->started_ns = started_ns;
    conn->connect_ns = since(stats, connection->connected_ns);
    conn->connection = connection;
    conn->failed = has_error(connection);
    conn->ended_ns = conn->failed ? since(stats, connection->ended_ns) : stats->duration_ns;
    stats->failed_connections += conn->failed;
    stats->retransmits += connection->retransmits;
}

/* Attempts that failed belong to the record of the connection that they led to. */
static void add_records(struct ctraffic_stats *stats, const struct by_flow *by_flow)
{
    bool under_way = false;
    uint64_t started_ns = 0;
    for (size_t i = 0; i < by_flow->count; i++) {
        const struct record_connection *connection = by_flow->items[i];
        bool last = i + 1 == by_flow->count || by_flow->items[i + 1]->flow != connection->flow;
        if (!under_way)
            started_ns = since(stats, connection->opened_ns);
        under_way = connection->connected_ns == 0;
        if (!under_way) {
            add_connected(stats, connection, started_ns);
            continue;
        }
        stats->failed_connects += connection->end != CONNECTION_UNFINISHED;
        if (last) {
            stats->conns[stats->conn_count++] =
                (struct ctraffic_conn){.started_ns = started_ns, .ended_ns = stats->duration_ns};
            under_way = false;
        }
    }
}

static int by_started(const void *a, const void *b)
{
    const struct ctraffic_conn *x = a, *y = b;
    if (x->started_ns != y->started_ns)
        return x->started_ns < y->started_ns ? -1 : 1;
    return (x->ended_ns > y->ended_ns) - (x->ended_ns < y->ended_ns);
}

static int by_id(const void *a, const void *b)
{
    const struct ctraffic_conn *x = *(const struct ctraffic_conn *const *)a;
    const struct ctraffic_conn *y = *(const struct ctraffic_conn *const *)b;
    return (x->connection->id > y->connection->id) - (x->connection->id < y->connection->id);
}

/* Connections that broke after the first byte of an answer: Go's reader has a word of its own. */
static bool mark_partly_answered(struct ctraffic_stats *stats, unsigned stream)
{
    struct ctraffic_conn **ids = malloc((stats->conn_count + 1) * sizeof(struct ctraffic_conn *));
    size_t count = 0;
    if (ids == NULL)
        return false;
    for (size_t i = 0; i < stats->conn_count; i++)
        if (stats->conns[i].connection != NULL)
            ids[count++] = &stats->conns[i];
    qsort(ids, count, sizeof(*ids), by_id);
    for (size_t i = 0; i < stats->logs->request_count; i++) {
        const struct record_request *request = &stats->logs->requests[i];
        if (request->stream != stream || request->outcome != OUTCOME_CLOSED ||
            request->first_byte_ns == 0)
            continue;
        struct record_connection key = {.id = request->connection};
        struct ctraffic_conn wanted = {.connection = &key}, *at = &wanted;
        struct ctraffic_conn **found = bsearch(&at, ids, count, sizeof(*ids), by_id);
        if (found != NULL)
            (*found)->partly_answered = true;
    }
    free(ids);
    return true;
}

/* Dropped are slots that a late answer cost; those without a connection are not. */
static bool is_dropped(const struct record_request *request)
{
    return request->outcome == OUTCOME_BLOCKED && request->connection != 0;
}

static size_t sample_at(const struct ctraffic_stats *stats, uint64_t run_ns)
{
    uint64_t time_ns = since(stats, run_ns);
    return time_ns == 0 ? 0 : (size_t)((time_ns - 1) / SECOND_NS);
}

/* First counts for each second, then their running sums. */
static void fill_samples(struct ctraffic_stats *stats, unsigned stream)
{
    for (size_t i = 0; i < stats->logs->request_count; i++) {
        const struct record_request *request = &stats->logs->requests[i];
        if (request->stream != stream)
            continue;
        size_t at_sent = sample_at(stats, request->sent_ns);
        size_t at_done = sample_at(stats, request->done_ns);
        bool good = outcome_is_good(request->outcome), dropped = is_dropped(request);
        stats->sent += request->sent_ns != 0;
        stats->received += good;
        stats->dropped += dropped;
        if (request->sent_ns != 0 && at_sent < stats->sample_count)
            stats->samples[at_sent].sent++;
        if (at_done < stats->sample_count) {
            stats->samples[at_done].received += good;
            stats->samples[at_done].dropped += dropped;
        }
    }
    for (size_t i = 0; i < stats->sample_count; i++) {
        struct ctraffic_sample *sample = &stats->samples[i];
        sample->time_ns = (i + 1) * SECOND_NS;
        if (i > 0) {
            sample->sent += sample[-1].sent;
            sample->received += sample[-1].received;
            sample->dropped += sample[-1].dropped;
        }
    }
}

static bool make_samples(struct ctraffic_stats *stats, unsigned stream)
{
    if (stats->duration_ns > SAMPLE_REST_NS)
        stats->sample_count =
            (size_t)((stats->duration_ns - SAMPLE_REST_NS + SECOND_NS - 1) / SECOND_NS);
    stats->samples = calloc(stats->sample_count + 1, sizeof(*stats->samples));
    if (stats->samples == NULL)
        return false;
    fill_samples(stats, stream);
    return true;
}

static int fill(struct ctraffic_stats *stats, const struct result *result, unsigned stream)
{
    struct by_flow by_flow;
    stats->conns = calloc(result->logs.connection_count + 1, sizeof(*stats->conns));
    if (stats->conns == NULL || !collect(&by_flow, &result->logs, stream))
        return -ENOMEM;
    add_records(stats, &by_flow);
    free(by_flow.items);
    qsort(stats->conns, stats->conn_count, sizeof(*stats->conns), by_started);
    return mark_partly_answered(stats, stream) && make_samples(stats, stream) ? 0 : -ENOMEM;
}

int ctraffic_stats_make(struct ctraffic_stats *stats, const struct result *result,
                        struct error *err)
{
    unsigned stream = 0;
    while (stream < result->meta.stream_count &&
           strcmp(result->meta.streams[stream].protocol, "ctraffic") != 0)
        stream++;
    if (stream == result->meta.stream_count)
        return error_set(err, EXIT_USAGE, -ENODATA,
                         "the run had no stream of protocol \"ctraffic\"");
    int code = report_recorded(result, stream, err);
    if (code < 0)
        return code;
    *stats = (struct ctraffic_stats){.stream = &result->meta.streams[stream],
                                     .logs = &result->logs,
                                     .started_utc_ns = json_parse_time(result->meta.started)};
    if (stats->started_utc_ns != INT64_MIN)
        stats->started_utc_ns += (int64_t)stats->stream->started_ns;
    stats->duration_ns = since(stats, result_stream_end_ns(result, stream));
    if (stats->duration_ns > DURATION_MAX_NS)
        stats->duration_ns = DURATION_MAX_NS;
    code = fill(stats, result, stream);
    if (code < 0)
        ctraffic_stats_free(stats);
    return code;
}

void ctraffic_stats_free(struct ctraffic_stats *stats)
{
    free(stats->conns);
    free(stats->samples);
    memset(stats, 0, sizeof(*stats));
}
