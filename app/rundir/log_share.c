#include "rundir/log_share.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <zlib.h>

#include "rundir/log_reader.h"

enum {
    FIELDS = 9, /* Offsets of a kind in a record, and their end. */
    NONE = UINT16_MAX,
    WORKER_SHIFT = 24 /* In a connection's id. */
};

/* Where in a record its stamps, the ids of its connections, its flow and its stream are. */
struct layout {
    uint16_t stamps[FIELDS], connections[3];
    uint16_t flow, stream;
};

#define AT(type, field) ((uint16_t)offsetof(struct type, field))
static const struct layout layouts[RECORD_TYPE_COUNT] = {
    [RECORD_REQUESTS] = {{AT(record_request, due_ns), AT(record_request, sent_ns),
                          AT(record_request, first_byte_ns), AT(record_request, done_ns), NONE},
                         {AT(record_request, connection), NONE},
                         AT(record_request, flow),
                         AT(record_request, stream)},
    [RECORD_CONNECTIONS] = {{AT(record_connection, opened_ns), AT(record_connection, connected_ns),
                             AT(record_connection, secured_ns), AT(record_connection, ended_ns),
                             AT(record_connection, last_good_sent_ns),
                             AT(record_connection, last_good_done_ns),
                             AT(record_connection, first_unanswered_ns), NONE},
                            {AT(record_connection, id), NONE},
                            AT(record_connection, flow),
                            AT(record_connection, stream)},
    [RECORD_OUTAGES] = {{AT(record_outage, last_good_sent_ns), AT(record_outage, last_good_done_ns),
                         AT(record_outage, signal_ns), AT(record_outage, first_unanswered_ns),
                         AT(record_outage, first_attempt_ns), AT(record_outage, connected_ns),
                         AT(record_outage, recovered_sent_ns), AT(record_outage, recovered_done_ns),
                         NONE},
                        {AT(record_outage, connection), AT(record_outage, successor), NONE},
                        AT(record_outage, flow),
                        AT(record_outage, stream)},
    [RECORD_SEGMENTS] = {{AT(record_segment, first_sent_ns), AT(record_segment, resent_ns), NONE},
                         {AT(record_segment, connection), NONE},
                         AT(record_segment, flow),
                         AT(record_segment, stream)},
    [RECORD_HOSTS] = {{NONE}, {NONE}, NONE, NONE},
    [RECORD_FAULTS] = {{AT(record_fault, start_ns), AT(record_fault, end_ns), NONE},
                       {NONE},
                       NONE,
                       NONE},
    [RECORD_DUES] = {{NONE}, {NONE}, NONE, NONE},
    [RECORD_FOLDS] = {{AT(record_fold, first_ns), NONE},
                      {AT(record_fold, connection), NONE},
                      AT(record_fold, flow),
                      AT(record_fold, stream)},
};

/* 0 is a time that never came. */
static void move_stamp(uint8_t *at, uint64_t shift)
{
    uint64_t stamp;
    memcpy(&stamp, at, sizeof(stamp));
    stamp += stamp != 0 ? shift : 0;
    memcpy(at, &stamp, sizeof(stamp));
}

/* 0 is none, and a fold may be of several. */
static void move_connection(uint8_t *at, uint32_t first_worker)
{
    uint32_t id;
    memcpy(&id, at, sizeof(id));
    id += id != 0 && id != FOLD_SEVERAL ? first_worker << WORKER_SHIFT : 0;
    memcpy(at, &id, sizeof(id));
}

static void move_record(const struct layout *layout, uint8_t *record, const struct log_share *share)
{
    for (unsigned i = 0; layout->stamps[i] != NONE; i++)
        move_stamp(record + layout->stamps[i], share->shift_ns);
    for (unsigned i = 0; layout->connections[i] != NONE; i++)
        move_connection(record + layout->connections[i], share->first_worker);
    if (layout->flow == NONE)
        return;
    uint32_t flow;
    memcpy(&flow, record + layout->flow, sizeof(flow));
    flow += share->first_flow[record[layout->stream]];
    memcpy(record + layout->flow, &flow, sizeof(flow));
}

