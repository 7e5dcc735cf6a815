/* record.h - what became of every request, connection and segment, in memory.
 *
 * One struct record for each worker. It holds append-only logs of fixed-size records, one log for
 * each type, and live counters for each stream. The worker appends; the control thread reads what
 * is published, writes it to the run directory (rundir/log_writer) and shows progress, both while
 * the worker goes on.
 *
 * Threads: one writer (the worker). A log's `count` is released after the record is whole; a reader
 * acquires it and may read all records below. Counters are single-writer, relaxed. Units: ns of run
 * time (base/clock). Memory: all taken in record_setup(). Full: the log refuses and counts
 * (`refused`), the report then calls its figures a bound; counters go on.
 *
 * Not stored: payload, and anything that analyze/ can derive.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/address.h"
#include "base/histogram.h"
#include "record/outcome.h"

enum {
    RECORD_STREAMS = 16,
    RECORD_HOST_BYTES = 64
};

/* One due request. A stream with a connection per request has one of these for each connection. */
struct record_request {
    uint64_t due_ns;        /* When the schedule wanted it. */
    uint64_t sent_ns;       /* Stamp before tx_burst of its first segment; 0 = never sent. */
    uint64_t first_byte_ns; /* Arrival of the first byte of the answer; 0 = none. */
    uint64_t done_ns;       /* Arrival of its end, or of the signal that ended it; for stalled and
                               blocked when that was decided. */
    uint32_t connection;    /* record_connection.id, 0 = none. */
    uint32_t flow;          /* Within the stream. */
    uint16_t host;          /* Id of the host that answered on this connection; 0 = unknown. */
    uint8_t stream;
    uint8_t outcome;                 /* enum outcome. */
    uint8_t reason;                  /* enum unsent_reason when unsent; when bad-answer, why in the
                                        protocol's numbers (HTTP: enum http_reason). */
    uint8_t retransmits;             /* Segments of it sent again, saturated. */
    uint16_t status;                 /* HTTP status of the answer; 0 = none came. */
    uint32_t arrival_uncertainty_ns; /* Time between the poll that found the answer (or signal) and
                                        the poll before: it arrived within. */
    uint32_t zero2;                  /* 0. */
};
static_assert(sizeof(struct record_request) == 56, "in the run directory's logs");

/* One connection, or one failed attempt at one; written when it ends or the stream stops. */
struct record_connection {
    struct tuple tuple;
    uint64_t opened_ns;         /* The first SYN's stamp. */
    uint64_t connected_ns;      /* Arrival of the SYN-ACK; 0 = never. */
    uint64_t ended_ns;          /* Arrival of the signal; silence: when it was given up. */
    uint64_t last_good_sent_ns; /* Of the last good request on it (of its own SYN, when it had none
                                   but connected); 0 = never answered. */
    uint64_t last_good_done_ns;
    uint64_t first_unanswered_ns;    /* Stamp of the first request or segment that got no answer;
                                     0 = all that was sent had been answered. */
    uint32_t largest_rtt_ns;         /* Seen on it. */
    uint32_t arrival_uncertainty_ns; /* Of ended_ns. */
    uint32_t id; /* Counted from 1, by worker: high 8 bits are the worker's index. */
    uint32_t flow;
    uint32_t sent;            /* Requests. */
    uint32_t received;        /* Whole good answers. */
    uint32_t blocked;         /* Slots skipped because the answer before was late. */
    uint32_t retransmits;     /* Segments. */
    uint32_t failed_connects; /* Attempts on this flow that failed before this one connected (or on
                                 a failed attempt: its number within the series, from 1). */
    uint16_t host;            /* 0 = no answer named one. */
    uint8_t stream;
    uint8_t end; /* enum connection_end. */
};
static_assert(sizeof(struct record_connection) == 128, "in the run directory's logs");

/* An interruption of one flow, the primitive of all loss figures (DESIGN: outage). Written when the
 * first good answer comes, or open-ended (recovered_* = 0) when the stream stops. */
struct record_outage {
    uint64_t last_good_sent_ns; /* 0 = the flow had never been answered. */
    uint64_t last_good_done_ns;
    uint64_t signal_ns;           /* Arrival of RST, FIN or ICMP; silence: when given up. */
    uint64_t first_unanswered_ns; /* Stamp of the first unanswered request or segment; 0 = none. */
    uint64_t first_attempt_ns;  /* First reconnect attempt; 0 = none (same connection recovered). */
    uint64_t connected_ns;      /* The successor's SYN-ACK; 0 = none. */
    uint64_t recovered_sent_ns; /* Stamp of the request that got the first good answer; 0 = open. */
    uint64_t recovered_done_ns; /* Arrival of that answer; 0 = open. */
    uint32_t largest_rtt_ns;    /* Seen on the connection that broke. */
    uint32_t arrival_uncertainty_ns;  /* Of signal_ns. */
    uint32_t recovery_uncertainty_ns; /* Of recovered_done_ns. */
    uint32_t flow;
    uint32_t connection;     /* That broke; 0 = none (connection-per-request streams). */
    uint32_t successor;      /* On which service resumed; 0 = open or none. */
    uint32_t attempts;       /* Reconnect attempts, the good one included. */
    uint32_t lost;           /* Requests of this flow with a loss outcome in it. */
    uint16_t host;           /* Before; 0 = unknown. */
    uint16_t successor_host; /* After; 0 = unknown. */
    uint8_t stream;
    uint8_t signal; /* enum connection_end. */
    uint16_t zero;  /* 0. */
};
static_assert(sizeof(struct record_outage) == 104, "in the run directory's logs");

