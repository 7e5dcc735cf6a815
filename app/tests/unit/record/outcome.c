/* The words of outcomes are those of the design, and each value has one. */
#include "record/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_value_has_its_own_word(void **state)
{
    (void)state;
    for (unsigned a = 0; a < OUTCOME_COUNT; a++)
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(outcome_text(a), outcome_text(b));
    for (unsigned a = 0; a < CONNECTION_END_COUNT; a++)
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(connection_end_text(a), connection_end_text(b));
    assert_string_equal(outcome_text(OUTCOME_COUNT), "?");
    assert_string_equal(unsent_reason_text(UNSENT_COUNT), "?");
    assert_string_equal(tester_fault_text(FAULT_COUNT), "?");
}

/* All but ok, repaired, late, unfinished, unsent and sent open a window. */
static void losses(void **state)
{
    (void)state;
    static const char *const not_lost[] = {"ok",         "repaired", "late",
                                           "unfinished", "unsent",   "sent"};
    for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        bool lost = true;
        for (unsigned i = 0; i < sizeof(not_lost) / sizeof(not_lost[0]); i++)
            lost = lost && strcmp(outcome_text(outcome), not_lost[i]) != 0;
        assert_int_equal(outcome_is_loss(outcome), lost);
    }
}

static void a_connection_that_never_was_up_is_not_broken(void **state)
{
    (void)state;
    assert_false(connection_end_is_broken(CONNECTION_REFUSED));
    assert_false(connection_end_is_broken(CONNECTION_CONNECT_TIMEOUT));
    assert_false(connection_end_is_broken(CONNECTION_LASTING));
    assert_true(connection_end_is_broken(CONNECTION_RST));
    assert_true(connection_end_is_broken(CONNECTION_FIN));
    assert_true(connection_end_is_broken(CONNECTION_SILENCE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_has_its_own_word),
        cmocka_unit_test(losses),
        cmocka_unit_test(a_connection_that_never_was_up_is_not_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
