/* fuzz: deps report */
/* A log of whatever bytes: what is taken can be sorted, analysed and reported in every format, all of
 * it is inside its bounds, and every byte is either in a record or said to be damaged. The checksums of the blocks are made
 * right first, as a bit flip would otherwise end every run of bytes there. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "analyze/analyze.h"
#include "report/report.h"
#include "rundir/log_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void mend(uint8_t *bytes, size_t size)
{
    size_t at = sizeof(struct log_header);
    while (at <= size && size - at >= sizeof(struct log_block)) {
        struct log_block block;
        memcpy(&block, bytes + at, sizeof(block));
        if (block.type >= RECORD_TYPE_COUNT || block.count > LOG_BLOCK_RECORDS)
            return;
        size_t records = (size_t)block.count * record_type_bytes[block.type];
        if (size - at - sizeof(block) < records)
            return;
        block.crc = 0;
        uLong crc = crc32(0, (const Bytef *)&block, sizeof(block));
        block.crc = (uint32_t)crc32(crc, bytes + at + sizeof(block), (uInt)records);
        memcpy(bytes + at, &block, sizeof(block));
        at += sizeof(block) + records;
    }
}

static void check_records(const struct logs *logs)
{
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
        require(report_make(result, (enum report_format)i, &out, NULL) == 0);
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
    mend(bytes, size);
    if (logs_parse(&logs, bytes, size, &err) == 0) {
        require(logs.damaged_bytes <= size);
        logs_sort(&logs);
        check_records(&logs);
        analyse(&logs);
    } else {
        require(err.text[0] != '\0');
        logs_free(&logs);
    }
    free(bytes);
    return 0;
}
