/* What to send now. Each connection on the ready list is asked, one segment after another: first
 * what counts as lost, then what is new, then probes, then ACKs that nothing else carried. */
#include "tcp/tcp_priv.h"

enum emission {
    EMIT_NOTHING, /* There is nothing of that sort to send. */
    EMIT_ONE,     /* A descriptor was filled in. */
    EMIT_BLOCKED, /* There is, but a table is full: again in the next turn. */
};

/* A part of the stream about to be handed out for the first time. */
struct part {
    uint32_t payload_bytes;
    uint8_t flags; /* Of SYN, FIN and PSH, those that it gets. */
};

static uint32_t emit_ready(struct tcp *tcp, uint64_t now_ns, struct tcp_descriptor out[],
                           uint32_t max);
static uint32_t emit_connection(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                                struct tcp_descriptor out[], uint32_t max, bool *more);
static inline bool emit_expected(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                                 struct tcp_descriptor *out);
static inline bool emit_syn(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                            struct tcp_descriptor *out);
static inline bool is_expected(const struct tcp *tcp, const struct tcb *tcb, uint64_t now_ns,
                               uint64_t queued);
static inline bool has_more(const struct tcb *tcb);
static enum emission emit_one(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                              struct tcp_descriptor *out);
static enum emission emit_lost(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                               struct tcp_descriptor *out);
static enum emission emit_new(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                              struct tcp_descriptor *out);
static enum emission emit_probe(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                                struct tcp_descriptor *out);
static enum emission emit_ack(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                              struct tcp_descriptor *out);
static enum emission emit_again(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                                struct tcp_segment *segment, struct tcp_descriptor *out);
static enum emission emit_tail(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                               enum emission fresh, struct tcp_descriptor *out);
static struct tcp_segment *first_lost(struct tcb *tcb);
static bool split(struct tcp *tcp, struct tcb *tcb, struct tcp_segment *segment);
static uint32_t in_pipe(const struct tcb *tcb);
static inline bool next_part(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, struct part *part);
static inline uint32_t part_bytes(const struct tcb *tcb);
static inline void hand_out(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                            struct tcp_segment *segment, const struct part *part);
static void tell_retransmit(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                            struct tcp_segment *segment);
static inline void describe(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, uint64_t pos,
                            const struct part *part, struct tcp_descriptor *out);
static void offer_options(const struct tcp *tcp, const struct tcb *tcb, uint64_t now_ns,
                          struct tcp_descriptor *out);
static void report_options(struct tcb *tcb, uint64_t now_ns, struct tcp_descriptor *out);
static inline uint16_t offer_window(struct tcb *tcb, bool syn);

uint32_t tcp_output(struct tcp *tcp, uint64_t now_ns, struct tcp_descriptor out[], uint32_t max)
{
    uint32_t count;

    tcp_slot_wake_waiting(tcp);
    /* A flood of what is to be answered leaves connections half of the room, and a single place. */
    count = tcp_reply_output(tcp, now_ns, out, TAILQ_EMPTY(&tcp->ready) ? max : max / 2);
    count += emit_ready(tcp, now_ns, out + count, max - count);
    count += tcp_reply_output(tcp, now_ns, out + count, max - count);
    tcp->counters.segments_out += count;
    return count;
}

bool tcp_output_wanted(const struct tcp *tcp)
{
    return !TAILQ_EMPTY(&tcp->ready) || tcp->replies_head != tcp->replies_tail ||
           tcp_slot_can_wake_waiting(tcp);
}

static uint32_t emit_ready(struct tcp *tcp, uint64_t now_ns, struct tcp_descriptor out[],
                           uint32_t max)
{
    struct tcb *first_put_off = NULL;
    struct tcb *tcb;
    uint32_t count = 0;

    while (count < max && (tcb = TAILQ_FIRST(&tcp->ready)) != NULL && tcb != first_put_off) {
        bool more = false;

        tcp_unready(tcp, tcb);
        if (emit_expected(tcp, tcb, now_ns, &out[count]) || emit_syn(tcp, tcb, now_ns, &out[count]))
            count++;
        else
            count += emit_connection(tcp, tcb, now_ns, out + count, max - count, &more);
        if (more) { /* Behind the others, so that each gets its turn. */
            tcp_ready(tcp, tcb);
            if (first_put_off == NULL)
                first_put_off = tcb;
        }
        tcp_timer_ensure(tcp, tcb, now_ns);
    }
    return count;
}

