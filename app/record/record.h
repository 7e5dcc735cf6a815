/* record.h - what became of every request, connection and segment, in memory.
 *
 * One struct record for each worker. It holds logs of fixed-size records, one log for each type,
 * and live counters for each stream. The worker appends; the control thread reads what is
 * published, writes it to the run directory (rundir/log_writer), gives the room back and shows
 * progress, all while the worker goes on.
 *
 * Of every request there is kept, at any rate:
 *
 *     when it was due, to the microsecond       dues.h      due  = all that is in the bins
 *     its outcome and flow, unless it was ok    fold.h      ok   = due - all that is in folds
 *     its latencies, in a histogram a second    interval.h  (0.8 % apart)
 *     its flow's outages                        struct record_outage, with every stamp
 *
 * From these come all counts, loss windows and loss patterns. A stream's mode says of which
 * requests there also is a struct record_request, with every stamp of its own:
 *
 *     full      all
 *     sampled   every `one_in`-th good one, and what `failures` has
 *     failures  the first of each fold, and the good ones that record_keep() was called for: those
 *               that prove that a flow has recovered
 *
 * Threads: one writer (the worker). A log's `count` is released after the record is whole; a reader
 * acquires it and may read all records from `taken` up to it. `taken` is the control thread's.
 * Counters are single-writer, relaxed. Units: ns of run time (base/clock). Memory: all taken in
 * record_setup(). Full, because nobody takes what is there, or not fast enough: the log refuses and
 * counts (`refused`), the report then calls its figures a bound; counters go on.
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
#include "record/dues.h"
#include "record/fold.h"
#include "record/interval.h"
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
    uint32_t answer_bytes; /* HTTP: of the answer's body, saturated; 0 without a whole answer. */
};
static_assert(sizeof(struct record_request) == 56, "in the run directory's logs");

