#include "tcp/tcp_priv.h"

struct tcp_segment *tcp_segment_take(struct tcp *tcp, struct tcb *tcb)
{
    struct tcp_segment *segment = STAILQ_FIRST(&tcp->free_segments);

    if (segment == NULL) {
        tcp->counters.segments_full++;
        return NULL;
    }
    STAILQ_REMOVE_HEAD(&tcp->free_segments, link);
    tcp->segments_in_use++;
    tcb->segment_count++;
    return segment;
}

void tcp_segment_free(struct tcp *tcp, struct tcb *tcb, struct tcp_segment *segment)
{
    STAILQ_INSERT_HEAD(&tcp->free_segments, segment, link);
    tcp->segments_in_use--;
    tcb->segment_count--;
}
