/* tcp_rtt.h - round trips and the retransmission time-out (RFC 6298).
 *
 *     first sample R:  SRTT = R, RTTVAR = R / 2
 *     later:           RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R|,  SRTT = 7/8 SRTT + 1/8 R
 *     RTO = SRTT + max(G, 4 RTTVAR), at least min, at most max, doubled for each back-off
 *
 * A sample ends the back-off. Karn's rule (no samples of segments that were sent again, unless by
 * timestamps) is the caller's.
 *
 * Threads: pure values. What each segment needs is inline.
 */
#ifndef TCP_TCP_RTT_H
#define TCP_TCP_RTT_H

#include <stdint.h>

struct tcp_rtt_limits {
    uint64_t initial_ns;     /* RTO before the first sample. */
    uint64_t min_ns;         /* Lower bound of the RTO. */
    uint64_t max_ns;         /* Upper bound of the RTO, back-off included. */
    uint64_t granularity_ns; /* G: what the clock and the timers can tell apart. */
};

struct tcp_rtt {
    uint64_t srtt_ns;   /* Smoothed round trip. */
    uint64_t rttvar_ns; /* Its mean deviation. */
    uint64_t max_ns;    /* Largest sample. */
    uint64_t last_ns;   /* Latest sample. */
    uint64_t rto_ns;    /* Without back-off. */
    uint32_t samples;   /* Taken, saturated. */
    uint32_t backoff;   /* Doublings in force. */
};

void tcp_rtt_init(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits);
/* What is left of what was known: no sample since. */
void tcp_rtt_resume(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits, uint64_t srtt_ns,
                    uint64_t rttvar_ns, uint64_t max_ns);
static inline void tcp_rtt_sample(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits,
                                  uint64_t sample_ns);
/* The handshake is over, its SYN was lost, and it gave no sample (RFC 6298 5.7): 3 s at least. */
void tcp_rtt_syn_lost(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits);
/* The timer expired (RFC 6298 5.5). */
void tcp_rtt_backoff(struct tcp_rtt *rtt);

/* BASE_NS doubled DOUBLINGS times, at most MAX_NS. */
static inline uint64_t tcp_rtt_doubled_ns(uint64_t base_ns, uint32_t doublings, uint64_t max_ns)
{
    if (doublings >= 63 || base_ns > max_ns >> doublings)
        return max_ns;
    return base_ns << doublings;
}

/* The time-out in force now. */
static inline uint64_t tcp_rtt_rto_ns(const struct tcp_rtt *rtt,
                                      const struct tcp_rtt_limits *limits)
{
    if (rtt->backoff == 0)
        return rtt->rto_ns;
    return tcp_rtt_doubled_ns(rtt->rto_ns, rtt->backoff, limits->max_ns);
}

static inline uint64_t tcp_rtt_clamp_ns(uint64_t value, uint64_t low, uint64_t high)
{
    if (value < low)
        value = low;
    return value > high ? high : value;
}

/* By what is known of round trips. */
static inline void tcp_rtt_set_rto(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits)
{
    uint64_t margin_ns = 4 * rtt->rttvar_ns;

    if (margin_ns < limits->granularity_ns)
        margin_ns = limits->granularity_ns;
    rtt->rto_ns = tcp_rtt_clamp_ns(rtt->srtt_ns + margin_ns, limits->min_ns, limits->max_ns);
}

/* What is kept of a sample when nothing will be sent any more. */
static inline void tcp_rtt_largest(struct tcp_rtt *rtt, uint64_t sample_ns)
{
    if (sample_ns > rtt->max_ns)
        rtt->max_ns = sample_ns;
}

static inline void tcp_rtt_sample(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits,
                                  uint64_t sample_ns)
{
    if (rtt->samples == 0) {
        rtt->srtt_ns = sample_ns;
        rtt->rttvar_ns = sample_ns / 2;
    } else {
        uint64_t deviation_ns =
            rtt->srtt_ns > sample_ns ? rtt->srtt_ns - sample_ns : sample_ns - rtt->srtt_ns;
        rtt->rttvar_ns = (3 * rtt->rttvar_ns + deviation_ns) / 4;
        rtt->srtt_ns = (7 * rtt->srtt_ns + sample_ns) / 8;
    }
    if (rtt->samples < UINT32_MAX)
        rtt->samples++;
    tcp_rtt_largest(rtt, sample_ns);
    rtt->last_ns = sample_ns;
    rtt->backoff = 0;
    tcp_rtt_set_rto(rtt, limits);
}

#endif
