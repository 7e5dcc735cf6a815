/* The HTTP/1.1 parser against messages from RFC 9112 and 9110, and against hostile ones. Each
 * message is given in one piece, cut in two at every byte, and byte by byte, with the memory of heads
 * before and without: the verdict, and what is known after it, are always the same. */
#include "traffic/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

enum {
    BYTES_MAX = 1 << 18
};

enum {
    MORE = HTTP_MORE,
    WHOLE = HTTP_WHOLE,
    CLOSE = HTTP_WHOLE_CLOSE,
    BAD = HTTP_BAD
};

/* A message and what is to be found of it. */
struct row {
    const char *text;
    int verdict;
    enum http_reason reason; /* BAD only. */
    uint16_t status;
    uint64_t body_bytes;
    uint32_t left; /* Bytes at the end of the text that belong to the next message. */
    bool head;     /* The request was a HEAD. */
};

static struct http_expect any;
static struct http_known known_answers, known_requests;

/* KNOWN may be NULL. */
static enum http_verdict feed(struct http *http, const struct http_expect *expect,
                              struct http_known *known, const uint8_t *bytes, uint32_t count,
                              uint32_t first, uint32_t step, uint32_t *used)
{
    enum http_verdict verdict = HTTP_MORE;
    uint32_t piece = first;
    for (uint32_t at = 0; at < count && verdict == HTTP_MORE; at += piece, piece = step) {
        uint32_t taken, run = piece < count - at ? piece : count - at;
        uint8_t *exact = malloc(run > 0 ? run : 1); /* So that reading on is seen. */
        memcpy(exact, bytes + at, run);
        verdict = http_receive_known(http, expect, known, exact, run, &taken);
        free(exact);
        *used = at + taken;
        if (verdict == HTTP_MORE)
            assert_int_equal(taken, run);
    }
    return verdict;
}

static void assert_same(const struct http *one, const struct http *other)
{
    assert_int_equal(one->state, other->state);
    assert_int_equal(one->reason, other->reason);
    assert_int_equal(one->method, other->method);
    assert_int_equal(one->status, other->status);
    assert_int_equal(one->rest_bytes, other->rest_bytes);
    assert_int_equal(one->body_bytes, other->body_bytes);
    assert_int_equal(one->head_bytes, other->head_bytes);
    assert_int_equal(one->headers, other->headers);
    assert_int_equal(one->interims, other->interims);
    assert_int_equal(one->continued, other->continued);
    assert_int_equal(one->old, other->old);
    assert_int_equal(one->close, other->close);
    assert_int_equal(one->keep_alive, other->keep_alive);
    assert_int_equal(one->chunked, other->chunked);
    assert_int_equal(one->expects, other->expects);
    assert_int_equal(one->name_bytes, other->name_bytes);
    assert_memory_equal(one->name, other->name, one->name_bytes);
}

/* With the memory of what other rows, and this one, were found to be. */
static void check_known(const struct row *row, bool server, uint32_t first, uint32_t step,
                        const struct http *wanted, enum http_verdict verdict, uint32_t taken)
{
    struct http http;
    uint32_t used = 0, count = (uint32_t)strlen(row->text);
    if (server)
        http_await(&http);
    else
        http_ask(&http, row->head);
    assert_int_equal(feed(&http, server ? NULL : &any, server ? &known_requests : &known_answers,
                          (const uint8_t *)row->text, count, first, step, &used),
                     verdict);
    assert_int_equal(used, taken);
    assert_same(&http, wanted);
}

static void check_cut(const struct row *row, bool server, uint32_t first, uint32_t step)
{
    struct http http;
    uint32_t used = 0, count = (uint32_t)strlen(row->text);
    if (server)
        http_await(&http);
    else
        http_ask(&http, row->head);
    enum http_verdict verdict = feed(&http, server ? NULL : &any, NULL, (const uint8_t *)row->text,
                                     count, first, step, &used);
    check_known(row, server, first, step, &http, verdict, used);
    if ((int)verdict != row->verdict || http.reason != row->reason)
        fail_msg("\"%s\" cut at %u by %u: verdict %d, reason %s", row->text, first, step, verdict,
                 http_reason_name((enum http_reason)http.reason));
    if (verdict == HTTP_BAD)
        return;
    assert_int_equal(used, count - row->left);
    assert_int_equal(http.body_bytes, row->body_bytes);
    if (!server && verdict != HTTP_MORE)
        assert_int_equal(http.status, row->status);
}

static void check_rows(const struct row rows[], unsigned count, bool server)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t bytes = (uint32_t)strlen(rows[i].text);
        for (uint32_t cut = 1; cut <= bytes; cut++)
            check_cut(&rows[i], server, cut, bytes);
        check_cut(&rows[i], server, 1, 1);
    }
}

#define CHECK_ANSWERS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]), false)
#define CHECK_REQUESTS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]), true)

