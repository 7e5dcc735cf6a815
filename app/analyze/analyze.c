#include "analyze/analyze.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/result_priv.h"

static void miss(struct text *unread, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void result_free(struct result *result)
{
    if (result == NULL)
        return;
    for (unsigned i = 0; i < RECORD_STREAMS; i++)
        windows_free(&result->streams[i].windows);
    for (size_t i = 0; i < result->pod_count; i++)
        windows_free(&result->pods[i].windows);
    windows_free(&result->windows);
    free(result->causes);
    free(result->pods);
    free(result->attempts);
    free(result->expectations);
    free(result->outages);
    text_free(&result->unread);
    meta_free(&result->meta);
    logs_free(&result->logs);
    timeline_free(&result->timeline);
    experiment_free(result->experiment);
    free(result);
}

uint64_t result_stream_end_ns(const struct result *result, unsigned stream)
{
    uint64_t end_ns = result->meta.streams[stream].stopped_ns;
    if (end_ns == 0)
        end_ns = result->meta.ended_ns;
    if (end_ns != 0)
        return end_ns;
    for (size_t i = 0; i < result->logs.request_count; i++)
        if (result->logs.requests[i].done_ns > end_ns)
            end_ns = result->logs.requests[i].done_ns;
    for (unsigned i = 0; i < RECORD_STREAMS; i++) {
        uint64_t last_ns = due_bins_last_us(&result->logs.bins[i]) * 1000;
        end_ns = last_ns > end_ns ? last_ns : end_ns;
    }
    return end_ns;
}

/* plan/ and record/ have the same words, each its own list. */
uint32_t result_outcomes(uint32_t outcomes)
{
    uint32_t bits = 0;
    for (unsigned e = 0; e < EXPERIMENT_OUTCOME_COUNT; e++)
        for (unsigned o = 0; o < OUTCOME_COUNT; o++)
            if (outcomes >> e & 1 && strcmp(experiment_outcome_word(e), outcome_text(o)) == 0)
                bits |= 1u << o;
    return bits;
}

uint32_t result_opens(const struct experiment *experiment)
{
    return result_outcomes(experiment->windows.opens);
}

static int account(struct result *result)
{
    result->opens = result_opens(result->experiment);
    result->outages =
        outages_make(&result->logs, result->opens, result->experiment->windows.validate);
    if (result->outages == NULL)
        return -ENOMEM;
    int code = account_streams(result);
    if (code == 0)
        code = account_pods(result);
    if (code == 0)
        code = account_causes(result);
    if (code == 0)
        code = account_expectations(result);
    return code;
}

int analyze_parts(struct meta *meta, struct logs *logs, struct timeline *timeline,
                  struct experiment *experiment, struct result **out, struct error *err)
{
    struct result *result = calloc(1, sizeof(*result));
    if (result == NULL) {
        meta_free(meta);
        logs_free(logs);
        timeline_free(timeline);
        experiment_free(experiment);
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for the result");
    }
    result->meta = *meta;
    result->logs = *logs;
    result->timeline = *timeline;
    result->experiment = experiment;
    int code = 0;
    if (meta->stream_count != experiment->stream_count)
        code = error_set(err, EXIT_USAGE, -EINVAL,
                         "meta.json has %u streams, experiment.json %u: they are of different runs",
                         meta->stream_count, experiment->stream_count);
    else if (account(result) < 0)
        code = error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for the analysis");
    if (code < 0)
        result_free(result);
    else
        *out = result;
    return code;
}

/* ---- the run directory ---- */

static bool has(const char *rundir, const char *file)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", rundir, file);
    return access(path, F_OK) == 0;
}

/* A run directory, and the files in it that nothing can be made without. */
static int check_rundir(const char *rundir, struct error *err)
{
    static const struct {
        const char *file, *tells;
    } needed[] = {
        {"meta.json", "when the run and its streams began and ended, and what the workers counted"},
        {"experiment.json", "what the streams sent, and which outcomes are losses"},
    };
    struct stat is;
    if (stat(rundir, &is) < 0)
        return error_set(err, EXIT_USAGE, -errno, "%s: %s; want a run directory", rundir,
                         strerror(errno));
    if (!S_ISDIR(is.st_mode))
        return error_set(err, EXIT_USAGE, -ENOTDIR, "%s is a file; want a run directory", rundir);
    if (!has(rundir, "meta.json") && !has(rundir, "experiment.json") &&
        !has(rundir, "cluster.jsonl"))
        return error_set(err, EXIT_USAGE, -ENOENT,
                         "%s is no run directory: it has no meta.json, experiment.json or "
                         "cluster.jsonl",
                         rundir);
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!has(rundir, needed[i].file))
            return error_set(err, EXIT_USAGE, -ENOENT,
                             "%s/%s is missing, and nothing can be reported without it: it says %s",
                             rundir, needed[i].file, needed[i].tells);
    return 0;
}

