/* open.h - an open loop: a new connection for each request, good when its SYN is answered.
 *
 * Requests overlap, and are decided out of order: one that meets a black hole is decided a
 * second after one that was refused. Outages are in the order of sending, so each request waits
 * in a ring until all before it are decided; the ring is as large as the pool of connections
 * allows, and a request that finds it full is unsent.
 *
 * Threads: the owning worker.
 */
#ifndef TRAFFIC_OPEN_H
#define TRAFFIC_OPEN_H

#include "traffic/pattern.h"

extern const struct pattern open_pattern;

#endif
