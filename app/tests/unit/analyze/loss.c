/* Loss patterns, by the examples of RFC 3357. */
#include "analyze/loss.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Paragraph 6.5: of ten packets the 2nd, 5th, 7th, 9th and 10th are lost. */
static void ten_packets(void **state)
{
    static const struct {
        bool lost;
        size_t distance;
    } rows[] = {{false, 0}, {true, 0}, {false, 0}, {false, 0}, {true, 3},
                {false, 0}, {true, 2}, {false, 0}, {true, 2},  {true, 1}};
    static const struct loss_period periods[] = {{1, 1, 0}, {4, 1, 3}, {6, 1, 2}, {8, 2, 2}};
    struct loss loss;
    (void)state;
    loss_start(&loss, 2);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(loss_add(&loss, rows[i].lost), rows[i].distance);
    assert_int_equal(loss.count, 10);
    assert_int_equal(loss.lost, 5);
    assert_int_equal(loss.period_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(loss.periods[i].first, periods[i].first);
        assert_int_equal(loss.periods[i].length, periods[i].length);
        assert_int_equal(loss.periods[i].since_last, periods[i].since_last);
    }
    assert_int_equal(loss_longest_period(&loss), 2);
    assert_int_equal(loss.noticeable, 3); /* Distances 2, 2 and 1, but not 3. */
    assert_true(loss_noticeable_rate(&loss) == 3.0 / 5);
    loss_free(&loss);
}

/* Paragraph 6.1: packet 50, then three from packet 125 on; with delta 99 all three are noticeable,
 * with delta 74 the first of them no longer is. */
static void noticeable_by_distance(void **state)
{
    static const struct {
        size_t delta, noticeable;
    } rows[] = {{99, 3}, {75, 3}, {74, 2}, {1, 2}, {0, 0}};
    (void)state;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct loss loss;
        loss_start(&loss, rows[row].delta);
        for (unsigned packet = 1; packet <= 200; packet++)
            loss_add(&loss, packet == 50 || (packet >= 125 && packet <= 127));
        assert_int_equal(loss.noticeable, rows[row].noticeable);
        assert_int_equal(loss.period_count, 2);
        assert_int_equal(loss.periods[1].since_last, 75);
        loss_free(&loss);
    }
}

static void nothing_lost_or_everything(void **state)
{
    struct loss loss;
    (void)state;
    loss_start(&loss, 99);
    assert_true(loss_noticeable_rate(&loss) == 0);
    for (unsigned i = 0; i < 100; i++)
        loss_add(&loss, false);
    assert_int_equal(loss.period_count, 0);
    assert_int_equal(loss_longest_period(&loss), 0);
    assert_true(loss_noticeable_rate(&loss) == 0);
    loss_free(&loss);
    loss_start(&loss, 99);
    for (unsigned i = 0; i < 100; i++)
        loss_add(&loss, true);
    assert_int_equal(loss.period_count, 1);
    assert_int_equal(loss_longest_period(&loss), 100);
    assert_true(loss_noticeable_rate(&loss) == 0.99);
    loss_free(&loss);
}

static void more_periods_than_the_first_room(void **state)
{
    struct loss loss;
    (void)state;
    loss_start(&loss, 1);
    for (unsigned i = 0; i < 2000; i++)
        loss_add(&loss, i % 2 == 1);
    assert_int_equal(loss.period_count, 1000);
    assert_int_equal(loss.periods[999].first, 1999);
    assert_false(loss.failed);
    loss_free(&loss);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_packets),
        cmocka_unit_test(noticeable_by_distance),
        cmocka_unit_test(nothing_lost_or_everything),
        cmocka_unit_test(more_periods_than_the_first_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
