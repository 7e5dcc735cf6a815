#include "net/impair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static struct impair impair;
static int packets[4096];

/* The stage's own use: decide, pass, and take all whose time has come. Returns what came out. */
static unsigned step(uint64_t now_ns, int number, int out[], unsigned max)
{
    struct impair_fate fate = impair_fate(&impair), none = {0};
    unsigned count = 0;
    int *packet;

    assert_true(impair_room(&impair) >= 2);
    packets[number] = number;
    if (!fate.drop)
        impair_pass(&impair, now_ns, &packets[number], &fate);
    if (fate.duplicate)
        impair_pass(&impair, now_ns, &packets[number], &none);
    while (count < max && (packet = impair_take(&impair, now_ns)) != NULL)
        out[count++] = *packet;
    return count;
}

static void passes_all_when_nothing_is_set(void **state)
{
    const struct impair_config config = {.distance = 3};
    int out[4];

    (void)state;
    impair_init(&impair, &config, 1);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(step(0, i, out, 4), 1);
        assert_int_equal(out[0], i);
    }
    assert_int_equal(impair.counters.packets, 1000);
    assert_int_equal(impair_held(&impair), 0);
}

/* Every one of them, by the fault's own probability of 1. */
static void drops_and_duplicates(void **state)
{
    const struct impair_config drop = {.drop = 1}, twice = {.duplicate = 1};
    int out[4];

    (void)state;
    impair_init(&impair, &drop, 1);
    assert_int_equal(step(0, 0, out, 4), 0);
    assert_int_equal(impair.counters.dropped, 1);
    impair_init(&impair, &twice, 1);
    assert_int_equal(step(0, 7, out, 4), 2);
    assert_int_equal(out[0], 7);
    assert_int_equal(out[1], 7);
}

static void delays(void **state)
{
    const struct impair_config config = {.delay = 1, .delay_ns = 5 * MS};
    int out[4];

    (void)state;
    impair_init(&impair, &config, 1);
    assert_int_equal(step(0, 0, out, 4), 0);
    assert_int_equal(step(2 * MS, 1, out, 4), 0);
    assert_null(impair_take(&impair, 5 * MS - 1));
    assert_ptr_equal(impair_take(&impair, 5 * MS), &packets[0]);
    assert_null(impair_take(&impair, 7 * MS - 1));
    assert_ptr_equal(impair_take(&impair, 7 * MS), &packets[1]);
    assert_int_equal(impair_held(&impair), 0);
}

/* Packet 0 is put behind three later ones, or comes after 10 ms if they don't. */
static void reorders(void **state)
{
    const struct impair_config config = {.distance = 3};
    const struct impair_fate behind = {.reorder = true}, none = {0};

    (void)state;
    impair_init(&impair, &config, 1);
    for (int i = 0; i < 5; i++)
        impair_pass(&impair, 0, &packets[i], i == 0 ? &behind : &none);
    static const int order[] = {1, 2, 3, 0, 4};
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(impair_take(&impair, 0), &packets[order[i]]);
    assert_null(impair_take(&impair, 0));

    impair_pass(&impair, 0, &packets[0], &behind);
    impair_pass(&impair, 0, &packets[1], &none);
    assert_ptr_equal(impair_take(&impair, 0), &packets[1]);
    assert_null(impair_take(&impair, IMPAIR_REORDER_NS - 1));
    assert_ptr_equal(impair_take(&impair, IMPAIR_REORDER_NS), &packets[0]);
}

static void flips_a_bit_that_the_seed_chose(void **state)
{
    const struct impair_config config = {.flip = 1};
    uint64_t first;

    (void)state;
    impair_init(&impair, &config, 1);
    first = impair_fate(&impair).random;
    assert_true(impair_fate(&impair).random != first);
    impair_init(&impair, &config, 1);
    assert_int_equal(impair_fate(&impair).random, first);
    impair_init(&impair, &config, 2);
    assert_true(impair_fate(&impair).random != first);
}

/* 5 sigma around N p for each; the seed is fixed, so this fails always or never. */
static void draws_each_fault_by_its_probability(void **state)
{
    const struct impair_config config = {.drop = 0.01,
                                         .flip = 0.02,
                                         .duplicate = 0.03,
                                         .delay = 0.04,
                                         .reorder = 0.05,
                                         .distance = 1};
    const unsigned n = 1000000;

    (void)state;
    impair_init(&impair, &config, 3);
    for (unsigned i = 0; i < n; i++)
        impair_fate(&impair);
    assert_int_equal(impair.counters.packets, n);
    assert_in_range(impair.counters.dropped, 9500, 10500);
    assert_in_range(impair.counters.flipped, 19100, 20500);
    assert_in_range(impair.counters.duplicated, 28850, 30550);
    assert_in_range(impair.counters.delayed, 38600, 40600);
    assert_in_range(impair.counters.reordered, 46400, 48700); /* Not those that are delayed. */
}

static void is_the_same_again_by_its_seed(void **state)
{
    const struct impair_config config = {
        .drop = 0.1, .duplicate = 0.1, .delay = 0.1, .reorder = 0.1, .delay_ns = MS, .distance = 2};
    static int first[8192], again[8192];
    unsigned counts[2];

    (void)state;
    for (unsigned run = 0; run < 2; run++) {
        int *out = run == 0 ? first : again;
        unsigned used = 0;
        impair_init(&impair, &config, 9);
        for (int i = 0; i < 4096; i++)
            used += step((uint64_t)i * MS / 10, i, out + used, 8192 - used);
        counts[run] = used;
    }
    assert_int_equal(counts[0], counts[1]);
    assert_memory_equal(first, again, counts[0] * sizeof(first[0]));
    assert_int_equal(counts[0] + impair_held(&impair),
                     4096 - impair.counters.dropped + impair.counters.duplicated);
}

/* What does not fit is not lost. */
static void passes_at_once_when_it_can_keep_no_more(void **state)
{
    const struct impair_config config = {.delay = 1, .delay_ns = MS};
    unsigned left = 0;
    int out[4];

    (void)state;
    impair_init(&impair, &config, 1);
    for (int i = 0; i < IMPAIR_HELD_MAX; i++)
        assert_int_equal(step(0, i, out, 4), 0);
    assert_int_equal(step(0, IMPAIR_HELD_MAX, out, 4), 1);
    assert_int_equal(out[0], IMPAIR_HELD_MAX);
    assert_int_equal(impair.counters.full, 1);
    while (impair_drain(&impair) != NULL)
        left++;
    assert_int_equal(left, IMPAIR_HELD_MAX);
    assert_int_equal(impair_held(&impair), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_all_when_nothing_is_set),
        cmocka_unit_test(drops_and_duplicates),
        cmocka_unit_test(delays),
        cmocka_unit_test(reorders),
        cmocka_unit_test(flips_a_bit_that_the_seed_chose),
        cmocka_unit_test(draws_each_fault_by_its_probability),
        cmocka_unit_test(is_the_same_again_by_its_seed),
        cmocka_unit_test(passes_at_once_when_it_can_keep_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
