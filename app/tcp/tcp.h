/* tcp.h - TCP for a load generator: segments and time in, segment descriptors and events out.
 *
 * The stack owns no packet, no port and no clock, and never calls back. One struct tcp belongs to
 * one worker. A turn of that worker is:
 *
 *     for each received segment:   tcp_input(tcp, now_ns, &tuple, l4, l4_bytes);
 *     tcp_timers(tcp, now_ns);
 *     for each of tcp_events(tcp, &count): act (tcp_send, tcp_close, tcp_open, ...);
 *     tcp_events_clear(tcp);
 *     count = tcp_output(tcp, now_ns, descriptors, what the tx ring and mbuf pool have room for);
 *     for each descriptor: tcp_header_write() to the packet, payload after it, checksum, send.
 *     again: events, since output reports retransmissions.
 *
 * Streams are numbered, not stored. Byte 0 of a stream is the first one after the SYN, in 64 bits,
 * in either direction. tcp_send() makes our stream longer; descriptors name the part to fill in by
 * stream offset, and the same part again when it is retransmitted. Nothing that tcp_output() did
 * not hand out counts as sent: SND.NXT never passes what was emitted.
 *
 * Life of a handle: tcp_open() gives it; TCP_EVENT_GONE is the last event that bears it, and at
 * that event all memory of the connection is free again and calls with the handle do nothing.
 * There is no release call: a connection goes after both FINs, a reset, a refusal, a time-out, or
 * tcp_abort(). TIME-WAIT is kept apart, in a small entry that answers for the tuple; the handle is
 * gone by then. When those entries run out, the oldest one is given up (and counted), never a
 * connection refused.
 *
 * A listener (tcp_listen()) makes connections of SYNs from peers. They are half open at first, in
 * small records without a handle; TCP_EVENT_ACCEPTED gives the handle of one that is established.
 * When those records run out, SYNs are answered by cookies, which cost no memory: a flood holds
 * nobody off. `user` is the listener's until tcp_user_set().
 *
 * A connection that is quiet for a while gives most of its memory back, to have it again when
 * something happens: 112 bytes are left of it, its place in the tables included.
 *
 * What ends a connection comes as two events: why (REFUSED, UNREACHABLE, SYN_TIMEOUT, RESET,
 * TIMED_OUT; none after an orderly close or tcp_abort), then GONE.
 *
 * Threads: one owner, no locks, no system calls. Memory: all of it in tcp_setup(), from the heap,
 * written there (so it comes from the NUMA node of the thread that calls it). Full: each table
 * refuses and counts, as said at its member of struct tcp_config.
 *
 * Sources: RFC 9293; RFC 5681, 6298, 6582, 6928, 9438, 3168 (loss and congestion); 2018, 2883,
 * 6675, 8985 (selective acknowledgment); 7323 (window scale, timestamps); 5961 (blind attacks);
 * 6528 (ISN); 5927 (ICMP); 4987 (SYN flood). What differs from them is marked in the code with
 * "Differs:" and listed in docs/tcp.md.
 */
#ifndef TCP_TCP_H
#define TCP_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/pool.h"

/* A connection outside tcp/: 0 is none; stale ones are noticed. */
typedef pool_handle tcp_conn;

struct tcp; /* One a worker; inside in tcp_priv.h. */

enum {
    TCP_HEADER_BYTES = 20,      /* Without options. */
    TCP_OPTIONS_BYTES_MAX = 40, /* RFC 9293 3.1: data offset is four bits. */
    TCP_HEADER_BYTES_MAX = 60,  /* Room that tcp_header_write() may need. */
    TCP_WINDOW_SCALE_MAX = 14,  /* RFC 7323 2.3. */
};

enum tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40, /* RFC 3168. */
    TCP_CWR = 0x80,
};

/* How the congestion window grows when nothing is lost, and by how much it falls. */
enum tcp_congestion_law {
    TCP_RENO,  /* RFC 5681. */
    TCP_CUBIC, /* RFC 9438. */
};