static void answers_of_known_length(void **state)
{
    static const struct row rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", WHOLE, 0, 200, 5},
        {"HTTP/1.1 200 OK\r\ncontent-LENGTH:5\r\n\r\nhello", WHOLE, 0, 200, 5},
        {"HTTP/1.1 200 OK\r\nContent-Length: \t 5 \t\r\n\r\nhello", WHOLE, 0, 200, 5},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", WHOLE, 0, 200, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", MORE, 0, 200, 4},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200", WHOLE, 0, 200, 1, 12},
        /* RFC 9112 4: the reason phrase may be absent, and means nothing. */
        {"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", WHOLE, 0, 503, 0},
        {"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", WHOLE, 0, 503, 0},
        {"HTTP/1.1 404 Not\tthere, \xc3\xa4\r\nContent-Length: 0\r\n\r\n", WHOLE, 0, 404, 0},
        {"HTTP/1.1 200 "
         "A phrase that is a good deal longer than the hundred and twenty bytes that are kept of a "
         "line which is cut by the end of a packet\r\nContent-Length: 2\r\n\r\nok",
         WHOLE, 0, 200, 2},
        /* RFC 9112 6.3: several that agree are one. */
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", WHOLE, 0, 200, 2},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", WHOLE, 0, 200, 2},
        {"HTTP/1.1 200 OK\r\nContent-Length: 00002\r\n\r\nok", WHOLE, 0, 200, 2},
        /* RFC 9112 2.3: a later minor version is 1.1. */
        {"HTTP/1.9 200 OK\r\nContent-Length: 2\r\n\r\nok", WHOLE, 0, 200, 2},
    };
    (void)state;
    CHECK_ANSWERS(rows);
}

/* RFC 9112 6.3, rule 1. */
static void answers_without_a_body(void **state)
{
    static const struct row rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nHTTP", WHOLE, 0, 200, 0, 4, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", WHOLE, 0, 200, 0, 0, true},
        {"HTTP/1.1 200 OK\r\n\r\n", WHOLE, 0, 200, 0, 0, true},
        {"HTTP/1.1 204 No Content\r\n\r\nHTTP", WHOLE, 0, 204, 0, 4},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", WHOLE, 0, 304, 0},
    };
    (void)state;
    CHECK_ANSWERS(rows);
}

/* RFC 9112 9.3. */
static void answers_that_end_the_connection(void **state)
{
    static const struct row rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", CLOSE, 0, 200, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, CLOSE ,y\r\n\r\n", CLOSE, 0, 200},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: closed\r\n\r\n", WHOLE, 0, 200},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection:\r\n\r\n", WHOLE, 0, 200},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", CLOSE, 0, 200, 0},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", WHOLE, 0, 200},
        {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive, close\r\nContent-Length: 0\r\n\r\n", CLOSE, 0,
         200},
    };
    (void)state;
    CHECK_ANSWERS(rows);
}

/* RFC 9112 7.1. */
static void chunked_answers(void **state)
{
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
    static const struct row rows[] = {
        {CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", WHOLE, 0, 200, 11},
        {CHUNKED "0\r\n\r\nHTTP", WHOLE, 0, 200, 0, 4},
        {CHUNKED "00000000000000000000000000A\r\n0123456789\r\n000\r\n\r\n", WHOLE, 0, 200, 10},
        {CHUNKED "a\r\n0123456789\r\n0\r\n", MORE, 0, 200, 10},
        /* 7.1.1: extensions are passed over. */
        {CHUNKED "5;a=b;c=\"d;e\"\r\nhello\r\n0 ;last\r\n\r\n", WHOLE, 0, 200, 5},
        /* 7.1.2: so are trailers. */
        {CHUNKED "1\r\na\r\n0\r\nExpires: never\r\nContent-Length: 7\r\n\r\n", WHOLE, 0, 200, 1},
        {CHUNKED "\r\n", BAD, HTTP_BAD_CHUNK_SIZE},
        {CHUNKED "g\r\n", BAD, HTTP_BAD_CHUNK_SIZE},
        {CHUNKED "-1\r\n", BAD, HTTP_BAD_CHUNK_SIZE},
        {CHUNKED "0x5\r\nhello\r\n", BAD, HTTP_BAD_CHUNK_SIZE},
        {CHUNKED " 5\r\nhello\r\n", BAD, HTTP_BAD_CHUNK_SIZE},
        {CHUNKED "5 5\r\nhello\r\n", BAD, HTTP_BAD_CHUNK_SIZE},
        {CHUNKED "5 \r\nhello\r\n", BAD, HTTP_BAD_CHUNK_SIZE},
        /* 7.1: overflow of a size must be prevented. */
        {CHUNKED "10000000000000005\r\nhello\r\n", BAD, HTTP_BAD_CHUNK_SIZE},
        {CHUNKED "ffffffffffffffff\r\nhello\r\n", BAD, HTTP_BAD_CHUNK_SIZE},
        {CHUNKED "5\nhello\r\n", BAD, HTTP_BAD_LINE_END},
        {CHUNKED "5\r\nhellox\r\n", BAD, HTTP_BAD_CHUNK_END},
        {CHUNKED "5\r\nhello12\r\n", BAD, HTTP_BAD_CHUNK_END},
        {CHUNKED "5\r\nhello5\r\nhello\r\n", BAD, HTTP_BAD_CHUNK_END},
        {CHUNKED "0\r\nno colon\r\n\r\n", BAD, HTTP_BAD_FIELD_NAME},
        {CHUNKED "0\r\na b: c\r\n\r\n", BAD, HTTP_BAD_FIELD_NAME},
    };
    (void)state;
    CHECK_ANSWERS(rows);
}

/* RFC 9110 15.2: any number of interim answers may come before the final one; we take 16. */
static void interim_answers(void **state)
{
    static const struct row rows[] = {
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", WHOLE, 0,
         200, 2},
        /* What the interim head says is not the final one's. */
        {"HTTP/1.1 103 Early Hints\r\nConnection: close\r\nContent-Length: 9\r\nLink: </a>\r\n\r\n"
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
         WHOLE, 0, 200, 2},
        {"HTTP/1.1 102 Processing\r\n\r\n", MORE, 0, 0, 0},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", BAD, HTTP_BAD_SWITCHED},
    };
    (void)state;
    CHECK_ANSWERS(rows);
}

