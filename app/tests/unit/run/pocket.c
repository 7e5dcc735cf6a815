/* A lab that is up already is used only when it is the one that the experiment wants. */
#include "run/pocket.h"

#include <errno.h>

#include "tests/unit/run/plan.h"

static void rows(void **state)
{
    static const struct {
        const char *status;
        const char *text; /* The environment, or a part of the error. */
        bool good;
    } table[] = {
        {"{\"profile\":\"kubeadm\",\"proxy\":\"rr, emulated\"}",
         "lab, profile kubeadm, rr, emulated", true},
        {"{\"profile\":\"kubeadm+\",\"proxy\":\"rr, emulated\",\"podReady\":{\"low\":2000000000,"
         "\"high\":2000000000}}",
         "lab, profile kubeadm+, rr, emulated", true},
        {"{\"profile\":\"kubeadm2\",\"proxy\":\"rr, emulated\"}", "kubeadm2", false},
        {"{\"profile\":\"ideal\",\"proxy\":\"rr, emulated\"}",
         "with profile ideal, and the experiment wants kubeadm", false},
        {"{\"profile\":\"kubeadm\",\"proxy\":\"random\"}", "wants rr", false},
        {"{\"profile\":\"kubeadm+\",\"proxy\":\"rr, emulated\",\"podReady\":{\"low\":100000000,"
         "\"high\":100000000}}",
         "podReady", false},
        {"{\"profile\":\"kubeadm\",\"proxy\":\"rr, emulated\",\"balancer\":\"probing\"}",
         "with the balancer probing, and the experiment wants ecmp", false},
        {"not json", "lab, profile unknown, proxy unknown", true},
    };
    struct experiment *experiment = main_job(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char environment[256];
        struct error err = {0};
        int code = pocket_check(experiment, table[i].status, environment, &err);
        if ((code == 0) != table[i].good)
            fail_msg("row %zu: %s", i, err.text);
        if (table[i].good)
            assert_string_equal(environment, table[i].text);
        else if (strstr(err.text, table[i].text) == NULL || err.status != EXIT_USAGE)
            fail_msg("row %zu: %s", i, err.text);
    }
    experiment_free(experiment);
}

static int check_with(struct experiment *experiment, const char *settings, struct error *err)
{
    char status[256], environment[256];
    snprintf(status, sizeof(status),
             "{\"profile\":\"kubeadm+\",\"proxy\":\"rr, emulated\",\"balancer\":\"probing\","
             "\"settings\":[%s]}",
             settings);
    int code = pocket_check(experiment, status, environment, err);
    if (code == 0)
        assert_string_equal(environment, "lab, profile kubeadm+, rr, emulated, probing balancer");
    return code;
}

/* A lab with other settings would answer another question. */
static void settings(void **state)
{
    struct experiment *experiment = main_job(
        "cluster.lab={\"profile\":\"kubeadm\",\"podReady\":\"2s\",\"balancer\":\"probing\","
        "\"settings\":{\"probeLag\":\"10s\",\"terminatingEndpoints\":false}}");
    struct error err = {0};
    (void)state;
    assert_int_equal(
        check_with(experiment, "\"terminatingEndpoints=false\",\"probeLag=10s\"", &err), 0);
    assert_int_equal(check_with(experiment, "\"probeLag=10s\"", &err), -EINVAL);
    assert_non_null(strstr(err.text, "without terminatingEndpoints=false"));
    experiment_free(experiment);
}

static enum experiment_scheduler scheduler_named(const char *word)
{
    unsigned i = EXPERIMENT_SCHEDULER_RANDOM;
    while (strcmp(experiment_scheduler_word((enum experiment_scheduler)i), word) != 0)
        i++;
    return (enum experiment_scheduler)i;
}

/* One that shows its kube-proxy can be told another scheduler, if that may be changed. */
static void scheduler(void **state)
{
    static const char *const may =
        "cluster.mayChange=[\"namespace/seamline\",\"deployment/mserver\",\"service/"
        "mserver\",\"service/mserver-probe\",\"configmap/kube-proxy\"]";
    static const struct {
        const char *wanted, *has, *text; /* TEXT: part of the error; "": none. */
        bool shows, may;
    } table[] = {
        {"random", "rr, emulated", "wants random", false, true},
        {"random", "rr, emulated", "wants random", true, false},
        {"random", "rr, emulated", "", true, true},
        {"lc", "rr, emulated", "wants lc", true, true},
        {"lc", "lc, by IPVS", "", false, false},
        {"wlc", "rr, emulated", "wants wlc", true, true},
        {"wlc", "wlc, by IPVS", "", false, false},
        {"sh", "rr, emulated", "wants sh", false, true},
        {"sh", "rr, emulated", "", true, true},
        {"sh", "sh, emulated", "", false, false},
        {"rr", "rr, by IPVS", "", false, false},
        {"rr", "rrr", "wants rr", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct experiment *experiment = main_job(table[i].may ? may : NULL);
        char status[128], environment[256];
        struct error err = {0};
        experiment->cluster.proxy.scheduler = scheduler_named(table[i].wanted);
        snprintf(status, sizeof(status), "{\"proxy\":\"%s\",\"kubeProxy\":%s}", table[i].has,
                 table[i].shows ? "true" : "false");
        int code = pocket_check(experiment, status, environment, &err);
        if ((code == 0) != (table[i].text[0] == '\0') || strstr(err.text, table[i].text) == NULL)
            fail_msg("row %zu: %s", i, err.text);
        experiment_free(experiment);
    }
}

static void ingress(void **state)
{
    struct experiment *experiment = main_job(NULL);
    char environment[256];
    struct error err = {0};
    (void)state;
    experiment->cluster.lab.ingress = true;
    assert_true(pocket_check(experiment, "{\"ingress\":false}", environment, &err) < 0);
    assert_non_null(strstr(err.text, "without an ingress"));
    assert_int_equal(pocket_check(experiment, "{\"ingress\":true}", environment, &err), 0);
    experiment_free(experiment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(settings),
        cmocka_unit_test(scheduler),
        cmocka_unit_test(ingress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
