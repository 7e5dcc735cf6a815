#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* From the authors' reference code: the first outputs from the state 1, 2, 3, 4. */
static void xoshiro_vector(void **state)
{
    struct random random = {{1, 2, 3, 4}};

    (void)state;
    assert_true(random_next(&random) == 11520);
    assert_true(random_next(&random) == 0);
    assert_true(random_next(&random) == 1509978240);
    assert_true(random_next(&random) == UINT64_C(1215971899390074240));
}

/* The known sequence of splitmix64 from seed 1234567. */
static void seeding_vector(void **state)
{
    struct random random;

    (void)state;
    random_seed(&random, 1234567);
    assert_true(random.s[0] == UINT64_C(6457827717110365317));
    assert_true(random.s[1] == UINT64_C(3203168211198807973));
    assert_true(random.s[2] == UINT64_C(9817491932198370423));
    assert_true(random.s[3] == UINT64_C(4593380528125082431));
}

static void below_stays_below_and_reaches_all(void **state)
{
    struct random random;
    unsigned seen[6] = {0};

    (void)state;
    random_seed(&random, 1);
    for (unsigned i = 0; i < 6000; i++)
        seen[random_below(&random, 6)]++;
    for (unsigned i = 0; i < 6; i++)
        assert_in_range(seen[i], 850, 1150); /* 1000 +- 5 standard deviations; seeded. */
    assert_int_equal(random_below(&random, 0), 0);
    assert_int_equal(random_below(&random, 1), 0);
}

/* Of 3 * 2^62 values, a plain modulo would give those below 2^62 twice as often: half of all, not
 * a third. */
static void below_has_no_modulo_bias(void **state)
{
    struct random random;
    unsigned low = 0;

    (void)state;
    random_seed(&random, 2);
    for (unsigned i = 0; i < 30000; i++)
        low += random_below(&random, UINT64_C(3) << 62) < UINT64_C(1) << 62;
    assert_in_range(low, 9600, 10400);
}

static void unit_is_below_one(void **state)
{
    struct random random;
    double sum = 0;

    (void)state;
    random_seed(&random, 3);
    for (unsigned i = 0; i < 10000; i++) {
        double value = random_unit(&random);

        assert_true(value >= 0 && value < 1);
        sum += value;
    }
    assert_true(sum > 4850 && sum < 5150);
    random = (struct random){{0, UINT64_MAX, 0, 0}}; /* Makes an output with all bits high. */
    assert_true(random_unit(&random) < 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xoshiro_vector),
        cmocka_unit_test(seeding_vector),
        cmocka_unit_test(below_stays_below_and_reaches_all),
        cmocka_unit_test(below_has_no_modulo_bias),
        cmocka_unit_test(unit_is_below_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
