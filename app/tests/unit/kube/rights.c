/* The RBAC manifests of config/ grant what the table of rights says, no more and no less. */
#include "kube/rights.h"

#include "base/yaml_tree.h"
#include "tests/unit/kube/fixture.h"

enum {
    GRANTS_MAX = 256
};

/* One line a verb: "cluster|role GROUP RESOURCE[/SUB] VERB". */
struct grants {
    unsigned count;
    char each[GRANTS_MAX][256];
};

static void add(struct grants *grants, bool all, const char *group, const char *resource,
                const char *subresource, const char *verb)
{
    assert_true(grants->count < GRANTS_MAX);
    snprintf(grants->each[grants->count++], sizeof(grants->each[0]), "%s %s %s%s%s %s",
             all ? "cluster" : "role", group, resource, subresource[0] == '\0' ? "" : "/",
             subresource, verb);
}

static void add_rule(struct grants *grants, bool all, const cJSON *rule)
{
    const cJSON *group, *resource, *verb;
    cJSON_ArrayForEach(group, json_member(rule, "apiGroups"))
    {
        cJSON_ArrayForEach(resource, json_member(rule, "resources"))
        {
            cJSON_ArrayForEach(verb, json_member(rule, "verbs"))
            {
                add(grants, all, group->valuestring, resource->valuestring, "", verb->valuestring);
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
        bool all = strcmp(json_string(document, "kind", ""), "ClusterRole") == 0;
        cJSON_ArrayForEach(rule, json_member(document, "rules"))
        {
            add_rule(grants, all, rule);
        }
    }
    cJSON_Delete(documents);
    text_free(&bytes);
}

static void read_table(bool read_only, struct grants *grants)
{
    for (unsigned i = 0; i < kube_rights_count; i++) {
        const struct kube_right *right = &kube_rights[i];
        struct kube_call call;
        char verb[32];
        if (read_only && right->need != KUBE_RIGHT_READ)
            continue;
        for (unsigned k = 0; kube_right_call(right, k, "d", verb, &call); k++) {
            assert_string_equal(call.namespace, right->all ? "" : "d");
            add(grants, right->all, call.group, call.resource, call.subresource, call.verb);
        }
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

static void compare(const char *name, bool read_only)
{
    struct grants *manifest = calloc(1, sizeof(*manifest)), *table = calloc(1, sizeof(*table));
    assert_true(manifest != NULL && table != NULL);
    read_manifest(name, manifest);
    read_table(read_only, table);
    assert_true(table->count > 0);
    expect_all(table, manifest, name);
    expect_all(manifest, table, "kube/rights.c");
    free(manifest);
    free(table);
}

static void test_manifests(void **state)
{
    (void)state;
    compare("rbac.yaml", false);
    compare("rbac-readonly.yaml", true);
}

static void test_readonly_changes_nothing(void **state)
{
    struct grants *table = calloc(1, sizeof(*table));
    (void)state;
    assert_non_null(table);
    read_table(true, table);
    for (unsigned i = 0; i < table->count; i++) {
        const char *verb = strrchr(table->each[i], ' ') + 1;
        assert_true(strcmp(verb, "get") == 0 || strcmp(verb, "list") == 0 ||
                    strcmp(verb, "watch") == 0);
    }
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifests),
        cmocka_unit_test(test_readonly_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
