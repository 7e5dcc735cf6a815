/* log_writer.h - struct record to worker-N.log, in blocks.
 *
 * File: a 32-byte header, then blocks. A block is a 24-byte head and `count` records of one type;
 * its CRC-32 covers head (with crc 0) and records. Little-endian, fixed-size records as in
 * record/record.h. A crash loses at most what was not written yet; a reader takes all whole blocks
 * and says how much was cut off.
 *
 * Threads: control only (it reads the worker's published records). Memory: none of its own.
 */
#ifndef RUNDIR_LOG_WRITER_H
#define RUNDIR_LOG_WRITER_H

#include <stdint.h>

#include "base/error.h"
#include "record/record.h"

enum {
    LOG_BLOCK_RECORDS = 4096
};
#define LOG_MAGIC "SEAMLOG1"
#define LOG_BLOCK_MAGIC UINT32_C(0x424d4153) /* "SAMB" */

struct log_header {
    char magic[8];       /* LOG_MAGIC. */
    uint32_t byte_order; /* 0x01020304 as the writer stores it. */
    uint32_t worker;
    uint16_t record_bytes[RECORD_TYPE_COUNT]; /* Sizes at the time of writing. */
    uint32_t zero;
};

struct log_block {
    uint32_t magic;    /* LOG_BLOCK_MAGIC. */
    uint32_t type;     /* enum record_type. */
    uint32_t count;    /* Records that follow. */
    uint32_t sequence; /* Blocks before this one. */
    uint32_t crc;      /* zlib's crc32 of head (crc = 0) and records. */
    uint32_t zero;
};

struct log_writer {
    int fd;     /* -1 after a failure: later calls do nothing and return the error. */
    int failed; /* -errno of the first failure, or 0. */
    uint32_t sequence;
    uint64_t written[RECORD_TYPE_COUNT]; /* Records in the file. */
    uint64_t file_bytes; /* Where the last whole block ends: a failed write is cut back to here. */
    char path[4096];
};

int log_writer_open(struct log_writer *writer, const char *rundir, uint32_t worker,
                    struct error *err);
/* Write what RECORD has published since the last call. ERR is filled the first time it fails. */
int log_writer_flush(struct log_writer *writer, const struct record *record, struct error *err);
/* Flushes nothing: call log_writer_flush first. */
int log_writer_close(struct log_writer *writer, struct error *err);

#endif
