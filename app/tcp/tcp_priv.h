/* tcp_priv.h - inside the stack: the connection, the worker's whole, and what its parts call.
 *
 * Positions. Within a connection both streams are counted in 64 bits from their SYN on: the SYN has
 * position 0, byte k of the stream 1 + k, the FIN comes after the last byte. On the wire a position
 * is the initial sequence number plus its low 32 bits. So SND.UNA, SND.NXT, RCV.NXT and all that is
 * compared with them never wrap; only a segment that comes in needs the modular arithmetic, once.
 *
 * Threads: one owner. Memory: tcp_setup.c.
 */
#ifndef TCP_TCP_PRIV_H
#define TCP_TCP_PRIV_H

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/wheel.h"
#include "tcp/tcp.h"
#include "tcp/tcp_address.h"
#include "tcp/tcp_congestion.h"
#include "tcp/tcp_header.h"
#include "tcp/tcp_listen.h"
#include "tcp/tcp_rack.h"
#include "tcp/tcp_reassembly.h"
#include "tcp/tcp_rtt.h"
#include "tcp/tcp_sack.h"
#include "tcp/tcp_slot.h"
#include "tcp/tcp_table.h"

#define TCP_NEVER_NS UINT64_MAX

/* What is done for each segment, and not worth a call. */
#define ALWAYS_INLINE __attribute__((always_inline))

enum {
    TCP_SEGMENTS_PER_ACK = 2 /* RFC 9293 3.8.6.3: at least every second one is acknowledged. */
};

/* A part of our sequence space in flight: the unit that is lost, sent again, and timed. */
struct tcp_segment {
    STAILQ_ENTRY(tcp_segment) link; /* In its connection, by position; or in the free list. */
    uint64_t pos;                   /* Of its first octet. */
    uint64_t first_sent_ns;         /* When it was handed out first. */
    uint64_t last_sent_ns;          /* And last. */
    uint32_t length;                /* Sequence space: payload, and one each for SYN and FIN. */
    uint8_t transmissions;          /* Saturated. */
    bool sacked : 1;                /* The peer reported it (RFC 2018). */
    bool probed : 1;                /* Sent again to probe the tail: it may have arrived before. */
    bool probe_arrived : 1;         /* What arrived is the probe: the first sending was lost. */
    uint8_t flags;                  /* TCP_SYN or TCP_FIN if it has them. */
    uint8_t cause;                  /* enum tcp_cause; not NONE: to be sent again. */
};
STAILQ_HEAD(tcp_segment_list, tcp_segment);

/* What the retransmission timer waits for. */
enum tcp_timer_kind {
    TCP_TIMER_OFF,
    TCP_TIMER_RTO,        /* An ACK for what is in flight. */
    TCP_TIMER_PERSIST,    /* A window for what could be sent. */
    TCP_TIMER_FIN_WAIT_2, /* The peer's FIN. */
    TCP_TIMER_KEEP_ALIVE, /* A sign of life, with nothing in flight. */
    TCP_TIMER_QUIET,      /* The end of a pause after which the connection may sleep. */
};

/* The transmission control block, RFC 9293 3.3.1: a connection that is awake (tcp_slot.h). What
 * most segments need is in nine lines, of which either direction leaves some alone. */
