/* extension.h - IPv6 extension headers: find the upper layer behind them.
 *
 * Threads: pure. Source: RFC 8200 4. Bounded: at most EXTENSION_HEADERS_MAX headers.
 */
#ifndef NET_EXTENSION_H
#define NET_EXTENSION_H

#include <stdint.h>

enum {
    EXTENSION_HEADERS_MAX = 6
};

enum extension_verdict {
    EXTENSION_DONE,     /* The upper layer's header begins at *OFFSET; *PROTOCOL is its number. */
    EXTENSION_FRAGMENT, /* A fragment header. */
    EXTENSION_BAD       /* Cut short, out of place, too many, or a routing header to follow. */
};

/* Walk BYTES of an IPv6 packet's payload, whose first header is *PROTOCOL. */
enum extension_verdict extension_skip(const uint8_t *payload, uint32_t bytes, uint8_t *protocol,
                                      uint32_t *offset);

#endif
