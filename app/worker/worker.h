/* worker.h - the lcore loop and its mailbox, the only door between the hot and the slow side.
 *
 * A worker runs on one lcore and owns one queue of a NIC port (net_port), one struct tcp, one
 * struct traffic and one struct record. Workers share nothing; those of one NIC port give each
 * other what arrived at the wrong queue (net/handover.h).
 *
 *     struct worker_config config = worker_config_default();
 *     config.index = 0; config.clock = &clock; config.port = port;
 *     config.traffic = ...; config.record = ...;
 *     struct worker *worker = worker_setup(&config, &err);
 *     rte_eal_remote_launch(worker_main, worker, net_worker_lcore(0));
 *     worker_command(worker, &(struct worker_command){.kind = WORKER_START, .stream = 0});
 *     ... worker_report(), record_count(worker_record(worker), ...) ...
 *     worker_command(worker, &(struct worker_command){.kind = WORKER_SHUTDOWN});
 *     rte_eal_wait_lcore(net_worker_lcore(0));
 *     worker_leftovers(worker, &leftovers);
 *     worker_free(worker);
 *
 * A turn: rx_burst; TSC; parse and feed tcp; events; timers; due requests; output within the room
 * that the port has; stamp; tx_burst. Datagrams that are due when something was received are sent
 * before that is read. A turn that finds nothing to do takes no lock and allocates nothing.
 *
 * Send stamps: another TSC reading just before each tx_burst, for what the driver then takes; what
 * it refuses is stamped again at the burst that takes it.
 *
 * Threads: one control thread calls all functions here but worker_main(); commands and reports
 * cross by mailboxes (base/mailbox), figures by relaxed counters. Memory: taken by worker_setup().
 * Full: a full mailbox refuses (commands) or keeps the report for later (reports; of net's events
 * at most NET_EVENTS_MAX wait).
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "net/net.h"
#include "record/record.h"
#include "tcp/tcp.h"
#include "traffic/traffic.h"

struct worker; /* Inside in worker_priv.h. */

/* What of its TCP can be chosen; each as in struct tcp_config. */
struct worker_tcp {
    enum tcp_congestion_law congestion;
    bool ecn;
    bool sack;
    bool timestamps;
    bool window_scale;
    uint8_t initial_window_segs;
    uint32_t window_bytes;
    uint64_t delayed_ack_ns;
    uint64_t rto_initial_ns;
    uint64_t rto_min_ns;
    uint64_t keep_alive_ns;
    uint64_t keep_alive_interval_ns;
    uint32_t keep_alive_probes;
};

struct worker_config {
    uint32_t index;                /* Of the worker: high bits of connection ids. */
    const struct clock *clock;     /* Borrowed; immutable. */
    struct net_port *port;         /* Its queue; borrowed, and the worker's alone while it runs. */
    uint64_t stall_ns;             /* A gap between turns over this is a fault STALL. */
    struct traffic_config traffic; /* Its share of the streams. Worker, worker_count and steering
                                      are set from the port; port_seed from `key`, if 0. */
    uint64_t capacity[RECORD_TYPE_COUNT];    /* Records of each log; 0 = record's default. */
    struct record_keep keep[RECORD_STREAMS]; /* Of each stream; zeros: full. */
    struct hash_key key;                     /* Secret of ISNs; from the system's random source. */
    uint64_t time_wait_ns;                   /* 2 MSL of the connections that we closed first. */
    struct worker_tcp tcp;
};

enum worker_command_kind {
    WORKER_START,    /* Start stream `stream` at `at_ns` (0: now). */
    WORKER_STOP,     /* Stop stream `stream`. */
    WORKER_FAULT,    /* Append `fault`: what control saw of the port (imissed, link, ...). */
    WORKER_SHUTDOWN, /* Stop all streams, wait until they are drained, leave the loop. */
    WORKER_QUIT      /* Leave the loop now: connections are reset, not closed. */
};

