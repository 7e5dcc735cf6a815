/* report_ctraffic.c - ctraffic's statistics and its analyses of them, as it prints them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "report/ctraffic_stats.h"
#include "report/escape.h"
#include "report/print.h"
#include "report/report_priv.h"

#define SECOND_NS UINT64_C(1000000000)

/* Go's RFC 3339 with nanoseconds leaves zeros at the end out. */
static void add_started(struct text *out, int64_t utc_ns)
{
    char time[36];
    json_format_time(utc_ns == INT64_MIN ? 0 : utc_ns, 9, time);
    char *end = strchr(time, 'Z');
    while (end != NULL && end > time && end[-1] == '0')
        *--end = '\0';
    if (end != NULL && end > time && end[-1] == '.')
        *--end = '\0';
    text_addf(out, "\"%sZ\"", time);
}

static void add_address(struct text *out, const struct address *address, uint16_t port)
{
    char text[ADDRESS_TEXT_BYTES];
    bool v4 = address_is_v4(address);
    text_addf(out, v4 ? "%s:%u" : "[%s]:%u", address_text(address, text), port);
}

static void add_read_error(struct text *out, const struct tuple *tuple, const char *what)
{
    text_add(out, "read tcp ");
    add_address(out, &tuple->local, tuple->local_port);
    text_add(out, "->");
    add_address(out, &tuple->remote, tuple->remote_port);
    text_addf(out, ": %s", what);
}

/* In the words of Go's net package, where it has one. */
static void add_error(struct text *out, const struct ctraffic_conn *conn)
{
    const struct record_connection *connection = conn->connection;
    struct text text = {0};
    switch (conn->failed ? (enum connection_end)connection->end : CONNECTION_LASTING) {
    case CONNECTION_LASTING: break;
    case CONNECTION_FIN: text_add(&text, conn->partly_answered ? "unexpected EOF" : "EOF"); break;
    case CONNECTION_SILENCE: add_read_error(&text, &connection->tuple, "i/o timeout"); break;
    case CONNECTION_RST:
        add_read_error(&text, &connection->tuple, "read: connection reset by peer");
        break;
    case CONNECTION_ICMP:
        add_read_error(&text, &connection->tuple, "read: no route to host");
        break;
    default: text_add(&text, connection_end_text(connection->end)); break;
    }
    print_go_json_string(out, text_str(&text));
    out->failed = out->failed || text.failed;
    text_free(&text);
}

static void add_conn(struct text *out, const struct ctraffic_stats *stats,
                     const struct ctraffic_conn *conn)
{
    static const struct record_connection none;
    const struct record_connection *connection = conn->connection ? conn->connection : &none;
    text_addf(out,
              "{\"Started\":%" PRIu64 ",\"Connect\":%" PRIu64 ",\"Ended\":%" PRIu64 ",\"Err\":",
              conn->started_ns, conn->connect_ns, conn->ended_ns);
    add_error(out, conn);
    text_addf(out, ",\"Sent\":%u,\"Received\":%u,\"Dropped\":%u,\"Retransmits\":%u",
              connection->sent, connection->received, connection->blocked, connection->retransmits);
    text_add(out, ",\"Local\":\"");
    if (conn->connection != NULL)
        add_address(out, &connection->tuple.local, connection->tuple.local_port);
    text_add(out, "\",\"Remote\":\"");
    if (conn->connection != NULL)
        add_address(out, &connection->tuple.remote, connection->tuple.remote_port);
    text_add(out, "\"");
    if (connection->host != 0) {
        text_add(out, ",\"Host\":");
        print_go_json_string(out, logs_host(stats->logs, connection->host));
    }
    text_add(out, "}");
}

static void add_lists(struct text *out, const struct ctraffic_stats *stats)
{
    for (size_t i = 0; i < stats->conn_count; i++) {
        text_add(out, i == 0 ? ",\"ConnStats\":[" : ",");
        add_conn(out, stats, &stats->conns[i]);
    }
    text_add(out, stats->conn_count ? "]" : "");
    for (size_t i = 0; i < stats->sample_count; i++) {
        const struct ctraffic_sample *sample = &stats->samples[i];
        text_add(out, i == 0 ? ",\"Samples\":[" : ",");
        text_addf(out,
                  "{\"Time\":%" PRIu64 ",\"Sent\":%" PRIu64 ",\"Received\":%" PRIu64
                  ",\"Dropped\":%" PRIu64 "}",
                  sample->time_ns, sample->sent, sample->received, sample->dropped);
    }
    text_add(out, stats->sample_count ? "]" : "");
}

