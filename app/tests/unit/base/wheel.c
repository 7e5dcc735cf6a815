#include "base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"

enum {
    TICK_NS = 1000
};

static void never_early_and_on_time(void **state)
{
    /* Set at `now`, for `expires`: the first turn that returns it. */
    static const struct {
        uint64_t now_ns, expires_ns, first_ns;
    } rows[] = {
        {0, 1, 1000},                            /* Rounded up to a tick. */
        {0, 1000, 1000},                         /* Exactly a tick. */
        {0, 1001, 2000},                         /* */
        {500, 700, 1000},                        /* Inside the present tick: the next one. */
        {0, 255000, 255000},                     /* Last of level 0. */
        {0, 256000, 256000},                     /* First of level 1. */
        {255000, 256000, 256000},                /* A step of one tick over the edge of a level. */
        {1000, 65536000, 65536000},              /* First of level 2. */
        {0, 65535999, 65536000},                 /* */
        {0, 16777216000, 16777216000},           /* First of level 3. */
        {16777215000, 16777217000, 16777217000}, /* Over three edges at once. */
        {0, 4294967295000, 4294967295000},       /* Last of the range. */
        {0, 4294967296000, 4294967296000},       /* First beyond it. */
        {4294967295000, 4294967297000, 4294967297000},
        {7000, 5 * 4294967296000 + 3000, 5 * 4294967296000 + 3000}, /* Five ranges on. */
    };
    struct wheel *wheel = malloc(sizeof(*wheel));

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wheel_timer timer = {0};

        wheel_init(wheel, TICK_NS, rows[i].now_ns);
        wheel_set(wheel, &timer, rows[i].expires_ns);
        assert_true(wheel_is_set(&timer));
        assert_true(wheel->next_ns <= rows[i].first_ns);
        assert_null(wheel_expire(wheel, rows[i].now_ns));
        assert_null(wheel_expire(wheel, rows[i].first_ns - 1));
        assert_ptr_equal(wheel_expire(wheel, rows[i].first_ns), &timer);
        assert_false(wheel_is_set(&timer));
        assert_null(wheel_expire(wheel, rows[i].first_ns));
        assert_int_equal(wheel->count, 0);
        assert_true(wheel->next_ns == UINT64_MAX);
    }
    free(wheel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_early_and_on_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
