/* The rows of the model: 8 replicas, 80 connections, one pod more at a time, preStop 2 s, no other
 * delay. By hand, with b(k) the connections that break with the k-th old pod and d how many pods on
 * one is that still gets the reconnects of another:
 *
 *     b(k) = 10 + sum of b(j) / 8 over j <= k - d
 *
 * d = 1 gives 80 (1.125^8 - 1) = 125.3; 2 gives 109.5; 3 gives 99.4; 4 gives 92.5; 5 gives 87.5.
 * Where the close and the next pod's readiness fall together, half the connections see either:
 * ready after 2 s lies between d = 1 and 2 (117.4), 1 s between 2 and 3 (104.5), 0.5 s between 4 and 5
 * (90). */
#include "plan/predict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S(n) ((int64_t)((n)*1e9))

static struct predict_input input_of(const char *profile, double ready_s)
{
    struct predict_input input = {
        .scheduler = PREDICT_RR,
        .limits = {.replicas = 8, .surge = 1, .unavailable = 0, .min_available = 8, .max_total = 9},
        .connections = 80,
        .pre_stop_ns = S(2),
        .grace_ns = S(30),
        .delays = predict_profile_find(profile)->delays,
        .seed = 1,
    };

    input.delays.pod_ready = (struct predict_range){S(ready_s), S(ready_s)};
    return input;
}

static struct predict_result run(const struct predict_input *input)
{
    struct predict_result result;
    struct error err = {0};

    if (predict_broken(input, &result, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(result.min <= result.p1 && result.p1 <= result.p50 && result.p50 <= result.p99 &&
                result.p99 <= result.max);
    assert_true(result.mean >= result.min && result.mean <= result.max);
    return result;
}

static const struct {
    double ready_s;
    double mean; /* By the formula above. */
} rows[] = {
    {0.1, 80}, {0.5, 90}, {1, 104}, {1.5, 109.5}, {2, 117.4}, {2.5, 125.3}, {3, 125.3}, {10, 125.3},
};

static void rr_without_delays_is_the_model(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct predict_input input = input_of("ideal", rows[i].ready_s);
        struct predict_result result = run(&input);
        if (result.mean < rows[i].mean - 1 || result.mean > rows[i].mean + 1)
            fail_msg("ready after %g s: %g, want %g", rows[i].ready_s, result.mean, rows[i].mean);
        assert_int_equal(result.min == 80, rows[i].mean == 80);
        predict_result_free(&result);
    }
}

static void ideal_gives_80_and_125(void **state)
{
    struct predict_input input = input_of("ideal", 3);
    struct predict_result result = run(&input);

    (void)state;
    assert_int_equal(result.p50, 125);
    assert_true(result.min >= 122 && result.max <= 128);
    predict_result_free(&result);
    input.delays = predict_profile_find("ideal")->delays; /* Its own podReady, 0.1 s. */
    result = run(&input);
    assert_int_equal(result.min, 80);
    assert_int_equal(result.max, 80);
    predict_result_free(&result);
}

static void random_has_the_mean_of_rr_and_more_spread(void **state)
{
    (void)state;
    for (size_t i = 1; i < sizeof(rows) / sizeof(*rows); i++) {
        struct predict_input input = input_of("ideal", rows[i].ready_s);
        struct predict_result rr = run(&input), random;
        input.scheduler = PREDICT_RANDOM;
        random = run(&input);
        if (random.mean < rows[i].mean - 1.5 || random.mean > rows[i].mean + 1.5)
            fail_msg("ready after %g s: %g, want %g", rows[i].ready_s, random.mean, rows[i].mean);
        assert_true(random.stdev > 2 * rr.stdev);
        predict_result_free(&rr);
        predict_result_free(&random);
    }
}

static void lc_is_always_perfect(void **state)
{
    static const char *const profiles[] = {"ideal", "kubeadm", "aks-2019"};

    (void)state;
    for (size_t p = 0; p < 3; p++)
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
            struct predict_input input = input_of(profiles[p], rows[i].ready_s);
            struct predict_result result;
            input.scheduler = PREDICT_LC;
            result = run(&input);
            assert_int_equal(result.min, 80);
            assert_int_equal(result.max, 80);
            predict_result_free(&result);
        }
}

static void the_delays_of_a_cluster_add_up(void **state)
{
    struct predict_input input = input_of("kubeadm", 2);
    struct predict_result result = run(&input);

    (void)state;
    /* What comes between Ready and the rules moves 2 s past the tie: about 125. */
    assert_true(result.mean > 122 && result.mean < 126);
    predict_result_free(&result);
    /* All eight are replaced, and in the rules, before the first one closes, or nearly. */
    input = input_of("kubeadm", 0.1);
    result = run(&input);
    assert_true(result.min >= 80 && result.max <= 90);
    predict_result_free(&result);
    /* Half a second more a pod, as where it has an image to pull. */
    input = input_of("kubeadm", 0.6);
    result = run(&input);
    assert_true(result.min >= 90 && result.max <= 108);
    predict_result_free(&result);
}

/* A proxy that got to know of a new pod takes what else is in the slice when it syncs. With the old
 * pod out of it by then, one sync is enough (d = 2). If not, the next one is too late, and nine
 * pods share what breaks: 90 ((10/9)^8 - 1) = 119.1. */
