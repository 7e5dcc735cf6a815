/* http_priv.h - inside the HTTP parser: http.c takes lines and bodies, http_head.c understands the
 * lines of a head. */
#ifndef TRAFFIC_HTTP_PRIV_H
#define TRAFFIC_HTTP_PRIV_H

#include "traffic/http.h"

enum http_state {
    HTTP_STATE_IDLE,        /* Nothing was asked. */
    HTTP_STATE_START,       /* Status or request line. */
    HTTP_STATE_FIELDS,      /* Header lines. */
    HTTP_STATE_BODY,        /* rest_bytes of it are to come. */
    HTTP_STATE_UNTIL_CLOSE, /* The body ends with the connection. */
    HTTP_STATE_CHUNK_SIZE,  /* The line before a chunk. */
    HTTP_STATE_CHUNK,       /* rest_bytes of its data are to come. */
    HTTP_STATE_CHUNK_END,   /* The CR LF after them. */
    HTTP_STATE_TRAILERS,    /* The lines after the last chunk. */
    HTTP_STATE_WHOLE,       /* Its last byte was taken. */
    HTTP_STATE_BAD          /* See the reason. */
};

/* A whole line, without its CR LF. */
struct http_line {
    const uint8_t *bytes;
    uint32_t count; /* Of the line. */
    uint32_t held;  /* Bytes that can be read: all, or HTTP_LINE_BYTES. */
};

/* The bytes of bodies matter, and not only their number. */
static inline bool http_expect_inspects(const struct http_expect *expect)
{
    return expect->hashed || expect->digested || expect->match_bytes > 0;
}

/* The message is bad. False, for the caller to return. */
bool http_fail(struct http *http, enum http_reason reason);
bool http_is_token(const uint8_t *bytes, uint32_t count);
/* A body's next line or part is expected, or it is whole. */
void http_enter_body(struct http *http, const struct http_expect *expect);

/* Lines of a head. False: bad. */
bool http_start_line(struct http *http, const struct http_line *line);
bool http_field_line(struct http *http, const struct http_expect *expect,
                     const struct http_line *line);
/* The empty line that ends a head: how the body is framed (RFC 9112 6.3). */
bool http_head_end(struct http *http, const struct http_expect *expect);

#endif
