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

static int fail(struct log_writer *writer, int code, struct error *err)
{
    if (writer->failed == 0)
        error_set(err, EXIT_ENVIRONMENT, code,
                  "%s: %s; what was measured is kept up to here: make room there or give another "
                  "disk by -o",
                  writer->path, strerror(-code));
    if (writer->fd >= 0) {
        /* A torn block would hide nothing, but a clean end reads better. */
        if (ftruncate(writer->fd, (off_t)writer->file_bytes) < 0)
            writer->failed = -errno;
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

static int write_block(struct log_writer *writer, const struct record *record,
                       enum record_type type, uint32_t count)
{
    struct log_block block = {
        .magic = LOG_BLOCK_MAGIC, .type = type, .count = count, .sequence = writer->sequence};
    const void *records = record_at(record, type, writer->written[type]);
    size_t bytes = (size_t)count * record_type_bytes[type];
    uLong crc = crc32(0, (const Bytef *)&block, sizeof(block));
    block.crc = (uint32_t)crc32(crc, records, (uInt)bytes);
    struct iovec parts[] = {{.iov_base = &block, .iov_len = sizeof(block)},
                            {.iov_base = (void *)(uintptr_t)records, .iov_len = bytes}};
    int result = write_all(writer, parts, 2);
    if (result < 0)
        return result;
    writer->sequence++;
    writer->written[type] += count;
    return 0;
}

int log_writer_flush(struct log_writer *writer, const struct record *record, struct error *err)
{
    if (writer->fd < 0)
        return writer->failed;
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++) {
        uint64_t published = record_count(record, type);
        while (writer->written[type] < published) {
            uint64_t left = published - writer->written[type];
            uint32_t count = left < LOG_BLOCK_RECORDS ? (uint32_t)left : LOG_BLOCK_RECORDS;
            int result = write_block(writer, record, type, count);
            if (result < 0)
                return fail(writer, result, err);
        }
    }
    return 0;
}

int log_writer_close(struct log_writer *writer, struct error *err)
{
    if (writer->fd < 0)
        return writer->failed;
    int result = close(writer->fd) < 0 ? -errno : 0;
    writer->fd = -1;
    return result < 0 ? fail(writer, result, err) : 0;
}
