/* tcp_header.h - the TCP header on the wire (RFC 9293 3.1): read with bounds, options written.
 *
 * Parsing takes any bytes and never reads beyond the size given. Checksums are net/'s affair.
 * tcp_header_write() is in tcp.h, since callers outside use it.
 *
 * Threads: pure. Memory: none.
 */
#ifndef TCP_TCP_HEADER_H
#define TCP_TCP_HEADER_H

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "tcp/tcp.h"

/* What most segments have: NOP, NOP, timestamps. */
#define TCP_TIMESTAMPS_ALONE UINT32_C(0x0101080a)
/* What a SYN has that offers all, laid out as Linux does, and we: */
#define TCP_SYN_MSS UINT32_C(0x02040000)                 /* MSS in the low half; */
#define TCP_SYN_SACK_AND_TIMESTAMPS UINT32_C(0x0402080a) /* SACK permitted, timestamps; */
#define TCP_SYN_WINDOW_SCALE UINT32_C(0x01030300)        /* NOP, scale in the low byte. */
enum {
    TCP_TIMESTAMPS_ALONE_BYTES = 12,
    TCP_SYN_OPTIONS_BYTES = 20
};

enum tcp_option {
    TCP_OPTION_END = 0,
    TCP_OPTION_NOP = 1,
    TCP_OPTION_MSS = 2,
    TCP_OPTION_WINDOW_SCALE = 3,
    TCP_OPTION_SACK_PERMITTED = 4,
    TCP_OPTION_SACK = 5,
    TCP_OPTION_TIMESTAMPS = 8,
};

/* Lengths that the options have, by their RFCs. */
enum {
    TCP_OPTION_MSS_BYTES = 4,
    TCP_OPTION_WINDOW_SCALE_BYTES = 3,
    TCP_OPTION_SACK_PERMITTED_BYTES = 2,
    TCP_OPTION_SACK_BYTES = 2, /* And a block or more. */
    TCP_OPTION_SACK_BLOCK_BYTES = 8,
    TCP_OPTION_TIMESTAMPS_BYTES = 10,
    TCP_SACK_BLOCKS = 4, /* That fit a header without other options. */
};

/* Sequence numbers that arrived: from `begin` to before `end`. */
struct tcp_sack_block {
    uint32_t begin, end;
};

struct tcp_header {
    uint32_t seq;          /* Sequence number. */
    uint32_t ack;          /* Acknowledgment number, whatever the flag says. */
    uint32_t tsval;        /* Sender's timestamp; valid with has_timestamps. */
    uint32_t tsecr;        /* Echo of ours; valid with has_timestamps and TCP_ACK. */
    uint16_t window;       /* As on the wire, unscaled. */
    uint16_t mss;          /* Valid with has_mss. */
    uint8_t flags;         /* enum tcp_flag. */
    uint8_t header_bytes;  /* Data offset: where the payload begins. */
    uint8_t window_scale;  /* At most TCP_WINDOW_SCALE_MAX; valid with has_window_scale. */
    bool has_mss;          /* RFC 9293 3.7.1. */
    bool has_window_scale; /* RFC 7323 2. */
    bool has_timestamps;   /* RFC 7323 3. */
    bool sack_permitted;   /* RFC 2018 2. */
    uint8_t sack_count;    /* Blocks. */
    struct tcp_sack_block sack[TCP_SACK_BLOCKS]; /* RFC 2018 3. Last: the rest is undefined. */
};

/* What our segments carry as options. */
struct tcp_options {
    uint16_t mss;         /* 0: no MSS option. */
    uint8_t window_scale; /* Valid with has_window_scale. */
    bool has_window_scale;
    bool has_timestamps;
    bool sack_permitted;
    uint8_t sack_count;
    const struct tcp_sack_block *sack; /* sack_count of them. */
    uint32_t tsval;                    /* Valid with has_timestamps. */
    uint32_t tsecr;                    /* Likewise. */
};

/* TCP_TAKEN and OUT filled, or the reason to drop, OUT undefined. Unknown options are skipped
 * (RFC 9293 MUST-6), those with an impossible length are refused (MUST-7). */
static inline enum tcp_verdict tcp_header_parse(const uint8_t *l4, uint16_t l4_bytes,
                                                struct tcp_header *out);
/* The part of it for options that are not timestamps alone; OUT is filled but for them. */
enum tcp_verdict tcp_header_parse_options(const uint8_t *l4, struct tcp_header *out);

/* Timestamps alone, laid out as most stacks do (RFC 7323 appendix A); returns their size. */
static inline uint8_t tcp_header_timestamps(uint32_t tsval, uint32_t tsecr,
                                            uint8_t out[TCP_OPTIONS_BYTES_MAX])
{
    const uint32_t kind = htonl(TCP_TIMESTAMPS_ALONE);

    tsval = htonl(tsval);
    tsecr = htonl(tsecr);
    memcpy(out, &kind, sizeof(kind));
    memcpy(out + 4, &tsval, sizeof(tsval));
    memcpy(out + 8, &tsecr, sizeof(tsecr));
    return TCP_TIMESTAMPS_ALONE_BYTES;
}

/* Write them, padded to a multiple of four, and return their size. */
uint8_t tcp_header_options(const struct tcp_options *options, uint8_t out[TCP_OPTIONS_BYTES_MAX]);

static inline uint16_t tcp_header_get_16(const uint8_t *p)
{
    uint16_t value;

    memcpy(&value, p, sizeof(value));
    return ntohs(value);
}

static inline uint32_t tcp_header_get_32(const uint8_t *p)
{
    uint32_t value;

    memcpy(&value, p, sizeof(value));
    return ntohl(value);
}

static inline enum tcp_verdict tcp_header_parse(const uint8_t *l4, uint16_t l4_bytes,
                                                struct tcp_header *out)
{
    if (l4_bytes < TCP_HEADER_BYTES)
        return TCP_DROP_SHORT;

    memset(out, 0, offsetof(struct tcp_header, sack));
    out->header_bytes = (uint8_t)((l4[12] >> 4) * 4);
    if (out->header_bytes < TCP_HEADER_BYTES || out->header_bytes > l4_bytes)
        return TCP_DROP_OFFSET;
    out->seq = tcp_header_get_32(l4 + 4);
    out->ack = tcp_header_get_32(l4 + 8);
    out->flags = l4[13];
    out->window = tcp_header_get_16(l4 + 14);
    if (out->header_bytes == TCP_HEADER_BYTES + TCP_TIMESTAMPS_ALONE_BYTES &&
        tcp_header_get_32(l4 + TCP_HEADER_BYTES) == TCP_TIMESTAMPS_ALONE) {
        out->has_timestamps = true;
        out->tsval = tcp_header_get_32(l4 + TCP_HEADER_BYTES + 4);
        out->tsecr = tcp_header_get_32(l4 + TCP_HEADER_BYTES + 8);
        return TCP_TAKEN;
    }
    return tcp_header_parse_options(l4, out);
}

#endif
