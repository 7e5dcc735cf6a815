/* tcp_listen.h - inside the stack: who listens, and connections that are half open.
 *
 * A SYN for a listener makes a small record, the connection in SYN-RECEIVED. It keeps the peer's
 * SYN; the ACK that completes the handshake makes a struct tcb of it and goes through RFC 9293
 * 3.10.7.4 like every segment, so that its text, its FIN and its window are taken by the same code.
 * Without a free record the answer is a cookie (tcp_cookie.h), which that ACK brings back.
 *
 * Records that have sent as many SYN-ACKs wait equally long (RFC 6298), so a list for each count
 * of them, in order of entry, is in order of expiry.
 *
 * Threads: one owner. Memory: tcp_setup.c.
 */
#ifndef TCP_TCP_LISTEN_H
#define TCP_TCP_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/address.h"
#include "tcp/tcp.h"
#include "tcp/tcp_header.h"

struct tcb;
struct tcp_arrival;

enum {
    TCP_SYN_ACK_RETRIES_MAX = 7
};

struct tcp_listener {
    struct address address; /* Ours; not looked at with `any`. */
    uint64_t user;          /* The caller's, for connections until they get their own. */
    uint16_t port;          /* Ours, host order. */
    bool any;               /* Every address of ours. */
    bool open;              /* The slot is in use. */
};

/* What a connection in TIME-WAIT leaves of itself. */
struct tcp_remains {
    uint32_t snd_nxt; /* Wire sequence numbers from here on. */
    uint32_t rcv_nxt;
    uint32_t ts_recent; /* To echo. */
    uint16_t window;    /* As in the header. */
    bool timestamps;    /* Agreed in the handshake. */
};

/* A connection in SYN-RECEIVED that came from LISTEN. */
struct tcp_half_open {
    TAILQ_ENTRY(tcp_half_open) link; /* By expiry, or in the free list. */
    struct tuple tuple;              /* local is ours. */
    struct tcp_header syn;           /* The peer's. */
    uint32_t hash;                   /* Of the tuple. */
    uint32_t iss;                    /* Of our SYN-ACK. */
    uint32_t ts_offset;              /* Of our timestamps. */
    uint64_t sent_ns;                /* When it was sent; TCP_NEVER_NS: twice, or not known. */
    uint64_t expires_ns;             /* When it is sent again, or given up. */
    const struct tcp_listener *listener;
    struct tcp_remains previous; /* With `reopened`: of the connection that was in TIME-WAIT. */
    uint8_t retries;             /* SYN-ACKs sent again. */
    bool reopened;               /* The tuple was in TIME-WAIT, and is again if nothing comes of
                                    this (RFC 9293 3.6.1, MAY-2). */
};
TAILQ_HEAD(tcp_half_open_list, tcp_half_open);

struct tcp_listen {
    struct tcp_listener *listeners;        /* config.listeners of them. */
    uint32_t listeners_open;               /* Slots in use. */
    uint32_t in_use;                       /* Records. */
    struct tcp_half_open *half_open_array; /* config.half_opens of them. */
    struct tcp_half_open_list free;
    struct tcp_half_open_list waiting[TCP_SYN_ACK_RETRIES_MAX + 1]; /* By retries. */
    uint64_t cookies_until_ns; /* A cookie may still come back until then; 0: none was sent. */
};

/* --- tcp_listen.c --- */
void tcp_listen_init(struct tcp *tcp, struct tcp_listener *listeners,
                     struct tcp_half_open *half_opens);
/* The one that TUPLE is for, that of its address before that of all; or NULL. */
const struct tcp_listener *tcp_listener_of(const struct tcp *tcp, const struct tuple *tuple);
/* RFC 9293 3.10.7.2. *TCB is set when IN, the ACK of a cookie, is to go through 3.10.7.4 on it. */
enum tcp_verdict tcp_listen_input(struct tcp *tcp, const struct tcp_arrival *in, struct tcb **tcb);

/* --- tcp_half_open.c --- */
/* Make a record of the SYN that came IN and answer it. PREVIOUS: of the connection that it reopens
 * from TIME-WAIT, or NULL. False: no record is free. */
bool tcp_half_open_begin(struct tcp *tcp, const struct tcp_listener *listener,
                         const struct tcp_arrival *in, const struct tcp_remains *previous);
/* RFC 9293 3.10.7.4 in SYN-RECEIVED after a passive open; *TCB as of tcp_listen_input(). */
enum tcp_verdict tcp_half_open_input(struct tcp *tcp, uint32_t ref, const struct tcp_arrival *in,
                                     struct tcb **tcb);
/* The SYN-ACK, with TSVAL for a timestamp if the peer's SYN has one. */
void tcp_half_open_answer(struct tcp *tcp, const struct tcp_half_open *half_open, uint32_t tsval);
/* A connection in SYN-RECEIVED as HALF_OPEN says, in the tuple table beside it; NULL: every one is
 * in use. */
struct tcb *tcp_half_open_accept(struct tcp *tcp, const struct tcp_half_open *half_open,
                                 uint64_t now_ns);
/* Forget those of LISTENER. */
void tcp_half_open_discard(struct tcp *tcp, const struct tcp_listener *listener);
/* Send SYN-ACKs again, give up. */
void tcp_half_open_expire(struct tcp *tcp, uint64_t now_ns);
/* None is due before; UINT64_MAX when there is none. */
uint64_t tcp_half_open_next_ns(const struct tcp *tcp);

#endif
