/* name.h - the names of backends, as their answers gave them: each is kept once, and connections
 * hold its number.
 *
 * Threads: the owning worker. Memory: the caller's, `capacity` entries. Full: name_id() is 0, the
 * empty name; such a connection's backend is unknown.
 */
#ifndef TRAFFIC_NAME_H
#define TRAFFIC_NAME_H

#include <stdint.h>

#include "record/record.h"

enum {
    NAME_BYTES = 64
};

struct name {
    uint8_t bytes[NAME_BYTES]; /* As they came, `count` of them. */
    uint8_t count;
    uint16_t host; /* Of record_host_id(). */
};

struct names {
    struct name *entries;  /* capacity of them; 0 is the empty name. */
    uint32_t capacity;     /* 1 at least. */
    uint32_t count;        /* In use. */
    struct record *record; /* That knows them as hosts. Borrowed. */
};

/* ENTRIES are zero. */
void names_init(struct names *names, struct name entries[], uint32_t capacity,
                struct record *record);
/* Number of the name of COUNT bytes (those over NAME_BYTES are cut), new or known. A linear search:
 * call it once a connection. */
uint16_t name_id(struct names *names, const uint8_t *bytes, uint32_t count);

static inline const struct name *name_at(const struct names *names, uint16_t id)
{
    return &names->entries[id];
}

#endif
