#include "tcp/tcp_rtt.h"

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
    tcp_rtt_set_rto(rtt, limits);
}

void tcp_rtt_syn_lost(struct tcp_rtt *rtt, const struct tcp_rtt_limits *limits)
{
    const uint64_t after_lost_syn_ns = UINT64_C(3000000000);

    rtt->rto_ns = tcp_rtt_clamp_ns(after_lost_syn_ns, limits->initial_ns, limits->max_ns);
    rtt->backoff = 0;
}

void tcp_rtt_backoff(struct tcp_rtt *rtt)
{
    if (rtt->backoff < 63)
        rtt->backoff++;
}
