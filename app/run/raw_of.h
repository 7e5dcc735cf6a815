/* raw_of.h - a raw stream's frames, as the plan has them, as a template for a NIC port's workers.
 *
 * Threads: pure.
 */
#ifndef RUN_RAW_OF_H
#define RUN_RAW_OF_H

#include "plan/experiment.h"
#include "plan/machine.h"
#include "run/target.h"
#include "traffic/traffic.h"

/* The first client address of PORT that is of WANTED's family. False: it has none. */
bool raw_of_client(const struct machine_port *port, const struct address *wanted,
                   struct address *client);
/* Frames of STREAM from PORT to TARGET. A port that does not send them gets frames that are whole
 * all the same: it counts those that come. */
struct traffic_raw raw_of(const struct experiment *experiment,
                          const struct experiment_stream *stream, const struct machine_port *port,
                          const struct target *target);

#endif
