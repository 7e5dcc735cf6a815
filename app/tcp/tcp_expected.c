/* Header prediction: what comes nearly always is the next text or the FIN of the peer's, an ACK of
 * what we sent last, or both, and nothing else is under way. For such a segment this is a shorter
 * way to the state that the steps of RFC 9293 3.10.7.4 lead to, never to another: whatever is not
 * expected takes the steps. */
#include "tcp/tcp_priv.h"

static bool is_expected(const struct tcb *tcb, const struct tcp_arrival *in, uint32_t acked);
static inline void ack(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
static bool ends(const struct tcb *tcb, const struct tcp_arrival *in);
static bool covers_all(const struct tcb *tcb, const struct tcp_arrival *in);
static inline void cover_all(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
static void end(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
static inline uint64_t forget_first(struct tcp *tcp, struct tcb *tcb);
static void avoid_congestion(struct tcb *tcb, const struct tcp_arrival *in);
static void take_window(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in,
                        uint32_t acked);

bool tcp_expected_input(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    uint32_t acked = in->header.ack - tcp_wire_snd(tcb, tcb->snd_una);

    if (!is_expected(tcb, in, acked))
        return false;
    in->pos = tcb->rcv_nxt;
    in->ack = tcb->snd_una + acked;
    if (ends(tcb, in)) {
        end(tcp, tcb, in);
        return true;
    }
    if (tcb->timestamps && tcb->last_ack_sent == tcb->rcv_nxt) { /* RFC 7323 4.3 (2). */
        tcb->ts_recent = in->header.tsval;
        tcb->ts_recent_ns = in->now_ns;
    }
    tcb->heard_ns = in->now_ns;
    tcb->alive_probes = 0;
    if (acked == 0)
        tcp_ack_old(tcp, tcb, in);
    else
        ack(tcp, tcb, in);

    take_window(tcp, tcb, in, acked);
    if (in->bytes > 0) {
        tcp_text_deliver(tcp, tcb, in->now_ns, in->data, in->bytes);
        tcp_text_owe_ack(tcp, tcb, in->now_ns);
    }
    if (in->fin) {
        tcb->rcv_fin = tcb->rcv_nxt;
        tcb->rcv_fin_known = true;
        tcp_text_fin(tcp, tcb, in->now_ns);
    }
    if (tcb->state == TCP_LAST_ACK && tcb->snd_una == tcb->snd_nxt)
        tcp_fin_acked(tcp, tcb, in);
    return true;
}

void tcp_expected_ack(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    ack(tcp, tcb, in);
}

/* ACKED: what its ACK is beyond SND.UNA. With nothing new it may be a duplicate, a new window, or a
 * probe: those are for the steps. */
static inline bool is_expected(const struct tcb *tcb, const struct tcp_arrival *in, uint32_t acked)
{
    const struct tcp_header *header = &in->header;

    if ((header->flags & ~(TCP_PSH | TCP_FIN)) != TCP_ACK)
        return false;
    if (tcb->state != TCP_ESTABLISHED &&
        (tcb->state != TCP_LAST_ACK || in->bytes > 0 || in->fin || acked == 0))
        return false;
    if (header->seq != tcp_wire_rcv(tcb, tcb->rcv_nxt) || in->bytes > tcb->rcv_adv - tcb->rcv_nxt ||
        acked > tcp_flight(tcb) || (in->bytes == 0 && acked == 0 && !in->fin))
        return false;
    if (header->has_timestamps != tcb->timestamps ||
        (int32_t)(header->tsval - tcb->ts_recent) < 0 || header->sack_count > 0)
        return false;
    /* Nor did a FIN come before its time. */
    return !tcb->ecn && tcb->rcv_fin_known == (tcb->state == TCP_LAST_ACK) &&
           tcb->queue.count == 0 && tcb->snd_wnd > 0 && tcb->timer_kind != TCP_TIMER_PERSIST;
}

/* Our FIN is acknowledged, which is all that was in flight and was sent once: whatever else was
 * under way, nobody waits for it. */
static inline bool ends(const struct tcb *tcb, const struct tcp_arrival *in)
{
    return tcb->state == TCP_LAST_ACK && tcb->segment_count == 1 && in->ack == tcb->snd_nxt &&
           STAILQ_FIRST(&tcb->segments)->transmissions == 1;
}

ALWAYS_INLINE static inline void ack(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    if (covers_all(tcb, in))
        cover_all(tcp, tcb, in);
    else
        tcp_ack_new(tcp, tcb, in);
}

/* What is acknowledged is the only segment in flight, which was sent once, and nobody waits for it
 * to end a recovery or a round. */
static inline bool covers_all(const struct tcb *tcb, const struct tcp_arrival *in)
{
    const struct tcp_segment *first = STAILQ_FIRST(&tcb->segments);

    return tcb->segment_count == 1 && in->ack == tcb->snd_nxt && first->transmissions == 1 &&
           first->cause == TCP_CAUSE_NONE && !first->sacked && tcb->sack &&
           !tcb->congestion.in_recovery && tcb->rack.probe_end == 0 && tcb->rack.round_end == 0;
}

/* tcp_ack_new() for that. */
ALWAYS_INLINE static inline void cover_all(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    uint64_t was = tcb->snd_una, sent_ns = forget_first(tcp, tcb), rtt_ns = in->now_ns - sent_ns;

    in->acked = (uint32_t)(in->ack - was);
    tcp_rack_delivered_once(&tcb->rack, in->ack, sent_ns, rtt_ns);
    if (in->acked > tcb->acked_mss)
        tcb->acked_mss = (uint16_t)in->acked;
    tcp_rtt_sample(&tcb->rtt, &tcp->rtt_limits, rtt_ns);
    tcb->snd_una = in->ack;
    tcb->timeouts = 0;
    tcb->silence_since_ns = in->now_ns;
    if (tcp->config.tell_acked)
        tcp_ack_tell(tcp, tcb, was, in->now_ns);
    if (!tcp_congestion_slow_start(&tcb->congestion, in->acked, tcb->mss))
        avoid_congestion(tcb, in);
    tcb->rack.timer = TCP_RACK_OFF;
    tcb->rack.deadline_ns = TCP_NEVER_NS;
    tcp_timer_await_output(tcb);
    tcp_ready(tcp, tcb);
}

/* What is left to do for a connection that is over: its last events. */
static void end(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    uint64_t was = tcb->snd_una;

    tcp_rtt_largest(&tcb->rtt, in->now_ns - forget_first(tcp, tcb));
    tcb->snd_una = in->ack;
    if (tcp->config.tell_acked)
        tcp_ack_tell(tcp, tcb, was, in->now_ns);
    tcp_fin_acked(tcp, tcb, in);
}

/* When what was the only segment in flight was sent. */
static inline uint64_t forget_first(struct tcp *tcp, struct tcb *tcb)
{
    struct tcp_segment *segment = STAILQ_FIRST(&tcb->segments);

    STAILQ_INIT(&tcb->segments);
    tcp_segment_free(tcp, tcb, segment);
    return segment->last_sent_ns;
}

static void avoid_congestion(struct tcb *tcb, const struct tcp_arrival *in)
{
    const struct tcp_congestion_news news = {.snd_una = tcb->snd_una,
                                             .now_ns = in->now_ns,
                                             .rtt_ns = tcb->rtt.srtt_ns,
                                             .acked = in->acked,
                                             .flight = 0,
                                             .mss = tcb->mss};

    tcp_congestion_acked(&tcb->congestion, &news);
}

/* tcp_ack_window() for a window that is not shut. */
static inline void take_window(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in,
                               uint32_t acked)
{
    uint32_t window = (uint32_t)in->header.window << tcb->snd_wscale;

    if (acked == 0 && tcb->snd_wl1 > in->pos)
        return;
    if (window > tcb->snd_wnd)
        tcp_ready(tcp, tcb);
    tcb->snd_wnd = window;
    tcb->snd_wl1 = in->pos;
    tcb->snd_wl2 = in->ack;
    if (window > tcb->snd_wnd_max)
        tcb->snd_wnd_max = window;
}
