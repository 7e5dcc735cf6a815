/* SYN-RECEIVED after a passive open: RFC 9293 3.10.7.4 as far as it goes before the connection. */
#include "tcp/tcp_isn.h"
#include "tcp/tcp_listen.h"
#include "tcp/tcp_priv.h"

static enum tcp_verdict step_1_sequence(struct tcp *tcp, struct tcp_half_open *half_open,
                                        const struct tcp_arrival *in);
static enum tcp_verdict step_2_reset(struct tcp *tcp, struct tcp_half_open *half_open,
                                     const struct tcp_arrival *in);
static void acknowledge(struct tcp *tcp, const struct tcp_half_open *half_open, uint64_t now_ns);
static uint16_t offered_window(const struct tcp *tcp);
static uint32_t timestamp(const struct tcp_half_open *half_open, uint64_t now_ns);
static void await_ack(struct tcp *tcp, struct tcp_half_open *half_open, uint64_t now_ns);
static void expire(struct tcp *tcp, struct tcp_half_open *half_open, uint64_t now_ns);
static void give_up(struct tcp *tcp, struct tcp_half_open *half_open, uint64_t now_ns);
static void forget(struct tcp *tcp, struct tcp_half_open *half_open);

static uint32_t ref_of(const struct tcp *tcp, const struct tcp_half_open *half_open)
{
    return (uint32_t)(half_open - tcp->listen.half_open_array) | TCP_REF_HALF_OPEN;
}

bool tcp_half_open_begin(struct tcp *tcp, const struct tcp_listener *listener,
                         const struct tcp_arrival *in, const struct tcp_remains *previous)
{
    struct tcp_half_open *half_open = TAILQ_FIRST(&tcp->listen.free);
    uint64_t secret;

    if (half_open == NULL)
        return false;
    TAILQ_REMOVE(&tcp->listen.free, half_open, link);
    secret = tcp_isn_secret(&tcp->config.key, in->tuple);
    *half_open = (struct tcp_half_open){.tuple = *in->tuple,
                                        .hash = in->hash,
                                        .syn = in->header,
                                        .iss = tcp_isn(secret, in->now_ns),
                                        .ts_offset = tcp_isn_timestamp_offset(secret),
                                        .sent_ns = in->now_ns,
                                        .listener = listener};
    if (previous != NULL) {
        half_open->reopened = true;
        half_open->previous = *previous;
        half_open->iss = tcp_isn_after(half_open->iss, previous->snd_nxt);
    }
    tcp_table_insert(&tcp->table, half_open->hash, ref_of(tcp, half_open));
    tcp->listen.in_use++;
    tcp_half_open_answer(tcp, half_open, timestamp(half_open, in->now_ns));
    await_ack(tcp, half_open, in->now_ns);
    return true;
}

enum tcp_verdict tcp_half_open_input(struct tcp *tcp, uint32_t ref, const struct tcp_arrival *in,
                                     struct tcb **tcb)
{
    struct tcp_half_open *half_open = tcp_half_open_of_ref(tcp, ref);
    enum tcp_verdict verdict;

    if (in->header.flags & TCP_RST)
        return step_2_reset(tcp, half_open, in);
    verdict = step_1_sequence(tcp, half_open, in);
    if (verdict != TCP_TAKEN)
        return verdict;
    /* Fourth, a SYN in the window: back to LISTEN. */
    if (in->header.flags & TCP_SYN) {
        give_up(tcp, half_open, in->now_ns);
        return TCP_DROP_HALF_OPEN_SYN;
    }
    /* Fifth, the ACK. */
    if (in->header.ack != half_open->iss + 1) {
        tcp_reply_reset(tcp, in);
        return TCP_DROP_SYN_SENT_ACK;
    }
    *tcb = tcp_half_open_accept(tcp, half_open, in->now_ns);
    if (*tcb == NULL)
        return TCP_DROP_FULL;
    forget(tcp, half_open);
    return TCP_TAKEN;
}

void tcp_half_open_answer(struct tcp *tcp, const struct tcp_half_open *half_open, uint32_t tsval)
{
    struct tcp_descriptor *reply = tcp_reply_add(tcp, &half_open->tuple);
    struct tcp_options options;

    if (reply == NULL)
        return;
    reply->seq = half_open->iss;
    reply->ack = half_open->syn.seq + 1;
    reply->window = offered_window(tcp);
    reply->flags = TCP_SYN | TCP_ACK;
    if ((half_open->syn.flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR))
        reply->flags |= TCP_ECE; /* RFC 3168 6.1.1. */
    reply->retransmission = half_open->retries > 0;
    options = tcp_options_answer(tcp, &half_open->tuple, &half_open->syn);
    options.tsval = tsval;
    options.tsecr = half_open->syn.tsval;
    reply->options_bytes = tcp_header_options(&options, reply->options);
}