struct worker_command {
    uint32_t kind;             /* enum worker_command_kind. */
    uint32_t stream;           /* START, STOP. */
    uint64_t at_ns;            /* START: run time of the first slot; 0 stands for now. */
    struct record_fault fault; /* FAULT. */
};

enum worker_report_kind {
    WORKER_STREAM_STARTED, /* traffic_report of the same name, of `stream`. */
    WORKER_STREAM_STEADY,  /* The same. */
    WORKER_STREAM_STOPPED, /* The same: stopped and drained. */
    WORKER_NET_EVENT,      /* `net`: a next hop resolved, lost or changed; MTU; address conflict. */
    WORKER_BAD_COMMAND,    /* START of a stream that runs, STOP of one that does not: `stream`. */
    WORKER_ENDED           /* The last one: the loop was left. */
};

struct worker_report {
    uint32_t kind;        /* enum worker_report_kind. */
    uint32_t stream;      /* Of those which concern one. */
    uint64_t at_ns;       /* Run time. */
    struct net_event net; /* NET_EVENT. */
};

/* What the loop itself did. Written by the worker, relaxed; read by any. */
struct worker_counters {
    _Atomic uint64_t turns;          /* Of the loop. */
    _Atomic uint64_t idle_turns;     /* Those that found nothing to do. */
    _Atomic uint64_t idle_cycles;    /* TSC ticks spent in them. */
    _Atomic uint64_t busy_cycles;    /* TSC ticks spent in the others. */
    _Atomic uint64_t stalls;         /* Gaps between turns over stall_ns. */
    _Atomic uint64_t longest_gap_ns; /* Between two turns. */
    _Atomic uint64_t tx_refusals;    /* tx_bursts of which the driver left something over. */
    _Atomic uint64_t udp_ignored;    /* UDP datagrams, echo replies and ICMP errors about such: no
                                        stream wants them. */
    _Atomic uint64_t hop_refusals;   /* Packets not sent: their next hop is unresolved. */
    _Atomic uint64_t reports_held;   /* Turns on which reports waited for a full mailbox. */
    _Atomic uint64_t end_ns;         /* Run time when the loop was left; 0: it runs. */
};

/* What is still held after the loop was left: all 0 unless there is a bug. */
struct worker_leftovers {
    uint32_t traffic_connections; /* traffic_connections(). */
    uint32_t tcp_connections;     /* tcp_connections(). TIME-WAIT entries do not count. */
    uint32_t net_buffers;         /* net_buffers_held(). */
    bool sums_hold;               /* record_sums_hold(): true. */
};

/* Stall over 200 us, TIME-WAIT 60 s, traffic_config_default(); index 0. */
struct worker_config worker_config_default(void);

/* Take all memory, on the port's NUMA node: bind the calling thread there first or live with it.
 * Next hops are resolved by then. NULL with ERR. */
struct worker *worker_setup(const struct worker_config *config, struct error *err);
/* After the loop was left; NULL is harmless. */
void worker_free(struct worker *worker);

/* The loop: runs on its lcore until WORKER_SHUTDOWN or WORKER_QUIT. ARGUMENT is a struct worker.
 * Returns 0. */
int worker_main(void *argument);

/* False when the mailbox is full: try again. */
bool worker_command(struct worker *worker, const struct worker_command *command);
/* Fetch the oldest report; false when there is none. */
bool worker_report(struct worker *worker, struct worker_report *report);

/* Borrowed. The record may be read at any time, see record.h; the other two are torn while it
 * runs. */
struct record *worker_record(const struct worker *worker);
const struct worker_counters *worker_counters(const struct worker *worker);
const struct tcp_counters *worker_tcp_counters(const struct worker *worker);

/* After the loop was left. True when nothing is left over. */
bool worker_leftovers(const struct worker *worker, struct worker_leftovers *leftovers);

#endif