static void an_interim_storm_is_bad(void **state)
{
    static const char interim[] = "HTTP/1.1 102 P\r\n\r\n";
    struct http http;
    uint32_t used;
    (void)state;
    http_ask(&http, false);
    for (unsigned i = 0; i < HTTP_INTERIMS; i++)
        assert_int_equal(
            http_receive(&http, &any, (const uint8_t *)interim, sizeof(interim) - 1, &used),
            HTTP_MORE);
    assert_int_equal(
        http_receive(&http, &any, (const uint8_t *)interim, sizeof(interim) - 1, &used), HTTP_BAD);
    assert_int_equal(http.reason, HTTP_BAD_INTERIM);
}

static void an_answer_may_end_with_the_connection(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nServer: old\r\n\r\nno length at all";
    struct http http;
    uint32_t used;
    (void)state;
    http_ask(&http, false);
    assert_int_equal(feed(&http, &any, NULL, (const uint8_t *)text, sizeof(text) - 1, 5, 7, &used),
                     HTTP_MORE);
    assert_int_equal(http.body_bytes, 16);
    assert_int_equal(http_finish(&http, &any), HTTP_WHOLE_CLOSE);
    /* Nothing was asked since. */
    assert_int_equal(http_receive(&http, &any, (const uint8_t *)"H", 1, &used), HTTP_BAD);
    assert_int_equal(http.reason, HTTP_BAD_UNASKED);
}

static void an_answer_that_is_cut_short_is_not_whole(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
    (void)state;
    for (uint32_t count = 0; count < sizeof(text); count++) {
        struct http http;
        uint32_t used;
        http_ask(&http, false);
        http_receive(&http, &any, (const uint8_t *)text, count, &used);
        assert_int_equal(http_begun(&http), count > 0);
        assert_int_equal(http_finish(&http, &any), HTTP_MORE);
    }
}

static void pipelined_answers_in_one_segment(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n"
                               "0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    uint32_t at = 0;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct http http;
        uint32_t used;
        http_ask(&http, false);
        assert_int_equal(http_receive(&http, &any, (const uint8_t *)text + at,
                                      (uint32_t)sizeof(text) - 1 - at, &used),
                         HTTP_WHOLE);
        at += used;
    }
    assert_int_equal(at, sizeof(text) - 1);
}

static void answers_that_are_none(void **state)
{
    static const struct row rows[] = {
        {"SSH-2.0-OpenSSH_9.2\r\n", BAD, HTTP_BAD_NOT_HTTP},
        {"HTTQ", BAD, HTTP_BAD_NOT_HTTP},
        {"\r\n", BAD, HTTP_BAD_NOT_HTTP},
        {"HTTP/2.0 200 OK\r\n", BAD, HTTP_BAD_VERSION},
        {"HTTP/1.x 200 OK\r\n", BAD, HTTP_BAD_VERSION},
        {"HTTP/1\r\n", BAD, HTTP_BAD_VERSION},
        {"HTTP/1.1\r\n", BAD, HTTP_BAD_START_LINE},
        {"HTTP/1.1  200 OK\r\n", BAD, HTTP_BAD_START_LINE},
        {"HTTP/1.1 20 OK\r\n", BAD, HTTP_BAD_START_LINE},
        {"HTTP/1.1 2000 OK\r\n", BAD, HTTP_BAD_START_LINE},
        {"HTTP/1.1 099 OK\r\n", BAD, HTTP_BAD_START_LINE},
        {"HTTP/1.1 600 OK\r\n", BAD, HTTP_BAD_START_LINE},
        {"HTTP/1.1 200 OK\n", BAD, HTTP_BAD_LINE_END},
        {"HTTP/1.1 200 OK\rX\r\n", BAD, HTTP_BAD_CONTROL},
        {"HTTP/1.1 200 O\x01K\r\n", BAD, HTTP_BAD_CONTROL},
        {"HTTP/1.1 200 O\x7fK\r\n", BAD, HTTP_BAD_CONTROL},
    };
    (void)state;
    CHECK_ANSWERS(rows);
}

