#include "tcp/tcp_priv.h"

struct tcp_descriptor *tcp_reply_add(struct tcp *tcp, const struct tuple *tuple)
{
    if (tcp->replies_head - tcp->replies_tail > tcp->replies_mask) {
        tcp->counters.replies_full++;
        return NULL;
    }
    struct tcp_descriptor *reply = &tcp->replies[tcp->replies_head++ & tcp->replies_mask];
    *reply = (struct tcp_descriptor){.tuple = *tuple};
    return reply;
}

void tcp_reply_reset(struct tcp *tcp, const struct tcp_arrival *in)
{
    const struct tcp_header *header = &in->header;
    struct tcp_descriptor *reply;

    if (header->flags & TCP_RST)
        return;
    reply = tcp_reply_add(tcp, in->tuple);
    if (reply == NULL)
        return;
    if (header->flags & TCP_ACK) {
        reply->seq = header->ack;
        reply->flags = TCP_RST;
    } else {
        reply->ack = header->seq + in->bytes + ((header->flags & TCP_SYN) != 0) +
                     ((header->flags & TCP_FIN) != 0);
        reply->flags = TCP_RST | TCP_ACK;
    }
    tcp->counters.resets_out++;
}

void tcp_reply_abort(struct tcp *tcp, const struct tcb *tcb)
{
    struct tcp_descriptor *reply = tcp_reply_add(tcp, &tcb->tuple);

    if (reply == NULL)
        return;
    reply->conn = tcb->conn;
    reply->user = tcb->user;
    reply->stream_offset = tcb->stream_end - 1;
    reply->seq = tcb->iss + (uint32_t)tcb->snd_nxt;
    reply->ack = tcb->irs + (uint32_t)tcb->rcv_nxt;
    reply->flags = TCP_RST | TCP_ACK;
    tcp->counters.resets_out++;
}

uint32_t tcp_reply_output(struct tcp *tcp, uint64_t now_ns, struct tcp_descriptor out[],
                          uint32_t max)
{
    uint32_t count = 0;

    while (count < max && tcp->replies_tail != tcp->replies_head) {
        out[count] = tcp->replies[tcp->replies_tail++ & tcp->replies_mask];
        out[count++].first_sent_ns = now_ns;
    }
    return count;
}
