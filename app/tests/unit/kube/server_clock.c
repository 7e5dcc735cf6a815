/* Bounds of the server's clock by Dates of whole seconds, against servers whose offset is known. */
#include "kube/server_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)
#define START (INT64_C(1800000000) * SECOND + 123456789)

enum {
    TRIP_NS = 2000000
};

static int64_t date_of(int64_t utc_ns)
{
    return utc_ns - utc_ns % SECOND;
}

/* A request at UTC_NS to a server whose clock is OFFSET_NS ahead, which looks at it THERE_NS later,
 * and sees only each LATE_NS. */
static void ask_coarse(struct server_clock *clock, int64_t utc_ns, int64_t offset_ns,
                       int64_t there_ns, int64_t late_ns)
{
    server_clock_add(clock, utc_ns, utc_ns + TRIP_NS,
                     date_of(utc_ns + there_ns + offset_ns - late_ns));
}

static void ask(struct server_clock *clock, int64_t utc_ns, int64_t offset_ns, int64_t there_ns)
{
    ask_coarse(clock, utc_ns, offset_ns, there_ns, 0);
}

static void holds(const struct server_clock *clock, int64_t offset_ns)
{
    assert_true(clock->least_ns <= offset_ns);
    assert_true(clock->most_ns >= offset_ns);
}

/* Whatever the offset, wherever in the trip the server looks at its clock, and however late that is:
 * within the bounds always, and they are as narrow as can be after ten well-chosen requests. */
static void test_narrows(void **state)
{
    static const int64_t offsets[] = {
        0, 1, -1, 499999999, -730000000, SECOND - 1, 3 * SECOND, -86400 * SECOND, 5000000};
    static const int64_t theres[] = {0, TRIP_NS / 2, TRIP_NS};

    (void)state;
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        for (unsigned n = 0; n < 2 * sizeof(theres) / sizeof(theres[0]); n++) {
            struct server_clock clock = {0};
            int64_t now_ns = START, late_ns = n % 2 == 0 ? 0 : SERVER_CLOCK_TICK_NS - 1;

            for (unsigned request = 0; request < 11; request++) {
                ask_coarse(&clock, now_ns, offsets[i], theres[n / 2], late_ns);
                holds(&clock, offsets[i]);
                assert_int_equal(clock.steps, 0);
                int64_t best_ns = server_clock_best_ns(&clock, now_ns + TRIP_NS);
                assert_in_range(best_ns - now_ns, TRIP_NS, TRIP_NS + SECOND);
                now_ns = best_ns;
            }
            assert_true(server_clock_is_narrow(&clock));
            assert_int_equal(clock.answers, 11);
        }
    }
}

/* One answer alone knows it to a second and a trip. */
static void test_one(void **state)
{
    struct server_clock clock = {0};

    (void)state;
    assert_false(server_clock_is_narrow(&clock));
    ask(&clock, START, 0, 0);
    assert_int_equal(clock.most_ns - clock.least_ns, SECOND + SERVER_CLOCK_TICK_NS + TRIP_NS);
    assert_int_equal(clock.trip_ns, TRIP_NS);
    assert_false(server_clock_is_narrow(&clock));
}

/* A clock that is set: what was known before is of no use. */
static void test_step(void **state)
{
    struct server_clock clock = {0};

    (void)state;
    ask(&clock, START, 0, 0);
    ask(&clock, START + SECOND, 10 * SECOND, 0);
    holds(&clock, 10 * SECOND);
    assert_int_equal(clock.steps, 1);
    assert_int_equal(clock.answers, 1);
}

/* Dates that cannot be are left. */
static void test_senseless(void **state)
{
    struct server_clock clock = {0};

    (void)state;
    server_clock_add(&clock, START, START - 1, START);
    server_clock_add(&clock, START, START + 1, -1);
    server_clock_add(&clock, START, START + 1, INT64_MAX);
    assert_int_equal(clock.answers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_narrows),
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_senseless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
