/* http.h - HTTP/1.1 as it arrives: the incremental parser of answers (client side) and of requests
 * (server side), and what a client expects of an answer. Pure.
 *
 *     http_ask(&http, head);                      a request goes out; client
 *     http_await(&http);                          a request may come in; server
 *     verdict = http_receive(&http, &expect, bytes, count, &used);
 *
 * One struct http is one message under way; a quiet connection needs none. Bytes may be cut
 * anywhere, and the verdict does not depend on where. Nothing is stored but what a cut line needs:
 * bodies pass by, counted, and hashed and searched only if the expectation asks for it. What
 * SHA-256 needs is lent: http->digest, set after http_ask().
 *
 * Answers of a stream have mostly the same head, byte for byte, and so have requests. Whoever lends
 * a struct http_known to http_receive_known() saves reading it again: a head that came whole is
 * kept with what was concluded of it, and where a message begins with these bytes the conclusion is
 * taken over. Nothing else makes the two alike, and no other verdict comes of it.
 *
 * After HTTP_WHOLE the next message begins at bytes + used: with pipelining, http_ask() for the
 * next request and go on there. After HTTP_BAD the connection is of no use. Bytes when nothing was
 * asked are bad (UNASKED): an answer before its request, or after the last one.
 *
 * What it holds to, from RFC 9112 (9110 where said): lines end with CR LF (2.2 lets a recipient be
 * milder; we are not, since what we cannot frame surely we must not call good); field names are
 * tokens with no space before the colon (5.1); folded lines are accepted of servers where they mean
 * nothing to us, and refused of clients (5.2); body length by the rules of 6.3 in their order;
 * Transfer-Encoding and Content-Length together are smuggling; Content-Lengths that repeat must
 * agree; the only coding is chunked (7.1), with extensions and trailers passed over; 1xx answers
 * are passed over (9110 15.2), a few of them. A request needs exactly one Host in HTTP/1.1 (3.2).
 *
 * Threads: none of its own. Memory: the structs. Limits: the enum below; beyond is HTTP_BAD.
 */
#ifndef TRAFFIC_HTTP_H
#define TRAFFIC_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "record/http_reason.h"
#include "traffic/digest.h"

enum {
    HTTP_HEAD_BYTES = 65536, /* Of a head: start line and header lines; of trailers likewise. */
    HTTP_HEADERS = 128,      /* Header lines of a head; trailers likewise. */
    HTTP_LINE_BYTES = 120,   /* Of a line that says something to us: status line (the reason phrase
                                may be longer), lengths, codings, chunk sizes. */
    HTTP_CHUNK_LINE_BYTES = 1024, /* Of a chunk's size and extensions. */
    HTTP_INTERIMS = 16,           /* 1xx answers to one request. */
    HTTP_NAME_BYTES = 64,         /* Of a backend's name, without NUL; the rest is cut. */
    HTTP_FIELD_BYTES = 48,        /* Of the field's name that holds it. */
    HTTP_MATCH_BYTES = 256,       /* Of the text that a body shall contain. */
    HTTP_KNOWN_BYTES = 1460       /* Of a head that is kept: it came in one packet. */
};

#define HTTP_BODY_MAX_BYTES (UINT64_C(1) << 40) /* Of any body. */
#define HTTP_ANY_LENGTH UINT64_MAX

enum http_verdict {
    HTTP_MORE,        /* All right so far, and not whole. */
    HTTP_WHOLE,       /* Whole; the connection may carry another. */
    HTTP_WHOLE_CLOSE, /* Whole; the peer will close the connection, or asks us to. */
    HTTP_BAD          /* http->reason says why; this and all that follows is of no use. */
};

/* What a stream expects of each answer. Made once, then only read. */
struct http_expect {
    uint64_t statuses[8];      /* Bit (status - 100) set: expected. */
    uint64_t body_limit_bytes; /* Longer bodies are bad. */
    uint64_t body_bytes;       /* Exact length, or HTTP_ANY_LENGTH. */
    uint32_t body_hash;        /* hash_crc32c() of the body, if `hashed`. */
    bool hashed;
    bool digested;                           /* The same of sha256. */
    uint8_t sha256[DIGEST_BYTES];            /* Of the body, if `digested`. */
    uint8_t name_field_bytes;                /* 0: no field holds the backend's name. */
    uint16_t match_bytes;                    /* 0: no text is searched for. */
    char name_field[HTTP_FIELD_BYTES];       /* In lower case, without NUL. */
    uint8_t match[HTTP_MATCH_BYTES];         /* Text that the body shall contain. */
    uint16_t match_border[HTTP_MATCH_BYTES]; /* Of each of its beginnings: the longest proper
                                                beginning that is also its end. */
};

enum http_method {
    HTTP_METHOD_OTHER,
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_CONNECT
};

