/* handover.h - frames that arrived at the wrong queue of a NIC port, on their way to their worker.
 *
 * One for each NIC port with several queues. A lane leads from each worker to each other one; what
 * travels is the frame's buffer, whose ownership goes with it, and since when it may have been
 * there. Nobody waits for anybody: a full
 * lane refuses, and the giver counts a drop.
 *
 * A worker whose own work is done still hands over what comes to its queue until all of them are
 * done: handover_finish() says so, handover_all_finished() asks.
 *
 * Threads: lane [from][to] has one producer, worker `from`, and one consumer, worker `to`
 * (base/mailbox). `finished` is released by each and acquired by all. Before launch and after the
 * join the control thread may act for all. Memory: the caller's, handover_bytes() aligned to 64.
 */
#ifndef NET_HANDOVER_H
#define NET_HANDOVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "net/steering.h"

struct rte_mbuf;

enum {
    HANDOVER_LANE_FRAMES = 1024 /* Capacity of a lane. */
};

struct handover {
    /* Lines 1 to N. Immutable after init. */
    uint16_t workers;                                                  /* Of these. */
    struct mailbox *lanes[STEERING_WORKERS_MAX][STEERING_WORKERS_MAX]; /* From, to. */
    /* The last line. Written by each worker once. */
    alignas(64) _Atomic uint32_t finished; /* Workers that need nothing more. */
};

size_t handover_bytes(uint16_t workers);
struct handover *handover_init(void *memory, uint16_t workers);

/* Worker FROM gives MBUF, which arrived after SINCE_NS (run time), to worker TO. False when the
 * lane is full: MBUF is still the caller's. */
bool handover_put(struct handover *handover, uint16_t from, uint16_t to, struct rte_mbuf *mbuf,
                  uint64_t since_ns);

/* Take up to MAX frames that others gave to worker TO. *FIRST is the lane to look at first, kept by
 * the caller between calls: lanes take turns, and a full one starves no other. *SINCE_NS is lowered
 * to that of the frame which may have waited longest. */
uint16_t handover_take(struct handover *handover, uint16_t to, uint16_t *first,
                       struct rte_mbuf *out[], uint16_t max, uint64_t *since_ns);

void handover_finish(struct handover *handover);
bool handover_all_finished(const struct handover *handover);

#endif
