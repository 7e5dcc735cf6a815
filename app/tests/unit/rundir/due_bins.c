/* due_bins: what is added in any order is read in that of time, whether a slice has few bins or
 * many, and by any stretches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "rundir/due_bins.h"

enum {
    SLICE_US = 1 << 16,
    SPAN_US = 3 * SLICE_US
};

static void add(struct due_bins *bins, uint32_t model[SPAN_US], uint64_t us, uint32_t count)
{
    assert_int_equal(due_bins_add(bins, us, count), 0);
    model[us] += count;
}

/* Every bin, one after the other. */
static void agrees(const struct due_bins *bins, const uint32_t model[SPAN_US])
{
    struct due_place place = {0};
    uint64_t us, next_us = 0, due = 0, last_us = 0;
    for (; due_bins_peek(bins, &place, &us); next_us = us + 1) {
        for (; next_us < us; next_us++)
            assert_int_equal(model[next_us], 0);
        assert_int_equal(due_bins_take(bins, &place, us + 1), model[us]);
        due += model[us];
        last_us = us;
    }
    for (; next_us < SPAN_US; next_us++)
        assert_int_equal(model[next_us], 0);
    assert_int_equal(bins->due, due);
    assert_int_equal(due_bins_last_us(bins), last_us);
}

/* From anywhere, in steps by chance. */
static void agrees_in_stretches(const struct due_bins *bins, const uint32_t model[SPAN_US],
                                struct random *random)
{
    uint64_t us = random_below(random, SPAN_US);
    struct due_place place = due_bins_place(bins, us);
    while (us < SPAN_US) {
        uint64_t until_us = us + random_below(random, random_below(random, 2) ? 50 : SLICE_US);
        uint64_t due = 0;
        for (; us < until_us; us++)
            due += us < SPAN_US ? model[us] : 0;
        assert_int_equal(due_bins_take(bins, &place, until_us), due);
    }
}

/* COUNT bins: few in a slice are entries, many are counts. */
static void any(uint32_t count, uint32_t most)
{
    struct due_bins bins = {0};
    uint32_t *model = calloc(SPAN_US, sizeof(*model));
    struct random random;
    random_seed(&random, count);
    assert_non_null(model);
    for (uint32_t i = 0; i < count; i++)
        add(&bins, model, random_below(&random, SPAN_US),
            1 + (uint32_t)random_below(&random, most));
    due_bins_sort(&bins);
    agrees(&bins, model);
    for (unsigned i = 0; i < 20; i++)
        agrees_in_stretches(&bins, model, &random);
    due_bins_free(&bins);
    free(model);
}

static void few(void **state)
{
    (void)state;
    any(1, 1);
    any(300, 5);
}

static void many(void **state)
{
    (void)state;
    any(200000, 3);
}

/* Connections that are all opened at once are due in one microsecond. */
static void more_than_a_count_can_hold(void **state)
{
    (void)state;
    for (unsigned dense = 0; dense < 2; dense++) {
        struct due_bins bins = {0};
        uint32_t *model = calloc(SPAN_US, sizeof(*model));
        assert_non_null(model);
        for (unsigned us = 0; dense > 0 && us < SLICE_US; us++)
            add(&bins, model, us, 1);
        add(&bins, model, 7, 1000000);
        add(&bins, model, 5, 70000);
        add(&bins, model, 7, 65535);
        due_bins_sort(&bins);
        agrees(&bins, model);
        due_bins_free(&bins);
        free(model);
    }
}

/* As a second worker's, or damage: each in a slice of its own, the last one first. */
static void far_apart(void **state)
{
    (void)state;
    enum {
        COUNT = 3000
    };
    struct due_bins bins = {0};
    struct due_place place = {0};
    uint64_t us;
    for (uint64_t i = COUNT; i > 0; i--)
        assert_int_equal(due_bins_add(&bins, i * 12345678901, 1), 0);
    due_bins_sort(&bins);
    for (uint64_t i = 1; i <= COUNT; i++) {
        assert_true(due_bins_peek(&bins, &place, &us));
        assert_int_equal(us, i * 12345678901);
        assert_int_equal(due_bins_take(&bins, &place, us + 1), 1);
    }
    assert_false(due_bins_peek(&bins, &place, &us));
    assert_int_equal(due_bins_last_us(&bins), (uint64_t)COUNT * 12345678901);
    due_bins_free(&bins);
}

static void none(void **state)
{
    (void)state;
    struct due_bins bins = {0};
    struct due_place place = {0};
    uint64_t us = 1;
    due_bins_sort(&bins);
    assert_false(due_bins_peek(&bins, &place, &us));
    assert_int_equal(due_bins_take(&bins, &place, UINT64_MAX), 0);
    assert_int_equal(due_bins_last_us(&bins), 0);
    due_bins_free(&bins);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few),
        cmocka_unit_test(many),
        cmocka_unit_test(more_than_a_count_can_hold),
        cmocka_unit_test(far_apart),
        cmocka_unit_test(none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
