#include "tcp/tcp_sack.h"

#include <string.h>

#include "tcp/tcp_priv.h"

/* A block of the peer's, in positions of our stream. */
struct reported {
    uint64_t begin, end;
};

static bool block_at(const struct tcp_reassembly_queue *queue, uint64_t pos, uint64_t *begin,
                     uint64_t *end);
static void mark(struct tcb *tcb, const struct reported blocks[], uint8_t count,
                 const struct tcp_arrival *in, struct tcp_sack_news *news);
static bool is_reported(const struct tcp_segment *segment, const struct reported blocks[],
                        uint8_t count);
static bool is_duplicate(const struct tcp_arrival *in);

void tcp_sack_kept(struct tcb *tcb, uint64_t pos)
{
    struct tcp_sack_report *report = &tcb->sack_report;
    uint8_t kept = 1;
    uint64_t begin, end, recent[TCP_SACK_BLOCKS] = {pos};

    if (!tcb->sack || !block_at(&tcb->queue, pos, &begin, &end))
        return;
    for (uint8_t i = 0; i < report->count && kept < TCP_SACK_BLOCKS; i++) {
        if (report->recent[i] < begin || report->recent[i] >= end)
            recent[kept++] = report->recent[i];
    }
    memcpy(report->recent, recent, sizeof(recent));
    report->count = kept;
}

void tcp_sack_duplicate(struct tcb *tcb, uint64_t pos, uint64_t end)
{
    if (!tcb->sack || end <= pos)
        return;
    tcb->sack_report.duplicate = pos;
    tcb->sack_report.duplicate_end = end;
}

uint8_t tcp_sack_blocks(struct tcb *tcb, uint8_t limit, struct tcp_sack_block out[])
{
    struct tcp_sack_report *report = &tcb->sack_report;
    uint8_t count = 0, first = 0;
    uint64_t begin, end;

    if (report->duplicate_end != 0 && limit > 0) {
        out[count++] = (struct tcp_sack_block){tcp_wire_rcv(tcb, report->duplicate),
                                               tcp_wire_rcv(tcb, report->duplicate_end)};
        report->duplicate_end = 0;
        first = 1; /* The block that it lies in follows, even if it is the same. */
    }
    for (uint8_t i = 0; i < report->count && count < limit; i++) {
        if (report->recent[i] < tcb->rcv_nxt ||
            !block_at(&tcb->queue, report->recent[i], &begin, &end))
            continue;
        struct tcp_sack_block block = {tcp_wire_rcv(tcb, begin), tcp_wire_rcv(tcb, end)};
        bool again = false; /* Two that were apart have grown together. */
        for (uint8_t j = first; j < count; j++)
            again |= out[j].begin == block.begin && out[j].end == block.end;
        if (!again)
            out[count++] = block;
    }
    return count;
}

struct tcp_sack_news tcp_sack_input(struct tcb *tcb, const struct tcp_arrival *in)
{
    struct tcp_sack_news news = {.any = false};
    const struct tcp_header *header = &in->header;
    struct reported blocks[TCP_SACK_BLOCKS];
    uint8_t first = 0, count = 0;

    if (is_duplicate(in)) {
        news.duplicate = true;
        news.duplicate_end = tcb->snd_una + (uint64_t)(int32_t)(header->sack[0].end -
                                                                tcp_wire_snd(tcb, tcb->snd_una));
        first = 1;
    }
    for (uint8_t i = first; i < header->sack_count; i++) {
        int64_t begin = (int32_t)(header->sack[i].begin - tcp_wire_snd(tcb, tcb->snd_una));
        int64_t end = (int32_t)(header->sack[i].end - tcp_wire_snd(tcb, tcb->snd_una));
        if (begin >= 0 && begin < end && end <= (int64_t)tcp_flight(tcb))
            blocks[count++] =
                (struct reported){tcb->snd_una + (uint64_t)begin, tcb->snd_una + (uint64_t)end};
    }
    if (count > 0)
        mark(tcb, blocks, count, in, &news);
    return news;
}

bool tcp_sack_came_twice(const struct tcb *tcb, const struct tcp_arrival *in, uint64_t end)
{
    return in->header.sack_count > 0 && is_duplicate(in) &&
           in->header.sack[0].end == tcp_wire_snd(tcb, end);
}

void tcp_sack_timeout(struct tcb *tcb)
{
    struct tcp_segment *segment = STAILQ_FIRST(&tcb->segments);

    if (segment == NULL || !segment->sacked)
        return;
    STAILQ_FOREACH(segment, &tcb->segments, link)
    {
        segment->sacked = false;
    }
    tcb->sacked_bytes = 0;
}

/* The block of what is kept out of order that has POS. */
static bool block_at(const struct tcp_reassembly_queue *queue, uint64_t pos, uint64_t *begin,
                     uint64_t *end)
{
    const struct tcp_chunk *chunk = queue->head;

    *end = 0;
    for (; chunk != NULL && chunk->pos <= pos; chunk = chunk->next) {
        if (chunk->pos != *end)
            *begin = chunk->pos;
        *end = chunk->pos + chunk->bytes;
    }
    if (*end <= pos)
        return false;
    for (; chunk != NULL && chunk->pos == *end; chunk = chunk->next)
        *end += chunk->bytes;
    return true;
}

/* By position, whatever the order of the blocks: or a lower one would seem to have arrived after
 * a higher one. */
static void mark(struct tcb *tcb, const struct reported blocks[], uint8_t count,
                 const struct tcp_arrival *in, struct tcp_sack_news *news)
{
    struct tcp_segment *segment;

    STAILQ_FOREACH(segment, &tcb->segments, link)
    {
        if (segment->sacked || !is_reported(segment, blocks, count))
            continue;
        if (segment->cause != TCP_CAUSE_NONE)
            tcb->lost_bytes -= segment->length;
        segment->cause = TCP_CAUSE_NONE;
        segment->sacked = true;
        tcb->sacked_bytes += segment->length;
        news->any = true;
        tcp_rack_delivered(tcb, segment, in);
    }
}

static bool is_reported(const struct tcp_segment *segment, const struct reported blocks[],
                        uint8_t count)
{
    for (uint8_t i = 0; i < count; i++) {
        if (segment->pos >= blocks[i].begin && segment->pos + segment->length <= blocks[i].end)
            return true;
    }
    return false;
}

/* RFC 2883 4: the first block lies below the ACK, or within the second. */
static bool is_duplicate(const struct tcp_arrival *in)
{
    const struct tcp_sack_block *block = in->header.sack;

    if ((int32_t)(block[0].end - in->header.ack) <= 0)
        return true;
    return in->header.sack_count > 1 && (int32_t)(block[0].begin - block[1].begin) >= 0 &&
           (int32_t)(block[0].end - block[1].end) <= 0;
}
