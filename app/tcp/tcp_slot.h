/* tcp_slot.h - what a connection has for all of its life, 96 bytes, and how it sleeps.
 *
 * A connection that is awake has a control block (struct tcb, tcp_priv.h) from a pool of
 * config.actives. When it is quiet (established; nothing to send, in flight, out of order or to
 * acknowledge) for a retransmission time-out, the block goes back and the slot keeps the summary
 * here. Nothing is lost by that: after such a pause the window of congestion would begin anew
 * anyway (RFC 5681 4.1), windows are kept as exactly as headers tell them, round trips to 64 ns.
 *
 *     tcp_slot_take() -> AWAKE -> tcp_slot_sleep() -> QUIET -> tcp_slot_wake() -> AWAKE
 *                                                          `-> WAITING (no block free) -> AWAKE
 *     from any of them:  tcp_slot_end() -> ENDED, until its two last events are told
 *
 * A slot that ended holds those events itself, so no end is lost for lack of room: what the event
 * array does not take at once, it takes when it is cleared.
 *
 * Threads: one owner. Memory: tcp_setup.c.
 */
#ifndef TCP_TCP_SLOT_H
#define TCP_TCP_SLOT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "tcp/tcp.h"

struct tcb;

/* Positions in both streams that a slot can hold: 256 TB. What is beyond does not sleep. */
#define TCP_QUIET_POSITIONS (UINT64_C(1) << 48)

enum tcp_slot_kind {
    TCP_SLOT_AWAKE,   /* `tcb`. */
    TCP_SLOT_QUIET,   /* `quiet`. */
    TCP_SLOT_WAITING, /* `quiet`, and it has something to send as soon as a block is free. */
    TCP_SLOT_ENDED,   /* `ended`. */
};

/* Addresses: IPv4 as on the wire, IPv6 by number (tcp_address.h). */
struct tcp_tuple {
    uint32_t local, remote;
    uint16_t local_port, remote_port;
};

/* See struct tcb for what is not explained here. */
struct tcp_quiet {
    uint64_t stream_end : 48; /* Beyond `sent` if it waits to send. */
    uint64_t mss : 16;
    uint64_t sent : 48; /* SND.UNA and SND.NXT. */
    uint64_t peer_mss : 16;
    uint64_t received : 48;    /* RCV.NXT, all acknowledged. */
    uint64_t retransmits : 16; /* Saturated. */
    uint32_t iss, irs;
    uint32_t snd_wnd;
    uint32_t ts_recent;
    uint32_t ssthresh_bytes;
    uint32_t srtt, rttvar, rtt_max; /* In units of 64 ns, saturated. */
    uint32_t next, previous;        /* References, of those that wait; 0: none. */
    uint16_t snd_wnd_max;           /* Shifted by the scale, rounded up. */
    uint16_t rcv_wnd;               /* Shifted by the scale. */
    uint16_t rcv_left;              /* What is left of the window that was offered, shifted. */
    uint8_t cwnd_segs; /* Saturated: more than the initial window does not come back. */
    uint8_t snd_wscale : 4, rcv_wscale : 4;
};

/* Why a connection ended, for its last events. */
struct tcp_ended {
    uint64_t at_ns;
    uint64_t first_sent_ns; /* Of the first segment without answer; TCP_NEVER_NS: none. */
    uint64_t rtt_max_ns;
    uint32_t next; /* Of those whose events are not told yet. */
    uint8_t kind;  /* enum tcp_event_kind: why; TCP_EVENT_GONE: nothing to tell but that. */
    uint8_t icmp;  /* enum tcp_icmp_kind. */
};

struct tcp_slot {
    uint64_t user; /* The caller's. */
    struct tcp_tuple tuple;
    uint8_t kind : 2;    /* enum tcp_slot_kind. */
    uint8_t backoff : 6; /* Of a quiet one, as in struct tcp_rtt. */
    bool v6 : 1;
    bool timestamps : 1; /* Of a quiet one, as in struct tcb; likewise the next. */
    bool scaled : 1;
    bool sack : 1;
    bool ecn : 1;
    bool ecn_echo : 1;
    bool ecn_reduced : 1;    /* The peer is to be told that the window was reduced. */
    bool fin_wanted : 1;     /* It waits to send its FIN. */
    uint16_t ts_recent_hour; /* Of a quiet one: when ts_recent was taken. PAWS asks for days. */
    union {
        struct tcb *tcb;
        struct tcp_quiet quiet;
        struct tcp_ended ended;
    };
};

static_assert(sizeof(struct tcp_slot) == 96, "a quiet connection stays small");

/* Parts of tcp_tuple_hash() and tcp_find() (tcp_priv.h). SLOT, of IPv6, has TUPLE's addresses. */
uint32_t tcp_tuple_hash_v6(const struct tcp *tcp, const struct tuple *tuple);
bool tcp_slot_is_v6(const struct tcp *tcp, const struct tcp_slot *slot, const struct tuple *tuple);
/* REF, of a TIME-WAIT entry or a half-open connection, has TUPLE. */
bool tcp_ref_waits_for(const struct tcp *tcp, uint32_t ref, const struct tuple *tuple);
/* Is there one for a new connection? */
bool tcp_slot_is_free(const struct tcp *tcp);
/* A new connection, awake, zero but for who it is, in the table. NULL when full. */
struct tcb *tcp_slot_take(struct tcp *tcp, const struct tuple *tuple, uint32_t hash, uint64_t user);
/* The control block of one that is quiet, on the ready list. NULL, counted, when none is free. */
struct tcb *tcp_slot_wake_quiet(struct tcp *tcp, struct tcp_slot *slot);

/* Its control block, as above if it was quiet. */
static inline struct tcb *tcp_slot_wake(struct tcp *tcp, struct tcp_slot *slot)
{
    return slot->kind == TCP_SLOT_AWAKE ? slot->tcb : tcp_slot_wake_quiet(tcp, slot);
}

/* Nothing is in it that the summary would not hold. */
bool tcp_slot_may_sleep(const struct tcb *tcb);
void tcp_slot_sleep(struct tcp *tcp, struct tcb *tcb);
/* What a quiet one's control block would be. */
void tcp_slot_peek(const struct tcp *tcp, const struct tcp_slot *slot, struct tcb *out);
/* The largest round trip of a quiet one. */
uint64_t tcp_slot_rtt_max_ns(const struct tcp_slot *slot);
/* tcp_send() and tcp_close() of a quiet one that cannot be woken: they take effect when it can. */
bool tcp_slot_send(struct tcp *tcp, struct tcp_slot *slot, uint64_t bytes);
bool tcp_slot_close(struct tcp *tcp, struct tcp_slot *slot);
/* Give blocks that are free to those that wait. */
bool tcp_slot_can_wake_waiting(const struct tcp *tcp);
void tcp_slot_wake_waiting(struct tcp *tcp);
/* The end: the tuple, whose hash is HASH, is free again, and ENDED is told. The caller frees the
 * control block. */
void tcp_slot_end(struct tcp *tcp, struct tcp_slot *slot, uint32_t hash,
                  const struct tcp_ended *ended);
void tcp_tcb_free(struct tcp *tcp, struct tcb *tcb);

#endif
