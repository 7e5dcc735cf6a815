#include "report/html_series.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "analyze/due_order.h"
#include "report/column.h"

struct named {
    const char *name;
    struct column *column;
};

/* The last members of an object, and its end. */
static void add_columns(const struct named *columns, unsigned count, struct text *out)
{
    for (unsigned i = 0; i < count; i++) {
        text_add(out, ",");
        column_print(columns[i].column, columns[i].name, out);
    }
    text_add(out, "}");
}
#define COLUMNS(columns) columns, sizeof(columns) / sizeof((columns)[0])

/* ---- bins ---- */

struct bins {
    uint64_t width_ns;
    uint32_t count;
    uint64_t due[HTML_BINS], good[HTML_BINS], lost[HTML_BINS];
};

/* A width of 1, 2 or 5 times a power of ten, so that bins are at round times. */
static uint64_t round_width(uint64_t least_ns)
{
    static const uint64_t steps[] = {2, 5, 10};
    uint64_t decade = 1000;
    if (least_ns <= decade)
        return decade;
    for (;; decade *= 10)
        for (unsigned i = 0; i < 3; i++)
            if (steps[i] * decade >= least_ns)
                return steps[i] * decade;
}

/* Of raw frames nobody answers: they are good as far as anybody can tell for each. */
static bool is_good(unsigned outcome)
{
    return outcome_is_good(outcome) || outcome == OUTCOME_SENT;
}

static uint64_t end_ns(const struct result *result)
{
    uint64_t end = result->meta.ended_ns;
    for (unsigned i = 0; i < result->meta.stream_count; i++) {
        uint64_t stop = result_stream_end_ns(result, i);
        end = stop > end ? stop : end;
    }
    return end;
}

/* The bin of DUE_NS; what lies after the end is the last one's. */
static uint32_t bin_of(const struct bins *bins, uint64_t due_ns)
{
    uint64_t index = due_ns / bins->width_ns;
    return index < bins->count ? (uint32_t)index : bins->count - 1;
}

static int fill_bins(struct bins *bins, const struct result *result, unsigned stream)
{
    uint64_t end = end_ns(result), due_ns;
    struct due_order order;
    struct due_group group;
    bins->width_ns = round_width(end / HTML_BINS + 1);
    bins->count = (uint32_t)(end / bins->width_ns) + 1;
    if (due_order_start(&order, &result->logs, stream, 0) < 0)
        return -ENOMEM;
    while (due_order_peek(&order, &due_ns)) {
        uint32_t at = bin_of(bins, due_ns);
        due_order_take(&order, due_ns - due_ns % bins->width_ns + bins->width_ns, &group);
        bins->due[at] += group.count;
        for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
            bins->good[at] += is_good(i) ? group.outcomes[i] : 0;
            bins->lost[at] += result->opens >> i & 1 ? group.outcomes[i] : 0;
        }
    }
    due_order_free(&order);
    return 0;
}

static void add_bins(const struct result *result, unsigned stream, struct text *out)
{
    struct bins *bins = calloc(1, sizeof(*bins));
    if (bins == NULL || fill_bins(bins, result, stream) < 0) {
        out->failed = true;
        free(bins);
        return;
    }
    struct column due = {0}, good = {0}, lost = {0};
    for (uint32_t i = 0; i < bins->count; i++) {
        column_add(&due, bins->due[i]);
        column_add(&good, bins->good[i]);
        column_add(&lost, bins->lost[i]);
    }
    struct named columns[] = {{"due", &due}, {"good", &good}, {"lost", &lost}};
    text_addf(out, "\"bins\":{\"width\":%" PRIu64 ",\"count\":%u", bins->width_ns, bins->count);
    add_columns(COLUMNS(columns), out);
    free(bins);
}

/* ---- dots ---- */

struct dots {
    struct column due, latency, outcome, host, flow;
    size_t count;
};

/* Of how many good requests one becomes a dot: the same of all streams. */
static size_t one_in(const struct result *result)
{
    size_t good = 0;
    for (size_t i = 0; i < result->logs.request_count; i++)
        good += outcome_is_good(result->logs.requests[i].outcome);
    return good / HTML_DOTS + 1;
}

/* One that took more than ok is a dot in any case: there are few of them, and they stand out. */
static void fill_dots(struct dots *dots, const struct result *result, unsigned stream, size_t nth,
                      uint64_t unit_ns)
{
    size_t passed = 0;
    for (size_t i = 0; i < result->logs.request_count; i++) {
        const struct record_request *request = &result->logs.requests[i];
        if (request->stream != stream || !outcome_is_good(request->outcome) ||
            request->done_ns < request->due_ns)
            continue;
        if (passed++ % nth != 0 && request->outcome == OUTCOME_OK)
            continue;
        column_step(&dots->due, request->due_ns / unit_ns);
        column_add(&dots->latency, (request->done_ns - request->due_ns) / unit_ns);
        dots->count++;
        if (unit_ns > 1)
            continue;
        column_add(&dots->outcome, request->outcome);
        column_add(&dots->host, request->host);
        column_add(&dots->flow, request->flow);
    }
}

