#include "tcp/tcp_priv.h"

enum {
    NS_PER_TIMESTAMP = 1000000
};

/* What an ACK tells about the round trip. */
struct timing {
    uint64_t sent_ns; /* Of the first segment that it covers. */
    bool any;         /* It covers something. */
    bool again;       /* Something of that was sent more than once. */
};

static struct timing cover(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in);
static void sample(const struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in,
                   const struct timing *timing);

void tcp_ack_new(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    uint64_t was = tcb->snd_una;
    bool hold_timer = false, in_recovery = tcb->congestion.in_recovery;

    in->acked = (uint32_t)(in->ack - was);
    struct timing timing = cover(tcp, tcb, in);
    /* After what lies before the blocks, or that would seem to have arrived after it. */
    struct tcp_sack_news news = tcp_sack_news_of(tcb, in);
    sample(tcp, tcb, in, &timing);
    tcb->snd_una = in->ack;
    tcb->timeouts = 0;
    tcb->silence_since_ns = in->now_ns;
    if (tcp->config.tell_acked)
        tcp_ack_tell(tcp, tcb, was, in->now_ns);

    struct tcp_congestion_news congestion = {.snd_una = tcb->snd_una,
                                             .now_ns = in->now_ns,
                                             .rtt_ns = tcb->rtt.srtt_ns,
                                             .acked = in->acked,
                                             .flight = tcp_flight(tcb),
                                             .mss = tcb->mss};
    if (tcp_congestion_acked(&tcb->congestion, &congestion) == TCP_CONGESTION_PARTIAL) {
        tcp_ack_lose_first(tcp, tcb, TCP_CAUSE_FAST);
        /* RFC 6582 3.2 step 3: only the first partial ACK restarts the timer. */
        hold_timer = tcb->congestion.partial_seen;
        tcb->congestion.partial_seen = true;
    }
    if (tcb->sack)
        tcp_rack_ack(tcp, tcb, in, &news, in_recovery && !tcb->congestion.in_recovery);
    if (!hold_timer)
        tcp_timer_await_output(tcb);
    tcp_ready(tcp, tcb);
}

void tcp_ack_old(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in)
{
    if (tcb->sack) { /* RFC 6675 2: it is one if it brings news, whatever else it has. */
        struct tcp_sack_news news = tcp_sack_news_of(tcb, in);
        if (news.any || news.duplicate || tcb->rack.probe_end != 0)
            tcp_rack_ack(tcp, tcb, in, &news, false);
        tcp_ready(tcp, tcb);
        return;
    }
    if (tcb->snd_una == tcb->snd_nxt || !tcp_ack_is_bare(tcb, in))
        return;
    if (tcp_congestion_duplicate(&tcb->congestion, tcb->snd_una, tcb->snd_nxt, tcp_flight(tcb),
                                 tcb->mss))
        tcp_ack_lose_first(tcp, tcb, TCP_CAUSE_FAST);
    tcp_ready(tcp, tcb);
}

void tcp_ack_window(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in)
{
    uint32_t window = (uint32_t)in->header.window << tcb->snd_wscale;

    /* A peer that keeps its window shut but answers is not silent (RFC 9293 MUST-37). */
    if (tcb->snd_wnd == 0 || tcb->timer_kind == TCP_TIMER_PERSIST)
        tcb->silence_since_ns = in->now_ns;
    /* Differs: a new ACK brings its window whatever its sequence number. By the rule of RFC 9293
     * alone a retransmission of the peer's would advance SND.UNA and leave SND.WND, which moves
     * the right edge beyond what the peer ever offered. */
    if (tcb->snd_wl2 >= in->ack &&
        (tcb->snd_wl1 > in->pos || (tcb->snd_wl1 == in->pos && tcb->snd_wl2 > in->ack)))
        return;
    if (window > tcb->snd_wnd)
        tcp_ready(tcp, tcb);
    if (window > 0 && tcb->timer_kind == TCP_TIMER_PERSIST)
        tcb->timeouts = 0;
    tcb->snd_wnd = window;
    tcb->snd_wl1 = in->pos;
    tcb->snd_wl2 = in->ack;
    if (window > tcb->snd_wnd_max)
        tcb->snd_wnd_max = window;
}