struct tcb {
    /* Line 1. Written by input and output: where both streams stand. */
    alignas(64) uint64_t snd_una; /* Oldest unacknowledged position. */
    uint64_t snd_nxt;             /* Next position to hand out for the first time. */
    uint64_t stream_end;          /* Position behind the last byte of our stream: the FIN's. */
    uint64_t rcv_nxt;             /* Next position expected. */
    uint64_t rcv_adv;             /* Right edge of the window that was offered. */
    uint32_t iss;                 /* Initial send sequence number. */
    uint32_t irs;                 /* Initial receive sequence number. */
    uint32_t snd_wnd;             /* The peer's window, bytes. */
    tcp_conn conn;                /* Own handle. */
    uint8_t state;                /* enum tcp_state. */
    bool ready;                   /* In the ready list. */
    bool fin_wanted;              /* tcp_close() was called. */
    bool fin_sent;                /* snd_nxt is behind our FIN. */
    bool ack_now;                 /* An ACK is due at the next output. */
    uint8_t dup_acks_owed;        /* ACKs due for segments out of order, one each. */
    bool probe_now : 1;           /* A zero-window probe is due. */
    bool alive_now : 1;           /* A keep-alive probe is due. */
    bool tail_now : 1;            /* A probe of the tail is due (RFC 8985 7.3). */
    bool override_now;            /* Send less than a full segment in spite of a small window. */
    /* Line 2. Written by input and output: what is in flight, and what is to be done. */
    alignas(64) struct tcp_segment_list segments; /* In flight, by position. */
    union {
        TAILQ_ENTRY(tcb) ready_link; /* In the ready list if `ready`. */
        SLIST_ENTRY(tcb) free_link;  /* Of a block that is not lent. */
    };
    uint64_t user;             /* The caller's. */
    uint64_t last_ack_sent;    /* Last position that we acknowledged (RFC 7323). */
    uint64_t deadline_ns;      /* retry_ns, or the end of our patience before it. */
    uint64_t silence_since_ns; /* Start of the silence that the user timeout measures. */
    /* Line 3. Written by the handshake, most of it: what is agreed. */
    alignas(64) struct tcp_slot *slot; /* Its own; NULL in a copy to look at. */
    struct tcp_reassembly_queue queue; /* What came out of order. */
    uint32_t hash;                     /* Of the tuple. */
    uint32_t ts_recent;                /* The peer's timestamp to echo. */
    uint32_t ts_offset;                /* Of our timestamps. */
    uint32_t rcv_wnd;                  /* Window that we are willing to offer. */
    uint32_t segment_count;            /* Records in `segments`. */
    uint16_t mss;                      /* Payload of a full segment, options allowed for. */
    uint16_t acked_mss;                /* The longest segment that got through. */
    uint8_t snd_wscale;                /* Shift of the peer's window. */
    uint8_t rcv_wscale;                /* Shift of ours. */
    uint8_t timer_kind;                /* enum tcp_timer_kind. */
    uint8_t unacked_segs;              /* Data segments that a delayed ACK will cover. */
    uint8_t alive_probes;              /* Keep-alive probes since a segment last came. */
    bool timestamps;                   /* Agreed in the handshake. */
    bool sack;                         /* Likewise: selective acknowledgment. */
    bool ecn;                          /* ECN is agreed. */
    bool rcv_fin_known;                /* rcv_fin is valid. */
    bool scaled : 1;                   /* Window scaling is agreed. */
    bool passive : 1;                  /* The peer opened it. */
    bool ecn_echo : 1;                 /* A mark came, and the peer has not said that it knows. */
    bool lost_first : 1; /* The next lost segment is sent again whatever the window. */
    /* Lines 4 and 5. Written by input: round trips, and what they tell of losses. Output needs the
     * first one alone. */
    alignas(64) struct tcp_rtt rtt;
    struct tcp_rack rack;
    uint64_t heard_ns; /* When a segment last came. */
    /* Lines 6 and 7. Written by input: windows, congestion. The second one only when something is
     * lost, or the peer closes. */
    alignas(64) uint64_t snd_wl1; /* Peer's position at the last window update. */
    uint64_t snd_wl2;             /* Our position acknowledged then. */
    uint64_t ts_recent_ns;        /* When ts_recent was taken. */
    uint32_t snd_wnd_max;         /* Largest window that the peer ever offered. */
    uint32_t timeouts;            /* RTOs or window probes since the last progress. */
    struct tcp_congestion congestion;
    uint64_t rcv_fin;        /* Position of the peer's FIN, once known. */
    uint64_t ecn_end;        /* SND.NXT when the window was last reduced for a mark. */
    uint64_t refuse_next_ns; /* When the next empty segment outside of the window is answered. */
    uint32_t lost_bytes;     /* Of `segments`: counts as lost, not yet sent again. */
    uint32_t sacked_bytes;   /* Of `segments`: arrived, as SACK blocks say. */
    /* Lines 8 and 9. Written by output and timers. */
    alignas(64) struct tuple tuple; /* local is ours. */
    struct wheel_timer timer;       /* Armed for the earlier of the deadlines, or before. */
    uint64_t armed_ns;              /* What it is armed for. */
    uint64_t retry_ns;              /* When timer_kind would act. */
    uint64_t ack_deadline_ns;       /* Of a delayed ACK. */
    uint64_t last_data_ns;          /* When data was last handed out. */
    uint32_t retransmits;           /* Segments sent again. */
    uint16_t peer_mss;              /* From the peer's SYN. */
    /* To line 10, which is written when something came out of order. */
    struct tcp_sack_report sack_report;
};
TAILQ_HEAD(tcb_list, tcb);
SLIST_HEAD(tcb_stack, tcb);

