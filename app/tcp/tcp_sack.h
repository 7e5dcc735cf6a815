/* tcp_sack.h - selective acknowledgment (RFC 2018), duplicates included (RFC 2883).
 *
 * As a receiver: which blocks an ACK reports. The first one has the segment that came last; then
 * those reported before it. A duplicate is reported once, before them.
 *
 * As a sender: the records of segments in flight are the scoreboard of RFC 6675. A block marks
 * whole records; what is marked is neither in the pipe nor lost, and is not sent again.
 *
 * Threads: one owner. Memory: in the control block.
 */
#ifndef TCP_TCP_SACK_H
#define TCP_TCP_SACK_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp/tcp_header.h"

struct tcb;
struct tcp_arrival;

/* What a receiver remembers to report. */
struct tcp_sack_report {
    uint64_t duplicate;               /* What came twice, from here.. */
    uint64_t duplicate_end;           /* ..to here; 0: nothing to report. */
    uint8_t count;                    /* Of `recent`. */
    uint64_t recent[TCP_SACK_BLOCKS]; /* A position in each block, that of the latest first. */
};

/* What the blocks of an ACK told a sender. */
struct tcp_sack_news {
    bool any;       /* Something was not known to have arrived. */
    bool duplicate; /* The peer got something twice. */
    uint64_t duplicate_end;
};

/* Bytes at POS were kept out of order. */
void tcp_sack_kept(struct tcb *tcb, uint64_t pos);
/* [POS, END) came twice. */
void tcp_sack_duplicate(struct tcb *tcb, uint64_t pos, uint64_t end);
/* At most LIMIT blocks to report now; a duplicate counts as reported. */
uint8_t tcp_sack_blocks(struct tcb *tcb, uint8_t limit, struct tcp_sack_block out[]);
/* Mark what IN's blocks, of which there are some, report. Blocks that cannot be are skipped. */
struct tcp_sack_news tcp_sack_input(struct tcb *tcb, const struct tcp_arrival *in);
/* IN reports that what ends at END came twice (RFC 2883). */
bool tcp_sack_came_twice(const struct tcb *tcb, const struct tcp_arrival *in, uint64_t end);
/* A time-out: forget all marks if the peer seems to have dropped what it had reported (RFC 2018 8):
 * the first segment in flight is marked. */
void tcp_sack_timeout(struct tcb *tcb);

#endif