void tcp_ack_lose_first(struct tcp *tcp, struct tcb *tcb, enum tcp_cause cause)
{
    struct tcp_segment *first = STAILQ_FIRST(&tcb->segments);

    if (first == NULL)
        return;
    tcp_ack_lose(tcb, first, cause);
    tcp_ready(tcp, tcb);
}

void tcp_ack_lose_all(struct tcp *tcp, struct tcb *tcb, enum tcp_cause cause, uint32_t above)
{
    struct tcp_segment *segment;

    STAILQ_FOREACH(segment, &tcb->segments, link)
    {
        if (above == 0 || segment->length > above)
            tcp_ack_lose(tcb, segment, cause);
    }
    tcp_ready(tcp, tcb);
}

void tcp_ack_lose(struct tcb *tcb, struct tcp_segment *segment, enum tcp_cause cause)
{
    if (segment->sacked)
        return;
    if (segment->cause == TCP_CAUSE_NONE)
        tcb->lost_bytes += segment->length;
    segment->cause = (uint8_t)cause;
    segment->probed = false; /* It is told when it is sent again. */
}

/* Forget what IN acknowledges of the segments in flight. */
static struct timing cover(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in)
{
    uint64_t ack = in->ack;
    struct timing timing = {.any = false};
    struct tcp_segment *segment;

    while ((segment = STAILQ_FIRST(&tcb->segments)) != NULL && segment->pos < ack) {
        bool whole = segment->pos + segment->length <= ack;
        uint32_t covered = whole ? segment->length : (uint32_t)(ack - segment->pos);

        if (!timing.any)
            timing.sent_ns = segment->last_sent_ns;
        timing.any = true;
        timing.again |= segment->transmissions > 1;
        if (segment->cause != TCP_CAUSE_NONE)
            tcb->lost_bytes -= covered;
        if (segment->sacked)
            tcb->sacked_bytes -= covered;
        else if (tcb->sack && whole)
            tcp_rack_delivered(tcb, segment, in);
        if (segment->probe_arrived) {
            tcp_event_add_retransmit(tcp, tcb, segment->last_sent_ns, segment, TCP_CAUSE_PROBE);
            segment->probe_arrived = false; /* Once: this ACK may cover a part of it. */
        }
        if (!whole) {
            segment->pos += covered;
            segment->length -= covered;
            break;
        }
        if (segment->length > tcb->acked_mss)
            tcb->acked_mss = (uint16_t)segment->length;
        STAILQ_REMOVE_HEAD(&tcb->segments, link);
        tcp_segment_free(tcp, tcb, segment);
    }
    return timing;
}

/* Our own stamps are finer than timestamps, so these only serve where Karn's rule forbids the
 * former (RFC 6298 3, RFC 7323 4). */
static void sample(const struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in,
                   const struct timing *timing)
{
    uint64_t elapsed_ns = in->now_ns - timing->sent_ns;
    uint32_t ticks;

    if (!timing->any)
        return;
    if (!timing->again) {
        tcp_rtt_sample(&tcb->rtt, &tcp->rtt_limits, elapsed_ns);
        return;
    }
    if (!tcb->timestamps || !in->header.has_timestamps)
        return;
    ticks = tcp_options_timestamp(tcb->ts_offset, in->now_ns) - in->header.tsecr;
    /* An echo from before the connection's silence began is not one of ours. */
    if ((uint64_t)ticks * NS_PER_TIMESTAMP > in->now_ns)
        return;
    tcp_rtt_sample(&tcb->rtt, &tcp->rtt_limits, (uint64_t)ticks * NS_PER_TIMESTAMP);
}

void tcp_ack_tell(struct tcp *tcp, const struct tcb *tcb, uint64_t was, uint64_t now_ns)
{
    uint64_t end = tcb->snd_una < tcb->stream_end ? tcb->snd_una : tcb->stream_end;

    if (end > was && end > 1)
        tcp_event_add(tcp, tcb, now_ns, TCP_EVENT_ACKED)->stream_offset = end - 1;
}
