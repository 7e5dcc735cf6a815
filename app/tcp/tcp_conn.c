#include "tcp/tcp_priv.h"

#include <string.h>

/* Bit T of transitions[S]: S may become T. RFC 9293 figure 5, with CLOSED from everywhere (reset,
 * time-out, abort) and without what only a CLOSE before the connection does. */
static const uint16_t transitions[TCP_STATE_COUNT] = {
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

struct tcb *tcp_tcb(const struct tcp *tcp, tcp_conn conn)
{
    return pool_get(&tcp->pool, conn);
}

struct tcb *tcp_tcb_of_ref(const struct tcp *tcp, uint32_t ref)
{
    void *at = tcp->pool.objects + (size_t)(ref - 1) * tcp->pool.object_bytes;

    return at;
}

uint32_t tcp_ref_of_tcb(const struct tcp *tcp, const struct tcb *tcb)
{
    size_t offset = (size_t)((const uint8_t *)tcb - tcp->pool.objects);

    return (uint32_t)(offset / tcp->pool.object_bytes) + 1;
}

void tcp_state_set(struct tcb *tcb, enum tcp_state state)
{
    assert((transitions[tcb->state] >> state & 1) != 0);
    tcb->state = (uint8_t)state;
}

void tcp_ready(struct tcp *tcp, struct tcb *tcb)
{
    if (tcb->ready)
        return;
    tcb->ready = true;
    TAILQ_INSERT_TAIL(&tcp->ready, tcb, ready_link);
}

void tcp_unready(struct tcp *tcp, struct tcb *tcb)
{
    if (!tcb->ready)
        return;
    tcb->ready = false;
    TAILQ_REMOVE(&tcp->ready, tcb, ready_link);
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
    struct tcp_event why = {.first_sent_ns = first_unacked_ns(tcb), .rtt_max_ns = tcb->rtt.max_ns};

    count_end(tcp, kind);
    if (kind != TCP_EVENT_GONE) {
        struct tcp_event *event = tcp_event_add(tcp, tcb, now_ns, kind);
        event->first_sent_ns = why.first_sent_ns;
        event->rtt_max_ns = why.rtt_max_ns;
        event->icmp = (uint8_t)icmp;
        event->fatal = true;
    }
    struct tcp_event *gone = tcp_event_add(tcp, tcb, now_ns, TCP_EVENT_GONE);
    gone->first_sent_ns = why.first_sent_ns;
    gone->rtt_max_ns = why.rtt_max_ns;
    release(tcp, tcb);
}

static void release(struct tcp *tcp, struct tcb *tcb)
{
    struct tcp_segment *segment;

    while ((segment = STAILQ_FIRST(&tcb->segments)) != NULL) {
        STAILQ_REMOVE_HEAD(&tcb->segments, link);
        tcp_segment_free(tcp, segment);
    }
    tcp_reassembly_discard(&tcp->reassembly, &tcb->queue);
    wheel_cancel(&tcp->wheel, &tcb->timer);
    tcp_unready(tcp, tcb);
    /* A TIME-WAIT entry may have taken the tuple over. */
    if (tcp_table_find(&tcp->table, &tcb->tuple) == tcp_ref_of_tcb(tcp, tcb))
        tcp_table_remove(&tcp->table, &tcb->tuple);
    if (tcb->state != TCP_TIME_WAIT)
        tcp_state_set(tcb, TCP_CLOSED);
    pool_free(&tcp->pool, tcb->conn);
}
