#include "tcp/tcp_rack.h"

#include "tcp/tcp_priv.h"

enum {
    NS_PER_TIMESTAMP = 1000000,
    SEGMENTS_FOR_LOSS = 3, /* DupThresh. */
    PERSIST_RECOVERIES = 16,
    QUARTERS_MAX = 254,
};

static void adapt_window(struct tcb *tcb, const struct tcp_sack_news *news, bool recovered);
static uint64_t window_ns(const struct tcb *tcb);
static bool detect(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);
static void respond(struct tcp *tcp, struct tcb *tcb, uint32_t flight);
static void probe_answered(struct tcb *tcb, const struct tcp_arrival *in,
                           const struct tcp_sack_news *news);

void tcp_rack_delivered(struct tcb *tcb, struct tcp_segment *segment, const struct tcp_arrival *in)
{
    struct tcp_rack *rack = &tcb->rack;
    uint64_t end = segment->pos + segment->length;
    uint64_t rtt_ns = in->now_ns - segment->last_sent_ns;

    /* Of what was sent twice, an ACK that came too early is that of the first. */
    if (segment->transmissions > 1) {
        uint32_t sent = tcp_options_timestamp(tcb->ts_offset, segment->last_sent_ns);
        if (rtt_ns < rack->min_rtt_ns ||
            (tcb->timestamps && (int32_t)(in->header.tsecr - sent) < 0))
            return;
        segment->probe_arrived = segment->probed && !tcp_sack_came_twice(tcb, in, end);
        tcp_rack_arrived(rack, end, segment->last_sent_ns, rtt_ns);
    } else {
        tcp_rack_delivered_once(rack, end, segment->last_sent_ns, rtt_ns);
    }
}

void tcp_rack_ack(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in,
                  const struct tcp_sack_news *news, bool recovered)
{
    adapt_window(tcb, news, recovered);
    if (tcb->rack.probe_end != 0)
        probe_answered(tcb, in, news);
    if (detect(tcp, tcb, in->now_ns))
        respond(tcp, tcb, tcp_flight_before(tcb, in));
    if (tcb->rack.timer != TCP_RACK_REORDERING)
        tcp_rack_schedule_probe(tcp, tcb, in->now_ns);
}

void tcp_rack_set_probe(struct tcp *tcp, struct tcb *tcb, uint64_t deadline_ns)
{
    struct tcp_rack *rack = &tcb->rack;

    if (!tcb->sack || tcb->state < TCP_ESTABLISHED || rack->probe_end != 0 ||
        tcb->sacked_bytes > 0 || tcb->lost_bytes > 0 || tcb->congestion.in_recovery ||
        tcb->timeouts > 0)
        return;
    rack->timer = TCP_RACK_PROBE;
    rack->deadline_ns = deadline_ns;
    tcp_timer_arm(tcp, tcb);
}

void tcp_rack_expire(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    struct tcp_rack *rack = &tcb->rack;
    enum tcp_rack_timer timer = rack->timer;

    rack->timer = TCP_RACK_OFF;
    rack->deadline_ns = TCP_NEVER_NS;
    if (timer == TCP_RACK_REORDERING) {
        if (detect(tcp, tcb, now_ns))
            respond(tcp, tcb, tcp_flight(tcb));
        return;
    }
    tcb->tail_now = true;
    tcp_ready(tcp, tcb);
}

void tcp_rack_probed(struct tcb *tcb, bool again)
{
    tcp_rack_timeout(tcb);
    tcb->rack.probe_end = tcb->snd_nxt;
    tcb->rack.probe_again = again;
}

void tcp_rack_timeout(struct tcb *tcb)
{
    tcb->rack.timer = TCP_RACK_OFF;
    tcb->rack.deadline_ns = TCP_NEVER_NS;
    tcb->rack.probe_end = 0;
    tcb->tail_now = false;
}

