/* Names of Kubernetes' objects in experiments: which there are, and how long they may be. */
#include "plan/experiment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "plan/reader.h"

/* 260 letters. */
#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define LONG_NAME LETTERS LETTERS LETTERS LETTERS LETTERS LETTERS LETTERS LETTERS LETTERS LETTERS

/* Services, namespaces and containers have labels for names, other kinds subdomains (Kubernetes,
 * Object Names and IDs). WHERE takes the name in the place of %s. */
static void names_are_as_long_as_kubernetes_allows(void **state)
{
    static const struct {
        const char *where;
        size_t most;
    } rows[] = {
        {"rollout.deployment=%s", 253},
        {"cluster.mayChange=[\"namespace/seamline\",\"deployment/mserver\",\"configmap/%s\"]", 253},
        {"cluster.mayChange=[\"namespace/seamline\",\"deployment/mserver\",\"pod/%s*\"]", 252},
        {"cluster.mayChange=[\"namespace/seamline\",\"deployment/mserver\",\"service/%s\"]", 63},
        {"cluster.mayChange=[\"deployment/mserver\",\"namespace/%s\"]", 63},
        {"cluster.namespace=%s", 63},
        {"steps.upgrade.container=%s", 63},
        {"target.service=%s", 63},
        {"target.route=node:%s", 253},
    };

    char path[500];

    (void)state;
    snprintf(path, sizeof(path), "%s/k8s-app-upgrade.json", getenv("CONFIG_DIR"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t size = rows[i].most; size <= rows[i].most + 1; size++) {
            char name[300], set[400];
            const char *sets[] = {set, "expect=[]"};
            struct experiment_options options = {.sets = sets, .set_count = 2};
            struct experiment *x = NULL, *again = NULL;
            struct error err = {0};
            snprintf(name, sizeof(name), "%.*s", (int)size,
                     rows[i].most == 63 ? LONG_NAME : "node.example-" LONG_NAME);
            snprintf(set, sizeof(set), rows[i].where, name);
            int code = experiment_load(path, &options, &x, &err);
            if ((code == 0) != (size == rows[i].most) ||
                (code < 0 && strstr(err.text, "want ") == NULL))
                fail_msg("%s, %zu: %s", rows[i].where, size, err.text);
            /* It stands in the run's own file, whole. */
            if (code == 0 && experiment_from_tree("resolved", cJSON_Duplicate(x->resolved, true),
                                                  NULL, &again, &err) < 0)
                fail_msg("%s, %zu: %s", rows[i].where, size, err.text);
            if (code == 0)
                assert_true(cJSON_Compare(x->resolved, again->resolved, true));
            experiment_free(x);
            experiment_free(again);
        }
}

static void names_are_those_of_kubernetes(void **state)
{
    static const struct {
        const char *name;
        bool label, subdomain;
    } rows[] = {
        {"a", true, true},      {"1", true, true},      {"a-1", true, true},
        {"a.b-c", false, true}, {"", false, false},     {"A", false, false},
        {"a_b", false, false},  {"-a", false, false},   {"a-", false, false},
        {"a..b", false, false}, {"a.", false, false},   {".a", false, false},
        {"a-.b", false, false}, {"a.-b", false, false}, {"a/b", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(reader_is_label(rows[i].name), rows[i].label);
        assert_int_equal(reader_is_subdomain(rows[i].name), rows[i].subdomain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_as_long_as_kubernetes_allows),
        cmocka_unit_test(names_are_those_of_kubernetes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
