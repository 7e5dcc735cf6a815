/* Runs of alike requests become one record; what differs begins another; no due time is lost. */
#include "record/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/record.h"

static struct record_request blocked(uint64_t due_ns, uint32_t flow)
{
    return (struct record_request){.due_ns = due_ns, .flow = flow, .outcome = OUTCOME_BLOCKED};
}

/* What sets a request apart from those of its run. */
static void each_difference_begins_a_run(void **state)
{
    struct record_request other[8];
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        other[i] = blocked(400000, 5);
    other[1].flow = 5 + FOLD_SLOTS; /* In the same slot. */
    other[2].outcome = OUTCOME_UNSENT;
    other[3].reason = UNSENT_STALL;
    other[4].host = 3;
    other[5].connection = 9;
    other[6].due_ns = 400501; /* Over the slack. */
    other[7].due_ns = 50000;  /* Before. */
    for (unsigned i = 0; i < 8; i++) {
        struct folds *folds = calloc(1, sizeof(*folds));
        struct record_fold ended;
        struct fold_place place;
        for (unsigned k = 1; k < 4; k++) {
            struct record_request request = blocked(k * 100000, 5);
            assert_false(folds_add(folds, &request, &ended, &place));
            assert_int_equal(place.began, k == 1);
        }
        assert_int_equal(folds_add(folds, &other[i], &ended, &place), i > 0);
        assert_int_equal(place.began, i > 0);
        if (i > 0) {
            assert_int_equal(ended.count, 3);
            assert_int_equal(ended.first_ns, 100000);
            assert_int_equal(ended.step_ns, 100000);
        }
        assert_true(folds_end(folds, &ended));
        assert_int_equal(ended.count, i == 0 ? 4 : 1);
        assert_false(folds_end(folds, &ended));
        free(folds);
    }
}

/* A third of a second is no whole number of ns: members are where they were, but for the slack. */
static void members_stay_within_the_slack(void **state)
{
    struct folds *folds = calloc(1, sizeof(*folds));
    struct record_fold ended;
    uint64_t members = 0, runs = 0;
    struct fold_place place;
    (void)state;
    for (uint64_t k = 0; k <= 3000; k++) {
        struct record_request request = blocked(k * 1000000000 / 3, 1);
        bool last = k == 3000;
        if (!last && !folds_add(folds, &request, &ended, &place))
            continue;
        if (last)
            assert_true(folds_end(folds, &ended));
        for (uint64_t i = 0; i < ended.count; i++, members++)
            assert_in_range(ended.first_ns + i * ended.step_ns + FOLD_SLACK_NS,
                            members * 1000000000 / 3, members * 1000000000 / 3 + 1000);
        runs++;
    }
    assert_int_equal(members, 3000);
    assert_in_range(runs, 2, 4);
    free(folds);
}

static void connections_and_sendings_are_told(void **state)
{
    struct folds *folds = calloc(1, sizeof(*folds));
    struct record_fold ended;
    struct fold_place place;
    (void)state;
    for (uint32_t k = 0; k < 3; k++) {
        struct record_request request = {.due_ns = k * 1000,
                                         .sent_ns = k == 1 ? 0 : 5,
                                         .connection = 7 + k / 2,
                                         .outcome = OUTCOME_REFUSED};
        folds_add(folds, &request, &ended, &place);
        assert_int_equal(folds->slots[0].connection, k < 2 ? 7 : FOLD_SEVERAL);
    }
    assert_true(folds_end(folds, &ended));
    assert_int_equal(ended.sent, 2);
    free(folds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_difference_begins_a_run),
        cmocka_unit_test(members_stay_within_the_slack),
        cmocka_unit_test(connections_and_sendings_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