static void adapt_window(struct tcb *tcb, const struct tcp_sack_news *news, bool recovered)
{
    struct tcp_rack *rack = &tcb->rack;

    if (rack->round_end != 0 && tcb->snd_una >= rack->round_end)
        rack->round_end = 0;
    if (news->duplicate && rack->round_end == 0) {
        rack->round_end = tcb->snd_nxt;
        if (rack->quarters < QUARTERS_MAX)
            rack->quarters++;
        rack->persist = PERSIST_RECOVERIES;
    } else if (recovered && rack->persist > 0 && --rack->persist == 0) {
        rack->quarters = 0;
    }
}

static uint64_t window_ns(const struct tcb *tcb)
{
    const struct tcp_rack *rack = &tcb->rack;
    bool in_recovery = tcb->congestion.in_recovery || tcb->timeouts > 0;
    uint64_t window = (rack->quarters + UINT64_C(1)) * rack->min_rtt_ns / 4;

    if (!rack->reordered &&
        (in_recovery || tcb->sacked_bytes >= SEGMENTS_FOR_LOSS * (uint64_t)tcb->mss))
        return 0;
    return window < tcb->rtt.srtt_ns ? window : tcb->rtt.srtt_ns;
}

/* True if something counts as lost that did not before. */
static bool detect(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    struct tcp_rack *rack = &tcb->rack;
    uint64_t reordering_ns, latest_ns = 0;
    struct tcp_segment *segment;
    bool any = false;

    if (rack->timer == TCP_RACK_REORDERING) {
        rack->timer = TCP_RACK_OFF;
        rack->deadline_ns = TCP_NEVER_NS;
    }
    if (STAILQ_EMPTY(&tcb->segments))
        return false;
    reordering_ns = window_ns(tcb);
    STAILQ_FOREACH(segment, &tcb->segments, link)
    {
        bool earlier = tcp_rack_sent_after(rack->sent_ns, rack->end, segment->last_sent_ns,
                                           segment->pos + segment->length);
        if (segment->sacked || segment->cause != TCP_CAUSE_NONE)
            continue;
        if (!earlier && segment->transmissions == 1)
            break; /* All beyond were sent later. */
        if (!earlier)
            continue;
        uint64_t lost_ns = segment->last_sent_ns + rack->rtt_ns + reordering_ns;
        if (lost_ns <= now_ns) {
            tcp_ack_lose(tcb, segment, TCP_CAUSE_FAST);
            any = true;
        } else if (lost_ns > latest_ns) {
            latest_ns = lost_ns;
        }
    }
    if (latest_ns != 0) {
        rack->timer = TCP_RACK_REORDERING;
        rack->deadline_ns = latest_ns;
        tcp_timer_arm(tcp, tcb);
    }
    return any;
}

/* RFC 6675 5: recovery begins; the first lost segment leaves whatever the pipe. */
static void respond(struct tcp *tcp, struct tcb *tcb, uint32_t flight)
{
    if (tcp_congestion_lost(&tcb->congestion, tcb->snd_una, tcb->snd_nxt, flight, tcb->mss))
        tcb->lost_first = true;
    tcp_ready(tcp, tcb);
}

/* 7.4.2. */
static void probe_answered(struct tcb *tcb, const struct tcp_arrival *in,
                           const struct tcp_sack_news *news)
{
    struct tcp_rack *rack = &tcb->rack;

    if (in->ack < rack->probe_end)
        return;
    if (!rack->probe_again || (news->duplicate && news->duplicate_end == rack->probe_end)) {
        rack->probe_end = 0;
    } else if (in->ack > rack->probe_end) {
        rack->probe_end = 0; /* The probe repaired a loss. */
        tcp_congestion_reduce(&tcb->congestion, tcp_flight_before(tcb, in), tcb->mss);
    } else if (in->acked == 0 && in->header.sack_count == 0 && tcp_ack_is_bare(tcb, in)) {
        rack->probe_end = 0; /* It arrived twice, for a peer without D-SACK. */
    }
}
