/* log_reader.h - the logs of a run directory, all workers', as arrays.
 *
 * Each array is sorted as its comment says, so that analyze/ needs no more than scans. Host ids are
 * made one numbering over all workers. What was damaged is told, never guessed: a file's whole
 * blocks are taken up to the first damaged one.
 *
 * Threads: none of its own. Memory: malloc, by the size of the files. A file's counts are checked
 * against its size before anything is allocated.
 */
#ifndef RUNDIR_LOG_READER_H
#define RUNDIR_LOG_READER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/record.h"

struct logs {
    struct record_request *requests;       /* By due_ns, then stream, then flow. */
    struct record_connection *connections; /* By opened_ns, then id. */
    struct record_outage *outages;         /* By last_good_sent_ns (0: by first_unanswered_ns). */
    struct record_segment *segments;       /* By first_sent_ns. */
    struct record_fault *faults;           /* By start_ns. */
    struct record_host *hosts;             /* hosts[id - 1]; ids are of all workers together. */
    size_t request_count, connection_count, outage_count, segment_count, fault_count, host_count;
    uint64_t damaged_bytes; /* After the last whole block, over all files. */
    uint32_t files;         /* Read. */
};

/* Reads worker-*.log under RUNDIR. 0, or -errno with ERR (no log at all, a foreign file, ...). */
int logs_read(struct logs *logs, const char *rundir, struct error *err);
void logs_free(struct logs *logs);
/* Parse one file's bytes and append its records to LOGS, unsorted (for tests and fuzzing). */
int logs_parse(struct logs *logs, const void *bytes, size_t size, struct error *err);
/* Sort all arrays as promised above. */
void logs_sort(struct logs *logs);
/* "?" for id 0 or one that is not there. */
const char *logs_host(const struct logs *logs, uint16_t id);

#endif
