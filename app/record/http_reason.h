/* http_reason.h - what is wrong with an HTTP message, or with the TLS that bears it:
 * record_request.reason of a bad answer, and the text that reports print of it.
 */
#ifndef RECORD_HTTP_REASON_H
#define RECORD_HTTP_REASON_H

/* id, name, sentence: what is wrong with a message. */
#define HTTP_REASONS(X)                                                                            \
    X(NONE, "none", "nothing is wrong")                                                            \
    X(UNASKED, "unasked", "bytes came when no request was open")                                   \
    X(NOT_HTTP, "not-http", "the answer does not begin with HTTP/")                                \
    X(VERSION, "version", "the version is not HTTP/1.0 or HTTP/1.1")                               \
    X(START_LINE, "start-line", "the status or request line is malformed")                         \
    X(LINE_END, "line-end", "a line does not end with CR LF")                                      \
    X(CONTROL, "control", "a line holds a control character")                                      \
    X(FIELD_NAME, "field-name", "a header's name is empty, too long, or not a token")              \
    X(FIELD_LONG, "field-long", "a header that matters is longer than 120 bytes")                  \
    X(FOLDED, "folded", "a header that matters goes on in the next line")                          \
    X(HEAD_LONG, "head-long", "the head or the trailers are longer than 64 KiB")                   \
    X(HEADERS_MANY, "headers-many", "more than 128 header or trailer lines")                       \
    X(HOST, "host", "an HTTP/1.1 request without Host, or with several")                           \
    X(LENGTH, "length", "Content-Length is not a number, or beyond all bounds")                    \
    X(LENGTHS_DIFFER, "lengths-differ", "several Content-Length values differ")                    \
    X(SMUGGLED, "smuggled", "Transfer-Encoding and Content-Length together")                       \
    X(CODING, "coding", "a transfer coding other than chunked, once")                              \
    X(CHUNK_SIZE, "chunk-size",                                                                    \
      "a chunk's size is not a hexadecimal number, or beyond all bounds")                          \
    X(CHUNK_LONG, "chunk-long", "a chunk's extensions are longer than 1 KiB")                      \
    X(CHUNK_END, "chunk-end", "a chunk's data is not followed by CR LF")                           \
    X(INTERIM, "interim", "more than 16 interim (1xx) answers")                                    \
    X(EARLY, "early", "the answer was whole before its request was sent")                          \
    X(SWITCHED, "switched", "101 Switching Protocols, which was not asked for")                    \
    X(BODY_LONG, "body-long", "the body is longer than the stream's limit")                        \
    X(BODY_LENGTH, "body-length", "the body has not the expected length")                          \
    X(BODY_HASH, "body-hash", "the body has not the expected hash")                                \
    X(BODY_MATCH, "body-match", "the body does not contain the expected text")                     \
    X(TLS_HANDSHAKE, "tls-handshake", "the TLS handshake failed")                                  \
    X(TLS_VERSION, "tls-version", "no TLS version that both sides take, or no TLS at all")         \
    X(TLS_DATE, "tls-date", "the peer's certificate has expired, or is not valid yet")             \
    X(TLS_AUTHORITY, "tls-authority", "the peer's certificate is of no authority that is trusted") \
    X(TLS_CERTIFICATE, "tls-certificate", "the peer's certificate is wrong, or missing")           \
    X(TLS_NAME, "tls-name", "the peer's certificate is for another name")                          \
    X(TLS_ALERT, "tls-alert", "the peer ended TLS by an alert")                                    \
    X(TLS_RECORD, "tls-record", "a broken TLS record")

enum http_reason {
#define X(id, name, text) HTTP_BAD_##id,
    HTTP_REASONS(X)
#undef X
    HTTP_REASON_COUNT
};

/* "smuggled", and the sentence. REASON is below HTTP_REASON_COUNT. */
const char *http_reason_name(enum http_reason reason);
const char *http_reason_text(enum http_reason reason);

#endif