/* The nearest second, so that intervals keep to whole ones. */
static uint64_t seconds_of(const struct log_share *share)
{
    return (share->shift_ns + INTERVAL_NS / 2) / INTERVAL_NS * INTERVAL_NS;
}

static void move_body(const struct log_block *block, uint8_t *body, const struct log_share *share)
{
    size_t bytes = block->bytes / block->count;

    if (block->type == LOG_INTERVAL) {
        struct log_interval head;
        memcpy(&head, body, sizeof(head));
        head.from_ns += seconds_of(share);
        head.to_ns += seconds_of(share);
        memcpy(body, &head, sizeof(head));
        return;
    }
    for (uint32_t i = 0; i < block->count; i++) {
        uint8_t *record = body + i * bytes;
        if (block->type == LOG_ANSWERS) {
            move_stamp(record + offsetof(struct log_answers, first_ns), share->shift_ns);
            move_stamp(record + offsetof(struct log_answers, last_ns), share->shift_ns);
        } else if (block->type == RECORD_DUES) {
            move_stamp(record + offsetof(struct record_dues, first_us), share->shift_ns / 1000);
        } else {
            move_record(&layouts[block->type], record, share);
        }
    }
}

static void seal(struct log_block *block, uint8_t *at)
{
    block->crc = 0;
    uLong crc = crc32(0, (const Bytef *)block, sizeof(*block));
    block->crc = (uint32_t)crc32(crc, at + sizeof(*block), block->bytes);
    memcpy(at, block, sizeof(*block));
}

int log_share_move(uint8_t *bytes, size_t size, const struct log_share *share, struct error *err)
{
    struct log_header header;
    struct log_block block;
    int code = logs_check_header(bytes, size, &header, err);
    if (code < 0)
        return code;
    header.worker += share->first_worker;
    memcpy(bytes, &header, sizeof(header));
    size_t at = sizeof(header);
    for (uint32_t sequence = 0; logs_check_block(bytes + at, size - at, sequence, &block);
         sequence++) {
        move_body(&block, bytes + at + sizeof(block), share);
        seal(&block, bytes + at);
        at += sizeof(block) + block.bytes;
    }
    return 0;
}

static int fail_at(const char *path, int code, struct error *err)
{
    return error_set(err, code == -ENOENT ? EXIT_USAGE : EXIT_ENVIRONMENT, code, "%s: %s", path,
                     strerror(-code));
}

/* All that FROM holds now, to the empty file TO. */
static int copy_bytes(int from, int to, size_t *size)
{
    enum {
        STRETCH_BYTES = 1 << 30
    };
    ssize_t sent;
    *size = 0;
    while ((sent = sendfile(to, from, NULL, STRETCH_BYTES)) > 0)
        *size += (size_t)sent;
    return sent < 0 ? -errno : 0;
}

/* In the file itself, so that a log may be larger than the memory. */
static int move_in_file(int fd, size_t size, const struct log_share *share, const char *source,
                        struct error *err)
{
    void *bytes = size > 0 ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : NULL;
    if (bytes == MAP_FAILED)
        return fail_at(source, -errno, err);
    int code = log_share_move(bytes, size, share, err);
    if (code < 0)
        error_wrap(err, "%s", source);
    if (size > 0)
        munmap(bytes, size);
    return code;
}

int log_share_copy(const char *from, uint32_t worker, const struct log_share *share, const char *to,
                   struct error *err)
{
    char source[PATH_MAX], target[PATH_MAX];
    size_t size = 0;

    snprintf(source, sizeof(source), "%s/worker-%u.log", from, worker);
    snprintf(target, sizeof(target), "%s/worker-%u.log", to, worker + share->first_worker);
    int from_fd = open(source, O_RDONLY | O_CLOEXEC);
    if (from_fd < 0)
        return fail_at(source, -errno, err);
    int to_fd = open(target, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int code = to_fd < 0 ? -errno : copy_bytes(from_fd, to_fd, &size);
    code = code < 0 ? fail_at(target, code, err) : move_in_file(to_fd, size, share, source, err);
    close(from_fd);
    if (to_fd >= 0 && close(to_fd) < 0 && code == 0)
        code = fail_at(target, -errno, err);
    if (to_fd >= 0 && code < 0)
        unlink(target);
    return code;
}
