/* dues.h - when requests were due: a count for each microsecond, in few bytes.
 *
 * Every due request of a stream adds one to the bin of its due time, us = due / 1000. Requests come
 * in the order in which they are over, which is nearly that of due: neighbours in one bin become
 * one entry, all others an entry each. A reader adds up what it finds for a microsecond.
 *
 * Entries are packed into chunks of 64 bytes, each readable by itself. An entry is
 *
 *     varint( zigzag(us - us of the entry before, or of first_us) * 2 + (count > 1) )
 *     varint( count )                                                 only when count > 1
 *
 * where a varint has 7 bits in a byte, low ones first, the high bit set in all but the last, and
 * zigzag(n) = n >= 0 ? 2 n : -2 n - 1. Bytes not used are 0. At a million requests a second in
 * order an entry takes one byte, at 400 a second two.
 *
 * Threads: one writer. Memory: the caller's. Never full: a chunk that is has to be taken.
 */
#ifndef RECORD_DUES_H
#define RECORD_DUES_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    DUES_BYTES = 54,
    DUES_BIN_MAX = 1 << 22 /* An entry counts fewer; more of one microsecond are several. */
};
#define DUES_US_MAX (UINT64_C(1) << 42) /* 50 days; a reader takes a later one for damage. */

struct record_dues {
    uint64_t first_us; /* Of the first entry. */
    uint8_t stream;
    uint8_t used; /* Bytes. */
    uint8_t bytes[DUES_BYTES];
};
static_assert(sizeof(struct record_dues) == 64, "in the run directory's logs");

struct dues {
    uint64_t bin_us;          /* The bin that is being counted; only valid when bin_count > 0. */
    uint64_t entered_us;      /* Of the newest entry in the chunk. */
    uint32_t bin_count;       /* 0: none yet. */
    struct record_dues chunk; /* Entries since the last full one. */
};

/* Count a request due at DUE_NS. True: CHUNK was filled and is to be kept. */
bool dues_add(struct dues *dues, uint64_t due_ns, struct record_dues *chunk);
/* What is left: true when CHUNK holds some. Then it is empty. */
bool dues_finish(struct dues *dues, struct record_dues *chunk);

/* A reader's place in a chunk; zeros to begin. */
struct dues_place {
    uint32_t at;
    uint64_t us;
};
/* The next entry of CHUNK: true, or false at its end or where it is malformed (`at` then is below
 * chunk->used). */
bool dues_next(const struct record_dues *chunk, struct dues_place *place, uint32_t *count);

#endif
