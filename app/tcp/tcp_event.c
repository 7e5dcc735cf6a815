/* The event array. Each live connection has two places in it that other events may not take, for
 * why it ended and for GONE: so an end is never put off for lack of room. tcp_open() keeps it
 * true. */
#include "tcp/tcp_priv.h"

enum {
    EVENTS_OF_AN_END = 2
};

uint32_t tcp_events_room(const struct tcp *tcp)
{
    uint32_t kept = EVENTS_OF_AN_END * tcp->pool.taken;
    uint32_t left = tcp->event_capacity - tcp->event_count;

    return left > kept ? left - kept : 0;
}

struct tcp_event *tcp_event_add(struct tcp *tcp, const struct tcb *tcb, uint64_t now_ns,
                                enum tcp_event_kind kind)
{
    assert(tcp->event_count < tcp->event_capacity);
    struct tcp_event *event = &tcp->events[tcp->event_count++];

    *event = (struct tcp_event){
        .kind = (uint8_t)kind, .conn = tcb->conn, .user = tcb->user, .at_ns = now_ns};
    return event;
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
}
