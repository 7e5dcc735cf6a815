/* The life of pods in virtual time: at each moment, what the kubelet does. */
#include "lab/kubelet.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lab/kubelet_status.h"

#define S INT64_C(1000000000)
#define MS INT64_C(1000000)

/* Run up to UNTIL and check that the actions, and their times, are those of TEXT's letters. */
struct step {
    int64_t at_ns;
    enum kubelet_action action;
};

static void expect(struct kubelet_pod *pod, int64_t until_ns, const struct step *steps,
                   size_t count)
{
    size_t done = 0;

    for (;;) {
        int64_t due_ns = kubelet_due(pod);
        enum kubelet_action action;

        if (due_ns > until_ns)
            break;
        if (done > 0 && due_ns < steps[done - 1].at_ns)
            due_ns = steps[done - 1].at_ns;
        if (done < count && due_ns < steps[done].at_ns && due_ns < 0)
            due_ns = steps[done].at_ns;
        action = kubelet_next(pod, due_ns);
        if (action == KUBELET_NONE) {
            if (pod->state == KUBELET_GONE)
                break;
            assert_true(kubelet_due(pod) > due_ns); /* It must not spin. */
            continue;
        }
        assert_true(done < count);
        assert_int_equal(action, steps[done].action);
        assert_true(due_ns == steps[done].at_ns);
        done++;
    }
    assert_int_equal(done, count);
}

#define EXPECT(pod, until, ...)                                                                    \
    do {                                                                                           \
        const struct step steps_[] = {__VA_ARGS__};                                                \
        expect(pod, until, steps_, sizeof(steps_) / sizeof(steps_[0]));                            \
    } while (0)

static const struct kubelet_settings plain = {.ready_delay_ns = 2 * S,
                                              .restarts = true,
                                              .probe_period_ns = S,
                                              .probe_successes = 1,
                                              .probe_failures = 3};

/* A pod that was created at 10 s, runs and is ready at 12 s. */
static void running(struct kubelet_pod *pod, const struct kubelet_settings *settings)
{
    kubelet_init(pod, settings, 10 * S);
    EXPECT(pod, 15 * S, {10 * S, KUBELET_START}, {10 * S, KUBELET_PUBLISH},
           {12 * S, KUBELET_PUBLISH});
    assert_true(pod->ready);
}

/* Without a hook: SIGTERM after the delay; the namespace outlives the process by 0.3 s. */
static void test_plain_end(void **state)
{
    struct kubelet_pod pod;

    (void)state;
    running(&pod, &plain);
    kubelet_deleted(&pod, 20 * S, 100 * MS, 30 * S);
    EXPECT(&pod, 25 * S, {20 * S + 100 * MS, KUBELET_TERM});
    kubelet_exited(&pod, 25 * S, 700 * MS);
    assert_false(pod.ready);
    assert_int_equal(kubelet_next(&pod, 25 * S), KUBELET_PUBLISH);
    EXPECT(&pod, 40 * S, {25 * S + 300 * MS, KUBELET_REMOVE_NAMESPACE},
           {25 * S + 700 * MS, KUBELET_DELETE_OBJECT});
    assert_int_equal(pod.state, KUBELET_GONE);
}

/* The object may go before the namespace; both go. */
static void test_object_first(void **state)
{
    struct kubelet_pod pod;

    (void)state;
    running(&pod, &plain);
    kubelet_deleted(&pod, 20 * S, 0, 30 * S);
    EXPECT(&pod, 20 * S, {20 * S, KUBELET_TERM});
    kubelet_exited(&pod, 21 * S, 0);
    assert_int_equal(kubelet_next(&pod, 21 * S), KUBELET_PUBLISH);
    EXPECT(&pod, 40 * S, {21 * S, KUBELET_DELETE_OBJECT},
           {21 * S + 300 * MS, KUBELET_REMOVE_NAMESPACE});
}

/* preStop of 2 s: SIGTERM at its end; it stays ready meanwhile. */
static void test_hook(void **state)
{
    struct kubelet_settings settings = plain;
    struct kubelet_pod pod;

    (void)state;
    settings.hook = KUBELET_SLEEP_HOOK;
    settings.hook_sleep_ns = 2 * S;
    running(&pod, &settings);
    kubelet_deleted(&pod, 20 * S, 50 * MS, 30 * S);
    EXPECT(&pod, 30 * S, {20 * S + 50 * MS, KUBELET_HOOK_BEGIN},
           {22 * S + 50 * MS, KUBELET_HOOK_END}, {22 * S + 50 * MS, KUBELET_TERM});
    assert_true(pod.ready);
    /* The grace clock runs from the deletion: 30 s after it, not after the hook. */
    EXPECT(&pod, 60 * S, {50 * S, KUBELET_KILL});
}