static_assert(sizeof(struct tcp_segment) == 40, "a segment record stays small");
static_assert(sizeof(struct tcb) == 10 * 64, "the lines are as the comments say");
static_assert(offsetof(struct tcb, segments) == 64, "line 1 is one line");
static_assert(offsetof(struct tcb, slot) == 2 * 64, "line 2 is one line");
static_assert(offsetof(struct tcb, rtt) == 3 * 64, "line 3 is one line");
static_assert(offsetof(struct tcb, rack.sent_ns) == 4 * 64, "line 4 is what output needs");
static_assert(offsetof(struct tcb, snd_wl1) == 5 * 64, "line 5 is one line");
static_assert(offsetof(struct tcb, congestion.cubic) == 6 * 64, "line 6 is what each ACK needs");
static_assert(offsetof(struct tcb, tuple) == 7 * 64, "line 7 is one line");
static_assert(offsetof(struct tcb, armed_ns) == 8 * 64, "line 8 is one line");
static_assert(offsetof(struct tcb, sack_report.recent) == 9 * 64, "line 9 is one line");

/* A connection in TIME-WAIT: what it needs to answer for its tuple. */
struct tcp_time_wait {
    TAILQ_ENTRY(tcp_time_wait) link; /* By expiry, or in the free list. */
    uint64_t expires_ns;             /* End of 2 MSL. */
    struct tuple tuple;              /* local is ours. */
    struct tcp_remains remains;      /* Of the connection. */
};
TAILQ_HEAD(tcp_time_wait_list, tcp_time_wait);

/* A path that takes less than the port. */
struct tcp_path {
    struct address remote;
    uint64_t told_ns;
    uint16_t mtu_bytes;
};

enum {
    TCP_PATHS_MAX = 64 /* The one told of first makes room. */
};

struct tcp {
    /* Line 1. Looked at in each turn. */
    alignas(64) struct tcb_list ready; /* Connections that output should look at. */
    uint32_t replies_head;             /* Replies ever queued. */
    uint32_t replies_tail;             /* Replies ever handed out. */
    uint32_t event_count;              /* Events since the last clear. */
    uint32_t event_capacity;           /* Room. */
    struct tcp_event *events;
    struct tcp_descriptor *replies; /* A ring of config.replies, rounded up to a power of two. */
    uint32_t replies_mask;
    uint8_t refusal; /* enum tcp_open_refusal of the last tcp_open(). */
    /* Line 2 and on. Tables and lists; written by their modules. */
    alignas(64) struct tcp_table table;
    struct hash_words_key table_key;
    struct pool pool;               /* Of struct tcp_slot. */
    struct tcp_addresses addresses; /* IPv6 addresses of slots. */
    struct tcb_stack free_tcbs;     /* Control blocks not lent. */
    uint32_t tcbs_in_use;
    uint32_t first_waiting, last_waiting; /* References of slots that wait for a block. */
    uint32_t first_ended, last_ended;     /* And of those whose end is not told yet. */
    uint32_t ended_count;
    struct tcp_segment_list free_segments; /* Records not in flight. */
    uint32_t segments_in_use;
    uint32_t time_waits_in_use;
    struct tcp_time_wait *time_wait_array; /* config.time_waits of them. */
    struct tcp_time_wait_list time_waits;  /* In use, by expiry. */
    struct tcp_time_wait_list free_time_waits;
    struct tcp_listen listen;
    struct tcp_reassembly reassembly;
    uint64_t mtu_lowered_ns; /* When a path MTU was last lowered; TCP_NEVER_NS: never. */
    struct tcp_path paths[TCP_PATHS_MAX]; /* Whose MTU was told, for connections to come. */
    uint32_t path_count;                  /* Of `paths` in use. */
    uint64_t challenge_second;            /* Second that challenge_left is for. */
    uint32_t challenge_left;              /* Challenge ACKs that may still be sent in it. */
    uint8_t own_scale;                    /* The shift that window_bytes takes. */
    struct tcp_rtt_limits rtt_limits;
    struct tcp_config config;
    struct tcp_counters counters;
    struct wheel wheel; /* Timers of connections. */
};

