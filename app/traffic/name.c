#include "traffic/name.h"

#include <string.h>

void names_init(struct names *names, struct name entries[], uint32_t capacity,
                struct record *record)
{
    *names = (struct names){.entries = entries, .capacity = capacity, .count = 1, .record = record};
}

uint16_t name_id(struct names *names, const uint8_t *bytes, uint32_t count)
{
    if (count > NAME_BYTES)
        count = NAME_BYTES;
    if (count == 0)
        return 0;
    for (uint32_t i = 1; i < names->count; i++) {
        const struct name *name = &names->entries[i];
        if (name->count == count && memcmp(name->bytes, bytes, count) == 0)
            return (uint16_t)i;
    }
    if (names->count == names->capacity)
        return 0;
    struct name *name = &names->entries[names->count];
    memcpy(name->bytes, bytes, count);
    name->count = (uint8_t)count;
    name->host = record_host_id(names->record, (const char *)bytes, count);
    return (uint16_t)names->count++;
}
