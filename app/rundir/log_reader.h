/* log_reader.h - the logs of a run directory, all workers', as arrays.
 *
 * Each array is sorted as its comment says, so that analyze/ needs no more than scans. Host ids are
 * made one numbering over all workers. What was damaged is told, never guessed: a file's whole
 * blocks are taken up to the first damaged one, and a file that is no log of this version is left
 * out as long as there is another.
 *
 * Threads: none of its own. Memory: malloc, by the size of the files. A file's counts are checked
 * against its size before anything is allocated.
 */
#ifndef RUNDIR_LOG_READER_H
#define RUNDIR_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/record.h"
#include "rundir/due_bins.h"
#include "rundir/log_writer.h"

/* A histogram of an interval: its buckets are in logs.buckets from `first` on, `buckets` many. */
struct logs_interval {
    struct log_interval head;
    size_t first;
    uint32_t buckets;
};

struct logs {
    struct record_request *requests;       /* By due_ns, then stream, then flow; those that there is
                                              a record of: see record/record.h. */
    struct record_connection *connections; /* By opened_ns, then id. */
    struct record_outage *outages;         /* By last_good_sent_ns (0: by first_unanswered_ns). */
    struct record_segment *segments;       /* By first_sent_ns. */
    struct record_fault *faults;           /* By start_ns. */
    struct record_host *hosts;             /* hosts[id - 1]; ids are of all workers together. */
    struct record_fold *folds;             /* By first_ns. */
    struct logs_interval *intervals;       /* By from_ns, stream, kind; one for each worker. */
    struct log_bucket *buckets;            /* Of the intervals. */
    struct log_answers *answers;           /* One for each worker, stream and host. */
    struct due_bins bins[RECORD_STREAMS];  /* When requests were due. */
    size_t request_count, connection_count, outage_count, segment_count, fault_count, host_count;
    size_t fold_count, interval_count, bucket_count, answers_count;
    uint64_t logged[RECORD_STREAMS]; /* Requests of it that there is a record of. */
    uint64_t damaged_bytes;          /* After the last whole block, over all files. */
    uint32_t files;                  /* Read. */
    uint32_t unread;                 /* Files that could not be, or are no logs of this version. */
    struct error trouble;            /* Why the first of these was not. */
};

/* Reads worker-*.log under RUNDIR. 0, or -errno with ERR: -ENOENT when there is no log at all,
 * -EINVAL when there is none that can be read. */
int logs_read(struct logs *logs, const char *rundir, struct error *err);
void logs_free(struct logs *logs);
/* Parse one file's bytes and append its records to LOGS, unsorted (for tests and fuzzing). */
int logs_parse(struct logs *logs, const void *bytes, size_t size, struct error *err);
/* The head of a file, and the whole and undamaged block at BYTES that has SEQUENCE before it: what
 * logs_parse() takes. 0, or -EINVAL with ERR; true and *BLOCK. */
int logs_check_header(const uint8_t *bytes, size_t size, struct log_header *header,
                      struct error *err);
bool logs_check_block(const uint8_t *bytes, size_t size, uint32_t sequence,
                      struct log_block *block);
/* Sort all arrays as promised above. Of a stream that has more requests than are in its bins, or as
 * many and more that went wrong than are in its folds, bins and folds are made anew from the
 * requests: so a killed run leaves them, for they are published once a second. 0 or -ENOMEM. */
int logs_sort(struct logs *logs);
/* True: every request of STREAM that was due has a record of its own. After logs_sort(). */
bool logs_whole(const struct logs *logs, unsigned stream);
/* Adds INTERVAL to HISTOGRAM. */
void logs_add_interval(const struct logs *logs, const struct logs_interval *interval,
                       struct histogram *histogram);
/* Ids of hosts in LOGS are below this: UINT16_MAX + 1 at most. */
size_t logs_host_ids(const struct logs *logs);
/* "?" for id 0 or one that is not there. */
const char *logs_host(const struct logs *logs, uint16_t id);

#endif
