/* TIME-WAIT without a connection: 2 MSL of answers for the tuple (RFC 9293 3.10.7.4). All
 * entries wait equally long, so a list in order of entry is in order of expiry. */
#include "tcp/tcp_isn.h"
#include "tcp/tcp_priv.h"

static uint32_t ref_of(const struct tcp *tcp, const struct tcp_time_wait *entry);
static struct tcp_time_wait *enter(struct tcp *tcp, const struct tuple *tuple, uint64_t now_ns);
static bool may_reopen(const struct tcp *tcp, const struct tcp_remains *remains,
                       const struct tcp_header *syn);
static enum tcp_verdict reopen(struct tcp *tcp, uint32_t ref, const struct tcp_arrival *in,
                               const struct tcp_listener *listener);
static struct tcp_time_wait *take(struct tcp *tcp);
static void drop(struct tcp *tcp, struct tcp_time_wait *entry);
static void restart(struct tcp *tcp, struct tcp_time_wait *entry, uint64_t now_ns);
static void acknowledge(struct tcp *tcp, const struct tuple *tuple,
                        const struct tcp_remains *remains, uint64_t now_ns);

void tcp_time_wait_begin(struct tcp *tcp, const struct tcb *tcb, uint64_t now_ns)
{
    const struct tcp_remains remains = {
        .snd_nxt = tcp_wire_snd(tcb, tcb->snd_nxt),
        .rcv_nxt = tcp_wire_rcv(tcb, tcb->rcv_nxt),
        .ts_recent = tcb->ts_recent,
        .timestamps = tcb->timestamps,
        .window = (uint16_t)((tcb->rcv_adv - tcb->rcv_nxt) >> tcb->rcv_wscale)};

    /* Without an entry, too: the peer waits for the ACK of its FIN. */
    if (tcb->ack_now || tcb->dup_acks_owed > 0)
        acknowledge(tcp, &tcb->tuple, &remains, now_ns);
    if (tcp->config.time_wait_ns != 0 && tcp->config.time_waits != 0)
        enter(tcp, &tcb->tuple, now_ns)->remains = remains;
}

void tcp_time_wait_again(struct tcp *tcp, const struct tuple *tuple,
                         const struct tcp_remains *remains, uint64_t now_ns)
{
    enter(tcp, tuple, now_ns)->remains = *remains;
}

struct tcp_remains tcp_time_wait_end(struct tcp *tcp, uint32_t ref)
{
    struct tcp_time_wait *entry = tcp_time_wait_of_ref(tcp, ref);

    drop(tcp, entry);
    return entry->remains;
}

enum tcp_verdict tcp_time_wait_input(struct tcp *tcp, uint32_t ref, const struct tcp_arrival *in)
{
    struct tcp_time_wait *entry = tcp_time_wait_of_ref(tcp, ref);
    const struct tcp_remains *remains = &entry->remains;
    const struct tcp_listener *listener = tcp_listener_of(tcp, in->tuple);
    uint8_t flags = in->header.flags;

    /* Differs: RFC 9293 lets a reset end TIME-WAIT; RFC 1337 shows why it should not. */
    if (flags & TCP_RST)
        return TCP_DROP_TIME_WAIT_RST;
    if ((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && listener != NULL &&
        may_reopen(tcp, remains, &in->header))
        return reopen(tcp, ref, in, listener);
    /* The peer did not get our last ACK. */
    if ((flags & TCP_FIN) && in->header.seq + in->bytes + 1 == remains->rcv_nxt)
        restart(tcp, entry, in->now_ns);
    /* An ACK that only acknowledges is not answered: two ends in TIME-WAIT would go on for ever. */
    if (in->bytes > 0 || (flags & (TCP_FIN | TCP_SYN)) || in->header.seq != remains->rcv_nxt)
        acknowledge(tcp, in->tuple, remains, in->now_ns);
    return TCP_DROP_TIME_WAIT;
}

void tcp_time_wait_expire(struct tcp *tcp, uint64_t now_ns)
{
    struct tcp_time_wait *entry;

    while ((entry = TAILQ_FIRST(&tcp->time_waits)) != NULL && entry->expires_ns <= now_ns)
        drop(tcp, entry);
}

static uint32_t ref_of(const struct tcp *tcp, const struct tcp_time_wait *entry)
{
    return (uint32_t)(entry - tcp->time_wait_array) | TCP_REF_TIME_WAIT;
}

static struct tcp_time_wait *enter(struct tcp *tcp, const struct tuple *tuple, uint64_t now_ns)
{
    struct tcp_time_wait *entry = take(tcp);