/* A segment that came in, in positions of its connection. */
struct tcp_arrival {
    struct tcp_header header;
    uint64_t now_ns;
    const struct tuple *tuple; /* local is ours. */
    uint32_t hash;             /* Of the tuple. */
    const uint8_t *data;       /* Payload, trimmed to what is new as the steps go on. */
    uint32_t bytes;            /* Of payload. */
    uint32_t acked;            /* Of our sequence space, what nothing acknowledged before. */
    uint64_t pos; /* Of the first octet; valid after step 1, and then not below rcv_nxt. */
    uint64_t ack; /* Our position that it acknowledges, once that is acceptable. */
    bool fin;     /* Has a FIN, and that is not cut off by the window. */
    uint8_t ecn;  /* Of the IP header. */
    bool ended;   /* A step ended the connection: there are no further steps. */
};

/* References in the tuple table: 0 none; a connection's index + 1; a TIME-WAIT entry's index with
 * the high bit; a half-open connection's with the next one. */
enum {
    TCP_REF_INDEX_BITS = 30
};
#define TCP_REF_HALF_OPEN (UINT32_C(1) << TCP_REF_INDEX_BITS)
#define TCP_REF_TIME_WAIT (UINT32_C(2) << TCP_REF_INDEX_BITS)

static inline struct tcp_slot *tcp_slot_of_ref(const struct tcp *tcp, uint32_t ref)
{
    void *slots = tcp->pool.objects;

    return (struct tcp_slot *)slots + (ref - 1);
}

static inline uint32_t tcp_ref_of_slot(const struct tcp *tcp, const struct tcp_slot *slot)
{
    void *slots = tcp->pool.objects;

    return (uint32_t)(slot - (struct tcp_slot *)slots) + 1;
}

/* Its handle. */
static inline tcp_conn tcp_conn_of_ref(const struct tcp *tcp, uint32_t ref)
{
    return tcp->pool.links[ref - 1];
}

static inline struct tcp_time_wait *tcp_time_wait_of_ref(const struct tcp *tcp, uint32_t ref)
{
    return &tcp->time_wait_array[ref & ~TCP_REF_TIME_WAIT];
}

static inline struct tcp_half_open *tcp_half_open_of_ref(const struct tcp *tcp, uint32_t ref)
{
    return &tcp->listen.half_open_array[ref & ~TCP_REF_HALF_OPEN];
}

/* --- Which connection --- */
/* That of a handle, in any state but ended; NULL when stale. */
static inline struct tcp_slot *tcp_slot(const struct tcp *tcp, tcp_conn conn)
{
    struct tcp_slot *slot = pool_get(&tcp->pool, conn);

    return slot != NULL && slot->kind != TCP_SLOT_ENDED ? slot : NULL;
}

/* Ports that follow each other, as one connection after the other has them, share a line of the
 * table: at most 64 tuples have all else in common, which bounds how many meet there. */
static inline uint32_t tcp_tuple_ports(const struct tuple *tuple)
{
    return (uint32_t)(tuple->local_port / TCP_TABLE_LINE) << 16 |
           tuple->remote_port / TCP_TABLE_LINE;
}