static void headers_that_are_bad(void **state)
{
#define OK "HTTP/1.1 200 OK\r\n"
    static const struct row rows[] = {
        /* RFC 9112 5.1: no space before the colon. */
        {OK "Content-Length : 2\r\n\r\nok", BAD, HTTP_BAD_FIELD_NAME},
        {OK ": 2\r\n\r\n", BAD, HTTP_BAD_FIELD_NAME},
        {OK "no colon\r\n\r\n", BAD, HTTP_BAD_FIELD_NAME},
        {OK "X: a\nContent-Length: 2\r\n\r\n", BAD, HTTP_BAD_LINE_END},
        {OK "X: a\rb\r\n\r\n", BAD, HTTP_BAD_CONTROL},
        {OK "X: a bell \x07 rings\r\n\r\n", BAD, HTTP_BAD_CONTROL},
        {OK "X: and after a tab\t\x7f of DEL\r\n\r\n", BAD, HTTP_BAD_CONTROL},
        /* RFC 9112 5.2: folded lines, where they are harmless and where not. */
        {OK "X: a\r\n b\r\n\tc\r\nContent-Length: 0\r\n\r\n", WHOLE, 0, 200, 0},
        {OK "Content-Length: 2\r\n 3\r\n\r\nok", BAD, HTTP_BAD_FOLDED},
        {OK "Transfer-Encoding:\r\n chunked\r\n\r\n", BAD, HTTP_BAD_CODING},
        {OK " Content-Length: 2\r\n\r\nok", BAD, HTTP_BAD_FOLDED},
        {OK "Content-Length:                                                                      "
            "                                              2\r\n\r\nok",
         BAD, HTTP_BAD_FIELD_LONG},
    };
    (void)state;
    CHECK_ANSWERS(rows);
}