/* A line for people. */
static void miss(struct text *unread, const char *format, ...)
{
    char line[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    text_flatten(line);
    text_addf(unread, "%s\n", line);
}

/* Only a run that was killed has no last event. */
static bool has_end(const struct timeline *timeline)
{
    for (size_t i = timeline->count; i > 0; i--)
        if (timeline->events[i - 1].kind == TIMELINE_RUN_END)
            return true;
    return false;
}

/* Requests are accounted for without any of it. */
static void read_timeline(const char *rundir, const struct meta *meta, struct timeline *timeline,
                          struct text *unread)
{
    static const char unknown[] = "what happened in the cluster and when the run's steps began is "
                                  "not known, and with that no cause";
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/cluster.jsonl", rundir);
    int code = timeline_read(path, timeline);
    if (code < 0)
        miss(unread, "cluster.jsonl: %s; %s", strerror(-code), unknown);
    else if (timeline->count == 0)
        miss(unread, "cluster.jsonl: it has no event; %s", unknown);
    else if (meta->final && !has_end(timeline))
        miss(unread, "cluster.jsonl: the run's end is not in it; what happened last is missing");
    if (timeline->damaged > 0)
        miss(unread, "cluster.jsonl:%zu: %s; damaged lines that are left out: %zu",
             timeline->first_damaged, timeline->why, timeline->damaged);
}

/* Without a log there is nothing to account for: because traffic never started, if there was a run.
 */
static int read_logs(const char *rundir, const struct meta *meta, struct logs *logs,
                     struct text *unread, struct error *err)
{
    struct error why = {0};
    int code = logs_read(logs, rundir, &why);
    if (code == -ENOENT)
        return error_set(err, EXIT_USAGE, code,
                         "%s holds no worker-N.log: no traffic was sent in this run, and there is "
                         "nothing to report; %s%s",
                         rundir, meta->failure[0] ? "it ended early: " : "it was killed before",
                         meta->failure);
    if (code < 0)
        return error_set(err, why.status, code, "%s", why.text);
    if (logs->unread > 0)
        miss(unread, "%.1000s; logs that cannot be read: %u of %u", logs->trouble.text,
             logs->unread, logs->unread + logs->files);
    if (logs->unread + logs->files < meta->worker_count)
        miss(unread, "worker-N.log: missing: %u of %u",
             meta->worker_count - logs->unread - logs->files, meta->worker_count);
    return 0;
}

/* What a run directory has. */
struct parts {
    struct meta meta;
    struct logs logs;
    struct timeline timeline;
    struct experiment *experiment;
    struct text unread;
};

/* What its files lack reads as nothing, and what they have more is passed over. */
static void note_version(struct meta *meta)
{
    struct text notes = {0};
    if (strcmp(meta->version, SEAMLINE_VERSION) == 0)
        return;
    text_addf(&notes,
              "made by seamline %s, read by %s: what one of them does not know is left out\n%s",
              meta->version, SEAMLINE_VERSION, meta->notes != NULL ? meta->notes : "");
    if (notes.failed) {
        text_free(&notes);
        return;
    }
    free(meta->notes);
    meta->notes = notes.data;
}

static int read_parts(const char *rundir, struct parts *parts, struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/experiment.json", rundir);
    int code = meta_read(&parts->meta, rundir, err);
    if (code < 0)
        return code;
    note_version(&parts->meta);
    code = experiment_load(path, NULL, &parts->experiment, err);
    if (code == 0)
        code = read_logs(rundir, &parts->meta, &parts->logs, &parts->unread, err);
    if (code < 0) {
        error_wrap(err, "made by seamline %s", parts->meta.version);
        return code;
    }
    read_timeline(rundir, &parts->meta, &parts->timeline, &parts->unread);
    return parts->unread.failed
               ? error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for what is missing")
               : 0;
}

int analyze_rundir(const char *rundir, struct result **out, struct error *err)
{
    struct parts parts = {0};
    int code = check_rundir(rundir, err);
    if (code == 0)
        code = read_parts(rundir, &parts, err);
    if (code < 0) {
        meta_free(&parts.meta);
        logs_free(&parts.logs);
        timeline_free(&parts.timeline);
        experiment_free(parts.experiment);
    } else {
        code = analyze_parts(&parts.meta, &parts.logs, &parts.timeline, parts.experiment, out, err);
    }
    if (code < 0)
        text_free(&parts.unread);
    else
        (*out)->unread = parts.unread;
    return code;
}
