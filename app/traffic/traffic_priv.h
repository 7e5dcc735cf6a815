/* traffic_priv.h - inside of struct traffic: streams, flows and connections.
 *
 * Who calls whom: traffic.c is the door; it gives each due time, event and timer to the stream's
 * pattern of connection use (pattern.h: held.c, open.c, closed.c; echo.c has none), what happens on
 * a connection by way of event.c, what comes in answer to a datagram by way of datagram.c. These
 * use conn.c (open, end, close, account of a connection), request.c (requests under way, whose
 * bytes and answers are the protocol's part, exchange.h) and flow.c (account of a flow: its
 * requests and outages).
 *
 * A connection is known to the tcp by its handle in the pool `conns`, given in `user`; one that is
 * asleep by its flow (quiet.h). It lives
 * from conn_open() to the tcp's GONE; its record is written earlier, when it ends as traffic
 * sees it (CONN_CLOSING from then on), and its flow forgets it then. Over TLS, its bytes pass
 * through secure.c on their way between the tcp and the exchange.
 *
 * Threads: the owning worker. Memory: taken in traffic_setup.c.
 */
#ifndef TRAFFIC_PRIV_H
#define TRAFFIC_PRIV_H

#include <assert.h>
#include <sys/queue.h>

#include "base/pool.h"
#include "base/wheel.h"
#include "traffic/ctraffic.h"
#include "traffic/digest.h"
#include "traffic/http.h"
#include "traffic/name.h"
#include "traffic/outages.h"
#include "traffic/ports.h"
#include "traffic/schedule.h"
#include "traffic/sequence.h"
#include "traffic/tls.h"
#include "traffic/traffic.h"

enum {
    TRAFFIC_TIMER_TICK_NS = 1 << 16, /* 65.5 us: timers are late by less than this and a turn. */
    TRAFFIC_OPENS_A_TURN = 32,       /* Connections of a starting stream opened in one turn. */
    TRAFFIC_STOPS_A_TURN = 1024,     /* Flows of a stream stopped in one turn; of an open stream,
                                        connections and requests that wait. */
    TRAFFIC_WAKES = 8192,            /* Connections woken by events between two clears of these. */
    TRAFFIC_SLOTS_A_TURN = 256,      /* Due slots handled in one turn. */
    TRAFFIC_UNANSWERED_FREE = 3,     /* Connections in a row that break unanswered and are still
                                        replaced at once; then with the back-off. */
    TRAFFIC_USER_GROUP = 40,         /* See flow_user(). */
    TRAFFIC_TUPLE_TRIES = 8          /* 5-tuples tried when the tcp still has one in TIME-WAIT. */
};

enum traffic_timer_kind {
    TRAFFIC_TIMER_CONN,   /* Within a struct traffic_conn. */
    TRAFFIC_TIMER_FLOW,   /* Of a flow, wherever its pattern has it. */
    TRAFFIC_TIMER_CLOSING /* Of the connection that has been closing for the longest time. */
};

struct traffic_timer {
    struct wheel_timer wheel; /* First: the wheel gives a pointer to it. */
    uint8_t kind;             /* enum traffic_timer_kind. */
    uint32_t flow;            /* Of a flow: its index in traffic->flows. */
};

enum conn_state {
    CONN_CONNECTING, /* SYN is to be sent, or was. */
    CONN_SECURING,   /* Established; the TLS handshake is under way. */
    CONN_UP,         /* Established, and of use to its flow. */
    CONN_CLOSING     /* Its record is written; waits for the tcp's GONE. */
};

/* A connection's account while it lives: what of its record_connection is not known otherwise. */
struct conn_account {
    uint64_t opened_ns; /* As in struct record_connection, all of them. */
    uint64_t connected_ns;
    uint64_t last_good_sent_ns;
    uint64_t last_good_done_ns;
    uint32_t largest_rtt_ns;
    uint32_t sent;
    uint32_t received;
    uint32_t blocked;
    uint32_t retransmits;
    uint32_t failed_connects;
};

/* Connections that are being closed in order, the one that began first at the front. */
TAILQ_HEAD(conn_list, traffic_conn);

