#include "rundir/log_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "record/http_reason.h"

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
    case RECORD_FOLDS: *count = &logs->fold_count; return (void **)&logs->folds;
    default: return NULL;
    }
}

static int append_bytes(void **array, size_t *have, const void *from, size_t count, size_t bytes)
{
    void *grown = realloc(*array, (*have + count) * bytes);
    if (grown == NULL)
        return -ENOMEM;
    memcpy((uint8_t *)grown + *have * bytes, from, count * bytes);
    *array = grown;
    *have += count;
    return 0;
}

static int append_dues(struct logs *logs, const uint8_t *records, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct record_dues chunk;
        struct dues_place place = {0};
        uint32_t many;
        memcpy(&chunk, records + i * sizeof(chunk), sizeof(chunk));
        while (dues_next(&chunk, &place, &many))
            if (due_bins_add(&logs->bins[chunk.stream], place.us, many) < 0)
                return -ENOMEM;
    }
    return 0;
}

static int append_interval(struct logs *logs, const uint8_t *body, uint32_t count)
{
    struct logs_interval interval = {.first = logs->bucket_count, .buckets = count};
    memcpy(&interval.head, body, sizeof(interval.head));
    int result = append_bytes((void **)&logs->buckets, &logs->bucket_count,
                              body + sizeof(interval.head), count, sizeof(*logs->buckets));
    if (result == 0)
        result = append_bytes((void **)&logs->intervals, &logs->interval_count, &interval, 1,
                              sizeof(interval));
    return result;
}

static int append(struct logs *logs, const struct log_block *block, const uint8_t *body)
{
    if (block->type == RECORD_DUES)
        return append_dues(logs, body, block->count);
    if (block->type == LOG_INTERVAL)
        return append_interval(logs, body, block->count);
    if (block->type == LOG_ANSWERS)
        return append_bytes((void **)&logs->answers, &logs->answers_count, body, block->count,
                            sizeof(*logs->answers));
    size_t *have;
    void **array = array_of(logs, block->type, &have);
    return append_bytes(array, have, body, block->count, record_type_bytes[block->type]);
}

static int check_header(const struct log_header *header, struct error *err)
{
    const size_t name = sizeof(header->magic) - 1; /* Its last byte is the version. */
    if (memcmp(header->magic, LOG_MAGIC, name) != 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "this is no log of seamline's");
    if (header->magic[name] != LOG_MAGIC[name])
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "written by another version (its format is not %s); read it with that "
                         "version",
                         LOG_MAGIC);
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

/* What BLOCK's body must have in bytes; 0: there is no such block. */
static size_t body_bytes(const struct log_block *block)
{
    uint32_t most = block->type == LOG_INTERVAL ? HISTOGRAM_BUCKETS : LOG_BLOCK_RECORDS;
    if (block->count == 0 || block->count > most)
        return 0;
    if (block->type == LOG_INTERVAL)
        return sizeof(struct log_interval) + block->count * sizeof(struct log_bucket);
    if (block->type == LOG_ANSWERS)
        return block->count * sizeof(struct log_answers);
    return block->type < RECORD_TYPE_COUNT ? (size_t)block->count * record_type_bytes[block->type]
                                           : 0;
}

/* The block at BYTES, if it is whole and undamaged. */
static bool check_block(const uint8_t *bytes, size_t size, uint32_t sequence,
                        struct log_block *block)
{
    if (size < sizeof(*block))
        return false;
    memcpy(block, bytes, sizeof(*block));
    size_t body = body_bytes(block);
    if (block->magic != LOG_BLOCK_MAGIC || block->sequence != sequence || body == 0 ||
        block->bytes != body || size - sizeof(*block) < body)
        return false;
    struct log_block blank = *block;
    blank.crc = 0;
    uLong crc = crc32(0, (const Bytef *)&blank, sizeof(blank));
    return crc32(crc, bytes + sizeof(*block), (uInt)body) == block->crc;
}

static bool check_dues(const struct record_dues *chunk)
{
    struct dues_place place = {0};
    uint32_t count;
    while (dues_next(chunk, &place, &count))
        continue;
    return chunk->stream < RECORD_STREAMS && chunk->used > 0 && place.at == chunk->used;
}

/* A bad answer's reason is its protocol's. */
static bool check_reason(unsigned outcome, unsigned reason)
{
    return reason < (outcome == OUTCOME_BAD_ANSWER ? HTTP_REASON_COUNT : UNSENT_COUNT);
}

/* A request may stand for a fold later: see make_folds(). */
static bool check_request(const struct record_request *request)
{
    return request->stream < RECORD_STREAMS && request->outcome < OUTCOME_COUNT &&
           check_reason(request->outcome, request->reason) && request->due_ns / 1000 < DUES_US_MAX;
}

