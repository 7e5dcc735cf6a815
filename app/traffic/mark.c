#include "traffic/mark.h"

#include "net/wire.h"

static void put64(uint8_t *at, uint64_t value)
{
    wire_put32(at, (uint32_t)(value >> 32));
    wire_put32(at + 4, (uint32_t)value);
}

static uint64_t get64(const uint8_t *at)
{
    return (uint64_t)wire_get32(at) << 32 | wire_get32(at + 4);
}

void mark_write(const struct mark *mark, uint8_t *out)
{
    wire_put32(out, mark->kind);
    wire_put16(out + 4, mark->run);
    out[6] = mark->worker;
    out[7] = mark->stream;
    put64(out + MARK_SEQUENCE_AT, mark->sequence);
    if (mark->kind == MARK_RAW)
        return;
    wire_put32(out + 16, mark->flow);
    wire_put32(out + 20, 0);
    put64(out + MARK_STAMP_AT, mark->sent_ns);
}

bool mark_read(const uint8_t *at, uint32_t kind, struct mark *mark)
{
    if (wire_get32(at) != kind)
        return false;
    *mark = (struct mark){.kind = kind,
                          .run = wire_get16(at + 4),
                          .worker = at[6],
                          .stream = at[7],
                          .sequence = get64(at + MARK_SEQUENCE_AT)};
    if (kind == MARK_ECHO) {
        mark->flow = wire_get32(at + 16);
        mark->sent_ns = get64(at + MARK_STAMP_AT);
    }
    return true;
}
