#include "record/dues.h"

#include <string.h>

enum {
    ENTRY_BYTES = 12 /* At most: a varint of FAR_US doubled twice, and one of 32 bits. */
};
/* Entries lie no further apart: a chunk of its own costs less than a branch for every byte. */
#define FAR_US (INT64_C(1) << 46)

static void put(struct record_dues *chunk, uint64_t value)
{
    while (value > 0x7f) {
        chunk->bytes[chunk->used++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    chunk->bytes[chunk->used++] = (uint8_t)value;
}

/* The bin becomes an entry. True: what was in the chunk before it is in FULL. */
static bool enter(struct dues *dues, struct record_dues *full)
{
    struct record_dues *chunk = &dues->chunk;
    int64_t delta_us = (int64_t)(dues->bin_us - dues->entered_us);
    bool taken = chunk->used > 0 && (chunk->used + ENTRY_BYTES > DUES_BYTES || delta_us > FAR_US ||
                                     delta_us < -FAR_US);
    if (taken) {
        *full = *chunk;
        memset(chunk->bytes, 0, sizeof(chunk->bytes));
        chunk->used = 0;
    }
    if (chunk->used == 0) {
        chunk->first_us = dues->bin_us;
        delta_us = 0;
    }
    uint64_t zigzag = (uint64_t)delta_us << 1 ^ (uint64_t)(delta_us >> 63);
    put(chunk, zigzag << 1 | (dues->bin_count > 1));
    if (dues->bin_count > 1)
        put(chunk, dues->bin_count);
    dues->entered_us = dues->bin_us;
    return taken;
}

bool dues_add(struct dues *dues, uint64_t due_ns, struct record_dues *chunk)
{
    uint64_t us = due_ns / 1000;
    if (us == dues->bin_us && dues->bin_count > 0 && dues->bin_count + 1 < DUES_BIN_MAX) {
        dues->bin_count++;
        return false;
    }
    bool taken = dues->bin_count > 0 && enter(dues, chunk);
    dues->bin_us = us;
    dues->bin_count = 1;
    return taken;
}

bool dues_finish(struct dues *dues, struct record_dues *chunk)
{
    /* With a bin too many for the chunk there are two to give: the bin stays for the next call. */
    if (dues->bin_count > 0) {
        bool taken = enter(dues, chunk);
        dues->bin_count = 0;
        if (taken)
            return true;
    }
    if (dues->chunk.used == 0)
        return false;
    *chunk = dues->chunk;
    memset(dues->chunk.bytes, 0, sizeof(dues->chunk.bytes));
    dues->chunk.used = 0;
    return true;
}

static bool get(const struct record_dues *chunk, uint32_t *at, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; *at < chunk->used && shift < 64; shift += 7) {
        uint8_t byte = chunk->bytes[(*at)++];
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

bool dues_next(const struct record_dues *chunk, struct dues_place *place, uint32_t *count)
{
    uint64_t value, many = 1;
    uint32_t at = place->at;
    if (chunk->used > DUES_BYTES || !get(chunk, &at, &value))
        return false;
    if ((value & 1) && !get(chunk, &at, &many))
        return false;
    if (many == 0 || many >= DUES_BIN_MAX)
        return false;
    uint64_t zigzag = value >> 1;
    uint64_t us = (place->at == 0 ? chunk->first_us : place->us) + (zigzag >> 1 ^ -(zigzag & 1));
    if (us >= DUES_US_MAX)
        return false;
    place->us = us;
    place->at = at;
    *count = (uint32_t)many;
    return true;
}
