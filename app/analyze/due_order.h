/* due_order.h - the requests of a stream in the order in which they were due, with outcomes.
 *
 * Made of what the logs have of every request in every mode: bins say how many were due in each
 * microsecond, folds which of them were not ok. All counts, loss patterns and windows come from
 * here, so that they do not depend on how much else was recorded.
 *
 * Pure. Memory: one place for each fold, freed by due_order_free.
 */
#ifndef ANALYZE_DUE_ORDER_H
#define ANALYZE_DUE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rundir/log_reader.h"

/* What was due in one microsecond, in which not all was ok; or in several that follow each other,
 * in which all was. */
struct due_group {
    uint64_t due_ns; /* The beginning of the first one with a request. */
    uint64_t count;  /* Due: the sum of outcomes. */
    uint64_t outcomes[OUTCOME_COUNT];
};

/* A fold under way: its next member. */
struct due_member {
    uint64_t due_ns;
    const struct record_fold *fold;
    uint32_t index;
};

struct due_order {
    const struct logs *logs;
    unsigned stream;
    struct due_place place;  /* In the stream's bins. */
    size_t fold;             /* The next one. */
    struct due_member *heap; /* The earliest first. */
    size_t heap_count;
};

/* The requests of STREAM with due >= FROM_NS, to the microsecond. LOGS are sorted. 0 or -ENOMEM. */
int due_order_start(struct due_order *order, const struct logs *logs, unsigned stream,
                    uint64_t from_ns);
/* When the next group begins; false at the end. */
bool due_order_peek(struct due_order *order, uint64_t *due_ns);
/* The next group, after due_order_peek() said that there is one. One of several microseconds ends
 * by UNTIL_NS, to the microsecond; one that begins then or later is of one. */
void due_order_take(struct due_order *order, uint64_t until_ns, struct due_group *group);
void due_order_free(struct due_order *order);

#endif
