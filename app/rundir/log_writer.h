/* log_writer.h - struct record to worker-N.log, in blocks.
 *
 * File: a 32-byte header, then blocks. A block is a 24-byte head and `bytes` of body; its CRC-32
 * covers head (with crc 0) and body. Little-endian. A body is one of
 *
 *     `count` records of one type, as in record/record.h
 *     LOG_INTERVAL: one struct log_interval, then `count` struct log_bucket, by bucket
 *     LOG_ANSWERS:  `count` struct log_answers; of a worker, stream and host the last one counts
 *
 * A crash loses at most what was not written yet; a reader takes all whole blocks and says how much
 * was cut off.
 *
 * What is written is given back to the worker (record_take). After a failure, as of a full disk,
 * nothing is: the worker's logs fill up, and count what they refuse.
 *
 * Threads: control only (it reads the worker's published records). Memory: none of its own.
 */
#ifndef RUNDIR_LOG_WRITER_H
#define RUNDIR_LOG_WRITER_H

#include <stdint.h>

#include "base/error.h"
#include "record/record.h"

enum {
    LOG_BLOCK_RECORDS = 4096,
    LOG_INTERVAL = 0x100, /* Types of blocks beside enum record_type. */
    LOG_ANSWERS = 0x101
};
/* The digit is the format's version: it changes with what a reader must know. */
#define LOG_MAGIC "SEAMLOG2"
#define LOG_BLOCK_MAGIC UINT32_C(0x424d4153) /* "SAMB" */

struct log_header {
    char magic[8];       /* LOG_MAGIC. */
    uint32_t byte_order; /* 0x01020304 as the writer stores it. */
    uint32_t worker;
    uint16_t record_bytes[RECORD_TYPE_COUNT]; /* Sizes at the time of writing. */
};

struct log_block {
    uint32_t magic;    /* LOG_BLOCK_MAGIC. */
    uint32_t type;     /* enum record_type, LOG_INTERVAL or LOG_ANSWERS. */
    uint32_t count;    /* Records that follow. */
    uint32_t sequence; /* Blocks before this one. */
    uint32_t crc;      /* zlib's crc32 of head (crc = 0) and body. */
    uint32_t bytes;    /* Of the body. */
};

/* A histogram of what one worker measured on one stream in one interval. */
struct log_interval {
    uint64_t from_ns; /* Whole seconds of run time. */
    uint64_t to_ns;
    uint64_t count; /* Values; the sum over the buckets. */
    uint64_t sum_ns;
    uint64_t min_ns;
    uint64_t max_ns;
    uint64_t clipped; /* Values over HISTOGRAM_MAX_NS. */
    uint32_t kind;    /* enum interval_latency. */
    uint32_t stream;
};
struct log_bucket {
    uint32_t bucket; /* As in base/histogram.h. */
    uint32_t count;  /* Not 0. */
};

/* Good answers of a host so far. */
struct log_answers {
    uint64_t count;
    uint64_t first_ns;
    uint64_t last_ns;
    uint32_t host; /* Id in this file. */
    uint32_t stream;
};

struct log_writer {
    int fd;     /* -1 after a failure: later calls do nothing and return the error. */
    int failed; /* -errno of the first failure, or 0. */
    uint32_t sequence;
    uint64_t written[RECORD_TYPE_COUNT]; /* Records in the file. */
    uint64_t answers;    /* Good answers of all hosts, when they were written last. */
    uint64_t file_bytes; /* Where the last whole block ends: a failed write is cut back to here. */
    char path[4096];
};

int log_writer_open(struct log_writer *writer, const char *rundir, uint32_t worker,
                    struct error *err);
/* Write what RECORD has published since the last call, and give it back to the worker. ERR is
 * filled the first time it fails. */
int log_writer_flush(struct log_writer *writer, struct record *record, struct error *err);
/* Flushes nothing: call log_writer_flush first. */
int log_writer_close(struct log_writer *writer, struct error *err);

#endif
