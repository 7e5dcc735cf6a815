#include "rundir/pcap.h"

#include <string.h>

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    LINK_ETHERNET = 1,
    OPTION_COMMENT = 1,
    OPTION_IF_NAME = 2,
    OPTION_IF_TSRESOL = 9,
    OPTION_EPB_FLAGS = 2,
    FLAG_INBOUND = 1,
    FLAG_OUTBOUND = 2
};

static void put32(struct text *file, uint32_t value)
{
    text_add_bytes(file, &value, sizeof(value));
}

static void put16(struct text *file, uint16_t value)
{
    text_add_bytes(file, &value, sizeof(value));
}

/* BYTES of DATA, filled up to a multiple of four. */
static void put_padded(struct text *file, const void *data, uint32_t bytes)
{
    static const char zeros[4];
    text_add_bytes(file, data, bytes);
    text_add_bytes(file, zeros, -bytes & 3);
}

static void put_option(struct text *file, uint16_t code, const void *data, uint16_t bytes)
{
    put16(file, code);
    put16(file, bytes);
    put_padded(file, data, bytes);
}

/* Returns where the block begins; its length is written when it is known. */
static size_t begin_block(struct text *file, uint32_t type)
{
    size_t start = file->size;
    put32(file, type);
    put32(file, 0);
    return start;
}

static void end_block(struct text *file, size_t start)
{
    uint32_t bytes = (uint32_t)(file->size - start) + 4;
    put32(file, bytes);
    if (!file->failed)
        memcpy(file->data + start + 4, &bytes, sizeof(bytes));
}

static uint16_t length_of(const char *text)
{
    size_t length = strlen(text);
    return length < 1024 ? (uint16_t)length : 1024;
}

void pcap_begin(struct text *file, const char *comment)
{
    size_t start = begin_block(file, BLOCK_SECTION);
    put32(file, BYTE_ORDER_MAGIC);
    put16(file, 1); /* Version 1.0. */
    put16(file, 0);
    put32(file, UINT32_MAX); /* The section's length is not said. */
    put32(file, UINT32_MAX);
    put_option(file, OPTION_COMMENT, comment, length_of(comment));
    put32(file, 0);
    end_block(file, start);
}

void pcap_interface(struct text *file, const char *name, uint32_t snap_bytes)
{
    static const uint8_t resolution = 9; /* 10^-9 s. */
    size_t start = begin_block(file, BLOCK_INTERFACE);
    put16(file, LINK_ETHERNET);
    put16(file, 0);
    put32(file, snap_bytes);
    put_option(file, OPTION_IF_NAME, name, length_of(name));
    put_option(file, OPTION_IF_TSRESOL, &resolution, 1);
    put32(file, 0);
    end_block(file, start);
}

void pcap_packet(struct text *file, uint32_t interface, uint64_t utc_ns, bool sent,
                 const uint8_t *data, uint32_t kept, uint32_t bytes)
{
    const uint32_t flags = sent ? FLAG_OUTBOUND : FLAG_INBOUND;
    size_t start = begin_block(file, BLOCK_PACKET);
    put32(file, interface);
    put32(file, (uint32_t)(utc_ns >> 32));
    put32(file, (uint32_t)utc_ns);
    put32(file, kept);
    put32(file, bytes);
    put_padded(file, data, kept);
    put_option(file, OPTION_EPB_FLAGS, &flags, sizeof(flags));
    put32(file, 0);
    end_block(file, start);
}
