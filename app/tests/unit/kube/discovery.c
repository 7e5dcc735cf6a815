/* Which versions are chosen of what a server has. */
#include "kube/discovery.h"

#include <errno.h>

#include "tests/unit/kube/fixture.h"

static void read_groups(struct kube_discovery *discovery, const char *json)
{
    struct error err = {0};
    cJSON *tree = json_parse(json, strlen(json), &err);
    assert_int_equal(kube_discovery_groups(discovery, tree, &err), 0);
    cJSON_Delete(tree);
}

static void test_recorded_server(void **state)
{
    struct kube_discovery discovery;
    struct error err = {0};
    long code;
    (void)state;
    kube_discovery_init(&discovery);
    struct text body = fixture_answer(KUBE_FIXTURES, "answer-apis.json", &code);
    cJSON *json = json_parse(text_str(&body), body.size, &err);
    assert_int_equal(kube_discovery_groups(&discovery, json, &err), 0);
    assert_string_equal(discovery.resources[KUBE_ENDPOINTSLICE].version, "v1");
    assert_string_equal(discovery.resources[KUBE_DEPLOYMENT].group, "apps");
    for (int i = 0; i < KUBE_KIND_COUNT; i++)
        assert_true(discovery.served[i]);
    cJSON_Delete(json);
    text_free(&body);
    body = fixture_answer(KUBE_FIXTURES, "answer-version.json", &code);
    json = json_parse(text_str(&body), body.size, &err);
    assert_int_equal(kube_discovery_groups(&discovery, json, &err), -EBADMSG);
    cJSON_Delete(json);
    text_free(&body);
}

/* Before 1.21: beta slices; without any: Endpoints. */
static void test_old_server(void **state)
{
    struct kube_discovery discovery;
    (void)state;
    kube_discovery_init(&discovery);
    read_groups(&discovery,
                "{\"kind\":\"APIGroupList\",\"groups\":[{\"name\":\"apps\",\"versions\":[{"
                "\"version\":\"v1\"}]},{\"name\":\"discovery.k8s.io\",\"versions\":[{\"version\":"
                "\"v1beta1\"}]}]}");
    assert_string_equal(discovery.resources[KUBE_ENDPOINTSLICE].version, "v1beta1");
    assert_true(discovery.served[KUBE_ENDPOINTSLICE]);
    kube_discovery_init(&discovery);
    read_groups(&discovery, "{\"kind\":\"APIGroupList\",\"groups\":[]}");
    assert_true(discovery.served[KUBE_ENDPOINTSLICE]); /* As Endpoints. */
    assert_string_equal(discovery.resources[KUBE_ENDPOINTSLICE].plural, "endpoints");
    assert_string_equal(discovery.resources[KUBE_ENDPOINTSLICE].group, "");
    assert_false(discovery.served[KUBE_DEPLOYMENT]);
}

static void test_core(void **state)
{
    static const char core[] =
        "{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\",\"resources\":[{\"name\":\"pods\","
        "\"kind\":\"Pod\",\"namespaced\":true},{\"name\":\"pods/eviction\",\"kind\":\"Eviction\","
        "\"group\":\"policy\",\"version\":\"v1beta1\"},{\"name\":\"configmaps\",\"kind\":"
        "\"ConfigMap\",\"namespaced\":true},{\"name\":\"persistentvolumes\",\"kind\":"
        "\"PersistentVolume\"}]}";
    struct kube_discovery discovery;
    struct kube_resource resource;
    struct error err = {0};
    struct text path = {0};
    cJSON *json = json_parse(core, strlen(core), &err);
    (void)state;
    kube_discovery_init(&discovery);
    assert_int_equal(kube_discovery_core(&discovery, json, &err), 0);
    assert_string_equal(discovery.eviction_version, "policy/v1beta1");
    assert_true(discovery.served[KUBE_POD]);
    assert_false(discovery.served[KUBE_SERVICE]);
    assert_int_equal(kube_discovery_find(json, "v1", "ConfigMap", &resource, &err), 0);
    kube_resource_path(&path, &resource, "ns", "a b", NULL);
    assert_string_equal(text_str(&path), "/api/v1/namespaces/ns/configmaps/a%20b");
    assert_int_equal(kube_discovery_find(json, "v1", "PersistentVolume", &resource, &err), 0);
    assert_false(resource.namespaced);
    assert_int_equal(kube_discovery_find(json, "v1", "Gadget", &resource, &err), -ENOENT);
    assert_non_null(strstr(err.text, "Gadget"));
    text_free(&path);
    cJSON_Delete(json);
}

static void test_resources(void **state)
{
    struct text path = {0};
    (void)state;
    assert_int_equal(kube_resource_find("apps/v1", "Deployment")->kind, KUBE_DEPLOYMENT);
    assert_null(kube_resource_find("extensions/v1beta1", "Deployment"));
    assert_null(kube_resource_find("serving.knative.dev/v1", "Service"));
    assert_int_equal(kube_resource_find("v1", "Service")->kind, KUBE_SERVICE);
    assert_int_equal(kube_resource_named("deploy")->kind, KUBE_DEPLOYMENT);
    assert_int_equal(kube_resource_named("Pods")->kind, KUBE_POD);
    assert_null(kube_resource_named("gadget"));
    kube_resource_path(&path, kube_resource_of(KUBE_DEPLOYMENT), "d", "web", "scale");
    kube_resource_query(&path, "fieldManager", "seamline");
    kube_resource_query(&path, "labelSelector", "app=web,x in (a)");
    assert_string_equal(text_str(&path),
                        "/apis/apps/v1/namespaces/d/deployments/web/scale?fieldManager=seamline&"
                        "labelSelector=app%3Dweb%2Cx%20in%20%28a%29");
    text_clear(&path);
    kube_resource_path(&path, kube_resource_of(KUBE_NODE), "ignored", NULL, NULL);
    assert_string_equal(text_str(&path), "/api/v1/nodes");
    text_free(&path);
    assert_true(kube_resource_name_valid("a-1.b"));
    assert_false(kube_resource_name_valid("-a"));
    assert_false(kube_resource_name_valid("A"));
    assert_false(kube_resource_name_valid("a/../b"));
    assert_false(kube_resource_name_valid(""));
}

/* Only a lab says that it is one; what no report could show it does not say. */
static void test_server(void **state)
{
    static const struct {
        const char *answer, *version, *lab;
    } rows[] = {
        {"{\"gitVersion\":\"v1.30.1\"}", "v1.30.1", ""},
        {"{\"gitVersion\":\"v1.36.0-seamline-lab\",\"seamlineLab\":\"lab, profile ideal, rr\"}",
         "v1.36.0-seamline-lab", "lab, profile ideal, rr"},
        {"{\"gitVersion\":7,\"seamlineLab\":[1]}", "", ""},
        {"{\"seamlineLab\":\"lab\\u001b[2J\"}", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kube_server server;
        cJSON *json = json_parse(rows[i].answer, strlen(rows[i].answer), NULL);
        assert_non_null(json);
        kube_discovery_server(json, &server);
        assert_string_equal(server.version, rows[i].version);
        assert_string_equal(server.lab, rows[i].lab);
        cJSON_Delete(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_server),
        cmocka_unit_test(test_old_server),
        cmocka_unit_test(test_core),
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_resources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
