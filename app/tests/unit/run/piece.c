/* What a piece says of itself: how deep it is, and whether the onset is in it. */
#include "run/piece.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"

#define MS UINT64_C(1000000)
#define US UINT64_C(1000)

static struct clock clock_of_ns;
static struct utc utc;
static char path[] = "/tmp/seamline-piece-XXXXXX";

static int make(void **state)
{
    int file = mkstemp(path);
    (void)state;
    clock_of_ns = (struct clock){.mult = UINT64_C(1) << CLOCK_SHIFT};
    return file < 0 || close(file) < 0 || !utc_add(&utc, (struct utc_sample){.utc_ns = 5000});
}

static int clear(void **state)
{
    (void)state;
    return unlink(path);
}

/* A packet a ms from FIRST_MS on, in a ring of 8. */
static struct capture *ring(unsigned first_ms, unsigned packets)
{
    struct capture *capture = capture_setup(8);
    uint8_t frame[60] = {0};
    assert_non_null(capture);
    for (unsigned i = 0; i < packets; i++) {
        frame[12] = 0x88; /* A local experimental EtherType. */
        frame[13] = 0xb5;
        capture_add(capture, (first_ms + i) * MS, i % 2, frame, sizeof(frame), sizeof(frame));
    }
    return capture;
}

/* Rings of 8, one of which may be being written, at 100 ms: a full one that began at 0 has what came
 * from 13 ms on. */
static void the_onset_is_held_or_not(void **state)
{
    static const struct {
        unsigned first_ms[2], packets[2]; /* 0 packets: no such ring. */
        uint64_t onset_ms;
        const char *text;
    } rows[] = {
        {{0}, {20}, 13, "; 87 ms deep; the onset is in it"},
        {{0}, {20}, 12, "; 87 ms deep; onset not held"},
        {{0}, {7}, 0, "; all packets since the start, 100 ms deep; the onset is in it"},
        /* The shallowest decides; one that was never full misses nothing. */
        {{0, 30}, {20, 20}, 42, "; 57 ms deep; onset not held"},
        {{0, 30}, {20, 20}, 43, "; 57 ms deep; the onset is in it"},
        {{0, 30}, {20, 3}, 13, "; 87 ms deep; the onset is in it"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct piece piece = {.count = rows[i].packets[1] != 0 ? 2 : 1,
                              .onset_ns = rows[i].onset_ms * MS,
                              .now_ns = 100 * MS,
                              .clock = &clock_of_ns,
                              .utc = &utc};
        struct capture *rings[2] = {NULL, NULL};
        char comment[PIECE_COMMENT_BYTES], wanted[PIECE_COMMENT_BYTES];
        struct text file = {0};
        struct error err = {0};
        for (unsigned r = 0; r < piece.count; r++)
            piece.rings[r] = rings[r] = ring(rows[i].first_ms[r], rows[i].packets[r]);
        assert_int_equal(piece_write(&piece, path, comment, &err), 0);
        snprintf(wanted, sizeof(wanted), "loss from run time 0.%03u000000 s on%s",
                 (unsigned)rows[i].onset_ms, rows[i].text);
        assert_string_equal(comment, wanted);
        assert_int_equal(text_read_file(&file, path, 1 << 20), 0);
        assert_non_null(memmem(file.data, file.size, comment, strlen(comment)));
        text_free(&file);
        capture_free(rings[0]);
        capture_free(rings[1]);
    }
}

/* Frames that a worker puts into its ring as fast as it can; each has its number. */
struct worker {
    struct capture *capture;
    _Atomic bool stop;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    uint8_t frame[60] = {[12] = 0x88, [13] = 0xb5};
    for (uint64_t number = 0; !worker->stop; number++) {
        memcpy(frame + 14, &number, sizeof(number));
        capture_add(worker->capture, number * US, false, frame, sizeof(frame), sizeof(frame));
    }
    return NULL;
}

/* The number of the frame behind the last gap of the file. */
static uint64_t number_behind_gaps(const struct text *file)
{
    uint64_t behind = 0, next = 0;
    for (size_t at = 0; at < file->size;) {
        uint32_t head[2]; /* Type and length of the block. */
        uint64_t number;
        memcpy(head, file->data + at, sizeof(head));
        memcpy(&number, file->data + at + 28 + 14, sizeof(number));
        at += head[1];
        if (head[0] != 6)
            continue;
        behind = number != next ? number : behind;
        next = number + 1;
    }
    return behind;
}

/* However fast the ring goes on meanwhile: how deep the piece is tells of frames without a gap. There
 * are none if it was faster up to the last. */
static void what_is_overwritten_meanwhile_is_not_told(void **state)
{
    const uint64_t now_ns = 1000000000 * MS;
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct worker worker = {.capture = capture_setup(1 << 14)};
        struct piece piece = {.rings = {worker.capture},
                              .count = 1,
                              .now_ns = now_ns,
                              .clock = &clock_of_ns,
                              .utc = &utc};
        char comment[PIECE_COMMENT_BYTES], wanted[PIECE_COMMENT_BYTES];
        struct text file = {0};
        uint64_t first = 0, end = 0;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, work, &worker), 0);
        while (first == 0)
            capture_range(worker.capture, &first, &end);
        assert_int_equal(piece_write(&piece, path, comment, NULL), 0);
        worker.stop = true;
        pthread_join(thread, NULL);
        assert_int_equal(text_read_file(&file, path, 1 << 24), 0);
        uint64_t depth_ns = now_ns - number_behind_gaps(&file) * US;
        snprintf(wanted, sizeof(wanted), " %llu ms deep; onset not held",
                 (unsigned long long)(depth_ns / MS));
        if (strstr(comment, " 0 ms deep; onset not held") == NULL &&
            strstr(comment, wanted) == NULL)
            fail_msg("%s instead of%s", comment, wanted);
        text_free(&file);
        capture_free(worker.capture);
    }
}

static void a_file_that_cannot_be_is_told(void **state)
{
    struct piece piece = {.count = 1, .clock = &clock_of_ns, .utc = &utc};
    char comment[PIECE_COMMENT_BYTES];
    struct error err = {0};
    (void)state;
    assert_true(piece_write(&piece, "/no/such/folder/piece", comment, &err) < 0);
    assert_non_null(strstr(err.text, "/no/such/folder/piece: No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_onset_is_held_or_not),
        cmocka_unit_test(what_is_overwritten_meanwhile_is_not_told),
        cmocka_unit_test(a_file_that_cannot_be_is_told),
    };
    return cmocka_run_group_tests(tests, make, clear);
}