static uint32_t emit_connection(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                                struct tcp_descriptor out[], uint32_t max, bool *more)
{
    uint32_t count = 0;

    while (has_more(tcb)) {
        if (count == max) {
            *more = true;
            return count;
        }
        enum emission emission = emit_one(tcp, tcb, now_ns, &out[count]);
        if (emission != EMIT_ONE) {
            *more = emission == EMIT_BLOCKED;
            return count;
        }
        count++;
    }
    return count;
}

/* As header prediction for what comes in (tcp_expected.c): what leaves nearly always is the rest of
 * the stream, with the FIN if that is wanted, as one segment while nothing else is under way. It is
 * what emit_connection() would hand out, without asking for all else. */
static inline bool emit_expected(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                                 struct tcp_descriptor *out)
{
    uint64_t pos = tcb->snd_nxt, queued = tcb->stream_end - pos;
    struct part part = {.payload_bytes = (uint32_t)queued};

    if (!is_expected(tcp, tcb, now_ns, queued))
        return false;
    if (queued > 0)
        part.flags |= TCP_PSH;
    if (tcb->fin_wanted)
        part.flags |= TCP_FIN;
    hand_out(tcp, tcb, now_ns, tcp_segment_take(tcp, tcb), &part);
    describe(tcp, tcb, now_ns, pos, &part, out);
    return true;
}

/* Likewise the first of all segments: nothing can be under way before it. */
static inline bool emit_syn(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                            struct tcp_descriptor *out)
{
    const struct part syn = {.flags = TCP_SYN};

    if (tcb->snd_nxt != 0 || tcp->config.ecn || tcp->mtu_lowered_ns != TCP_NEVER_NS ||
        STAILQ_EMPTY(&tcp->free_segments))
        return false;
    hand_out(tcp, tcb, now_ns, tcp_segment_take(tcp, tcb), &syn);
    describe(tcp, tcb, now_ns, 0, &syn, out);
    return true;
}

/* QUEUED: what is left of the stream. */
static inline bool is_expected(const struct tcp *tcp, const struct tcb *tcb, uint64_t now_ns,
                               uint64_t queued)
{
    if (tcb->snd_una != tcb->snd_nxt || queued > tcb->mss || queued >= tcb->snd_wnd ||
        (queued == 0 && !tcb->fin_wanted))
        return false;
    if (tcb->state != TCP_ESTABLISHED && tcb->state != TCP_CLOSE_WAIT)
        return false;
    if (tcb->dup_acks_owed > 0 || tcb->probe_now || tcb->alive_now || tcb->tail_now || tcb->ecn ||
        tcb->queue.count > 0 || tcb->sack_report.duplicate_end != 0)
        return false;
    if (tcp->mtu_lowered_ns != TCP_NEVER_NS || STAILQ_EMPTY(&tcp->free_segments))
        return false;
    /* After an idle RTO the window of congestion begins anew. */
    return tcb->snd_nxt == 1 ||
           now_ns - tcb->last_data_ns <= tcp_rtt_rto_ns(&tcb->rtt, &tcp->rtt_limits);
}

/* False: there is nothing of any sort, whatever the windows. */
static inline bool has_more(const struct tcb *tcb)
{
    return tcb->snd_nxt < tcb->stream_end || (tcb->fin_wanted && !tcb->fin_sent) || tcb->ack_now ||
           tcb->dup_acks_owed > 0 || tcb->tail_now || tcb->probe_now || tcb->alive_now ||
           tcb->lost_bytes > 0;
}