static bool check_fold(const struct record_fold *fold)
{
    return fold->stream < RECORD_STREAMS && fold->outcome < OUTCOME_COUNT &&
           fold->outcome != OUTCOME_OK && check_reason(fold->outcome, fold->reason) &&
           fold->count > 0 && fold->count <= FOLD_MEMBERS_MAX && fold->sent <= fold->count &&
           fold->first_ns / 1000 < DUES_US_MAX && fold->step_ns / 1000 < DUES_US_MAX;
}

/* A record's small numbers index tables later: they are checked here, once. */
static bool check_record(uint32_t type, const uint8_t *at)
{
    union {
        struct record_request request;
        struct record_connection connection;
        struct record_outage outage;
        struct record_segment segment;
        struct record_fault fault;
        struct record_dues dues;
        struct record_fold fold;
        struct log_answers answers;
    } is;
    switch (type) {
    case RECORD_REQUESTS:
        memcpy(&is.request, at, sizeof(is.request));
        return check_request(&is.request);
    case RECORD_CONNECTIONS:
        memcpy(&is.connection, at, sizeof(is.connection));
        return is.connection.stream < RECORD_STREAMS && is.connection.end < CONNECTION_END_COUNT;
    case RECORD_OUTAGES:
        memcpy(&is.outage, at, sizeof(is.outage));
        return is.outage.stream < RECORD_STREAMS && is.outage.signal < CONNECTION_END_COUNT;
    case RECORD_SEGMENTS:
        memcpy(&is.segment, at, sizeof(is.segment));
        return is.segment.stream < RECORD_STREAMS;
    case RECORD_FAULTS: memcpy(&is.fault, at, sizeof(is.fault)); return is.fault.kind < FAULT_COUNT;
    case RECORD_HOSTS: return at[RECORD_HOST_BYTES - 1] == 0;
    case RECORD_DUES: memcpy(&is.dues, at, sizeof(is.dues)); return check_dues(&is.dues);
    case RECORD_FOLDS: memcpy(&is.fold, at, sizeof(is.fold)); return check_fold(&is.fold);
    case LOG_ANSWERS:
        memcpy(&is.answers, at, sizeof(is.answers));
        return is.answers.stream < RECORD_STREAMS && is.answers.host <= UINT16_MAX;
    default: return true;
    }
}

static bool check_interval(const uint8_t *body, uint32_t count)
{
    struct log_interval head;
    struct log_bucket bucket;
    uint64_t sum = 0, last = 0;
    memcpy(&head, body, sizeof(head));
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&bucket, body + sizeof(head) + i * sizeof(bucket), sizeof(bucket));
        if (bucket.bucket >= HISTOGRAM_BUCKETS || (i > 0 && bucket.bucket <= last))
            return false;
        last = bucket.bucket;
        sum += bucket.count;
    }
    return head.kind < INTERVAL_LATENCY_COUNT && head.stream < RECORD_STREAMS &&
           head.count == sum && head.from_ns <= head.to_ns;
}

static bool check_body(const struct log_block *block, const uint8_t *body)
{
    if (block->type == LOG_INTERVAL)
        return check_interval(body, block->count);
    for (uint32_t i = 0; i < block->count; i++)
        if (!check_record(block->type, body + i * (block->bytes / block->count)))
            return false;
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
    size_t requests, connections, outages, hosts, folds, answers; /* Before this file. */
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
    for (size_t i = before->folds; i < logs->fold_count; i++)
        logs->folds[i].host = map[logs->folds[i].host];
    for (size_t i = before->answers; i < logs->answers_count; i++)
        logs->answers[i].host = map[logs->answers[i].host];
    free(map);
    return 0;
}

static int by_host(const void *a, const void *b)
{
    const struct log_answers *x = a, *y = b;
    if (x->stream != y->stream)
        return x->stream < y->stream ? -1 : 1;
    if (x->host != y->host)
        return x->host < y->host ? -1 : 1;
    return (x->count > y->count) - (x->count < y->count);
}

/* Answers are running sums: of those of this file only the last, the largest, stands. */
static void keep_last_answers(struct logs *logs, size_t before)
{
    size_t kept = before;
    if (logs->answers_count > before)
        qsort(logs->answers + before, logs->answers_count - before, sizeof(*logs->answers),
              by_host);
    for (size_t i = before; i < logs->answers_count; i++) {
        const struct log_answers *next = &logs->answers[i + 1];
        bool last = i + 1 == logs->answers_count || next->stream != logs->answers[i].stream ||
                    next->host != logs->answers[i].host;
        if (last)
            logs->answers[kept++] = logs->answers[i];
    }
    logs->answers_count = kept;
}