/* States of RFC 9293 3.3.2, with the text that reports print. TIME-WAIT has no handle. */
#define TCP_STATES(X)                                                                              \
    X(CLOSED, "CLOSED")                                                                            \
    X(LISTEN, "LISTEN")                                                                            \
    X(SYN_SENT, "SYN-SENT")                                                                        \
    X(SYN_RECEIVED, "SYN-RECEIVED")                                                                \
    X(ESTABLISHED, "ESTABLISHED")                                                                  \
    X(FIN_WAIT_1, "FIN-WAIT-1")                                                                    \
    X(FIN_WAIT_2, "FIN-WAIT-2")                                                                    \
    X(CLOSING, "CLOSING")                                                                          \
    X(TIME_WAIT, "TIME-WAIT")                                                                      \
    X(CLOSE_WAIT, "CLOSE-WAIT")                                                                    \
    X(LAST_ACK, "LAST-ACK")

enum tcp_state {
#define X(name, text) TCP_##name,
    TCP_STATES(X)
#undef X
    TCP_STATE_COUNT
};

/* What became of a segment, and the sentence that a report prints about each reason to drop one. */
#define TCP_VERDICTS(X)                                                                            \
    X(TAKEN, "segments that were taken")                                                           \
    X(DROP_SHORT, "shorter than a TCP header")                                                     \
    X(DROP_OFFSET, "data offset below the header or beyond the segment")                           \
    X(DROP_OPTIONS, "an option's length runs out of the header or is impossible")                  \
    X(DROP_FLAGS, "a combination of flags that the state does not allow")                          \
    X(DROP_NO_CONNECTION, "no connection has this tuple; answered by a reset")                     \
    X(DROP_NO_CONNECTION_RST, "a reset for a tuple that no connection has")                        \
    X(DROP_TIME_WAIT, "for a connection in TIME-WAIT; answered by an ACK")                         \
    X(DROP_TIME_WAIT_RST, "a reset for a connection in TIME-WAIT, ignored (RFC 1337)")             \
    X(DROP_SYN_SENT_ACK, "acknowledges something other than our SYN; answered by a reset")         \
    X(DROP_SYN_SENT_RST, "a reset that does not acknowledge our SYN")                              \
    X(DROP_SYN_SENT_NO_SYN, "no SYN in answer to our SYN")                                         \
    X(DROP_DUPLICATE, "all of it was received before; answered by an ACK")                         \
    X(DROP_WINDOW, "outside of the receive window; answered by an ACK")                            \
    X(DROP_PAWS, "a timestamp older than the last (RFC 7323 PAWS); answered by an ACK")            \
    X(DROP_NO_TIMESTAMP, "no timestamp though timestamps were agreed (RFC 7323 3.2)")              \
    X(DROP_RST_WINDOW, "a reset outside of the receive window")                                    \
    X(DROP_RST_CHALLENGED, "a reset in the window but not at its edge: challenged (RFC 5961 3)")   \
    X(DROP_SYN_CHALLENGED, "a SYN on a synchronized connection: challenged (RFC 5961 4)")          \
    X(DROP_NO_ACK, "neither ACK, SYN nor RST on a synchronized connection")                        \
    X(DROP_ACK_OLD, "acknowledges bytes from too long ago: challenged (RFC 5961 5)")               \
    X(DROP_ACK_UNSENT, "acknowledges bytes that were never sent; answered by an ACK")              \
    X(DROP_AFTER_FIN, "bytes beyond the peer's own FIN")                                           \
    X(DROP_REASSEMBLY_FULL, "out of order, and no room to keep it: the peer will send it again")   \
    X(DROP_HALF_OPEN_SYN, "a SYN in the window of a half-open connection: it is given up")         \
    X(DROP_COOKIE,                                                                                 \
      "acknowledges no cookie sent under flood; if without text, answered by a reset")             \
    X(DROP_FULL, "for a listener, and no connection or record is free: the peer tries again")      \
    X(DROP_ACTIVES_FULL, "for a quiet connection, and no block free to wake it")                   \
    X(DROP_EVENTS_FULL, "the event array was not drained in time: the peer will send it again")

