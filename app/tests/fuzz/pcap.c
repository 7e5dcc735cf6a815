/* fuzz: deps rundir */
/* Frames of any bytes and lengths, an interface of any name and any comment: a reader of the file
 * finds whole blocks, and in them what was written. Input: comment and name, each up to a NUL; then
 * frames of {length, what of it is kept, direction, stamp, bytes}. */
#include "rundir/pcap.h"

#include <stdlib.h>
#include <string.h>

enum {
    FRAMES_MAX = 64,
    FRAME_HEAD_BYTES = 8,
    BLOCK_BYTES = 12, /* Its type and both lengths. */
    PACKET_BYTES = 20 /* Before the frame: interface, stamp, lengths. */
};

struct input {
    const uint8_t *at;
    size_t size;
};

struct frame {
    const uint8_t *data;
    uint64_t utc_ns;
    uint32_t kept, bytes;
    bool sent;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static char *take_text(struct input *input)
{
    size_t length = strnlen((const char *)input->at, input->size);
    char *text = malloc(length + 1);
    memcpy(text, input->at, length);
    text[length] = '\0';
    length += length < input->size;
    input->at += length;
    input->size -= length;
    return text;
}

static bool take_frame(struct input *input, struct frame *frame)
{
    if (input->size < FRAME_HEAD_BYTES)
        return false;
    const uint8_t *head = input->at;
    input->at += FRAME_HEAD_BYTES;
    input->size -= FRAME_HEAD_BYTES;
    *frame = (struct frame){.data = input->at,
                            .utc_ns = (uint64_t)head[4] << 60 | (uint64_t)head[5] << 32 | head[6],
                            .kept = head[2],
                            .bytes = (uint32_t)(head[0] << 8 | head[1]),
                            .sent = (head[3] & 1) != 0};
    if (frame->kept > input->size)
        frame->kept = (uint32_t)input->size;
    input->at += frame->kept;
    input->size -= frame->kept;
    return true;
}

static uint32_t word(const struct text *file, size_t at)
{
    uint32_t value;
    require(at + sizeof(value) <= file->size);
    memcpy(&value, file->data + at, sizeof(value));
    return value;
}

/* The block of TYPE at AT; returns where its options begin, which stand behind BEFORE bytes. */
static size_t open_block(const struct text *file, size_t at, uint32_t type, uint32_t before,
                         size_t *next)
{
    uint32_t bytes = word(file, at + 4);
    require(word(file, at) == type && bytes % 4 == 0 && bytes >= BLOCK_BYTES + before);
    *next = at + bytes;
    require(word(file, *next - 4) == bytes);
    return at + 8 + before;
}

/* The value of the option CODE at AT is the first bytes of VALUE, of SIZE at most; returns the next
 * option. */
static size_t require_option(const struct text *file, size_t at, uint32_t code, const void *value,
                             size_t size)
{
    uint32_t bytes = word(file, at) >> 16;
    require((word(file, at) & 0xffff) == code && bytes <= size && at + 4 + bytes <= file->size);
    require(memcmp(file->data + at + 4, value, bytes) == 0);
    return at + 4 + (bytes + 3) / 4 * 4;
}

static size_t require_packet(const struct text *file, size_t at, const struct frame *frame)
{
    const uint32_t flags = frame->sent ? 2 : 1;
    size_t next, data = at + 8 + PACKET_BYTES, padded = (frame->kept + 3) / 4 * 4;
    size_t option = open_block(file, at, 6, PACKET_BYTES + (uint32_t)padded, &next);
    require(((uint64_t)word(file, at + 12) << 32 | word(file, at + 16)) == frame->utc_ns);
    require(word(file, at + 20) == frame->kept && word(file, at + 24) == frame->bytes);
    require(memcmp(file->data + data, frame->data, frame->kept) == 0);
    require(word(file, require_option(file, option, 2, &flags, sizeof(flags))) == 0);
    return next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct text file = {0};
    struct frame frames[FRAMES_MAX];
    char *comment = take_text(&input), *name = take_text(&input);
    unsigned count = 0;
    size_t at, end;

    pcap_begin(&file, comment);
    pcap_interface(&file, name, 176);
    for (; count < FRAMES_MAX && take_frame(&input, &frames[count]); count++)
        pcap_packet(&file, 0, frames[count].utc_ns, frames[count].sent, frames[count].data,
                    frames[count].kept, frames[count].bytes);
    at = open_block(&file, 0, 0x0a0d0d0a, 16, &end);
    require(word(&file, require_option(&file, at, 1, comment, strlen(comment))) == 0);
    at = open_block(&file, end, 1, 8, &end);
    require_option(&file, at, 2, name, strlen(name));
    for (unsigned i = 0; i < count; i++)
        end = require_packet(&file, end, &frames[i]);
    require(end == file.size);
    text_free(&file);
    free(comment);
    free(name);
    return 0;
}
