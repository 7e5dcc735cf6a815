#include "rundir/log_reader.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/text.h"
#include "rundir/log_writer.h"

/* Where the records of a type go. */
static void **array_of(struct logs *logs, enum record_type type, size_t **count)
{
    switch (type) {
    case RECORD_REQUESTS: *count = &logs->request_count; return (void **)&logs->requests;
    case RECORD_CONNECTIONS: *count = &logs->connection_count; return (void **)&logs->connections;
    case RECORD_OUTAGES: *count = &logs->outage_count; return (void **)&logs->outages;
    case RECORD_SEGMENTS: *count = &logs->segment_count; return (void **)&logs->segments;
    case RECORD_HOSTS: *count = &logs->host_count; return (void **)&logs->hosts;
    case RECORD_FAULTS: *count = &logs->fault_count; return (void **)&logs->faults;
    default: return NULL;
    }
}

static int append(struct logs *logs, enum record_type type, const void *records, uint32_t count)
{
    size_t *have;
    void **array = array_of(logs, type, &have);
    size_t bytes = record_type_bytes[type];
    void *grown = realloc(*array, (*have + count) * bytes);
    if (grown == NULL)
        return -ENOMEM;
    memcpy((uint8_t *)grown + *have * bytes, records, count * bytes);
    *array = grown;
    *have += count;
    return 0;
}

static int check_header(const struct log_header *header, struct error *err)
{
    if (memcmp(header->magic, LOG_MAGIC, sizeof(header->magic)) != 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "this is no log of seamline's");
    if (header->byte_order != 0x01020304)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "written on a machine of other byte order; read it there");
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        if (header->record_bytes[type] != record_type_bytes[type])
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "written by another version (%s of %u bytes instead of %u); read it "
                             "with that version",
                             record_type_name[type], header->record_bytes[type],
                             record_type_bytes[type]);
    return 0;
}

/* The block at BYTES, if it is whole and undamaged. */
static bool check_block(const uint8_t *bytes, size_t size, uint32_t sequence,
                        struct log_block *block)
{
    if (size < sizeof(*block))
        return false;
    memcpy(block, bytes, sizeof(*block));
    if (block->magic != LOG_BLOCK_MAGIC || block->type >= RECORD_TYPE_COUNT ||
        block->sequence != sequence || block->count == 0 || block->count > LOG_BLOCK_RECORDS)
        return false;
    size_t records = (size_t)block->count * record_type_bytes[block->type];
    if (size - sizeof(*block) < records)
        return false;
    struct log_block blank = *block;
    blank.crc = 0;
    uLong crc = crc32(0, (const Bytef *)&blank, sizeof(blank));
    return crc32(crc, bytes + sizeof(*block), (uInt)records) == block->crc;
}

/* A record's small numbers index tables later: they are checked here, once. */
static bool check_records(const struct log_block *block, const uint8_t *records)
{
    for (uint32_t i = 0; i < block->count; i++) {
        const uint8_t *at = records + (size_t)i * record_type_bytes[block->type];
        struct record_request request;
        struct record_connection connection;
        struct record_outage outage;
        struct record_fault fault;
        switch (block->type) {
        case RECORD_REQUESTS:
            memcpy(&request, at, sizeof(request));
            if (request.stream >= RECORD_STREAMS || request.outcome >= OUTCOME_COUNT)
                return false;
            break;
        case RECORD_CONNECTIONS:
            memcpy(&connection, at, sizeof(connection));
            if (connection.stream >= RECORD_STREAMS || connection.end >= CONNECTION_END_COUNT)
                return false;
            break;
        case RECORD_OUTAGES:
            memcpy(&outage, at, sizeof(outage));
            if (outage.stream >= RECORD_STREAMS || outage.signal >= CONNECTION_END_COUNT)
                return false;
            break;
        case RECORD_FAULTS:
            memcpy(&fault, at, sizeof(fault));
            if (fault.kind >= FAULT_COUNT)
                return false;
            break;
        case RECORD_HOSTS:
            if (at[RECORD_HOST_BYTES - 1] != 0)
                return false;
            break;
        default: break;
        }
    }
    return true;
}

/* One numbering of hosts over all workers: MAP[id of this file] = id in LOGS. */
static void merge_hosts(struct logs *logs, size_t hosts_before, uint16_t *map)
{
    size_t kept = hosts_before;
    for (size_t i = hosts_before; i < logs->host_count; i++) {
        size_t same = 0;
        while (same < kept && memcmp(&logs->hosts[same], &logs->hosts[i], RECORD_HOST_BYTES) != 0)
            same++;
        if (same == kept)
            logs->hosts[kept++] = logs->hosts[i];
        if (i - hosts_before + 1 <= UINT16_MAX)
            map[i - hosts_before + 1] = same + 1 <= UINT16_MAX ? (uint16_t)(same + 1) : 0;
    }
    logs->host_count = kept;
}

struct counts {
    size_t requests, connections, outages, hosts; /* Before this file. */
};

