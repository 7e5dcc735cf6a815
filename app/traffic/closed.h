/* closed.h - a closed loop: `flows` of them, each of which sends its next request when the one
 * before is over and the think time has passed.
 *
 * With keep-alive a flow's requests share a connection until that ends; without, each has a
 * connection of its own, whose SYN is its first segment. A flow without a connection opens one
 * for the next request, which then has that attempt's fate. With a depth over 1 so many requests
 * are in flight on each connection (pipelining), and there is no think time.
 *
 * `due` is the end of the request before plus the think time; the first ones are due at the start.
 * After a failed attempt to connect the flow thinks for as long as the stream's back-off says, if
 * that is more, lest a server that refuses is flooded; so it does when connections break again and
 * again before they answered (held.h has the same rule).
 *
 * A closed loop sees little of an outage: while a server is silent nothing is due. What it misses
 * is not in its counts.
 *
 * Threads: the owning worker.
 */
#ifndef TRAFFIC_CLOSED_H
#define TRAFFIC_CLOSED_H

#include "traffic/pattern.h"

extern const struct pattern closed_pattern;

#endif
