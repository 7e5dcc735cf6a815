/* log_share.h - a worker's log of one appliance as a log of a run of several.
 *
 * Stamps move to the run time of the whole, which begins no later; workers, and with them the ids
 * of connections, and flows get numbers of their own. A second of histograms is put to the nearest
 * second of the whole. Blocks stay as they are otherwise; what is damaged is copied as it is, so
 * that a reader of the copy tells of it too.
 *
 * Threads: none of its own. Memory: none to speak of, whatever the log's size.
 */
#ifndef RUNDIR_LOG_SHARE_H
#define RUNDIR_LOG_SHARE_H

#include <stdint.h>

#include "base/error.h"
#include "record/record.h"

enum {
    LOG_SHARE_WORKERS_MAX = 256 /* The ids of connections have eight bits for theirs. */
};

struct log_share {
    uint64_t shift_ns;                   /* Whole microseconds: onto each stamp. */
    uint32_t first_worker;               /* Onto each worker. */
    uint32_t first_flow[RECORD_STREAMS]; /* Onto each flow, by stream. */
};

/* FROM's worker-WORKER.log into TO, as that of its new number, which is not there yet. 0, or -errno
 * with ERR and no file made; -ENOENT when there is no such log. */
int log_share_copy(const char *from, uint32_t worker, const struct log_share *share, const char *to,
                   struct error *err);

/* In memory: SIZE bytes of a log. 0, or -EINVAL with ERR when they are none that this version can
 * read. */
int log_share_move(uint8_t *bytes, size_t size, const struct log_share *share, struct error *err);

#endif
