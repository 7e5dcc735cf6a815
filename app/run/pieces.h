/* pieces.h - what the wire showed around each loss window, as RUNDIR/capture-N.pcapng.
 *
 * With --pcap each worker keeps its last packets (net/capture.h). When requests are lost, or
 * connections broken, for the first time in a hold-off, an outage begins: PIECES_AFTER_NS later
 * all that the rings hold is written, oldest first, at most PIECES_MAX times in a run. A piece
 * tells how deep it is, and whether the packets of the onset are in it: a time-out is decided long
 * after what it is about.
 *
 * Threads: control only. Memory: the rings, 12.6 MB each, and one piece at a time.
 */
#ifndef RUN_PIECES_H
#define RUN_PIECES_H

#include <stdint.h>

#include "base/error.h"
#include "base/utc.h"
#include "run/fleet.h"

enum {
    PIECES_MAX = 32,
    PIECES_PACKETS = 1 << 16 /* Of each worker. */
};
#define PIECES_AFTER_NS UINT64_C(100000000)

struct pieces {
    struct capture *rings[FLEET_MEMBERS]; /* Of each worker; NULL: none. */
    uint64_t hold_off_ns;
    uint32_t opens;     /* Outcomes that open a window: bit 1 << enum outcome. */
    uint64_t lost;      /* Such requests, at the last look. */
    uint64_t broken;    /* Connections, the same. */
    uint64_t last_ns;   /* When some were lost last; 0: never. */
    uint64_t cut_ns;    /* When the next piece is to be written; 0: none. */
    uint64_t onset_ns;  /* When its first lost request was due; without one, when it was seen. */
    unsigned count;     /* Written. */
    unsigned not_asked; /* Windows beyond PIECES_MAX. */
};

/* Take the rings and give them to the ports of FLEET, which is open and not launched. 0 or -ENOMEM
 * with ERR; call pieces_free() also then. */
int pieces_start(struct pieces *pieces, const struct fleet *fleet,
                 const struct experiment *experiment, struct error *err);
/* After fleet_close(). */
void pieces_free(struct pieces *pieces);

/* Look at the counters, and write what has become due into RUNDIR, whose times are UTC's. 0, or
 * -errno with ERR when it could not be written. */
int pieces_tick(struct pieces *pieces, const struct fleet *fleet, const struct utc *utc,
                const char *rundir, struct error *err);

#endif
