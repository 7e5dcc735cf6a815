#include "tcp/tcp.h"

#include "tcp/tcp_isn.h"
#include "tcp/tcp_priv.h"

static tcp_conn refuse(struct tcp *tcp, enum tcp_open_refusal refusal, uint64_t *counter);
static bool peer_must_know(const struct tcb *tcb);

tcp_conn tcp_open(struct tcp *tcp, uint64_t now_ns, const struct tuple *tuple, uint64_t user)
{
    uint32_t hash = tcp_tuple_hash(tcp, tuple);
    uint32_t ref = tcp_find(tcp, tuple, hash);
    bool reuse = (ref & TCP_REF_TIME_WAIT) && tcp->config.time_wait_reuse;
    struct tcb *tcb;

    if (ref != 0 && !reuse)
        return refuse(tcp, TCP_OPEN_IN_USE, &tcp->counters.open_refused_in_use);
    tcb = tcp_begin(tcp, now_ns, tuple, hash, user);
    if (tcb == NULL)
        return refuse(tcp, TCP_OPEN_FULL, &tcp->counters.open_refused_full);
    if (reuse) {
        tcb->iss = tcp_isn_after(tcb->iss, tcp_time_wait_end(tcp, ref).snd_nxt);
        tcp->counters.time_waits_reopened++;
    }
    tcp_state_set(tcb, TCP_SYN_SENT);
    tcp_ready(tcp, tcb);
    tcp->counters.opened++;
    tcp->refusal = TCP_OPEN_OK;
    return tcb->conn;
}

enum tcp_open_refusal tcp_open_refusal(const struct tcp *tcp)
{
    return tcp->refusal;
}

bool tcp_send(struct tcp *tcp, tcp_conn conn, uint64_t bytes)
{
    struct tcp_slot *slot = tcp_slot(tcp, conn);
    struct tcb *tcb;

    if (slot == NULL)
        return false;
    tcb = tcp_slot_wake(tcp, slot);
    if (tcb == NULL)
        return tcp_slot_send(tcp, slot, bytes);
    if (tcb->fin_wanted)
        return false;
    tcb->stream_end += bytes;
    tcp_ready(tcp, tcb);
    return true;
}

bool tcp_close(struct tcp *tcp, uint64_t now_ns, tcp_conn conn)
{
    struct tcp_slot *slot = tcp_slot(tcp, conn);
    struct tcb *tcb;

    if (slot == NULL)
        return false;
    tcb = tcp_slot_wake(tcp, slot);
    if (tcb == NULL)
        return tcp_slot_close(tcp, slot);
    if (tcb->fin_wanted)
        return false;
    if (tcb->state == TCP_SYN_SENT) {
        tcp_end(tcp, tcb, now_ns, TCP_EVENT_GONE);
        return true;
    }
    tcb->fin_wanted = true;
    tcp_ready(tcp, tcb);
    return true;
}

/* A quiet connection is not woken for this: there may be no block. */
bool tcp_abort(struct tcp *tcp, uint64_t now_ns, tcp_conn conn)
{
    struct tcp_slot *slot = tcp_slot(tcp, conn);

    if (slot == NULL)
        return false;
    tcp->counters.aborted++;
    if (slot->kind == TCP_SLOT_AWAKE) {
        if (peer_must_know(slot->tcb))
            tcp_reply_abort(tcp, slot->tcb);
        tcp_end(tcp, slot->tcb, now_ns, TCP_EVENT_GONE);
    } else {
        struct tcb tcb;
        tcp_slot_peek(tcp, slot, &tcb);
        tcp_reply_abort(tcp, &tcb);
        tcp_end_quiet(tcp, slot, &tcb, now_ns);
    }
    return true;
}

bool tcp_receive_window(struct tcp *tcp, tcp_conn conn, uint32_t bytes)
{
    struct tcp_slot *slot = tcp_slot(tcp, conn);
    struct tcb *tcb = slot != NULL ? tcp_slot_wake(tcp, slot) : NULL;
    uint64_t edge, step;

    if (tcb == NULL)
        return false;
    if (bytes > tcp->config.window_bytes)
        bytes = tcp->config.window_bytes;
    if (tcb->state >= TCP_ESTABLISHED && !tcb->scaled && bytes > UINT16_MAX)
        bytes = UINT16_MAX;
    tcb->rcv_wnd = bytes;
    if (tcb->state < TCP_ESTABLISHED)
        return true;
    /* Tell the peer of a window that is larger by a segment or by half (RFC 9293 3.8.6.2.2). */
    edge = tcb->rcv_nxt + bytes;
    step = bytes / 2 < tcb->mss ? bytes / 2 : tcb->mss;
    if (edge > tcb->rcv_adv && edge >= tcb->rcv_adv + step) {
        tcb->ack_now = true;
        tcp_ready(tcp, tcb);
    }
    return true;
}

