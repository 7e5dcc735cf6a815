/* report_hdr.c - latencies as an HdrHistogram interval log: of each stream and kind, a line for
 * each second of run time and one for each phase. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/json.h"
#include "report/hdr.h"
#include "report/report_priv.h"

#define SECOND_NS UINT64_C(1000000000)

enum kind {
    FROM_DUE,
    FROM_SENT,
    FIRST_BYTE,
    CONNECT,
    SECURE,
    KIND_COUNT
};

enum {
    PHASES = 2
};

static const char *const kind_names[KIND_COUNT] = {
    [FROM_DUE] = "from-due", [FROM_SENT] = "from-sent", [FIRST_BYTE] = "first-byte",
    [CONNECT] = "connect",   [SECURE] = "tls",
};

/* Part of the run, of one stream and kind. */
struct part {
    const struct result *result;
    unsigned stream;
    enum kind kind;
    const char *phase; /* NULL: a second. */
    uint64_t from_ns, to_ns;
};

static bool is_of_connections(const struct part *part)
{
    return part->kind == CONNECT || part->kind == SECURE;
}

/* One value and the time that it belongs to; false: there is none. */
static bool sample(const struct part *part, size_t i, uint64_t *at_ns, uint64_t *value_ns)
{
    const struct logs *logs = &part->result->logs;
    uint64_t from_ns, to_ns;
    if (is_of_connections(part)) {
        const struct record_connection *connection = &logs->connections[i];
        if (connection->stream != part->stream || connection->connected_ns == 0)
            return false;
        *at_ns = connection->opened_ns;
        from_ns = part->kind == CONNECT ? connection->opened_ns : connection->connected_ns;
        to_ns = part->kind == CONNECT ? connection->connected_ns : connection->secured_ns;
    } else {
        const struct record_request *request = &logs->requests[i];
        if (request->stream != part->stream || !outcome_is_good(request->outcome))
            return false;
        *at_ns = request->due_ns;
        from_ns = part->kind == FROM_DUE ? request->due_ns : request->sent_ns;
        to_ns = part->kind == FIRST_BYTE ? request->first_byte_ns : request->done_ns;
    }
    *value_ns = to_ns > from_ns ? to_ns - from_ns : 0;
    return to_ns != 0;
}

static size_t sample_count(const struct part *part)
{
    const struct logs *logs = &part->result->logs;
    return is_of_connections(part) ? logs->connection_count : logs->request_count;
}

static bool add_line(struct text *out, const struct part *part, const struct hdr *hdr)
{
    text_addf(out, "Tag=%s/%s%s%s,%.3f,%.3f,%.3f,",
              part->result->experiment->streams[part->stream].name, kind_names[part->kind],
              part->phase != NULL ? "/" : "", part->phase != NULL ? part->phase : "",
              (double)part->from_ns / 1e9, (double)(part->to_ns - part->from_ns) / 1e9,
              (double)hdr->max_ns / 1e6);
    bool good = hdr_encode(hdr, out);
    text_add(out, "\n");
    return good;
}

/* A part of the run with a name of its own, and what is measured in it. */
struct phase {
    struct part part;
    struct hdr *hdr;
};

static void add_to_phases(struct phase phases[PHASES], uint64_t at_ns, uint64_t value_ns)
{
    for (unsigned i = 0; i < PHASES; i++)
        if (at_ns >= phases[i].part.from_ns && at_ns < phases[i].part.to_ns)
            hdr_add(phases[i].hdr, value_ns);
}

/* A line for each second; what belongs to a phase is added to it. The logs are in order of time. */
static bool add_seconds(struct text *out, struct part part, struct hdr *hdr,
                        struct phase phases[PHASES])
{
    uint64_t at_ns = 0, value_ns = 0;
    size_t count = sample_count(&part);
    bool good = true;
    hdr_clear(hdr);
    part.to_ns = SECOND_NS;
    for (size_t i = 0; i < count && good; i++) {
        if (!sample(&part, i, &at_ns, &value_ns))
            continue;
        if (at_ns >= part.to_ns) {
            good = hdr->total == 0 || add_line(out, &part, hdr);
            hdr_clear(hdr);
            part.from_ns = at_ns / SECOND_NS * SECOND_NS;
            part.to_ns = part.from_ns + SECOND_NS;
        }
        hdr_add(hdr, value_ns);
        add_to_phases(phases, at_ns, value_ns);
    }
    return good && (hdr->total == 0 || add_line(out, &part, hdr));
}

/* From steady to the first change, and from there to the end; one that there is not is empty. */
static void set_phases(struct phase phases[PHASES], const struct part *part)
{
    const struct meta_stream *meta = &part->result->meta.streams[part->stream];
    uint64_t change_ns = part->result->meta.change_ns;
    uint64_t end_ns = meta->stopped_ns != 0 ? meta->stopped_ns : meta->started_ns;
    for (unsigned i = 0; i < PHASES; i++) {
        phases[i].part = *part;
        phases[i].part.phase = i == 0 ? "baseline" : "change";
        hdr_clear(phases[i].hdr);
    }
    if (meta->steady_ns != 0) {
        phases[0].part.from_ns = meta->steady_ns;
        phases[0].part.to_ns = change_ns != 0 ? change_ns : end_ns;
    }
    if (change_ns != 0) {
        phases[1].part.from_ns = change_ns;
        phases[1].part.to_ns = end_ns;
    }
}

static bool add_stream(const struct result *result, unsigned stream, struct text *out,
                       struct hdr hdrs[1 + PHASES])
{
    struct phase phases[PHASES] = {{.hdr = &hdrs[1]}, {.hdr = &hdrs[2]}};
    bool good = true;
    for (unsigned kind = 0; kind < KIND_COUNT && good; kind++) {
        struct part part = {.result = result, .stream = stream, .kind = kind};
        set_phases(phases, &part);
        good = add_seconds(out, part, &hdrs[0], phases);
        for (unsigned i = 0; i < PHASES && good; i++)
            good = phases[i].hdr->total == 0 || add_line(out, &phases[i].part, phases[i].hdr);
    }
    return good;
}

int report_hdr(const struct result *result, struct text *out, struct error *err)
{
    (void)err;
    struct hdr *hdrs = malloc((1 + PHASES) * sizeof(*hdrs));
    int64_t utc_ns = json_parse_time(result->meta.started);
    double started = utc_ns > 0 ? (double)utc_ns / 1e9 : 0;
    bool good = hdrs != NULL;
    text_addf(out,
              "#[Latencies in nanoseconds; Interval_Max in milliseconds]\n"
              "#[Histogram log format version 1.3]\n"
              "#[StartTime: %.3f (seconds since epoch), %s]\n"
              "#[BaseTime: %.3f (seconds since epoch)]\n"
              "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
              "\"Interval_Compressed_Histogram\"\n",
              started, result->meta.started, started);
    for (unsigned i = 0; i < result->meta.stream_count && good; i++)
        good = add_stream(result, i, out, hdrs);
    free(hdrs);
    return good ? 0 : -ENOMEM;
}
