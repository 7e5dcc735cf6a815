/* evidence_index.h - what the search for a window's cause asks of all requests and connections.
 *
 * A run has many windows, and a window is short: each is to look at its own part of the records
 * only. Made once for all windows of a result.
 *
 * Pure. Memory: malloc, 8 bytes for each good request that has a record, 16 for each lost one and
 * for each connection. Units: ns.
 */
#ifndef ANALYZE_EVIDENCE_INDEX_H
#define ANALYZE_EVIDENCE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rundir/log_reader.h"

struct evidence_index {
    const struct logs *logs;
    const struct record_request **lost; /* Sent, and opening windows: in order of due. */
    uint64_t *over_ns;                  /* When all up to that one were over. */
    uint16_t *met;                      /* Of each lost one: who had answered its flow last. */
    size_t lost_count;
    const struct record_request **good; /* By host, then due. */
    size_t *first_of_host;              /* In `good`; the next host's is the end of its own. */
    uint64_t lag_ns;                    /* The longest that one was sent after it was due. */
    const struct record_connection **by_id, **by_tuple; /* The latter: then by when opened. */
};

/* OPENS: the outcomes that open windows, bit 1 << enum outcome. 0 or -ENOMEM. */
int evidence_index_make(struct evidence_index *index, const struct logs *logs, uint32_t opens);
void evidence_index_free(struct evidence_index *index);

/* The first lost request, in order of due, from which on one was over at AT_NS or later. */
size_t evidence_index_lost_since(const struct evidence_index *index, uint64_t at_ns);

/* Good requests of HOST in order of due: *COUNT of them. */
const struct record_request *const *evidence_index_good(const struct evidence_index *index,
                                                        size_t host, size_t *count);
/* Of COUNT good requests in order of due, how many are sure to have been sent before AT_NS. */
size_t evidence_index_sent_before(const struct evidence_index *index,
                                  const struct record_request *const *good, size_t count,
                                  uint64_t at_ns);
/* When the last of COUNT good requests in order of due was sent; 0: there is none. */
uint64_t evidence_index_last_sent(const struct evidence_index *index,
                                  const struct record_request *const *good, size_t count);

/* The connection, or attempt at one, with this id; NULL: there is no record of it. */
const struct record_connection *evidence_index_connection(const struct evidence_index *index,
                                                          uint32_t id);
/* The one before on the tuple of CONNECTION, if it had ended less than WITHIN_NS before that was
 * opened; NULL: none. */
const struct record_connection *evidence_index_before(const struct evidence_index *index,
                                                      const struct record_connection *connection,
                                                      uint64_t within_ns);

#endif