    entry->expires_ns = now_ns + tcp->config.time_wait_ns;
    entry->tuple = *tuple;
    TAILQ_INSERT_TAIL(&tcp->time_waits, entry, link);
    tcp_table_insert(&tcp->table, tcp_tuple_hash(tcp, tuple), ref_of(tcp, entry));
    tcp->counters.time_waits++;
    return entry;
}

/* Is SYN surely later than all of the connection before? RFC 6191 2. */
static bool may_reopen(const struct tcp *tcp, const struct tcp_remains *remains,
                       const struct tcp_header *syn)
{
    bool timestamps = syn->has_timestamps && tcp->config.timestamps;
    int32_t newer = (int32_t)(syn->tsval - remains->ts_recent);
    bool beyond = (int32_t)(syn->seq - remains->rcv_nxt) >= 0;

    if (!timestamps)
        return beyond;
    return !remains->timestamps || newer > 0 || (newer == 0 && beyond);
}

/* Not by cookie, whose ISN could lie below what the connection before has sent. */
static enum tcp_verdict reopen(struct tcp *tcp, uint32_t ref, const struct tcp_arrival *in,
                               const struct tcp_listener *listener)
{
    if (!tcp_slot_is_free(tcp) || TAILQ_EMPTY(&tcp->listen.free))
        return TCP_DROP_FULL;
    struct tcp_remains remains = tcp_time_wait_end(tcp, ref);
    tcp_half_open_begin(tcp, listener, in, &remains);
    tcp->counters.time_waits_reopened++;
    return TCP_TAKEN;
}

static struct tcp_time_wait *take(struct tcp *tcp)
{
    struct tcp_time_wait *entry;

    if (TAILQ_EMPTY(&tcp->free_time_waits)) {
        drop(tcp, TAILQ_FIRST(&tcp->time_waits));
        tcp->counters.time_waits_evicted++;
    }
    entry = TAILQ_FIRST(&tcp->free_time_waits);
    TAILQ_REMOVE(&tcp->free_time_waits, entry, link);
    tcp->time_waits_in_use++;
    return entry;
}

static void drop(struct tcp *tcp, struct tcp_time_wait *entry)
{
    tcp_table_remove(&tcp->table, tcp_tuple_hash(tcp, &entry->tuple), ref_of(tcp, entry));
    TAILQ_REMOVE(&tcp->time_waits, entry, link);
    TAILQ_INSERT_HEAD(&tcp->free_time_waits, entry, link);
    tcp->time_waits_in_use--;
}

static void restart(struct tcp *tcp, struct tcp_time_wait *entry, uint64_t now_ns)
{
    entry->expires_ns = now_ns + tcp->config.time_wait_ns;
    TAILQ_REMOVE(&tcp->time_waits, entry, link);
    TAILQ_INSERT_TAIL(&tcp->time_waits, entry, link);
}

static void acknowledge(struct tcp *tcp, const struct tuple *tuple,
                        const struct tcp_remains *remains, uint64_t now_ns)
{
    struct tcp_descriptor *reply = tcp_reply_add(tcp, tuple);

    if (reply == NULL)
        return;
    reply->seq = remains->snd_nxt;
    reply->ack = remains->rcv_nxt;
    reply->window = remains->window;
    reply->flags = TCP_ACK;
    if (remains->timestamps) {
        uint32_t offset = tcp_isn_timestamp_offset(tcp_isn_secret(&tcp->config.key, tuple));
        struct tcp_options options = {.has_timestamps = true,
                                      .tsval = tcp_options_timestamp(offset, now_ns),
                                      .tsecr = remains->ts_recent};
        reply->options_bytes = tcp_header_options(&options, reply->options);
    }
}
