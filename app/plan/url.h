/* url.h - targets as typed on a command line: SCHEME://HOST[:PORT].
 *
 *     ctraffic://10.0.0.1:5003      the ctraffic echo; port 5003 unless said
 *     ctraffic://[2001:db8::1]      IPv6 in brackets, as in RFC 3986 3.2.2
 *     tcp://10.0.0.1:80             connect and close; the port must be said
 *
 * Also "HOST:PORT" and "HOST" alone for other places. Nothing is resolved here: a host name stays
 * one, and `is_address` says so. Threads: pure values. Memory: fixed.
 */
#ifndef PLAN_URL_H
#define PLAN_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

enum {
    URL_HOST_BYTES = 254,
    URL_TEXT_BYTES = 300
};

enum url_scheme {
    URL_CTRAFFIC,
    URL_TCP,
};

struct url {
    enum url_scheme scheme;    /* What is spoken there. */
    char host[URL_HOST_BYTES]; /* Without brackets; NUL-terminated. */
    bool is_address;           /* host is an IP address, held in `address`. */
    struct address address;    /* Valid if is_address. */
    uint16_t port;             /* 1..65535. */
};

/* 0, or -EINVAL with ERR that quotes the text and says what was expected. */
int url_parse(const char *text, struct url *out, struct error *err);
/* "HOST:PORT", "[V6]:PORT", or "HOST" when OTHERWISE_PORT is not 0. */
int url_parse_host_port(const char *text, uint16_t otherwise_port, struct url *out,
                        struct error *err);
/* Prints it again, brackets where needed; returns OUT. */
const char *url_text(const struct url *url, char out[URL_TEXT_BYTES]);
const char *url_scheme_word(enum url_scheme scheme);

#endif
