/* piece.h - what the rings of several workers hold, as one pcapng file, oldest first.
 *
 * The file's comment says from when on requests were lost, how deep the piece is, and whether the
 * packets of that onset are in it: a ring that has been full has overwritten what was before its
 * oldest packet, and a time-out is decided long after what it is about.
 *
 * Threads: control; the workers go on writing their rings. Memory: one piece at a time.
 */
#ifndef RUN_PIECE_H
#define RUN_PIECE_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/utc.h"
#include "net/capture.h"
#include "plan/machine.h"

enum {
    PIECE_RINGS = MACHINE_WORKERS_MAX,
    PIECE_NAME_BYTES = 80,
    PIECE_COMMENT_BYTES = 200
};

struct piece {
    const struct capture *rings[PIECE_RINGS];  /* `count` of them; NULL: nothing was kept. */
    char names[PIECE_RINGS][PIECE_NAME_BYTES]; /* Of each. */
    unsigned count;
    uint64_t onset_ns;         /* Run time from which on requests were lost, */
    uint64_t now_ns;           /* and that of the cut. */
    const struct clock *clock; /* Of the rings' stamps. */
    const struct utc *utc;     /* Of the file's. */
};

/* Write PIECE to PATH; COMMENT is what the file says of itself. 0, or -errno with ERR. */
int piece_write(const struct piece *piece, const char *path, char comment[PIECE_COMMENT_BYTES],
                struct error *err);

#endif
