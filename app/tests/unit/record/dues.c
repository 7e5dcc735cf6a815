/* What was counted by microsecond comes back, whatever the order; a malformed chunk ends there. */
#include "record/dues.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum {
    SPAN_US = 5000
};

/* Adds CHUNK's entries to COUNTS by us - FIRST_US; returns how many entries there were. */
static unsigned unpack(const struct record_dues *chunk, uint64_t first_us, uint32_t counts[])
{
    struct dues_place place = {0};
    uint32_t count, entries = 0;
    for (; dues_next(chunk, &place, &count); entries++) {
        assert_true(place.us >= first_us && place.us < first_us + SPAN_US);
        counts[place.us - first_us] += count;
    }
    assert_int_equal(place.at, chunk->used);
    return entries;
}

static void any_order_comes_back(void **state)
{
    static uint32_t want[SPAN_US], got[SPAN_US];
    struct dues dues = {.chunk.stream = 3};
    struct record_dues chunk;
    struct random random;
    const uint64_t first_us = 123456789;
    (void)state;
    random_seed(&random, 1);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t us = random_next(&random) % SPAN_US;
        for (uint64_t n = random_next(&random) % 4 == 0 ? 300 : 1; n > 0; n--) {
            want[us]++;
            if (dues_add(&dues, (first_us + us) * 1000 + 999, &chunk)) {
                assert_int_equal(chunk.stream, 3);
                unpack(&chunk, first_us, got);
            }
        }
    }
    while (dues_finish(&dues, &chunk))
        unpack(&chunk, first_us, got);
    assert_memory_equal(want, got, sizeof(want));
    assert_false(dues_finish(&dues, &chunk));
}

/* One byte a request in order at 1 MHz, two at 400 Hz; one entry for all of a microsecond. */
static void entries_are_small(void **state)
{
    static const struct {
        uint64_t step_ns;
        unsigned entries; /* In a full chunk: of the first 54 bytes all but what one may need. */
    } rows[] = {{1000, 43}, {30000, 43}, {2500000, 22}};
    (void)state;
    for (unsigned row = 0; row < 3; row++) {
        struct dues dues = {0};
        struct record_dues chunk;
        uint64_t due_ns = 0;
        while (!dues_add(&dues, due_ns, &chunk))
            due_ns += rows[row].step_ns;
        struct dues_place place = {0};
        uint32_t count;
        unsigned entries = 0;
        while (dues_next(&chunk, &place, &count))
            entries++;
        assert_int_equal(entries, rows[row].entries);
    }
    struct dues dues = {0};
    struct record_dues chunk;
    for (unsigned i = 0; i < 1000; i++)
        assert_false(dues_add(&dues, 5000 + i % 1000, &chunk));
    assert_true(dues_finish(&dues, &chunk));
    assert_int_equal(chunk.used, 3);
}

static void far_apart_begins_anew(void **state)
{
    struct dues dues = {0};
    struct record_dues chunk;
    (void)state;
    assert_false(dues_add(&dues, UINT64_C(4000000000000000000), &chunk));
    assert_false(dues_add(&dues, 7000, &chunk));
    assert_true(dues_add(&dues, 9000, &chunk));
    struct dues_place place = {0};
    uint32_t count;
    assert_false(dues_next(&chunk, &place, &count)); /* Later than a reader takes. */
    assert_true(dues_finish(&dues, &chunk));
    assert_int_equal(chunk.first_us, 7);
    assert_true(dues_next(&chunk, &place, &count));
    assert_true(dues_next(&chunk, &place, &count));
    assert_int_equal(place.us, 9);
}

static void malformed_chunks_end(void **state)
{
    static const struct {
        uint8_t used, bytes[4];
        unsigned entries;
    } rows[] = {
        {1, {0x80}, 0},             /* A varint without its end. */
        {1, {0x01}, 0},             /* A count that is not there. */
        {2, {0x01, 0x00}, 0},       /* A count of none. */
        {3, {0x04, 0x04, 0x81}, 2}, /* Two, and half of a third. */
        {55, {0}, 0},               /* More than there is room for. */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct record_dues chunk = {.used = rows[i].used};
        struct dues_place place = {0};
        uint32_t count;
        unsigned entries = 0;
        memcpy(chunk.bytes, rows[i].bytes, sizeof(rows[i].bytes));
        while (dues_next(&chunk, &place, &count))
            entries++;
        assert_int_equal(entries, rows[i].entries);
        assert_int_not_equal(place.at, chunk.used);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_comes_back),
        cmocka_unit_test(entries_are_small),
        cmocka_unit_test(far_apart_begins_anew),
        cmocka_unit_test(malformed_chunks_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
