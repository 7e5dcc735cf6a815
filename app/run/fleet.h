/* fleet.h - the workers and their NIC ports, seen from the control thread.
 *
 * Worker I runs on the machine file's I-th worker core. The NIC ports share the workers out in the
 * file's order: the first has the first `queues` of them, one a queue, and so on. Streams are split
 * evenly over all workers.
 *
 * Threads: control only. Memory: taken by open and launch, given back by close.
 */
#ifndef RUN_FLEET_H
#define RUN_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/net_setup.h"
#include "plan/experiment.h"
#include "plan/machine.h"
#include "run/http_of.h"
#include "run/target.h"
#include "run/tls_of.h"
#include "rundir/log_writer.h"
#include "rundir/meta.h"
#include "worker/worker.h"

enum {
    FLEET_MEMBERS = MACHINE_WORKERS_MAX,
    FLEET_NICS = MACHINE_PORTS_MAX
};

/* A NIC port. */
struct fleet_nic {
    const struct machine_port *config;
    unsigned first;                /* Its first member; they are config->queues in a row. */
    bool open;                     /* Its members have ports. */
    struct net_device_stats stats; /* At the last look. */
    bool link_up;                  /* At the last look. */
    bool gone;                     /* The device was taken away, as of the last look. */
    uint64_t looked_ns;            /* Run time of it. */
    uint64_t sent;                 /* Packets that its queues had sent by then. */
    double peak_pps;               /* Most between two looks. */
    char note[NET_NOTE_BYTES];     /* A fall-back taken, or "". */
};

/* A worker and its queue. */
struct fleet_member {
    struct fleet_nic *nic;
    struct net_port *port;           /* NULL: not open. */
    uint16_t groups[RECORD_STREAMS]; /* Next-hop group of each stream. */
    struct worker *worker;           /* NULL: not made. */
    bool running;                    /* Launched, and not joined yet. */
    struct log_writer log;           /* Open while `logging`. */
    bool logging;
    uint64_t handover_full; /* Frames for others that it dropped, at the last look. */
};

/* What the workers together say of a stream. */
struct fleet_stream {
    unsigned started, steady, stopped; /* Workers that said so since its start. */
    unsigned wanted;                   /* Workers that have a share of it. */
    uint64_t steady_ns;                /* The latest of them; 0 = not all. */
    uint64_t stopped_ns;
    bool stop_asked; /* Once is enough. */
};

struct fleet {
    const struct machine *machine;
    const struct clock *clock;
    unsigned count; /* Members in use. */
    bool eal;       /* The EAL was started. */
    unsigned nic_count;
    struct fleet_nic nics[FLEET_NICS];
    struct fleet_member members[FLEET_MEMBERS];
    struct text warnings; /* Of where the workers are, and what they send to; a line each. */
    unsigned stream_count;
    uint16_t run;                    /* In the marks of its datagrams: random. */
    struct traffic_board *board;     /* Of its raw frames. */
    uint64_t shares[RECORD_STREAMS]; /* Bit I: worker I has a share of the stream. */
    struct fleet_stream streams[RECORD_STREAMS];
    struct http_of http[RECORD_STREAMS]; /* Of HTTP streams. */
    struct tls_of tls[RECORD_STREAMS];   /* Of those over TLS. */
    struct net_eal_report eal_report;
};

/* The two parts of fleet_open() that may fail: the ports share the workers out, and the EAL starts;
 * NIC port INDEX is opened, which another may follow when it could not be. 0 or -errno with ERR. */
int fleet_begin(struct fleet *fleet, const struct machine *machine, const struct clock *clock,
                const char *program, bool telemetry, struct error *err);
int fleet_open_nic(struct fleet *fleet, unsigned index, const char *drivers, struct error *err);

/* Start the EAL, open the NIC ports, and look where the workers are (LAB: the pocket cluster runs
 * on this machine; TELEMETRY: with DPDK's): `warnings`. 0 or -errno with ERR. */
int fleet_open(struct fleet *fleet, const struct machine *machine, const struct clock *clock,
               const char *drivers, const char *program, bool lab, bool telemetry,
               struct error *err);

/* Make next-hop groups, wait until every next hop answers, make the workers and launch them.
 * TARGETS has one target for each stream and NIC port: targets[stream * FLEET_NICS + nic].
 * RUNDIR: where logs go. SECONDS: how long traffic is planned to last, for the logs' size. */
int fleet_launch(struct fleet *fleet, const struct experiment *experiment,
                 const struct target *targets, const char *rundir, double seconds,
                 struct error *err);

/* Which requests of STREAM get a record of their own: as it says, or above its limit a sample. */
struct record_keep fleet_keep(const struct experiment_stream *stream);

int fleet_start(struct fleet *fleet, unsigned stream, struct error *err);
int fleet_stop(struct fleet *fleet, unsigned stream, struct error *err);
/* Fetch the next report of any worker, after taking note of it; false when there is none. */
bool fleet_report(struct fleet *fleet, struct worker_report *out, unsigned *member);
/* Once a second or so: counters of devices and of the hand-over become faults on the workers'
 * timelines. 0, or -ENODEV with ERR naming the first port whose device was taken away: it measures
 * nothing any more. */
int fleet_look(struct fleet *fleet, struct error *err);
/* Write what the workers have recorded since. ERR tells the first failure, once. */
int fleet_flush(struct fleet *fleet, struct error *err);

/* Sum of a counter over the workers. */
struct fleet_counts {
    uint64_t due, sent, received, lost, blocked, unsent;
    uint64_t up, connecting, broken, failed_connects, steady_flows;
};
struct fleet_counts fleet_counts(const struct fleet *fleet, unsigned stream);

/* Shut the workers down (connections are closed in order, for at most GRACE_NS, else reset), join
 * them. True when every pool is empty and every buffer is back; what is not is told in ERR. */
bool fleet_join(struct fleet *fleet, uint64_t grace_ns, struct error *err);
/* Fill META's ports, queues, totals and notes. After the join. */
void fleet_account(const struct fleet *fleet, struct meta *meta);
void fleet_close(struct fleet *fleet);

#endif
