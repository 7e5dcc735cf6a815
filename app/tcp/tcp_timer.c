/* Timers. A connection has one wheel timer for its deadlines, and arms it lazily: a deadline
 * that moves later leaves it where it is, and the expiry that comes too early sets it again. */
#include "tcp/tcp_priv.h"

static inline void begin(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                         enum tcp_timer_kind kind);
static inline uint64_t earliest_ns(const struct tcb *tcb);
static inline void arm_for(struct tcp *tcp, struct tcb *tcb, uint64_t wake_ns);
static inline enum tcp_timer_kind wanted_kind(const struct tcp *tcp, const struct tcb *tcb);
static inline uint64_t retry_ns(const struct tcp *tcp, const struct tcb *tcb, uint64_t now_ns);
static inline uint64_t patience_ns(const struct tcp *tcp, const struct tcb *tcb);
static inline void set_deadline(const struct tcp *tcp, struct tcb *tcb);
static bool waits_for_window(const struct tcb *tcb);
static void expire_all(struct tcp *tcp, uint64_t now_ns);
static void expire(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);
static void expire_rto(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);
static void expire_persist(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);
static void expire_keep_alive(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);
static void expire_quiet(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);

void tcp_timers(struct tcp *tcp, uint64_t now_ns)
{
    const struct tcp_time_wait *first = TAILQ_FIRST(&tcp->time_waits);

    if (now_ns >= tcp->wheel.next_ns || (first != NULL && now_ns >= first->expires_ns) ||
        tcp->listen.in_use != 0)
        expire_all(tcp, now_ns);
}

/* Apart, so that asking in vain saves no registers. */
__attribute__((noinline)) static void expire_all(struct tcp *tcp, uint64_t now_ns)
{
    struct wheel_timer *timer;

    while ((timer = wheel_expire(&tcp->wheel, now_ns)) != NULL) {
        void *tcb = (uint8_t *)timer - offsetof(struct tcb, timer);
        expire(tcp, tcb, now_ns);
    }
    tcp_time_wait_expire(tcp, now_ns);
    tcp_half_open_expire(tcp, now_ns);
}

uint64_t tcp_next_timer_ns(const struct tcp *tcp)
{
    const struct tcp_time_wait *first = TAILQ_FIRST(&tcp->time_waits);
    uint64_t next_ns = tcp_half_open_next_ns(tcp);

    if (first != NULL && first->expires_ns < next_ns)
        next_ns = first->expires_ns;
    return next_ns < tcp->wheel.next_ns ? next_ns : tcp->wheel.next_ns;
}

void tcp_timer_restart(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    begin(tcp, tcb, now_ns, wanted_kind(tcp, tcb));
}

void tcp_timer_ensure(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    enum tcp_timer_kind kind = wanted_kind(tcp, tcb);

    if (kind != tcb->timer_kind)
        begin(tcp, tcb, now_ns, kind);
}

void tcp_timer_delay_ack(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    if (tcb->ack_deadline_ns != TCP_NEVER_NS)
        return;
    tcb->ack_deadline_ns = now_ns + tcp->config.delayed_ack_ns;
    tcp_timer_arm(tcp, tcb);
}

void tcp_timer_arm(struct tcp *tcp, struct tcb *tcb)
{
    arm_for(tcp, tcb, earliest_ns(tcb));
}

/* From its beginning. */
static inline void begin(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns,
                         enum tcp_timer_kind kind)
{
    uint64_t wake_ns;

    if (kind == TCP_TIMER_PERSIST && tcb->timer_kind != kind)
        tcb->silence_since_ns = now_ns;
    tcb->timer_kind = (uint8_t)kind;
    tcb->retry_ns = retry_ns(tcp, tcb, now_ns);
    set_deadline(tcp, tcb);
    wake_ns = earliest_ns(tcb);
    /* What follows a SYN waits for less: the timer need not be moved for that. */
    if (tcb->state < TCP_ESTABLISHED && wake_ns > now_ns + tcp->rtt_limits.min_ns &&
        wake_ns != TCP_NEVER_NS)
        wake_ns = now_ns + tcp->rtt_limits.min_ns;
    arm_for(tcp, tcb, wake_ns);
}

