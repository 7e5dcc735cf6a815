/* Segment arrives: RFC 9293 3.10.7, a function a step. */
#include "tcp/tcp_priv.h"

/* Which part of 3.10.7 a segment is for; 0, so what no row of the table names, is to drop it. */
enum action {
    ACTION_DROP_FLAGS,   /* Flags that make no sense together, or in the state. */
    ACTION_DROP_NO_ACK,  /* RFC 9293 3.10.7.4 step 5: without ACK, drop. */
    ACTION_CLOSED,       /* 3.10.7.1. */
    ACTION_LISTEN,       /* 3.10.7.2. */
    ACTION_SYN_SENT,     /* 3.10.7.3. */
    ACTION_SYNCHRONIZED, /* 3.10.7.4. */
    ACTION_TIME_WAIT,    /* 3.10.7.4, as far as TIME-WAIT goes. */
};

enum {
    FLAG_SETS = 32, /* Of FIN, SYN, RST, PSH, ACK; PSH and URG change nothing: see below. */
    FLAGS_THAT_COUNT = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK,
    EVENTS_OF_A_SEGMENT = 8, /* Beside one for each chunk that it lets go. */
    NS_PER_S = 1000000000,
    NS_BETWEEN_REFUSALS = 100000000, /* Less than the RTO that probes begin with. */
};

/* Step 6, URG: Differs: urgent data is data like other, its pointer is not looked at (RFC 6093). */

#define SYNCHRONIZED_ROW                                                                           \
    {                                                                                              \
        [0] = ACTION_DROP_NO_ACK, [TCP_FIN] = ACTION_DROP_NO_ACK, [TCP_ACK] = ACTION_SYNCHRONIZED, \
        [TCP_FIN | TCP_ACK] = ACTION_SYNCHRONIZED, [TCP_RST] = ACTION_SYNCHRONIZED,                \
        [TCP_RST | TCP_ACK] = ACTION_SYNCHRONIZED, [TCP_SYN] = ACTION_SYNCHRONIZED,                \
        [TCP_SYN | TCP_ACK] = ACTION_SYNCHRONIZED,                                                 \
    }

static const uint8_t actions[TCP_STATE_COUNT][FLAG_SETS] = {
    [TCP_CLOSED] =
        {
            [0] = ACTION_CLOSED,
            [TCP_FIN] = ACTION_CLOSED,
            [TCP_ACK] = ACTION_CLOSED,
            [TCP_FIN | TCP_ACK] = ACTION_CLOSED,
            [TCP_RST] = ACTION_CLOSED,
            [TCP_RST | TCP_ACK] = ACTION_CLOSED,
            [TCP_SYN] = ACTION_CLOSED,
            [TCP_SYN | TCP_ACK] = ACTION_CLOSED,
        },
    [TCP_LISTEN] =
        {
            [TCP_ACK] = ACTION_LISTEN,
            [TCP_FIN | TCP_ACK] = ACTION_LISTEN,
            [TCP_RST] = ACTION_LISTEN,
            [TCP_RST | TCP_ACK] = ACTION_LISTEN,
            [TCP_SYN] = ACTION_LISTEN,
            [TCP_SYN | TCP_ACK] = ACTION_LISTEN,
        },
    [TCP_SYN_SENT] =
        {
            [0] = ACTION_SYN_SENT,
            [TCP_FIN] = ACTION_SYN_SENT,
            [TCP_ACK] = ACTION_SYN_SENT,
            [TCP_FIN | TCP_ACK] = ACTION_SYN_SENT,
            [TCP_RST] = ACTION_SYN_SENT,
            [TCP_RST | TCP_ACK] = ACTION_SYN_SENT,
            [TCP_SYN] = ACTION_SYN_SENT,
            [TCP_SYN | TCP_ACK] = ACTION_SYN_SENT,
        },
    [TCP_SYN_RECEIVED] = SYNCHRONIZED_ROW,
    [TCP_ESTABLISHED] = SYNCHRONIZED_ROW,
    [TCP_FIN_WAIT_1] = SYNCHRONIZED_ROW,
    [TCP_FIN_WAIT_2] = SYNCHRONIZED_ROW,
    [TCP_CLOSING] = SYNCHRONIZED_ROW,
    [TCP_CLOSE_WAIT] = SYNCHRONIZED_ROW,
    [TCP_LAST_ACK] = SYNCHRONIZED_ROW,
    [TCP_TIME_WAIT] =
        {
            [TCP_ACK] = ACTION_TIME_WAIT,
            [TCP_FIN | TCP_ACK] = ACTION_TIME_WAIT,
            [TCP_RST] = ACTION_TIME_WAIT,
            [TCP_RST | TCP_ACK] = ACTION_TIME_WAIT,
            [TCP_SYN] = ACTION_TIME_WAIT,
            [TCP_SYN | TCP_ACK] = ACTION_TIME_WAIT,
        },
};

