#include "lab/pod_protocol.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Feed SIZE bytes in pieces of at most PIECE; collect what comes out. */
static size_t feed(struct pod_stream *stream, const uint8_t *bytes, size_t size, size_t piece,
                   const char *host, uint8_t *out)
{
    const struct pod_manner manner = {.host = host};
    size_t produced = 0;

    for (;;) {
        size_t room, ready;
        int64_t taken;

        if (stream->whole)
            pod_stream_answer(stream, &manner);
        ready = stream->out_end - stream->out_begin;

        memcpy(out + produced, stream->out + stream->out_begin, ready);
        produced += ready;
        stream->out_begin = stream->out_end;
        room = pod_stream_room(stream);
        if (size == 0 || room == 0)
            return produced;
        if (room > piece)
            room = piece;
        taken = pod_stream_input(stream, bytes, size < room ? size : room, &manner);
        assert_true(taken > 0);
        bytes += taken;
        size -= (size_t)taken;
    }
}

/* ctraffic, whatever the pieces: 64 bytes with the name over their start, then an echo. */
static void test_ctraffic(void **state)
{
    static const char *const hosts[] = {
        "p", "mserver-8d75c6567-55fdh",
        "a23456789012345678901234567890123456789012345678901234567890123"};
    static const size_t pieces[] = {1, 63, 64, 65, 1024, 16384};
    static struct pod_stream stream;
    static uint8_t in[4096], out[8192];

    (void)state;
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i * 7 + 1);
    for (size_t h = 0; h < 3; h++) {
        for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
            size_t length = strlen(hosts[h]);

            pod_stream_init(&stream, POD_CTRAFFIC, hosts[h]);
            assert_int_equal(feed(&stream, in, sizeof(in), pieces[p], hosts[h], out), sizeof(in));
            assert_memory_equal(out, hosts[h], length);
            assert_memory_equal(out + length, in + length, sizeof(in) - length);
        }
    }
}

/* Nothing is answered before the 64th byte. */
static void test_ctraffic_waits(void **state)
{
    static struct pod_stream stream;
    static uint8_t in[64], out[128];

    (void)state;
    pod_stream_init(&stream, POD_CTRAFFIC, "pod");
    assert_int_equal(feed(&stream, in, 63, 64, "pod", out), 0);
    assert_int_equal(feed(&stream, in, 1, 64, "pod", out), 64);
}

static void test_mconnect(void **state)
{
    static struct pod_stream stream;
    uint8_t datagram[100] = "Hello";

    (void)state;
    pod_stream_init(&stream, POD_MCONNECT, "pod-1");
    assert_int_equal(stream.out_end, 5);
    assert_memory_equal(stream.out, "pod-1", 5);
    assert_true(stream.close_after);
    assert_int_equal(pod_datagram(POD_MCONNECT, datagram, 5, sizeof(datagram), "pod-123"), 7);
    assert_memory_equal(datagram, "pod-123", 7);
    memset(datagram, 'x', sizeof(datagram));
    assert_int_equal(pod_datagram(POD_CTRAFFIC, datagram, 50, sizeof(datagram), "pod-123"), 50);
    assert_memory_equal(datagram, "pod-123xxx", 10);
    /* A datagram shorter than the name keeps its size. */
    assert_int_equal(pod_datagram(POD_CTRAFFIC, datagram, 3, sizeof(datagram), "pod-123"), 3);
}

static void test_http(void **state)
{
    static const struct {
        const char *request;
        unsigned answers;
        int closes;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1, 0},
        {"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", 2, 0},
        {"GET / HTTP/1.0\r\n\r\n", 1, 1},
        {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 1, 1},
        {"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nabcdeGET / HTTP/1.1\r\n\r\n", 2, 0},
        {"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcd", 0, 0},
        {"GET / HTTP/1.1\r\nHost: x\r\n", 0, 0},
    };
    static struct pod_stream stream;
    static uint8_t out[8192];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t piece = 1; piece < 100; piece += 7) {
            unsigned answers = 0;
            size_t size;

            pod_stream_init(&stream, POD_HTTP, "pod");
            size = feed(&stream, (const uint8_t *)rows[i].request, strlen(rows[i].request), piece,
                        "pod", out);
            out[size] = '\0';
            for (char *at = strstr((char *)out, "X-Server-Host: pod\r\n"); at != NULL;
                 at = strstr(at + 1, "X-Server-Host: pod\r\n"))
                answers++;
            assert_int_equal(answers, rows[i].answers);
            assert_int_equal(stream.close_after, rows[i].closes);
        }
    }
}