enum tcp_verdict {
#define X(name, text) TCP_##name,
    TCP_VERDICTS(X)
#undef X
    TCP_VERDICT_COUNT
};

/* Everything else that is counted, and the sentence of each. */
#define TCP_COUNTERS(X)                                                                            \
    X(opened, "connections opened")                                                                \
    X(open_refused_full, "opens refused: every connection or block of active state is in use")     \
    X(open_refused_in_use, "opens refused: the tuple is in use or in TIME-WAIT")                   \
    X(accepted, "connections that a peer opened to a listener")                                    \
    X(half_opens_reset, "half-open connections that the peer reset")                               \
    X(half_opens_timed_out, "half-open connections that the peer never completed")                 \
    X(syn_cookies_sent, "SYNs answered by a cookie: every half-open record was in use")            \
    X(syn_cookies_taken, "connections made by a cookie that came back")                            \
    X(established, "connections that were established")                                            \
    X(refused, "connections refused by RST")                                                       \
    X(reset, "connections reset by the peer")                                                      \
    X(syn_timeouts, "connection attempts that nothing answered")                                   \
    X(timeouts, "connections given up after silence")                                              \
    X(unreachable, "connection attempts ended by an ICMP error")                                   \
    X(aborted, "connections that we reset")                                                        \
    X(gone, "connections that are gone")                                                           \
    X(segments_in, "segments given to the stack")                                                  \
    X(segments_out, "segments handed out")                                                         \
    X(bytes_in, "payload bytes delivered in order")                                                \
    X(bytes_out, "payload bytes handed out, retransmissions included")                             \
    X(retransmits_rto, "segments sent again because the timer expired")                            \
    X(retransmits_fast, "segments sent again because later ones arrived")                          \
    X(retransmits_probe, "last segments sent again to learn whether the tail was lost (RFC 8985)") \
    X(retransmits_mtu, "segments sent again, smaller, after an ICMP packet-too-big")               \
    X(keep_alives, "keep-alive probes")                                                            \
    X(probes, "zero-window probes")                                                                \
    X(ecn_marks, "packets that came with a mark of congestion (RFC 3168)")                         \
    X(ecn_reductions, "windows made smaller because the peer told of such a mark")                 \
    X(challenge_acks, "challenge ACKs sent (RFC 5961)")                                            \
    X(challenge_acks_limited, "challenge ACKs held back by the rate limit")                        \
    X(resets_out, "resets sent")                                                                   \
    X(replies_full, "answers without a connection that found their queue full")                    \
    X(actives_full, "wakings of quiet connections put off: no block of active state free")         \
    X(segments_full, "emissions put off: no record free to remember the segment by")               \
    X(chunks_full, "out-of-order bytes not kept: no chunk free")                                   \
    X(time_waits, "TIME-WAIT entries made")                                                        \
    X(time_waits_reopened, "TIME-WAIT entries that a new connection took over (RFC 6191)")         \
    X(time_waits_evicted, "TIME-WAIT entries given up early to make room")                         \
    X(icmp_taken, "ICMP errors that were acted on or reported")                                    \
    X(icmp_no_connection, "ICMP errors that quote no connection")                                  \
    X(icmp_sequence, "ICMP errors that quote no byte in flight (RFC 5927)")                        \
    X(icmp_mtu_doubted, "packets-too-big not believed: larger ones get through (RFC 5927 7.2)")    \
    X(mtu_black_holes, "segments made smaller since two time-outs in a row met full ones")

struct tcp_counters {
    uint64_t verdicts[TCP_VERDICT_COUNT]; /* By enum tcp_verdict; each segment adds to one. */
#define X(name, text) uint64_t name;      /* Its sentence is in TCP_COUNTERS. */
    TCP_COUNTERS(X)
#undef X
};

