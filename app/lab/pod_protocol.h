/* pod_protocol.h - the protocols of a pod's server, without sockets.
 *
 * A connection is bytes in, bytes out. pod_stream_input() takes what was received and puts what is
 * to be sent into the connection's buffer; the caller sends from it and asks again when it is
 * empty.
 *
 * Threads: pure. Memory: one buffer a connection; input is only taken when the buffer is empty, so
 * it is never overrun: at most POD_PROTOCOL_BUFFER_BYTES at a time.
 */
#ifndef LAB_POD_PROTOCOL_H
#define LAB_POD_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pod_protocol {
    POD_CTRAFFIC,
    POD_MCONNECT,
    POD_HTTP,
};

enum {
    POD_PROTOCOL_BUFFER_BYTES = 16384,
    POD_HEAD_BYTES = 8192
};

struct pod_stream {
    enum pod_protocol protocol;
    uint8_t out[POD_PROTOCOL_BUFFER_BYTES]; /* To be sent: [out_begin, out_end). */
    size_t out_begin;
    size_t out_end;
    uint8_t head[POD_HEAD_BYTES]; /* ctraffic: the first 64 bytes; HTTP: the request's head. */
    size_t head_size;             /* Bytes in it. */
    uint64_t body_left;           /* HTTP: bytes of the request's body still to come. */
    bool named;                   /* ctraffic: the first 64 bytes were answered. */
    bool close_after;             /* Close when all is sent. */
};

void pod_stream_init(struct pod_stream *stream, enum pod_protocol protocol, const char *host);

/* How much pod_stream_input would take now; 0 while there is something to send. */
size_t pod_stream_room(const struct pod_stream *stream);

/* SIZE is at most the room. Returns the bytes taken (the rest is to be given again once the output
 * is sent), or -EBADMSG when the peer speaks nonsense. DRAINING: HTTP answers say close. */
int64_t pod_stream_input(struct pod_stream *stream, const uint8_t *bytes, size_t size,
                         const char *host, bool draining);

/* A datagram: overwrite (ctraffic) or make (mconnect) the answer in BYTES; returns its size.
 * CAPACITY is that of BYTES. */
size_t pod_datagram(enum pod_protocol protocol, uint8_t *bytes, size_t size, size_t capacity,
                    const char *host);

#endif
