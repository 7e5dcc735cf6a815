/* mark.h - how our datagrams name themselves: what an answer must bring back.
 *
 * All numbers are in network order. A raw frame has the first 16 bytes, at the front of its UDP
 * payload; an echo request has all 32, at the end of its payload: servers that write their name
 * over the start of what they echo (ctraffic's) leave it alone.
 *
 *     0   4  MARK_ECHO or MARK_RAW
 *     4   2  the run: an answer to an earlier one is a stranger
 *     6   1  the sending worker
 *     7   1  stream
 *     8   8  sequence number, from 0: of the flow; raw: of the stream and worker
 *     16  4  flow
 *     20  4  0
 *     24  8  send stamp, ns of run time
 *
 * Threads: pure.
 */
#ifndef TRAFFIC_MARK_H
#define TRAFFIC_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "net/checksum.h"

enum {
    MARK_RAW_BYTES = 16,
    MARK_ECHO_BYTES = 32,
    MARK_SEQUENCE_AT = 8,
    MARK_FLOW_AT = 16,
    MARK_STAMP_AT = 24
};

#define MARK_ECHO UINT32_C(0x534c4745) /* "SLGE" */
#define MARK_RAW UINT32_C(0x534c4752)  /* "SLGR" */

struct mark {
    uint32_t kind; /* MARK_ECHO or MARK_RAW. */
    uint16_t run;
    uint8_t worker;
    uint8_t stream;
    uint64_t sequence;
    uint32_t flow;    /* Echo. */
    uint64_t sent_ns; /* Echo. */
};

/* Of the kind that mark->kind says: MARK_ECHO_BYTES or MARK_RAW_BYTES. Returns the Internet
 * checksum's sum of them, as checksum_add() would have it. */
static inline uint64_t mark_write(const struct mark *mark, uint8_t *out)
{
    uint64_t head = (uint64_t)mark->kind << 32 | (uint64_t)mark->run << 16 |
                    (uint64_t)mark->worker << 8 | mark->stream;
    uint64_t sum =
        checksum_put64(out, head) + checksum_put64(out + MARK_SEQUENCE_AT, mark->sequence);
    if (mark->kind == MARK_ECHO) {
        sum += checksum_put64(out + MARK_FLOW_AT, (uint64_t)mark->flow << 32);
        sum += checksum_put64(out + MARK_STAMP_AT, mark->sent_ns);
    }
    return sum;
}

/* Read a mark of KIND from AT. False when there is none. */
bool mark_read(const uint8_t *at, uint32_t kind, struct mark *mark);

#endif
