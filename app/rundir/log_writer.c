#include "rundir/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <zlib.h>

static_assert(sizeof(struct log_header) == 32, "the header is what the format says");
static_assert(sizeof(struct log_block) == 24, "a block's head is what the format says");
static_assert(sizeof(struct log_interval) == 64, "an interval's head is what the format says");
static_assert(sizeof(struct log_answers) == 32, "answers are what the format says");

static int fail(struct log_writer *writer, int code, struct error *err)
{
    if (writer->failed == 0)
        error_set(err, EXIT_ENVIRONMENT, code,
                  "%s: %s; what was measured is kept up to here: make room there or give another "
                  "disk by -o",
                  writer->path, strerror(-code));
    if (writer->fd >= 0) {
        /* A torn block would hide nothing, but a clean end reads better, where there can be one. */
        (void)!ftruncate(writer->fd, (off_t)writer->file_bytes);
        close(writer->fd);
    }
    writer->fd = -1;
    writer->failed = code;
    return code;
}

static int write_all(struct log_writer *writer, const struct iovec *parts, int count)
{
    size_t wanted = 0;
    for (int i = 0; i < count; i++)
        wanted += parts[i].iov_len;
    ssize_t written = writev(writer->fd, parts, count);
    if (written < 0)
        return -errno;
    if ((size_t)written < wanted)
        return -ENOSPC;
    writer->file_bytes += wanted;
    return 0;
}

int log_writer_open(struct log_writer *writer, const char *rundir, uint32_t worker,
                    struct error *err)
{
    memset(writer, 0, sizeof(*writer));
    snprintf(writer->path, sizeof(writer->path), "%s/worker-%u.log", rundir, worker);
    writer->fd = open(writer->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (writer->fd < 0)
        return fail(writer, -errno, err);
    struct log_header header = {.magic = LOG_MAGIC, .byte_order = 0x01020304, .worker = worker};
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        header.record_bytes[type] = (uint16_t)record_type_bytes[type];
    struct iovec part = {.iov_base = &header, .iov_len = sizeof(header)};
    int result = write_all(writer, &part, 1);
    return result < 0 ? fail(writer, result, err) : 0;
}

/* A block whose body is in COUNT parts; the first of BODY is free for the head. */
static int write_block(struct log_writer *writer, struct log_block block, struct iovec *body,
                       int count)
{
    block.magic = LOG_BLOCK_MAGIC;
    block.sequence = writer->sequence;
    for (int i = 1; i < count; i++)
        block.bytes += (uint32_t)body[i].iov_len;
    uLong crc = crc32(0, (const Bytef *)&block, sizeof(block));
    for (int i = 1; i < count; i++)
        crc = crc32(crc, body[i].iov_base, (uInt)body[i].iov_len);
    block.crc = (uint32_t)crc;
    body[0] = (struct iovec){.iov_base = &block, .iov_len = sizeof(block)};
    int result = write_all(writer, body, count);
    writer->sequence += result == 0;
    return result;
}

/* As many records as stand in one piece of memory, at most a block of them. */
static int write_records(struct log_writer *writer, const struct record *record,
                         enum record_type type, uint64_t published)
{
    uint64_t from = writer->written[type];
    uint64_t count = published - from, stretch = record_stretch(record, type, from);
    count = count < stretch ? count : stretch;
    count = count < LOG_BLOCK_RECORDS ? count : LOG_BLOCK_RECORDS;
    const void *records = record_at(record, type, from);
    struct iovec body[2] = {
        [1] = {.iov_base = (void *)(uintptr_t)records, .iov_len = count * record_type_bytes[type]}};
    int result =
        write_block(writer, (struct log_block){.type = type, .count = (uint32_t)count}, body, 2);
    if (result == 0)
        writer->written[type] += count;
    return result;
}

static int write_type(struct log_writer *writer, struct record *record, enum record_type type)
{
    uint64_t published = record_count(record, type);
    while (writer->written[type] < published) {
        int result = write_records(writer, record, type, published);
        if (result < 0)
            return result;
        if (type != RECORD_HOSTS)
            record_take(record, type, writer->written[type]);
    }
    return 0;
}

static int write_latency(struct log_writer *writer, const struct interval *interval,
                         uint32_t stream, enum interval_latency kind)
{
    const struct histogram *histogram = &interval->latencies[kind];
    struct log_bucket buckets[HISTOGRAM_BUCKETS];
    uint32_t count = 0;
    struct log_interval head = {.from_ns = interval->from_ns,
                                .to_ns = interval->to_ns,
                                .sum_ns = histogram->sum_ns,
                                .min_ns = histogram->min_ns,
                                .max_ns = histogram->max_ns,
                                .clipped = histogram->clipped,
                                .kind = kind,
                                .stream = stream};
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && histogram->count > 0; i++) {
        if (histogram->buckets[i] == 0)
            continue;
        buckets[count++] = (struct log_bucket){.bucket = i, .count = histogram->buckets[i]};
        head.count += histogram->buckets[i];
    }
    if (count == 0)
        return 0;
    struct iovec body[3] = {[1] = {.iov_base = &head, .iov_len = sizeof(head)},
                            [2] = {.iov_base = buckets, .iov_len = count * sizeof(buckets[0])}};
    return write_block(writer, (struct log_block){.type = LOG_INTERVAL, .count = count}, body, 3);
}