static int renumber_hosts(struct logs *logs, const struct counts *before)
{
    uint16_t *map = calloc((size_t)UINT16_MAX + 1, sizeof(*map));
    if (map == NULL)
        return -ENOMEM;
    merge_hosts(logs, before->hosts, map);
    for (size_t i = before->requests; i < logs->request_count; i++)
        logs->requests[i].host = map[logs->requests[i].host];
    for (size_t i = before->connections; i < logs->connection_count; i++)
        logs->connections[i].host = map[logs->connections[i].host];
    for (size_t i = before->outages; i < logs->outage_count; i++) {
        logs->outages[i].host = map[logs->outages[i].host];
        logs->outages[i].successor_host = map[logs->outages[i].successor_host];
    }
    free(map);
    return 0;
}

int logs_parse(struct logs *logs, const void *bytes, size_t size, struct error *err)
{
    struct log_header header;
    if (size < sizeof(header))
        return error_set(err, EXIT_USAGE, -EINVAL, "this is no log of seamline's: too short");
    memcpy(&header, bytes, sizeof(header));
    int result = check_header(&header, err);
    if (result < 0)
        return result;
    struct counts before = {logs->request_count, logs->connection_count, logs->outage_count,
                            logs->host_count};
    const uint8_t *at = (const uint8_t *)bytes + sizeof(header);
    size_t left = size - sizeof(header);
    struct log_block block;
    for (uint32_t sequence = 0; check_block(at, left, sequence, &block); sequence++) {
        if (!check_records(&block, at + sizeof(block)))
            break;
        if (append(logs, block.type, at + sizeof(block), block.count) < 0)
            return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for the records");
        size_t whole = sizeof(block) + (size_t)block.count * record_type_bytes[block.type];
        at += whole;
        left -= whole;
    }
    logs->damaged_bytes += left;
    logs->files++;
    return renumber_hosts(logs, &before);
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_due(const void *a, const void *b)
{
    const struct record_request *x = a, *y = b;
    int order = compare(x->due_ns, y->due_ns);
    if (order == 0)
        order = compare(x->stream, y->stream);
    return order ? order : compare(x->flow, y->flow);
}

static int by_opened(const void *a, const void *b)
{
    const struct record_connection *x = a, *y = b;
    int order = compare(x->opened_ns, y->opened_ns);
    return order ? order : compare(x->id, y->id);
}

static uint64_t outage_start(const struct record_outage *outage)
{
    return outage->last_good_sent_ns ? outage->last_good_sent_ns : outage->first_unanswered_ns;
}

static int by_outage_start(const void *a, const void *b)
{
    const struct record_outage *x = a, *y = b;
    int order = compare(outage_start(x), outage_start(y));
    return order ? order : compare(x->flow, y->flow);
}

static int by_first_sent(const void *a, const void *b)
{
    const struct record_segment *x = a, *y = b;
    return compare(x->first_sent_ns, y->first_sent_ns);
}

static int by_start(const void *a, const void *b)
{
    const struct record_fault *x = a, *y = b;
    return compare(x->start_ns, y->start_ns);
}

static void sort(void *array, size_t count, size_t bytes, int (*order)(const void *, const void *))
{
    if (count > 1)
        qsort(array, count, bytes, order);
}

void logs_sort(struct logs *logs)
{
    sort(logs->requests, logs->request_count, sizeof(*logs->requests), by_due);
    sort(logs->connections, logs->connection_count, sizeof(*logs->connections), by_opened);
    sort(logs->outages, logs->outage_count, sizeof(*logs->outages), by_outage_start);
    sort(logs->segments, logs->segment_count, sizeof(*logs->segments), by_first_sent);
    sort(logs->faults, logs->fault_count, sizeof(*logs->faults), by_start);
}

static int read_file(struct logs *logs, const char *path, struct error *err)
{
    struct text file = {0};
    int result = text_read_file(&file, path, TEXT_LIMIT_BYTES - 1);
    if (result < 0)
        error_set(err, EXIT_USAGE, result, "%s", strerror(-result));
    else
        result = logs_parse(logs, text_str(&file), file.size, err);
    text_free(&file);
    if (result < 0)
        error_wrap(err, "%s", path);
    return result;
}

int logs_read(struct logs *logs, const char *rundir, struct error *err)
{
    char pattern[PATH_MAX];
    glob_t found;
    memset(logs, 0, sizeof(*logs));
    snprintf(pattern, sizeof(pattern), "%s/worker-*.log", rundir);
    if (glob(pattern, 0, NULL, &found) != 0)
        return error_set(err, EXIT_USAGE, -ENOENT,
                         "%s holds no worker-N.log: is it a run directory?", rundir);
    int result = 0;
    for (size_t i = 0; i < found.gl_pathc && result == 0; i++)
        result = read_file(logs, found.gl_pathv[i], err);
    globfree(&found);
    if (result < 0)
        logs_free(logs);
    else
        logs_sort(logs);
    return result;
}

void logs_free(struct logs *logs)
{
    free(logs->requests);
    free(logs->connections);
    free(logs->outages);
    free(logs->segments);
    free(logs->faults);
    free(logs->hosts);
    memset(logs, 0, sizeof(*logs));
}

const char *logs_host(const struct logs *logs, uint16_t id)
{
    return id > 0 && id <= logs->host_count ? logs->hosts[id - 1].name : "?";
}
