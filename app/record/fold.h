/* fold.h - runs of requests that went wrong alike.
 *
 * Every request that was not simply ok is in exactly one fold: a run of requests of one flow with
 * one outcome, reason, host and kind of connection, due at equal distances:
 *
 *     due of member k = first_ns + k * step_ns,  k = 0 .. count - 1,  to within FOLD_SLACK_NS
 *
 * (a rate's interval is seldom a whole number of ns). The bins count a member in the microsecond
 * that this gives, so that both tell of the same request.
 *
 * A request that does not continue the run of its flow begins another. So a run of a second of
 * blocked slots is one record, and what is not in any fold was ok.
 *
 * Threads: one writer. Memory: the caller's; FOLD_SLOTS runs are under way at most, by flow, and
 * the one that is in the way of another is ended.
 */
#ifndef RECORD_FOLD_H
#define RECORD_FOLD_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct record_request;

enum {
    FOLD_SLOTS = 1024, /* A power of two. */
    FOLD_MEMBERS_MAX = 4096
};
#define FOLD_SEVERAL UINT32_MAX
#define FOLD_SLACK_NS UINT64_C(500)

struct record_fold {
    uint64_t first_ns; /* Due of the first. */
    uint64_t step_ns;  /* Between two; 0 when there is one. */
    uint32_t count;    /* Members; 0: no fold. */
    uint32_t flow;     /* Within the stream. */
    uint32_t
        connection; /* record_connection.id; 0: none had one; FOLD_SEVERAL: not all the same. */
    uint16_t host;  /* Known then; 0: unknown. */
    uint8_t stream;
    uint8_t outcome; /* enum outcome, never ok. */
    uint8_t reason;  /* enum unsent_reason when unsent. */
    uint8_t zero[3]; /* 0. */
    uint32_t sent;   /* Members that were sent. */
};
static_assert(sizeof(struct record_fold) == 40, "in the run directory's logs");

struct folds {
    uint64_t used[FOLD_SLOTS / 64]; /* A bit a slot: a run is under way there. */
    struct record_fold slots[FOLD_SLOTS];
};

/* Where a request has its place. */
struct fold_place {
    bool began;      /* It is the first of a run. */
    uint64_t due_ns; /* By the run's law. */
};

/* REQUEST, which was not ok, joins the run of its flow or begins one. True: a run ended thereby,
 * and ENDED is to be kept. */
bool folds_add(struct folds *folds, const struct record_request *request, struct record_fold *ended,
               struct fold_place *place);
/* End a run that is under way: true when there was one, and ENDED is to be kept. */
bool folds_end(struct folds *folds, struct record_fold *ended);

#endif
