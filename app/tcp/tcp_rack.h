/* tcp_rack.h - loss by time, not by count (RACK), and a probe for lost tails (TLP): RFC 8985.
 *
 * For connections with SACK. A segment is lost when another one that was sent later has arrived,
 * and a round trip and the reordering window have passed since it was sent. That window is
 *
 *     0                               no reordering was seen, and in recovery or 3 segments SACKed
 *     min(n * min RTT / 4, SRTT)      else; n grows by D-SACKs, and falls back after 16 recoveries
 *
 * TLP: when an ACK is due for 2 SRTT and does not come, one segment is sent, new or the last again,
 * whose SACK shows what was lost at the end of the flight, without waiting for the time-out.
 *
 * This takes the place of counting duplicate ACKs in RFC 6675; the pipe, and what is sent in
 * recovery, are of that RFC (tcp_output.c).
 *
 * Threads: one owner. Memory: in the control block.
 */
#ifndef TCP_TCP_RACK_H
#define TCP_TCP_RACK_H

#include <stdbool.h>
#include <stdint.h>

struct tcb;
struct tcp;
struct tcp_arrival;
struct tcp_segment;
struct tcp_sack_news;

/* TLP.max_ack_delay, of kernels: the peer may delay the ACK of a single segment so long. */
#define TCP_RACK_ACK_DELAY_MAX_NS UINT64_C(200000000)
#define TCP_RACK_PROBE_WITHOUT_RTT_NS UINT64_C(1000000000)

/* What the timer of RACK waits for. */
enum tcp_rack_timer {
    TCP_RACK_OFF,
    TCP_RACK_REORDERING, /* The end of the reordering window of something. */
    TCP_RACK_PROBE,      /* Time to probe the tail. */
};

struct tcp_rack {
    uint64_t deadline_ns; /* Of the timer; TCP_NEVER_NS: off. */
    uint8_t timer;        /* enum tcp_rack_timer. */
    uint8_t quarters;     /* RACK.reo_wnd_mult, less one. */
    uint8_t persist;      /* RACK.reo_wnd_persist: recoveries until it falls back. */
    bool reordered;       /* RACK.reordering_seen. */
    bool probe_again;     /* TLP.is_retrans: the probe was sent before. */
    uint64_t sent_ns;     /* RACK.xmit_ts: of the latest sent of all that arrived. */
    uint64_t end;         /* RACK.end_seq: its end. */
    uint64_t rtt_ns;      /* RACK.rtt: its round trip. */
    uint64_t min_rtt_ns;  /* The least seen; 0: none. */
    uint64_t arrived_end; /* RACK.fack: the highest position that arrived. */
    uint64_t round_end;   /* RACK.dsack_round: one step of the window each round; 0: none. */
    uint64_t probe_end;   /* TLP.end_seq: SND.NXT after the probe; 0: none is under way. */
};

/* 6.2 steps 1 to 3: SEGMENT arrived, as the ACK or a SACK block of IN tells. If it was a probe, it
 * is marked whether that or the first sending did. */
void tcp_rack_delivered(struct tcb *tcb, struct tcp_segment *segment, const struct tcp_arrival *in);
/* 6.2 steps 4 and 5, and 7.4, after the marks of IN, an ACK, are set: mark what is lost, and begin
 * recovery if that is news. */
void tcp_rack_ack(struct tcp *tcp, struct tcb *tcb, const struct tcp_arrival *in,
                  const struct tcp_sack_news *news, bool recovered);
/* 7.2: something is in flight, and a probe is due at DEADLINE_NS unless more is under way. */
void tcp_rack_set_probe(struct tcp *tcp, struct tcb *tcb, uint64_t deadline_ns);
/* The timer expired: 6.3, 7.3. */
void tcp_rack_expire(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns);
/* A probe left. */
void tcp_rack_probed(struct tcb *tcb, bool again);
/* A retransmission time-out: its retransmissions begin anew. */
void tcp_rack_timeout(struct tcb *tcb);

/* Was A, sent at A_NS, sent after B? Of one time the one that ends later was. */
static inline bool tcp_rack_sent_after(uint64_t a_ns, uint64_t a_end, uint64_t b_ns, uint64_t b_end)
{
    return a_ns > b_ns || (a_ns == b_ns && a_end > b_end);
}

/* What ends at END and was last sent at SENT_NS, RTT_NS ago, arrived. */
static inline void tcp_rack_arrived(struct tcp_rack *rack, uint64_t end, uint64_t sent_ns,
                                    uint64_t rtt_ns)
{
    if (end > rack->arrived_end)
        rack->arrived_end = end;
    if (tcp_rack_sent_after(sent_ns, end, rack->sent_ns, rack->end)) {
        rack->sent_ns = sent_ns;
        rack->end = end;
        rack->rtt_ns = rtt_ns;
    }
}

/* tcp_rack_delivered() of what was sent once. */
static inline void tcp_rack_delivered_once(struct tcp_rack *rack, uint64_t end, uint64_t sent_ns,
                                           uint64_t rtt_ns)
{
    if (rack->min_rtt_ns == 0 || rtt_ns < rack->min_rtt_ns)
        rack->min_rtt_ns = rtt_ns;
    if (end < rack->arrived_end)
        rack->reordered = true;
    tcp_rack_arrived(rack, end, sent_ns, rtt_ns);
}

#endif