static enum emission emit_one(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                              struct tcp_descriptor *out)
{
    enum emission lost = emit_lost(tcp, tcb, now_ns, out);
    if (lost == EMIT_ONE)
        return EMIT_ONE;
    /* RFC 8985 7.3: there must be a tail to probe, and nothing known of its loss. */
    if (tcb->tail_now && (tcp_flight(tcb) == 0 || tcb->lost_bytes > 0 || tcb->sacked_bytes > 0))
        tcb->tail_now = false;
    enum emission fresh = emit_new(tcp, tcb, now_ns, out);
    if ((tcb->tail_now && emit_tail(tcp, tcb, now_ns, fresh, out) == EMIT_ONE) ||
        fresh == EMIT_ONE || emit_probe(tcp, tcb, now_ns, out) == EMIT_ONE ||
        emit_ack(tcp, tcb, now_ns, out) == EMIT_ONE)
        return EMIT_ONE;
    return lost == EMIT_BLOCKED ? EMIT_BLOCKED : fresh;
}

/* Retransmission, as the window allows; but what shows that recovery begins, or goes on without
 * SACK, leaves whatever the window (RFC 6582; RFC 6675 5, step 4.3). */
static enum emission emit_lost(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                               struct tcp_descriptor *out)
{
    struct tcp_segment *segment;
    bool free_pass;

    if (tcb->lost_bytes == 0)
        return EMIT_NOTHING;
    segment = first_lost(tcb);
    free_pass = tcb->lost_first || (segment->cause == TCP_CAUSE_FAST && !tcb->sack);
    if (!free_pass && in_pipe(tcb) > 0 &&
        in_pipe(tcb) + segment->length > tcp_congestion_window(&tcb->congestion, tcb->mss))
        return EMIT_NOTHING;
    return emit_again(tcp, tcb, now_ns, segment, out);
}

static enum emission emit_again(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                                struct tcp_segment *segment, struct tcp_descriptor *out)
{
    struct part part;

    if (tcp_events_room(tcp) == 0)
        return EMIT_BLOCKED;
    /* With no record for the rest its front leaves alone: all of them may be waiting for this, and
     * the ACK of the front makes the rest a segment. */
    part = (struct part){.payload_bytes = tcb->mss};
    if (tcp_segment_payload(segment) <= tcb->mss || split(tcp, tcb, segment))
        part = (struct part){tcp_segment_payload(segment), segment->flags};
    if (part.payload_bytes > 0 && segment->pos + part.payload_bytes == tcb->stream_end)
        part.flags |= TCP_PSH;
    tell_retransmit(tcp, tcb, now_ns, segment);
    tcb->lost_bytes -= segment->length;
    segment->cause = TCP_CAUSE_NONE;
    segment->last_sent_ns = now_ns;
    tcb->lost_first = false;
    if (segment->transmissions < UINT8_MAX)
        segment->transmissions++;
    describe(tcp, tcb, now_ns, segment->pos, &part, out);
    tcp_ecn_describe(tcp, tcb, false, out);
    out->first_sent_ns = segment->first_sent_ns;
    out->retransmission = true;
    tcp->counters.bytes_out += part.payload_bytes;
    return EMIT_ONE;
}

/* A tail loss probe: what is new, which FRESH says was sent, or else the last segment again (RFC
 * 8985 7.3), which needs no record. */
static enum emission emit_tail(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                               enum emission fresh, struct tcp_descriptor *out)
{
    struct tcp_segment *last = STAILQ_FIRST(&tcb->segments);
    enum emission emission = fresh;

    if (fresh != EMIT_ONE) {
        while (STAILQ_NEXT(last, link) != NULL)
            last = STAILQ_NEXT(last, link);
        tcp_ack_lose(tcb, last, TCP_CAUSE_PROBE);
        emission = emit_again(tcp, tcb, now_ns, last, out);
    }
    tcp_rack_probed(tcb, fresh != EMIT_ONE);
    if (emission == EMIT_ONE)
        tcp_timer_restart(tcp, tcb, now_ns);
    return emission;
}

static struct tcp_segment *first_lost(struct tcb *tcb)
{
    struct tcp_segment *segment = STAILQ_FIRST(&tcb->segments);

    while (segment->cause == TCP_CAUSE_NONE)
        segment = STAILQ_NEXT(segment, link);
    return segment;
}

