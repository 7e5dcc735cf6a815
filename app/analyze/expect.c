/* expect.c - the figures that an experiment expects, and the verdict. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/due_order.h"
#include "analyze/quantiles.h"
#include "analyze/result_priv.h"

/* A figure counts what happened from FROM_NS on; 0: over the stream's whole life. */
struct asked {
    const struct result *result;
    unsigned stream;
    uint64_t from_ns;
};

static const struct result_stream *stream_of(const struct asked *asked)
{
    return &asked->result->streams[asked->stream];
}

/* Nobody answers its frames: what did not come is lost. */
static bool is_one_way(const struct asked *asked)
{
    return asked->result->meta.streams[asked->stream].one_way;
}

static uint64_t count_outcomes(const struct asked *asked, uint32_t mask)
{
    const struct logs *logs = &asked->result->logs;
    uint64_t count = 0;
    if (asked->from_ns == 0) {
        for (unsigned i = 0; i < OUTCOME_COUNT; i++)
            count += mask >> i & 1 ? stream_of(asked)->outcomes[i] : 0;
        return count;
    }
    struct due_order order;
    struct due_group group;
    uint64_t due_ns;
    if (due_order_start(&order, logs, asked->stream, asked->from_ns) < 0)
        return 0;
    while (due_order_peek(&order, &due_ns)) {
        due_order_take(&order, UINT64_MAX, &group);
        for (unsigned i = 0; i < OUTCOME_COUNT; i++)
            count += mask >> i & 1 ? group.outcomes[i] : 0;
    }
    due_order_free(&order);
    return count;
}

static double count_broken(const struct asked *asked)
{
    const struct logs *logs = &asked->result->logs;
    double count = 0;
    for (size_t i = 0; i < logs->connection_count; i++) {
        const struct record_connection *connection = &logs->connections[i];
        count += connection->stream == asked->stream && connection->connected_ns != 0 &&
                 connection->ended_ns >= asked->from_ns &&
                 connection_end_is_broken(connection->end);
    }
    return count;
}

static double count_failed_connects(const struct asked *asked)
{
    double count = 0;
    for (size_t i = 0; i < asked->result->attempt_count; i++) {
        const struct record_connection *connection = asked->result->attempts[i].connection;
        count += connection->stream == asked->stream && connection->opened_ns >= asked->from_ns;
    }
    return count;
}

enum window_figure {
    WINDOW_COUNT,
    WINDOW_LONGEST,
    WINDOW_TOTAL
};

static double window_figure(const struct asked *asked, enum window_figure figure)
{
    const struct windows *windows = &stream_of(asked)->windows;
    uint64_t end_ns = result_stream_end_ns(asked->result, asked->stream);
    double count = 0, longest_ns = 0, total_ns = 0;
    for (size_t i = 0; i < windows->count; i++) {
        const struct window *window = &windows->items[i];
        if (!window->open && window->recovery.to_ns < asked->from_ns)
            continue;
        double length_ns = (double)window_length_ns(window, end_ns);
        count++;
        total_ns += length_ns;
        if (length_ns > longest_ns)
            longest_ns = length_ns;
    }
    return figure == WINDOW_COUNT ? count : figure == WINDOW_LONGEST ? longest_ns : total_ns;
}

static double longest_outage(const struct asked *asked)
{
    const struct result *result = asked->result;
    uint64_t longest_ns = 0, end_ns = result_stream_end_ns(asked->result, asked->stream);
    for (size_t i = 0; i < result->logs.outage_count; i++) {
        const struct outage *outage = &result->outages[i];
        uint64_t to_ns = outage->open ? end_ns : outage->recovery.to_ns;
        if (outage->record->stream == asked->stream && to_ns >= asked->from_ns &&
            to_ns > outage->onset.from_ns && to_ns - outage->onset.from_ns > longest_ns)
            longest_ns = to_ns - outage->onset.from_ns;
    }
    return (double)longest_ns;
}

/* Of histograms a step's latencies are those of the whole seconds from it on. */
static double latency(const struct asked *asked, double fraction)
{
    const struct logs *logs = &asked->result->logs;
    if (!stream_of(asked)->exact) {
        struct histogram histogram;
        result_latencies(asked->result, asked->stream, INTERVAL_FROM_DUE, asked->from_ns,
                         UINT64_MAX, &histogram);
        return (double)histogram_quantile(&histogram, fraction);
    }
    struct values values = {0};
    for (size_t i = 0; i < logs->request_count; i++) {
        const struct record_request *request = &logs->requests[i];
        if (request->stream == asked->stream && request->due_ns >= asked->from_ns &&
            outcome_is_good(request->outcome) && request->done_ns >= request->due_ns)
            values_add(&values, request->done_ns - request->due_ns);
    }
    struct result_quantiles quantiles = values_quantiles(&values);
    double at_ns = fraction >= 1 ? (double)quantiles.max_ns : (double)values_at(&values, fraction);
    values_free(&values);
    return at_ns;
}

