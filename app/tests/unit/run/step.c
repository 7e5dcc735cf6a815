/* What can be said of steps without a cluster or a NIC port. */
#include "run/step.h"

#include "run/launch.h"
#include "run/progress.h"
#include "tests/unit/run/plan.h"

static int planned(const char *set)
{
    struct experiment *experiment = main_job(set);
    int seconds = (int)(launch_planned_seconds(experiment) + 0.5);
    experiment_free(experiment);
    return seconds;
}

/* Its rollout may last up to the deadline; that of apply is before traffic. */
static void logs_are_made_for_the_longest_run(void **state)
{
    (void)state;
    assert_true(planned(NULL) >= 300);
    assert_int_equal(planned(NULL) - planned("steps.upgrade.deadline=20s"), 280);
    assert_int_equal(planned(NULL), planned("steps.0.deadline=20s"));
}

static void every_step_has_a_deadline(void **state)
{
    struct experiment *experiment = main_job(NULL);
    (void)state;
    for (uint32_t i = 0; i < experiment->step_count; i++)
        if (experiment->steps[i].verb != EXPERIMENT_WAIT)
            assert_true(experiment->steps[i].deadline_ns > 0);
    assert_int_equal(experiment->after[0].deadline_ns, INT64_C(120000000000));
    experiment_free(experiment);
}

static void progress_before_traffic(void **state)
{
    struct session *session = calloc(1, sizeof(*session));
    struct live_sample sample;
    struct steps steps;
    char line[256], step[96], wanted[96];
    (void)state;
    session->experiment = main_job(NULL);
    clock_start(&session->clock, 1000000);
    steps_start(&steps, session->experiment->steps, session->experiment->step_count, false);
    steps.index = (unsigned)experiment_step_index(session->experiment, "upgrade");
    snprintf(wanted, sizeof(wanted), "%u/%u upgrade", steps.index + 1, steps.count);
    assert_string_equal(steps_text(&steps, step), wanted);
    live_sample_take(&sample, session, &steps);
    session->live.now = sample;
    assert_non_null(strstr(progress_text(&session->live, line), wanted));
    assert_non_null(strstr(line, "0 sent 0 received 0 lost"));
    assert_null(strstr(line, "pods")); /* There is no cluster. */
    steps.index = steps.count;
    assert_string_equal(steps_text(&steps, step), "");
    experiment_free(session->experiment);
    free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_are_made_for_the_longest_run),
        cmocka_unit_test(every_step_has_a_deadline),
        cmocka_unit_test(progress_before_traffic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
