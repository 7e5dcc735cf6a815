/* traffic.h - what a worker sends and expects: streams, their flows, connections and requests.
 *
 * One struct traffic belongs to one worker. It sits on the worker's struct tcp, which it drives and
 * whose events it consumes, and it is the only writer of the worker's struct record. It owns no
 * packet, no port and no clock. One turn of a worker:
 *
 *     ... tcp_input(), tcp_icmp() for what arrived; tcp_timers() ...
 *     traffic_events(traffic, now_ns, now_ns - time of the poll before);
 *     traffic_timers(traffic, now_ns); traffic_due(traffic, now_ns);
 *     n = tcp_output(tcp, now_ns, descriptors, room);
 *     for each: group = traffic_group(traffic, &d); ... tcp_header_write();
 *               traffic_fill(traffic, &d, payload);       // or traffic_refused()
 *     traffic_events(...);                               // retransmissions
 *     ... read the TSC; traffic_sent(traffic, &d, sent_ns) for each; tx_burst ...
 *     while (traffic_report(traffic, &report)) ...
 *
 * A *stream* is traffic of one kind with one pacing law (schedule.h). A *flow* is the slot that a
 * connection and its successors fill. Protocols:
 *
 *   ctraffic  `flows` connections are held; each has one packet of `size_bytes` in flight at most,
 *             is replaced at once when it fails, and after a failed attempt waits 100 ms, growing
 *             by 100 ms up to 1 s (ctraffic.h, held.h).
 *   connect   a new connection, from a new 5-tuple, at each due time; good when the SYN is
 *             answered; closed by FIN then. One flow for each target: to tell next hops apart,
 *             give the same address once for each hop, with a group of that hop alone (open.h).
 *   udp, icmp a datagram, from one of `flows` client ends in turn, at each due time; good when
 *             the target has sent it back (echo.h).
 *   raw       frames of a template, as fast as is wanted; received ones are counted, by whichever
 *             worker gets them (raw.h).
 *
 *   http      HTTP/1.1: `messages` in turn, each answer as `expect` says (exchange_http.h); over
 *             TLS, if `tls` is given (secure.h).
 *   mconnect  a new connection at each due time, on which the server gives its host name
 *             (exchange_mconnect.h).
 *
 * Their connections are used as `pattern` says (pattern.h).
 *
 * Laws: each due time gets exactly one outcome, through record_request_done(). Due times are the
 * pacing law's (law.h, schedule.h), exact, whatever became of those before. A slot that the worker
 * reaches late is caught up as the stream says: sent late, and counted as such, up to
 * `unsent_after_ns`; beyond, or when it is to be skipped, it is unsent with that reason. A turn
 * handles at most TRAFFIC_SLOTS_A_TURN due slots: after a stall of any length, receiving goes on.
 * Flows of a held stream have their first slot after their first attempt to connect has ended.
 * No 5-tuple is used again within `quarantine_ns` of its release (ports.h).
 *
 * Threads: traffic_setup() and traffic_free() on the slow path; all else is for the owning worker.
 * Units: ns of run time. Memory: all of it is taken in traffic_setup(). Full: in want of a
 * connection the one that has been closing for the longest time is reset; else the connection pool
 * and the client ports refuse, and the request is unsent with that reason.
 */
#ifndef TRAFFIC_TRAFFIC_H
#define TRAFFIC_TRAFFIC_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "net/icmp.h"
#include "net/steering.h"
#include "record/record.h"
#include "tcp/tcp.h"
#include "traffic/http.h"
#include "traffic/http_message.h"
#include "traffic/law.h"
#include "traffic/template.h"
#include "traffic/tls.h"

enum {
    TRAFFIC_TARGETS = TLS_PEERS, /* Of a stream. */
    TRAFFIC_POOLS = 16,          /* Client prefixes. */
    TRAFFIC_NAME_BYTES = 64,     /* A stream's name, with its NUL. */
    TRAFFIC_SIZE_MIN_BYTES = 64,
    TRAFFIC_SIZE_MAX_BYTES = 1 << 20,
    TRAFFIC_DATAGRAM_MAX_BYTES = 8192,
    TRAFFIC_SENDERS = 64 /* Workers whose raw frames are told apart. */
};

struct traffic; /* Inside in traffic_priv.h. */

