/* Steps 7 and 8 of RFC 9293 3.10.7.4: the peer's bytes and its FIN. */
#include "tcp/tcp_priv.h"

enum {
    DUP_ACKS_OWED_MAX = 8, /* Of one burst: more tell the peer nothing new. */
};

static enum tcp_verdict step_7_text(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in);
static void trim(const struct tcb *tcb, struct tcp_arrival *in);
static bool deliver_kept(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);
static enum tcp_verdict keep(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in);
static void ack_at_once(struct tcp *tcp, struct tcb *tcb);

enum tcp_verdict tcp_text_input(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    enum tcp_verdict verdict = TCP_TAKEN;

    if (in->bytes == 0 && !in->fin)
        return TCP_TAKEN;
    if (tcb->state != TCP_ESTABLISHED && tcb->state != TCP_FIN_WAIT_1 &&
        tcb->state != TCP_FIN_WAIT_2)
        return TCP_DROP_AFTER_FIN;

    trim(tcb, in);
    if (in->fin && !tcb->rcv_fin_known) {
        tcb->rcv_fin = in->pos + in->bytes;
        tcb->rcv_fin_known = true;
    }
    if (in->bytes > 0) {
        verdict = step_7_text(tcp, tcb, in);
    } else {
        ack_at_once(tcp, tcb);
        if (!in->fin)
            verdict = TCP_DROP_WINDOW;
    }
    if (tcb->rcv_fin_known && tcb->rcv_nxt == tcb->rcv_fin)
        tcp_text_fin(tcp, tcb, in->now_ns);
    return verdict;
}

/* Cut off what the window, or the peer's own FIN, does not allow. */
static void trim(const struct tcb *tcb, struct tcp_arrival *in)
{
    uint64_t limit = tcb->rcv_adv;

    if (tcb->rcv_fin_known && tcb->rcv_fin < limit)
        limit = tcb->rcv_fin;
    if (in->pos + in->bytes <= limit)
        return;
    in->bytes = limit > in->pos ? (uint32_t)(limit - in->pos) : 0;
    in->fin = false;
}

static enum tcp_verdict step_7_text(struct tcp *tcp, struct tcb *tcb, struct tcp_arrival *in)
{
    if (in->pos != tcb->rcv_nxt)
        return keep(tcp, tcb, in);

    tcp_text_deliver(tcp, tcb, in->now_ns, in->data, in->bytes);
    if (tcb->queue.count > 0 && deliver_kept(tcp, tcb, in->now_ns)) {
        /* A gap was closed: tell at once (RFC 5681 4.2). Duplicates owed are out of date. */
        tcb->dup_acks_owed = 0;
        ack_at_once(tcp, tcb);
    } else {
        tcp_text_owe_ack(tcp, tcb, in->now_ns);
    }
    if (tcb->timer_kind == TCP_TIMER_FIN_WAIT_2)
        tcp_timer_restart(tcp, tcb, in->now_ns);
    return TCP_TAKEN;
}

/* Step 8. */
void tcp_text_fin(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    tcp_event_add(tcp, tcb, now_ns, TCP_EVENT_PEER_FIN)->stream_offset = tcb->rcv_nxt - 1;
    tcb->rcv_nxt++;
    if (tcb->rcv_adv < tcb->rcv_nxt)
        tcb->rcv_adv = tcb->rcv_nxt;
    ack_at_once(tcp, tcb);

    switch (tcb->state) {
    case TCP_ESTABLISHED: tcp_state_set(tcb, TCP_CLOSE_WAIT); break;
    case TCP_FIN_WAIT_1: tcp_state_set(tcb, TCP_CLOSING); break;
    default: tcp_end_time_wait(tcp, tcb, now_ns); break;
    }
}

/* True if something had been kept that follows. */
static bool deliver_kept(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    const struct tcp_chunk *chunk;
    bool any = false;

    while ((chunk = tcp_reassembly_next(&tcp->reassembly, &tcb->queue, tcb->rcv_nxt)) != NULL) {
        tcp_text_deliver(tcp, tcb, now_ns, chunk->data + chunk->start, chunk->bytes);
        any = true;
    }
    return any || tcb->queue.count > 0;
}

/* Out of order: a duplicate ACK for each such segment, at once (RFC 5681 4.2). */
static enum tcp_verdict keep(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in)
{
    bool full;
    uint32_t kept =
        tcp_reassembly_insert(&tcp->reassembly, &tcb->queue, in->pos, in->data, in->bytes, &full);

    if (tcb->dup_acks_owed < DUP_ACKS_OWED_MAX)
        tcb->dup_acks_owed++;
    tcp_ready(tcp, tcb);
    if (full)
        tcp->counters.chunks_full++;
    if (kept > 0) {
        tcp_sack_kept(tcb, in->pos);
        return TCP_TAKEN;
    }
    if (!full)
        tcp_sack_duplicate(tcb, in->pos, in->pos + in->bytes);
    return full ? TCP_DROP_REASSEMBLY_FULL : TCP_DROP_DUPLICATE;
}

static void ack_at_once(struct tcp *tcp, struct tcb *tcb)
{
    tcb->ack_now = true;
    tcp_ready(tcp, tcb);
}
