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

/* What was due in one microsecond. */
struct due_group {
    uint64_t due_ns; /* Its beginning. */
    uint32_t count;  /* Due: the sum of outcomes. */
    uint32_t outcomes[OUTCOME_COUNT];
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
    size_t bin, fold;        /* The next ones. */
    struct due_member *heap; /* The earliest first. */
    size_t heap_count;
};

/* The requests of STREAM with due >= FROM_NS, to the microsecond. LOGS are sorted. 0 or -ENOMEM. */
int due_order_start(struct due_order *order, const struct logs *logs, unsigned stream,
                    uint64_t from_ns);
/* The next group; false at the end. */
bool due_order_next(struct due_order *order, struct due_group *group);
void due_order_free(struct due_order *order);

#endif
