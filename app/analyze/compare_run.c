/* compare_run.c - what of one run is compared. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/compare.h"

/* Beyond these shares what was measured may be the tester. */
static const double unsent_most = 0.001, stalled_most = 0.01;

static struct compare_value value_of(double value)
{
    return (struct compare_value){.given = true, .value = value, .design = 1};
}

static struct compare_value count_of(uint64_t hits, uint64_t trials)
{
    struct compare_value value = value_of((double)hits);
    value.given = trials > 0;
    value.share = (struct share){hits < trials ? hits : trials, trials};
    return value;
}

/* Requests that are lost in one outage of a flow have one cause: they are no independent ones. */
static double design_of(const struct result *result, unsigned stream)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < result->logs.outage_count; i++) {
        double lost = result->outages[i].lost;
        if (result->outages[i].record->stream != stream)
            continue;
        sum += lost;
        squares += lost * lost;
    }
    return sum > 0 ? fmax(1, squares / sum) : 1;
}

static struct compare_value lost_of(const struct result *result, unsigned index)
{
    const struct result_stream *stream = &result->streams[index];
    uint64_t left_out = stream->outcomes[OUTCOME_UNSENT] + stream->outcomes[OUTCOME_UNFINISHED];
    uint64_t trials = stream->due > left_out ? stream->due - left_out : 0;
    struct compare_value value = count_of(stream->lost, trials);
    if (value.given)
        value.value = (double)value.share.hits / (double)trials;
    value.design = design_of(result, index);
    return value;
}

static void set_windows(const struct result *result, unsigned index, struct compare_value *values)
{
    const struct windows *windows = &result->streams[index].windows;
    uint64_t end_ns = result_stream_end_ns(result, index);
    struct compare_value longest = value_of(0), total = value_of(0);
    for (size_t i = 0; i < windows->count; i++) {
        const struct window *window = &windows->items[i];
        double length_ns = (double)window_length_ns(window, end_ns);
        struct bracket bracket = window_duration(window);
        double low = (double)bracket.from_ns;
        double high = window->open ? length_ns : (double)bracket.to_ns;
        longest.value = fmax(longest.value, length_ns);
        longest.bracket.low = fmax(longest.bracket.low, low);
        longest.bracket.high = fmax(longest.bracket.high, high);
        total.value += length_ns;
        total.bracket.low += low;
        total.bracket.high += high;
    }
    values[COMPARE_WINDOWS] = value_of((double)windows->count);
    values[COMPARE_WINDOWS].bracket =
        (struct limits){(double)windows->count, (double)windows->count};
    values[COMPARE_LONGEST_WINDOW] = longest;
    values[COMPARE_TOTAL_WINDOW] = total;
}

static void set_values(const struct result *result, unsigned index, struct compare_value *values)
{
    const struct result_stream *stream = &result->streams[index];
    const struct result_quantiles *latency = &stream->latency_from_due;
    values[COMPARE_LOST_REQUESTS] = lost_of(result, index);
    values[COMPARE_BROKEN_CONNECTIONS] = count_of(stream->broken, stream->connections);
    values[COMPARE_FAILED_CONNECTS] =
        count_of(stream->failed_connects, (uint64_t)stream->failed_connects + stream->connections);
    set_windows(result, index, values);
    values[COMPARE_LATENCY_P50] = value_of((double)latency->p50_ns);
    values[COMPARE_LATENCY_P99] = value_of((double)latency->p99_ns);
    values[COMPARE_LATENCY_P999] = value_of((double)latency->p999_ns);
    for (unsigned i = COMPARE_LATENCY_P50; i <= COMPARE_LATENCY_P999; i++)
        values[i].given = latency->count > 0;
}

