#include "tcp/tcp_header.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static inline uint8_t *put_16(uint8_t *p, uint16_t value)
{
    value = htons(value);
    memcpy(p, &value, sizeof(value));
    return p + sizeof(value);
}

static inline uint8_t *put_32(uint8_t *p, uint32_t value)
{
    value = htonl(value);
    memcpy(p, &value, sizeof(value));
    return p + sizeof(value);
}

/* As the machine reads it. */
static inline uint32_t get_word(const uint8_t *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

static inline uint32_t put_word(uint8_t *p, uint32_t word)
{
    memcpy(p, &word, sizeof(word));
    return word;
}

/* RFC 7323 2.3: what is more than the largest counts as that. */
static inline uint8_t known_scale(uint8_t scale)
{
    return scale > TCP_WINDOW_SCALE_MAX ? TCP_WINDOW_SCALE_MAX : scale;
}

/* One option of known kind and a length that fits the header. False: not its kind's length. */
static bool parse_option(const uint8_t *option, uint8_t size, struct tcp_header *out)
{
    switch (option[0]) {
    case TCP_OPTION_MSS:
        out->has_mss = true;
        out->mss = size == TCP_OPTION_MSS_BYTES ? tcp_header_get_16(option + 2) : 0;
        return size == TCP_OPTION_MSS_BYTES;
    case TCP_OPTION_WINDOW_SCALE:
        out->has_window_scale = true;
        out->window_scale = known_scale(option[2]);
        return size == TCP_OPTION_WINDOW_SCALE_BYTES;
    case TCP_OPTION_SACK_PERMITTED:
        out->sack_permitted = true;
        return size == TCP_OPTION_SACK_PERMITTED_BYTES;
    case TCP_OPTION_SACK:
        size = (uint8_t)(size - TCP_OPTION_SACK_BYTES);
        out->sack_count = size / TCP_OPTION_SACK_BLOCK_BYTES;
        for (uint8_t i = 0; i < out->sack_count; i++) {
            const uint8_t *block = option + TCP_OPTION_SACK_BYTES + 8 * i;
            out->sack[i] =
                (struct tcp_sack_block){tcp_header_get_32(block), tcp_header_get_32(block + 4)};
        }
        return size > 0 && size % TCP_OPTION_SACK_BLOCK_BYTES == 0;
    case TCP_OPTION_TIMESTAMPS:
        if (size != TCP_OPTION_TIMESTAMPS_BYTES)
            return false;
        out->has_timestamps = true;
        out->tsval = tcp_header_get_32(option + 2);
        out->tsecr = tcp_header_get_32(option + 6);
        return true;
    default: return true;
    }
}

/* Not for most segments. */
__attribute__((noinline)) static enum tcp_verdict
parse_options(const uint8_t *options, uint8_t size, struct tcp_header *out)
{
    const uint8_t *option = options, *end = options + size;

    while (option < end && option[0] != TCP_OPTION_END) {
        if (option[0] == TCP_OPTION_NOP) {
            option++;
            continue;
        }
        if (end - option < 2 || option[1] < 2 || option[1] > end - option)
            return TCP_DROP_OPTIONS;
        /* Window scale reads a third byte before its length is compared. */
        if (option[0] == TCP_OPTION_WINDOW_SCALE && option[1] < 3)
            return TCP_DROP_OPTIONS;
        if (!parse_option(option, option[1], out))
            return TCP_DROP_OPTIONS;
        option += option[1];
    }
    return TCP_TAKEN;
}

/* Those of a SYN that offers all, as most do. False: they are not that, and OUT is untouched. */
static inline bool parse_syn_options(const uint8_t *options, struct tcp_header *out)
{
    const uint32_t mss = tcp_header_get_32(options), scale = tcp_header_get_32(options + 16);

    if ((mss & ~UINT32_C(0xffff)) != TCP_SYN_MSS ||
        tcp_header_get_32(options + 4) != TCP_SYN_SACK_AND_TIMESTAMPS ||
        (scale & ~UINT32_C(0xff)) != TCP_SYN_WINDOW_SCALE)
        return false;
    out->has_mss = true;
    out->mss = (uint16_t)mss;
    out->sack_permitted = true;
    out->has_timestamps = true;
    out->tsval = tcp_header_get_32(options + 8);
    out->tsecr = tcp_header_get_32(options + 12);
    out->has_window_scale = true;
    out->window_scale = known_scale((uint8_t)scale);
    return true;
}

enum tcp_verdict tcp_header_parse_options(const uint8_t *l4, struct tcp_header *out)
{
    const uint8_t *options = l4 + TCP_HEADER_BYTES;
    const uint8_t size = (uint8_t)(out->header_bytes - TCP_HEADER_BYTES);

    if (size == TCP_SYN_OPTIONS_BYTES && parse_syn_options(options, out))
        return TCP_TAKEN;
    return parse_options(options, size, out);
}

uint8_t tcp_header_options(const struct tcp_options *options, uint8_t out[TCP_OPTIONS_BYTES_MAX])
{
    uint8_t *p = out;

    if (options->mss != 0)
        p = put_32(p, TCP_SYN_MSS | options->mss);
    if (options->sack_permitted && !options->has_timestamps) {
        *p++ = TCP_OPTION_NOP;
        *p++ = TCP_OPTION_NOP;
        *p++ = TCP_OPTION_SACK_PERMITTED;
        *p++ = TCP_OPTION_SACK_PERMITTED_BYTES;
    }
    if (options->has_timestamps) {
        p = put_32(p, options->sack_permitted ? TCP_SYN_SACK_AND_TIMESTAMPS : TCP_TIMESTAMPS_ALONE);
        p = put_32(put_32(p, options->tsval), options->tsecr);
    }
    if (options->has_window_scale)
        p = put_32(p, TCP_SYN_WINDOW_SCALE | options->window_scale);
    if (options->sack_count > 0) {
        *p++ = TCP_OPTION_NOP;
        *p++ = TCP_OPTION_NOP;
        *p++ = TCP_OPTION_SACK;
        *p++ = (uint8_t)(TCP_OPTION_SACK_BYTES + options->sack_count * TCP_OPTION_SACK_BLOCK_BYTES);
        for (uint8_t i = 0; i < options->sack_count; i++)
            p = put_32(put_32(p, options->sack[i].begin), options->sack[i].end);
    }
    return (uint8_t)(p - out);
}

/* By words as the machine reads them. */
uint16_t tcp_header_write_summed(const struct tcp_descriptor *descriptor, uint8_t *l4,
                                 uint64_t *sum)
{
    const uint32_t options_bytes = descriptor->options_bytes;
    const uint32_t header_bytes = TCP_HEADER_BYTES + options_bytes;
    uint64_t all = put_word(
        l4, htonl((uint32_t)descriptor->tuple.local_port << 16 | descriptor->tuple.remote_port));

    all += put_word(l4 + 4, htonl(descriptor->seq));
    all += put_word(l4 + 8, htonl(descriptor->ack));
    all += put_word(l4 + 12, htonl(header_bytes << 26 | (uint32_t)descriptor->flags << 16 |
                                   descriptor->window));
    /* Checksum; and urgent pointer: we send none (RFC 6093 advises against it). */
    put_word(l4 + 16, 0);
    for (uint32_t at = 0; at < options_bytes; at += 4)
        all += put_word(l4 + TCP_HEADER_BYTES + at, get_word(descriptor->options + at));
    *sum = all;
    return (uint16_t)header_bytes;
}
