/* loss.h - loss patterns over a sequence of requests, by RFC 3357.
 *
 * A sequence is the requests of one stream (or flow) in order of `due`; each is lost or not.
 *
 *     loss distance  of a lost request  = its index - the index of the lost one before it (0:
 * first)
 *     loss period    = a maximal run of consecutive lost requests; its length = how many
 *     inter-loss-period length = first index of a period - last index of the period before (0:
 * first)
 *     noticeable rate = lost requests whose distance is > 0 and <= delta / lost requests
 *
 * Pure. Memory: periods are appended to a malloc'ed array, freed by loss_free.
 */
#ifndef ANALYZE_LOSS_H
#define ANALYZE_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loss_period {
    size_t first;      /* Index of its first lost request. */
    size_t length;     /* Lost requests in it. */
    size_t since_last; /* Inter-loss-period length; 0 for the first period. */
};

struct loss {
    size_t count;      /* Requests seen. */
    size_t lost;       /* Of these. */
    size_t noticeable; /* Lost with a distance > 0 and <= delta. */
    size_t delta;      /* The loss constraint. */
    size_t last_lost;  /* Index of the newest lost one; only valid when lost > 0. */
    struct loss_period *periods;
    size_t period_count;
    size_t period_capacity;
    bool failed; /* Out of memory: periods are missing. */
};

void loss_start(struct loss *loss, size_t delta);
/* The next request. Returns its loss distance (0 when it is not lost, or the first lost one). */
size_t loss_add(struct loss *loss, bool lost);
/* COUNT requests that were not lost. */
void loss_pass(struct loss *loss, size_t count);
double loss_noticeable_rate(const struct loss *loss); /* 0 when nothing was lost. */
size_t loss_longest_period(const struct loss *loss);
void loss_free(struct loss *loss);

#endif
