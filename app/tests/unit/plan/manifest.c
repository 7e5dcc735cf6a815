#include "plan/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/json.h"

static struct manifest parse(const char *yaml)
{
    struct manifest manifest;
    struct error err = {0};

    if (manifest_parse("m.yaml", yaml, strlen(yaml), &manifest, &err) < 0)
        fail_msg("%s", err.text);
    return manifest;
}

static void the_main_job_s_manifest(void **state)
{
    struct manifest manifest;
    struct manifest_deployment deployment;
    struct error err = {0};
    char path[500];

    (void)state;
    snprintf(path, sizeof(path), "%s/mserver.yaml", getenv("CONFIG_DIR"));
    if (manifest_load(path, &manifest, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(manifest.count, 4);
    assert_non_null(manifest_find(&manifest, "Service", "mserver-probe"));
    assert_null(manifest_find(&manifest, "Service", NULL)); /* There are two. */
    assert_null(manifest_find(&manifest, "Deployment", "other"));
    assert_int_equal(
        manifest_read_deployment(manifest_find(&manifest, "Deployment", NULL), &deployment, &err),
        0);
    assert_string_equal(deployment.name, "mserver");
    assert_int_equal(deployment.replicas, 8);
    assert_true(deployment.max_surge.given && deployment.max_surge.value == 1);
    assert_true(deployment.max_unavailable.given && deployment.max_unavailable.value == 0);
    assert_true(deployment.pre_stop && deployment.pre_stop_known);
    assert_int_equal(deployment.pre_stop_ns, 2000000000);
    assert_int_equal(deployment.grace_ns, 30000000000);
    assert_false(deployment.readiness_probe);
    manifest_free(&manifest);
}

#define HEAD                                                                                       \
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n"                          \
    "  template: {spec: {containers: [{name: c, lifecycle: {preStop: "

static void pre_stop_hooks(void **state)
{
    static const struct {
        const char *hook;
        bool known;
        int64_t ns;
    } rows[] = {
        {"{exec: {command: [sleep, '2']}}", true, 2000000000},
        {"{exec: {command: [/bin/sleep, '0.5']}}", true, 500000000},
        {"{exec: {command: [/bin/sh, -c, sleep 10]}}", true, 10000000000},
        {"{exec: {command: [sh, -c, ' sleep 1m ']}}", true, 60000000000},
        {"{sleep: {seconds: 15}}", true, 15000000000},
        {"{exec: {command: [sh, -c, sleep 10; nginx -s quit]}}", false, 0},
        {"{exec: {command: [nginx, -s, quit]}}", false, 0},
        {"{exec: {command: [sleep, infinity]}}", false, 0},
        {"{exec: {command: [sleep]}}", false, 0},
        {"{httpGet: {path: /stop, port: 80}}", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char yaml[500];
        struct manifest manifest;
        struct manifest_deployment deployment;
        struct error err = {0};
        snprintf(yaml, sizeof(yaml), HEAD "%s}}]}}\n", rows[i].hook);
        manifest = parse(yaml);
        assert_int_equal(manifest_read_deployment(manifest.objects[0], &deployment, &err), 0);
        if (!deployment.pre_stop || deployment.pre_stop_known != rows[i].known ||
            deployment.pre_stop_ns != rows[i].ns)
            fail_msg("%s: %d, %lld ns", rows[i].hook, deployment.pre_stop_known,
                     (long long)deployment.pre_stop_ns);
        manifest_free(&manifest);
    }
}

static void the_slowest_container_counts(void **state)
{
    struct manifest manifest =
        parse("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"
              "spec:\n  minReadySeconds: 5\n  strategy: {type: Recreate}\n"
              "  template:\n    spec:\n      terminationGracePeriodSeconds: 60\n"
              "      containers:\n"
              "      - {name: a, readinessProbe: {initialDelaySeconds: 3},"
              " lifecycle: {preStop: {sleep: {seconds: 4}}}}\n"
              "      - {name: b, readinessProbe: {initialDelaySeconds: 7},"
              " lifecycle: {preStop: {sleep: {seconds: 9}}}}\n");
    struct manifest_deployment deployment;
    struct error err = {0};

    (void)state;
    assert_int_equal(manifest_read_deployment(manifest.objects[0], &deployment, &err), 0);
    assert_int_equal(deployment.replicas, 1);
    assert_true(deployment.recreate);
    assert_int_equal(deployment.min_ready_ns, 5000000000);
    assert_int_equal(deployment.grace_ns, 60000000000);
    assert_int_equal(deployment.pre_stop_ns, 9000000000);
    assert_true(deployment.readiness_probe);
    assert_int_equal(deployment.readiness_delay_ns, 7000000000);
    assert_false(deployment.max_surge.given);
    manifest_free(&manifest);
}

static void the_experiment_s_rollout_is_written_over(void **state)
{
    struct manifest manifest = parse(HEAD "{sleep: {seconds: 1}}}}]}}\n");
    struct rollout_amount none = {0}, one = {true, false, 1}, share = {true, true, 25};
    cJSON *deployment = manifest.objects[0];
    char *strategy;

    (void)state;
    assert_int_equal(manifest_write_rollout(deployment, 0, &none, &none), 0);
    assert_null(json_at(deployment, "spec.replicas"));
    assert_null(json_at(deployment, "spec.strategy"));
    assert_int_equal(manifest_write_rollout(deployment, 12, &one, &share), 0);
    assert_int_equal(manifest_write_rollout(deployment, 8, &one, &share), 0); /* And again. */
    assert_int_equal(json_integer(deployment, "spec.replicas", 0), 8);
    strategy = json_print(json_at(deployment, "spec.strategy"), false);
    assert_string_equal(strategy, "{\"rollingUpdate\":{\"maxSurge\":1,\"maxUnavailable\":\"25%\"},"
                                  "\"type\":\"RollingUpdate\"}");
    cJSON_free(strategy);
    manifest_free(&manifest);
}

static void lists_are_taken_apart_and_empty_documents_left_out(void **state)
{
    struct manifest manifest =
        parse("---\n---\napiVersion: v1\nkind: List\nitems:\n"
              "- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n"
              "- {apiVersion: v1, kind: Service, metadata: {name: b}}\n---\n# nothing\n");

    (void)state;
    assert_int_equal(manifest.count, 2);
    assert_non_null(manifest_find(&manifest, "Service", "b"));
    manifest_free(&manifest);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *yaml;
        const char *message;
    } rows[] = {
        {"", "m.yaml: there is no object in it"},
        {"kind: Service\nmetadata: {name: x}\n", "m.yaml: object 1 has no apiVersion"},
        {"apiVersion: v1\nkind: Service\n", "m.yaml: object 1 has no metadata.name"},
        {"apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n",
         "m.yaml: object 1: metadata.name is no text; quote it: YAML takes n, on and 12 for other "
         "things"},
        {"- a\n- b\n", "m.yaml: object 1 has no apiVersion"},
        {"a: 1\na: 2\n", "m.yaml: line 2, column 1: this key is there twice"},
        {"a: [1, 2\nb: 3\n", "m.yaml: line 2, column 2: did not find expected ',' or ']'"},
        {"? [a]\n: b\n", "m.yaml: line 1, column 3: a key must be plain text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct manifest manifest;
        struct error err = {0};
        assert_true(manifest_parse("m.yaml", rows[i].yaml, strlen(rows[i].yaml), &manifest, &err) <
                    0);
        assert_string_equal(err.text, rows[i].message);
    }
}

static void bad_deployments_are_named(void **state)
{
    static const struct {
        const char *spec;
        const char *message;
    } rows[] = {
        {"{replicas: -1, template: {spec: {containers: [{name: c}]}}}",
         "deployment/d: spec.replicas: want an integer from 0 to 100000"},
        {"{strategy: {type: Rolling}, template: {spec: {containers: [{name: c}]}}}",
         "deployment/d: spec.strategy.type: got \"Rolling\", want RollingUpdate or Recreate"},
        {"{strategy: {rollingUpdate: {maxSurge: 1.5}}, template: {spec: {containers: [{name: "
         "c}]}}}",
         "deployment/d: spec.strategy.rollingUpdate.maxSurge: want a number of pods "
         "such "
         "as 1, or a share such as \"25%\""},
        {"{template: {spec: {containers: []}}}",
         "deployment/d: spec.template.spec.containers: want at least one container"},
        {"{minReadySeconds: 5s, template: {spec: {containers: [{name: c}]}}}",
         "deployment/d: spec.minReadySeconds: want a number of seconds from 0 to 86400"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char yaml[500];
        struct manifest manifest;
        struct manifest_deployment deployment;
        struct error err = {0};
        snprintf(yaml, sizeof(yaml),
                 "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: %s\n",
                 rows[i].spec);
        manifest = parse(yaml);
        assert_true(manifest_read_deployment(manifest.objects[0], &deployment, &err) < 0);
        assert_string_equal(err.text, rows[i].message);
        manifest_free(&manifest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_main_job_s_manifest),
        cmocka_unit_test(pre_stop_hooks),
        cmocka_unit_test(the_slowest_container_counts),
        cmocka_unit_test(the_experiment_s_rollout_is_written_over),
        cmocka_unit_test(lists_are_taken_apart_and_empty_documents_left_out),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(bad_deployments_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
