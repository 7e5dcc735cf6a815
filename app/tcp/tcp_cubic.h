/* tcp_cubic.h - CUBIC's growth of the congestion window (RFC 9438).
 *
 *     W_cubic(t) = C (t - K)^3 + W_max,  C = 0.4 segments / s^3        since avoidance began
 *     K          = cbrt((W_max - cwnd at that time) / C)
 *     W_est     += alpha acked / cwnd segments: what Reno would have, alpha = 9/17 until W_est is
 *                  cwnd before the reduction, then 1
 *     cwnd       = W_est if that is more than W_cubic(t), else it goes to W_cubic(t + RTT)
 *     reduction    by 0.7; W_max = cwnd, or 0.85 cwnd if it was below W_max (fast convergence)
 *
 * Windows are in bytes. Integers alone: K is exact to a millisecond.
 *
 * Threads: pure values.
 */
#ifndef TCP_TCP_CUBIC_H
#define TCP_TCP_CUBIC_H

#include <stdint.h>

struct tcp_cubic {
    uint64_t epoch_ns;    /* When this stage of avoidance began; 0: it has yet to. */
    uint64_t k_ns;        /* K. */
    uint32_t max_bytes;   /* W_max; 0: there was no reduction. */
    uint32_t prior_bytes; /* cwnd before the last reduction. */
    uint32_t reno_bytes;  /* W_est. */
    uint32_t acked_bytes; /* Acknowledged since W_est last grew. */
};

/* The window was CWND when a loss, or its mark, was noticed. */
void tcp_cubic_reduced(struct tcp_cubic *cubic, uint32_t cwnd);
/* Avoidance is over: the next one begins with K = 0 and W_max its window (RFC 9438 4.7). */
void tcp_cubic_timeout(struct tcp_cubic *cubic);
/* Nothing was sent for a while: time does not count until the next ACK (RFC 9438 4.2). */
void tcp_cubic_idle(struct tcp_cubic *cubic);
/* CWND after ACKED bytes more in avoidance. */
uint32_t tcp_cubic_acked(struct tcp_cubic *cubic, uint64_t now_ns, uint64_t rtt_ns, uint32_t cwnd,
                         uint32_t acked, uint32_t mss);
/* What 0.7 of BYTES is. */
uint32_t tcp_cubic_part(uint32_t bytes);

#endif
