/* ctraffic_stats.h - a ctraffic stream's records as ctraffic itself would have counted them.
 *
 * ctraffic has one record for a connection and the attempts before it that failed; a record that
 * never connected lasts to the end and has no error. Times are ns since the stream's start. A
 * surviving connection has ended when the stream was stopped; a stream of more than 31 days is cut
 * there. What the tester itself could not open
 * is no attempt in ctraffic's sense and is left out.
 *
 * Threads: pure. Memory: malloc, freed by ctraffic_stats_free.
 */
#ifndef REPORT_CTRAFFIC_STATS_H
#define REPORT_CTRAFFIC_STATS_H

#include "analyze/result.h"

struct ctraffic_conn {
    uint64_t started_ns;
    uint64_t connect_ns; /* 0 = never. */
    uint64_t ended_ns;
    const struct record_connection *connection; /* NULL when it never connected. */
    bool failed;                                /* It has an error text. */
    bool partly_answered;                       /* It broke in the middle of an answer. */
};

struct ctraffic_sample {
    uint64_t time_ns;
    uint64_t sent, received, dropped; /* Since the start. */
};

struct ctraffic_stats {
    const struct meta_stream *stream;
    const struct logs *logs; /* Borrowed. */
    int64_t started_utc_ns;  /* INT64_MIN when meta.json does not say. */
    uint64_t duration_ns;
    uint64_t failed_connections, sent, received, dropped, retransmits, failed_connects;
    struct ctraffic_conn *conns; /* By started_ns. */
    size_t conn_count;
    struct ctraffic_sample *samples; /* One a second. */
    size_t sample_count;
};

/* Of the first ctraffic stream. 0; -ENODATA with ERR when there is none, or not every request of it
 * was recorded; -ENOMEM. */
int ctraffic_stats_make(struct ctraffic_stats *stats, const struct result *result,
                        struct error *err);
void ctraffic_stats_free(struct ctraffic_stats *stats);

#endif
