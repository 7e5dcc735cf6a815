/* open.h - an open loop: a request at each due time, whatever became of those before.
 *
 * Without keep-alive each request has a connection of its own, from a new 5-tuple: its first
 * segment is the SYN, and it is closed when the answer is whole (connect streams: when the SYN is
 * answered).
 *
 * With keep-alive a due request takes the idle connection of its target that was used last; else
 * it opens one, up to the stream's number; else it waits in a bounded queue for the first that
 * becomes idle. A request that waits for longer than the stream's timeout, or finds the queue
 * full, is blocked; its time in the queue is part of its latency from `due`. A request stays with
 * the connection that was opened for it, and fails with it.
 *
 * Requests overlap, and are decided out of order: one that meets a black hole is decided a
 * second after one that was refused. Outages are in the order of `due`, so each request's account
 * waits in a ring until all before it are decided; a request that finds the ring full is unsent.
 *
 * Threads: the owning worker.
 */
#ifndef TRAFFIC_OPEN_H
#define TRAFFIC_OPEN_H

#include "traffic/pattern.h"

extern const struct pattern open_pattern;

#endif
