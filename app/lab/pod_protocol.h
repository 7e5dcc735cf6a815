/* pod_protocol.h - the protocols of a pod's server, without sockets.
 *
 * A connection is bytes in, bytes out. pod_stream_input() takes what was received and puts what is
 * to be sent into the connection's buffer; the caller sends from it and asks again when it is
 * empty. An HTTP request is answered when the caller says so, by pod_stream_answer(), since an
 * answer may take its time:
 *
 *     GET /?delay=5s&size=1000000    answered after 5 s, with a body of 1,000,000 bytes
 *
 * A request body comes with a Content-Length, or is refused (411).
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

#define POD_ANSWER_BYTES_MAX (UINT64_C(1) << 30)

struct pod_stream {
    enum pod_protocol protocol;
    uint8_t out[POD_PROTOCOL_BUFFER_BYTES]; /* To be sent: [out_begin, out_end). */
    size_t out_begin;
    size_t out_end;
    uint8_t head[POD_HEAD_BYTES]; /* ctraffic: the first 64 bytes; HTTP: the request's head. */
    size_t head_size;             /* Bytes in it. */
    uint64_t body_left;           /* HTTP: bytes of the request's body still to come. */
    bool whole;                   /* HTTP: a whole request waits for pod_stream_answer(). */
    bool answered;                /* HTTP: a request was answered before. */
    int64_t answer_after_ns;      /* HTTP: from the whole request to its answer. */
    uint64_t answer_left;         /* HTTP: bytes of the answer's body not in `out` yet. */
    bool named;                   /* ctraffic: the first 64 bytes were answered. */
    bool close_after;             /* Close when all is sent. */
};

/* How a server answers HTTP; what a request's query says goes before it. */
struct pod_manner {
    const char *host;        /* Its name. */
    bool last;               /* Each answer is the last one of its connection. */
    bool starting;           /* Answer 500. */
    int64_t answer_after_ns; /* From the whole request to the answer. */
    uint64_t answer_bytes;   /* Of the body; 0: the name and a line feed. */
};

void pod_stream_init(struct pod_stream *stream, enum pod_protocol protocol, const char *host);

/* How much pod_stream_input would take now; 0 while there is something to send or to answer. */
size_t pod_stream_room(const struct pod_stream *stream);

/* SIZE is at most the room. Returns the bytes taken (the rest is to be given again once the output
 * is sent), or -EBADMSG when the peer speaks nonsense. */
int64_t pod_stream_input(struct pod_stream *stream, const uint8_t *bytes, size_t size,
                         const struct pod_manner *manner);

/* Put the answer of the request that is whole into the buffer, or as much of it as there is room
 * for. */
void pod_stream_answer(struct pod_stream *stream, const struct pod_manner *manner);
/* All was sent: put more of the answer into the buffer. False when there is no more. */
bool pod_stream_more(struct pod_stream *stream);

/* HTTP between two requests: nothing is lost when it is closed. */
bool pod_stream_idle(const struct pod_stream *stream);

/* A datagram: overwrite (ctraffic) or make (mconnect) the answer in BYTES; returns its size.
 * CAPACITY is that of BYTES. */
size_t pod_datagram(enum pod_protocol protocol, uint8_t *bytes, size_t size, size_t capacity,
                    const char *host);

#endif
