/* Duplicates, reordering and its extent, as RFC 4737 defines them: by examples, and against a slow
 * reading of the definition. */
#include "traffic/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"

static struct sequence *start(uint32_t window)
{
    static struct sequence sequence;
    static uint64_t memory[1 << 14];
    assert_true(sequence_bytes(window) <= sizeof(memory));
    sequence_init(&sequence, memory, window);
    return &sequence;
}

struct row {
    uint64_t number;
    enum sequence_verdict verdict;
    uint32_t extent; /* Of a reordered one. */
};

static void expect(struct sequence *sequence, const struct row rows[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t extent = 0;
        assert_int_equal(sequence_arrive(sequence, rows[i].number, &extent), rows[i].verdict);
        assert_int_equal(extent, rows[i].extent);
    }
}

#define EXPECT(sequence, rows) expect(sequence, rows, sizeof(rows) / sizeof((rows)[0]))

/* Two packets overtake five: the late ones have the extents 2 to 6. */
static void two_overtake_five(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {1, SEQUENCE_IN_ORDER, 0},  {2, SEQUENCE_IN_ORDER, 0},  {3, SEQUENCE_IN_ORDER, 0},
        {9, SEQUENCE_IN_ORDER, 0},  {10, SEQUENCE_IN_ORDER, 0}, {4, SEQUENCE_REORDERED, 2},
        {5, SEQUENCE_REORDERED, 3}, {6, SEQUENCE_REORDERED, 4}, {7, SEQUENCE_REORDERED, 5},
        {8, SEQUENCE_REORDERED, 6}, {11, SEQUENCE_IN_ORDER, 0},
    };
    struct sequence *sequence = start(64);
    EXPECT(sequence, rows);
    assert_int_equal(sequence->arrivals, 11);
    assert_int_equal(sequence->next, 12);
}

/* The earliest one that overtook each counts, not the last. */
static void earliest_overtaker_counts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {1, SEQUENCE_IN_ORDER, 0},  {2, SEQUENCE_IN_ORDER, 0},  {3, SEQUENCE_IN_ORDER, 0},
        {4, SEQUENCE_IN_ORDER, 0},  {7, SEQUENCE_IN_ORDER, 0},  {5, SEQUENCE_REORDERED, 1},
        {8, SEQUENCE_IN_ORDER, 0},  {6, SEQUENCE_REORDERED, 3}, {9, SEQUENCE_IN_ORDER, 0},
        {10, SEQUENCE_IN_ORDER, 0},
    };
    EXPECT(start(64), rows);
}

static void duplicates_are_no_arrivals(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {0, SEQUENCE_IN_ORDER, 0},  {0, SEQUENCE_DUPLICATE, 0}, {2, SEQUENCE_IN_ORDER, 0},
        {2, SEQUENCE_DUPLICATE, 0}, {0, SEQUENCE_DUPLICATE, 0}, {1, SEQUENCE_REORDERED, 1},
        {1, SEQUENCE_DUPLICATE, 0}, {3, SEQUENCE_IN_ORDER, 0},
    };
    struct sequence *sequence = start(64);
    EXPECT(sequence, rows);
    assert_int_equal(sequence->arrivals, 4);
}

/* A loss moves the window on; what falls out of it can no longer be told from a duplicate. */
static void window_moves(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {0, SEQUENCE_IN_ORDER, 0},    {63, SEQUENCE_IN_ORDER, 0},   {1, SEQUENCE_REORDERED, 1},
        {64, SEQUENCE_IN_ORDER, 0},   {0, SEQUENCE_OLD, 0},         {1, SEQUENCE_DUPLICATE, 0},
        {65, SEQUENCE_IN_ORDER, 0},   {1, SEQUENCE_OLD, 0},         {2, SEQUENCE_REORDERED, 4},
        {1000, SEQUENCE_IN_ORDER, 0}, {936, SEQUENCE_OLD, 0},       {937, SEQUENCE_REORDERED, 1},
        {999, SEQUENCE_REORDERED, 2}, {999, SEQUENCE_DUPLICATE, 0}, {1000, SEQUENCE_DUPLICATE, 0},
        {1064, SEQUENCE_IN_ORDER, 0}, {1000, SEQUENCE_OLD, 0},      {1001, SEQUENCE_REORDERED, 1},
    };
    EXPECT(start(64), rows);
}

static void windows_are_powers_of_two(void **state)
{
    (void)state;
    assert_int_equal(sequence_window(0), 64);
    assert_int_equal(sequence_window(64), 64);
    assert_int_equal(sequence_window(65), 128);
    assert_int_equal(sequence_window(UINT64_MAX), SEQUENCE_WINDOW_MAX);
    assert_int_equal(sequence_bytes(64), 16 + 256);
}

/* Each arrival so far, and RFC 4737 read word by word. */
struct model {
    uint64_t numbers[20000];
    uint32_t count;
};

static enum sequence_verdict judge(struct model *model, uint64_t number, uint32_t window,
                                   uint32_t *extent)
{
    uint64_t next = 0;
    bool met = false;
    for (uint32_t i = 0; i < model->count; i++) {
        met |= model->numbers[i] == number;
        next = model->numbers[i] >= next ? model->numbers[i] + 1 : next;
    }
    if (number < next && next - number > window)
        return SEQUENCE_OLD;
    if (met)
        return SEQUENCE_DUPLICATE;
    uint32_t at = model->count++;
    model->numbers[at] = number;
    if (number >= next)
        return SEQUENCE_IN_ORDER;
    for (uint32_t j = 0; j < at; j++) {
        if (model->numbers[j] > number) {
            *extent = at - j;
            break;
        }
    }
    return SEQUENCE_REORDERED;
}

/* A path that loses, doubles and holds back, and sometimes loses more than a window. */
static void as_the_definition_says(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 20; seed++) {
        static struct model model;
        struct random random;
        uint32_t window = seed % 2 == 0 ? 64 : 256;
        struct sequence *sequence = start(window);
        uint64_t sent = 0;
        unsigned seen[4] = {0};
        random_seed(&random, seed);
        model.count = 0;
        for (unsigned i = 0; i < 1500; i++) {
            sent += 1 + (random_below(&random, 10) == 0 ? random_below(&random, 9) : 0);
            sent += random_below(&random, 200) == 0 ? random_below(&random, 3 * window) : 0;
            uint64_t back = random_below(&random, 4) == 0 ? random_below(&random, 2 * window) : 0;
            uint64_t number = back > sent ? 0 : sent - back;
            uint32_t extent = 0, wanted = 0;
            enum sequence_verdict verdict = judge(&model, number, window, &wanted);
            assert_int_equal(sequence_arrive(sequence, number, &extent), verdict);
            assert_int_equal(extent, wanted);
            seen[verdict]++;
        }
        assert_int_equal(sequence->arrivals, model.count);
        for (unsigned v = 0; v < 4; v++)
            assert_true(seen[v] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_overtake_five),          cmocka_unit_test(earliest_overtaker_counts),
        cmocka_unit_test(duplicates_are_no_arrivals), cmocka_unit_test(window_moves),
        cmocka_unit_test(windows_are_powers_of_two),  cmocka_unit_test(as_the_definition_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
