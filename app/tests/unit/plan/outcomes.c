/* An experiment names outcomes in the words of record/, in the same order, and those that are a loss
 * there open a window unless said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/experiment.h"
#include "plan/reader.h"
#include "record/outcome.h"

static void outcomes_are_record_s(void **state)
{
    static const struct {
        const char *word;
        bool loss;
    } recorded[] = {
#define X(id, text, loss) {text, loss},
        OUTCOMES(X)
#undef X
    };
    struct experiment_windows windows = {0};

    (void)state;
    assert_int_equal(sizeof(recorded) / sizeof(*recorded), EXPERIMENT_OUTCOME_COUNT);
    reader_defaults(reader_find(experiment_shape(), "windows")->object, &windows);
    for (unsigned i = 0; i < EXPERIMENT_OUTCOME_COUNT; i++) {
        assert_string_equal(experiment_outcome_word((enum experiment_outcome)i), recorded[i].word);
        assert_int_equal((windows.opens >> i) & 1, recorded[i].loss);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_are_record_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