static void set_damage(const struct result *result, struct compare_facts *facts)
{
    const struct meta *meta = &result->meta;
    char *out = facts->damage;
    size_t size = sizeof(facts->damage);
    if (!meta->final)
        snprintf(out, size, "it was killed: what it has is a part");
    else if (meta->failure[0] != '\0')
        snprintf(out, size, "it ended early: %.200s", meta->failure);
    else if (meta->interrupted)
        snprintf(out, size, "it was interrupted");
    else if (result->logs.damaged_bytes > 0)
        snprintf(out, size, "%" PRIu64 " bytes of its logs are damaged",
                 result->logs.damaged_bytes);
    else if (result->logs.unread > 0)
        snprintf(out, size, "%.200s", result->logs.trouble.text);
    else if (meta->records_refused > 0)
        snprintf(out, size, "its logs were full: %" PRIu64 " records are missing",
                 meta->records_refused);
    else if (result->timeline.cut)
        snprintf(out, size, "its timeline was cut off");
    for (uint32_t i = 0; i < meta->stream_count && out[0] == '\0'; i++)
        if (!result->streams[i].complete || !result->streams[i].sums_hold)
            snprintf(out, size, "the counts of stream %s do not agree with its logs",
                     meta->streams[i].name);
}

static void set_tester(const struct result *result, struct compare_facts *facts)
{
    const struct meta *meta = &result->meta;
    double time_ns = (double)meta->ended_ns * meta->worker_count;
    size_t windows = 0, size = sizeof(facts->tester);
    for (size_t i = 0; i < result->windows.count; i++)
        windows += result->windows.items[i].tester;
    if (windows > 0)
        snprintf(facts->tester, size, "%zu of its loss windows may be the tester's own", windows);
    else if ((double)result->stall_total_ns > stalled_most * time_ns)
        snprintf(facts->tester, size, "its workers stood still for %.3g %% of the time",
                 100 * (double)result->stall_total_ns / time_ns);
    for (uint32_t i = 0; i < meta->stream_count && facts->tester[0] == '\0'; i++) {
        const struct result_stream *stream = &result->streams[i];
        uint64_t unsent = stream->outcomes[OUTCOME_UNSENT];
        if ((double)unsent > unsent_most * (double)stream->due)
            snprintf(facts->tester, size, "%" PRIu64 " of %" PRIu64 " requests of %s were not sent",
                     unsent, stream->due, meta->streams[i].name);
    }
}

static int set_facts(const struct result *result, struct compare_facts *facts)
{
    const struct meta *meta = &result->meta;
    snprintf(facts->version, sizeof(facts->version), "%s", meta->version);
    snprintf(facts->environment, sizeof(facts->environment), "%s", meta->environment);
    facts->lab = meta->lab;
    facts->tsc_hz = meta->tsc_hz;
    facts->worker_count = meta->worker_count;
    for (uint32_t i = 0; i < meta->port_count; i++) {
        facts->nic_arrivals |= meta->ports[i].stamps_arrivals;
        facts->nic_departures |= meta->ports[i].sends_on_time;
    }
    set_damage(result, facts);
    set_tester(result, facts);
    facts->plan = cJSON_Duplicate(result->experiment->resolved, true);
    return facts->plan == NULL ? -ENOMEM : 0;
}

int compare_run_make(const struct result *result, const char *directory, bool blocks,
                     struct compare_run *out)
{
    int code = 0;

    *out = (struct compare_run){.stream_count = result->meta.stream_count};
    snprintf(out->directory, sizeof(out->directory), "%s", directory);
    out->streams = calloc(out->stream_count + 1, sizeof(*out->streams));
    if (out->streams == NULL || set_facts(result, &out->facts) < 0)
        code = -ENOMEM;
    for (uint32_t i = 0; i < out->stream_count && code == 0; i++) {
        struct compare_stream *stream = &out->streams[i];
        snprintf(stream->name, sizeof(stream->name), "%s", result->meta.streams[i].name);
        set_values(result, i, stream->values);
        if (blocks)
            code = latency_blocks_make(&result->logs, i, &stream->blocks);
    }
    if (code < 0)
        compare_run_free(out);
    return code;
}

void compare_run_free(struct compare_run *run)
{
    for (uint32_t i = 0; run->streams != NULL && i < run->stream_count; i++)
        latency_blocks_free(&run->streams[i].blocks);
    free(run->streams);
    cJSON_Delete(run->facts.plan);
    *run = (struct compare_run){0};
}
