/* url.h - targets as typed on a command line: SCHEME://HOST[:PORT].
 *
 *     ctraffic://10.0.0.1:5003      the ctraffic echo; port 5003 unless said
 *     ctraffic://[2001:db8::1]      IPv6 in brackets, as in RFC 3986 3.2.2
 *     tcp://10.0.0.1:80             connect and close; the port must be said
 *     http://10.0.0.1/path?query    port 80; https: 443. What follows the host is kept as it is
 *     mconnect://10.0.0.1           connect and read the backend's name; port 5001
 *     udp://10.0.0.1:5003           datagrams that come back
 *     icmp://10.0.0.1               echo requests; no port
 *     raw://10.0.0.1:9              frames that nobody answers; the port must be said
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
    URL_PATH_BYTES = 1024,
    URL_TEXT_BYTES = 300
};

enum url_scheme {
    URL_CTRAFFIC,
    URL_TCP,
    URL_HTTP,
    URL_HTTPS,
    URL_MCONNECT,
    URL_UDP,
    URL_ICMP,
    URL_RAW,
};

struct url {
    enum url_scheme scheme;    /* What is spoken there. */
    char host[URL_HOST_BYTES]; /* Without brackets; NUL-terminated. */
    bool is_address;           /* host is an IP address, held in `address`. */
    struct address address;    /* Valid if is_address. */
    uint16_t port;             /* 1..65535. icmp: 1, of no account. */
    char path[URL_PATH_BYTES]; /* http, https: path and query, from the /; "" when there is none. */
};

/* 0, or -EINVAL with ERR that quotes the text and says what was expected. */
int url_parse(const char *text, struct url *out, struct error *err);
/* "HOST:PORT", "[V6]:PORT", or "HOST" when OTHERWISE_PORT is not 0. */
int url_parse_host_port(const char *text, uint16_t otherwise_port, struct url *out,
                        struct error *err);
/* Prints it again without the path, brackets where needed; returns OUT. */
const char *url_text(const struct url *url, char out[URL_TEXT_BYTES]);
const char *url_scheme_word(enum url_scheme scheme);
/* The protocol of an experiment's stream that it stands for: "connect" for tcp. */
const char *url_scheme_protocol(enum url_scheme scheme);
/* The host, and the port where it is not the scheme's own, as in a Host header; returns OUT. */
const char *url_authority(const struct url *url, char out[URL_TEXT_BYTES]);

#endif
