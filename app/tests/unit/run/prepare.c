/* What is found out before anything is touched. */
#include "run/prepare.h"

#include <unistd.h>

#include "tests/unit/run/plan.h"

#define DEPLOYMENT(name)                                                                           \
    "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " name "}\nspec:\n"              \
    "  template: {spec: {containers: [{name: c}]}}\n"

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* What is said of an experiment that applies YAML with ROLLOUT. */
static const char *checked(const char *yaml, const char *rollout)
{
    static char said[1024];
    char folder[] = "/tmp/seamline-prepare-XXXXXX", file[60], manifest[60], text[1200];
    struct run_options options = {.experiment = file};
    struct error err = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/x.json", folder);
    snprintf(manifest, sizeof(manifest), "%s/m.yaml", folder);
    snprintf(
        text, sizeof(text),
        "{\"version\": 1, \"name\": \"x\", \"cluster\": {\"kubeconfig\": \"lab\", \"context\": "
        "\"c\", \"namespace\": \"n\", \"mayChange\": [\"deployment/a\", \"deployment/b\", "
        "\"namespace/ns\"]}, \"rollout\": %s, \"target\": {\"service\": \"s\"}, \"streams\": "
        "[{\"name\": \"t\", \"protocol\": \"connect\", \"rate\": \"1/s\"}], \"steps\": "
        "[{\"do\": \"apply\", \"files\": [\"m.yaml\"]}, {\"do\": \"start\"}]}",
        rollout);
    write_file(file, text);
    write_file(manifest, yaml);
    int code = prepare_check(&options, &err);
    assert_true((code < 0) == (err.text[0] != '\0'));
    snprintf(said, sizeof(said), "%s", err.text);
    unlink(file);
    unlink(manifest);
    rmdir(folder);
    return said;
}

static void a_rollout_is_written_over_one_deployment(void **state)
{
    const char namespace[] = "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n";
    (void)state;
    assert_string_equal(checked(DEPLOYMENT("a"), "{\"replicas\": 2}"), "");
    assert_string_equal(checked(DEPLOYMENT("a") DEPLOYMENT("b"), "{\"deadline\": \"1m\"}"), "");
    assert_string_equal(
        checked(DEPLOYMENT("a") DEPLOYMENT("b"), "{\"deployment\": \"b\", \"maxSurge\": 2}"), "");
    assert_non_null(strstr(checked(DEPLOYMENT("a") DEPLOYMENT("b"), "{\"maxSurge\": 2}"),
                           "x.json: rollout.deployment: the steps apply the Deployments \"a\" and "
                           "\"b\": say which is meant"));
    assert_non_null(strstr(checked(DEPLOYMENT("a"), "{\"deployment\": \"c\", \"replicas\": 2}"),
                           "rollout: no step applies the Deployment c"));
    assert_non_null(
        strstr(checked(namespace, "{\"replicas\": 2}"), "rollout: no step applies a Deployment"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rollout_is_written_over_one_deployment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