struct tcp_config {
    uint32_t connections; /* At most POOL_CAPACITY_MAX. Full: tcp_open() returns 0. */
    uint32_t actives;     /* Blocks for connections that are not quiet. Full: tcp_open()
                                       returns 0; quiet ones wait to send, and drop what comes. */
    uint32_t addresses;   /* IPv6 addresses of connections, each counted once. Full:
                                       tcp_open() returns 0. */
    uint32_t time_waits;  /* TIME-WAIT entries. Full: the oldest is given up. */
    uint32_t listeners;   /* Ports listened on. Full: tcp_listen() returns false. */
    uint32_t half_opens;  /* Connections half open, by passive open. Full: SYN cookies. */
    uint32_t segments;    /* Records of segments in flight. Full: emission waits. */
    uint32_t segments_per_connection; /* Bound of one connection's share of them, and so of the work
                                         of an ACK. Full: no more is sent until some are
                                         acknowledged. */
    uint32_t chunks;                  /* Pieces of out-of-order data kept. Full: dropped. */
    uint32_t chunks_per_connection;   /* Bound of one connection's share of them. */
    uint16_t chunk_bytes;             /* Size of a piece: the largest payload expected, say 2048. */
    uint32_t events;                  /* Events between two clears. Full: segments are dropped, and
                                       the ends of connections are told after the next clear. */
    uint32_t replies;                 /* Answers waiting that belong to no live connection: resets,
                                       TIME-WAIT ACKs. Full: not sent, counted. */
    struct hash_key key;              /* Secret of ISNs, timestamp offsets and the tuple table. */
    uint64_t tick_ns;                 /* Granularity of timers. */
    uint64_t rto_initial_ns;          /* RFC 6298 (2.1). */
    uint64_t rto_min_ns;              /* RFC 6298 (2.4). */
    uint64_t rto_max_ns;              /* RFC 6298 (2.5); also bounds zero-window probes. */
    uint32_t syn_retries;             /* SYNs sent again before SYN_TIMEOUT. */
    uint32_t syn_ack_retries;         /* SYN-ACKs sent again before a half-open one is given up. */
    uint64_t syn_timeout_ns;  /* SYN_TIMEOUT this long after the first SYN; 0: no such limit. */
    uint64_t user_timeout_ns; /* TIMED_OUT after this silence with data in flight; 0: never. */
    uint64_t fin_wait_2_ns;   /* TIMED_OUT when the peer neither sends nor closes for so long
                                       after our FIN was acknowledged; 0: never. */
    uint64_t keep_alive_ns;   /* Probe a peer that sent nothing for so long, with nothing in
                                       flight (RFC 9293 3.8.4); 0: never. Such connections stay
                                       awake. */
    uint64_t keep_alive_interval_ns; /* Between such probes. */
    uint32_t keep_alive_probes;      /* TIMED_OUT when so many were not answered. */
    uint64_t time_wait_ns;           /* 2 MSL; 0: no TIME-WAIT is kept, such tuples answer RST. */
    uint64_t delayed_ack_ns; /* Below 500 ms; 0: each data segment is acknowledged at once. */
    bool time_wait_reuse;    /* tcp_open() takes over a tuple in TIME-WAIT, with an ISN beyond the
                                    old numbers, as RFC 6191 lets the peer accept it. */
    uint32_t window_bytes;   /* Receive window; over 65535 needs window_scale. */
    uint16_t mtu_bytes;      /* IP packets: MSS is 40 (IPv4) or 60 (IPv6) less. */
    uint8_t initial_window_segs; /* RFC 6928: 10. */
    enum tcp_congestion_law congestion;
    bool timestamps;         /* Offer RFC 7323 timestamps. */
    bool window_scale;       /* Offer RFC 7323 window scaling. */
    bool ecn;                /* Offer ECN (RFC 3168). A peer that offers it gets it in any case. */
    bool sack;               /* Offer selective acknowledgment (RFC 2018). */
    bool tell_acked;         /* TCP_EVENT_ACKED and _LOCAL_CLOSED are told: else nobody asks. */
    bool soft_icmp_ends_syn; /* Network and host unreachable end an attempt to connect, too. */
    uint32_t challenge_acks_per_s; /* RFC 5961 7: limit of the whole worker. */
};

