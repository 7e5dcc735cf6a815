/* The RBAC manifests of config/ grant what the table of rights says, no more and no less. */
#include "kube/rights.h"

#include "base/yaml_tree.h"
#include "tests/unit/kube/fixture.h"

enum {
    GRANTS_MAX = 256,
    READ = 1 << KUBE_RIGHT_READ,
    PROXY = 1 << KUBE_RIGHT_PROXY,
    ALL = (1 << KUBE_RIGHT_NEEDS) - 1
};

/* One line a verb: "cluster|NAMESPACE GROUP RESOURCE[/SUB] [NAME] VERB". */
struct grants {
    unsigned count;
    char each[GRANTS_MAX][256];
};

static void add(struct grants *grants, const char *where, const char *group, const char *resource,
                const char *subresource, const char *name, const char *verb)
{
    assert_true(grants->count < GRANTS_MAX);
    snprintf(grants->each[grants->count++], sizeof(grants->each[0]), "%s %s %s%s%s %s %s", where,
             group, resource, subresource[0] == '\0' ? "" : "/", subresource, name, verb);
}

static void add_rule(struct grants *grants, const char *where, const cJSON *rule)
{
    const cJSON *group, *resource, *verb;
    const cJSON *names = json_member(rule, "resourceNames");
    const char *name = names != NULL ? cJSON_GetArrayItem(names, 0)->valuestring : "";
    assert_true(names == NULL || cJSON_GetArraySize(names) == 1);
    cJSON_ArrayForEach(group, json_member(rule, "apiGroups"))
    {
        cJSON_ArrayForEach(resource, json_member(rule, "resources"))
        {
            cJSON_ArrayForEach(verb, json_member(rule, "verbs"))
            {
                add(grants, where, group->valuestring, resource->valuestring, "", name,
                    verb->valuestring);
            }
        }
    }
}

static void read_manifest(const char *name, struct grants *grants)
{
    struct text bytes = fixture_read(CONFIG_FOLDER, name);
    struct error err = {0};
    const cJSON *document, *rule;
    cJSON *documents = yaml_tree_parse(text_str(&bytes), bytes.size, &err);
    if (documents == NULL)
        fail_msg("%s: %s", name, err.text);
    cJSON_ArrayForEach(document, documents)
    {
        const char *where = strcmp(json_string(document, "kind", ""), "ClusterRole") == 0
                                ? "cluster"
                                : json_string(document, "metadata.namespace", "");
        cJSON_ArrayForEach(rule, json_member(document, "rules"))
        {
            add_rule(grants, where, rule);
        }
    }
    cJSON_Delete(documents);
    text_free(&bytes);
}

/* NEEDS: a bit each. The experiment is in the namespace "seamline". */
static void read_table(unsigned needs, struct grants *grants)
{
    for (unsigned i = 0; i < kube_rights_count; i++) {
        const struct kube_right *right = &kube_rights[i];
        struct kube_call call;
        char verb[32];
        if ((needs & 1U << right->need) == 0)
            continue;
        for (unsigned k = 0; kube_right_call(right, k, "seamline", NULL, verb, &call); k++)
            add(grants, right->all ? "cluster" : call.namespace, call.group, call.resource,
                call.subresource, call.name, call.verb);
    }
}

static void expect_all(const struct grants *of, const struct grants *in, const char *where)
{
    for (unsigned i = 0; i < of->count; i++) {
        bool found = false;
        for (unsigned k = 0; k < in->count; k++)
            found |= strcmp(of->each[i], in->each[k]) == 0;
        if (!found)
            fail_msg("%s lacks: %s", where, of->each[i]);
    }
}

static void compare(const char *name, unsigned needs)
{
    struct grants *manifest = calloc(1, sizeof(*manifest)), *table = calloc(1, sizeof(*table));
    assert_true(manifest != NULL && table != NULL);
    read_manifest(name, manifest);
    read_table(needs, table);
    assert_true(table->count > 0);
    expect_all(table, manifest, name);
    expect_all(manifest, table, "kube/rights.c");
    free(manifest);
    free(table);
}

static void test_manifests(void **state)
{
    (void)state;
    compare("rbac.yaml", ALL & ~PROXY);
    compare("rbac-readonly.yaml", READ);
    compare("rbac-kube-proxy.yaml", PROXY);
}

static void test_readonly_changes_nothing(void **state)
{
    struct grants *table = calloc(1, sizeof(*table));
    (void)state;
    assert_non_null(table);
    read_table(READ, table);
    for (unsigned i = 0; i < table->count; i++) {
        const char *verb = strrchr(table->each[i], ' ') + 1;
        assert_true(strcmp(verb, "get") == 0 || strcmp(verb, "list") == 0 ||
                    strcmp(verb, "watch") == 0);
    }
    free(table);
}

static bool asks_for(const struct kube_discovery *discovery, const char *group,
                     const char *resource)
{
    struct kube_call call;
    char verb[32];
    bool found = false;
    for (unsigned i = 0; i < kube_rights_count; i++) {
        assert_true(kube_right_call(&kube_rights[i], 0, "d", discovery, verb, &call));
        found |= strcmp(call.group, group) == 0 && strcmp(call.resource, resource) == 0;
    }
    return found;
}

/* A run reads Endpoints where there are no EndpointSlices: that right is asked for then. */
static void test_resources_are_the_servers(void **state)
{
    static const char groups[] = "{\"kind\": \"APIGroupList\", \"groups\": []}";
    struct kube_discovery discovery;
    (void)state;
    kube_discovery_init(&discovery);
    assert_true(asks_for(&discovery, "discovery.k8s.io", "endpointslices"));
    assert_false(asks_for(&discovery, "", "endpoints"));
    cJSON *json = json_parse(groups, sizeof(groups) - 1, NULL);
    assert_int_equal(kube_discovery_groups(&discovery, json, NULL), 0);
    cJSON_Delete(json);
    assert_false(asks_for(&discovery, "discovery.k8s.io", "endpointslices"));
    assert_true(asks_for(&discovery, "", "endpoints"));
    assert_true(asks_for(&discovery, "", "pods"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifests),
        cmocka_unit_test(test_readonly_changes_nothing),
        cmocka_unit_test(test_resources_are_the_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