int logs_check_header(const uint8_t *bytes, size_t size, struct log_header *header,
                      struct error *err)
{
    if (size < sizeof(*header))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "this is no log of seamline's, or its head is cut off: it has %zu bytes",
                         size);
    memcpy(header, bytes, sizeof(*header));
    return check_header(header, err);
}

bool logs_check_block(const uint8_t *bytes, size_t size, uint32_t sequence, struct log_block *block)
{
    return check_block(bytes, size, sequence, block) && check_body(block, bytes + sizeof(*block));
}

int logs_parse(struct logs *logs, const void *bytes, size_t size, struct error *err)
{
    struct log_header header;
    int result = logs_check_header(bytes, size, &header, err);
    if (result < 0)
        return result;
    struct counts before = {logs->request_count, logs->connection_count, logs->outage_count,
                            logs->host_count,    logs->fold_count,       logs->answers_count};
    const uint8_t *at = (const uint8_t *)bytes + sizeof(header);
    size_t left = size - sizeof(header);
    struct log_block block;
    for (uint32_t sequence = 0; logs_check_block(at, left, sequence, &block); sequence++) {
        if (append(logs, &block, at + sizeof(block)) < 0)
            return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for the records");
        size_t whole = sizeof(block) + block.bytes;
        at += whole;
        left -= whole;
    }
    logs->damaged_bytes += left;
    logs->files++;
    keep_last_answers(logs, before.answers);
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

static int by_first_due(const void *a, const void *b)
{
    const struct record_fold *x = a, *y = b;
    int order = compare(x->first_ns, y->first_ns);
    if (order == 0)
        order = compare(x->stream, y->stream);
    return order ? order : compare(x->flow, y->flow);
}

static int by_from(const void *a, const void *b)
{
    const struct log_interval *x = &((const struct logs_interval *)a)->head;
    const struct log_interval *y = &((const struct logs_interval *)b)->head;
    int order = compare(x->from_ns, y->from_ns);
    if (order == 0)
        order = compare(x->stream, y->stream);
    return order ? order : compare(x->kind, y->kind);
}

static void sort(void *array, size_t count, size_t bytes, int (*order)(const void *, const void *))
{
    if (count > 1)
        qsort(array, count, bytes, order);
}

/* A request that was sampled and kept as well is there twice. */
static void sort_requests(struct logs *logs)
{
    size_t kept = 0;
    sort(logs->requests, logs->request_count, sizeof(*logs->requests), by_due);
    memset(logs->logged, 0, sizeof(logs->logged));
    for (size_t i = 0; i < logs->request_count; i++) {
        if (kept > 0 &&
            memcmp(&logs->requests[kept - 1], &logs->requests[i], sizeof(*logs->requests)) == 0)
            continue;
        logs->logged[logs->requests[i].stream]++;
        if (kept != i)
            logs->requests[kept] = logs->requests[i];
        kept++;
    }
    logs->request_count = kept;
}

bool logs_whole(const struct logs *logs, unsigned stream)
{
    return logs->logged[stream] == logs->bins[stream].due;
}

void logs_add_interval(const struct logs *logs, const struct logs_interval *interval,
                       struct histogram *histogram)
{
    struct histogram one = {.count = interval->head.count,
                            .sum_ns = interval->head.sum_ns,
                            .min_ns = interval->head.min_ns,
                            .max_ns = interval->head.max_ns,
                            .clipped = interval->head.clipped};
    for (uint32_t i = 0; i < interval->buckets; i++) {
        const struct log_bucket *bucket = &logs->buckets[interval->first + i];
        one.buckets[bucket->bucket] = bucket->count;
    }
    histogram_merge(histogram, &one);
}

static int make_folds(struct logs *logs, unsigned stream)
{
    for (size_t i = 0; i < logs->request_count; i++) {
        const struct record_request *request = &logs->requests[i];
        if (request->stream != stream)
            continue;
        struct record_fold fold = {.first_ns = request->due_ns,
                                   .count = 1,
                                   .flow = request->flow,
                                   .connection = request->connection,
                                   .host = request->host,
                                   .stream = request->stream,
                                   .outcome = request->outcome,
                                   .reason = request->reason,
                                   .sent = request->sent_ns != 0};
        if (due_bins_add(&logs->bins[stream], request->due_ns / 1000, 1) < 0)
            return -ENOMEM;
        if (request->outcome != OUTCOME_OK &&
            append_bytes((void **)&logs->folds, &logs->fold_count, &fold, 1, sizeof(fold)) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int mend_stream(struct logs *logs, unsigned stream)
{
    size_t kept = 0;
    for (size_t i = 0; i < logs->fold_count; i++)
        if (logs->folds[i].stream != stream)
            logs->folds[kept++] = logs->folds[i];
    logs->fold_count = kept;
    due_bins_free(&logs->bins[stream]);
    int code = make_folds(logs, stream);
    due_bins_sort(&logs->bins[stream]);
    return code;
}

/* As of a run that was killed: every request has a record, but not all are in the bins, or of those
 * that went wrong not all in folds. */
static bool is_cut(const struct logs *logs, unsigned stream)
{
    uint64_t wrong = 0, folded = 0;
    if (logs->logged[stream] == 0)
        return false;
    if (!logs_whole(logs, stream))
        return logs->logged[stream] > logs->bins[stream].due;
    for (size_t i = 0; i < logs->request_count; i++)
        wrong += logs->requests[i].stream == stream && logs->requests[i].outcome != OUTCOME_OK;
    for (size_t i = 0; i < logs->fold_count; i++)
        folded += logs->folds[i].stream == stream ? logs->folds[i].count : 0;
    return wrong > folded;
}

int logs_sort(struct logs *logs)
{
    int code = 0;
    sort_requests(logs);
    for (unsigned i = 0; i < RECORD_STREAMS; i++)
        due_bins_sort(&logs->bins[i]);
    for (unsigned i = 0; i < RECORD_STREAMS && code == 0; i++)
        if (is_cut(logs, i))
            code = mend_stream(logs, i);
    sort(logs->folds, logs->fold_count, sizeof(*logs->folds), by_first_due);
    sort(logs->intervals, logs->interval_count, sizeof(*logs->intervals), by_from);
    sort(logs->connections, logs->connection_count, sizeof(*logs->connections), by_opened);
    sort(logs->outages, logs->outage_count, sizeof(*logs->outages), by_outage_start);
    sort(logs->segments, logs->segment_count, sizeof(*logs->segments), by_first_sent);
    sort(logs->faults, logs->fault_count, sizeof(*logs->faults), by_start);
    return code;
}

/* The file is mapped: at a high rate it is larger than what is kept of it. */
static int read_file(struct logs *logs, const char *path, struct error *err)
{
    struct stat is;
    int result = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes = NULL;
    if (fd < 0 || fstat(fd, &is) < 0)
        result = error_set(err, EXIT_USAGE, -errno, "%s", strerror(errno));
    if (result == 0 && is.st_size > 0) {
        bytes = mmap(NULL, (size_t)is.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
            result = error_set(err, EXIT_USAGE, -errno, "%s", strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    if (result == 0)
        result = logs_parse(logs, bytes, (size_t)is.st_size, err);
    if (bytes != NULL && bytes != MAP_FAILED)
        munmap(bytes, (size_t)is.st_size);
    if (result < 0)
        error_wrap(err, "%s", strrchr(path, '/') + 1);
    return result;
}

static int is_log(const struct dirent *entry)
{
    return fnmatch("worker-*.log", entry->d_name, 0) == 0;
}

int logs_read(struct logs *logs, const char *rundir, struct error *err)
{
    struct dirent **found = NULL;
    int result = 0, count = scandir(rundir, &found, is_log, versionsort);
    memset(logs, 0, sizeof(*logs));
    if (count <= 0) {
        free(found);
        return error_set(err, EXIT_USAGE, -ENOENT,
                         "%s holds no worker-N.log: is it a run directory?", rundir);
    }
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        struct error why = {0};
        snprintf(path, sizeof(path), "%s/%s", rundir, found[i]->d_name);
        free(found[i]);
        if (result == -ENOMEM)
            continue;
        result = read_file(logs, path, &why);
        if (result < 0 && logs->unread++ == 0)
            logs->trouble = why;
    }
    free(found);
    if (result != -ENOMEM)
        result = logs->files > 0
                     ? logs_sort(logs)
                     : error_set(err, EXIT_USAGE, -EINVAL, "%s/%s", rundir, logs->trouble.text);
    if (result == -ENOMEM)
        error_set(err, EXIT_ENVIRONMENT, result, "%s: out of memory for the records", rundir);
    if (result < 0)
        logs_free(logs);
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
    free(logs->folds);
    free(logs->intervals);
    free(logs->buckets);
    free(logs->answers);
    for (unsigned i = 0; i < RECORD_STREAMS; i++)
        due_bins_free(&logs->bins[i]);
    memset(logs, 0, sizeof(*logs));
}

size_t logs_host_ids(const struct logs *logs)
{
    return (logs->host_count < UINT16_MAX ? logs->host_count : UINT16_MAX) + 1;
}

const char *logs_host(const struct logs *logs, uint16_t id)
{
    return id > 0 && id <= logs->host_count ? logs->hosts[id - 1].name : "?";
}
