/* tcp_congestion.h - the congestion window: slow start, avoidance (RFC 5681), NewReno (RFC 6582).
 *
 *     initial window   = min(n MSS, max(2 MSS, n 1460))                         (RFC 6928, n = 10)
 *     slow start       cwnd += min(acked, MSS)           while cwnd < ssthresh
 *     avoidance        cwnd += MSS                       for each cwnd of bytes acknowledged
 *     third dup. ACK   ssthresh = max(flight / 2, 2 MSS), cwnd = ssthresh + 3 MSS,
 *                      recover = SND.NXT
 *     partial ACK      cwnd -= acked, += MSS if acked >= MSS
 *     full ACK         cwnd = min(ssthresh, max(flight, MSS) + MSS)
 *     loss by SACK     ssthresh = max(flight / 2, 2 MSS), cwnd = ssthresh          (RFC 6675)
 *     time-out         ssthresh = max(flight / 2, 2 MSS) (first one of a segment), cwnd = MSS
 *
 * With CUBIC (RFC 9438) avoidance is as tcp_cubic.h says, and 0.7 flight takes the place of
 * flight / 2. What to send again is the caller's: these are the numbers alone.
 *
 * Threads: pure values. Positions are those of tcp_priv.h.
 */
#ifndef TCP_TCP_CONGESTION_H
#define TCP_TCP_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp/tcp.h"
#include "tcp/tcp_cubic.h"

enum {
    TCP_CWND_MAX_BYTES = 1 << 30 /* The largest window that scaling can express. */
};

struct tcp_congestion {
    uint64_t recover;        /* SND.NXT when recovery or a time-out began. */
    uint32_t cwnd_bytes;     /* Congestion window. */
    uint32_t ssthresh_bytes; /* Slow start ends there. */
    uint32_t acked_bytes;    /* Acknowledged since cwnd last grew in avoidance. */
    uint32_t dup_acks;       /* In a row. */
    uint32_t flight_bytes;   /* In flight at the first of them. */
    bool in_recovery : 1;    /* Fast recovery, until an ACK reaches `recover`. */
    bool partial_seen : 1;   /* A partial ACK came in this recovery. */
    uint8_t law;             /* enum tcp_congestion_law. */
    bool reduced : 1;        /* The window was reduced, and the peer not told (RFC 3168 6.1.2). */
    bool scoreboard : 1;     /* Losses are known by SACK: the window is not inflated (RFC 6675). */
    struct tcp_cubic cubic;
};

/* An ACK of something new, and what is known with it. */
struct tcp_congestion_news {
    uint64_t snd_una; /* After it. */
    uint64_t now_ns;
    uint64_t rtt_ns; /* Smoothed. */
    uint32_t acked;  /* Bytes. */
    uint32_t flight; /* Left after it. */
    uint32_t mss;
};

enum tcp_congestion_ack {
    TCP_CONGESTION_NORMAL,  /* Nothing to send again. */
    TCP_CONGESTION_PARTIAL, /* In recovery: the first unacknowledged segment is lost, too. */
};

void tcp_congestion_init(struct tcp_congestion *congestion, enum tcp_congestion_law law,
                         uint32_t initial_segs, uint32_t mss);
/* After a pause (RFC 5681 4.1) with CWND_SEGS before it, in segments. */
void tcp_congestion_resume(struct tcp_congestion *congestion, enum tcp_congestion_law law,
                           uint32_t initial_segs, uint32_t cwnd_segs, uint32_t ssthresh_bytes,
                           uint32_t mss);
enum tcp_congestion_ack tcp_congestion_acked(struct tcp_congestion *congestion,
                                             const struct tcp_congestion_news *news);
/* The same in slow start, and not in recovery. False: it is not so, and nothing was done. */
static inline bool tcp_congestion_slow_start(struct tcp_congestion *congestion, uint32_t acked,
                                             uint32_t mss)
{
    if (congestion->in_recovery || congestion->cwnd_bytes >= congestion->ssthresh_bytes)
        return false;
    congestion->dup_acks = 0;
    congestion->cwnd_bytes += acked < mss ? acked : mss;
    if (congestion->cwnd_bytes > TCP_CWND_MAX_BYTES)
        congestion->cwnd_bytes = TCP_CWND_MAX_BYTES;
    return true;
}

/* A duplicate ACK. True: the first unacknowledged segment is lost (fast retransmit). */
bool tcp_congestion_duplicate(struct tcp_congestion *congestion, uint64_t snd_una, uint64_t snd_nxt,
                              uint32_t flight, uint32_t mss);
/* With a scoreboard: something is lost (RFC 6675 5). True: recovery begins. */
bool tcp_congestion_lost(struct tcp_congestion *congestion, uint64_t snd_una, uint64_t snd_nxt,
                         uint32_t flight, uint32_t mss);
/* A loss was repaired before it was noticed (RFC 8985 7.4.2), or a packet was marked (RFC 3168). */
void tcp_congestion_reduce(struct tcp_congestion *congestion, uint32_t flight, uint32_t mss);
/* The retransmission timer expired; FIRST: for the first time since the last progress. */
void tcp_congestion_timeout(struct tcp_congestion *congestion, uint64_t snd_nxt, uint32_t flight,
                            uint32_t mss, bool first);
/* Nothing was sent for an RTO (RFC 5681 4.1). */
void tcp_congestion_idle(struct tcp_congestion *congestion, uint32_t initial_segs, uint32_t mss);
/* Bytes that may be in flight now, limited transmit (RFC 3042) included. */
uint32_t tcp_congestion_window(const struct tcp_congestion *congestion, uint32_t mss);

#endif