struct traffic_conn {
    /* Line 1. What it is doing. */
    struct traffic_timer timer; /* Connecting: the limit. Up: silence, or before. */
    tcp_conn tcp;               /* Handle in the tcp. */
    uint32_t flow;              /* Index in traffic->flows, which has its target. */
    uint32_t port_slot;         /* In its target's ports. */
    uint8_t stream;             /* Index in traffic->streams. */
    uint8_t state;              /* enum conn_state. */
    bool syn_sent : 1;          /* opened_ns is a stamp. */
    bool no_hop : 1;            /* The last packet was refused: next hop unresolved. */
    bool icmp : 1;              /* An ICMP error came, and nothing since. */
    bool idle : 1;              /* Open streams: in its flow's list of idle ones. */
    bool secure : 1;            /* Has a struct secure: its bytes pass through TLS. */
    bool cut : 1;               /* A request was answered before all of it was acknowledged. */
    bool in_order : 1;          /* Closing, and in traffic->closing. */
    uint16_t name;              /* That an answer gave: name_at(). */
    uint16_t requests;          /* Bound to it. */
    union {
        struct {
            pool_handle first_request; /* The oldest of them, if any. */
            pool_handle last_request;  /* The newest. */
        };
        struct {
            pool_handle idle_before; /* Idle: in that list, used later; 0: none. */
            pool_handle idle_after;  /* The same, used before. */
        };
    };
    uint32_t id; /* As in struct record_connection. */
    /* Line 2. */
    uint64_t asked_bytes; /* Length of our stream. */
    union {
        struct conn_account account; /* Until it is written. */
        struct {
            TAILQ_ENTRY(traffic_conn) link;
            uint64_t deadline_ns; /* When it is reset. */
        } closing;                /* After that, if `in_order`. */
    };
};
static_assert(sizeof(struct traffic_conn) <= 128, "a connection that is awake is two lines");

/* A request under way, bound to a connection. */
struct traffic_request {
    struct record_request record; /* As far as it is known. */
    uint64_t offset;              /* In our stream, of its first byte. */
    uint64_t bytes;               /* Its length, once asked. */
    uint64_t from;    /* In the tcp's stream, of what bears it: its own first byte; over TLS, of its
                      first record. UINT64_MAX: nothing of it is encrypted yet. */
    uint64_t to;      /* The same, after its last byte or record. UINT64_MAX: not all of it is. */
    uint64_t sent_to; /* Up to where that has left. */
    bool asked;       /* Its connection is up, and its answer is awaited. */
    uint64_t deadline_ns; /* By when its answer should be whole; waiting in a queue: by when
                                     it should have a connection. */
    pool_handle self;     /* Its own handle. */
    pool_handle next;     /* Bound to the same connection after it; 0: none. */
    uint32_t order;       /* Open streams: number of its entry in the order ring. */
    union {
        struct ctraffic ctraffic;
        struct {
            const struct http_message *message; /* The request. */
            uint64_t number;    /* Of it, within this worker's share of the stream. */
            struct http parser; /* Of the answer. */
        } http;
    } state; /* Of its exchange. */
};

/* A held connection that is asleep (quiet.h): see struct traffic_conn and its account. */
struct flow_quiet {
    uint64_t opened_ns : 56;
    uint64_t blocked : 8;
    uint64_t connect_ns : 40; /* From opened_ns on. */
    uint64_t id : 24;         /* Without the worker's index. */
    tcp_conn tcp;
    uint32_t port_slot;
    uint32_t largest_rtt_ns;
    uint32_t sent;
    uint32_t received;
    uint16_t name;
    uint16_t retransmits;
};

/* The slot that a connection and its successors fill. What its pattern alone needs is with the
 * stream: struct loop, struct crowd, struct echo_flow. */
struct traffic_flow {
    uint64_t good_sent_ns;    /* Of the last good request; 0: none. */
    uint64_t good_done_ns;    /* The same. */
    uint16_t unanswered;      /* Connections in a row that broke before they answered. Saturated. */
    uint16_t failed_connects; /* Asleep: as in struct record_connection. */
    uint8_t stream;           /* Index in traffic->streams. */
    uint8_t target;           /* Index in its stream's targets. */
    uint8_t unsent_reason;    /* Why the tester could not open a connection, or none. */
    bool begun : 1;           /* Held: its first attempt has ended: its slots are due. */
    bool steady : 1;          /* Its last request was good. */
    bool outage_open : 1;     /* An outage is under way; in traffic->outages, unless those were
                                 full. */
    bool proving : 1;         /* One is over, and in traffic->outages until that is proved. */
    bool asleep : 1;          /* Its connection is: `quiet`. */
    union {
        struct {
            struct traffic_timer timer; /* Held: back-off before the next attempt. */
            pool_handle conn;           /* Its connection, up or connecting; 0: none. */
            uint32_t failures;          /* Attempts that failed in a row. */
        };
        struct flow_quiet quiet;
    };
};
static_assert(sizeof(struct traffic_flow) == 64, "a quiet connection is one line of its flow");

