/* Explicit congestion notification: RFC 3168 6.1. The descriptor carries what the IP header is to
 * say, tcp_input_ecn() what it said. */
#include "tcp/tcp_priv.h"

enum {
    ECT_0 = 2, /* ECN-capable transport. */
    CONGESTION_EXPERIENCED = 3,
};

void tcp_ecn_agree(struct tcb *tcb, const struct tcp_header *syn)
{
    uint8_t flags = syn->flags & (TCP_ECE | TCP_CWR);

    /* 6.1.1: a SYN has both, a SYN-ACK ECE alone. */
    tcb->ecn = flags == ((syn->flags & TCP_ACK) ? TCP_ECE : TCP_ECE | TCP_CWR);
}

/* Differs: with a window of one segment an ECE does not stop sending for an RTO (6.1.2): the window
 * is two segments at least. */
void tcp_ecn_input(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in)
{
    if (in->header.flags & TCP_CWR)
        tcb->ecn_echo = false;
    if (in->ecn == CONGESTION_EXPERIENCED) {
        tcb->ecn_echo = true;
        tcp->counters.ecn_marks++;
    }
}

void tcp_ecn_ack(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in)
{
    if ((in->header.flags & TCP_ECE) == 0)
        return;
    /* Once in a window of data, and not beside a loss in it. */
    if (tcb->snd_una < tcb->ecn_end || tcb->congestion.in_recovery || tcb->timeouts > 0)
        return;
    tcb->ecn_end = tcb->snd_nxt;
    tcp_congestion_reduce(&tcb->congestion, tcp_flight_before(tcb, in), tcb->mss);
    tcp->counters.ecn_reductions++;
}

void tcp_ecn_describe(const struct tcp *tcp, struct tcb *tcb, bool first,
                      struct tcp_descriptor *out)
{
    if (out->flags & TCP_SYN) {
        /* 6.1.1.1: a SYN that nothing answered is sent again without. */
        if (first && tcb->state == TCP_SYN_SENT && tcp->config.ecn)
            out->flags |= TCP_ECE | TCP_CWR;
        return;
    }
    if (!tcb->ecn)
        return;
    if (tcb->ecn_echo)
        out->flags |= TCP_ECE;
    /* 6.1.4, 6.1.5: neither ACKs nor what is sent again. */
    if (!first || out->payload_bytes == 0)
        return;
    out->ecn = ECT_0;
    if (tcb->congestion.reduced)
        out->flags |= TCP_CWR;
    tcb->congestion.reduced = false;
}