/* RFC 9112 6.1 and 6.3. */
static void lengths_that_are_bad(void **state)
{
    static const struct row rows[] = {
        {OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", BAD, HTTP_BAD_SMUGGLED},
        {OK "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", BAD, HTTP_BAD_SMUGGLED},
        {OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", BAD, HTTP_BAD_LENGTHS_DIFFER},
        {OK "Content-Length: 2, 3\r\n\r\nok", BAD, HTTP_BAD_LENGTHS_DIFFER},
        {OK "Content-Length:\r\n\r\n", BAD, HTTP_BAD_LENGTH},
        {OK "Content-Length: 2,\r\n\r\nok", BAD, HTTP_BAD_LENGTH},
        {OK "Content-Length: -2\r\n\r\nok", BAD, HTTP_BAD_LENGTH},
        {OK "Content-Length: +2\r\n\r\nok", BAD, HTTP_BAD_LENGTH},
        {OK "Content-Length: 2 2\r\n\r\nok", BAD, HTTP_BAD_LENGTH},
        {OK "Content-Length: 0x2\r\n\r\nok", BAD, HTTP_BAD_LENGTH},
        {OK "Content-Length: 18446744073709551618\r\n\r\nok", BAD, HTTP_BAD_LENGTH},
        {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", BAD, HTTP_BAD_CODING},
        {OK "Transfer-Encoding: chunked, chunked\r\n\r\n", BAD, HTTP_BAD_CODING},
        {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", BAD,
         HTTP_BAD_CODING},
        {OK "Transfer-Encoding: xchunked\r\n\r\n", BAD, HTTP_BAD_CODING},
        {OK "Transfer-Encoding: \x0b"
            "chunked\r\n\r\n",
         BAD, HTTP_BAD_CONTROL},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", BAD, HTTP_BAD_CODING},
    };
    (void)state;
    CHECK_ANSWERS(rows);
}

static void floods_are_bad(void **state)
{
    static uint8_t text[BYTES_MAX];
    static const struct {
        const char *start, *line;
        uint32_t repeats;
        enum http_reason reason;
    } rows[] = {
        {OK, "X: y\r\n", HTTP_HEADERS + 1, HTTP_BAD_HEADERS_MANY},
        {OK, "X: y\r\n", HTTP_HEADERS, HTTP_BAD_NONE},
        {OK "X: ", "0123456789", HTTP_HEAD_BYTES / 10, HTTP_BAD_HEAD_LONG},
        {"HTTP/1.1 200 ", "0123456789", HTTP_HEAD_BYTES / 10, HTTP_BAD_HEAD_LONG},
        {OK, "n", 1000, HTTP_BAD_NONE}, /* A name that goes on may still have its colon ... */
        {CHUNKED "5;", "0123456789", HTTP_CHUNK_LINE_BYTES / 10 + 1, HTTP_BAD_CHUNK_LONG},
        {CHUNKED "0\r\n", "X: y\r\n", HTTP_HEADERS + 1, HTTP_BAD_HEADERS_MANY},
        {CHUNKED "0\r\nX: ", "0123456789", HTTP_HEAD_BYTES / 10 + 1, HTTP_BAD_HEAD_LONG},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t count = (uint32_t)strlen(rows[i].start), used;
        memcpy(text, rows[i].start, count);
        for (uint32_t k = 0; k < rows[i].repeats; k++) {
            memcpy(text + count, rows[i].line, strlen(rows[i].line));
            count += (uint32_t)strlen(rows[i].line);
        }
        for (uint32_t step = 1; step <= count; step = step * 7 + 3) {
            struct http http;
            http_ask(&http, false);
            enum http_verdict verdict = feed(&http, &any, NULL, text, count, step, step, &used);
            assert_int_equal(http.reason, rows[i].reason);
            assert_int_equal(verdict, rows[i].reason == HTTP_BAD_NONE ? HTTP_MORE : HTTP_BAD);
        }
    }
}

static enum http_verdict judge(const struct http_expect *expect, const char *text, uint32_t step,
                               struct http *http)
{
    uint32_t used;
    http_ask(http, false);
    return feed(http, expect, NULL, (const uint8_t *)text, (uint32_t)strlen(text), step, step,
                &used);
}

static void a_body_has_the_expected_length(void **state)
{
    struct http_expect expect;
    struct http http;
    (void)state;
    http_expect_init(&expect);
    expect.body_bytes = 5;
    assert_int_equal(judge(&expect, OK "Content-Length: 5\r\n\r\nhello", 9, &http), HTTP_WHOLE);
    assert_int_equal(judge(&expect, OK "Content-Length: 4\r\n\r\nhell", 9, &http), HTTP_BAD);
    assert_int_equal(http.reason, HTTP_BAD_BODY_LENGTH);
    assert_int_equal(judge(&expect, CHUNKED "4\r\nhell\r\n0\r\n\r\n", 9, &http), HTTP_BAD);
    /* Another status than expected is judged by that alone. */
    assert_int_equal(judge(&expect, "HTTP/1.1 500 E\r\nContent-Length: 1\r\n\r\nx", 9, &http),
                     HTTP_WHOLE);
    assert_false(http_status_expected(&expect, http.status));
    /* The answer to a HEAD has no body. */
    uint32_t used;
    static const char head[] = OK "Content-Length: 5\r\n\r\n";
    http_ask(&http, true);
    assert_int_equal(http_receive(&http, &expect, (const uint8_t *)head, sizeof(head) - 1, &used),
                     HTTP_WHOLE);
}

static void a_body_is_within_the_limit(void **state)
{
    struct http_expect expect;
    struct http http;
    (void)state;
    http_expect_init(&expect);
    expect.body_limit_bytes = 4;
    for (uint32_t step = 1; step < 40; step += 13) {
        assert_int_equal(judge(&expect, OK "Content-Length: 4\r\n\r\nhell", step, &http),
                         HTTP_WHOLE);
        assert_int_equal(judge(&expect, OK "Content-Length: 5\r\n\r\n", step, &http), HTTP_BAD);
        assert_int_equal(http.reason, HTTP_BAD_BODY_LONG);
        assert_int_equal(judge(&expect, CHUNKED "3\r\nhel\r\n2\r\n", step, &http), HTTP_BAD);
        assert_int_equal(http.reason, HTTP_BAD_BODY_LONG);
        assert_int_equal(judge(&expect, OK "\r\nhell", step, &http), HTTP_MORE);
        assert_int_equal(judge(&expect, OK "\r\nhello", step, &http), HTTP_BAD);
        assert_int_equal(http.reason, HTTP_BAD_BODY_LONG);
    }
}

static void a_body_has_the_expected_hash(void **state)
{
    struct http_expect expect;
    struct http http;
    (void)state;
    http_expect_init(&expect);
    expect.hashed = true;
    expect.body_hash = hash_crc32c(0, (const uint8_t *)"hello world", 11);
    for (uint32_t step = 1; step < 60; step++) {
        assert_int_equal(judge(&expect, OK "Content-Length: 11\r\n\r\nhello world", step, &http),
                         HTTP_WHOLE);
        assert_int_equal(
            judge(&expect, CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", step, &http),
            HTTP_WHOLE);
        assert_int_equal(judge(&expect, OK "Content-Length: 11\r\n\r\nhello worle", step, &http),
                         HTTP_BAD);
        assert_int_equal(http.reason, HTTP_BAD_BODY_HASH);
    }
}

/* However it is cut: FIPS 180-2's "abc", and nothing. */
static void a_body_has_the_expected_digest(void **state)
{
    static const struct {
        const char *answer;
        enum http_verdict verdict;
    } rows[] = {
        {OK "Content-Length: 3\r\n\r\nabc", HTTP_WHOLE},
        {CHUNKED "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", HTTP_WHOLE},
        {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK "Content-Length: 3\r\n\r\nabc",
         HTTP_WHOLE},
        {OK "Content-Length: 3\r\n\r\nabd", HTTP_BAD},
        {OK "Content-Length: 0\r\n\r\n", HTTP_BAD},
    };
    static const uint8_t abc[DIGEST_BYTES] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                              0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                              0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                              0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    struct digest digest;
    struct http_expect expect;
    (void)state;
    http_expect_init(&expect);
    expect.digested = true;
    memcpy(expect.sha256, abc, sizeof(abc));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t size = (uint32_t)strlen(rows[i].answer), used = 0;
        for (uint32_t step = 1; step <= size; step++) {
            enum http_verdict verdict = HTTP_MORE;
            struct http http;
            http_ask(&http, false);
            http.digest = &digest;
            for (uint32_t at = 0; at < size && verdict == HTTP_MORE; at += step)
                verdict = http_receive(&http, &expect, (const uint8_t *)rows[i].answer + at,
                                       size - at < step ? size - at : step, &used);
            assert_int_equal(verdict, rows[i].verdict);
            if (verdict == HTTP_BAD)
                assert_int_equal(http.reason, HTTP_BAD_BODY_HASH);
        }
    }
}

static void a_body_contains_the_expected_text(void **state)
{
    struct http_expect expect;
    struct http http;
    (void)state;
    http_expect_init(&expect);
    assert_true(http_expect_match(&expect, (const uint8_t *)"abcabd", 6));
    for (uint32_t step = 1; step < 60; step++) {
        assert_int_equal(judge(&expect, OK "Content-Length: 10\r\n\r\nababcabcabd", step, &http),
                         HTTP_BAD); /* "abcabc": one byte short. */
        assert_int_equal(http.reason, HTTP_BAD_BODY_MATCH);
        assert_int_equal(judge(&expect, OK "Content-Length: 12\r\n\r\nababcabcabdx", step, &http),
                         HTTP_WHOLE);
        assert_int_equal(judge(&expect, CHUNKED "4\r\nxabc\r\n3\r\nabd\r\n0\r\n\r\n", step, &http),
                         HTTP_WHOLE);
        assert_int_equal(judge(&expect, "HTTP/1.1 204 N\r\n\r\n", step, &http), HTTP_BAD);
    }
    assert_false(http_expect_match(&expect, (const uint8_t *)"", 0));
    assert_false(http_expect_match(&expect, (const uint8_t *)"a", HTTP_MATCH_BYTES + 1));
}

static void a_body_that_ends_with_the_connection_is_checked(void **state)
{
    struct http_expect expect;
    struct http http;
    (void)state;
    http_expect_init(&expect);
    expect.body_bytes = 5;
    assert_int_equal(judge(&expect, OK "\r\nhello", 3, &http), HTTP_MORE);
    assert_int_equal(http_finish(&http, &expect), HTTP_WHOLE_CLOSE);
    assert_int_equal(judge(&expect, OK "\r\nhell", 3, &http), HTTP_MORE);
    assert_int_equal(http_finish(&http, &expect), HTTP_BAD);
    assert_int_equal(http.reason, HTTP_BAD_BODY_LENGTH);
}

static void statuses_that_are_expected(void **state)
{
    struct http_expect expect;
    (void)state;
    http_expect_init(&expect);
    for (uint16_t status = 0; status < 1000; status++)
        assert_int_equal(http_status_expected(&expect, status), status >= 200 && status <= 399);
    http_expect_no_status(&expect);
    assert_true(http_expect_statuses(&expect, 204, 204));
    assert_true(http_expect_statuses(&expect, 500, 599));
    for (uint16_t status = 0; status < 1000; status++)
        assert_int_equal(http_status_expected(&expect, status),
                         status == 204 || (status >= 500 && status <= 599));
    assert_false(http_expect_statuses(&expect, 99, 200));
    assert_false(http_expect_statuses(&expect, 300, 200));
    assert_false(http_expect_statuses(&expect, 500, 600));
}

static void an_answer_names_its_backend(void **state)
{
    struct http_expect expect;
    struct http http;
    (void)state;
    http_expect_init(&expect);
    assert_true(http_expect_name(&expect, "X-Kahttp-Server-Host"));
    for (uint32_t step = 1; step < 80; step++) {
        judge(&expect, OK "x-kahttp-server-HOST:  pod-a1 \r\nContent-Length: 0\r\n\r\n", step,
              &http);
        assert_int_equal(http.name_bytes, 6);
        assert_memory_equal(http.name, "pod-a1", 6);
        judge(&expect, OK "X-Kahttp-Server-Hos: b\r\nContent-Length: 0\r\n\r\n", step, &http);
        assert_int_equal(http.name_bytes, 0);
        judge(&expect,
              OK "X-Kahttp-Server-Host: 0123456789012345678901234567890123456789012345678901234567"
                 "890123456789\r\nContent-Length: 0\r\n\r\n",
              step, &http);
        assert_int_equal(http.name_bytes, HTTP_NAME_BYTES);
    }
    assert_false(http_expect_name(&expect, "two words"));
    assert_false(http_expect_name(&expect, ""));
}

static void it_tells_when_to_continue(void **state)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct http http;
    uint32_t used;
    (void)state;
    http_ask(&http, false);
    assert_false(http.continued);
    assert_int_equal(http_receive(&http, &any, (const uint8_t *)text, sizeof(text) - 1, &used),
                     HTTP_MORE);
    assert_true(http.continued);
}

/* Returns its status, as it is known after TEXT came in one piece. */
static uint16_t status_of(struct http_known *known, const char *text, bool head)
{
    struct http http;
    uint32_t used;
    http_ask(&http, head);
    http_receive_known(&http, &any, known, (const uint8_t *)text, (uint32_t)strlen(text), &used);
    return http.status;
}

/* A planted conclusion tells whether it was taken over. */
static void a_known_head_is_one_of_the_same_bytes(void **state)
{
    static const char answer[] = OK "Content-Length: 2\r\n\r\nhi";
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\na";
    static const char bad[] = OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\n";
    static struct http_known known;
    char text[HTTP_KNOWN_BYTES + 8];
    struct http http;
    uint32_t used;
    (void)state;
    assert_int_equal(status_of(&known, "HTTP/1.1 200 OK\r\nContent-Length", false), 200);
    assert_int_equal(status_of(&known, interim, false), 200);
    assert_int_equal(status_of(&known, bad, false), 200);
    assert_int_equal(known.head_bytes, 0);
    assert_int_equal(status_of(&known, answer, false), 200);
    assert_int_equal(known.head_bytes, sizeof(answer) - 3);
    known.then.status = 299;
    assert_int_equal(status_of(&known, answer, false), 299);
    assert_int_equal(status_of(&known, interim, false), 200);
    assert_int_equal(status_of(&known, bad, false), 200);
    /* Cut, it is read; so is what begins elsewhere in a head. */
    http_ask(&http, false);
    http_receive_known(&http, &any, &known, (const uint8_t *)answer, 9, &used);
    http_receive_known(&http, &any, &known, (const uint8_t *)answer + 9, sizeof(answer) - 10,
                       &used);
    assert_int_equal(http.status, 200);
    assert_int_equal(known.then.status, 299);
    /* Each byte of it counts. */
    for (uint32_t i = 0; i < known.head_bytes; i++) {
        static struct http_known copy;
        memcpy(&copy, &known, sizeof(copy));
        memcpy(text, answer, sizeof(answer));
        text[i] ^= 1;
        assert_int_not_equal(status_of(&copy, text, false), 299);
    }
    /* The answer to a HEAD is framed otherwise. */
    assert_int_equal(status_of(&known, answer, true), 200);
    assert_int_equal(status_of(&known, answer, false), 200);
    /* A head is kept up to HTTP_KNOWN_BYTES. */
    memset(&known, 0, sizeof(known));
    for (uint32_t extra = 0; extra < 2; extra++) {
        uint32_t pad = HTTP_KNOWN_BYTES - (uint32_t)strlen(OK "Content-Length: 0\r\nX: \r\n\r\n");
        snprintf(text, sizeof(text), OK "Content-Length: 0\r\nX: %0*d\r\n\r\n",
                 (int)(pad + 1 - extra), 1);
        assert_int_equal(status_of(&known, text, false), 200);
        assert_int_equal(known.head_bytes, extra == 1 ? HTTP_KNOWN_BYTES : 0);
    }
}

static void requests(void **state)
{
    static const struct row rows[] = {
        {"GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n", WHOLE},
        {"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", CLOSE},
        {"GET / HTTP/1.0\r\n\r\nGET", CLOSE, 0, 0, 0, 3},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", WHOLE},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", WHOLE},
        /* RFC 9112 2.2. */
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", WHOLE},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET", WHOLE, 0, 0, 3, 3},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
         WHOLE, 0, 0, 3},
        {"GET "
         "/a/target/that/is/a/good/deal/longer/than/what/is/kept/of/a/line/that/is/cut/by/the/end/"
         "of/a/packet/which/is/allowed/to/be/as/long/as/a/head HTTP/1.1\r\nHost: a\r\n\r\n",
         WHOLE},
        {"GET /\r\n", BAD, HTTP_BAD_START_LINE},
        {"GET  / HTTP/1.1\r\n", BAD, HTTP_BAD_START_LINE},
        {"GET / HTTP/1.1 \r\n", BAD, HTTP_BAD_START_LINE},
        {"GET /a b HTTP/1.1\r\n", BAD, HTTP_BAD_START_LINE},
        {" GET / HTTP/1.1\r\n", BAD, HTTP_BAD_START_LINE},
        {"G(T / HTTP/1.1\r\n", BAD, HTTP_BAD_START_LINE},
        {"GET / HTTP/2.0\r\n", BAD, HTTP_BAD_VERSION},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD, HTTP_BAD_VERSION},
        {"GET / http/1.1\r\n", BAD, HTTP_BAD_VERSION},
        /* RFC 9112 3.2. */
        {"GET / HTTP/1.1\r\n\r\n", BAD, HTTP_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", BAD, HTTP_BAD_HOST},
        /* RFC 9112 5.2 and 6.3. */
        {"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", BAD, HTTP_BAD_FOLDED},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
         BAD, HTTP_BAD_SMUGGLED},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", BAD, HTTP_BAD_CODING},
        {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", BAD, HTTP_BAD_CODING},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", BAD,
         HTTP_BAD_LENGTHS_DIFFER},
    };
    (void)state;
    CHECK_REQUESTS(rows);
}