static double good_ratio(const struct asked *asked)
{
    uint32_t good = 1u << OUTCOME_OK | 1u << OUTCOME_REPAIRED | 1u << OUTCOME_LATE;
    double due = (double)count_outcomes(asked, (1u << OUTCOME_COUNT) - 1);
    if (is_one_way(asked))
        return due > 0 ? (double)stream_of(asked)->received / due : 0;
    return due > 0 ? (double)count_outcomes(asked, good) / due : 0;
}

/* None said: all. */
static double count_requests(const struct asked *asked, uint32_t outcomes)
{
    uint32_t mask = outcomes == 0 ? (1u << OUTCOME_COUNT) - 1 : result_outcomes(outcomes);
    return (double)count_outcomes(asked, mask);
}

static double measure(const struct asked *asked, const struct experiment_expect *expect)
{
    switch (expect->figure) {
    case EXPERIMENT_FIGURE_REQUESTS: return count_requests(asked, expect->outcomes);
    case EXPERIMENT_FIGURE_LASTING_CONNECTIONS: return stream_of(asked)->lasting;
    case EXPERIMENT_FIGURE_BROKEN_CONNECTIONS: return count_broken(asked);
    case EXPERIMENT_FIGURE_FAILED_CONNECTS: return count_failed_connects(asked);
    case EXPERIMENT_FIGURE_LOST_REQUESTS:
        if (is_one_way(asked))
            return (double)stream_of(asked)->lost;
        return (double)count_outcomes(asked, asked->result->opens);
    case EXPERIMENT_FIGURE_BLOCKED_REQUESTS:
        return (double)count_outcomes(asked, 1u << OUTCOME_BLOCKED);
    case EXPERIMENT_FIGURE_UNSENT_REQUESTS:
        return (double)count_outcomes(asked, 1u << OUTCOME_UNSENT);
    case EXPERIMENT_FIGURE_GOOD_RATIO: return good_ratio(asked);
    case EXPERIMENT_FIGURE_WINDOWS: return window_figure(asked, WINDOW_COUNT);
    case EXPERIMENT_FIGURE_LONGEST_WINDOW: return window_figure(asked, WINDOW_LONGEST);
    case EXPERIMENT_FIGURE_TOTAL_WINDOW: return window_figure(asked, WINDOW_TOTAL);
    case EXPERIMENT_FIGURE_LONGEST_OUTAGE: return longest_outage(asked);
    case EXPERIMENT_FIGURE_LATENCY_P50: return latency(asked, 0.5);
    case EXPERIMENT_FIGURE_LATENCY_P99: return latency(asked, 0.99);
    case EXPERIMENT_FIGURE_LATENCY_MAX: return latency(asked, 1);
    default: return 0;
    }
}

static double bound_of(const struct result *result, const struct experiment_expect *expect)
{
    const struct meta_prediction *prediction = &result->meta.prediction;
    switch (expect->bound) {
    case EXPERIMENT_BOUND_MEAN: return prediction->mean;
    case EXPERIMENT_BOUND_MIN: return prediction->min;
    case EXPERIMENT_BOUND_P1: return prediction->p1;
    case EXPERIMENT_BOUND_P50: return prediction->p50;
    case EXPERIMENT_BOUND_P99: return prediction->p99;
    case EXPERIMENT_BOUND_MAX: return prediction->max;
    default: return expect->value;
    }
}

static bool is_met(const struct result_expectation *expectation)
{
    switch (expectation->expect->compare) {
    case EXPERIMENT_AT_MOST: return expectation->value <= expectation->bound;
    case EXPERIMENT_AT_LEAST: return expectation->value >= expectation->bound;
    default:
        return expectation->value <= expectation->bound && expectation->value >= expectation->bound;
    }
}

/* When the step FROM began; false when it never did. */
static bool from_step(const struct result *result, int32_t step, uint64_t *from_ns)
{
    *from_ns = 0;
    if (step < 0)
        return true;
    char name[TIMELINE_NAME_BYTES];
    const char *id = result->experiment->steps[step].id;
    snprintf(name, sizeof(name), "%s", id ? id : "");
    const struct timeline_event *event =
        timeline_find(&result->timeline, TIMELINE_STEP_START, name, 0);
    if (event != NULL)
        *from_ns = event->not_before_ns;
    return event != NULL;
}

