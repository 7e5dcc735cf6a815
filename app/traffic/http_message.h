/* http_message.h - HTTP/1.1 as it is sent: requests and answers made once at set-up, of which any
 * part can be written again at any time.
 *
 * A message is a head, and a body as it stands on the wire: of known length, or in chunks of equal
 * size (RFC 9112 7.1). The body's bytes are the user's, or made from their position, so that 1 GB
 * needs no memory. Where the user wants a sequence header, it holds 20 decimal digits: all messages
 * of a template have one length, and message k of a connection is bytes k * total_bytes up to
 * (k + 1) * total_bytes of its stream.
 *
 * Threads: made and freed on the slow path; then read by any worker. Memory: malloc, of the head;
 * a user's body is borrowed.
 */
#ifndef TRAFFIC_HTTP_MESSAGE_H
#define TRAFFIC_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
    HTTP_SEQUENCE_DIGITS = 20,            /* Of the sequence header, with leading zeros. */
    HTTP_MESSAGE_HEAD_BYTES = 32768,      /* A head is at most so long. */
    HTTP_MESSAGE_CHUNK_BYTES = 0x0fffffff /* A chunk is at most so long. */
};

struct http_body {
    const uint8_t *bytes; /* NULL: made from position. Borrowed. */
    uint64_t size_bytes;  /* Of the body itself. */
    uint32_t chunk_bytes; /* Of a chunk, the last one may be shorter; 0: sent as it is. */
};

struct http_field {
    const char *name;
    const char *value;
};

struct http_request_config {
    const char *method;              /* A token; not CONNECT. NULL: GET. */
    const char *target;              /* As in the request line: "/", "/a?b=c", "*". */
    const char *host;                /* Value of Host. */
    const struct http_field *fields; /* field_count of them, in this order. */
    uint32_t field_count;
    const char *sequence_field; /* Name of the header that numbers requests; NULL: none. */
    struct http_body body;
    bool close;           /* Connection: close. */
    bool expect_continue; /* Expect: 100-continue. */
};

struct http_answer_config {
    uint16_t status;                 /* 200 to 599. */
    const struct http_field *fields; /* field_count of them, in this order. */
    uint32_t field_count;
    struct http_body body; /* 204 and 304 have none. */
    bool close;            /* Connection: close. */
};

struct http_message {
    uint8_t *head;         /* With the empty line at its end. */
    uint32_t head_bytes;   /* Of the head. */
    uint32_t sequence_at;  /* Where its digits stand in the head; 0: it has none. */
    bool is_head;          /* A request with method HEAD: its answer has no body. */
    bool is_continue;      /* The body waits for 100 Continue. */
    struct http_body body; /* What follows the head. */
    uint64_t total_bytes;  /* Of the whole message. */
};

/* Bytes of BODY on the wire: with its chunks' framing. */
uint64_t http_body_wire_bytes(const struct http_body *body);
/* Write COUNT bytes from OFFSET on of what is made from position: any byte at another place makes
 * another hash_crc32c(). */
void http_body_make(uint64_t offset, uint8_t *bytes, uint32_t count);
/* hash_crc32c() of BODY, without its chunks' framing. Slow path: reads all of it. */
uint32_t http_body_hash(const struct http_body *body);

/* Make a request or an answer. 0, or -EINVAL or -ENOMEM with ERR, MESSAGE untouched. Headers that
 * frame the message (Content-Length, Transfer-Encoding, Connection, Host, Expect) are made here and
 * refused among FIELDS; an answer may have a Host. */
int http_message_request(struct http_message *message, const struct http_request_config *config,
                         struct error *err);
int http_message_answer(struct http_message *message, const struct http_answer_config *config,
                        struct error *err);
/* Free the head; harmless on a zeroed one. */
void http_message_free(struct http_message *message);

/* Write COUNT bytes from OFFSET on of MESSAGE, whose number is SEQUENCE. They must lie within
 * total_bytes. */
void http_message_fill(const struct http_message *message, uint64_t sequence, uint64_t offset,
                       uint8_t *bytes, uint32_t count);
/* Write COUNT bytes from OFFSET on of a stream of MESSAGE again and again, numbered from
 * SEQUENCE on. */
void http_message_fill_stream(const struct http_message *message, uint64_t sequence,
                              uint64_t offset, uint8_t *bytes, uint32_t count);

#endif