struct tcb *tcp_half_open_accept(struct tcp *tcp, const struct tcp_half_open *half_open,
                                 uint64_t now_ns)
{
    const struct tcp_arrival syn = {
        .header = half_open->syn, .now_ns = now_ns, .tuple = &half_open->tuple};
    struct tcb *tcb =
        tcp_begin(tcp, now_ns, &half_open->tuple, half_open->hash, half_open->listener->user);

    if (tcb == NULL)
        return NULL;
    tcb->passive = true;
    tcb->iss = half_open->iss;
    tcb->snd_nxt = 1;
    tcb->irs = half_open->syn.seq;
    tcb->rcv_nxt = 1;
    tcb->rcv_adv = tcb->rcv_nxt + offered_window(tcp);
    tcb->last_ack_sent = tcb->rcv_nxt;
    tcb->snd_wnd = half_open->syn.window;
    tcb->snd_wnd_max = tcb->snd_wnd;
    tcp_options_agree(tcp, tcb, &syn);
    if (tcb->rcv_wscale == 0)
        tcb->rcv_wnd = offered_window(tcp);
    tcb->timeouts = half_open->retries;
    tcp_ecn_agree(tcb, &half_open->syn);
    if (half_open->sent_ns != TCP_NEVER_NS) /* Else Karn forbids it (RFC 6298 3). */
        tcp_rtt_sample(&tcb->rtt, &tcp->rtt_limits, now_ns - half_open->sent_ns);
    tcp_state_set(tcb, TCP_LISTEN);
    tcp_state_set(tcb, TCP_SYN_RECEIVED);
    return tcb;
}

void tcp_half_open_discard(struct tcp *tcp, const struct tcp_listener *listener)
{
    for (unsigned i = 0; i <= TCP_SYN_ACK_RETRIES_MAX; i++) {
        struct tcp_half_open *half_open = TAILQ_FIRST(&tcp->listen.waiting[i]);
        while (half_open != NULL) {
            struct tcp_half_open *next = TAILQ_NEXT(half_open, link);
            if (half_open->listener == listener)
                forget(tcp, half_open);
            half_open = next;
        }
    }
}

void tcp_half_open_expire(struct tcp *tcp, uint64_t now_ns)
{
    struct tcp_half_open *half_open;

    if (tcp->listen.in_use == 0)
        return;
    for (unsigned i = 0; i <= tcp->config.syn_ack_retries; i++) {
        while ((half_open = TAILQ_FIRST(&tcp->listen.waiting[i])) != NULL &&
               half_open->expires_ns <= now_ns)
            expire(tcp, half_open, now_ns);
    }
}

uint64_t tcp_half_open_next_ns(const struct tcp *tcp)
{
    uint64_t next_ns = TCP_NEVER_NS;

    if (tcp->listen.in_use == 0)
        return next_ns;
    for (unsigned i = 0; i <= tcp->config.syn_ack_retries; i++) {
        const struct tcp_half_open *first = TAILQ_FIRST(&tcp->listen.waiting[i]);
        if (first != NULL && first->expires_ns < next_ns)
            next_ns = first->expires_ns;
    }
    return next_ns;
}

/* RFC 9293 3.10.7.4, first, with PAWS (RFC 7323 5.3) before it. */
static enum tcp_verdict step_1_sequence(struct tcp *tcp, struct tcp_half_open *half_open,
                                        const struct tcp_arrival *in)
{
    bool syn = (in->header.flags & TCP_SYN) != 0;
    int64_t first = (int32_t)(in->header.seq - (half_open->syn.seq + 1));
    int64_t length = (int64_t)in->bytes + syn + in->fin;
    int64_t last = length > 0 ? first + length - 1 : first;
    int64_t window = offered_window(tcp);

    /* Differs: the same SYN again is answered by the SYN-ACK that its sender lacks, not by an ACK
     * that tells it nothing. */
    if (syn && first == -1 && (in->header.flags & TCP_ACK) == 0) {
        half_open->sent_ns = TCP_NEVER_NS;
        tcp_half_open_answer(tcp, half_open, timestamp(half_open, in->now_ns));
        return TCP_DROP_DUPLICATE;
    }
    if (half_open->syn.has_timestamps && tcp->config.timestamps && !syn) {
        if (!in->header.has_timestamps)
            return TCP_DROP_NO_TIMESTAMP;
        if ((int32_t)(in->header.tsval - half_open->syn.tsval) < 0) {
            acknowledge(tcp, half_open, in->now_ns);
            return TCP_DROP_PAWS;
        }
    }
    if (last < 0 || first >= window) {
        acknowledge(tcp, half_open, in->now_ns);
        return TCP_DROP_WINDOW;
    }
    return TCP_TAKEN;
}

