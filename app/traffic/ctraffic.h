/* ctraffic.h - the wire protocol of ctraffic over TCP, as a client: what to send, and whether what
 * came back is right. Pure.
 *
 * Packets of `size` bytes, one in flight. The first is all zero. The server writes its host name
 * (no NUL added) over the start of the first 64 bytes it reads on a connection, sends those 64
 * back, and echoes all else. From then on each packet is what was received last, so: the host
 * name, then zeros, and each answer equals what was sent. TCP may split an answer anywhere.
 *
 * So packet p of a connection is bytes p * size .. (p + 1) * size of either stream, and any part
 * of it can be made again from the host name alone.
 *
 * Threads: none of its own. Memory: the struct.
 */
#ifndef TRAFFIC_CTRAFFIC_H
#define TRAFFIC_CTRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CTRAFFIC_HOST_BYTES = 64, /* The server writes its name within these. */
    CTRAFFIC_SIZE_MIN_BYTES = 64
};

/* One connection. */
struct ctraffic {
    uint32_t size_bytes;     /* Of a packet, 64 at least. */
    uint32_t received_bytes; /* Of the answer that is being received. */
    uint8_t host_bytes;      /* Length of the host name; 0 before the first whole answer. */
    bool named;              /* The host name has ended: a NUL, or 64 bytes, was seen. */
    bool answered;           /* A first answer was whole. */
    bool open;               /* A packet was sent and its answer is not whole. */
    uint8_t host[CTRAFFIC_HOST_BYTES]; /* The name's bytes, as they came. */
};

enum ctraffic_verdict {
    CTRAFFIC_MORE,  /* All right so far, and not whole. */
    CTRAFFIC_WHOLE, /* The answer is whole and right. */
    CTRAFFIC_BAD    /* A byte differs from what was sent, or came unasked. */
};

void ctraffic_init(struct ctraffic *ctraffic, uint32_t size_bytes);
/* After ctraffic_init(), for a connection whose first answer was whole: it named HOST, COUNT bytes
 * (CTRAFFIC_HOST_BYTES at most). */
void ctraffic_resume(struct ctraffic *ctraffic, const uint8_t *host, uint8_t count);
/* A packet is being sent: its answer is expected. None may be open. */
void ctraffic_ask(struct ctraffic *ctraffic);
/* BYTES came next. After CTRAFFIC_BAD the struct is of no use. Bytes after the end of the whole
 * answer are unasked, hence bad. */
enum ctraffic_verdict ctraffic_receive(struct ctraffic *ctraffic, const uint8_t *bytes,
                                       uint32_t count);
/* Write COUNT bytes of our stream from OFFSET on. */
void ctraffic_fill(const struct ctraffic *ctraffic, uint64_t offset, uint8_t *bytes,
                   uint32_t count);

#endif