enum traffic_protocol {
    TRAFFIC_CTRAFFIC,
    TRAFFIC_CONNECT,
    TRAFFIC_HTTP,
    TRAFFIC_MCONNECT,
    TRAFFIC_UDP,  /* Datagrams that the target sends back. */
    TRAFFIC_ICMP, /* ICMP or ICMPv6 echo requests, by the target's family. */
    TRAFFIC_RAW,  /* UDP frames of a template, not answered. */
    TRAFFIC_PROTOCOL_COUNT
};

/* How connections are used: see pattern.h. */
enum traffic_pattern {
    TRAFFIC_HELD,   /* `flows` connections are held, each with slots of its own. */
    TRAFFIC_OPEN,   /* Open loop: a connection for each request, or a pool of them. */
    TRAFFIC_CLOSED, /* Closed loop: `flows` of them, one request after another. */
    TRAFFIC_ECHO,   /* Open loop without connections: a datagram for each request, of `flows` client
                       ends in turn. */
    TRAFFIC_ONE_WAY, /* Open loop of whole frames that nobody answers. */
    TRAFFIC_PATTERN_COUNT
};

/* What to do when a connection of a held stream breaks. */
enum traffic_reconnect {
    TRAFFIC_RECONNECT_AT_ONCE,  /* At once; after an attempt that failed, or a connection that broke
                                  before it answered, with the back-off. */
    TRAFFIC_RECONNECT_BACK_OFF, /* Always with the back-off. */
    TRAFFIC_RECONNECT_NEVER     /* The flow stays down; its slots are blocked. */
};

/* What becomes of slots that the worker reaches late. */
enum traffic_catch_up {
    TRAFFIC_SEND_LATE, /* Sent, up to unsent_after_ns late. */
    TRAFFIC_SKIP       /* Not sent when it would count as sent late: no burst after a stall. */
};

struct traffic_target {
    struct address address; /* Of the service. */
    uint16_t port;          /* TCP or UDP port; ICMP: 0. */
    uint16_t group;         /* Next-hop group, as net_group_add() gave it. */
};

/* Frames of a raw stream. The target is the template's first destination. */
struct traffic_raw {
    struct template_config template; /* Its mark is filled in by traffic_setup(). */
    uint8_t mac[6];                  /* Where they go, */
    bool has_mac;                    /* if this is set: else to the next hop. */
    bool foreign;                    /* Sources need not be client addresses. */
};

/* How far the senders of raw frames have come: numbers below these were sent. One for all workers
 * of a process; see raw.h. */
struct traffic_board {
    struct traffic_reached {
        alignas(64) _Atomic uint64_t streams[RECORD_STREAMS];
    } workers[TRAFFIC_SENDERS]; /* By worker's index. */
};

struct traffic_stream_config {
    char name[TRAFFIC_NAME_BYTES]; /* As in the experiment. */
    enum traffic_protocol protocol;
    enum traffic_pattern pattern;
    struct traffic_target targets[TRAFFIC_TARGETS]; /* Flow f (connect: request k) goes to target
                                                       f (k) modulo their number. */
    uint32_t target_count;                          /* 1 at least. */
    uint32_t flows;       /* HELD: connections held by this worker. CLOSED: loops. OPEN: ignored. */
    uint32_t connections; /* OPEN: connections of this worker at a time; 0: no limit but the
                                pool's. With a limit, requests that find all in use wait. */
    uint32_t queue;       /* OPEN: requests that wait, at most; 0 stands for as many as are due
                                within the timeout. */
    bool keep_alive;      /* OPEN, CLOSED: a connection serves more than one request. */
    uint32_t depth;       /* HELD, CLOSED: requests in flight on a connection, 1 at least. */
    uint64_t think_ns;    /* CLOSED: between the end of a request and the next one's due time. */
    uint32_t flow_first;  /* Index of this worker's first flow within the stream, for records
                                    and for the seed, when several workers share the stream. */
    uint32_t slot_first;  /* Slots (HELD: flows; OPEN, ECHO: workers) of the stream before this
                                worker's, of */
    uint32_t slot_stride; /* so many on all workers; 0: this worker has them all. */
    const uint32_t *turns; /* OPEN: it has slot_first + (t - 1) * slot_step for each t of these, */
    uint32_t turn_count;   /* which are so many and rise from 1 at least; 0: slot_first alone. */
    uint32_t slot_step;    /* Borrowed during traffic_setup(). */
    struct law law;        /* Of the whole stream, over all its workers. CLOSED: ignored. */
    uint32_t size_bytes;   /* ctraffic: of a packet; 64 at least. Datagrams: of the payload; 32 at
                             least. */
    const struct http_message *messages; /* HTTP: the requests, in turn. Borrowed. */
    uint32_t message_count;              /* HTTP: 1 at least. */
    const struct http_expect *expect;    /* HTTP: of each answer. Borrowed. */
    const struct tls_config *tls; /* HTTP: over TLS, as a client. NULL: in the clear. Borrowed by
                                     traffic_setup(). */
    uint64_t timeout_ns; /* No whole answer for so long is silence, and ends a connection. RAW: a
                            stopped stream has drained after it, what came meanwhile counted. */
    uint64_t connect_timeout_ns; /* From the SYN. */
    uint64_t late_ns;            /* An answer that took longer, from `sent`, is late. 0: never. */
    enum traffic_reconnect reconnect;
    uint64_t back_off_ns; /* Wait after the first failed attempt, and what each further one adds. */
    uint64_t back_off_max_ns; /* Its bound. */
    uint32_t retries;         /* At most flows * retries connections and attempts; 0: no limit. */
    struct traffic_raw raw;   /* RAW: the frames. */
    enum traffic_catch_up catch_up;
    uint64_t unsent_after_ns; /* A slot reached later than this is unsent (tester's stall); 0 stands
                                 for the larger of 20 ms and the interval of a flow. */
};

