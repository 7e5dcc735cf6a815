/* tcp_of.h - an experiment's "tcp" as a worker wants it.
 *
 * Threads: pure.
 */
#ifndef RUN_TCP_OF_H
#define RUN_TCP_OF_H

#include "plan/experiment.h"
#include "worker/worker.h"

struct worker_tcp tcp_of(const struct experiment_tcp *tcp);

#endif