static enum tcp_verdict find_and_act(struct tcp *tcp, struct tcp_arrival *in);
static enum tcp_verdict act(struct tcp *tcp, uint32_t ref, struct tcb *tcb, enum tcp_state state,
                            struct tcp_arrival *in);
static enum tcp_verdict closed_input(struct tcp *tcp, const struct tcp_arrival *in);
static enum tcp_verdict listen_input(struct tcp *tcp, uint32_t ref, struct tcp_arrival *in);
static enum tcp_verdict syn_sent_input(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
static enum tcp_verdict syn_sent_syn(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
static enum tcp_verdict synchronized_input(struct tcp *tcp, struct tcb *tcb,
                                           struct tcp_arrival *in);
static enum tcp_verdict step_1_sequence(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
static enum tcp_verdict step_1_timestamps(struct tcp *tcp, struct tcb *tcb,
                                          const struct tcp_arrival *in);
static enum tcp_verdict step_2_reset(struct tcp *tcp, struct tcb *tcb,
                                     const struct tcp_arrival *in);
static enum tcp_verdict step_4_syn(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in);
static enum tcp_verdict step_5_ack(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
static void establish(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
static void refuse_sequence(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in);
static int32_t rcv_distance(const struct tcb *tcb, const struct tcp_arrival *in);
static void trim_front(struct tcb *tcb, struct tcp_arrival *in, int32_t distance);

enum tcp_verdict tcp_input_ecn(struct tcp *tcp, uint64_t now_ns, const struct tuple *tuple,
                               const uint8_t *l4, uint16_t l4_bytes, uint8_t ecn)
{
    struct tcp_arrival in; /* Filled in as the steps go on. */
    enum tcp_verdict verdict = tcp_header_parse(l4, l4_bytes, &in.header);

    if (verdict == TCP_TAKEN) {
        in.now_ns = now_ns;
        in.tuple = tuple;
        in.data = l4 + in.header.header_bytes;
        in.bytes = (uint32_t)l4_bytes - in.header.header_bytes;
        in.acked = 0;
        in.fin = (in.header.flags & TCP_FIN) != 0;
        in.ecn = ecn;
        in.ended = false;
        verdict = find_and_act(tcp, &in);
    }
    tcp->counters.segments_in++;
    tcp->counters.verdicts[verdict]++;
    return verdict;
}

void tcp_challenge(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    if (!tcp_challenge_take(tcp, now_ns))
        return;
    tcb->ack_now = true;
    tcp_ready(tcp, tcb);
}

bool tcp_challenge_take(struct tcp *tcp, uint64_t now_ns)
{
    uint64_t second = now_ns / NS_PER_S;

    if (second != tcp->challenge_second) {
        /* A quota that is the same each second can be counted from outside: it varies by half. */
        uint32_t half = tcp->config.challenge_acks_per_s / 2;
        uint64_t mixed = hash_sip(&tcp->config.key, &second, sizeof(second));
        tcp->challenge_second = second;
        tcp->challenge_left =
            tcp->config.challenge_acks_per_s - (uint32_t)(half > 0 ? mixed % (half + 1) : 0);
    }
    if (tcp->challenge_left == 0) {
        tcp->counters.challenge_acks_limited++;
        return false;
    }
    tcp->challenge_left--;
    tcp->counters.challenge_acks++;
    return true;
}

static enum tcp_verdict find_and_act(struct tcp *tcp, struct tcp_arrival *in)
{
    in->hash = tcp_tuple_hash(tcp, in->tuple);
    uint32_t ref = tcp_find(tcp, in->tuple, in->hash);
    if (ref & TCP_REF_TIME_WAIT)
        return act(tcp, ref, NULL, TCP_TIME_WAIT, in);
    if (ref == 0 && tcp_listener_of(tcp, in->tuple) == NULL)
        return act(tcp, ref, NULL, TCP_CLOSED, in);
    if (tcp_events_room(tcp) < tcp->config.chunks_per_connection + EVENTS_OF_A_SEGMENT)
        return TCP_DROP_EVENTS_FULL;
    if (ref == 0)
        return act(tcp, ref, NULL, TCP_LISTEN, in);
    if (ref & TCP_REF_HALF_OPEN)
        return act(tcp, ref, NULL, TCP_SYN_RECEIVED, in);
    struct tcb *tcb = tcp_slot_wake(tcp, tcp_slot_of_ref(tcp, ref));
    if (tcb == NULL)
        return TCP_DROP_ACTIVES_FULL;
    if (tcp_expected_input(tcp, tcb, in))
        return TCP_TAKEN;
    return act(tcp, ref, tcb, tcb->state, in);
}

static enum tcp_verdict act(struct tcp *tcp, uint32_t ref, struct tcb *tcb, enum tcp_state state,
                            struct tcp_arrival *in)
{
    switch ((enum action)actions[state][in->header.flags & FLAGS_THAT_COUNT]) {
    case ACTION_CLOSED: return closed_input(tcp, in);
    case ACTION_LISTEN: return listen_input(tcp, ref, in);
    case ACTION_SYN_SENT: return syn_sent_input(tcp, tcb, in);
    case ACTION_SYNCHRONIZED:
        if (ref & TCP_REF_HALF_OPEN)
            return listen_input(tcp, ref, in);
        return synchronized_input(tcp, tcb, in);
    case ACTION_TIME_WAIT: return tcp_time_wait_input(tcp, ref, in);
    case ACTION_DROP_NO_ACK: return TCP_DROP_NO_ACK;
    case ACTION_DROP_FLAGS: break;
    }
    return TCP_DROP_FLAGS;
}

/* 3.10.7.1. */
static enum tcp_verdict closed_input(struct tcp *tcp, const struct tcp_arrival *in)
{
    if (in->header.flags & TCP_RST)
        return TCP_DROP_NO_CONNECTION_RST;
    tcp_reply_reset(tcp, in);
    return TCP_DROP_NO_CONNECTION;
}

/* 3.10.7.2, and what is half open by it. The ACK that completes a handshake makes a connection, on
 * which it is input like any other. */
static enum tcp_verdict listen_input(struct tcp *tcp, uint32_t ref, struct tcp_arrival *in)
{
    struct tcb *tcb = NULL;
    enum tcp_verdict verdict = ref & TCP_REF_HALF_OPEN ? tcp_half_open_input(tcp, ref, in, &tcb)
                                                       : tcp_listen_input(tcp, in, &tcb);

    return tcb != NULL ? synchronized_input(tcp, tcb, in) : verdict;
}

/* 3.10.7.3. Its third step, security, does not exist here. */
static enum tcp_verdict syn_sent_input(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    uint8_t flags = in->header.flags;
    bool acks_syn = (flags & TCP_ACK) && tcb->snd_nxt == 1 && in->header.ack == tcb->iss + 1;

    /* First, the ACK. */
    if ((flags & TCP_ACK) && !acks_syn) {
        tcp_reply_reset(tcp, in);
        return TCP_DROP_SYN_SENT_ACK;
    }
    /* Second, the RST. */
    if (flags & TCP_RST) {
        if (!acks_syn)
            return TCP_DROP_SYN_SENT_RST;
        tcp_end(tcp, tcb, in->now_ns, TCP_EVENT_REFUSED);
        return TCP_TAKEN;
    }
    /* Fourth, the SYN; fifth, neither. */
    if (flags & TCP_SYN)
        return syn_sent_syn(tcp, tcb, in);
    return TCP_DROP_SYN_SENT_NO_SYN;
}

static enum tcp_verdict syn_sent_syn(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    uint32_t offered = tcb->rcv_wnd < UINT16_MAX ? tcb->rcv_wnd : UINT16_MAX;

    tcb->irs = in->header.seq;
    tcb->rcv_nxt = 1;
    tcb->rcv_adv = tcb->rcv_nxt + offered; /* The window of a SYN is not scaled (RFC 7323 2.2). */
    tcp_options_agree(tcp, tcb, in);
    if (tcb->rcv_wscale == 0)
        tcb->rcv_wnd = offered;
    tcb->snd_wnd = in->header.window;
    tcb->snd_wnd_max = tcb->snd_wnd;
    tcb->snd_wl1 = 0;
    tcb->ack_now = true;
    tcp_ready(tcp, tcb);

    if (tcp->config.ecn && (in->header.flags & TCP_ACK))
        tcp_ecn_agree(tcb, &in->header);
    if ((in->header.flags & TCP_ACK) == 0) { /* Both ends opened at once. */
        tcp_state_set(tcb, TCP_SYN_RECEIVED);
        return TCP_TAKEN;
    }
    in->ack = 1;
    in->pos = 1;
    tcb->snd_wl2 = in->ack;
    establish(tcp, tcb, in);
    return tcp_text_input(tcp, tcb, in);
}

/* Our SYN is acknowledged. */
static void establish(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    bool syn_was_lost = tcb->timeouts > 0;

    tcp_state_set(tcb, TCP_ESTABLISHED);
    tcp->counters.established++;
    if (tcb->passive)
        tcp->counters.accepted++;
    tcp_event_add(tcp, tcb, in->now_ns, tcb->passive ? TCP_EVENT_ACCEPTED : TCP_EVENT_CONNECTED);
    /* RFC 5681 3.1: after a lost SYN the initial window is one segment. */
    tcp_expected_ack(tcp, tcb, in);
    tcp_congestion_init(&tcb->congestion, tcp->config.congestion,
                        syn_was_lost ? 1 : tcp->config.initial_window_segs, tcb->mss);
    tcb->congestion.scoreboard = tcb->sack;
    /* Differs: RFC 6298 (5.7) wants 3 s after a lost SYN even if timestamps gave a round trip. */
    if (syn_was_lost && tcb->rtt.samples == 0)
        tcp_rtt_syn_lost(&tcb->rtt, &tcp->rtt_limits);
}

/* 3.10.7.4. Its third step, security, does not exist here. */
static enum tcp_verdict synchronized_input(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    enum tcp_verdict verdict;

    if (in->header.flags & TCP_RST)
        return step_2_reset(tcp, tcb, in);
    verdict = step_1_sequence(tcp, tcb, in);
    if (verdict != TCP_TAKEN)
        return verdict;
    if (in->header.flags & TCP_SYN)
        return step_4_syn(tcp, tcb, in);
    tcb->heard_ns = in->now_ns;
    tcb->alive_probes = 0;
    if (tcb->ecn)
        tcp_ecn_input(tcp, tcb, in);
    verdict = step_5_ack(tcp, tcb, in);
    if (verdict != TCP_TAKEN || in->ended)
        return verdict;
    return tcp_text_input(tcp, tcb, in); /* Steps 7 and 8. */
}

static enum tcp_verdict step_1_sequence(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    enum tcp_verdict verdict = step_1_timestamps(tcp, tcb, in);
    int64_t window = (int64_t)(tcb->rcv_adv - tcb->rcv_nxt);
    int32_t distance = rcv_distance(tcb, in);
    bool syn = (in->header.flags & TCP_SYN) != 0;
    int64_t length = (int64_t)in->bytes + syn + in->fin;

    if (verdict != TCP_TAKEN)
        return verdict;
    /* The SYN-ACK of a simultaneous open (RFC 9293 figure 7) lies before the window, but counts. */
    if (tcb->state == TCP_SYN_RECEIVED && syn && distance == -1 &&
        (in->header.flags & TCP_ACK) != 0) {
        in->header.flags &= (uint8_t)~TCP_SYN;
        in->pos = tcb->rcv_nxt;
        return TCP_TAKEN;
    }
    if (length > 0 && distance + length <= 0) {
        uint64_t pos = tcb->rcv_nxt + (uint64_t)(int64_t)distance;
        tcp_sack_duplicate(tcb, pos, pos + in->bytes);
        refuse_sequence(tcp, tcb, in);
        return TCP_DROP_DUPLICATE;
    }
    /* Differs: a segment without text may stand at the right edge: where a peer is that has
     * filled the window, and whose ACKs matter. And with a window of zero, one with text is
     * taken for its ACK. */
    if (distance > window || (distance == window && length > 0 && window > 0) ||
        (distance < 0 && length == 0)) {
        refuse_sequence(tcp, tcb, in);
        return TCP_DROP_WINDOW;
    }
    /* RFC 7323 4.3 (2). */
    if (tcb->timestamps && (int32_t)(in->header.tsval - tcb->ts_recent) >= 0 &&
        distance <= (int64_t)(tcb->last_ack_sent - tcb->rcv_nxt)) {
        tcb->ts_recent = in->header.tsval;
        tcb->ts_recent_ns = in->now_ns;
    }
    trim_front(tcb, in, distance);
    return TCP_TAKEN;
}

/* RFC 7323 5.3: PAWS, unless the connection was idle for so long that the clock may have
 * wrapped. */
static enum tcp_verdict step_1_timestamps(struct tcp *tcp, struct tcb *tcb,
                                          const struct tcp_arrival *in)
{
    const uint64_t outdated_ns = UINT64_C(24) * 24 * 3600 * NS_PER_S;

    if (!tcb->timestamps || (in->header.flags & TCP_SYN))
        return TCP_TAKEN;
    if (!in->header.has_timestamps)
        return TCP_DROP_NO_TIMESTAMP;
    if ((int32_t)(in->header.tsval - tcb->ts_recent) >= 0)
        return TCP_TAKEN;
    if (in->now_ns - tcb->ts_recent_ns > outdated_ns)
        return TCP_TAKEN;
    refuse_sequence(tcp, tcb, in);
    return TCP_DROP_PAWS;
}

/* Text or FIN is answered always, so that a peer that missed our ACK gets it. So is what is empty,
 * as keep-alives and window probes are, but not at any rate, lest two ends answer each other's
 * answers. That limit is the connection's own: many peers that probe at once all have to hear. */
static void refuse_sequence(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in)
{
    if (in->bytes == 0 && !in->fin) {
        if (in->now_ns < tcb->refuse_next_ns)
            return;
        tcb->refuse_next_ns = in->now_ns + NS_BETWEEN_REFUSALS;
    }
    tcb->ack_now = true;
    tcp_ready(tcp, tcb);
}

/* How far the segment begins from RCV.NXT. */
static int32_t rcv_distance(const struct tcb *tcb, const struct tcp_arrival *in)
{
    return (int32_t)(in->header.seq - tcp_wire_rcv(tcb, tcb->rcv_nxt));
}

/* Cut off what was received before, so that it begins at RCV.NXT or later. */
static void trim_front(struct tcb *tcb, struct tcp_arrival *in, int32_t distance)
{
    uint32_t old;

    if (distance >= 0) {
        in->pos = tcb->rcv_nxt + (uint32_t)distance;
        return;
    }
    old = (uint32_t) - (int64_t)distance;
    if (in->header.flags & TCP_SYN)
        old--;
    if (old > in->bytes)
        old = in->bytes;
    tcp_sack_duplicate(tcb, tcb->rcv_nxt - old, tcb->rcv_nxt);
    in->pos = tcb->rcv_nxt;
    in->data += old;
    in->bytes -= old;
}

/* RFC 5961 3.2. */
static enum tcp_verdict step_2_reset(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in)
{
    int64_t distance = rcv_distance(tcb, in);

    if (distance != 0 && (distance < 0 || distance >= (int64_t)(tcb->rcv_adv - tcb->rcv_nxt)))
        return TCP_DROP_RST_WINDOW;
    if (distance != 0) {
        tcp_challenge(tcp, tcb, in->now_ns);
        return TCP_DROP_RST_CHALLENGED;
    }
    tcp_end(tcp, tcb, in->now_ns,
            tcb->state == TCP_SYN_RECEIVED ? TCP_EVENT_REFUSED : TCP_EVENT_RESET);
    return TCP_TAKEN;
}

/* RFC 5961 4.2. */
static enum tcp_verdict step_4_syn(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in)
{
    tcp_challenge(tcp, tcb, in->now_ns);
    return TCP_DROP_SYN_CHALLENGED;
}

/* RFC 9293 3.10.7.4, fifth; RFC 5961 5.2 for what is acceptable. */
static enum tcp_verdict step_5_ack(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    int64_t distance = (int32_t)(in->header.ack - tcp_wire_snd(tcb, tcb->snd_una));

    if (tcb->state == TCP_SYN_RECEIVED) {
        if (distance != 1 || tcb->snd_nxt == 0) {
            tcp_reply_reset(tcp, in);
            return TCP_DROP_SYN_SENT_ACK;
        }
        in->ack = 1;
        establish(tcp, tcb, in);
        tcb->snd_wl1 = 0;
        tcp_ack_window(tcp, tcb, in);
        return TCP_TAKEN;
    }
    if (distance > (int64_t)tcp_flight(tcb)) {
        tcp_challenge(tcp, tcb, in->now_ns);
        return TCP_DROP_ACK_UNSENT;
    }
    if (distance < -(int64_t)tcb->snd_wnd_max) {
        tcp_challenge(tcp, tcb, in->now_ns);
        return TCP_DROP_ACK_OLD;
    }
    if (distance < 0) /* An old ACK says nothing new; its text may. */
        return TCP_TAKEN;

    in->ack = tcb->snd_una + (uint64_t)distance;
    if (distance > 0)
        tcp_ack_new(tcp, tcb, in);
    else
        tcp_ack_old(tcp, tcb, in);
    if (tcb->ecn)
        tcp_ecn_ack(tcp, tcb, in);
    tcp_ack_window(tcp, tcb, in);
    if (distance > 0 && tcb->fin_sent && tcb->snd_una == tcb->snd_nxt)
        tcp_fin_acked(tcp, tcb, in);
    return TCP_TAKEN;
}

void tcp_fin_acked(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    if (tcp->config.tell_acked)
        tcp_event_add(tcp, tcb, in->now_ns, TCP_EVENT_LOCAL_CLOSED)->stream_offset =
            tcb->stream_end - 1;
    switch (tcb->state) {
    case TCP_FIN_WAIT_1:
        tcp_state_set(tcb, TCP_FIN_WAIT_2);
        tcp_timer_restart(tcp, tcb, in->now_ns);
        break;
    case TCP_CLOSING:
        in->ended = true;
        tcp_end_time_wait(tcp, tcb, in->now_ns);
        break;
    default:
        assert(tcb->state == TCP_LAST_ACK);
        in->ended = true;
        tcp_end(tcp, tcb, in->now_ns, TCP_EVENT_GONE);
        break;
    }
}