/* That of TUPLE in the tuple table. */
static inline uint32_t tcp_tuple_hash(const struct tcp *tcp, const struct tuple *tuple)
{
    const uint32_t place = (uint32_t)(tuple->local_port + tuple->remote_port) % TCP_TABLE_LINE;
    const uint32_t v4[4] = {address_v4_word(&tuple->local), address_v4_word(&tuple->remote),
                            tcp_tuple_ports(tuple), 0};
    const uint32_t hash = address_is_v4(&tuple->local) ? hash_words(&tcp->table_key, v4, 4)
                                                       : tcp_tuple_hash_v6(tcp, tuple);

    return hash / TCP_TABLE_LINE * TCP_TABLE_LINE + place;
}

static inline bool tcp_ref_is(const struct tcp *tcp, uint32_t ref, const struct tuple *tuple)
{
    if (ref >= TCP_REF_HALF_OPEN)
        return tcp_ref_waits_for(tcp, ref, tuple);
    const struct tcp_slot *slot = tcp_slot_of_ref(tcp, ref);
    const struct tcp_tuple *own = &slot->tuple;
    if (own->local_port != tuple->local_port || own->remote_port != tuple->remote_port ||
        slot->v6 == address_is_v4(&tuple->local))
        return false;
    if (slot->v6)
        return tcp_slot_is_v6(tcp, slot, tuple);
    return own->local == address_v4_word(&tuple->local) &&
           own->remote == address_v4_word(&tuple->remote);
}

/* What has TUPLE, whose hash is HASH: a reference; 0 is nothing. */
static inline uint32_t tcp_find(const struct tcp *tcp, const struct tuple *tuple, uint32_t hash)
{
    struct tcp_table_walk walk = tcp_table_walk(&tcp->table, hash);
    uint32_t ref;

    while ((ref = tcp_table_next(&tcp->table, &walk)) != 0) {
        if (tcp_ref_is(tcp, ref, tuple))
            return ref;
    }
    return 0;
}

/* --- tcp_conn.c --- */
/* A new connection of TUPLE in CLOSED, with its initial sequence number. NULL when full. */
struct tcb *tcp_begin(struct tcp *tcp, uint64_t now_ns, const struct tuple *tuple, uint32_t hash,
                      uint64_t user);
/* Bit T of tcp_transitions[S]: S may become T. */
extern const uint16_t tcp_transitions[TCP_STATE_COUNT];
/* The only place where a state changes; asserts that RFC 9293 figure 5 has the transition. */
static inline void tcp_state_set(struct tcb *tcb, enum tcp_state state)
{
    assert((tcp_transitions[tcb->state] >> state & 1) != 0);
    tcb->state = (uint8_t)state;
}

/* Put it on the ready list, unless it is there. */
static inline void tcp_ready(struct tcp *tcp, struct tcb *tcb)
{
    if (tcb->ready)
        return;
    tcb->ready = true;
    TAILQ_INSERT_TAIL(&tcp->ready, tcb, ready_link);
}

static inline void tcp_unready(struct tcp *tcp, struct tcb *tcb)
{
    if (!tcb->ready)
        return;
    tcb->ready = false;
    TAILQ_REMOVE(&tcp->ready, tcb, ready_link);
}

/* The end: an event of KIND with why (none for TCP_EVENT_GONE), then GONE; all memory goes back and
 * TCB is no more. */
void tcp_end(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, enum tcp_event_kind kind);
/* The end of a quiet connection, COPY being what tcp_slot_peek() gave. */
void tcp_end_quiet(struct tcp *tcp, struct tcp_slot *slot, const struct tcb *copy, uint64_t now_ns);
/* As tcp_end(), with the kind of ICMP error that did it. */
void tcp_end_unreachable(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                         enum tcp_icmp_kind icmp);
/* Both streams are over and we closed first: a TIME-WAIT entry takes the tuple over. */
void tcp_end_time_wait(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);

static inline uint32_t tcp_flight(const struct tcb *tcb)
{
    return (uint32_t)(tcb->snd_nxt - tcb->snd_una);
}

/* The flight that IN told of, which is what a reduction takes a part of (RFC 5681 3.1): its ACK may
 * cover all of that, and leave none. */
static inline uint32_t tcp_flight_before(const struct tcb *tcb, const struct tcp_arrival *in)
{
    return tcp_flight(tcb) + in->acked;
}

