/* ICMP errors that quote a segment of ours (RFC 1122 4.2.3.9, RFC 5927). */
#include "tcp/tcp_priv.h"

static bool ends_attempt(const struct tcp *tcp, enum tcp_icmp_kind kind);

bool tcp_icmp(struct tcp *tcp, uint64_t now_ns, const struct tuple *tuple, uint32_t seq,
              enum tcp_icmp_kind kind, uint32_t mtu_bytes)
{
    uint32_t ref = tcp_find(tcp, tuple, tcp_tuple_hash(tcp, tuple));
    struct tcb *tcb;

    if (ref == 0 || (ref & (TCP_REF_TIME_WAIT | TCP_REF_HALF_OPEN))) {
        tcp->counters.icmp_no_connection++;
        return false;
    }
    /* RFC 5927 4.1: whoever saw the segment quotes a byte that is in flight. */
    tcb = tcp_slot_of_ref(tcp, ref)->kind == TCP_SLOT_AWAKE ? tcp_slot_of_ref(tcp, ref)->tcb : NULL;
    if (tcb == NULL || seq - tcp_wire_snd(tcb, tcb->snd_una) >= tcp_flight(tcb)) {
        tcp->counters.icmp_sequence++;
        return false;
    }
    if (kind == TCP_ICMP_TOO_BIG) {
        if (!tcp_mtu_told(tcp, tcb, now_ns, mtu_bytes))
            return false;
    } else if (tcb->state == TCP_SYN_SENT && ends_attempt(tcp, kind)) {
        tcp_end_unreachable(tcp, tcb, now_ns, kind);
    } else {
        /* RFC 5927 5.2: on a connection that is established, all of them are soft. */
        if (tcp_events_room(tcp) == 0)
            return false;
        tcp_event_add(tcp, tcb, now_ns, TCP_EVENT_UNREACHABLE)->icmp = (uint8_t)kind;
    }
    tcp->counters.icmp_taken++;
    return true;
}

static bool ends_attempt(const struct tcp *tcp, enum tcp_icmp_kind kind)
{
    switch (kind) {
    case TCP_ICMP_PORT:
    case TCP_ICMP_PROTOCOL:
    case TCP_ICMP_ADMIN: return true;
    /* Differs: RFC 9293 MUST-56 keeps on after a soft error; a measurement wants to know at
     * once, so the configuration can say otherwise. */
    case TCP_ICMP_NET:
    case TCP_ICMP_HOST: return tcp->config.soft_icmp_ends_syn;
    default: return false;
    }
}