struct traffic_config {
    uint32_t worker;       /* Index among those that share. */
    uint32_t worker_count; /* Workers that share the client addresses: each takes the ports whose
                              number leaves `worker` when divided by it, or those that STEERING
                              brings home, or what is both: traffic_config_ports(). */
    const struct steering *steering; /* Of the NIC port that they share; borrowed. NULL: by port. */
    uint64_t seed;                   /* Of the flows' offsets. */
    uint64_t port_seed; /* Of the place where the port sweep begins; 0 stands for `seed`. Runs
                              that follow each other need different ones: see ports.h. */
    struct prefix pools[TRAFFIC_POOLS]; /* Client addresses. */
    uint32_t pool_count;
    uint32_t client_addresses; /* Of each family, used at most; 0 stands for 16. */
    uint16_t port_first;       /* Client ports, both included; 0 and 0 stand for 1024..65535. */
    uint16_t port_last;
    uint64_t quarantine_ns;    /* Before a 5-tuple is used again. */
    uint64_t sent_late_ns;     /* Requests sent later than this after due are a fault SENT_LATE. */
    uint64_t close_timeout_ns; /* An orderly close that takes longer becomes a reset. */
    uint64_t steady_ns; /* All flows' last requests good for so long: the stream is steady. */
    uint16_t run;       /* In the mark of datagrams: what earlier runs left is told by it. */
    uint32_t validate;  /* Good requests in a row that prove a flow's recovery: they are kept, each
                            with its record, whatever the stream's mode. */
    struct traffic_board *board; /* Borrowed; NULL: no other worker sends raw frames. */
    uint32_t mtu_bytes; /* Of the NIC port: no datagram's packet may be larger; 0: none is known. */
    uint32_t connections; /* Capacity; 0 stands for traffic_connections_needed(). */
    uint32_t
        outages; /* Flows that can have an outage under way; 0 stands for traffic_config.h's. */
    struct traffic_stream_config streams[RECORD_STREAMS];
    uint32_t stream_count;
};

enum traffic_report_kind {
    TRAFFIC_REPORT_STARTED, /* The schedule runs; its connections are being opened. */
    TRAFFIC_REPORT_STEADY,  /* Steady for the first time since its start. */
    TRAFFIC_REPORT_STOPPED, /* After traffic_stop(): all its connections are gone. */
    TRAFFIC_REPORT_KINDS
};

/* Frames to send. */
struct traffic_frames {
    const struct tuple *tuple; /* Of the first ones; borrowed from the stream. */
    const uint8_t *mac;        /* To send them to; NULL: to the next hop of TUPLE by GROUP. */
    uint16_t group;            /* Next-hop group. */
    uint8_t stream;            /* Index. */
    uint16_t count;            /* How many. */
};

