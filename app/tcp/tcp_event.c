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

static void add_end(struct tcp *tcp, tcp_conn conn, const struct tcp_slot *slot,
                    enum tcp_event_kind kind)
{
    bool why = kind != TCP_EVENT_GONE;

    tcp->events[tcp->event_count++] = (struct tcp_event){.kind = (uint8_t)kind,
                                                         .conn = conn,
                                                         .user = slot->user,
                                                         .at_ns = slot->ended.at_ns,
                                                         .first_sent_ns = slot->ended.first_sent_ns,
                                                         .rtt_max_ns = slot->ended.rtt_max_ns,
                                                         .icmp = why ? slot->ended.icmp : 0,
                                                         .fatal = why};
}

void tcp_event_add_ends(struct tcp *tcp)
{
    while (tcp->first_ended != 0 && tcp_events_room(tcp) >= EVENTS_OF_AN_END) {
        struct tcp_slot *slot = tcp_slot_of_ref(tcp, tcp->first_ended);
        tcp_conn conn = pool_handle_of(&tcp->pool, slot);

        if (slot->ended.kind != TCP_EVENT_GONE)
            add_end(tcp, conn, slot, slot->ended.kind);
        add_end(tcp, conn, slot, TCP_EVENT_GONE);
        tcp->first_ended = slot->ended.next;
        tcp->ended_count--;
        pool_free(&tcp->pool, conn);
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