static void add_dots(const struct result *result, unsigned stream, struct text *out)
{
    struct dots dots = {0};
    size_t nth = one_in(result);
    uint64_t unit_ns = result->logs.request_count <= HTML_FINE_DOTS ? 1 : 1000;
    fill_dots(&dots, result, stream, nth, unit_ns);
    struct named columns[] = {{"due", &dots.due},
                              {"latency", &dots.latency},
                              {"outcome", &dots.outcome},
                              {"host", &dots.host},
                              {"flow", &dots.flow}};
    text_addf(out, "\"dots\":{\"count\":%zu,\"oneIn\":%zu,\"unit\":%" PRIu64, dots.count, nth,
              unit_ns);
    add_columns(COLUMNS(columns), out);
}

/* ---- what was not good ---- */

struct runs {
    struct column first, step, count, outcome, host, flow;
    size_t number, left_out;
};

static void fill_runs(struct runs *runs, const struct result *result, unsigned stream)
{
    const struct logs *logs = &result->logs;
    size_t most = HTML_FOLDS / (result->meta.stream_count > 0 ? result->meta.stream_count : 1);
    for (size_t i = 0; i < logs->fold_count; i++) {
        const struct record_fold *fold = &logs->folds[i];
        if (fold->stream != stream || is_good(fold->outcome))
            continue;
        if (runs->number == most) {
            runs->left_out++;
            continue;
        }
        column_step(&runs->first, fold->first_ns);
        column_add(&runs->step, fold->step_ns);
        column_add(&runs->count, fold->count);
        column_add(&runs->outcome, fold->outcome);
        column_add(&runs->host, fold->host);
        column_add(&runs->flow, fold->flow);
        runs->number++;
    }
}

static void add_runs(const struct result *result, unsigned stream, struct text *out)
{
    struct runs runs = {0};
    fill_runs(&runs, result, stream);
    struct named columns[] = {{"first", &runs.first},   {"step", &runs.step},
                              {"members", &runs.count}, {"outcome", &runs.outcome},
                              {"host", &runs.host},     {"flow", &runs.flow}};
    text_addf(out, "\"folds\":{\"count\":%zu,\"leftOut\":%zu", runs.number, runs.left_out);
    add_columns(COLUMNS(columns), out);
}

void html_series_stream(const struct result *result, unsigned stream, struct text *out)
{
    text_add(out, "{");
    add_bins(result, stream, out);
    text_add(out, ",");
    add_dots(result, stream, out);
    text_add(out, ",");
    add_runs(result, stream, out);
    text_add(out, "}");
}

/* ---- connections ---- */

struct lives {
    struct column opened, connected, ended, end, host, stream, id, flow;
    size_t count, left_out;
};

/* When there are too many, those that did their work are left out. */
static bool is_shown(const struct result *result, const struct record_connection *connection,
                     size_t count)
{
    bool few = result->logs.connection_count <= HTML_CONNECTIONS;
    return few || (connection->end != CONNECTION_DONE && count < HTML_CONNECTIONS);
}

static void fill_lives(struct lives *lives, const struct result *result)
{
    for (size_t i = 0; i < result->logs.connection_count; i++) {
        const struct record_connection *connection = &result->logs.connections[i];
        if (!is_shown(result, connection, lives->count)) {
            lives->left_out++;
            continue;
        }
        uint64_t opened = connection->opened_ns, up = connection->connected_ns;
        column_step(&lives->opened, opened);
        column_add(&lives->connected, up < opened ? 0 : up - opened + 1); /* 0: never. */
        column_add(&lives->ended,
                   connection->ended_ns < opened ? 0 : connection->ended_ns - opened);
        column_add(&lives->end, connection->end);
        column_add(&lives->host, connection->host);
        column_add(&lives->stream, connection->stream);
        column_add(&lives->id, connection->id);
        column_add(&lives->flow, connection->flow);
        lives->count++;
    }
}

void html_series_connections(const struct result *result, struct text *out)
{
    struct lives lives = {0};
    fill_lives(&lives, result);
    struct named columns[] = {{"opened", &lives.opened}, {"connected", &lives.connected},
                              {"ended", &lives.ended},   {"end", &lives.end},
                              {"host", &lives.host},     {"stream", &lives.stream},
                              {"id", &lives.id},         {"flow", &lives.flow}};
    text_addf(out, "{\"count\":%zu,\"leftOut\":%zu", lives.count, lives.left_out);
    add_columns(COLUMNS(columns), out);
}