/* The path takes less than when SEGMENT was made: leave it a full payload, and put the rest
 * behind. */
static bool split(struct tcp *tcp, struct tcb *tcb, struct tcp_segment *segment)
{
    struct tcp_segment *rest = tcp_segment_take(tcp, tcb);

    if (rest == NULL)
        return false;
    *rest = *segment;
    rest->pos += tcb->mss;
    rest->length -= tcb->mss;
    segment->length = tcb->mss;
    segment->flags = 0;
    STAILQ_INSERT_AFTER(&tcb->segments, segment, rest, link);
    return true;
}

/* What is thought to be under way. */
static uint32_t in_pipe(const struct tcb *tcb)
{
    return tcp_flight(tcb) - tcb->lost_bytes - tcb->sacked_bytes;
}

static enum emission emit_new(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                              struct tcp_descriptor *out)
{
    struct tcp_segment *segment;
    struct part part;
    uint64_t pos = tcb->snd_nxt;

    if (tcb->segment_count >= tcp->config.segments_per_connection ||
        !next_part(tcp, tcb, now_ns, &part))
        return EMIT_NOTHING;
    segment = tcp_segment_take(tcp, tcb);
    if (segment == NULL)
        return EMIT_BLOCKED;
    hand_out(tcp, tcb, now_ns, segment, &part);
    describe(tcp, tcb, now_ns, pos, &part, out);
    if (tcb->ecn || (part.flags & TCP_SYN))
        tcp_ecn_describe(tcp, tcb, true, out);
    return EMIT_ONE;
}

/* What comes next of SYN, stream and FIN, if it may be sent now. */
static inline bool next_part(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, struct part *part)
{
    *part = (struct part){.flags = TCP_SYN};
    if (tcb->snd_nxt == 0)
        return true;
    if ((tcb->state != TCP_ESTABLISHED && tcb->state != TCP_CLOSE_WAIT) || tcb->fin_sent)
        return false;
    /* RFC 5681 4.1: after an idle RTO the window says nothing about the path any more. */
    if (tcb->snd_una == tcb->snd_nxt && tcb->snd_nxt > 1 &&
        now_ns - tcb->last_data_ns > tcp_rtt_rto_ns(&tcb->rtt, &tcp->rtt_limits))
        tcp_congestion_idle(&tcb->congestion, tcp->config.initial_window_segs, tcb->mss);

    if (tcp->mtu_lowered_ns != TCP_NEVER_NS)
        tcp_mtu_raise(tcp, tcb, now_ns);
    part->flags = 0;
    part->payload_bytes = part_bytes(tcb);
    uint64_t end = tcb->snd_nxt + part->payload_bytes;
    if (end == tcb->stream_end && part->payload_bytes > 0)
        part->flags |= TCP_PSH;
    if (end == tcb->stream_end && tcb->fin_wanted && end < tcb->snd_una + tcb->snd_wnd)
        part->flags |= TCP_FIN;
    return part->payload_bytes > 0 || (part->flags & TCP_FIN) != 0;
}

/* Payload that both windows allow; less than a full segment only if it is all there is, or half
 * of the largest window the peer had (RFC 9293 3.8.6.2.1). Differs: there is no Nagle algorithm,
 * since a request has to leave when it is due. */
static inline uint32_t part_bytes(const struct tcb *tcb)
{
    uint64_t edge = tcb->snd_una + tcb->snd_wnd;
    uint64_t queued = tcb->stream_end - tcb->snd_nxt;
    uint64_t usable = edge > tcb->snd_nxt ? edge - tcb->snd_nxt : 0;
    uint64_t bytes = queued < tcb->mss ? queued : tcb->mss;

    if (bytes == 0 || usable == 0)
        return 0;
    if (usable < bytes) {
        if (usable < tcb->snd_wnd_max / 2 && !tcb->override_now)
            return 0;
        bytes = usable;
    }
    if (in_pipe(tcb) > 0 && !tcb->tail_now &&
        in_pipe(tcb) + bytes > tcp_congestion_window(&tcb->congestion, tcb->mss))
        return 0;
    return (uint32_t)bytes;
}