int report_ctraffic(const struct result *result, struct text *out, struct error *err)
{
    struct ctraffic_stats stats;
    int code = ctraffic_stats_make(&stats, result, err);
    if (code < 0)
        return code;
    text_add(out, "{\"Started\":");
    add_started(out, stats.started_utc_ns);
    text_addf(out, ",\"Duration\":%" PRIu64 ",\"Rate\":", stats.duration_ns);
    print_go_json_float(out, stats.stream->rate_pps * stats.stream->size_bytes / 1024);
    text_addf(out,
              ",\"Connections\":%u,\"PacketSize\":%u,\"FailedConnections\":%" PRIu64
              ",\"Sent\":%" PRIu64 ",\"Received\":%" PRIu64 ",\"Dropped\":%" PRIu64
              ",\"Retransmits\":%" PRIu64 ",\"FailedConnects\":%" PRIu64,
              stats.stream->flows, stats.stream->size_bytes, stats.failed_connections, stats.sent,
              stats.received, stats.dropped, stats.retransmits, stats.failed_connects);
    add_lists(out, &stats);
    text_add(out, "}\n");
    ctraffic_stats_free(&stats);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Hosts of connections that FAILED or not, sorted; those that no answer named are left out. */
static int add_hosts(struct text *out, const struct ctraffic_stats *stats, bool failed,
                     const char *heading)
{
    const char **names = malloc((stats->conn_count + 1) * sizeof(const char *));
    size_t count = 0, same = 0;
    if (names == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < stats->conn_count; i++) {
        const struct ctraffic_conn *conn = &stats->conns[i];
        if (conn->connection != NULL && conn->connection->host != 0 && conn->failed == failed)
            names[count++] = logs_host(stats->logs, conn->connection->host);
    }
    if (count > 1)
        qsort(names, count, sizeof(*names), by_name);
    text_addf(out, "%s connections: %zu\n", heading, count);
    for (size_t i = 0; i < count; i++) {
        same++;
        if (i + 1 < count && strcmp(names[i], names[i + 1]) == 0)
            continue;
        text_add(out, "  ");
        escape_plain(out, names[i]);
        text_addf(out, " %zu\n", same);
        same = 0;
    }
    free(names);
    return 0;
}

int report_ctraffic_hosts(const struct result *result, struct text *out, struct error *err)
{
    struct ctraffic_stats stats;
    int code = ctraffic_stats_make(&stats, result, err);
    if (code < 0)
        return code;
    code = add_hosts(out, &stats, true, "Lost");
    if (code == 0)
        code = add_hosts(out, &stats, false, "Lasting");
    ctraffic_stats_free(&stats);
    return code;
}

int report_ctraffic_throughput(const struct result *result, struct text *out, struct error *err)
{
    struct ctraffic_stats stats;
    int code = ctraffic_stats_make(&stats, result, err);
    if (code < 0)
        return code;
    text_add(out, "Time Throughput\n");
    for (size_t i = 1; i < stats.sample_count; i++) {
        const struct ctraffic_sample *sample = &stats.samples[i];
        uint64_t interval_ns = sample->time_ns - sample[-1].time_ns;
        uint64_t kilobytes =
            (sample->received - sample[-1].received) * stats.stream->size_bytes / 1024;
        print_go_float(out, (double)(sample[-1].time_ns + interval_ns / 2) / 1e9);
        text_add(out, " ");
        print_go_float(out, (double)kilobytes / ((double)interval_ns / 1e9));
        text_add(out, "\n");
    }
    ctraffic_stats_free(&stats);
    return 0;
}

/* What one second had of each. */
struct bin {
    unsigned active, fresh, failed, connecting;
};

static void count_in(struct bin *bin, const struct ctraffic_conn *conn, uint64_t from_ns,
                     uint64_t to_ns)
{
    if (conn->ended_ns < from_ns)
        return;
    if (conn->ended_ns < to_ns) {
        bin->failed += conn->failed;
        return;
    }
    if (conn->started_ns > to_ns)
        return;
    bin->fresh += conn->started_ns > from_ns || from_ns == 0;
    if (conn->connect_ns == 0 || conn->connect_ns > to_ns)
        bin->connecting++;
    else
        bin->active++;
}

int report_ctraffic_connections(const struct result *result, struct text *out, struct error *err)
{
    struct ctraffic_stats stats;
    int code = ctraffic_stats_make(&stats, result, err);
    if (code < 0)
        return code;
    text_add(out, "Time Active New Failed Connecting\n");
    for (uint64_t to_ns = SECOND_NS; to_ns < stats.duration_ns; to_ns += SECOND_NS) {
        struct bin bin = {0};
        for (size_t i = 0; i < stats.conn_count; i++)
            count_in(&bin, &stats.conns[i], to_ns - SECOND_NS, to_ns);
        print_go_float(out, (double)(to_ns - SECOND_NS / 2) / 1e9);
        text_addf(out, " %u %u %u %u\n", bin.active, bin.fresh, bin.failed, bin.connecting);
    }
    ctraffic_stats_free(&stats);
    return 0;
}
