/* The event array. The last events of a connection wait in its slot if there is no room. */
#include "tcp/tcp_priv.h"

enum {
    EVENTS_OF_AN_END = 2
};

void tcp_event_add_retransmit(struct tcp *tcp, const struct tcb *tcb, uint64_t sent_ns,
                              const struct tcp_segment *segment, enum tcp_cause cause)
{
    struct tcp_event *event = tcp_event_add(tcp, tcb, sent_ns, TCP_EVENT_RETRANSMIT);

    event->cause = (uint8_t)cause;
    event->flags = segment->flags;
    event->stream_offset = segment->pos > 0 ? segment->pos - 1 : 0;
    event->bytes = tcp_segment_payload(segment);
    event->first_sent_ns = segment->first_sent_ns;
}

static void add_end(struct tcp *tcp, tcp_conn conn, uint64_t user, const struct tcp_ended *ended,
                    enum tcp_event_kind kind)
{
    bool why = kind != TCP_EVENT_GONE;

    tcp->events[tcp->event_count++] = (struct tcp_event){.kind = (uint8_t)kind,
                                                         .conn = conn,
                                                         .user = user,
                                                         .at_ns = ended->at_ns,
                                                         .first_sent_ns = ended->first_sent_ns,
                                                         .rtt_max_ns = ended->rtt_max_ns,
                                                         .icmp = why ? ended->icmp : 0,
                                                         .fatal = why};
}

bool tcp_event_add_end(struct tcp *tcp, uint32_t ref, uint64_t user, const struct tcp_ended *ended)
{
    tcp_conn conn = tcp_conn_of_ref(tcp, ref);

    if (tcp_events_room(tcp) < EVENTS_OF_AN_END)
        return false;
    if (ended->kind != TCP_EVENT_GONE)
        add_end(tcp, conn, user, ended, ended->kind);
    add_end(tcp, conn, user, ended, TCP_EVENT_GONE);
    pool_free(&tcp->pool, conn);
    return true;
}

void tcp_event_add_ends(struct tcp *tcp)
{
    while (tcp->first_ended != 0) {
        const struct tcp_slot *slot = tcp_slot_of_ref(tcp, tcp->first_ended);
        uint32_t next = slot->ended.next;

        if (!tcp_event_add_end(tcp, tcp->first_ended, slot->user, &slot->ended))
            return;
        tcp->first_ended = next;
        tcp->ended_count--;
    }
}

const struct tcp_event *tcp_events(const struct tcp *tcp, uint32_t *count)
{
    *count = tcp->event_count;
    return tcp->events;
}

void tcp_events_clear(struct tcp *tcp)
{
    tcp->event_count = 0;
    if (tcp->reassembly.lent != NULL)
        tcp_reassembly_reclaim(&tcp->reassembly);
    tcp_event_add_ends(tcp);
}