/* Take over that PART leaves. */
static inline void hand_out(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                            struct tcp_segment *segment, const struct part *part)
{
    uint8_t ends = part->flags & (TCP_SYN | TCP_FIN);

    *segment = (struct tcp_segment){.pos = tcb->snd_nxt,
                                    .first_sent_ns = now_ns,
                                    .last_sent_ns = now_ns,
                                    .length = part->payload_bytes + (ends != 0),
                                    .transmissions = 1,
                                    .flags = ends};
    if (tcb->snd_una == tcb->snd_nxt)
        tcb->silence_since_ns = now_ns;
    STAILQ_INSERT_TAIL(&tcb->segments, segment, link);
    tcb->snd_nxt += segment->length;
    tcb->last_data_ns = now_ns;
    tcb->override_now = false;
    tcp->counters.bytes_out += part->payload_bytes;
    if (tcb->sack)
        tcp_rack_schedule_probe(tcp, tcb, now_ns);
    /* Differs: the states of closing begin when the FIN is handed out, not at the call of CLOSE:
     * a peer that closes before that finds us in CLOSE-WAIT. */
    if (ends == TCP_FIN) {
        tcb->fin_sent = true;
        tcp_state_set(tcb, tcb->state == TCP_ESTABLISHED ? TCP_FIN_WAIT_1 : TCP_LAST_ACK);
    }
}

/* Of a window that is shut, or of a peer that is silent. Differs: a probe has no octet of new data
 * but stands before the window, which a receiver has to answer with its window as well (RFC 9293
 * 3.10.7.4, first), and loses nothing. */
static enum emission emit_probe(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                                struct tcp_descriptor *out)
{
    const struct part nothing = {.payload_bytes = 0};
    bool window = tcb->probe_now && tcb->snd_wnd == 0;
    bool alive = tcb->alive_now && tcb->snd_una == tcb->snd_nxt;

    tcb->probe_now = false;
    tcb->alive_now = false;
    if (!window && !alive)
        return EMIT_NOTHING;
    describe(tcp, tcb, now_ns, tcb->snd_una - 1, &nothing, out);
    tcp->counters.probes += window;
    tcp->counters.keep_alives += alive && !window;
    return EMIT_ONE;
}

static enum emission emit_ack(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                              struct tcp_descriptor *out)
{
    const struct part nothing = {.payload_bytes = 0}, syn = {.flags = TCP_SYN};

    if (tcb->state < TCP_SYN_RECEIVED)
        return EMIT_NOTHING;
    if (tcb->dup_acks_owed > 0)
        tcb->dup_acks_owed--;
    else if (!tcb->ack_now)
        return EMIT_NOTHING;
    /* In SYN-RECEIVED it is our SYN again, with the ACK of the peer's. */
    if (tcb->state == TCP_SYN_RECEIVED)
        describe(tcp, tcb, now_ns, 0, &syn, out);
    else
        describe(tcp, tcb, now_ns, tcb->snd_nxt, &nothing, out);
    tcp_ecn_describe(tcp, tcb, false, out);
    return EMIT_ONE;
}

/* A probe of the tail may only have shown that nothing is lost: that is told when it is known (RFC
 * 8985 7.4). */
static void tell_retransmit(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                            struct tcp_segment *segment)
{
    segment->probed = segment->cause == TCP_CAUSE_PROBE;
    tcb->retransmits++;
    if (!segment->probed)
        tcp_event_add_retransmit(tcp, tcb, now_ns, segment, segment->cause);
    switch (segment->cause) {
    case TCP_CAUSE_FAST: tcp->counters.retransmits_fast++; break;
    case TCP_CAUSE_MTU: tcp->counters.retransmits_mtu++; break;
    case TCP_CAUSE_PROBE: tcp->counters.retransmits_probe++; break;
    default: tcp->counters.retransmits_rto++; break;
    }
}

/* With TCP_ACK, which all but a first SYN have, it settles the ACK that is due. */
ALWAYS_INLINE static inline void describe(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                                          uint64_t pos, const struct part *part,
                                          struct tcp_descriptor *out)
{
    bool syn = (part->flags & TCP_SYN) != 0;

