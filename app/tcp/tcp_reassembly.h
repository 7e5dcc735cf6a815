/* tcp_reassembly.h - bytes that came out of order, until the gap before them is filled.
 *
 * Pieces ("chunks") of fixed size come from one pool for all connections; each connection has a
 * queue of chunks that don't overlap, in order of position. Of bytes that come twice the first
 * copy stays. Bytes that follow a chunk with room are appended to it, so that many small
 * segments do not take a chunk each.
 *
 * Delivery lends: a chunk taken by tcp_reassembly_next() stays readable until
 * tcp_reassembly_reclaim(), whatever becomes of its connection.
 *
 * Positions are 64 bits, as in tcp_priv.h. Threads: one owner. Memory: given by the caller,
 * tcp_reassembly_bytes(). Full, or over a queue's bound: the bytes are not kept, the peer sends
 * them again.
 */
#ifndef TCP_TCP_REASSEMBLY_H
#define TCP_TCP_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tcp_chunk {
    struct tcp_chunk *next; /* In its queue, the free list, or the lent list. */
    uint64_t pos;           /* Position of the first byte. */
    uint32_t start;         /* Offset in data of that byte: what was before it came otherwise. */
    uint32_t bytes;         /* From start on. */
    uint8_t data[];         /* chunk_bytes of room. */
};

struct tcp_reassembly {
    struct tcp_chunk *free; /* Unused chunks. */
    struct tcp_chunk *lent; /* Delivered, not yet reclaimed. */
    uint32_t chunk_bytes;   /* Room of one. */
    uint32_t capacity;      /* Chunks in all. */
    uint32_t in_use;        /* In queues or lent. */
    uint32_t queue_limit;   /* Chunks that one queue may hold. */
};

struct tcp_reassembly_queue {
    struct tcp_chunk *head; /* By position, not overlapping; NULL when nothing is kept. */
    uint32_t count;         /* Chunks. */
};

size_t tcp_reassembly_bytes(uint32_t capacity, uint32_t chunk_bytes);
void tcp_reassembly_init(struct tcp_reassembly *pool, void *memory, uint32_t capacity,
                         uint32_t chunk_bytes, uint32_t queue_limit);
/* Keep a copy of what is new of BYTES bytes at POS. Returns how many bytes are kept that were not
 * before; *FULL says that some were not for lack of room. */
uint32_t tcp_reassembly_insert(struct tcp_reassembly *pool, struct tcp_reassembly_queue *queue,
                               uint64_t pos, const uint8_t *data, uint32_t bytes, bool *full);
/* The next bytes at POS, if they are here: lent, see above. NULL: there is still a gap. Chunks
 * that lie before POS as a whole are freed on the way. */
const struct tcp_chunk *tcp_reassembly_next(struct tcp_reassembly *pool,
                                            struct tcp_reassembly_queue *queue, uint64_t pos);
/* Forget all that is in QUEUE. */
void tcp_reassembly_discard(struct tcp_reassembly *pool, struct tcp_reassembly_queue *queue);
/* Free all that was lent. */
void tcp_reassembly_reclaim(struct tcp_reassembly *pool);

#endif