/* A datagram to send. */
struct traffic_datagram {
    const struct tuple *tuple; /* Borrowed until it is sent. */
    uint16_t group;            /* Next-hop group. */
    uint16_t l4_bytes;         /* Header and payload. */
    uint8_t stream;            /* Index. */
    uint64_t due_ns;           /* Not before traffic_ahead() is told. */
    uint64_t number;           /* Of the request within the stream. */
};

struct traffic_report {
    enum traffic_report_kind kind;
    uint32_t stream; /* Index. */
    uint64_t at_ns;  /* When. */
};

/* --- Slow path. --- */

/* The values that ctraffic has (PROTOCOL TRAFFIC_CTRAFFIC: 80 flows, 400/s, 1024 bytes), or those
 * of a probe (500/s). Name and targets are empty. */
struct traffic_stream_config traffic_stream_default(enum traffic_protocol protocol);
/* No stream, no pool; quarantine 120 s, sent late over 1 ms, close within 2 s, steady after 1 s. */
struct traffic_config traffic_config_default(void);

/* Connections that the streams of CONFIG can have at once, those being closed included: what
 * tcp_setup() should get. At most POOL_CAPACITY_MAX. */
uint32_t traffic_connections_needed(const struct traffic_config *config);
/* Those of them that can be awake at once, of which the tcp wants more memory; bounded likewise. */
uint32_t traffic_awake_needed(const struct traffic_config *config);
/* Does one of them ask how far the peer has our stream (tell_acked of the tcp)? TLS does. */
bool traffic_acked_needed(const struct traffic_config *config);
/* TIME-WAIT entries that they leave, each held for TIME_WAIT_NS; bounded likewise. The formulas of
 * all are in traffic_config.h. */
uint32_t traffic_time_waits_needed(const struct traffic_config *config, uint64_t time_wait_ns);

/* Take all memory. CONFIG is copied. TCP and RECORD are borrowed until
 * traffic_free(); RECORD has a stream for each of CONFIG's. NULL with ERR (where, what to change)
 * for values out of range: no client address of a target's family, rate 0, size under 64, ... */
struct traffic *traffic_setup(const struct traffic_config *config, struct tcp *tcp,
                              struct record *record, struct error *err);
/* NULL is harmless. */
void traffic_free(struct traffic *traffic);

/* --- The owning worker; NOW_NS never goes back. --- */

/* Start STREAM: connections are opened from now on, and slot 0 is at START_NS (not before NOW_NS).
 * False when it is not stopped. A stream can be started again after TRAFFIC_REPORT_STOPPED. */
bool traffic_start(struct traffic *traffic, uint32_t stream, uint64_t now_ns, uint64_t start_ns);
/* Stop STREAM: nothing is due any more, open requests are unfinished, open outages are written as
 * such, connections are closed by FIN, and by RST after close_timeout_ns. False when it does not
 * run. */
bool traffic_stop(struct traffic *traffic, uint32_t stream, uint64_t now_ns);
/* The worker quits: what traffic_stop() of all streams left for later turns is done now, at the
 * price of resets for what is being closed. */
void traffic_quit(struct traffic *traffic, uint64_t now_ns);

/* Act on all events of the tcp and clear them. Before the packets of this turn are freed: events
 * point into them. UNCERTAINTY_NS is the time since the poll before: what arrived did so within.
 * Returns the number of events. */
uint32_t traffic_events(struct traffic *traffic, uint64_t now_ns, uint64_t uncertainty_ns);

/* By a NIC's stamps, what traffic_events() and traffic_answer() are given from now on arrived
 * LAG_NS before the time they are given, which never goes back: stamps of connects, first bytes and
 * answers are those of the arrival. */
void traffic_lag(struct traffic *traffic, uint64_t lag_ns);

/* Datagrams are handed out AHEAD_NS before they are due from now on, for a NIC that sends them
 * then; 0, as at first: when they are due. */
void traffic_ahead(struct traffic *traffic, uint64_t ahead_ns);

/* Act on what has timed out: silence, attempts to connect, back-offs, closes that take too long.
 * Returns the number of them; a call that finds nothing costs a comparison. */
uint32_t traffic_timers(struct traffic *traffic, uint64_t now_ns);
/* Send what is due, and open the connections of streams that were just started. What arrived before
 * NOW_NS should have been given to traffic_events() first: a slot whose predecessor is
 * unanswered is blocked. Returns the number of slots, and of streams that it went on stopping: as
 * long as there is one, not all is accounted for. A call that finds nothing costs two
 * comparisons. */
