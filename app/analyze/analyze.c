#include "analyze/analyze.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/result_priv.h"

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
        size_t count = result->logs.bin_count[i];
        uint64_t last_ns = count > 0 ? result->logs.bins[i][count - 1].us * UINT64_C(1000) : 0;
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

/* A run that broke off early may have no timeline; it then is empty. */
static int read_timeline(const char *rundir, struct timeline *timeline, bool *cut,
                         struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/cluster.jsonl", rundir);
    *cut = false;
    return access(path, F_OK) < 0 ? 0 : timeline_read(path, timeline, cut, err);
}

/* Without a log there is nothing to account for: because traffic never started, if there was a run.
 */
static int read_logs(const char *rundir, const struct meta *meta, struct logs *logs,
                     struct error *err)
{
    struct error why = {0};
    int code = logs_read(logs, rundir, &why);
    if (code == -ENOENT)
        return error_set(err, EXIT_USAGE, code,
                         "%s holds no worker-N.log: no traffic was sent in this run, and there is "
                         "nothing to report; %s%s",
                         rundir, meta->failure[0] ? "it ended early: " : "it was killed before",
                         meta->failure);
    return code < 0 ? error_set(err, why.status, code, "%s", why.text) : 0;
}

int analyze_rundir(const char *rundir, struct result **out, struct error *err)
{
    struct meta meta = {0};
    struct logs logs = {0};
    struct timeline timeline = {0};
    struct experiment *experiment = NULL;
    char path[PATH_MAX];
    bool cut = false;
    snprintf(path, sizeof(path), "%s/experiment.json", rundir);
    int code = meta_read(&meta, rundir, err);
    if (code == 0)
        code = experiment_load(path, NULL, &experiment, err);
    if (code == 0)
        code = read_logs(rundir, &meta, &logs, err);
    if (code == 0)
        code = read_timeline(rundir, &timeline, &cut, err);
    if (code < 0) {
        meta_free(&meta);
        logs_free(&logs);
        timeline_free(&timeline);
        experiment_free(experiment);
        return code;
    }
    code = analyze_parts(&meta, &logs, &timeline, experiment, out, err);
    if (code == 0)
        (*out)->timeline_cut = cut;
    return code;
}