enum tcp_event_kind {
    TCP_EVENT_CONNECTED,    /* Our SYN was answered. */
    TCP_EVENT_ACCEPTED,     /* A peer opened a connection to a listener: its handle is new. */
    TCP_EVENT_DATA,         /* `bytes` in-order bytes at `data`, from `stream_offset` on. */
    TCP_EVENT_ACKED,        /* The peer has all of our stream below `stream_offset`. This and
                               LOCAL_CLOSED only with config.tell_acked. */
    TCP_EVENT_PEER_FIN,     /* The peer sent all it will; its stream has `stream_offset` bytes. */
    TCP_EVENT_LOCAL_CLOSED, /* Our FIN is acknowledged: the peer has all of our stream. */
    TCP_EVENT_RETRANSMIT,   /* A segment counts as lost and was handed out again, at `at_ns`:
                               `first_sent_ns`, `stream_offset`, `bytes`, `cause`, `flags` (TCP_SYN,
                               TCP_FIN). */
    TCP_EVENT_REFUSED,      /* RST to our SYN. Final. */
    TCP_EVENT_RESET,        /* RST on an established connection. Final. */
    TCP_EVENT_UNREACHABLE,  /* An ICMP error, `icmp`; final only if `fatal`. */
    TCP_EVENT_SYN_TIMEOUT,  /* Nothing answered our SYNs. Final. */
    TCP_EVENT_TIMED_OUT,    /* Silence for the user timeout (or in FIN-WAIT-2), or no answer to
                               keep-alive probes. Final. */
    TCP_EVENT_GONE,         /* The last one of the handle. */
    TCP_EVENT_KINDS
};

enum tcp_cause {
    TCP_CAUSE_NONE,
    TCP_CAUSE_RTO,   /* The retransmission timer expired. */
    TCP_CAUSE_FAST,  /* Later segments arrived: three duplicate ACKs, a partial ACK in recovery
                       (RFC 6582), or SACK and time (RFC 8985). */
    TCP_CAUSE_MTU,   /* Too big for the path. */
    TCP_CAUSE_PROBE, /* The last of a flight, as no ACK came, and that is what arrived (RFC 8985
                        7.4): told when an ACK shows it. */
};

enum tcp_icmp_kind {
    TCP_ICMP_NET,           /* Destination network unreachable, no route (v6). Soft. */
    TCP_ICMP_HOST,          /* Host or address unreachable. Soft. */
    TCP_ICMP_PORT,          /* Port unreachable. Hard. */
    TCP_ICMP_PROTOCOL,      /* Protocol unreachable, unknown next header. Hard. */
    TCP_ICMP_ADMIN,         /* Administratively prohibited, a policy's reject route. Hard. */
    TCP_ICMP_TIME_EXCEEDED, /* TTL or hop limit ran out. Soft, ends nothing. */
    TCP_ICMP_TOO_BIG,       /* Packet too big, fragmentation needed: `mtu_bytes`. No event. */
};

