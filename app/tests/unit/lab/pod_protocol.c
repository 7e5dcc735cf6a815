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
    size_t produced = 0;

    for (;;) {
        size_t room, ready = stream->out_end - stream->out_begin;
        int64_t taken;

        memcpy(out + produced, stream->out + stream->out_begin, ready);
        produced += ready;
        stream->out_begin = stream->out_end;
        room = pod_stream_room(stream);
        if (size == 0 || room == 0)
            return produced;
        if (room > piece)
            room = piece;
        taken = pod_stream_input(stream, bytes, size < room ? size : room, host, false);
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

    (void)state;
    memset(in, 'x', sizeof(in));
    pod_stream_init(&stream, POD_HTTP, "pod");
    assert_int_equal(pod_stream_input(&stream, in, pod_stream_room(&stream), "pod", false),
                     -EBADMSG);
    pod_stream_init(&stream, POD_HTTP, "pod");
    assert_int_equal(pod_stream_input(&stream, (const uint8_t *)"GE\0T", 4, "pod", false),
                     -EBADMSG);
    pod_stream_init(&stream, POD_HTTP, "pod");
    memcpy(in, "P / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 35);
    assert_int_equal(pod_stream_input(&stream, in, 35, "pod", false), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ctraffic),      cmocka_unit_test(test_ctraffic_waits),
        cmocka_unit_test(test_mconnect),      cmocka_unit_test(test_http),
        cmocka_unit_test(test_http_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