uint32_t traffic_due(struct traffic *traffic, uint64_t now_ns);
/* The same for a turn that has not read all that arrived: of datagram streams alone, whose slots
 * nothing blocks. */
uint32_t traffic_due_regardless(struct traffic *traffic, uint64_t now_ns);
/* That does nothing before this. */
uint64_t traffic_regardless_ns(const struct traffic *traffic);
/* Nothing becomes due before this; UINT64_MAX when nothing runs. */
uint64_t traffic_next_ns(const struct traffic *traffic);

/* Next-hop group for DESCRIPTOR, also for answers that belong to no connection (by their remote
 * side; the first target's when there is none such). */
uint16_t traffic_group(const struct traffic *traffic, const struct tcp_descriptor *descriptor);
/* Write DESCRIPTOR's payload_bytes to PAYLOAD. */
void traffic_fill(const struct traffic *traffic, const struct tcp_descriptor *descriptor,
                  uint8_t *payload);
/* DESCRIPTOR was handed to the port at SENT_NS (stamp before tx_burst). */
void traffic_sent(struct traffic *traffic, const struct tcp_descriptor *descriptor,
                  uint64_t sent_ns);
/* DESCRIPTOR could not be sent: its next hop is unresolved. What fails for it is unreachable. */
void traffic_refused(struct traffic *traffic, const struct tcp_descriptor *descriptor);

/* traffic_datagram() may have something. */
bool traffic_datagrams_wait(const struct traffic *traffic);
/* The next datagram that is due, of all streams; ask as long as there is room. False: none. */
bool traffic_datagram(struct traffic *traffic, uint64_t now_ns, struct traffic_datagram *datagram);
/* Write its UDP or ICMP header, with a checksum of 0, and its payload. Returns the checksum's sum
 * of them, for net_tx_commit_summed(). */
uint64_t traffic_datagram_fill(const struct traffic *traffic,
                               const struct traffic_datagram *datagram, uint64_t now_ns,
                               uint8_t *l4);
/* The same as traffic_sent() and traffic_refused() are for TCP. */
void traffic_datagram_sent(struct traffic *traffic, const struct traffic_datagram *datagram,
                           uint64_t sent_ns);
/* REASON: why the tester could not send it; UNSENT_NONE: its next hop is unresolved. */
void traffic_datagram_refused(struct traffic *traffic, const struct traffic_datagram *datagram,
                              enum unsent_reason reason, uint64_t now_ns);

/* traffic_frames() may have something at NOW_NS. */
bool traffic_frames_wait(const struct traffic *traffic, uint64_t now_ns);
/* Frames that are due now, at most MAX, of one stream. They are to be filled, or missed, next. */
bool traffic_frames(struct traffic *traffic, uint64_t now_ns, uint16_t max,
                    struct traffic_frames *frames);
/* Write them, from Ethernet header to the end, to TO from FROM, and their sizes without FCS. */
void traffic_frames_fill(struct traffic *traffic, const struct traffic_frames *frames,
                         const uint8_t to[6], const uint8_t from[6], uint8_t *const at[],
                         uint16_t bytes[], uint64_t now_ns);
/* COUNT of those taken of STREAM are not sent: OUTCOME says why. */
void traffic_frames_missed(struct traffic *traffic, uint8_t stream, uint16_t count,
                           enum outcome outcome);

/* A UDP datagram or an echo reply arrived, BYTES from its header on: 8 at least. UNCERTAINTY_NS as
 * for traffic_events(). False: no stream of this worker has its end. */
bool traffic_answer(struct traffic *traffic, const struct tuple *tuple, const uint8_t *l4,
                    uint32_t bytes, uint64_t now_ns, uint64_t uncertainty_ns);
/* An ICMP error that quotes a datagram. The same. */
bool traffic_answer_error(struct traffic *traffic, const struct icmp_error *error, uint64_t now_ns,
                          uint64_t uncertainty_ns);

/* Fetch a report; false when there is none. Never full. */
bool traffic_report(struct traffic *traffic, struct traffic_report *report);

/* Connections held now, those being closed included. 0 after all streams have stopped. */
uint32_t traffic_connections(const struct traffic *traffic);
/* Write the faults that are still being counted (sent late): before the record is read for good. */
void traffic_flush_faults(struct traffic *traffic);

#endif
