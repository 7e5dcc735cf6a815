/* held.h - streams whose connections are held: requests on each as the schedule says, a successor
 * for each that breaks.
 *
 * A slot of a flow, in this order: unsent, when the worker got to it too late or could open no
 * connection; blocked, when the flow has no connection or as many answers are open as may be; else
 * sent. A slot that is found blocked only because the tester was late with the packet before is
 * unsent.
 *
 * A connection breaks by RST, FIN, ICMP, a wrong byte, or silence for the stream's timeout, and its
 * flow connects again: at once, or after failed attempts with a growing wait. Three connections
 * in a row that break before they answered are replaced at once too; further ones with the wait,
 * lest a server that closes at once is flooded.
 *
 * Threads: the owning worker.
 */
#ifndef TRAFFIC_HELD_H
#define TRAFFIC_HELD_H

#include "traffic/pattern.h"

extern const struct pattern held_pattern;

#endif
