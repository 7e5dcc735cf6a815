/* The ring keeps the last packets, whole; what was overwritten is not given out. */
#include "net/capture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void the_last_ones_are_kept(void **state)
{
    struct capture *capture = capture_setup(5);
    struct capture_packet packet;
    uint8_t frame[400];
    uint64_t first, end;
    (void)state;
    assert_non_null(capture);
    assert_int_equal(capture->slot_count, 8);
    for (uint64_t i = 0; i < 20; i++) {
        memset(frame, (int)i, sizeof(frame));
        capture_add(capture, 1000 + i, i % 2, frame, i == 19 ? 400 : 60, i == 19 ? 1500 : 60);
        capture_range(capture, &first, &end);
        assert_int_equal(end, i + 1);
        assert_int_equal(first, i < 7 ? 0 : i - 6);
    }
    assert_false(capture_get(capture, 12, &packet));
    assert_false(capture_get(capture, 20, &packet));
    for (uint64_t i = first; i < end; i++) {
        assert_true(capture_get(capture, i, &packet));
        assert_int_equal(packet.tsc, 1000 + i);
        assert_int_equal(packet.sent, i % 2);
        assert_int_equal(packet.bytes, i == 19 ? 1500 : 60);
        assert_int_equal(packet.kept, i == 19 ? CAPTURE_SNAP_BYTES : 60);
        assert_int_equal(packet.data[59], i);
    }
    capture_free(capture);
}

enum {
    STRESS_PACKETS = 200000
};

static void *write_packets(void *argument)
{
    uint8_t frame[64];
    for (uint64_t i = 0; i < STRESS_PACKETS; i++) {
        memset(frame, (int)(i & 0xff), sizeof(frame));
        capture_add(argument, i, false, frame, sizeof(frame), sizeof(frame));
    }
    return NULL;
}

/* What the reader is given is of one packet, however fast the worker overwrites. */
static void copies_are_whole(void **state)
{
    struct capture *capture = capture_setup(64);
    struct capture_packet packet;
    uint64_t first, end = 0;
    pthread_t writer;
    (void)state;
    assert_non_null(capture);
    assert_int_equal(pthread_create(&writer, NULL, write_packets, capture), 0);
    while (end < STRESS_PACKETS) {
        capture_range(capture, &first, &end);
        for (uint64_t i = first; i < end; i++) {
            if (!capture_get(capture, i, &packet))
                continue;
            assert_int_equal(packet.tsc, i);
            for (unsigned k = 0; k < 64; k++)
                assert_int_equal(packet.data[k], i & 0xff);
        }
    }
    pthread_join(writer, NULL);
    capture_free(capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_ones_are_kept),
        cmocka_unit_test(copies_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
