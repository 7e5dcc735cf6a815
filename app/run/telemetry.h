/* telemetry.h - the run as it is now, by DPDK's telemetry: for dpdk-telemetry.py (--telemetry).
 *
 *     /seamline/run           experiment, when it started, phase, step, ms since the start
 *     /seamline/streams       names of the streams
 *     /seamline/stream,NAME   its counts and rates, connections and loss windows
 *     /seamline/workers       numbers of the workers
 *     /seamline/worker,N      its load in thousandths, stalls, longest gap
 *     /seamline/pods          of the workload that is changed, by template; {}: there is none
 *
 * The figures are the last look of run/live.h, under the names that --metrics gives them, without
 * "seamline_". What is asked for and is not there is answered null, as DPDK does.
 *
 * Threads: DPDK answers on a thread of its own, one a client, and gives its commands no context and
 * no end: what it reads is one copy a process, under a lock, which the control loop makes anew ten
 * times a second. Workers know nothing of it. Memory: the copy, from open to close; after that the
 * commands are answered null. Full: DPDK admits ten clients.
 */
#ifndef RUN_TELEMETRY_H
#define RUN_TELEMETRY_H

#include "base/error.h"
#include "run/live.h"

/* LIVE is borrowed until the close, and so is what it points to. 0 or -errno with ERR. */
int telemetry_open(const struct live *live, struct error *err);
/* Control loop: what is told from now on is LIVE's last look. Nothing happens when it is not open.
 */
void telemetry_turn(void);
void telemetry_close(void);

#endif
