#include "run/tcp_of.h"

struct worker_tcp tcp_of(const struct experiment_tcp *tcp)
{
    bool reno = tcp->congestion == EXPERIMENT_CONGESTION_RENO;
    return (struct worker_tcp){.congestion = reno ? TCP_RENO : TCP_CUBIC,
                               .ecn = tcp->ecn,
                               .sack = tcp->sack,
                               .timestamps = tcp->timestamps,
                               .window_scale = tcp->window_scale,
                               .initial_window_segs = (uint8_t)tcp->initial_window,
                               .window_bytes = tcp->window_bytes,
                               .delayed_ack_ns = (uint64_t)tcp->delayed_ack_ns,
                               .rto_initial_ns = (uint64_t)tcp->rto_initial_ns,
                               .rto_min_ns = (uint64_t)tcp->rto_min_ns,
                               .keep_alive_ns = (uint64_t)tcp->keep_alive_ns,
                               .keep_alive_interval_ns = (uint64_t)tcp->keep_alive_interval_ns,
                               .keep_alive_probes = tcp->keep_alive_probes};
}
