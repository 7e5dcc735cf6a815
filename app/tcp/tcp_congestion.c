#include "tcp/tcp_congestion.h"

enum {
    DUPLICATES_FOR_LOSS = 3, /* RFC 5681 3.2. */
    INITIAL_MSS = 1460,      /* RFC 6928 2: the segments of the initial window's bound. */
};

static uint32_t min_32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t max_32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t initial_window(uint32_t segs, uint32_t mss)
{
    return min_32(segs * mss, max_32(2 * mss, segs * INITIAL_MSS));
}

/* ssthresh after a loss of FLIGHT. */
static void reduce(struct tcp_congestion *congestion, uint32_t flight, uint32_t mss)
{
    bool cubic = congestion->law == TCP_CUBIC;

    if (cubic)
        tcp_cubic_reduced(&congestion->cubic, congestion->cwnd_bytes);
    congestion->ssthresh_bytes = max_32(cubic ? tcp_cubic_part(flight) : flight / 2, 2 * mss);
    congestion->reduced = true;
}

/* Congestion avoidance. */
static void avoid(struct tcp_congestion *congestion, const struct tcp_congestion_news *news)
{
    uint32_t *cwnd = &congestion->cwnd_bytes;

    if (congestion->law == TCP_CUBIC) {
        *cwnd = tcp_cubic_acked(&congestion->cubic, news->now_ns, news->rtt_ns, *cwnd, news->acked,
                                news->mss);
    } else {
        congestion->acked_bytes += min_32(news->acked, TCP_CWND_MAX_BYTES);
        if (congestion->acked_bytes >= *cwnd) {
            congestion->acked_bytes -= *cwnd;
            *cwnd += news->mss;
        }
    }
    *cwnd = min_32(*cwnd, TCP_CWND_MAX_BYTES);
}

void tcp_congestion_init(struct tcp_congestion *congestion, enum tcp_congestion_law law,
                         uint32_t initial_segs, uint32_t mss)
{
    *congestion = (struct tcp_congestion){.law = (uint8_t)law,
                                          .cwnd_bytes = initial_window(initial_segs, mss),
                                          .ssthresh_bytes = UINT32_MAX};
}

void tcp_congestion_resume(struct tcp_congestion *congestion, enum tcp_congestion_law law,
                           uint32_t initial_segs, uint32_t cwnd_segs, uint32_t ssthresh_bytes,
                           uint32_t mss)
{
    tcp_congestion_init(congestion, law, initial_segs, mss);
    congestion->cwnd_bytes = min_32(congestion->cwnd_bytes, max_32(cwnd_segs, 1) * mss);
    congestion->ssthresh_bytes = ssthresh_bytes;
}

enum tcp_congestion_ack tcp_congestion_acked(struct tcp_congestion *congestion,
                                             const struct tcp_congestion_news *news)
{
    uint32_t mss = news->mss;

    if (tcp_congestion_slow_start(congestion, news->acked, mss))
        return TCP_CONGESTION_NORMAL;
    congestion->dup_acks = 0;
    if (!congestion->in_recovery) {
        avoid(congestion, news);
        return TCP_CONGESTION_NORMAL;
    }
    if (news->snd_una >= congestion->recover) {
        if (!congestion->scoreboard)
            congestion->cwnd_bytes =
                min_32(congestion->ssthresh_bytes, max_32(news->flight, mss) + mss);
        congestion->in_recovery = false;
        return TCP_CONGESTION_NORMAL;
    }
    if (congestion->scoreboard)
        return TCP_CONGESTION_NORMAL;
    congestion->cwnd_bytes -= min_32(news->acked, congestion->cwnd_bytes);
    if (news->acked >= mss)
        congestion->cwnd_bytes += mss;
    return TCP_CONGESTION_PARTIAL;
}

bool tcp_congestion_duplicate(struct tcp_congestion *congestion, uint64_t snd_una, uint64_t snd_nxt,
                              uint32_t flight, uint32_t mss)
{
    if (congestion->in_recovery) {
        congestion->cwnd_bytes = min_32(congestion->cwnd_bytes + mss, TCP_CWND_MAX_BYTES);
        return false;
    }
    /* What limited transmit sends between now and the third is not part of the flight that is
     * halved (RFC 5681 3.2, step 2). */
    if (++congestion->dup_acks == 1)
        congestion->flight_bytes = flight;
    if (congestion->dup_acks != DUPLICATES_FOR_LOSS || snd_una <= congestion->recover)
        return false;
    reduce(congestion, congestion->flight_bytes, mss);
    congestion->cwnd_bytes = congestion->ssthresh_bytes + DUPLICATES_FOR_LOSS * mss;
    congestion->recover = snd_nxt;
    congestion->in_recovery = true;
    congestion->partial_seen = false;
    return true;
}

bool tcp_congestion_lost(struct tcp_congestion *congestion, uint64_t snd_una, uint64_t snd_nxt,
                         uint32_t flight, uint32_t mss)
{
    if (congestion->in_recovery || snd_una < congestion->recover)
        return false;
    tcp_congestion_reduce(congestion, flight, mss);
    congestion->recover = snd_nxt;
    congestion->in_recovery = true;
    return true;
}

void tcp_congestion_reduce(struct tcp_congestion *congestion, uint32_t flight, uint32_t mss)
{
    reduce(congestion, flight, mss);
    congestion->cwnd_bytes = min_32(congestion->cwnd_bytes, congestion->ssthresh_bytes);
}

void tcp_congestion_timeout(struct tcp_congestion *congestion, uint64_t snd_nxt, uint32_t flight,
                            uint32_t mss, bool first)
{
    if (first)
        reduce(congestion, flight, mss);
    tcp_cubic_timeout(&congestion->cubic);
    congestion->cwnd_bytes = mss;
    congestion->acked_bytes = 0;
    congestion->dup_acks = 0;
    congestion->in_recovery = false;
    congestion->recover = snd_nxt;
}

void tcp_congestion_idle(struct tcp_congestion *congestion, uint32_t initial_segs, uint32_t mss)
{
    congestion->cwnd_bytes = min_32(congestion->cwnd_bytes, initial_window(initial_segs, mss));
    tcp_cubic_idle(&congestion->cubic);
}

uint32_t tcp_congestion_window(const struct tcp_congestion *congestion, uint32_t mss)
{
    if (congestion->in_recovery || congestion->scoreboard)
        return congestion->cwnd_bytes;
    return congestion->cwnd_bytes + min_32(congestion->dup_acks, DUPLICATES_FOR_LOSS - 1) * mss;
}
