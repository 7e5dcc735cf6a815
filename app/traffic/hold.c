#include "traffic/hold.h"

#include <assert.h>
#include <string.h>

static bool make_room(struct hold *hold, struct pool *pieces, uint32_t count);
static struct hold_piece *add_piece(struct hold *hold, struct pool *pieces);
static void drop_first(struct hold *hold, struct pool *pieces);
static uint32_t smaller(uint64_t a, uint32_t b);

void hold_init(struct hold *hold)
{
    *hold = (struct hold){0};
}

bool hold_add(struct hold *hold, struct pool *pieces, const uint8_t *bytes, uint32_t count)
{
    if (!make_room(hold, pieces, count))
        return false;
    while (count > 0) {
        uint32_t at = (uint32_t)((hold->end - hold->start) % HOLD_PIECE_BYTES);
        struct hold_piece *piece = at == 0 ? add_piece(hold, pieces) : pool_get(pieces, hold->last);
        uint32_t run = smaller(HOLD_PIECE_BYTES - at, count);
        memcpy(piece->bytes + at, bytes, run);
        hold->end += run;
        bytes += run;
        count -= run;
    }
    return true;
}

void hold_read(const struct hold *hold, const struct pool *pieces, uint64_t offset, uint8_t *bytes,
               uint32_t count)
{
    assert(offset >= hold->start);
    assert(offset + count <= hold->end);
    uint64_t start = hold->start;
    for (pool_handle at = hold->first; count > 0; start += HOLD_PIECE_BYTES) {
        const struct hold_piece *piece = pool_get(pieces, at);
        at = piece->next;
        if (offset >= start + HOLD_PIECE_BYTES)
            continue;
        uint32_t run = smaller(start + HOLD_PIECE_BYTES - offset, count);
        memcpy(bytes, piece->bytes + (offset - start), run);
        offset += run;
        bytes += run;
        count -= run;
    }
}

void hold_release(struct hold *hold, struct pool *pieces, uint64_t offset)
{
    while (hold->first != 0 && offset >= hold->start + HOLD_PIECE_BYTES)
        drop_first(hold, pieces);
    if (hold->first != 0 && offset == hold->end) {
        drop_first(hold, pieces);
        hold->start = hold->end;
    }
}

void hold_clear(struct hold *hold, struct pool *pieces)
{
    while (hold->first != 0)
        drop_first(hold, pieces);
    hold->start = hold->end;
}

/* Are there pieces for COUNT bytes more? */
static bool make_room(struct hold *hold, struct pool *pieces, uint32_t count)
{
    uint32_t used = (uint32_t)((hold->end - hold->start) % HOLD_PIECE_BYTES);
    uint32_t left = used > 0 ? HOLD_PIECE_BYTES - used : 0;
    if (count <= left)
        return true;
    uint32_t wanted = (count - left + HOLD_PIECE_BYTES - 1) / HOLD_PIECE_BYTES;
    return wanted <= pieces->capacity - pieces->taken;
}

static struct hold_piece *add_piece(struct hold *hold, struct pool *pieces)
{
    pool_handle handle = pool_take(pieces);
    struct hold_piece *piece = pool_get(pieces, handle);
    assert(piece != NULL);
    piece->next = 0;
    if (hold->first == 0)
        hold->first = handle;
    else
        ((struct hold_piece *)pool_get(pieces, hold->last))->next = handle;
    hold->last = handle;
    return piece;
}

static void drop_first(struct hold *hold, struct pool *pieces)
{
    pool_handle handle = hold->first;
    hold->first = ((struct hold_piece *)pool_get(pieces, handle))->next;
    hold->start += HOLD_PIECE_BYTES;
    pool_free(pieces, handle);
}

static uint32_t smaller(uint64_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}
