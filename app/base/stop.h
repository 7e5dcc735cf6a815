/* stop.h - the stop flag: SIGINT or SIGTERM asks the process to end in order.
 *
 * What waits on the slow path (for an API server, for next hops) looks at it between two polls and
 * returns -EINTR. A second signal has its default effect: it ends the process at once.
 *
 * Threads: any may ask; the signals come to any.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <stdbool.h>

/* From now on the signals set the flag, which is clear. */
void stop_on_signals(void);
bool stop_is_wanted(void);

#endif