struct tcp_event {
    uint8_t kind;        /* enum tcp_event_kind. */
    uint8_t cause;       /* RETRANSMIT: enum tcp_cause. */
    uint8_t flags;       /* RETRANSMIT: TCP_SYN and TCP_FIN if the segment has them. */
    uint8_t icmp;        /* UNREACHABLE: enum tcp_icmp_kind. */
    tcp_conn conn;       /* The connection; dead from GONE on. */
    uint64_t user;       /* What tcp_open(), tcp_listen() or tcp_user_set() was given. */
    uint64_t at_ns;      /* now_ns of the call that made the event: the arrival. */
    const uint8_t *data; /* DATA: in the packet given to tcp_input(), or, for what had come out of
                               order, in the stack's memory until tcp_events_clear(). */
    uint64_t stream_offset; /* See the kinds. */
    /* RETRANSMIT: when this segment was handed out first. Final kinds and GONE: when the first
     * segment without answer was; UINT64_MAX: none was open. */
    uint64_t first_sent_ns;
    uint64_t rtt_max_ns; /* Final kinds and GONE: largest round trip seen; 0: none. */
    uint32_t bytes;      /* DATA, RETRANSMIT: payload. */
    bool fatal;          /* This kind ended the connection: GONE follows. */
};

struct tcp_descriptor {
    struct tuple tuple;     /* local is the source. */
    uint64_t user;          /* Of the connection; 0 without one. */
    uint64_t stream_offset; /* Of the payload's first byte in our stream. */
    uint64_t first_sent_ns; /* now_ns of the tcp_output() that first handed it out. */
    tcp_conn
        conn;     /* 0: an answer that belongs to no connection. Of a reset by tcp_abort(): dead. */
    uint32_t seq; /* As in the header. */
    uint32_t ack; /* As in the header; 0 without TCP_ACK. */
    uint32_t payload_bytes;                 /* To be filled in after the header. */
    uint16_t window;                        /* As in the header, scaled. */
    uint8_t flags;                          /* enum tcp_flag. */
    uint8_t options_bytes;                  /* A multiple of 4. */
    uint8_t ecn;                            /* The two ECN bits of the IP header. */
    bool retransmission;                    /* Sent before, as a whole or in a larger segment. */
    uint8_t options[TCP_OPTIONS_BYTES_MAX]; /* options_bytes of them, ready for the wire. */
};

struct tcp_info {
    struct tuple tuple; /* local is ours. */
    enum tcp_state state;
    uint64_t user;             /* What tcp_open(), tcp_listen() or tcp_user_set() was given. */
    uint64_t sent_bytes;       /* Of our stream, handed out at least once. */
    uint64_t acked_bytes;      /* Of our stream, acknowledged. */
    uint64_t queued_bytes;     /* Length of our stream as tcp_send() made it. */
    uint64_t received_bytes;   /* Of the peer's stream, in order. */
    uint64_t srtt_ns;          /* Smoothed round trip; 0 before the first sample. */
    uint64_t rttvar_ns;        /* Its variation. */
    uint64_t rtt_max_ns;       /* Largest sample. */
    uint64_t rtt_last_ns;      /* Latest sample. */
    uint64_t rto_ns;           /* Time-out in force, with back-off. */
    uint64_t first_unacked_ns; /* When the first segment without answer was first handed out;
                                     UINT64_MAX: all is answered. */
    uint64_t retransmits;      /* Segments sent again. */
    uint32_t iss;              /* Our initial sequence number. */
    uint32_t irs;              /* The peer's; 0 before its SYN. */
    uint32_t snd_una;          /* Oldest unacknowledged sequence number. */
    uint32_t snd_nxt;          /* Next one to send. */
    uint32_t rcv_nxt;          /* Next one expected. */
    uint32_t snd_wnd_bytes;    /* The peer's window. */
    uint32_t cwnd_bytes;       /* Congestion window. */
    uint32_t ssthresh_bytes;   /* Slow start threshold. */
    uint16_t peer_mss_bytes;   /* As the peer's SYN said (536 or 1220 if it did not). */
    uint16_t mss_bytes;        /* Payload of our full-sized segments now, options allowed for. */
};

enum tcp_open_refusal {
    TCP_OPEN_OK,
    TCP_OPEN_FULL,   /* No connection, active block or place for an IPv6 address free. */
    TCP_OPEN_IN_USE, /* The tuple has a connection, or is in TIME-WAIT and not to be reused. */
};

/* --- Set-up: slow path. --- */

