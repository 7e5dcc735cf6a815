/* YAML to JSON: scalars as kubectl types them, documents, aliases, and what is bounded. */
#include "kube/yaml.h"

#include "tests/unit/kube/fixture.h"

static void check(const char *yaml, const char *json)
{
    struct error err = {0};
    cJSON *tree = kube_yaml_parse(yaml, strlen(yaml), &err);
    if (tree == NULL)
        fail_msg("%s: %s", yaml, err.text);
    char *printed = json_print(tree, false);
    assert_string_equal(printed, json);
    cJSON_free(printed);
    cJSON_Delete(tree);
}

static void test_values(void **state)
{
    static const char *const rows[][2] = {
        {"", "[]"},
        {"---\n...\n---\n", "[]"},
        {"a: 1", "[{\"a\":1}]"},
        {"a: -7\nb: +7", "[{\"a\":-7,\"b\":7}]"},
        {"mode: 0644", "[{\"mode\":420}]"},
        {"mode: 0o644", "[{\"mode\":420}]"},
        {"a: 0x1F", "[{\"a\":31}]"},
        {"a: 1.5\nb: .5", "[{\"a\":1.5,\"b\":0.5}]"},
        {"a: 1e3", "[{\"a\":\"1e3\"}]"}, /* A commit's hash is no number. */
        {"a: 1.2.3\nb: 1d\nc: +", "[{\"a\":\"1.2.3\",\"b\":\"1d\",\"c\":\"+\"}]"},
        {"a: yes\nb: off\nc: true\nd: 'true'",
         "[{\"a\":true,\"b\":false,\"c\":true,\"d\":\"true\"}]"},
        {"a: ~\nb:\nc: ''", "[{\"a\":null,\"b\":null,\"c\":\"\"}]"},
        {"a: \"1\"\nb: |\n  x\n  y\n", "[{\"a\":\"1\",\"b\":\"x\\ny\\n\"}]"},
        {"a: 1\n---\nb: [x, {y: z}]", "[{\"a\":1},{\"b\":[\"x\",{\"y\":\"z\"}]}]"},
        {"{\"a\": [1, true, null]}", "[{\"a\":[1,true,null]}]"},
        {"a: &x {k: v}\nb: *x", "[{\"a\":{\"k\":\"v\"},\"b\":{\"k\":\"v\"}}]"},
        {"t: 2026-11-21T09:52:31Z", "[{\"t\":\"2026-11-21T09:52:31Z\"}]"},
        {"big: 9007199254740993", "[{\"big\":9007199254740993}]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(rows[i][0], rows[i][1]);
}

static void refused(const char *yaml, const char *text)
{
    struct error err = {0};
    assert_null(kube_yaml_parse(yaml, strlen(yaml), &err));
    if (strstr(err.text, text) == NULL)
        fail_msg("%s", err.text);
}

static void test_refusals(void **state)
{
    (void)state;
    refused("a: [1\nb: 2", "line 2, column ");
    refused("a: 1\n\na: 2", "line 3, column 1: the key stands here for the second time");
    refused("? [x]\n: y", "key");
    refused("a: *nowhere", "line 1");
    refused("a: &x [*x]", "nested"); /* Contains itself. */
    refused("a: \"x\\0y\"", "NUL");
}

/* Ten lines that would be 10^9 nodes. */
static void test_growth_by_aliases(void **state)
{
    struct text yaml = {0};
    (void)state;
    text_add(&yaml, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 10; i++) {
        text_addf(&yaml, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            text_addf(&yaml, "%s*a%d", j > 0 ? "," : "", i - 1);
        text_add(&yaml, "]\n");
    }
    refused(text_str(&yaml), "too large");
    text_free(&yaml);
}

static void test_depth(void **state)
{
    struct text yaml = {0};
    (void)state;
    for (int i = 0; i < KUBE_YAML_DEPTH + 1; i++)
        text_add(&yaml, "[");
    for (int i = 0; i < KUBE_YAML_DEPTH + 1; i++)
        text_add(&yaml, "]");
    refused(text_str(&yaml), "nested too deep");
    text_free(&yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_growth_by_aliases),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