static void a_sync_takes_what_is_there_by_then(void **state)
{
    static const struct {
        double terminating_s, mean;
    } cases[] = {{0.05, 109.5}, {0.15, 119.1}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct predict_input input = input_of("ideal", 2);
        input.delays.endpoint_ready = (struct predict_range){S(0.01), S(0.01)};
        input.delays.endpoint_terminating =
            (struct predict_range){S(cases[i].terminating_s), S(cases[i].terminating_s)};
        input.delays.proxy_apply = (struct predict_range){S(0.1), S(0.1)};
        input.delays.stop_start = (struct predict_range){S(0.12), S(0.12)};
        struct predict_result result = run(&input);
        if (result.mean < cases[i].mean - 1 || result.mean > cases[i].mean + 1)
            fail_msg("out after %g s: %g, want %g", cases[i].terminating_s, result.mean,
                     cases[i].mean);
        predict_result_free(&result);
    }
}

static void what_closes_before_the_rules_know_fails_to_connect(void **state)
{
    struct predict_input input = input_of("kubeadm", 2);
    struct predict_result result;

    (void)state;
    input.pre_stop_ns = 0;
    result = run(&input);
    assert_true(result.failed_connects_mean > 1);
    predict_result_free(&result);
    input = input_of("ideal", 2); /* The rules know at once: none. */
    input.pre_stop_ns = 0;
    result = run(&input);
    assert_true(result.failed_connects_mean == 0);
    predict_result_free(&result);
}

/* preStop beyond the grace period is cut there: 60 s of it with 2 s of grace is as 2 s. */
static void grace_bounds_pre_stop(void **state)
{
    struct predict_input input = input_of("ideal", 2.5);
    struct predict_result result;

    (void)state;
    input.pre_stop_ns = S(60);
    result = run(&input);
    assert_int_equal(result.min, 80); /* All are replaced long before the first closes. */
    predict_result_free(&result);
    input.grace_ns = S(2);
    result = run(&input);
    assert_int_equal(result.p50, 125);
    predict_result_free(&result);
    /* Two seconds at least remain to drain after the hook: 2.5 s is not reached, 4 s is cut. */
    input.drain = (struct predict_range){S(1), S(1)};
    result = run(&input);
    assert_true(result.mean < 124);
    predict_result_free(&result);
}

/* Without surge the replacement comes when the old one is already out of the rules, so fewer pods
 * share what breaks, and more of them are old. */
static void unavailable_instead_of_surge(void **state)
{
    struct predict_input input = input_of("ideal", 3);
    struct predict_result result;

    (void)state;
    input.limits = (struct rollout_limits){8, 0, 1, 7, 8};
    result = run(&input);
    /* b(k) = 10 + sum of b(j) / 7 over j < k: in all 70 ((8/7)^8 - 1) = 133.7. */
    assert_true(result.mean > 132.7 && result.mean < 134.7);
    predict_result_free(&result);
    input.limits = (struct rollout_limits){8, 8, 0, 8, 16}; /* All at once. */
    result = run(&input);
    assert_int_equal(result.min, 80);
    assert_int_equal(result.max, 80);
    predict_result_free(&result);
}

static void the_same_seed_gives_the_same(void **state)
{
    struct predict_input input = input_of("kubeadm", 1);
    struct predict_result one = run(&input), same = run(&input), other;
    uint32_t runs = 0;

    (void)state;
    assert_int_equal(one.runs, PREDICT_RUNS);
    assert_memory_equal(one.broken, same.broken, one.runs * sizeof(*one.broken));
    input.seed = 2;
    other = run(&input);
    assert_true(memcmp(one.broken, other.broken, one.runs * sizeof(*one.broken)) != 0);
    for (uint32_t broken = one.min; broken <= one.max; broken++)
        runs += predict_runs_at(&one, broken);
    assert_int_equal(runs, one.runs);
    assert_int_equal(predict_quantile(&one, 0), one.min);
    assert_int_equal(predict_quantile(&one, 1), one.max);
    predict_result_free(&one);
    predict_result_free(&same);
    predict_result_free(&other);
}

static void large_input_ends_and_bad_input_is_refused(void **state)
{
    struct predict_input input = input_of("kubeadm", 1);
    struct predict_result result;
    struct error err = {0};

    (void)state;
    input.limits = (struct rollout_limits){64, 16, 0, 64, 80};
    input.connections = 20000;
    input.runs = 2;
    result = run(&input);
    assert_true(result.min >= 20000);
    predict_result_free(&result);
    input.connections = 0;
    assert_true(predict_broken(&input, &result, &err) < 0);
    assert_string_equal(err.text, "0 connections cannot be simulated, want 1 to 100000");
    input = input_of("kubeadm", 1);
    err.text[0] = '\0';
    input.limits.surge = 0;
    assert_true(predict_broken(&input, &result, &err) < 0);
    assert_string_equal(err.text, "neither surge nor unavailable: the rollout would never begin");
    input = input_of("kubeadm", 1);
    err.text[0] = '\0';
    input.delays.stop_start = (struct predict_range){5, 4};
    assert_true(predict_broken(&input, &result, &err) < 0);
    assert_string_equal(err.text, "a delay is from 5 to 4 ns, want 0 to one hour, the least first");
    assert_null(predict_profile_find("minikube"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rr_without_delays_is_the_model),
        cmocka_unit_test(ideal_gives_80_and_125),
        cmocka_unit_test(random_has_the_mean_of_rr_and_more_spread),
        cmocka_unit_test(lc_is_always_perfect),
        cmocka_unit_test(the_delays_of_a_cluster_add_up),
        cmocka_unit_test(a_sync_takes_what_is_there_by_then),
        cmocka_unit_test(what_closes_before_the_rules_know_fails_to_connect),
        cmocka_unit_test(grace_bounds_pre_stop),
        cmocka_unit_test(unavailable_instead_of_surge),
        cmocka_unit_test(the_same_seed_gives_the_same),
        cmocka_unit_test(large_input_ends_and_bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