/* Figures that grow with what was recorded: without some of it they are a lower bound. */
static bool is_lower_bound(enum experiment_figure figure)
{
    switch (figure) {
    case EXPERIMENT_FIGURE_GOOD_RATIO:
    case EXPERIMENT_FIGURE_LATENCY_P50:
    case EXPERIMENT_FIGURE_LATENCY_P99: return false;
    default: return true;
    }
}

/* A run that broke off has not gone through what it was to be judged by. */
static bool broke_off(const struct result *result)
{
    return result->meta.interrupted || result->meta.failure[0] != '\0';
}

/* Counts of outcomes over a whole stream are the workers' own and need no log. */
static bool is_exact(const struct asked *asked, enum experiment_figure figure)
{
    if (broke_off(asked->result))
        return false;
    if (stream_of(asked)->complete)
        return true;
    switch (figure) {
    case EXPERIMENT_FIGURE_LOST_REQUESTS:
    case EXPERIMENT_FIGURE_BLOCKED_REQUESTS:
    case EXPERIMENT_FIGURE_REQUESTS:
    case EXPERIMENT_FIGURE_UNSENT_REQUESTS:
    case EXPERIMENT_FIGURE_GOOD_RATIO: return asked->result->meta.final && asked->from_ns == 0;
    default: return false;
    }
}

static enum verdict decide(const struct asked *asked, const struct result_expectation *expectation)
{
    const struct experiment_expect *expect = expectation->expect;
    bool met = is_met(expectation);
    if (is_exact(asked, expect->figure))
        return met ? VERDICT_MET : VERDICT_NOT_MET;
    if (!is_lower_bound(expect->figure))
        return VERDICT_UNDECIDED;
    if (expect->compare == EXPERIMENT_AT_LEAST)
        return met ? VERDICT_MET : VERDICT_UNDECIDED;
    return expectation->value > expectation->bound ? VERDICT_NOT_MET : VERDICT_UNDECIDED;
}

/* A figure without anything to make it of decides nothing: NULL when there is something. */
static const char *lacking(const struct asked *asked, const struct experiment_expect *expect)
{
    uint32_t all = (1u << OUTCOME_COUNT) - 1;
    uint32_t good = 1u << OUTCOME_OK | 1u << OUTCOME_REPAIRED | 1u << OUTCOME_LATE;
    if (expect->bound != EXPERIMENT_BOUND_VALUE && !asked->result->meta.prediction.given)
        return "there is no prediction";
    if (count_outcomes(asked, all) == 0)
        return asked->from_ns == 0 ? "the stream never had a request due"
                                   : "the stream had no request due from that step on";
    switch (expect->figure) {
    case EXPERIMENT_FIGURE_LATENCY_P50:
    case EXPERIMENT_FIGURE_LATENCY_P99:
    case EXPERIMENT_FIGURE_LATENCY_MAX:
        return count_outcomes(asked, good) == 0 ? "the stream had no good answer" : NULL;
    default: return NULL;
    }
}

static void judge(const struct result *result, struct result_expectation *expectation)
{
    const struct experiment_expect *expect = expectation->expect;
    struct asked asked = {.result = result, .stream = expect->stream};
    bool began = from_step(result, expect->from_step, &asked.from_ns);
    const char *why =
        began ? lacking(&asked, expect) : "the timeline has no start of the step it counts from";
    expectation->verdict = VERDICT_UNDECIDED;
    if (began)
        expectation->value = measure(&asked, expect);
    if (why == NULL) {
        expectation->bound = bound_of(result, expect);
        expectation->verdict = decide(&asked, expectation);
        if (expectation->verdict == VERDICT_UNDECIDED)
            why = broke_off(result) ? "the run ended early: the figure is of a part of it only"
                                    : "the records are not complete: the figure is a bound only";
    }
    snprintf(expectation->text, sizeof(expectation->text), "%s", why ? why : "");
}

int account_expectations(struct result *result)
{
    uint32_t count = result->experiment->expect_count;
    result->expectations = calloc(count + 1, sizeof(*result->expectations));
    if (result->expectations == NULL)
        return -ENOMEM;
    result->verdict = VERDICT_MET;
    for (uint32_t i = 0; i < count; i++) {
        struct result_expectation *expectation = &result->expectations[i];
        expectation->expect = &result->experiment->expects[i];
        judge(result, expectation);
        if (expectation->verdict == VERDICT_NOT_MET)
            result->verdict = VERDICT_NOT_MET;
        else if (expectation->verdict == VERDICT_UNDECIDED && result->verdict == VERDICT_MET)
            result->verdict = VERDICT_UNDECIDED;
    }
    return 0;
}
