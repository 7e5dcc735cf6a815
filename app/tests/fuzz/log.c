/* fuzz: deps analyze */
/* A log of whatever bytes: what is taken can be sorted and analysed, all of it is inside its bounds,
 * and every byte is either in a record or said to be damaged. The checksums of the blocks are made
 * right first, as a bit flip would otherwise end every run of bytes there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "analyze/outage.h"
#include "analyze/window.h"
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

static void analyse(const struct logs *logs)
{
    struct outage *outages = outages_make(logs, 1u << OUTCOME_RESET, 3);
    if (outages == NULL)
        return;
    for (size_t i = 0; i < logs->outage_count; i++)
        require(outages[i].onset.from_ns <= outages[i].onset.to_ns &&
                outages[i].recovery.from_ns <= outages[i].recovery.to_ns);
    struct windows windows;
    struct window_scope scope = {.stream = WINDOW_ALL_STREAMS};
    if (windows_make(&windows, logs, outages, scope, 1000) == 0) {
        require(windows.count <= logs->outage_count);
        windows_free(&windows);
    }
    free(outages);
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
    }
    logs_free(&logs);
    free(bytes);
    return 0;
}
