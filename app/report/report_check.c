/* report_check.c - the requests of a closed loop as a downtime checker writes them: a row of time
 * and seconds for each; and when the update beside them began and was over. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "base/utc.h"
#include "report/report_priv.h"

#define SECOND_NS INT64_C(1000000000)

static int find_stream(const struct result *result, unsigned *stream, struct error *err);
static void add_row(struct text *out, const struct utc *utc, const struct record_request *request);
static void add_time(struct text *out, const struct utc *utc, uint64_t run_ns);

int report_check(const struct result *result, struct text *out, struct error *err)
{
    struct utc *utc;
    unsigned stream = 0;
    int code = find_stream(result, &stream, err);
    if (code < 0)
        return code;
    utc = calloc(1, sizeof(*utc));
    if (utc == NULL)
        return -ENOMEM;
    report_utc(utc, &result->meta);
    for (size_t i = 0; i < result->logs.request_count; i++)
        if (result->logs.requests[i].stream == stream)
            add_row(out, utc, &result->logs.requests[i]);
    free(utc);
    return 0;
}

int report_update(const struct result *result, struct text *out, struct error *err)
{
    const uint64_t begin_ns = result->meta.change_ns;
    const struct timeline_event *end = NULL;
    struct utc *utc;
    for (size_t i = 0; i < result->timeline.count && end == NULL; i++) {
        const struct timeline_event *event = &result->timeline.events[i];
        if (event->kind == TIMELINE_ROLLOUT_COMPLETE && event->not_after_ns >= begin_ns)
            end = event;
    }
    if (begin_ns == 0 || end == NULL)
        return error_set(err, EXIT_USAGE, -ENODATA,
                         "the run made or saw no change whose rollout was complete");
    utc = calloc(1, sizeof(*utc));
    if (utc == NULL)
        return -ENOMEM;
    report_utc(utc, &result->meta);
    add_time(out, utc, begin_ns);
    text_add(out, ",");
    add_time(out, utc, end->not_after_ns);
    text_add(out, "\n");
    free(utc);
    return 0;
}

/* The first one in closed loop that is recorded in full. */
static int find_stream(const struct result *result, unsigned *stream, struct error *err)
{
    const struct experiment *experiment = result->experiment;
    const unsigned none = RECORD_STREAMS;
    unsigned first = none;
    for (unsigned i = 0; i < result->meta.stream_count && i < experiment->stream_count; i++) {
        if (experiment->streams[i].mode != EXPERIMENT_MODE_CLOSED)
            continue;
        *stream = i;
        if (report_recorded(result, i, NULL) == 0)
            return 0;
        first = first == none ? i : first;
    }
    if (first != none)
        return report_recorded(result, first, err);
    return error_set(err, EXIT_USAGE, -ENODATA,
                     "the run had no stream of mode \"closed\" (closed loop)");
}

/* What the tester could not send says nothing of the service, and neither does what the end of the
 * run cut short. */
static void add_row(struct text *out, const struct utc *utc, const struct record_request *request)
{
    uint64_t sent_ns = request->sent_ns != 0 ? request->sent_ns : request->due_ns;
    if (request->outcome == OUTCOME_UNSENT || request->outcome == OUTCOME_UNFINISHED)
        return;
    add_time(out, utc, sent_ns);
    if (outcome_is_good(request->outcome))
        text_addf(out, ",%.6f\n", (double)(request->done_ns - sent_ns) / 1e9);
    else
        text_add(out, ",-0.01\n");
}

static void add_time(struct text *out, const struct utc *utc, uint64_t run_ns)
{
    int64_t utc_ns = utc_from_run(utc, run_ns);
    time_t seconds = (time_t)(utc_ns / SECOND_NS);
    struct tm tm;
    localtime_r(&seconds, &tm);
    text_addf(out, "%04d-%02d-%02d %02d:%02d:%02d.%06d", tm.tm_year + 1900, tm.tm_mon + 1,
              tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(utc_ns % SECOND_NS / 1000));
}
