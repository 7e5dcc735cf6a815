#include "tcp/tcp_rtt.h"

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
    if (value < low)
        value = low;
    return value > high ? high : value;
}

static void set_rto(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits)
{
    uint64_t margin_ns = 4 * rtt->rttvar_ns;

    if (margin_ns < limits->granularity_ns)
        margin_ns = limits->granularity_ns;
    rtt->rto_ns = clamp(rtt->srtt_ns + margin_ns, limits->min_ns, limits->max_ns);
}

void tcp_rtt_init(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits)
{
    *rtt = (struct tcp_rtt){.rto_ns = limits->initial_ns};
}

void tcp_rtt_resume(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits, uint64_t srtt_ns,
                    uint64_t rttvar_ns, uint64_t max_ns)
{
    *rtt = (struct tcp_rtt){.srtt_ns = srtt_ns,
                            .rttvar_ns = rttvar_ns,
                            .max_ns = max_ns,
                            .last_ns = srtt_ns,
                            .samples = 1};
    set_rto(rtt, limits);
}

void tcp_rtt_sample(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits, uint64_t sample_ns)
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
    if (sample_ns > rtt->max_ns)
        rtt->max_ns = sample_ns;
    rtt->last_ns = sample_ns;
    rtt->backoff = 0;
    set_rto(rtt, limits);
}

void tcp_rtt_syn_lost(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits)
{
    const uint64_t after_lost_syn_ns = UINT64_C(3000000000);

    rtt->rto_ns = clamp(after_lost_syn_ns, limits->initial_ns, limits->max_ns);
    rtt->backoff = 0;
}

void tcp_rtt_backoff(struct tcp_rtt *rtt)
{
    if (rtt->backoff < 63)
        rtt->backoff++;
}
