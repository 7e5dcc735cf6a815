/* HTTP messages as they are sent: what stands in them, that any part can be written again, that our
 * own parser takes them, and what is refused at set-up. */
#include "traffic/http_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "traffic/http.h"

enum {
    BYTES_MAX = 1 << 16
};

static uint8_t *written(const struct http_message *message, uint64_t sequence)
{
    assert_true(message->total_bytes < BYTES_MAX);
    uint8_t *bytes = malloc(message->total_bytes + 1);
    http_message_fill(message, sequence, 0, bytes, (uint32_t)message->total_bytes);
    bytes[message->total_bytes] = '\0';
    return bytes;
}

static void check_text(const struct http_message *message, uint64_t sequence, const char *text)
{
    uint8_t *bytes = written(message, sequence);
    assert_string_equal((char *)bytes, text);
    free(bytes);
}

/* Each part of a message is the same, whenever and in whatever piece it is written. */
static void check_parts(const struct http_message *message, uint64_t sequence)
{
    uint8_t *whole = written(message, sequence);
    uint32_t total = (uint32_t)message->total_bytes;
    for (uint32_t at = 0; at < total; at++) {
        for (uint32_t count = 1; count <= total - at; count = count * 3 + 1) {
            uint8_t *part = malloc(count);
            http_message_fill(message, sequence, at, part, count);
            assert_memory_equal(part, whole + at, count);
            free(part);
        }
    }
    free(whole);
}

