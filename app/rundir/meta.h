/* meta.h - meta.json: what a reader of the logs must know that is in no log.
 *
 * Written at the start (so that a killed run can be read) and again at the end, each time whole.
 * Threads: control only. Memory: fixed but for `notes`.
 */
#ifndef RUNDIR_META_H
#define RUNDIR_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/utc.h"
#include "record/record.h"

enum {
    META_NAME_BYTES = 64,
    META_TEXT_BYTES = 256,
    META_PORTS = 8,
    META_QUEUES = 64
};

struct meta_stream {
    char name[META_NAME_BYTES];
    char protocol[16];            /* "ctraffic", "connect". */
    char target[META_TEXT_BYTES]; /* "ctraffic://10.0.0.1:5003". */
    uint32_t flows;
    double rate_pps;     /* Requests a second, total. */
    uint32_t size_bytes; /* Of a request; 0 where it has none. */
    uint64_t timeout_ns;
    uint64_t connect_timeout_ns;
    uint64_t late_ns;    /* Delay threshold. */
    char record[16];     /* "full", "sampled", "failures": see record/record.h. */
    uint32_t one_in;     /* Good requests of which one was sampled; 0 where none was. */
    bool datagrams;      /* It has no connections, and the totals of datagrams are of meaning. */
    bool one_way;        /* Of these: nobody answers (raw); received is what came of its frames. */
    uint64_t started_ns; /* Run time; 0 = never. */
    uint64_t steady_ns;  /* Every flow answered; 0 = never. */
    uint64_t stopped_ns; /* 0 = never (killed run). */
    struct record_log_totals {
        uint64_t due, outcomes[OUTCOME_COUNT]; /* As counted by the workers, summed. */
        uint64_t done;                         /* Connections that ended with their work done. */
        uint64_t received;                     /* Whole answers; raw: frames, each once. */
        uint64_t read_bytes;                   /* That came on TCP connections. */
        uint64_t datagrams[DATAGRAM_COUNT];    /* The same. */
        uint64_t reorder_extent;               /* The largest of all workers. */
    } totals;                                  /* Valid when the meta is `final`. */
};

/* What plan/predict expected of the rollout: connections broken, over many simulated runs. */
struct meta_prediction {
    bool given;
    double mean;
    uint32_t min, p1, p50, p99, max;
    char basis[META_TEXT_BYTES]; /* "rr, 8 pods, ready after 2 s, preStop 2 s, profile kubeadm". */
};

struct meta_port {
    char name[META_NAME_BYTES];   /* As the machine file calls it. */
    char driver[META_TEXT_BYTES]; /* "net_af_xdp on seamline0", with a fall-back's reason. */
    uint64_t rx_packets, tx_packets;
    uint64_t imissed, rx_nombuf, tx_refused;
    bool stamps_arrivals;    /* The NIC stamps what it receives; else the poll does. */
    bool sends_on_time;      /* The NIC sends datagrams when they are due; else the worker. */
    uint64_t tx_timed;       /* Packets that it was given ahead. */
    uint64_t rx_stamps;      /* Packets that it stamped. */
    uint64_t clock_bound_ns; /* How far such a stamp may be wrong, at most. */
    uint64_t clock_jumps;    /* Times that the NIC's clock was found to have been set. */
    uint64_t dropped;        /* Sum over named reasons; the breakdown is in `notes`. */
    uint64_t mbufs_missing;  /* In use after everything was closed: must be 0. */
    uint64_t peak_pps;       /* Most packets sent in a second, between two looks. */
};

/* A worker and its queue of a NIC port. */
struct meta_queue {
    uint32_t port;  /* Index in ports. */
    uint32_t queue; /* Of that port. */
    uint32_t core;  /* Of the worker. */
    uint64_t rx_packets, tx_packets;
    uint64_t handed_out;    /* Frames that were another worker's, and were given to it. */
    uint64_t handed_in;     /* Frames that another worker's queue got. */
    uint64_t handover_full; /* Frames that another worker was too slow to take: dropped. */
    uint64_t stalls;        /* Of the worker. */
};

/* How far the API server's clock was ahead of ours: within these bounds. */
struct meta_server_clock {
    int64_t least_ns, most_ns;
    uint32_t answers; /* That say so; 0: it was not measured. */
    uint32_t steps;   /* Times that one of the clocks was set. */
};

struct meta {
    char version[32]; /* seamline's. */
    char experiment[META_NAME_BYTES];
    char started[40]; /* RFC 3339, nanoseconds, of run time 0. */
    char
        environment[META_TEXT_BYTES]; /* "lab, profile kubeadm, rr emulated" or the API server's URL
                                          and context; empty: no cluster. */
    struct meta_server_clock server_clock;
    bool lab;                /* Every report says so. */
    bool final;              /* Written at the end: totals, ports and utc are whole. */
    bool interrupted;        /* Ended by a signal. */
    char failure[1024];      /* Why it ended early; empty: it did not. */
    uint64_t ended_ns;       /* Run time. */
    uint64_t tsc_hz;         /* Measured. */
    uint64_t clock_error_ns; /* Bound of run time against UTC over the run. */
    uint32_t worker_count;
    uint32_t stream_count;
    struct meta_stream streams[RECORD_STREAMS];
    uint32_t port_count;
    struct meta_port ports[META_PORTS];
    uint32_t queue_count;
    struct meta_queue queues[META_QUEUES];
    struct meta_prediction prediction;
    uint64_t change_ns;        /* Run time at which the first change was asked for; 0 = none. */
    uint32_t utc_count;        /* Samples below. */
    struct utc_sample utc[64]; /* Thinned; for truth files and other programs' clocks. */
    uint64_t turns;            /* Worker loop turns, summed. */
    uint64_t records_refused;  /* By full logs: figures are a bound when not 0. */
    char *notes;               /* Lines for people (drop counters and the like); may be NULL. */
};

int meta_write(const struct meta *meta, const char *rundir, struct error *err);
/* Fills META; free with meta_free. 0, or -EINVAL with ERR: the file cannot be read, is no JSON, or
 * has no list of streams. A member that is not there is 0 or empty. */
int meta_read(struct meta *meta, const char *rundir, struct error *err);
/* The same from SIZE bytes of a meta.json (for tests and fuzzing). */
int meta_parse(struct meta *meta, const char *bytes, size_t size, struct error *err);
void meta_free(struct meta *meta);

#endif