static inline uint64_t earliest_ns(const struct tcb *tcb)
{
    uint64_t earliest = tcb->deadline_ns;

    if (tcb->rack.deadline_ns < earliest)
        earliest = tcb->rack.deadline_ns;
    return tcb->ack_deadline_ns < earliest ? tcb->ack_deadline_ns : earliest;
}

/* See that the timer wakes at WAKE_NS, or before. */
static inline void arm_for(struct tcp *tcp, struct tcb *tcb, uint64_t wake_ns)
{
    if (wake_ns == TCP_NEVER_NS)
        return;
    if (wheel_is_set(&tcb->timer) && tcb->armed_ns <= wake_ns)
        return;
    tcb->armed_ns = wake_ns;
    wheel_set(&tcp->wheel, &tcb->timer, wake_ns);
}

static inline enum tcp_timer_kind wanted_kind(const struct tcp *tcp, const struct tcb *tcb)
{
    if (tcb->snd_una != tcb->snd_nxt)
        return TCP_TIMER_RTO;
    if (waits_for_window(tcb))
        return TCP_TIMER_PERSIST;
    if (tcb->state == TCP_FIN_WAIT_2 && tcp->config.fin_wait_2_ns != 0)
        return TCP_TIMER_FIN_WAIT_2;
    if (tcp->config.keep_alive_ns != 0 &&
        (tcb->state == TCP_ESTABLISHED || tcb->state == TCP_CLOSE_WAIT))
        return TCP_TIMER_KEEP_ALIVE;
    if (tcb->state == TCP_ESTABLISHED)
        return TCP_TIMER_QUIET;
    return TCP_TIMER_OFF;
}

/* Nothing is in flight: then only the window can hold back what there is to send. */
static bool waits_for_window(const struct tcb *tcb)
{
    if (tcb->state < TCP_ESTABLISHED || tcb->fin_sent)
        return false;
    return tcb->snd_nxt < tcb->stream_end || tcb->fin_wanted;
}

static inline uint64_t retry_ns(const struct tcp *tcp, const struct tcb *tcb, uint64_t now_ns)
{
    switch (tcb->timer_kind) {
    case TCP_TIMER_RTO:
    case TCP_TIMER_QUIET: return now_ns + tcp_rtt_rto_ns(&tcb->rtt, &tcp->rtt_limits);
    case TCP_TIMER_PERSIST:
        return now_ns + tcp_rtt_doubled_ns(tcb->rtt.rto_ns, tcb->timeouts, tcp->rtt_limits.max_ns);
    case TCP_TIMER_FIN_WAIT_2: return now_ns + tcp->config.fin_wait_2_ns;
    case TCP_TIMER_KEEP_ALIVE: return now_ns + tcp->config.keep_alive_ns;
    default: return TCP_NEVER_NS;
    }
}

/* When to give up if nothing changes: the limit of an attempt to connect, or of silence. With a
 * window the peer owes us nothing: what holds us back is our own. */
static inline uint64_t patience_ns(const struct tcp *tcp, const struct tcb *tcb)
{
    const struct tcp_segment *first = STAILQ_FIRST(&tcb->segments);

    if (tcb->timer_kind != TCP_TIMER_RTO && tcb->timer_kind != TCP_TIMER_PERSIST)
        return TCP_NEVER_NS;
    if (tcb->timer_kind == TCP_TIMER_PERSIST && tcb->snd_wnd > 0)
        return TCP_NEVER_NS;
    if (tcb->state < TCP_ESTABLISHED) {
        if (tcp->config.syn_timeout_ns == 0 || first == NULL)
            return TCP_NEVER_NS;
        return first->first_sent_ns + tcp->config.syn_timeout_ns;
    }
    if (tcp->config.user_timeout_ns == 0)
        return TCP_NEVER_NS;
    return tcb->silence_since_ns + tcp->config.user_timeout_ns;
}

static inline void set_deadline(const struct tcp *tcp, struct tcb *tcb)
{
    uint64_t limit_ns = patience_ns(tcp, tcb);

    tcb->deadline_ns = tcb->retry_ns < limit_ns ? tcb->retry_ns : limit_ns;
}