static void requests_tell_their_method_and_wishes(void **state)
{
    static const struct {
        const char *text;
        enum http_method method;
        bool waits;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_METHOD_GET, false},
        {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_METHOD_HEAD, false},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_METHOD_CONNECT, false},
        {"get / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_METHOD_OTHER, false},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n",
         HTTP_METHOD_POST, true},
        {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
         HTTP_METHOD_OTHER, true},
        /* RFC 9110 10.1.1: not from HTTP/1.0, and not when the body is on its way. */
        {"POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
         HTTP_METHOD_POST, false},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\na",
         HTTP_METHOD_POST, false},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", HTTP_METHOD_POST, false},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t used, count = (uint32_t)strlen(rows[i].text);
        struct http http;
        http_await(&http);
        http_receive(&http, NULL, (const uint8_t *)rows[i].text, count, &used);
        assert_int_equal(http.method, rows[i].method);
        assert_int_equal(http_continue_wanted(&http), rows[i].waits);
        assert_false(http_continue_wanted(&http));
    }
}

static void each_reason_has_its_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HTTP_REASON_COUNT; i++) {
        assert_true(strlen(http_reason_name((enum http_reason)i)) > 3);
        assert_true(strlen(http_reason_text((enum http_reason)i)) > 10);
    }
    assert_string_equal(http_reason_name(HTTP_BAD_SMUGGLED), "smuggled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_of_known_length),
        cmocka_unit_test(answers_without_a_body),
        cmocka_unit_test(answers_that_end_the_connection),
        cmocka_unit_test(chunked_answers),
        cmocka_unit_test(interim_answers),
        cmocka_unit_test(an_interim_storm_is_bad),
        cmocka_unit_test(an_answer_may_end_with_the_connection),
        cmocka_unit_test(an_answer_that_is_cut_short_is_not_whole),
        cmocka_unit_test(pipelined_answers_in_one_segment),
        cmocka_unit_test(answers_that_are_none),
        cmocka_unit_test(headers_that_are_bad),
        cmocka_unit_test(lengths_that_are_bad),
        cmocka_unit_test(floods_are_bad),
        cmocka_unit_test(a_body_has_the_expected_length),
        cmocka_unit_test(a_body_is_within_the_limit),
        cmocka_unit_test(a_body_has_the_expected_hash),
        cmocka_unit_test(a_body_has_the_expected_digest),
        cmocka_unit_test(a_body_contains_the_expected_text),
        cmocka_unit_test(a_body_that_ends_with_the_connection_is_checked),
        cmocka_unit_test(statuses_that_are_expected),
        cmocka_unit_test(an_answer_names_its_backend),
        cmocka_unit_test(it_tells_when_to_continue),
        cmocka_unit_test(a_known_head_is_one_of_the_same_bytes),
        cmocka_unit_test(requests),
        cmocka_unit_test(requests_tell_their_method_and_wishes),
        cmocka_unit_test(each_reason_has_its_words),
    };
    http_expect_init(&any);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