/* IN has an ACK alone: no text, no FIN, no other window (RFC 5681 2). */
static inline bool tcp_ack_is_bare(const struct tcb *tcb, const struct tcp_arrival *in)
{
    return in->bytes == 0 && !in->fin &&
           (uint32_t)in->header.window << tcb->snd_wscale == tcb->snd_wnd;
}

/* --- tcp_event.c --- */
static inline uint32_t tcp_events_room(const struct tcp *tcp)
{
    return tcp->event_capacity - tcp->event_count;
}

/* Append one, its fields zero but those that all kinds have. There must be room. */
static inline struct tcp_event *tcp_event_add(struct tcp *tcp, const struct tcb *tcb,
                                              uint64_t now_ns, enum tcp_event_kind kind)
{
    assert(tcp->event_count < tcp->event_capacity);
    struct tcp_event *event = &tcp->events[tcp->event_count++];

    *event = (struct tcp_event){
        .kind = (uint8_t)kind, .conn = tcb->conn, .user = tcb->user, .at_ns = now_ns};
    return event;
}

/* SEGMENT counts as lost, for CAUSE, and was sent again at SENT_NS. There must be room. */
void tcp_event_add_retransmit(struct tcp *tcp, const struct tcb *tcb, uint64_t sent_ns,
                              const struct tcp_segment *segment, enum tcp_cause cause);
/* Append the last events of REF, which ended as ENDED says, and free its slot. False: there is no
 * room, and nothing was done. */
bool tcp_event_add_end(struct tcp *tcp, uint32_t ref, uint64_t user, const struct tcp_ended *ended);
/* The same for those that wait for that in their slots, as far as there is room. */
void tcp_event_add_ends(struct tcp *tcp);

/* --- tcp_reply.c: answers that are handed out without a connection --- */
/* A zeroed descriptor with TUPLE at the end of the queue, or NULL (counted) when full. */
struct tcp_descriptor *tcp_reply_add(struct tcp *tcp, const struct tuple *tuple);
/* The reset that RFC 9293 3.10.7.1 gives a segment that should not have come. */
void tcp_reply_reset(struct tcp *tcp, const struct tcp_arrival *in);
/* Our reset of a connection (abort). */
void tcp_reply_abort(struct tcp *tcp, const struct tcb *tcb);
uint32_t tcp_reply_output(struct tcp *tcp, uint64_t now_ns, struct tcp_descriptor out[],
                          uint32_t max);

/* --- tcp_time_wait.c --- */
/* An ACK that is due is handed out, whether or not an entry is kept. */
void tcp_time_wait_begin(struct tcp *tcp, const struct tcb *tcb, uint64_t now_ns);
/* A half-open connection that came of it is given up: TIME-WAIT begins anew. */
void tcp_time_wait_again(struct tcp *tcp, const struct tuple *tuple,
                         const struct tcp_remains *remains, uint64_t now_ns);
/* Give the entry of REF up, and return what it kept. */
struct tcp_remains tcp_time_wait_end(struct tcp *tcp, uint32_t ref);
enum tcp_verdict tcp_time_wait_input(struct tcp *tcp, uint32_t ref, const struct tcp_arrival *in);
void tcp_time_wait_expire(struct tcp *tcp, uint64_t now_ns);

/* Wire sequence numbers of positions. */
static inline uint32_t tcp_wire_snd(const struct tcb *tcb, uint64_t pos)
{
    return tcb->iss + (uint32_t)pos;
}

static inline uint32_t tcp_wire_rcv(const struct tcb *tcb, uint64_t pos)
{
    return tcb->irs + (uint32_t)pos;
}

/* --- tcp_ack.c: step 5 of 3.10.7.4, our side of the stream --- */
/* Take over that the peer has everything below IN->ack, which is new: segments, round trip,
 * congestion, timers, events. Sets IN->acked. IN also may update the window. */