/* A configuration that suits a data centre, for so many connections: start from it. The key is
 * zero: set it, from the system's random source or from the run's seed. */
struct tcp_config tcp_config_default(uint32_t connections);
/* The same when it is known that at most AWAKE of them are not quiet. */
struct tcp_config tcp_config_quiet(uint32_t connections, uint32_t awake);
/* Take all memory. NULL with ERR for a value out of range or lack of memory. Time starts at
 * NOW_NS. */
struct tcp *tcp_setup(const struct tcp_config *config, uint64_t now_ns, struct error *err);
/* Give it back; NULL is harmless. */
void tcp_teardown(struct tcp *tcp);

/* --- The owner's thread only, all of them; NOW_NS never goes back. --- */

/* Begin to connect (RFC 9293 3.10.1, active). TUPLE is copied; USER comes back in events and
 * descriptors. 0 when refused: tcp_open_refusal() says why. */
tcp_conn tcp_open(struct tcp *tcp, uint64_t now_ns, const struct tuple *tuple, uint64_t user);
enum tcp_open_refusal tcp_open_refusal(const struct tcp *tcp); /* Of the last tcp_open(). */

/* Take connections that peers open to PORT of ADDRESS (RFC 9293 3.10.1, passive); ADDRESS NULL: of
 * any address of ours, where no listener has that very one. Their events bear USER. False if there
 * is one already, or all of config.listeners are in use. */
bool tcp_listen(struct tcp *tcp, const struct address *address, uint16_t port, uint64_t user);
/* Take no more of them; what is half open is forgotten, what is established stays. False if there
 * is no such listener. */
bool tcp_unlisten(struct tcp *tcp, const struct address *address, uint16_t port);

/* Make our stream longer by BYTES; also before CONNECTED. False for a stale handle, or after
 * tcp_close(). */
bool tcp_send(struct tcp *tcp, tcp_conn conn, uint64_t bytes);
/* FIN after all that was sent (RFC 9293 3.10.4). The other direction stays open until the peer's
 * FIN. In SYN-SENT the connection is GONE at once, as the RFC says. False for a stale handle, or if
 * done before. */
bool tcp_close(struct tcp *tcp, uint64_t now_ns, tcp_conn conn);
/* RST (except in SYN-SENT), and GONE at once (RFC 9293 3.10.5). False for a stale handle. */
bool tcp_abort(struct tcp *tcp, uint64_t now_ns, tcp_conn conn);
/* Offer another receive window from now on (a slow reader); config.window_bytes at most. What was
 * offered is never taken back. False for a stale handle, or if no active block is free for a quiet
 * one. */
bool tcp_receive_window(struct tcp *tcp, tcp_conn conn, uint32_t bytes);

/* One segment, l4 being the TCP header and what follows, checksum already verified. TUPLE as we see
 * it: local is the packet's destination. Its events are appended. Counted by its verdict. */
static inline enum tcp_verdict tcp_input(struct tcp *tcp, uint64_t now_ns,
                                         const struct tuple *tuple, const uint8_t *l4,
                                         uint16_t l4_bytes);
/* Likewise, with the two ECN bits of the packet's IP header, which tcp_input() takes as 0. */
enum tcp_verdict tcp_input_ecn(struct tcp *tcp, uint64_t now_ns, const struct tuple *tuple,
                               const uint8_t *l4, uint16_t l4_bytes, uint8_t ecn);
/* An ICMP or ICMPv6 error; TUPLE and SEQ (host order) of the segment it quotes, TUPLE as we see it.
 * MTU_BYTES only for TCP_ICMP_TOO_BIG. True if it was acted on or reported. */
bool tcp_icmp(struct tcp *tcp, uint64_t now_ns, const struct tuple *tuple, uint32_t seq,
              enum tcp_icmp_kind kind, uint32_t mtu_bytes);
/* Run what is due. A call that finds nothing costs two comparisons. */
void tcp_timers(struct tcp *tcp, uint64_t now_ns);
/* No timer is due before this; UINT64_MAX when none is set. */
uint64_t tcp_next_timer_ns(const struct tcp *tcp);