/* RFC 5961 3.2; then back to LISTEN, of which the caller needs to know nothing. */
static enum tcp_verdict step_2_reset(struct tcp *tcp, struct tcp_half_open *half_open,
                                     const struct tcp_arrival *in)
{
    int64_t distance = (int32_t)(in->header.seq - (half_open->syn.seq + 1));

    if (distance < 0 || distance >= offered_window(tcp))
        return TCP_DROP_RST_WINDOW;
    if (distance > 0) {
        acknowledge(tcp, half_open, in->now_ns);
        return TCP_DROP_RST_CHALLENGED;
    }
    give_up(tcp, half_open, in->now_ns);
    tcp->counters.half_opens_reset++;
    return TCP_TAKEN;
}

/* Within the rate of challenges: whatever comes here may be forged. */
static void acknowledge(struct tcp *tcp, const struct tcp_half_open *half_open, uint64_t now_ns)
{
    struct tcp_options options = {.has_timestamps =
                                      half_open->syn.has_timestamps && tcp->config.timestamps,
                                  .tsval = timestamp(half_open, now_ns),
                                  .tsecr = half_open->syn.tsval};
    struct tcp_descriptor *reply;

    if (!tcp_challenge_take(tcp, now_ns))
        return;
    reply = tcp_reply_add(tcp, &half_open->tuple);
    if (reply == NULL)
        return;
    reply->seq = half_open->iss + 1;
    reply->ack = half_open->syn.seq + 1;
    reply->window = offered_window(tcp);
    reply->flags = TCP_ACK;
    reply->options_bytes = tcp_header_options(&options, reply->options);
}

/* That of a SYN-ACK, which is not scaled (RFC 7323 2.2). */
static uint16_t offered_window(const struct tcp *tcp)
{
    return tcp->config.window_bytes < UINT16_MAX ? (uint16_t)tcp->config.window_bytes : UINT16_MAX;
}

static uint32_t timestamp(const struct tcp_half_open *half_open, uint64_t now_ns)
{
    return tcp_options_timestamp(half_open->ts_offset, now_ns);
}

static void await_ack(struct tcp *tcp, struct tcp_half_open *half_open, uint64_t now_ns)
{
    half_open->expires_ns = now_ns + tcp_rtt_doubled_ns(tcp->rtt_limits.initial_ns,
                                                        half_open->retries, tcp->rtt_limits.max_ns);
    TAILQ_INSERT_TAIL(&tcp->listen.waiting[half_open->retries], half_open, link);
}

static void expire(struct tcp *tcp, struct tcp_half_open *half_open, uint64_t now_ns)
{
    if (half_open->retries == tcp->config.syn_ack_retries) {
        give_up(tcp, half_open, now_ns);
        tcp->counters.half_opens_timed_out++;
        return;
    }
    TAILQ_REMOVE(&tcp->listen.waiting[half_open->retries], half_open, link);
    half_open->retries++;
    half_open->sent_ns = TCP_NEVER_NS;
    tcp_half_open_answer(tcp, half_open, timestamp(half_open, now_ns));
    tcp->counters.retransmits_rto++;
    await_ack(tcp, half_open, now_ns);
}

/* Nothing came of it: back to LISTEN, or to TIME-WAIT. */
static void give_up(struct tcp *tcp, struct tcp_half_open *half_open, uint64_t now_ns)
{
    forget(tcp, half_open);
    if (half_open->reopened)
        tcp_time_wait_again(tcp, &half_open->tuple, &half_open->previous, now_ns);
}

static void forget(struct tcp *tcp, struct tcp_half_open *half_open)
{
    tcp_table_remove(&tcp->table, half_open->hash, ref_of(tcp, half_open));
    TAILQ_REMOVE(&tcp->listen.waiting[half_open->retries], half_open, link);
    TAILQ_INSERT_HEAD(&tcp->listen.free, half_open, link);
    tcp->listen.in_use--;
}
