/* fuzz: deps report */
/* A log of whatever bytes: what is taken can be sorted, analysed and reported in every format, all of
 * it is inside its bounds, and every byte is either in a record or said to be damaged. The checksums of the blocks are made
 * right first, as a bit flip would otherwise end every run of bytes there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analyze.h"
#include "report/report.h"
#include "tests/fuzz/log_blocks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* The bins rise, and what is in folds fits an index. */
static void check_dues(const struct logs *logs)
{
    for (unsigned s = 0; s < RECORD_STREAMS; s++) {
        struct due_place place = {0};
        uint64_t due = 0, us, next_us = 0;
        for (; due_bins_peek(&logs->bins[s], &place, &us); next_us = us + 1) {
            uint64_t count = due_bins_take(&logs->bins[s], &place, us + 1);
            require(us >= next_us && us < DUES_US_MAX && count > 0);
            due += count;
        }
        require(due == logs->bins[s].due && logs->logged[s] <= due);
    }
    for (size_t i = 0; i < logs->fold_count; i++)
        require(logs->folds[i].outcome != OUTCOME_OK && logs->folds[i].host <= logs->host_count &&
                logs->folds[i].count <= FOLD_MEMBERS_MAX);
    for (size_t i = 0; i < logs->interval_count; i++)
        require(logs->intervals[i].first + logs->intervals[i].buckets <= logs->bucket_count);
    for (size_t i = 0; i < logs->answers_count; i++)
        require(logs->answers[i].host <= logs->host_count);
}

static void check_records(const struct logs *logs)
{
    check_dues(logs);
    for (size_t i = 0; i < logs->request_count; i++) {
        require(logs->requests[i].stream < RECORD_STREAMS);
        require(logs->requests[i].outcome < OUTCOME_COUNT);
        require(logs->requests[i].host <= logs->host_count);
        require(i == 0 || logs->requests[i - 1].due_ns <= logs->requests[i].due_ns);
    }
    for (size_t i = 0; i < logs->connection_count; i++)
        require(logs->connections[i].host <= logs->host_count &&
                logs->connections[i].end < CONNECTION_END_COUNT);
    for (size_t i = 0; i < logs->outage_count; i++)
        require(logs->outages[i].host <= logs->host_count &&
                logs->outages[i].successor_host <= logs->host_count);
}

static const char experiment_text[] =
    "{\"version\":1,\"name\":\"fuzz\",\"target\":{\"address\":\"10.0.0.9\",\"port\":5003},"
    "\"streams\":[{\"name\":\"held\",\"protocol\":\"ctraffic\",\"connections\":2,"
    "\"rate\":\"10/s\"},{\"name\":\"new\",\"protocol\":\"connect\",\"rate\":\"9/s\"}],"
    "\"steps\":[{\"do\":\"start\",\"streams\":[\"held\",\"new\"]}],"
    "\"expect\":[{\"stream\":\"held\",\"figure\":\"longestOutage\",\"atMost\":\"1s\"}]}";

static void check_outages(const struct result *result)
{
    for (size_t i = 0; i < result->logs.outage_count; i++) {
        const struct outage *outage = &result->outages[i];
        require(outage->onset.from_ns <= outage->onset.to_ns);
        require(outage->recovery.from_ns <= outage->recovery.to_ns);
    }
    require(result->windows.count <= result->logs.outage_count);
}

static bool recorded(const struct result *result, unsigned stream)
{
    return result->logs.logged[stream] == result->streams[stream].due;
}

/* The run has what FORMAT tells of: it has no closed loop, no HTTP and no change, and what tells of
 * each request needs the records of all. */
static bool has(const struct result *result, enum report_format format)
{
    switch (format) {
    case REPORT_CHECK:
    case REPORT_WRK:
    case REPORT_UPDATE: return false;
    case REPORT_CTRAFFIC:
    case REPORT_CTRAFFIC_HOSTS:
    case REPORT_CTRAFFIC_THROUGHPUT:
    case REPORT_CTRAFFIC_CONNECTIONS: return recorded(result, 0);
    case REPORT_VEGETA: return recorded(result, 0) && recorded(result, 1);
    default: return true;
    }
}

/* Takes LOGS. */
static void analyse(struct logs *logs)
{
    struct meta meta = {.stream_count = 2};
    struct timeline timeline = {0};
    struct experiment *experiment = NULL;
    struct result *result = NULL;
    strcpy(meta.streams[0].protocol, "ctraffic");
    meta.streams[0].stopped_ns =
        20000000000; /* Or a stamp could ask for a line a second of 31 d. */
    require(experiment_parse("fuzz", experiment_text, sizeof(experiment_text) - 1, NULL,
                             &experiment, NULL) == 0);
    if (analyze_parts(&meta, logs, &timeline, experiment, &result, NULL) < 0)
        return;
    check_outages(result);
    for (unsigned i = 0; i < REPORT_FORMAT_COUNT; i++) {
        struct text out = {0};
        int code = report_make(result, (enum report_format)i, &out, NULL);
        require(code == (has(result, (enum report_format)i) ? 0 : -ENODATA));
        text_free(&out);
    }
    result_free(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + 1);
    struct logs logs = {0};
    struct error err = {0};
    if (bytes == NULL)
        return 0;
    if (size > 0)
        memcpy(bytes, data, size);
    log_blocks_mend(bytes, size);
    if (logs_parse(&logs, bytes, size, &err) == 0) {
        require(logs.damaged_bytes <= size);
        require(logs_sort(&logs) == 0);
        check_records(&logs);
        analyse(&logs);
    } else {
        require(err.text[0] != '\0');
        logs_free(&logs);
    }
    free(bytes);
    return 0;
}