/* A hook longer than the grace is cut, and the process still has two seconds. */
static void test_hook_too_long(void **state)
{
    struct kubelet_settings settings = plain;
    struct kubelet_pod pod;

    (void)state;
    settings.hook = KUBELET_SLEEP_HOOK;
    settings.hook_sleep_ns = 60 * S;
    running(&pod, &settings);
    kubelet_deleted(&pod, 20 * S, 0, 5 * S);
    EXPECT(&pod, 60 * S, {20 * S, KUBELET_HOOK_BEGIN}, {25 * S, KUBELET_HOOK_END},
           {25 * S, KUBELET_TERM}, {27 * S, KUBELET_KILL});
}

/* A hook that is a program ends when it ends. */
static void test_hook_program(void **state)
{
    struct kubelet_settings settings = plain;
    struct kubelet_pod pod;

    (void)state;
    settings.hook = KUBELET_PROGRAM_HOOK;
    running(&pod, &settings);
    kubelet_deleted(&pod, 20 * S, 0, 30 * S);
    EXPECT(&pod, 23 * S, {20 * S, KUBELET_HOOK_BEGIN});
    kubelet_hook_ended(&pod, 23 * S);
    EXPECT(&pod, 23 * S, {23 * S, KUBELET_HOOK_END}, {23 * S, KUBELET_TERM});
}

/* A process that ignores SIGTERM dies of the grace period; grace 1 s becomes 2 s. */
static void test_ignored_term(void **state)
{
    struct kubelet_pod pod;

    (void)state;
    running(&pod, &plain);
    kubelet_deleted(&pod, 20 * S, 0, 1 * S);
    EXPECT(&pod, 60 * S, {20 * S, KUBELET_TERM}, {22 * S, KUBELET_KILL});
    kubelet_exited(&pod, 22 * S, 0);
    assert_int_equal(kubelet_next(&pod, 22 * S), KUBELET_PUBLISH);
}

/* Deleted without grace: the object is gone, SIGKILL at once, nothing to publish or delete. */
static void test_forced(void **state)
{
    struct kubelet_pod pod;

    (void)state;
    running(&pod, &plain);
    kubelet_forced(&pod, 20 * S);
    EXPECT(&pod, 20 * S, {20 * S, KUBELET_KILL});
    kubelet_exited(&pod, 20 * S + 1, 500 * MS);
    EXPECT(&pod, 60 * S, {20 * S + 1 + 300 * MS, KUBELET_REMOVE_NAMESPACE});
    assert_int_equal(pod.state, KUBELET_GONE);
}

/* Deleted before it was started. */
static void test_deleted_early(void **state)
{
    struct kubelet_pod pod;

    (void)state;
    kubelet_init(&pod, &plain, 10 * S);
    kubelet_deleted(&pod, 9 * S, 100 * MS, 30 * S);
    EXPECT(&pod, 60 * S, {9 * S, KUBELET_DELETE_OBJECT});
    assert_int_equal(pod.state, KUBELET_GONE);
}

/* A crash: restarted at once, then after 10 s, 20 s; never ready while it is down. */
static void test_restarts(void **state)
{
    struct kubelet_pod pod;

    (void)state;
    running(&pod, &plain);
    kubelet_exited(&pod, 20 * S, 0);
    assert_int_equal(kubelet_next(&pod, 20 * S), KUBELET_PUBLISH);
    assert_false(pod.ready);
    EXPECT(&pod, 20 * S, {20 * S, KUBELET_START}, {20 * S, KUBELET_PUBLISH},
           {20 * S, KUBELET_PUBLISH});
    kubelet_exited(&pod, 21 * S, 0);
    assert_int_equal(kubelet_next(&pod, 21 * S), KUBELET_PUBLISH);
    assert_true(kubelet_due(&pod) == 31 * S);
    EXPECT(&pod, 31 * S, {31 * S, KUBELET_START}, {31 * S, KUBELET_PUBLISH},
           {31 * S, KUBELET_PUBLISH});
    kubelet_exited(&pod, 40 * S, 0);
    assert_true(pod.start_at_ns == 60 * S);
    assert_int_equal(pod.restarts, 3);
}