    out->tuple = tcb->tuple;
    out->user = tcb->user;
    out->stream_offset = pos > 0 ? pos - 1 : 0;
    out->first_sent_ns = now_ns;
    out->conn = tcb->conn;
    out->seq = tcp_wire_snd(tcb, pos);
    out->ack = 0;
    out->payload_bytes = part->payload_bytes;
    out->window = offer_window(tcb, syn);
    out->flags = part->flags;
    out->options_bytes = 0;
    out->ecn = 0;
    out->retransmission = false;
    if (tcb->state != TCP_SYN_SENT) {
        out->flags |= TCP_ACK;
        out->ack = tcp_wire_rcv(tcb, tcb->rcv_nxt);
        tcb->last_ack_sent = tcb->rcv_nxt;
        tcb->ack_now = false;
        tcb->ack_deadline_ns = TCP_NEVER_NS;
        tcb->unacked_segs = 0;
    }
    if (syn)
        offer_options(tcp, tcb, now_ns, out);
    else if (tcb->queue.count > 0 || tcb->sack_report.duplicate_end != 0)
        report_options(tcb, now_ns, out);
    else if (tcb->timestamps)
        out->options_bytes = tcp_header_timestamps(tcp_options_timestamp(tcb->ts_offset, now_ns),
                                                   tcb->ts_recent, out->options);
}

/* A SYN offers; a SYN-ACK has only what the peer offered, too. */
static void offer_options(const struct tcp *tcp, const struct tcb *tcb, uint64_t now_ns,
                          struct tcp_descriptor *out)
{
    const struct tcp_config *config = &tcp->config;
    const bool offers = tcb->state == TCP_SYN_SENT;
    const struct tcp_options options = {
        .mss = tcp_options_own_mss(tcp, &tcb->tuple),
        .window_scale = tcp->own_scale,
        .has_window_scale = offers ? config->window_scale : tcb->scaled,
        .has_timestamps = offers ? config->timestamps : tcb->timestamps,
        .sack_permitted = offers ? config->sack : tcb->sack,
        .tsval = tcp_options_timestamp(tcb->ts_offset, now_ns),
        .tsecr = tcb->ts_recent};

    out->options_bytes = tcp_header_options(&options, out->options);
}

/* RFC 2018 4: what came out of order, or twice, with every ACK; but a segment with text has no room
 * for it. */
static void report_options(struct tcb *tcb, uint64_t now_ns, struct tcp_descriptor *out)
{
    struct tcp_options options = {.has_timestamps = tcb->timestamps};
    struct tcp_sack_block blocks[TCP_SACK_BLOCKS];
    bool bare = out->seq == tcp_wire_snd(tcb, tcb->snd_nxt); /* An ACK, and nothing more. */

    if (options.has_timestamps) {
        options.tsval = tcp_options_timestamp(tcb->ts_offset, now_ns);
        options.tsecr = tcb->ts_recent;
    }
    if (tcb->sack && bare) {
        options.sack_count = tcp_sack_blocks(tcb, tcb->timestamps ? 3 : 4, blocks);
        options.sack = blocks;
    }
    out->options_bytes = tcp_header_options(&options, out->options);
}

/* The window that the header says. Its right edge moves by a segment or half the window at a time
 * (RFC 9293 3.8.6.2.2), and never back. */
static inline uint16_t offer_window(struct tcb *tcb, bool syn)
{
    uint64_t edge = tcb->rcv_nxt + tcb->rcv_wnd;
    uint64_t step = tcb->rcv_wnd / 2 < tcb->mss ? tcb->rcv_wnd / 2 : tcb->mss;
    uint64_t window;

    if (syn)
        return (uint16_t)(tcb->rcv_wnd < UINT16_MAX ? tcb->rcv_wnd : UINT16_MAX);
    if (edge >= tcb->rcv_adv + step && edge > tcb->rcv_adv)
        tcb->rcv_adv = edge;
    window = (tcb->rcv_adv - tcb->rcv_nxt) >> tcb->rcv_wscale;
    return (uint16_t)(window < UINT16_MAX ? window : UINT16_MAX);
}
