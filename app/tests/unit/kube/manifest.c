/* Manifests: documents, lists, JSON, and what each object must have. */
#include "kube/manifest.h"

#include "tests/unit/kube/fixture.h"

static const char two[] = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: mserver, "
                          "namespace: seamline}\nspec: {replicas: 8}\n---\n# Nothing.\n---\n"
                          "apiVersion: v1\nkind: Service\nmetadata:\n  name: mserver\n";

static void test_documents(void **state)
{
    struct kube_manifest manifest;
    struct error err = {0};
    (void)state;
    assert_int_equal(kube_manifest_parse(two, strlen(two), "m.yaml", &manifest, &err), 0);
    assert_int_equal(manifest.count, 2);
    assert_string_equal(manifest.objects[0].api_version, "apps/v1");
    assert_string_equal(manifest.objects[0].kind, "Deployment");
    assert_string_equal(manifest.objects[0].namespace, "seamline");
    assert_string_equal(manifest.objects[0].name, "mserver");
    assert_int_equal(json_integer(manifest.objects[0].json, "spec.replicas", 0), 8);
    assert_string_equal(manifest.objects[1].kind, "Service");
    assert_string_equal(manifest.objects[1].namespace, "");
    kube_manifest_free(&manifest);
}

static void test_json_and_list(void **state)
{
    static const char list[] =
        "\n{\t\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n\t{\"apiVersion\": \"v1\", "
        "\"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}},\n\t{\"apiVersion\": \"v1\", "
        "\"kind\": \"Namespace\", \"metadata\": {\"name\": \"\\ud83d\\ude00\"}}]}\n";
    struct kube_manifest manifest;
    struct error err = {0};
    (void)state;
    assert_int_equal(kube_manifest_parse(list, strlen(list), "m.json", &manifest, &err), 0);
    assert_int_equal(manifest.count, 2);
    assert_string_equal(manifest.objects[0].kind, "ConfigMap");
    assert_string_equal(manifest.objects[1].kind, "Namespace");
    kube_manifest_free(&manifest);
}

static void test_refusals(void **state)
{
    static const char *const rows[][2] = {
        {"", "no object"},
        {"kind: Service\nmetadata: {name: a}", "document 1 (Service a): apiVersion is missing"},
        {"apiVersion: v1\nmetadata: {name: a}", "kind is missing"},
        {"apiVersion: v1\nkind: Service\n", "metadata.name is missing"},
        {"a: 1\n---\n- b\n", "document 1"},
        {"a: [", "m.yaml: line"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kube_manifest manifest;
        struct error err = {0};
        assert_true(kube_manifest_parse(rows[i][0], strlen(rows[i][0]), "m.yaml", &manifest, &err) <
                    0);
        if (strstr(err.text, rows[i][1]) == NULL)
            fail_msg("row %zu: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_json_and_list),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