void tcp_ack_new(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
/* The event of that, SND.UNA having been WAS. */
void tcp_ack_tell(struct tcp *tcp, const struct tcb *tcb, uint64_t was, uint64_t now_ns);
/* Nothing new acknowledged: perhaps a duplicate ACK (RFC 5681 2). */
void tcp_ack_old(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in);
void tcp_ack_window(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in);
/* SEGMENT counts as lost. */
void tcp_ack_lose(struct tcb *tcb, struct tcp_segment *segment, enum tcp_cause cause);
/* The first segment in flight counts as lost. */
void tcp_ack_lose_first(struct tcp *tcp, struct tcb *tcb, enum tcp_cause cause);
/* All segments in flight count as lost (those larger than ABOVE payload bytes). */
void tcp_ack_lose_all(struct tcp *tcp, struct tcb *tcb, enum tcp_cause cause, uint32_t above);

/* --- tcp_sack.c --- */
static inline struct tcp_sack_news tcp_sack_news_of(struct tcb *tcb, const struct tcp_arrival *in)
{
    if (!tcb->sack || in->header.sack_count == 0)
        return (struct tcp_sack_news){.any = false};
    return tcp_sack_input(tcb, in);
}

/* --- tcp_rack.c --- */
/* RFC 8985 7.2: something was sent, or acknowledged. */
static inline void tcp_rack_schedule_probe(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    struct tcp_rack *rack = &tcb->rack;
    uint64_t wait_ns = TCP_RACK_PROBE_WITHOUT_RTT_NS;

    if (rack->timer == TCP_RACK_REORDERING)
        return;
    rack->timer = TCP_RACK_OFF;
    rack->deadline_ns = TCP_NEVER_NS;
    if (tcb->snd_una == tcb->snd_nxt)
        return;
    if (tcb->rtt.samples > 0)
        wait_ns = 2 * tcb->rtt.srtt_ns;
    if (tcb->segment_count == 1)
        wait_ns += TCP_RACK_ACK_DELAY_MAX_NS;
    /* Else the time-out does what a probe would do. */
    if (wait_ns < tcp_rtt_rto_ns(&tcb->rtt, &tcp->rtt_limits))
        tcp_rack_set_probe(tcp, tcb, now_ns + wait_ns);
}

/* --- tcp_mtu.c --- */
/* What packets to REMOTE may have, as far as is known: the port's MTU, or less that was told in the
 * last 10 minutes. */
uint32_t tcp_mtu_of(const struct tcp *tcp, const struct address *remote, uint64_t now_ns);
/* An ICMP error says that the path takes MTU_BYTES. False: no news, or not believed. */
bool tcp_mtu_told(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, uint32_t mtu_bytes);
/* A time-out: perhaps full segments vanish without an ICMP error. */
void tcp_mtu_suspect(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);
/* One was lowered: try full segments again when none was for 10 minutes. */
void tcp_mtu_raise(const struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);

/* --- tcp_text.c: steps 7 and 8, the peer's side --- */
enum tcp_verdict tcp_text_input(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
/* The peer's FIN, at RCV.NXT. */
void tcp_text_fin(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);

/* The next BYTES of the peer's stream: an event. */
static inline void tcp_text_deliver(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                                    const uint8_t *data, uint32_t bytes)
{
    struct tcp_event *event = tcp_event_add(tcp, tcb, now_ns, TCP_EVENT_DATA);

    event->data = data;
    event->bytes = bytes;
    event->stream_offset = tcb->rcv_nxt - 1;
    tcb->rcv_nxt += bytes;
    tcp->counters.bytes_in += bytes;
}

/* --- tcp_expected.c --- */
/* IN, all of it, if it is what comes next while nothing is amiss. False: nothing was done. */
bool tcp_expected_input(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
/* tcp_ack_new(), by a shorter way if IN->ack covers the one segment that is in flight. */
void tcp_expected_ack(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);

/* --- tcp_input.c --- */
/* Step 5 of 3.10.7.4, when our FIN is acknowledged. Sets IN->ended if that is the end. */
void tcp_fin_acked(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
/* An ACK that answers something unacceptable; within the rate of RFC 5961 7. */
void tcp_challenge(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);
/* Is there room for one in that rate? Then it is counted. */
bool tcp_challenge_take(struct tcp *tcp, uint64_t now_ns);

/* --- Records of what is in flight --- */
/* One for TCB. NULL (counted) when there is none. */
static inline struct tcp_segment *tcp_segment_take(struct tcp *tcp, struct tcb *tcb)
{
    struct tcp_segment *segment = STAILQ_FIRST(&tcp->free_segments);

    if (segment == NULL) {
        tcp->counters.segments_full++;
        return NULL;
    }
    STAILQ_REMOVE_HEAD(&tcp->free_segments, link);
    tcp->segments_in_use++;
    tcb->segment_count++;
    return segment;
}

static inline void tcp_segment_free(struct tcp *tcp, struct tcb *tcb, struct tcp_segment *segment)
{
    STAILQ_INSERT_HEAD(&tcp->free_segments, segment, link);
    tcp->segments_in_use--;
    tcb->segment_count--;
}

static inline uint32_t tcp_segment_payload(const struct tcp_segment *segment)
{
    return segment->flags != 0 ? segment->length - 1 : segment->length;
}

/* --- tcp_options.c: what is agreed in the handshake --- */
uint16_t tcp_options_own_mss(const struct tcp *tcp, const struct tuple *tuple);
/* What the SYN-ACK to SYN has, but for the timestamps' values. */
struct tcp_options tcp_options_answer(const struct tcp *tcp, const struct tuple *tuple,
                                      const struct tcp_header *syn);
/* What the peer takes a segment, by its SYN. */
uint16_t tcp_options_peer_mss(const struct tuple *tuple, const struct tcp_header *syn);
/* Take over what the peer's SYN says. */
void tcp_options_agree(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in);
/* Full payload for path packets of MTU_BYTES, the peer's MSS and our options (RFC 6691). */
uint16_t tcp_options_mss(const struct tcb *tcb, uint32_t mtu_bytes);
/* RFC 7323 5.4 wants 1 ms to 1 s a tick: it is 1 ms. */
static inline uint32_t tcp_options_timestamp(uint32_t offset, uint64_t now_ns)
{
    return (uint32_t)(now_ns / 1000000) + offset;
}

/* The smallest shift that lets WINDOW_BYTES be said. */
uint8_t tcp_options_scale(uint32_t window_bytes);

/* --- tcp_ecn.c --- */
/* SYN, the peer's, may agree to ECN. */
void tcp_ecn_agree(struct tcb *tcb, const struct tcp_header *syn);
/* A segment in the window, ECN being agreed. */
void tcp_ecn_input(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in);
/* An ACK that is acceptable, taken, ECN being agreed. */
void tcp_ecn_ack(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in);
/* What OUT, else complete, is to carry; FIRST: it was not sent before. */
void tcp_ecn_describe(const struct tcp *tcp, struct tcb *tcb, bool first,
                      struct tcp_descriptor *out);

/* --- tcp_timer.c --- */
/* Choose what the retransmission timer waits for now, from its beginning. */
void tcp_timer_restart(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);
/* Likewise at the end of the next output of TCB, which is ready: that decides what to wait for. */
static inline void tcp_timer_await_output(struct tcb *tcb)
{
    tcb->timer_kind = TCP_TIMER_OFF;
    tcb->deadline_ns = TCP_NEVER_NS;
}

/* Likewise, unless it waits for that already. */
void tcp_timer_ensure(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);
/* See that the timer wakes for the earliest of the deadlines. */
void tcp_timer_arm(struct tcp *tcp, struct tcb *tcb);
void tcp_timer_delay_ack(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);

/* An ACK is due for a segment with text, in order. Differs: segments of one burst share an ACK,
 * even if they are more than two (RFC 9293 3.8.6.3): they came in one poll. */
static inline void tcp_text_owe_ack(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    tcb->unacked_segs++;
    if (tcp->config.delayed_ack_ns != 0 && tcb->unacked_segs < TCP_SEGMENTS_PER_ACK) {
        tcp_timer_delay_ack(tcp, tcb, now_ns);
        return;
    }
    tcb->ack_now = true;
    tcp_ready(tcp, tcb);
}

#endif
