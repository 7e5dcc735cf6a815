/* What is predicted, and on what it is said to rest. */
#include "run/prediction.h"

#include "tests/unit/run/plan.h"

#define DEPLOYMENT(strategy, hook)                                                                 \
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: mserver}\nspec:\n  replicas: 8\n"     \
    "  strategy: {" strategy "}\n  template: {spec: {containers: [{name: mserver, lifecycle: "     \
    "{preStop: " hook "}}]}}\n"
#define ROLLING "rollingUpdate: {maxSurge: 1, maxUnavailable: 0}"

static struct meta_prediction predicted(struct experiment *experiment, const char *yaml)
{
    struct manifest manifest = {0};
    struct meta_prediction out;
    struct error err = {0};
    if (yaml != NULL && manifest_parse("m", yaml, strlen(yaml), &manifest, &err) < 0)
        fail_msg("%s", err.text);
    if (prediction_make(experiment, &manifest, yaml != NULL, &out, NULL, &err) < 0)
        fail_msg("%s", err.text);
    manifest_free(&manifest);
    experiment_free(experiment);
    return out;
}

static void figures_and_basis(void **state)
{
    struct meta_prediction out =
        predicted(main_job(NULL), DEPLOYMENT(ROLLING, "{exec: {command: [sleep, '2']}}"));
    (void)state;
    assert_true(out.given);
    assert_true(out.min >= 80 && out.min <= out.p50 && out.p50 <= out.max);
    assert_non_null(strstr(out.basis, "rr, 8 pods, surge 1, unavailable 0"));
    assert_non_null(strstr(out.basis, "preStop 2"));
    assert_non_null(strstr(out.basis, "profile kubeadm"));
    assert_null(strstr(out.basis, "knowing"));
}

static void hook_that_is_no_sleep_is_said(void **state)
{
    struct meta_prediction out =
        predicted(main_job(NULL), DEPLOYMENT(ROLLING, "{exec: {command: [nginx, -s, quit]}}"));
    (void)state;
    assert_true(out.given);
    assert_non_null(strstr(out.basis, "for want of knowing: the hook is no plain sleep"));
}

static void nothing_to_predict(void **state)
{
    struct meta_prediction out = predicted(main_job(NULL), NULL);
    (void)state;
    assert_false(out.given);
    assert_string_equal(out.basis, "");
    out = predicted(main_job(NULL), DEPLOYMENT("type: Recreate", "{sleep: {seconds: 2}}"));
    assert_false(out.given);
    assert_non_null(strstr(out.basis, "Recreate"));
}

/* Weights are all the same, so that the weighted schedulers are like the plain ones. */
static void schedulers_that_have_a_model(void **state)
{
    static const char yaml[] = DEPLOYMENT(ROLLING, "{sleep: {seconds: 2}}");
    struct meta_prediction out = predicted(main_job("cluster.proxy.scheduler=wlc"), yaml);
    (void)state;
    assert_int_equal(out.min, 80);
    assert_int_equal(out.max, 80);
    out = predicted(main_job("cluster.proxy.scheduler=wrr"), yaml);
    assert_int_equal(out.max, predicted(main_job(NULL), yaml).max);
    out = predicted(main_job("cluster.proxy.scheduler=sh"), yaml);
    assert_false(out.given);
    assert_string_equal(out.basis, "nothing is predicted for the scheduler sh");
}

static void readiness_is_the_profile_s_or_the_experiment_s(void **state)
{
    struct experiment *experiment = main_job("cluster.lab.podReady=500ms");
    struct predict_range ready = prediction_pod_ready(experiment);
    (void)state;
    assert_int_equal(ready.low_ns, 500000000);
    assert_int_equal(ready.high_ns, 500000000);
    experiment_free(experiment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_and_basis),
        cmocka_unit_test(hook_that_is_no_sleep_is_said),
        cmocka_unit_test(nothing_to_predict),
        cmocka_unit_test(schedulers_that_have_a_model),
        cmocka_unit_test(readiness_is_the_profile_s_or_the_experiment_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