static void test_http_nonsense(void **state)
{
    static struct pod_stream stream;
    static uint8_t in[POD_HEAD_BYTES];
    const struct pod_manner manner = {.host = "pod"};

    (void)state;
    memset(in, 'x', sizeof(in));
    pod_stream_init(&stream, POD_HTTP, "pod");
    assert_int_equal(pod_stream_input(&stream, in, pod_stream_room(&stream), &manner), -EBADMSG);
    pod_stream_init(&stream, POD_HTTP, "pod");
    assert_int_equal(pod_stream_input(&stream, (const uint8_t *)"GE\0T", 4, &manner), -EBADMSG);
    pod_stream_init(&stream, POD_HTTP, "pod");
    memcpy(in, "P / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 35);
    assert_int_equal(pod_stream_input(&stream, in, 35, &manner), -EBADMSG);
}

/* Status, body size and whether the connection closes, by manner and by query. */
static void test_http_manner(void **state)
{
    static const struct {
        const char *target;
        struct pod_manner manner;
        const char *status;
        uint64_t bytes;
        int64_t after_ns;
        bool closes;
    } rows[] = {
        {"/", {.host = "pod"}, "200", 4, 0, false},
        {"/", {.host = "pod", .last = true}, "200", 4, 0, true},
        {"/", {.host = "pod", .starting = true}, "500", 4, 0, false},
        {"/", {.host = "pod", .answer_bytes = 2}, "200", 2, 0, false},
        {"/", {.host = "pod", .answer_bytes = 100000}, "200", 100000, 0, false},
        {"/?size=50000", {.host = "pod", .answer_bytes = 9}, "200", 50000, 0, false},
        {"/?delay=5s", {.host = "pod"}, "200", 4, 5000000000, false},
        {"/x?a=b&delay=20ms&size=7",
         {.host = "pod", .answer_after_ns = 9},
         "200",
         7,
         20000000,
         false},
        {"/", {.host = "pod", .answer_after_ns = 9}, "200", 4, 9, false},
        {"/?delay=5", {.host = "pod"}, "400", 4, 0, false},
        {"/?delay=2h", {.host = "pod"}, "400", 4, 0, false},
        {"/?size=-1", {.host = "pod"}, "400", 4, 0, false},
        {"/?size=1073741825", {.host = "pod"}, "400", 4, 0, false},
        {"/delay=5s", {.host = "pod"}, "200", 4, 0, false},
    };
    static struct pod_stream stream;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char request[200];
        uint64_t bytes;
        int size = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n\r\n", rows[i].target);

        pod_stream_init(&stream, POD_HTTP, "pod");
        assert_false(pod_stream_idle(&stream));
        assert_int_equal(
            pod_stream_input(&stream, (uint8_t *)request, (size_t)size, &rows[i].manner), size);
        assert_true(stream.whole);
        assert_int_equal(pod_stream_room(&stream), 0);
        assert_int_equal(stream.answer_after_ns, rows[i].after_ns);
        pod_stream_answer(&stream, &rows[i].manner);
        assert_memory_equal(stream.out + 9, rows[i].status, 3);
        assert_int_equal(stream.close_after, rows[i].closes);
        bytes = stream.out_end -
                (size_t)(strstr((char *)stream.out, "\r\n\r\n") + 4 - (char *)stream.out);
        while (pod_stream_more(&stream))
            bytes += stream.out_end - stream.out_begin;
        assert_int_equal(bytes, rows[i].bytes);
        stream.out_begin = stream.out_end;
        assert_true(pod_stream_idle(&stream));
    }
}

/* A body is waited for, asked for where the client waits to be asked, and refused without a length;
 * what is under way is not idle. */
static void test_http_bodies(void **state)
{
    static const char expect[] =
        "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    static const char chunked[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    const struct pod_manner manner = {.host = "pod", .last = true};
    static struct pod_stream stream;
    static uint8_t out[1024];

    (void)state;
    pod_stream_init(&stream, POD_HTTP, "pod");
    feed(&stream, (const uint8_t *)expect, sizeof(expect) - 1, 1000, "pod", out);
    assert_memory_equal(out, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    assert_false(stream.whole);
    assert_int_equal(pod_stream_input(&stream, (const uint8_t *)"ab", 2, &manner), 2);
    assert_false(stream.whole || pod_stream_idle(&stream));
    assert_int_equal(pod_stream_input(&stream, (const uint8_t *)"c", 1, &manner), 1);
    assert_true(stream.whole);
    pod_stream_answer(&stream, &manner);
    assert_memory_equal(stream.out, "HTTP/1.1 200", 12);
    assert_non_null(strstr((char *)stream.out, "\r\nConnection: close\r\n"));
    pod_stream_init(&stream, POD_HTTP, "pod");
    feed(&stream, (const uint8_t *)chunked, sizeof(chunked) - 1, 1000, "pod", out);
    assert_memory_equal(out, "HTTP/1.1 411", 12);
    assert_true(stream.close_after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ctraffic),      cmocka_unit_test(test_ctraffic_waits),
        cmocka_unit_test(test_mconnect),      cmocka_unit_test(test_http),
        cmocka_unit_test(test_http_nonsense), cmocka_unit_test(test_http_manner),
        cmocka_unit_test(test_http_bodies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
