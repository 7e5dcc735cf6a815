/* TIME-WAIT without a connection: 2 MSL of answers for the tuple (RFC 9293 3.10.7.4). All
 * entries wait equally long, so a list in order of entry is in order of expiry. */
#include "tcp/tcp_priv.h"

static struct tcp_time_wait *take(struct tcp *tcp);
static void drop(struct tcp *tcp, struct tcp_time_wait *entry);
static void restart(struct tcp *tcp, struct tcp_time_wait *entry, uint64_t now_ns);
static void acknowledge(struct tcp *tcp, const struct tcp_time_wait *entry, uint64_t now_ns);

bool tcp_time_wait_begin(struct tcp *tcp, const struct tcb *tcb, uint64_t now_ns)
{
    struct tcp_time_wait *entry;

    if (tcp->config.time_wait_ns == 0 || tcp->config.time_waits == 0)
        return false;
    entry = take(tcp);
    entry->expires_ns = now_ns + tcp->config.time_wait_ns;
    entry->tuple = tcb->tuple;
    entry->snd_nxt = tcb->iss + (uint32_t)tcb->snd_nxt;
    entry->rcv_nxt = tcb->irs + (uint32_t)tcb->rcv_nxt;
    entry->ts_recent = tcb->ts_recent;
    entry->ts_offset = tcb->ts_offset;
    entry->timestamps = tcb->timestamps;
    entry->window = (uint16_t)((tcb->rcv_adv - tcb->rcv_nxt) >> tcb->rcv_wscale);
    TAILQ_INSERT_TAIL(&tcp->time_waits, entry, link);
    tcp_table_replace(&tcp->table, &tcb->tuple,
                      (uint32_t)(entry - tcp->time_wait_array) | TCP_REF_TIME_WAIT);
    tcp->counters.time_waits++;
    if (tcb->ack_now || tcb->dup_acks_owed > 0)
        acknowledge(tcp, entry, now_ns);
    return true;
}

enum tcp_verdict tcp_time_wait_input(struct tcp *tcp, uint32_t ref, const struct tcp_arrival *in)
{
    struct tcp_time_wait *entry = &tcp->time_wait_array[ref & ~TCP_REF_TIME_WAIT];
    uint8_t flags = in->header.flags;

    /* Differs: RFC 9293 lets a reset end TIME-WAIT; RFC 1337 shows why it should not. */
    if (flags & TCP_RST)
        return TCP_DROP_TIME_WAIT_RST;
    /* The peer did not get our last ACK. */
    if ((flags & TCP_FIN) && in->header.seq + in->bytes + 1 == entry->rcv_nxt)
        restart(tcp, entry, in->now_ns);
    /* An ACK that only acknowledges is not answered: two ends in TIME-WAIT would go on for ever. */
    if (in->bytes > 0 || (flags & (TCP_FIN | TCP_SYN)) || in->header.seq != entry->rcv_nxt)
        acknowledge(tcp, entry, in->now_ns);
    return TCP_DROP_TIME_WAIT;
}

void tcp_time_wait_expire(struct tcp *tcp, uint64_t now_ns)
{
    struct tcp_time_wait *entry;

    while ((entry = TAILQ_FIRST(&tcp->time_waits)) != NULL && entry->expires_ns <= now_ns)
        drop(tcp, entry);
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
    tcp_table_remove(&tcp->table, &entry->tuple);
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

static void acknowledge(struct tcp *tcp, const struct tcp_time_wait *entry, uint64_t now_ns)
{
    struct tcp_descriptor *reply = tcp_reply_add(tcp, &entry->tuple);

    if (reply == NULL)
        return;
    reply->seq = entry->snd_nxt;
    reply->ack = entry->rcv_nxt;
    reply->window = entry->window;
    reply->flags = TCP_ACK;
    if (entry->timestamps) {
        struct tcp_options options = {.has_timestamps = true,
                                      .tsval = tcp_options_timestamp(entry->ts_offset, now_ns),
                                      .tsecr = entry->ts_recent};
        reply->options_bytes = tcp_header_options(&options, reply->options);
    }
}
