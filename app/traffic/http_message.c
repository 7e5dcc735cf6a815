#include "traffic/http_message.h"

#include <assert.h>
#include <string.h>

enum {
    DIGITS_MAX = 8, /* Of a chunk's size, in hexadecimal. */
    SIZE_LINE_MAX = DIGITS_MAX + 2,
    LAST_CHUNK_BYTES = 5 /* "0\r\n\r\n". */
};

/* A part of a message: bytes that stand somewhere, or that are made from position. */
struct part {
    const uint8_t *bytes; /* NULL: made. */
    uint64_t from;        /* Where in the body, if made. */
    uint64_t count;
};

static uint32_t fill_head(const struct http_message *message, uint64_t sequence, uint64_t offset,
                          uint8_t *bytes, uint32_t count);
static void fill_sequence(uint32_t digits, uint64_t sequence, uint32_t offset, uint8_t *bytes,
                          uint32_t count);
static struct part body_part(const struct http_message *message, uint64_t offset,
                             uint8_t scratch[SIZE_LINE_MAX]);
static struct part chunked_part(const struct http_body *body, uint64_t offset, uint8_t scratch[]);
static struct part data_part(const struct http_body *body, uint64_t from, uint64_t count);
static uint32_t size_line(uint64_t size, uint8_t line[SIZE_LINE_MAX]);
static uint64_t frame_bytes(uint64_t size);

uint64_t http_body_wire_bytes(const struct http_body *body)
{
    if (body->chunk_bytes == 0)
        return body->size_bytes;
    uint64_t rest = body->size_bytes % body->chunk_bytes;
    return body->size_bytes / body->chunk_bytes * frame_bytes(body->chunk_bytes) +
           (rest > 0 ? frame_bytes(rest) : 0) + LAST_CHUNK_BYTES;
}

/* Word w is (w + 1) times an odd number with no pattern in its bits. */
void http_body_make(uint64_t offset, uint8_t *bytes, uint32_t count)
{
    for (uint32_t done = 0; done < count;) {
        uint64_t word = ((offset + done) / 8 + 1) * UINT64_C(0x9e3779b97f4a7c15);
        uint32_t skip = (uint32_t)((offset + done) % 8);
        uint32_t run = count - done < 8 - skip ? count - done : 8 - skip;
        if (run == 8) {
            memcpy(bytes + done, &word, 8);
        } else {
            uint8_t whole[8];
            memcpy(whole, &word, 8);
            memcpy(bytes + done, whole + skip, run);
        }
        done += run;
    }
}

void http_message_fill(const struct http_message *message, uint64_t sequence, uint64_t offset,
                       uint8_t *bytes, uint32_t count)
{
    assert(offset + count <= message->total_bytes);
    uint32_t done = fill_head(message, sequence, offset, bytes, count);
    while (done < count) {
        uint8_t scratch[SIZE_LINE_MAX];
        struct part part = body_part(message, offset + done - message->head_bytes, scratch);
        uint32_t run = part.count < count - done ? (uint32_t)part.count : count - done;
        if (part.bytes != NULL)
            memcpy(bytes + done, part.bytes, run);
        else
            http_body_make(part.from, bytes + done, run);
        done += run;
    }
}

void http_message_fill_stream(const struct http_message *message, uint64_t sequence,
                              uint64_t offset, uint8_t *bytes, uint32_t count)
{
    uint64_t number = offset / message->total_bytes;
    uint64_t at = offset % message->total_bytes;
    for (uint32_t done = 0; done < count; number++, at = 0) {
        uint64_t left = message->total_bytes - at;
        uint32_t run = left < count - done ? (uint32_t)left : count - done;
        http_message_fill(message, sequence + number, at, bytes + done, run);
        done += run;
    }
}

/* Write what of the head is within; returns its bytes. */
static uint32_t fill_head(const struct http_message *message, uint64_t sequence, uint64_t offset,
                          uint8_t *bytes, uint32_t count)
{
    if (offset >= message->head_bytes)
        return 0;
    uint32_t at = (uint32_t)offset;
    uint32_t run = message->head_bytes - at < count ? message->head_bytes - at : count;
    memcpy(bytes, message->head + at, run);
    if (message->sequence_at > 0)
        fill_sequence(message->sequence_at, sequence, at, bytes, run);
    return run;
}

/* Write what is within of the digits, which stand at DIGITS. */
static void fill_sequence(uint32_t digits, uint64_t sequence, uint32_t offset, uint8_t *bytes,
                          uint32_t count)
{
    for (uint32_t at = digits + HTTP_SEQUENCE_DIGITS; at-- > digits; sequence /= 10)
        if (at >= offset && at - offset < count)
            bytes[at - offset] = (uint8_t)('0' + sequence % 10);
}

/* What stands at OFFSET of the body, and how far it goes on there: one byte at least. */
static struct part body_part(const struct http_message *message, uint64_t offset,
                             uint8_t scratch[SIZE_LINE_MAX])
{
    const struct http_body *body = &message->body;
    if (body->chunk_bytes > 0)
        return chunked_part(body, offset, scratch);
    return data_part(body, offset, body->size_bytes - offset);
}

/* OFFSET within a chunked body: chunks of {size line, data, CR LF}, and the last chunk. */
static struct part chunked_part(const struct http_body *body, uint64_t offset, uint8_t scratch[])
{
    static const uint8_t last[] = {'0', '\r', '\n', '\r', '\n'};
    uint64_t full_bytes = frame_bytes(body->chunk_bytes);
    uint64_t full = body->size_bytes / body->chunk_bytes;
    uint64_t chunk = offset / full_bytes < full ? offset / full_bytes : full;
    uint64_t size = chunk < full ? body->chunk_bytes : body->size_bytes % body->chunk_bytes;
    uint64_t at = offset - chunk * full_bytes;
    uint64_t frame = size > 0 ? frame_bytes(size) : 0;
    if (at >= frame)
        return (struct part){.bytes = last + (at - frame),
                             .count = LAST_CHUNK_BYTES - (at - frame)};
    uint32_t line = size_line(size, scratch);
    if (at < line)
        return (struct part){.bytes = scratch + at, .count = line - at};
    at -= line;
    if (at < size)
        return data_part(body, chunk * body->chunk_bytes + at, size - at);
    return (struct part){.bytes = last + 3 + (at - size), .count = 2 - (at - size)};
}

static struct part data_part(const struct http_body *body, uint64_t from, uint64_t count)
{
    return (struct part){
        .bytes = body->bytes != NULL ? body->bytes + from : NULL, .from = from, .count = count};
}

static uint32_t size_line(uint64_t size, uint8_t line[SIZE_LINE_MAX])
{
    uint32_t digits = 1;
    while (size >> (4 * digits) > 0)
        digits++;
    for (uint32_t i = digits; i > 0; i--, size >>= 4)
        line[i - 1] = (uint8_t) "0123456789abcdef"[size & 15];
    line[digits] = '\r';
    line[digits + 1] = '\n';
    return digits + 2;
}

/* Of a chunk with SIZE bytes of data. */
static uint64_t frame_bytes(uint64_t size)
{
    uint8_t line[SIZE_LINE_MAX];
    return size_line(size, line) + size + 2;
}
