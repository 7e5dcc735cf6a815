/* hold.h - bytes of our stream that cannot be made again (an echo's): held until the peer has them.
 *
 * A struct hold is the tail of one connection's stream, from the oldest byte that may have to be
 * sent again to the last one written, in pieces of one pool that all connections share.
 *
 * Threads: one owner. Memory: the pool's, given by the caller. Full: hold_add() refuses, and takes
 * nothing.
 */
#ifndef TRAFFIC_HOLD_H
#define TRAFFIC_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"

enum {
    HOLD_PIECE_BYTES = 1980 /* Of the stream, in a piece. */
};

struct hold_piece {
    pool_handle next; /* 0: the last one. */
    uint8_t bytes[HOLD_PIECE_BYTES];
};

struct hold {
    uint64_t start;    /* Stream offset of the first byte of the first piece. */
    uint64_t end;      /* Of the byte that is written next. */
    pool_handle first; /* 0: nothing is held. */
    pool_handle last;
};

/* Nothing is held of a stream that begins at offset 0. */
void hold_init(struct hold *hold);
/* Write COUNT bytes at the end. False: the pool has not enough pieces, nothing was written. */
bool hold_add(struct hold *hold, struct pool *pieces, const uint8_t *bytes, uint32_t count);
/* Copy COUNT bytes from stream offset OFFSET on; they must be held. */
void hold_read(const struct hold *hold, const struct pool *pieces, uint64_t offset, uint8_t *bytes,
               uint32_t count);
/* What is below stream offset OFFSET is not needed any more. */
void hold_release(struct hold *hold, struct pool *pieces, uint64_t offset);
/* Nothing is needed any more. */
void hold_clear(struct hold *hold, struct pool *pieces);

#endif
