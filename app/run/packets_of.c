#include "run/packets_of.h"

enum {
    TCP_BYTES = 20,
    TIMESTAMPS_BYTES = 12, /* Of the option in every segment, padded: RFC 7323 A. */
    CONNECTION_PACKETS = 4,
    TLS_PACKETS = 9,       /* Hello, Finished, close_notify; ACKs of what says the server. */
    TLS_RECORD = 1 << 14,  /* Bytes of one, at most: RFC 8446 5.1. */
    TLS_RECORD_BYTES = 29, /* That are added to each (TLS 1.2, AES-GCM). */
    HTTP_HEAD_BYTES = 4096 /* Of an answer, at most, where its body's size is known. */
};

static uint64_t segments(uint64_t bytes, uint32_t mss_bytes)
{
    return bytes > 0 ? (bytes + mss_bytes - 1) / mss_bytes : 1;
}

uint32_t packets_mss(const struct experiment_tcp *tcp, bool v4, uint32_t mtu_bytes)
{
    return mtu_bytes - (v4 ? 20 : 40) - TCP_BYTES - (tcp->timestamps ? TIMESTAMPS_BYTES : 0);
}

/* Body and head may go apart, and an interim answer is one more segment to acknowledge. */
static uint64_t of_http(const struct experiment_stream *stream, uint64_t request_bytes,
                        uint32_t mss_bytes)
{
    const struct experiment_http *http = &stream->http;
    bool secure = stream->protocol == EXPERIMENT_PROTOCOL_HTTPS;
    uint64_t answer = http->expect_bytes > 0 ? (uint64_t)http->expect_bytes + HTTP_HEAD_BYTES : 0;
    uint64_t count;

    if (secure) {
        request_bytes += (request_bytes / TLS_RECORD + 2) * TLS_RECORD_BYTES;
        answer += answer > 0 ? (answer / TLS_RECORD + 2) * TLS_RECORD_BYTES : 0;
    }
    count = segments(request_bytes, mss_bytes) + segments(answer, mss_bytes);
    if (http->expect_continue)
        count += 2;
    if (!stream->keep_alive)
        count += CONNECTION_PACKETS + (secure ? TLS_PACKETS : 0);
    return count;
}

uint64_t packets_of(const struct experiment_stream *stream, uint64_t request_bytes,
                    uint32_t mss_bytes)
{
    switch (stream->protocol) {
    case EXPERIMENT_PROTOCOL_RAW:
    case EXPERIMENT_PROTOCOL_UDP:
    case EXPERIMENT_PROTOCOL_ICMP: return 1;
    case EXPERIMENT_PROTOCOL_CONNECT: return CONNECTION_PACKETS;
    case EXPERIMENT_PROTOCOL_MCONNECT: return CONNECTION_PACKETS + 1;
    /* The first 64 bytes of the first answer come apart from the rest. */
    case EXPERIMENT_PROTOCOL_CTRAFFIC: return 2 * segments(stream->size_bytes, mss_bytes) + 1;
    default: return of_http(stream, request_bytes, mss_bytes);
    }
}