static void requests_stand_as_configured(void **state)
{
    static const struct http_field fields[] = {{"Accept", "*/*"}, {"X-A", ""}};
    static const struct http_body hello = {.bytes = (const uint8_t *)"hello", .size_bytes = 5};
    static const struct {
        struct http_request_config config;
        const char *text;
    } rows[] = {
        {{.target = "/", .host = "a"}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {{.method = "HEAD", .target = "/", .host = "a", .close = true},
         "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"},
        {{.target = "/a?b", .host = "[::1]:80", .fields = fields, .field_count = 2},
         "GET /a?b HTTP/1.1\r\nHost: [::1]:80\r\nAccept: */*\r\nX-A: \r\n\r\n"},
        {{.target = "/", .host = "a", .sequence_field = "X-Seq"},
         "GET / HTTP/1.1\r\nHost: a\r\nX-Seq: 00000000001234567890\r\n\r\n"},
        /* RFC 9110 8.6: a method with bodies says that there is none. */
        {{.method = "POST", .target = "/", .host = "a"},
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"},
        {{.method = "POST", .target = "/", .host = "a", .body = hello, .expect_continue = true},
         "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"},
        {{.method = "PUT",
          .target = "/",
          .host = "a",
          .body = {.bytes = (const uint8_t *)"hello", .size_bytes = 5, .chunk_bytes = 2}},
         "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
         "2\r\nhe\r\n2\r\nll\r\n1\r\no\r\n0\r\n\r\n"},
        {{.target = "/", .host = "a", .body = {.bytes = NULL, .size_bytes = 0, .chunk_bytes = 7}},
         "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_message message;
        struct error err = {0};
        assert_int_equal(http_message_request(&message, &rows[i].config, &err), 0);
        check_text(&message, 1234567890, rows[i].text);
        check_parts(&message, 1234567890);
        http_message_free(&message);
    }
}

/* Requests and answers with bodies of all kinds are taken by our parser, with all their bytes. */
static void our_parser_takes_them(void **state)
{
    static const struct http_body bodies[] = {
        {.size_bytes = 0},
        {.size_bytes = 1},
        {.size_bytes = 4097},
        {.size_bytes = 4096, .chunk_bytes = 16},
        {.size_bytes = 4097, .chunk_bytes = 255},
        {.size_bytes = 15, .chunk_bytes = 4096},
        {.size_bytes = 4096, .chunk_bytes = 4096},
        {.size_bytes = 0, .chunk_bytes = 4096},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct http_request_config ask = {.target = "/", .host = "a", .body = bodies[i]};
        struct http_answer_config tell = {.status = 200, .body = bodies[i]};
        struct http_message request, answer;
        struct http_expect expect;
        struct http http;
        uint32_t used;
        assert_int_equal(http_message_request(&request, &ask, NULL), 0);
        assert_int_equal(http_message_answer(&answer, &tell, NULL), 0);
        http_expect_init(&expect);
        expect.body_bytes = bodies[i].size_bytes;
        expect.hashed = true;
        expect.body_hash = http_body_hash(&bodies[i]);
        uint8_t *bytes = written(&request, 0);
        http_await(&http);
        assert_int_equal(http_receive(&http, NULL, bytes, (uint32_t)request.total_bytes, &used),
                         HTTP_WHOLE);
        assert_int_equal(used, request.total_bytes);
        assert_int_equal(http.body_bytes, bodies[i].size_bytes);
        free(bytes);
        bytes = written(&answer, 0);
        http_ask(&http, false);
        assert_int_equal(http_receive(&http, &expect, bytes, (uint32_t)answer.total_bytes, &used),
                         HTTP_WHOLE);
        assert_int_equal(used, answer.total_bytes);
        free(bytes);
        check_parts(&answer, 0);
        http_message_free(&request);
        http_message_free(&answer);
    }
}

static void a_stream_numbers_its_messages(void **state)
{
    struct http_request_config config = {.target = "/", .host = "a", .sequence_field = "N"};
    struct http_message message;
    (void)state;
    assert_int_equal(http_message_request(&message, &config, NULL), 0);
    uint32_t total = (uint32_t)message.total_bytes;
    uint8_t *stream = malloc(3 * total);
    http_message_fill_stream(&message, 98, 0, stream, 3 * total);
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t *one = written(&message, 98 + i);
        assert_memory_equal(one, stream + i * total, total);
        free(one);
    }
    assert_non_null(memmem(stream, 3 * total, "N: 00000000000000000100\r\n", 25));
    for (uint32_t at = 0; at < 3 * total; at += 7) {
        uint32_t count = 3 * total - at < 50 ? 3 * total - at : 50;
        uint8_t part[50];
        http_message_fill_stream(&message, 98, at, part, count);
        assert_memory_equal(part, stream + at, count);
    }
    free(stream);
    http_message_free(&message);
}

/* RFC 9112 7.1: a chunk's framing is reckoned from its size; near 1 GB it is not walked. */
static void a_large_body_needs_no_memory(void **state)
{
    struct http_answer_config config = {
        .status = 200, .body = {.size_bytes = (UINT64_C(1) << 30) + 5, .chunk_bytes = 1 << 20}};
    struct http_message message;
    uint8_t end[20];
    (void)state;
    assert_int_equal(http_message_answer(&message, &config, NULL), 0);
    assert_int_equal(message.total_bytes, message.head_bytes + 1024 * ((1 << 20) + 10) + 10 + 5);
    http_message_fill(&message, 0, message.total_bytes - 17, end, 17);
    assert_memory_equal(end, "\r\n5\r\n", 5);
    assert_memory_equal(end + 10, "\r\n0\r\n\r\n", 7);
    uint8_t made[5];
    http_body_make(UINT64_C(1) << 30, made, 5);
    assert_memory_equal(end + 5, made, 5);
    http_message_free(&message);
}

/* Bytes at a wrong place are noticed by the hash. */
static void made_bytes_depend_on_their_place(void **state)
{
    enum {
        COUNT = 4096,
        STEP = 8
    };
    uint8_t right[COUNT], wrong[COUNT];
    (void)state;
    http_body_make(0, right, COUNT);
    uint32_t hash = hash_crc32c(0, right, COUNT);
    assert_int_equal(hash, http_body_hash(&(struct http_body){.size_bytes = COUNT}));
    for (uint32_t shift = 1; shift < COUNT; shift++) {
        http_body_make(shift, wrong, COUNT);
        assert_true(hash_crc32c(0, wrong, COUNT) != hash);
    }
}

static void answers_stand_as_configured(void **state)
{
    static const struct http_field fields[] = {{"Content-Type", "text/plain"}, {"Host", "x"}};
    static const struct {
        struct http_answer_config config;
        const char *text;
    } rows[] = {
        {{.status = 200}, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
        {{.status = 204}, "HTTP/1.1 204 \r\n\r\n"},
        {{.status = 503, .close = true},
         "HTTP/1.1 503 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n"},
        {{.status = 200,
          .fields = fields,
          .field_count = 2,
          .body = {.bytes = (const uint8_t *)"hi", .size_bytes = 2}},
         "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_message message;
        assert_int_equal(http_message_answer(&message, &rows[i].config, NULL), 0);
        check_text(&message, 0, rows[i].text);
        http_message_free(&message);
    }
}

static void what_cannot_be_said_is_refused(void **state)
{
    static const struct http_field length[] = {{"X", "a"}, {"content-length", "5"}};
    static const struct http_field host[] = {{"Host", "b"}};
    static const struct http_field name[] = {{"X Y", "b"}};
    static const struct http_field value[] = {{"X", "a\r\nY: b"}};
    static const struct {
        struct http_request_config config;
        const char *says;
    } rows[] = {
        {{.method = "G T", .target = "/", .host = "a"}, "method \"G T\""},
        {{.method = "", .target = "/", .host = "a"}, "method \"\""},
        {{.method = "CONNECT", .target = "a:1", .host = "a"}, "CONNECT excepted"},
        {{.target = "", .host = "a"}, "target \"\""},
        {{.target = "/a b", .host = "a"}, "target \"/a b\""},
        {{.target = "/\xc3\xa4", .host = "a"}, "printable ASCII"},
        {{.target = NULL, .host = "a"}, "target"},
        {{.target = "/", .host = "a b"}, "host \"a b\""},
        {{.target = "/", .host = "a\r\nX: y"}, "host"},
        {{.target = "/", .host = NULL}, "host"},
        {{.target = "/", .host = "a", .fields = length, .field_count = 2}, "header 2: content-len"},
        {{.target = "/", .host = "a", .fields = host, .field_count = 1}, "header 1: Host"},
        {{.target = "/", .host = "a", .fields = name, .field_count = 1}, "header 1: \"X Y\""},
        {{.target = "/", .host = "a", .fields = value, .field_count = 1}, "control character"},
        {{.target = "/", .host = "a", .sequence_field = "Expect"}, "sequence header"},
        {{.target = "/", .host = "a", .expect_continue = true}, "needs a body"},
        {{.target = "/", .host = "a", .body = {.size_bytes = (UINT64_C(1) << 40) + 1}}, "1 TiB"},
        {{.target = "/", .host = "a", .body = {.chunk_bytes = UINT32_MAX}}, "chunks of"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_message message = {0};
        struct error err = {0};
        assert_int_equal(http_message_request(&message, &rows[i].config, &err), -22);
        if (strstr(err.text, rows[i].says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", err.text, rows[i].says);
        assert_null(message.head);
    }
    struct http_answer_config bodiless = {.status = 204, .body = {.size_bytes = 1}};
    struct http_answer_config interim = {.status = 100};
    struct http_message message;
    assert_int_equal(http_message_answer(&message, &bodiless, NULL), -22);
    assert_int_equal(http_message_answer(&message, &interim, NULL), -22);
}

static void a_head_has_a_limit(void **state)
{
    char *value = malloc(HTTP_MESSAGE_HEAD_BYTES + 1);
    struct error err = {0};
    struct http_message message;
    (void)state;
    memset(value, 'a', HTTP_MESSAGE_HEAD_BYTES);
    value[HTTP_MESSAGE_HEAD_BYTES] = '\0';
    struct http_field field = {"X", value};
    struct http_request_config config = {
        .target = "/", .host = "a", .fields = &field, .field_count = 1};
    assert_int_equal(http_message_request(&message, &config, &err), -22);
    assert_non_null(strstr(err.text, "is the most"));
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_stand_as_configured),
        cmocka_unit_test(our_parser_takes_them),
        cmocka_unit_test(a_stream_numbers_its_messages),
        cmocka_unit_test(a_large_body_needs_no_memory),
        cmocka_unit_test(made_bytes_depend_on_their_place),
        cmocka_unit_test(answers_stand_as_configured),
        cmocka_unit_test(what_cannot_be_said_is_refused),
        cmocka_unit_test(a_head_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