/* A segment that was sent again: its first sending is taken for lost. */
struct record_segment {
    uint64_t first_sent_ns; /* Stamp of the sending that was lost. */
    uint64_t resent_ns;     /* When it was sent again. */
    uint64_t offset;        /* Stream offset of its first byte; UINT64_MAX for SYN. */
    uint32_t connection;
    uint32_t bytes;
    uint32_t flow;
    uint8_t stream;
    uint8_t fast;  /* 1: fast retransmit, 0: timer. */
    uint16_t zero; /* 0. */
};
static_assert(sizeof(struct record_segment) == 40, "in the run directory's logs");

/* A host name that an answer gave; its id is its place in the log, from 1. */
struct record_host {
    char name[RECORD_HOST_BYTES]; /* NUL-terminated, printable ASCII. */
};

struct record_fault {
    uint64_t
        start_ns; /* Of a stall: the end of the turn before. Otherwise the observation before. */
    uint64_t end_ns;
    uint64_t count; /* Packets, requests; 1 for events. */
    uint32_t kind;  /* enum tester_fault. */
    uint32_t zero;  /* 0. */
};
static_assert(sizeof(struct record_fault) == 32, "in the run directory's logs");

enum record_type {
    RECORD_REQUESTS,
    RECORD_CONNECTIONS,
    RECORD_OUTAGES,
    RECORD_SEGMENTS,
    RECORD_HOSTS,
    RECORD_FAULTS,
    RECORD_TYPE_COUNT
};

struct record_log {
    uint8_t *records; /* capacity records of record_bytes each. Immutable pointer. */
    uint64_t capacity;
    uint32_t record_bytes;
    alignas(64) _Atomic uint64_t count; /* Published records. Written by the worker. */
    _Atomic uint64_t refused;           /* Appends that found it full. Written by the worker. */
};

/* Live figures of a stream, for progress and for the sum check. Written by the worker, relaxed. */
struct record_counters {
    _Atomic uint64_t due;
    _Atomic uint64_t outcomes[OUTCOME_COUNT];
    _Atomic uint64_t sent;           /* Requests handed to the port. */
    _Atomic uint64_t received;       /* Whole answers. */
    _Atomic uint64_t connections_up; /* Established now. */
    _Atomic uint64_t connecting;     /* Attempts under way now. */
    _Atomic uint64_t broken;         /* Connections broken so far. */
    _Atomic uint64_t failed_connects;
    _Atomic uint64_t steady_flows;              /* Flows whose last request was good, now. */
    _Atomic uint64_t datagrams[DATAGRAM_COUNT]; /* Datagram streams. */
    _Atomic uint64_t reorder_extent; /* The largest of a reordered answer: RFC 4737 4.2. */
};

struct record_stream {
    struct record_counters counters;
    struct histogram latency_from_due; /* Good answers. Read after the worker stopped. */
    struct histogram latency_from_sent;
    struct histogram connect_time; /* SYN to SYN-ACK. */
    struct histogram send_lag;     /* sent - due: the pacer's precision. */
};

struct record {
    struct record_log logs[RECORD_TYPE_COUNT];
    uint32_t worker; /* Index, for connection ids. */
    uint32_t stream_count;
    uint32_t next_connection;      /* Next id's low 24 bits. Written by the worker. */
    struct record_stream *streams; /* stream_count of them. */
};

struct record_config {
    uint32_t worker;
    uint32_t stream_count;                /* At most RECORD_STREAMS. */
    uint64_t capacity[RECORD_TYPE_COUNT]; /* Records; 0 = a small default. */
};

/* --- Set-up (slow path). --- */
struct record *record_setup(const struct record_config *config); /* NULL: out of memory. */
void record_free(struct record *record);

/* --- On the worker. --- */
/* Append one record of TYPE (copied). False, and counted, when full. */
bool record_append(struct record *record, enum record_type type, const void *bytes);
/* A due request is over: counts due and its outcome, adds latencies when good, appends it. Call
 * exactly once for each due request. */
void record_request_done(struct record *record, const struct record_request *request);
uint32_t record_new_connection_id(struct record *record);
/* Id of the host NAME (SIZE bytes, not NUL-terminated), new or known. Bytes that are not printable
 * ASCII become '?'; names over 63 bytes are cut. 0 for an empty name or a full log. A linear search
 * over the hosts: call it once a connection. */
uint16_t record_host_id(struct record *record, const char *name, uint32_t size);

/* --- On any thread. --- */
uint64_t record_count(const struct record *record, enum record_type type); /* Published. */
const void *record_at(const struct record *record, enum record_type type, uint64_t index);
extern const char *const record_type_name[RECORD_TYPE_COUNT];
extern const uint32_t record_type_bytes[RECORD_TYPE_COUNT];
/* True when due equals the sum of outcomes for each stream (call it when no request is open). */
bool record_sums_hold(const struct record *record);

static inline void record_count_add(_Atomic uint64_t *counter, int64_t n)
{
    atomic_store_explicit(counter,
                          atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)n,
                          memory_order_relaxed);
}

/* Raise a counter that keeps the largest value. */
static inline void record_count_raise(_Atomic uint64_t *counter, uint64_t value)
{
    if (value > atomic_load_explicit(counter, memory_order_relaxed))
        atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline uint64_t record_count_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