/* What a flow of a closed stream has beside. */
struct loop {
    struct traffic_timer timer; /* Think time. */
    uint64_t due_ns;            /* Of the next request. */
};

/* What a flow of an open stream has beside: one a target, with many connections. */
struct crowd {
    struct traffic_timer timer; /* Of the requests that wait. */
    pool_handle idle;           /* Its idle connections, used last first; 0: none. */
    pool_handle queue_first;    /* Requests that wait, the oldest; 0: none. */
    pool_handle queue_last;     /* The same, the newest. */
    uint32_t queued;            /* The same, their number. */
    uint32_t conns;             /* Connections connecting or up. */
    uint32_t largest_rtt_ns;    /* Largest time from `sent` to the answer. */
};

enum stream_state {
    STREAM_STOPPED,
    STREAM_RUNNING,
    STREAM_DRAINING
};

/* A request of an open stream, kept until all before it are decided: outages are found in the
 * order of sending, whatever the order of decisions. */
struct order_entry {
    struct record_request request; /* Whole when decided. */
    uint32_t flow;                 /* Index in traffic->flows. */
    uint8_t end;                   /* enum connection_end, when decided. */
    bool decided;
};

struct order_ring {
    struct order_entry *entries; /* capacity of them. */
    uint32_t capacity;           /* A power of two; 0 for held streams. */
    uint32_t head;               /* Number of the next entry to enter. */
    uint32_t tail;               /* Number of the oldest one. */
};

enum echo_state {
    ECHO_WAITING, /* Due, and not handed out. */
    ECHO_HANDED,  /* In the port's queue. */
    ECHO_SENT,    /* Taken by the driver; its answer is awaited. */
    ECHO_DECIDED
};

/* A request of an echo stream. */
struct echo_entry {
    struct record_request request; /* As far as it is known. */
    uint8_t state;                 /* enum echo_state. */
    uint8_t end;                   /* enum connection_end, when decided. */
    uint32_t flow;                 /* Its number modulo the stream's flows. */
};
static_assert(sizeof(struct echo_entry) == 64, "a request under way is a line");

/* A flow of one: its ends, and what came back to it. */
struct echo_flow {
    struct tuple tuple;       /* ICMP: the identifier is the local port. */
    uint32_t port_slot;       /* In its target's ports. */
    uint16_t name;            /* Of the server that answered last: name_at(). */
    bool bound;               /* It has its client end. */
    uint32_t largest_rtt_ns;  /* Of its answers. */
    uint64_t oldest;          /* No request of it that is older is open. */
    struct sequence sequence; /* Of answers. */
};

/* An echo stream's requests, by number: tail <= next <= head. */
struct echo {
    struct traffic_timer timer; /* Of the oldest that was sent. */
    struct echo_entry *entries; /* capacity of them. */
    uint32_t capacity;          /* A power of two. */
    uint16_t run;               /* In the marks, since the last start. */
    uint32_t head_flow;         /* head modulo the stream's flows. */
    uint64_t head;              /* The next number. */
    uint64_t next;              /* The oldest one that may be waiting. */
    uint64_t tail;              /* The oldest one that is not settled. */
    struct echo_flow *flows;    /* As many as the stream has. */
    void *windows;              /* Memory of their sequences. */
};

/* A raw stream. */
struct raw {
    struct template *template; /* NULL: it is none. */
    struct sequence *senders;  /* Numbers received, by the worker that sent them. */
    uint64_t *reached;         /* What each had sent when that was looked at last. */
    void *windows;             /* Of the sequences. */
    struct tuple tuple;        /* Of the first frame. */
    uint16_t run;              /* In the marks. */
};

