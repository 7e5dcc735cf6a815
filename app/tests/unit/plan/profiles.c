/* The delays that predict assumes are those that the lab has: two tables that share no code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/profile.h"
#include "plan/experiment.h"
#include "plan/predict.h"

static void same(const struct profile *lab, enum profile_delay delay, struct predict_range range)
{
    if (lab->delays[delay].least_ns != range.low_ns || lab->delays[delay].most_ns != range.high_ns)
        fail_msg("%s: delay %d of the lab is %lld to %lld ns, of predict %lld to %lld", lab->name,
                 delay, (long long)lab->delays[delay].least_ns,
                 (long long)lab->delays[delay].most_ns, (long long)range.low_ns,
                 (long long)range.high_ns);
}

static void profiles_are_the_lab_s(void **state)
{
    size_t count;
    const struct predict_profile *profiles = predict_profiles(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct predict_delays *delays = &profiles[i].delays;
        const struct predict_range interval = {delays->proxy_interval_ns,
                                               delays->proxy_interval_ns};
        struct profile lab;
        struct error err = {0};
        if (profile_find(profiles[i].name, &lab, &err) < 0)
            fail_msg("%s", err.text);
        same(&lab, PROFILE_CONTROLLER, delays->controller);
        same(&lab, PROFILE_POD_READY, delays->pod_ready);
        same(&lab, PROFILE_ENDPOINT, delays->endpoint_ready);
        same(&lab, PROFILE_ENDPOINT, delays->endpoint_terminating);
        same(&lab, PROFILE_TERMINATION, delays->stop_start);
        same(&lab, PROFILE_OBJECT_GONE, delays->object_gone);
        same(&lab, PROFILE_PROXY_APPLY, delays->proxy_apply);
        same(&lab, PROFILE_PROXY_MIN_SYNC, interval);
        assert_int_equal(lab.proxy_burst, delays->proxy_burst);
        assert_int_equal(lab.terminating_endpoints, delays->terminating_endpoints);
    }
}

/* Every profile that an experiment may name can be predicted. */
static void experiments_name_the_same_profiles(void **state)
{
    (void)state;
    for (int i = EXPERIMENT_PROFILE_IDEAL; i <= EXPERIMENT_PROFILE_AKS_2019; i++)
        assert_non_null(predict_profile_find(experiment_profile_word((enum experiment_profile)i)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_are_the_lab_s),
        cmocka_unit_test(experiments_name_the_same_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
