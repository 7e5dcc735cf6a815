#include "tcp/tcp_isn.h"
#include "tcp/tcp_priv.h"

/* RFC 9293 figure 5, with CLOSED from everywhere (reset, time-out, abort) and without what only a
 * CLOSE before the connection does. */
const uint16_t tcp_transitions[TCP_STATE_COUNT] = {
    [TCP_CLOSED] = 1 << TCP_SYN_SENT | 1 << TCP_LISTEN,
    [TCP_LISTEN] = 1 << TCP_SYN_RECEIVED,
    [TCP_SYN_SENT] = 1 << TCP_ESTABLISHED | 1 << TCP_SYN_RECEIVED | 1 << TCP_CLOSED,
    [TCP_SYN_RECEIVED] = 1 << TCP_ESTABLISHED | 1 << TCP_CLOSED,
    [TCP_ESTABLISHED] = 1 << TCP_FIN_WAIT_1 | 1 << TCP_CLOSE_WAIT | 1 << TCP_CLOSED,
    [TCP_FIN_WAIT_1] =
        1 << TCP_FIN_WAIT_2 | 1 << TCP_CLOSING | 1 << TCP_TIME_WAIT | 1 << TCP_CLOSED,
    [TCP_FIN_WAIT_2] = 1 << TCP_TIME_WAIT | 1 << TCP_CLOSED,
    [TCP_CLOSING] = 1 << TCP_TIME_WAIT | 1 << TCP_CLOSED,
    [TCP_CLOSE_WAIT] = 1 << TCP_LAST_ACK | 1 << TCP_CLOSED,
    [TCP_LAST_ACK] = 1 << TCP_CLOSED,
};

static uint64_t first_unacked_ns(const struct tcb *tcb);
static void count_end(struct tcp *tcp, enum tcp_event_kind kind);
static void end(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, enum tcp_event_kind kind,
                enum tcp_icmp_kind icmp);
static void release(struct tcp *tcp, struct tcb *tcb);

struct tcb *tcp_begin(struct tcp *tcp, uint64_t now_ns, const struct tuple *tuple, uint32_t hash,
                      uint64_t user)
{
    struct tcb *tcb = tcp_slot_take(tcp, tuple, hash, user);
    uint64_t secret;

    if (tcb == NULL)
        return NULL;
    secret = tcp_isn_secret(&tcp->config.key, tuple);
    tcb->iss = tcp_isn(secret, now_ns);
    tcb->ts_offset = tcp_isn_timestamp_offset(secret);
    tcb->stream_end = 1;
    tcb->rcv_wnd = tcp->config.window_bytes;
    tcb->mss = tcp_options_own_mss(tcp, tuple);
    tcb->deadline_ns = TCP_NEVER_NS;
    tcb->ack_deadline_ns = TCP_NEVER_NS;
    tcb->rack.deadline_ns = TCP_NEVER_NS;
    tcb->silence_since_ns = now_ns;
    tcb->congestion.ssthresh_bytes = UINT32_MAX; /* Until the handshake is over. */
    STAILQ_INIT(&tcb->segments);
    tcp_rtt_init(&tcb->rtt, &tcp->rtt_limits);
    return tcb;
}

void tcp_end(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, enum tcp_event_kind kind)
{
    end(tcp, tcb, now_ns, kind, TCP_ICMP_NET);
}

void tcp_end_unreachable(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, enum tcp_icmp_kind icmp)
{
    end(tcp, tcb, now_ns, TCP_EVENT_UNREACHABLE, icmp);
}

void tcp_end_time_wait(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    tcp_state_set(tcb, TCP_TIME_WAIT);
    tcp_time_wait_begin(tcp, tcb, now_ns);
    end(tcp, tcb, now_ns, TCP_EVENT_GONE, TCP_ICMP_NET);
}

void tcp_end_quiet(struct tcp *tcp, struct tcp_slot *slot, const struct tcb *copy, uint64_t now_ns)
{
    struct tcp_ended ended = {.at_ns = now_ns,
                              .first_sent_ns = TCP_NEVER_NS,
                              .rtt_max_ns = copy->rtt.max_ns,
                              .kind = TCP_EVENT_GONE};

    count_end(tcp, TCP_EVENT_GONE);
    tcp_slot_end(tcp, slot, copy->hash, &ended);
}

static uint64_t first_unacked_ns(const struct tcb *tcb)
{
    const struct tcp_segment *first = STAILQ_FIRST(&tcb->segments);

    return first != NULL ? first->first_sent_ns : TCP_NEVER_NS;
}

static void count_end(struct tcp *tcp, enum tcp_event_kind kind)
{
    switch (kind) {
    case TCP_EVENT_REFUSED: tcp->counters.refused++; break;
    case TCP_EVENT_RESET: tcp->counters.reset++; break;
    case TCP_EVENT_SYN_TIMEOUT: tcp->counters.syn_timeouts++; break;
    case TCP_EVENT_TIMED_OUT: tcp->counters.timeouts++; break;
    case TCP_EVENT_UNREACHABLE: tcp->counters.unreachable++; break;
    default: break;
    }
    tcp->counters.gone++;
}

static void end(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, enum tcp_event_kind kind,
                enum tcp_icmp_kind icmp)
{
    struct tcp_ended ended = {.at_ns = now_ns,
                              .first_sent_ns = first_unacked_ns(tcb),
                              .rtt_max_ns = tcb->rtt.max_ns,
                              .kind = (uint8_t)kind,
                              .icmp = (uint8_t)icmp};

    count_end(tcp, kind);
    release(tcp, tcb);
    tcp_slot_end(tcp, tcb->slot, tcb->hash, &ended);
    tcp_tcb_free(tcp, tcb);
}

static void release(struct tcp *tcp, struct tcb *tcb)
{
    struct tcp_segment *segment;

    while ((segment = STAILQ_FIRST(&tcb->segments)) != NULL) {
        STAILQ_REMOVE_HEAD(&tcb->segments, link);
        tcp_segment_free(tcp, tcb, segment);
    }
    if (tcb->queue.count > 0)
        tcp_reassembly_discard(&tcp->reassembly, &tcb->queue);
    wheel_cancel(&tcp->wheel, &tcb->timer);
    tcp_unready(tcp, tcb);
    if (tcb->state != TCP_TIME_WAIT)
        tcp_state_set(tcb, TCP_CLOSED);
}