struct traffic_stream {
    struct traffic_stream_config config;
    struct schedule schedule;
    struct raw raw;                          /* Raw streams. */
    struct echo echo;                        /* Echo streams. */
    struct order_ring order;                 /* Open streams. */
    struct crowd *crowds;                    /* Open streams: by flow. */
    struct loop *loops;                      /* Closed streams: by flow. */
    struct target *targets[TRAFFIC_TARGETS]; /* As in its config. */
    struct tls_context *tls;                 /* HTTP over TLS. */
    uint64_t asked;                          /* Requests that were given a number, ever. */
    uint32_t next_message;                   /* HTTP: that number modulo those of its messages. */
    uint64_t start_ns;                       /* Closed streams: when the first requests are due. */
    uint64_t stop_ns;                        /* Draining: since when. */
    uint32_t queue_max;                      /* Open streams: of a flow. */
    uint64_t *places;                        /* The schedule's. */
    uint32_t flow_base;                      /* Its first flow in traffic->flows. */
    uint32_t index_offset;    /* From that number to a flow's index in records, modulo 2^32. */
    uint32_t flow_count;      /* Open streams: one a target. */
    uint32_t opened;          /* Flows whose first connection was asked for since the start. */
    uint32_t stopped;         /* Held and closed streams: flows stopped since the stop. */
    pool_handle stopped_conn; /* Open streams: the connection looked at last since then. */
    uint32_t conns;           /* Connections held, closing ones too. */
    uint32_t steady_flows;    /* Flows that are steady. */
    uint64_t attempts;        /* Connections and attempts since the start: limit of retries. */
    uint64_t next_target;     /* Open streams: requests begun since the start. */
    uint64_t ahead_ns;        /* Echo streams: slots are taken so long before they are due. */
    uint64_t steady_since_ns; /* Since when all flows are steady. */
    uint64_t unsent_after_ns; /* A slot that is later than this is not sent, */
    uint8_t unsent_reason;    /* for this reason: as the stream is to catch up. */
    uint8_t state;            /* enum stream_state. */
    bool stopping;            /* Draining, and not all flows are stopped. */
    uint8_t reports;          /* Bits 1 << kind: not fetched yet. */
    bool lingers;             /* Stopped, and not drained although it has no connection. */
    bool steady_told;         /* TRAFFIC_REPORT_STEADY was made since the start. */
    uint64_t report_ns[TRAFFIC_REPORT_KINDS]; /* When. */
    struct http_known known;                  /* HTTP: of answers. */
};

/* Client ends of one family, for all targets together. Two targets may be Services of the same
 * pods: their 5-tuples differ before the balancer and would be one and the same behind it, and the
 * balancer then has to drop or rewrite one of them. */
struct sweep {
    struct ports ports;
    struct address *addresses; /* Its client addresses. */
    uint32_t *released;        /* The ports' memory. */
};

/* One for each different address and port of all streams' targets. */
struct target {
    struct address address;
    struct sweep *sweep; /* Of its family. */
    uint16_t port;
    uint16_t group; /* Of the first stream's target with this address. */
};

/* Requests sent late, gathered to one fault for 100 ms. */
struct late_fault {
    uint64_t first_ns; /* Due time of the first. */
    uint64_t last_ns;  /* Sent stamp of the last. */
    uint64_t count;
};