static int write_intervals(struct log_writer *writer, struct record *record, uint32_t stream)
{
    struct intervals *intervals = &record->streams[stream].intervals;
    const struct interval *interval;
    while ((interval = intervals_oldest(intervals)) != NULL) {
        for (unsigned kind = 0; kind < INTERVAL_LATENCY_COUNT; kind++) {
            int result = write_latency(writer, interval, stream, kind);
            if (result < 0)
                return result;
        }
        intervals_give_back(intervals);
    }
    return 0;
}

/* One block of the hosts from FIRST on that answered on STREAM; adds to *TOTAL what they did. */
static int write_answers_of(struct log_writer *writer, const struct record *record, uint32_t stream,
                            uint64_t first, uint64_t hosts, uint64_t *total)
{
    struct log_answers found[LOG_BLOCK_RECORDS];
    uint32_t count = 0;
    for (uint64_t i = first; i < hosts && i < first + LOG_BLOCK_RECORDS; i++) {
        const struct record_answers *answers = &record->streams[stream].answers[i];
        found[count] = (struct log_answers){.count = record_count_read(&answers->count),
                                            .first_ns = record_count_read(&answers->first_ns),
                                            .last_ns = record_count_read(&answers->last_ns),
                                            .host = (uint32_t)i + 1,
                                            .stream = stream};
        *total += found[count].count;
        count += found[count].count > 0;
    }
    if (count == 0)
        return 0;
    struct iovec body[2] = {[1] = {.iov_base = found, .iov_len = count * sizeof(found[0])}};
    return write_block(writer, (struct log_block){.type = LOG_ANSWERS, .count = count}, body, 2);
}

/* After the hosts themselves. */
static int write_answers(struct log_writer *writer, const struct record *record)
{
    uint64_t total = 0, hosts = writer->written[RECORD_HOSTS], now = 0;
    for (uint32_t stream = 0; stream < record->stream_count; stream++)
        for (uint64_t i = 0; i < hosts; i++)
            now += record_count_read(&record->streams[stream].answers[i].count);
    if (now == writer->answers)
        return 0;
    int result = 0;
    for (uint32_t stream = 0; stream < record->stream_count && result == 0; stream++)
        for (uint64_t i = 0; i < hosts && result == 0; i += LOG_BLOCK_RECORDS)
            result = write_answers_of(writer, record, stream, i, hosts, &total);
    writer->answers = total;
    return result;
}

int log_writer_flush(struct log_writer *writer, struct record *record, struct error *err)
{
    if (writer->fd < 0)
        return writer->failed;
    int result = 0;
    for (unsigned type = 0; type < RECORD_TYPE_COUNT && result == 0; type++)
        result = write_type(writer, record, type);
    for (uint32_t i = 0; i < record->stream_count && result == 0; i++)
        result = write_intervals(writer, record, i);
    if (result == 0)
        result = write_answers(writer, record);
    return result < 0 ? fail(writer, result, err) : 0;
}

int log_writer_close(struct log_writer *writer, struct error *err)
{
    if (writer->fd < 0)
        return writer->failed;
    int result = close(writer->fd) < 0 ? -errno : 0;
    writer->fd = -1;
    return result < 0 ? fail(writer, result, err) : 0;
}