/* Hand out at most MAX segments to be sent now, in order. Also appends events (RETRANSMIT). */
uint32_t tcp_output(struct tcp *tcp, uint64_t now_ns, struct tcp_descriptor out[], uint32_t max);
/* Is there anything for tcp_output() to look at? */
bool tcp_output_wanted(const struct tcp *tcp);
/* Write the header with options for DESCRIPTOR to L4 (TCP_HEADER_BYTES_MAX of room) with a checksum
 * of zero, and return its length: the payload's place. Pure. */
static inline uint16_t tcp_header_write(const struct tcp_descriptor *descriptor, uint8_t *l4);
/* The same, and *SUM of what it wrote: 32-bit words as the machine reads them, added, which is how
 * RFC 1071 lets checksums be made. */
uint16_t tcp_header_write_summed(const struct tcp_descriptor *descriptor, uint8_t *l4,
                                 uint64_t *sum);

/* What happened since the last clear, oldest first. Their number may grow by any call but this one;
 * the array stands where it is, and what is in it stays until it is cleared. */
const struct tcp_event *tcp_events(const struct tcp *tcp, uint32_t *count);
/* Forget them and free what DATA events pointed to. Ends of connections that found no room are
 * events then. */
void tcp_events_clear(struct tcp *tcp);

/* False for a stale handle, OUT untouched. */
bool tcp_conn_info(const struct tcp *tcp, tcp_conn conn, struct tcp_info *out);
/* Of that, what its end is told by: first_unacked_ns and rtt_max_ns. */
bool tcp_conn_silence(const struct tcp *tcp, tcp_conn conn, uint64_t *first_unacked_ns,
                      uint64_t *rtt_max_ns);
/* Has the peer all of our stream below OFFSET? True for a stale handle. */
bool tcp_is_acked(const struct tcp *tcp, tcp_conn conn, uint64_t offset);
/* The length of our stream as tcp_send() made it. False for a stale handle, BYTES untouched. */
bool tcp_queued(const struct tcp *tcp, tcp_conn conn, uint64_t *bytes);
/* Below config.connections, and no other live handle's: for tables beside the tcp. Of a dead one,
 * what it was. */
uint32_t tcp_conn_index(const struct tcp *tcp, tcp_conn conn);
/* Events and descriptors from now on bear USER. False for a stale handle. */
bool tcp_user_set(struct tcp *tcp, tcp_conn conn, uint64_t user);
const struct tcp_counters *tcp_counters(const struct tcp *tcp);
uint32_t tcp_connections(const struct tcp *tcp); /* Live handles. */
/* Walk over live handles: begin with 0, 0 ends it. Handles may go while walking. */
tcp_conn tcp_conn_next(const struct tcp *tcp, tcp_conn previous);
/* Nothing is held: no connection, half-open or whole, TIME-WAIT entry, timer, segment record,
 * chunk, reply or event. Tests end with it. */
bool tcp_is_empty(const struct tcp *tcp);

const char *tcp_state_text(enum tcp_state state);
const char *tcp_verdict_text(enum tcp_verdict verdict); /* The sentence. */
const char *tcp_verdict_name(enum tcp_verdict verdict); /* "DROP_PAWS". */
const char *tcp_event_name(enum tcp_event_kind kind);   /* "peer-fin". */

static inline enum tcp_verdict tcp_input(struct tcp *tcp, uint64_t now_ns,
                                         const struct tuple *tuple, const uint8_t *l4,
                                         uint16_t l4_bytes)
{
    return tcp_input_ecn(tcp, now_ns, tuple, l4, l4_bytes, 0);
}

static inline uint16_t tcp_header_write(const struct tcp_descriptor *descriptor, uint8_t *l4)
{
    uint64_t sum;

    return tcp_header_write_summed(descriptor, l4, &sum);
}

#endif