bool tcp_conn_info(const struct tcp *tcp, tcp_conn conn, struct tcp_info *out)
{
    const struct tcp_slot *slot = tcp_slot(tcp, conn);
    struct tcb copy;

    if (slot == NULL)
        return false;
    if (slot->kind != TCP_SLOT_AWAKE)
        tcp_slot_peek(tcp, slot, &copy);
    const struct tcb *tcb = slot->kind == TCP_SLOT_AWAKE ? slot->tcb : &copy;
    const struct tcp_segment *first = STAILQ_FIRST(&tcb->segments);
    uint64_t una = tcb->snd_una < tcb->stream_end ? tcb->snd_una : tcb->stream_end;
    uint64_t nxt = tcb->snd_nxt < tcb->stream_end ? tcb->snd_nxt : tcb->stream_end;
    uint64_t received = tcb->rcv_nxt;
    if (tcb->rcv_fin_known && received > tcb->rcv_fin)
        received = tcb->rcv_fin;

    *out = (struct tcp_info){
        .tuple = tcb->tuple,
        .state = tcb->state,
        .user = tcb->user,
        .sent_bytes = nxt > 0 ? nxt - 1 : 0,
        .acked_bytes = una > 0 ? una - 1 : 0,
        .queued_bytes = tcb->stream_end - 1,
        .received_bytes = received > 0 ? received - 1 : 0,
        .srtt_ns = tcb->rtt.srtt_ns,
        .rttvar_ns = tcb->rtt.rttvar_ns,
        .rtt_max_ns = tcb->rtt.max_ns,
        .rtt_last_ns = tcb->rtt.last_ns,
        .rto_ns = tcp_rtt_rto_ns(&tcb->rtt, &tcp->rtt_limits),
        .first_unacked_ns = first != NULL ? first->first_sent_ns : TCP_NEVER_NS,
        .retransmits = tcb->retransmits,
        .iss = tcb->iss,
        .irs = tcb->irs,
        .snd_una = tcp_wire_snd(tcb, tcb->snd_una),
        .snd_nxt = tcp_wire_snd(tcb, tcb->snd_nxt),
        .rcv_nxt = tcp_wire_rcv(tcb, tcb->rcv_nxt),
        .snd_wnd_bytes = tcb->snd_wnd,
        .cwnd_bytes = tcb->congestion.cwnd_bytes,
        .ssthresh_bytes = tcb->congestion.ssthresh_bytes,
        .peer_mss_bytes = tcb->peer_mss,
        .mss_bytes = tcb->mss,
    };
    return true;
}

bool tcp_conn_silence(const struct tcp *tcp, tcp_conn conn, uint64_t *first_unacked_ns,
                      uint64_t *rtt_max_ns)
{
    const struct tcp_slot *slot = tcp_slot(tcp, conn);

    if (slot == NULL)
        return false;
    if (slot->kind != TCP_SLOT_AWAKE) {
        *first_unacked_ns = TCP_NEVER_NS;
        *rtt_max_ns = tcp_slot_rtt_max_ns(slot);
        return true;
    }
    const struct tcp_segment *first = STAILQ_FIRST(&slot->tcb->segments);
    *first_unacked_ns = first != NULL ? first->first_sent_ns : TCP_NEVER_NS;
    *rtt_max_ns = slot->tcb->rtt.max_ns;
    return true;
}

/* Position 1 + k is that of byte k. */
bool tcp_is_acked(const struct tcp *tcp, tcp_conn conn, uint64_t offset)
{
    const struct tcp_slot *slot = tcp_slot(tcp, conn);

    if (slot == NULL)
        return true;
    return (slot->kind == TCP_SLOT_AWAKE ? slot->tcb->snd_una : slot->quiet.sent) > offset;
}

bool tcp_queued(const struct tcp *tcp, tcp_conn conn, uint64_t *bytes)
{
    const struct tcp_slot *slot = tcp_slot(tcp, conn);

    if (slot == NULL)
        return false;
    *bytes = (slot->kind == TCP_SLOT_AWAKE ? slot->tcb->stream_end : slot->quiet.stream_end) - 1;
    return true;
}

uint32_t tcp_conn_index(const struct tcp *tcp, tcp_conn conn)
{
    return conn & tcp->pool.index_mask;
}

bool tcp_user_set(struct tcp *tcp, tcp_conn conn, uint64_t user)
{
    struct tcp_slot *slot = tcp_slot(tcp, conn);

    if (slot == NULL)
        return false;
    slot->user = user;
    if (slot->kind == TCP_SLOT_AWAKE)
        slot->tcb->user = user;
    return true;
}

const struct tcp_counters *tcp_counters(const struct tcp *tcp)
{
    return &tcp->counters;
}

uint32_t tcp_connections(const struct tcp *tcp)
{
    return tcp->pool.taken - tcp->ended_count;
}

tcp_conn tcp_conn_next(const struct tcp *tcp, tcp_conn previous)
{
    tcp_conn conn = pool_next(&tcp->pool, previous);

    while (conn != 0 && tcp_slot(tcp, conn) == NULL) /* Its end is not told yet. */
        conn = pool_next(&tcp->pool, conn);
    return conn;
}

bool tcp_is_empty(const struct tcp *tcp)
{
    return tcp->pool.taken == 0 && tcp->tcbs_in_use == 0 && tcp->table.count == 0 &&
           tcp->addresses.table.count == 0 && tcp->wheel.count == 0 && tcp->listen.in_use == 0 &&
           tcp->segments_in_use == 0 && tcp->time_waits_in_use == 0 &&
           tcp->reassembly.in_use == 0 && tcp->event_count == 0 && !tcp_output_wanted(tcp);
}

static tcp_conn refuse(struct tcp *tcp, enum tcp_open_refusal refusal, uint64_t *counter)
{
    tcp->refusal = (uint8_t)refusal;
    ++*counter;
    return 0;
}

/* RFC 9293 3.10.5: in the other states both ends know already, or neither does. */
static bool peer_must_know(const struct tcb *tcb)
{
    switch (tcb->state) {
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT: return true;
    default: return false;
    }
}