/* A message under way. */
struct http {
    uint64_t rest_bytes;   /* Of the body, or of the chunk. Head: Content-Length so far. */
    uint64_t body_bytes;   /* Of the body, so far. */
    uint32_t body_hash;    /* So far. */
    struct digest *digest; /* Lent for the answer, if that is to be `digested`. */
    uint32_t head_bytes;   /* Of this head, or of the trailers, so far. */
    uint16_t headers;      /* Their lines so far. */
    uint16_t status;     /* Of the final answer; of an interim one while it is read; 0: unknown. */
    uint16_t matched;    /* Bytes of the text that the body's end agrees with. */
    uint32_t line_total; /* Bytes of the line that was cut, so far. */
    uint8_t state;       /* enum http_state. */
    uint8_t reason;      /* enum http_reason. */
    uint8_t method;      /* Server side: enum http_method. */
    uint8_t interims;    /* 1xx answers so far. */
    bool server : 1;     /* A request is being read, not an answer. */
    bool bodiless : 1;   /* The request was a HEAD: its answer has no body. */
    bool old : 1;        /* HTTP/1.0. */
    bool close : 1;      /* Connection: close. */
    bool keep_alive : 1; /* Connection: keep-alive. */
    bool has_length : 1; /* Content-Length was seen. */
    bool chunked : 1;    /* Transfer-Encoding: chunked was seen. */
    bool has_host : 1;   /* Host was seen. */
    bool continued : 1;  /* Client: 100 Continue came. */
    bool expects : 1;    /* Server: the client waits for 100 Continue. */
    bool line_cr : 1;    /* The cut line's last byte is a CR. */
    bool matters : 1;    /* The last header line said something to us. */
    bool found : 1;      /* The body held the text. */
    bool expected : 1;   /* Client: the status of the whole answer is among the expected. */
    uint8_t part;        /* Server: of the request line, enum request_part. */
    uint8_t name_bytes;  /* Of the backend's name; 0: not told. */
    uint8_t name[HTTP_NAME_BYTES];
    uint8_t line[HTTP_LINE_BYTES]; /* The beginning of the line that was cut. */
};

/* The last head that came whole in one piece, of those that are held to one expectation. */
struct http_known {
    uint32_t head_bytes; /* Of it; 0: there is none. */
    uint8_t head[HTTP_KNOWN_BYTES];
    struct http then; /* What the parser was after it: `line` is left out. */
};

/* --- What is expected: slow path. --- */

/* Any 2xx or 3xx, any body up to HTTP_BODY_MAX_BYTES, no backend's name. */
void http_expect_init(struct http_expect *expect);
/* No status is expected: http_expect_statuses() adds some. */
void http_expect_no_status(struct http_expect *expect);
/* FIRST..LAST are expected, too. False: not 100 <= FIRST <= LAST <= 599. */
bool http_expect_statuses(struct http_expect *expect, uint32_t first, uint32_t last);
/* The answer field that holds the backend's name. False: not a token, or too long. */
bool http_expect_name(struct http_expect *expect, const char *field);
/* COUNT bytes that the body shall contain, 1 to HTTP_MATCH_BYTES. False: out of this range. */
bool http_expect_match(struct http_expect *expect, const uint8_t *bytes, uint32_t count);

/* --- Worker. --- */

/* A request was sent, or is about to be, whose method is HEAD or not: its answer is awaited. */
void http_ask(struct http *http, bool head);
/* A request may come. */
void http_await(struct http *http);
/* BYTES came next; EXPECT for answers only (NULL for requests). *USED of them belong to this
 * message; all of them unless it is whole or bad. */
enum http_verdict http_receive(struct http *http, const struct http_expect *expect,
                               const uint8_t *bytes, uint32_t count, uint32_t *used);
/* The same, with the memory of heads before, zeroed at first and always used with EXPECT; NULL:
 * without. */
enum http_verdict http_receive_known(struct http *http, const struct http_expect *expect,
                                     struct http_known *known, const uint8_t *bytes, uint32_t count,
                                     uint32_t *used);
/* The peer has closed its direction: HTTP_WHOLE_CLOSE for an answer that ends so, HTTP_BAD for one
 * whose body is not the expected one, HTTP_MORE for a message that is cut short (or not begun). */
enum http_verdict http_finish(struct http *http, const struct http_expect *expect);

/* Has any byte of the message come? */
bool http_begun(const struct http *http);
/* Client: is STATUS among the expected? */
static inline bool http_status_expected(const struct http_expect *expect, uint16_t status)
{
    if (status < 100 || status > 599)
        return false;
    unsigned bit = status - 100u;
    return (expect->statuses[bit / 64] >> (bit % 64) & 1) != 0;
}
/* The message is whole, or in its body: neither in its head nor in trailers. */
bool http_in_body(const struct http *http);
/* Server: the head is whole, and the client waits for 100 Continue before it sends the body. True
 * once. */
bool http_continue_wanted(struct http *http);

#endif
