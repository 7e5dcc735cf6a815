#include "net/extension.h"

#include "net/wire.h"

enum extension_verdict extension_skip(const uint8_t *payload, uint32_t bytes, uint8_t *protocol,
                                      uint32_t *offset)
{
    uint8_t next = *protocol;
    uint32_t at = 0;
    for (unsigned headers = 0; headers <= EXTENSION_HEADERS_MAX; headers++) {
        if (next == WIRE_FRAGMENT)
            return EXTENSION_FRAGMENT;
        if (next != WIRE_HOP_BY_HOP && next != WIRE_ROUTING && next != WIRE_DESTINATION) {
            *protocol = next;
            *offset = at;
            return EXTENSION_DONE;
        }
        if (next == WIRE_HOP_BY_HOP && headers != 0)
            return EXTENSION_BAD; /* RFC 8200 4.1: first or nowhere. */
        if (bytes - at < 8)
            return EXTENSION_BAD;
        const uint32_t length = ((uint32_t)payload[at + 1] + 1) * 8;
        if (length > bytes - at)
            return EXTENSION_BAD;
        if (next == WIRE_ROUTING && payload[at + 3] != 0)
            return EXTENSION_BAD; /* Segments left: we are no router. */
        next = payload[at];
        at += length;
    }
    return EXTENSION_BAD;
}