/* One connection, or one failed attempt at one; written when it ends or the stream stops. */
struct record_connection {
    struct tuple tuple;
    uint64_t opened_ns;         /* The first SYN's stamp. */
    uint64_t connected_ns;      /* Arrival of the SYN-ACK; 0 = never. */
    uint64_t secured_ns;        /* Arrival of what ended the TLS handshake; 0 = never, or no TLS. */
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
static_assert(sizeof(struct record_connection) == 136, "in the run directory's logs");

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

/* Why a segment was sent again. */
enum record_resend {
    RECORD_RESEND_TIMER, /* Or a path that takes less. */
    RECORD_RESEND_FAST,  /* Later ones had arrived. */
    RECORD_RESEND_PROBE  /* To probe the tail, and that is what arrived. */
};

/* A segment that was sent again: its first sending is taken for lost. */
struct record_segment {
    uint64_t first_sent_ns; /* Stamp of the sending that was lost. */
    uint64_t resent_ns;     /* When it was sent again. */
    uint64_t offset;        /* Stream offset of its first byte; UINT64_MAX for SYN. */
    uint32_t connection;
    uint32_t bytes;
    uint32_t flow;
    uint8_t stream;
    uint8_t cause; /* enum record_resend. */
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
    RECORD_DUES,
    RECORD_FOLDS,
    RECORD_TYPE_COUNT
};

/* A ring: record I is in place I modulo capacity until it is taken. */
struct record_log {
    uint8_t *records; /* capacity records of record_bytes each. Immutable pointer. */
    uint64_t capacity;
    uint32_t record_bytes;
    /* Line 1. Written by the worker. */
    alignas(64) _Atomic uint64_t count; /* Published records. */
    _Atomic uint64_t refused;           /* Appends that found it full. */
    uint64_t place;                     /* Of the next one: count modulo capacity. */
    uint64_t free_until;                /* Count up to which there was room at the last look. */
    /* Line 2. Written by the control thread. */
    alignas(64) _Atomic uint64_t taken; /* Records that need not be kept any more. */
};

/* Live figures of a stream, for progress and for the sum check. Written by the worker, relaxed. */
struct record_counters {
    _Atomic uint64_t due;
    _Atomic uint64_t outcomes[OUTCOME_COUNT];
    _Atomic uint64_t sent;           /* Requests handed to the port. */
    _Atomic uint64_t received;       /* Whole answers. */
    _Atomic uint64_t read_bytes;     /* That came on its TCP connections: of TLS, deciphered. */
    _Atomic uint64_t connections_up; /* Established now. */
    _Atomic uint64_t connecting;     /* Attempts under way now. */
    _Atomic uint64_t broken;         /* Connections broken so far. */
    _Atomic uint64_t failed_connects;
    _Atomic uint64_t steady_flows;              /* Flows whose last request was good, now. */
    _Atomic uint64_t datagrams[DATAGRAM_COUNT]; /* Datagram streams. */
    _Atomic uint64_t reorder_extent; /* The largest of a reordered answer: RFC 4737 4.2. */
    _Atomic uint64_t wrong_due_ns;   /* Due of the newest request that was not ok; 0: none. */
    _Atomic uint64_t done; /* Connections that ended with their work done, logged or not. */
};

/* Of which requests there is a record of their own. */
enum record_mode {
    RECORD_MODE_FULL,
    RECORD_MODE_SAMPLED,
    RECORD_MODE_FAILURES
};

struct record_keep {
    enum record_mode mode;
    uint32_t one_in; /* Sampled: every so manieth good one, 1 at least. */
};

/* Good answers of a host on a stream; read by the control thread while it is written. */
struct record_answers {
    _Atomic uint64_t count;
    _Atomic uint64_t first_ns; /* Arrival of the first; 0: none. */
    _Atomic uint64_t last_ns;
};

struct record_stream {
    struct record_counters counters;
    struct record_keep keep;
    uint32_t request_until;         /* Good requests to pass before the next is sampled. */
    uint32_t connection_until;      /* Likewise of connections that ended done. */
    struct dues dues;               /* Entries not in the log yet. */
    struct intervals intervals;     /* Latencies. */
    struct record_answers *answers; /* By host id - 1; as many as the hosts' log can hold. */
};

struct record {
    struct record_log logs[RECORD_TYPE_COUNT];
    uint32_t worker; /* Index, for connection ids. */
    uint32_t stream_count;
    uint32_t next_connection;      /* Next id's low 24 bits. Written by the worker. */
    uint64_t tidy_ns;              /* When all that is under way is published next. */
    struct record_stream *streams; /* stream_count of them. */
    struct folds *folds;
};

struct record_config {
    uint32_t worker;
    uint32_t stream_count;                   /* At most RECORD_STREAMS. */
    uint64_t capacity[RECORD_TYPE_COUNT];    /* Records; 0 = a small default. */
    struct record_keep keep[RECORD_STREAMS]; /* Zeros: full. */
};

/* --- Set-up (slow path). --- */
struct record *record_setup(const struct record_config *config); /* NULL: out of memory. */
void record_free(struct record *record);

/* --- On the worker. --- */
/* Append one record of TYPE (copied). False, and counted, when full. */
bool record_append(struct record *record, enum record_type type, const void *bytes);
/* A due request is over: adds it to bins, folds, counters and latencies, and to the log as the
 * stream's mode says. Call exactly once for each due request. */
void record_request_done(struct record *record, const struct record_request *request);
/* COUNT of them that no log keeps, of one outcome that is not good: counted only. */
void record_requests_done(struct record *record, uint32_t stream, enum outcome outcome,
                          uint32_t count);
/* REQUEST is good and proves that its flow works again: it is kept whatever the mode. It may be
 * given to record_request_done() before or after. */
void record_keep(struct record *record, const struct record_request *request);
/* A connection, or an attempt at one, is over. One that ended done is logged as good requests are;
 * any other always. */
void record_connection_done(struct record *record, const struct record_connection *connection);
/* STREAM's connection was established at NOW_NS, VALUE_NS after its SYN. */
void record_connect_time(struct record *record, uint32_t stream, uint64_t now_ns,
                         uint64_t value_ns);
/* The TLS handshake of STREAM's connection was over at NOW_NS, VALUE_NS after its establishment. */
void record_secure_time(struct record *record, uint32_t stream, uint64_t now_ns, uint64_t value_ns);
/* The last call: publish what is under way in bins, folds and intervals. */
void record_finish(struct record *record);
uint32_t record_new_connection_id(struct record *record);
/* Id of the host NAME (SIZE bytes, not NUL-terminated), new or known. Bytes that are not printable
 * ASCII become '?'; names over 63 bytes are cut. 0 for an empty name or a full log. A linear search
 * over the hosts: call it once a connection. */
uint16_t record_host_id(struct record *record, const char *name, uint32_t size);

/* --- On any thread. --- */
uint64_t record_count(const struct record *record, enum record_type type); /* Published, ever. */
/* Record INDEX, below record_count() and not taken. The next ones follow it in memory up to
 * record_stretch(). */
const void *record_at(const struct record *record, enum record_type type, uint64_t index);
/* Records from INDEX on that stand in one piece of memory: to the ring's end. */
uint64_t record_stretch(const struct record *record, enum record_type type, uint64_t index);

/* --- On the control thread. --- */
/* Records below COUNT are not needed any more: their room is the worker's again. Hosts are looked
 * up by the worker and stay: do not take them. */
void record_take(struct record *record, enum record_type type, uint64_t count);

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