/* With a probe: not ready before both the delay and the probe agree; three failures take it
 * back. */
static void test_probe(void **state)
{
    struct kubelet_settings settings = plain;
    struct kubelet_pod pod;

    (void)state;
    settings.probes = true;
    settings.probe_first_ns = S;
    kubelet_init(&pod, &settings, 10 * S);
    EXPECT(&pod, 12 * S, {10 * S, KUBELET_START}, {10 * S, KUBELET_PUBLISH},
           {11 * S, KUBELET_PROBE}, {12 * S, KUBELET_PROBE});
    kubelet_probed(&pod, true);
    assert_int_equal(kubelet_next(&pod, 12 * S), KUBELET_PUBLISH);
    assert_true(pod.ready);
    kubelet_probed(&pod, false);
    kubelet_probed(&pod, false);
    assert_true(pod.ready);
    kubelet_probed(&pod, false);
    assert_false(pod.ready);
    assert_int_equal(kubelet_next(&pod, 12 * S), KUBELET_PUBLISH);
}

static void test_settings(void **state)
{
    static const struct {
        const char *hook;
        enum kubelet_hook kind;
        int64_t sleep_ns;
    } rows[] = {
        {"{\"exec\":{\"command\":[\"sleep\",\"2\"]}}", KUBELET_SLEEP_HOOK, 2 * S},
        {"{\"exec\":{\"command\":[\"/bin/sleep\",\"0.5\"]}}", KUBELET_SLEEP_HOOK, 500 * MS},
        {"{\"exec\":{\"command\":[\"/bin/sh\",\"-c\",\"sleep 10\"]}}", KUBELET_SLEEP_HOOK, 10 * S},
        {"{\"exec\":{\"command\":[\"/bin/sh\",\"-c\",\"sleep 10; true\"]}}", KUBELET_PROGRAM_HOOK,
         0},
        {"{\"exec\":{\"command\":[\"nginx\",\"-s\",\"quit\"]}}", KUBELET_PROGRAM_HOOK, 0},
        {"{\"sleep\":{\"seconds\":3}}", KUBELET_SLEEP_HOOK, 3 * S},
        {"{\"exec\":{\"command\":[]}}", KUBELET_NO_HOOK, 0},
        {"null", KUBELET_NO_HOOK, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kubelet_settings settings;
        char text[400];
        cJSON *pod;

        snprintf(text, sizeof(text),
                 "{\"spec\":{\"containers\":[{\"lifecycle\":{\"preStop\":%s}}]}}", rows[i].hook);
        pod = json_parse(text, strlen(text), NULL);
        assert_non_null(pod);
        kubelet_settings_of(pod, &settings);
        assert_int_equal(settings.hook, rows[i].kind);
        if (rows[i].kind == KUBELET_SLEEP_HOOK)
            assert_true(settings.hook_sleep_ns == rows[i].sleep_ns);
        assert_true(settings.restarts);
        cJSON_Delete(pod);
    }
}

static void test_stop_signal(void **state)
{
    static const struct {
        const char *name;
        int signal;
    } rows[] = {{"\"SIGQUIT\"", SIGQUIT}, {"\"SIGTERM\"", SIGTERM}, {"\"SIGUSR2\"", SIGUSR2},
                {"\"QUIT\"", SIGTERM},    {"\"SIGNO\"", SIGTERM},   {"9", SIGTERM}};

    (void)state;
    assert_int_equal(kubelet_stop_signal(NULL), SIGTERM);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        cJSON *pod;

        snprintf(text, sizeof(text),
                 "{\"spec\":{\"containers\":[{\"lifecycle\":{\"stopSignal\":%s}}]}}", rows[i].name);
        pod = json_parse(text, strlen(text), NULL);
        assert_int_equal(kubelet_stop_signal(pod), rows[i].signal);
        cJSON_Delete(pod);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_end),    cmocka_unit_test(test_object_first),
        cmocka_unit_test(test_hook),         cmocka_unit_test(test_hook_too_long),
        cmocka_unit_test(test_hook_program), cmocka_unit_test(test_ignored_term),
        cmocka_unit_test(test_forced),       cmocka_unit_test(test_deleted_early),
        cmocka_unit_test(test_restarts),     cmocka_unit_test(test_probe),
        cmocka_unit_test(test_settings),     cmocka_unit_test(test_stop_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