static void expire(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    if (tcb->ack_deadline_ns <= now_ns) {
        tcb->ack_deadline_ns = TCP_NEVER_NS;
        tcb->ack_now = true;
        tcp_ready(tcp, tcb);
    }
    if (tcb->rack.deadline_ns <= now_ns)
        tcp_rack_expire(tcp, tcb, now_ns);
    if (tcb->deadline_ns <= now_ns)
        set_deadline(tcp, tcb); /* Silence may have been broken since it was set. */
    if (tcb->deadline_ns > now_ns) {
        tcp_timer_arm(tcp, tcb);
        return;
    }
    if (patience_ns(tcp, tcb) <= now_ns) {
        tcp_end(tcp, tcb, now_ns,
                tcb->state < TCP_ESTABLISHED ? TCP_EVENT_SYN_TIMEOUT : TCP_EVENT_TIMED_OUT);
        return;
    }
    switch (tcb->timer_kind) {
    case TCP_TIMER_RTO: expire_rto(tcp, tcb, now_ns); break;
    case TCP_TIMER_PERSIST: expire_persist(tcp, tcb, now_ns); break;
    case TCP_TIMER_KEEP_ALIVE: expire_keep_alive(tcp, tcb, now_ns); break;
    case TCP_TIMER_QUIET: expire_quiet(tcp, tcb, now_ns); break;
    default: tcp_end(tcp, tcb, now_ns, TCP_EVENT_TIMED_OUT); break;
    }
}

/* RFC 6298 (5.4) to (5.7); RFC 5681 3.1 for what it does to the window. */
static void expire_rto(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    if (tcb->state < TCP_ESTABLISHED) {
        if (tcb->timeouts >= tcp->config.syn_retries) {
            tcp_end(tcp, tcb, now_ns, TCP_EVENT_SYN_TIMEOUT);
            return;
        }
    } else {
        tcp_congestion_timeout(&tcb->congestion, tcb->snd_nxt, tcp_flight(tcb), tcb->mss,
                               tcb->timeouts == 0);
    }
    tcp_sack_timeout(tcb);
    tcp_rack_timeout(tcb);
    tcb->lost_first = false;
    tcp_ack_lose_all(tcp, tcb, TCP_CAUSE_RTO, 0);
    tcp_rtt_backoff(&tcb->rtt);
    tcb->timeouts++;
    if (tcb->state >= TCP_ESTABLISHED)
        tcp_mtu_suspect(tcp, tcb, now_ns);
    tcp_timer_restart(tcp, tcb, now_ns);
}

/* The window did not open by itself: ask (RFC 9293 3.8.6.1), or, if it is only smaller than a
 * segment, use it (3.8.6.2.1, the override time-out). */
static void expire_persist(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    if (tcb->snd_wnd > 0) {
        tcb->override_now = true;
    } else {
        tcb->probe_now = true;
        tcb->timeouts++;
    }
    tcp_ready(tcp, tcb);
    tcp_timer_restart(tcp, tcb, now_ns);
}

/* RFC 9293 3.8.4. What came since the timer was set moves it. */
static void expire_keep_alive(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    uint64_t due_ns = tcb->heard_ns + tcp->config.keep_alive_ns;

    if (tcb->alive_probes == 0 && due_ns > now_ns) {
        tcb->retry_ns = due_ns;
    } else if (tcb->alive_probes == tcp->config.keep_alive_probes) {
        tcp_end(tcp, tcb, now_ns, TCP_EVENT_TIMED_OUT);
        return;
    } else {
        tcb->alive_probes++;
        tcb->alive_now = true;
        tcp_ready(tcp, tcb);
        tcb->retry_ns = now_ns + tcp->config.keep_alive_interval_ns;
    }
    set_deadline(tcp, tcb);
    tcp_timer_arm(tcp, tcb);
}

/* RFC 5681 4.1: after this pause the window says nothing about the path any more. */
static void expire_quiet(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    if (tcp_slot_may_sleep(tcb))
        tcp_slot_sleep(tcp, tcb);
    else
        tcp_timer_restart(tcp, tcb, now_ns);
}