struct traffic {
    struct tcp *tcp;             /* Borrowed. */
    struct record *record;       /* Borrowed. */
    uint64_t next_due_ns;        /* The earliest of all schedules but those of raw frames */
    uint64_t next_regardless_ns; /* and those whose pattern is `regardless`; of these. */
    uint32_t opening; /* Streams that are opening their first connections, or stopping flows. */
    uint32_t stream_count;   /* Of these. */
    uint64_t uncertainty_ns; /* Of arrivals in this turn. */
    uint64_t lag_ns;         /* They came so long before the time they are given at. */
    uint64_t ahead_ns;       /* Datagrams are handed out so long before they are due. */
    struct pool conns;       /* struct traffic_conn, of connections that are awake. */
    uint32_t conns_spare;    /* Of them, for connections that an event wakes. */
    uint32_t asleep;         /* Connections that are not in the pool. */
    pool_handle *woken;      /* By events since these were last cleared, */
    uint32_t woken_count;    /* so many, at most TRAFFIC_WAKES. */
    struct pool requests;    /* struct traffic_request. */
    struct pool secures;     /* struct secure, of connections over TLS. */
    struct pool pieces;      /* struct hold_piece, of what these hold. */
    pool_handle *secure_at;  /* By a connection's index; NULL: no stream is over TLS. */
    struct outages outages;  /* Under way. */
    struct conn_list closing;
    struct traffic_timer closing_timer; /* Of the first of them, or before. */
    struct names names;                 /* Of backends. */
    struct digest *digests;     /* One for each place in `requests`; NULL: none is wanted. */
    struct traffic_flow *flows; /* Of all streams. */
    struct target *targets;     /* target_count of them. */
    uint32_t target_count;
    struct traffic_board *board; /* Of raw frames; NULL: this worker alone sends them. */
    uint32_t reports;            /* Streams with reports to fetch, bit by bit. */
    struct late_fault late;
    uint64_t sent_late_ns;     /* From the config. */
    uint64_t close_timeout_ns; /* The same. */
    uint64_t steady_ns;        /* The same. */
    uint32_t validate;         /* The same. */
    uint32_t flow_count;       /* Of all streams. */
    uint32_t waiting;          /* Datagrams that are due and not handed out. */
    uint32_t next_datagrams;   /* The stream that is asked first for the next one. */
    uint32_t next_frames;      /* The same for frames. */
    uint64_t next_frames_ns; /* No frame is due before this; UINT64_MAX: there is no raw stream. */
    uint32_t *echo_table;    /* By client end: index of its flow + 1; 0: none. */
    uint32_t echo_places;    /* Of the table: a power of two, twice its flows at least; or 0. */
    uint8_t worker;          /* Index in the process, as in connection ids. */
    struct sweep sweeps[2];  /* Of IPv6 and of IPv4, in this order. */
    void *conns_memory;      /* The pool's. */
    void *requests_memory;   /* The pool's. */
    void *secures_memory;    /* The pool's. */
    void *pieces_memory;     /* The pool's. */
    void *outages_memory;    /* Theirs. */
    struct traffic_stream streams[RECORD_STREAMS];
    struct wheel wheel; /* Timers of connections and flows. */
};

static inline struct record_counters *traffic_counters(struct traffic *traffic, uint32_t stream)
{
    return &traffic->record->streams[stream].counters;
}

static inline uint32_t flow_number(const struct traffic *traffic, const struct traffic_flow *flow)
{
    return (uint32_t)(flow - traffic->flows);
}

/* Within the stream, as in records. */
static inline uint32_t flow_index(const struct traffic *traffic, const struct traffic_flow *flow)
{
    return flow_number(traffic, flow) + traffic->streams[flow->stream].index_offset;
}

static inline const struct target *flow_target(const struct traffic *traffic,
                                               const struct traffic_flow *flow)
{
    return traffic->streams[flow->stream].targets[flow->target];
}

/* Next-hop group. */
static inline uint16_t flow_group(const struct traffic *traffic, const struct traffic_flow *flow)
{
    return traffic->streams[flow->stream].config.targets[flow->target].group;
}

/* What the tcp is given as `user` for a connection of FLOW: NUMBER, its handle, or that of quiet.h,
 * and above it its next-hop group, which each of its segments needs. */
static inline uint64_t flow_user(const struct traffic *traffic, const struct traffic_flow *flow,
                                 uint64_t number)
{
    return (uint64_t)flow_group(traffic, flow) << TRAFFIC_USER_GROUP | number;
}

/* When what is given at AT_NS arrived; it answers what was sent at SENT_NS. */
static inline uint64_t traffic_arrival_ns(const struct traffic *traffic, uint64_t at_ns,
                                          uint64_t sent_ns)
{
    uint64_t arrival_ns = at_ns - traffic->lag_ns;
    return arrival_ns > sent_ns ? arrival_ns : sent_ns;
}

/* Make a report, for traffic_report(). */
void traffic_tell(struct traffic *traffic, uint32_t stream, enum traffic_report_kind kind,
                  uint64_t now_ns);
/* A stream that drains may be empty now: it is stopped then, and that is told. */
void traffic_drained(struct traffic *traffic, struct traffic_stream *stream, uint64_t now_ns);
/* Count a request that was first sent at SENT_NS, and a fault if that was late. */
void traffic_count_sent(struct traffic *traffic, const struct record_request *request);

#endif
