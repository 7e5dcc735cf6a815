/* due_bins.h - how many requests of a stream were due in each microsecond, over all workers.
 *
 * Run time is cut into slices of 2^16 us. In a slice with few bins each is an entry of 4 bytes; in
 * one where these would take more than a count of 2 bytes for every microsecond, there is that, and
 * entries only for what such a count cannot hold. So a bin takes 4 bytes at most, and a minute of a
 * million requests a second 120 MB.
 *
 * Bins are added in any order. After due_bins_sort() they are read from a place on, which only
 * moves forward: all of them in one pass, however they are asked for. Units: us of run time, below
 * DUES_US_MAX.
 *
 * Threads: none of its own; a place is its owner's. Memory: malloc; zeros are empty.
 */
#ifndef RUNDIR_DUE_BINS_H
#define RUNDIR_DUE_BINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct due_slice;

struct due_bins {
    struct due_slice **slices; /* `count` of them; rising after due_bins_sort(). */
    size_t count, capacity;
    void *tree;               /* The same by number: tsearch(3). */
    struct due_slice *newest; /* The last that was added to; NULL: none. */
    uint64_t due;             /* Sum over all bins. */
};

/* Where a reader is; zeros: at the beginning. */
struct due_place {
    size_t slice;
    uint32_t at;    /* Microsecond in it. */
    uint32_t entry; /* The first one that is not before that. */
};

/* COUNT more were due in microsecond US. 0 or -ENOMEM. */
int due_bins_add(struct due_bins *bins, uint64_t us, uint32_t count);
void due_bins_sort(struct due_bins *bins);
void due_bins_free(struct due_bins *bins); /* Also makes it usable again. */

/* The place of microsecond US. */
struct due_place due_bins_place(const struct due_bins *bins, uint64_t us);
/* Moves PLACE to the next microsecond with a request, if it is at none, and gives it in *US; false:
 * there is no other. */
bool due_bins_peek(const struct due_bins *bins, struct due_place *place, uint64_t *us);
/* Moves PLACE to UNTIL_US, and returns how many were due from there to before it. */
uint64_t due_bins_take(const struct due_bins *bins, struct due_place *place, uint64_t until_us);
/* The last microsecond with a request; 0: there is none. */
uint64_t due_bins_last_us(const struct due_bins *bins);

#endif
