#include "tcp/tcp_priv.h"

enum {
    IPV4_HEADER_BYTES = 20,
    IPV6_HEADER_BYTES = 40,
    DEFAULT_MSS_V4 = 536,  /* RFC 9293 3.7.1, MUST-15. */
    DEFAULT_MSS_V6 = 1220, /* Likewise. */
    MSS_MIN = 48, /* A peer that asks for less gets this: smaller ones only waste packets. */
    TIMESTAMPS_PADDED_BYTES = 12,
};

static uint32_t header_bytes(const struct tuple *tuple)
{
    return (address_is_v4(&tuple->local) ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES) +
           TCP_HEADER_BYTES;
}

uint16_t tcp_options_own_mss(const struct tcp *tcp, const struct tuple *tuple)
{
    return (uint16_t)(tcp->config.mtu_bytes - header_bytes(tuple));
}

uint8_t tcp_options_scale(uint32_t window_bytes)
{
    uint8_t scale = 0;

    while (window_bytes >> scale > UINT16_MAX && scale < TCP_WINDOW_SCALE_MAX)
        scale++;
    return scale;
}

struct tcp_options tcp_options_answer(const struct tcp *tcp, const struct tuple *tuple,
                                      const struct tcp_header *syn)
{
    return (struct tcp_options){.mss = tcp_options_own_mss(tcp, tuple),
                                .window_scale = tcp->own_scale,
                                .has_window_scale =
                                    syn->has_window_scale && tcp->config.window_scale,
                                .has_timestamps = syn->has_timestamps && tcp->config.timestamps,
                                .sack_permitted = syn->sack_permitted && tcp->config.sack};
}

uint16_t tcp_options_peer_mss(const struct tuple *tuple, const struct tcp_header *syn)
{
    if (!syn->has_mss)
        return address_is_v4(&tuple->local) ? DEFAULT_MSS_V4 : DEFAULT_MSS_V6;
    return syn->mss > MSS_MIN ? syn->mss : MSS_MIN;
}

void tcp_options_agree(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in)
{
    const struct tcp_header *header = &in->header;

    tcb->peer_mss = tcp_options_peer_mss(&tcb->tuple, header);
    if (header->has_window_scale && tcp->config.window_scale) {
        tcb->scaled = true;
        tcb->snd_wscale = header->window_scale;
        tcb->rcv_wscale = tcp->own_scale;
    }
    if (header->has_timestamps && tcp->config.timestamps) {
        tcb->timestamps = true;
        tcb->ts_recent = header->tsval;
        tcb->ts_recent_ns = in->now_ns;
    }
    tcb->sack = header->sack_permitted && tcp->config.sack;
    tcb->mss = tcp_options_mss(tcb, tcp_mtu_of(tcp, &tcb->tuple.remote, in->now_ns));
}

uint16_t tcp_options_mss(const struct tcb *tcb, uint32_t mtu_bytes)
{
    uint32_t mss = mtu_bytes - header_bytes(&tcb->tuple);

    if (mss > tcb->peer_mss)
        mss = tcb->peer_mss;
    if (tcb->timestamps)
        mss -= TIMESTAMPS_PADDED_BYTES;
    return (uint16_t)mss;
}
