#include "base/yaml_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/json.h"
#include "base/text.h"

static void scalars_are_typed_as_kubectl_does(void **state)
{
    static const struct {
        const char *yaml;
        const char *json;
    } rows[] = {
        {"a: 1", "[{\"a\":1}]"},
        {"a: '1'", "[{\"a\":\"1\"}]"},
        {"a: -7", "[{\"a\":-7}]"},
        {"a: 0644", "[{\"a\":420}]"},
        {"a: 0o17", "[{\"a\":15}]"},
        {"a: 0x1f", "[{\"a\":31}]"},
        {"a: 1.5", "[{\"a\":1.5}]"},
        {"a: .5", "[{\"a\":0.5}]"},
        {"a: 1e+3", "[{\"a\":1000}]"},
        {"a: 1e3", "[{\"a\":\"1e3\"}]"},
        {"a: 1.2.3", "[{\"a\":\"1.2.3\"}]"},
        {"a: .", "[{\"a\":\".\"}]"},
        {"a: yes", "[{\"a\":true}]"},
        {"a: Off", "[{\"a\":false}]"},
        {"a: \"yes\"", "[{\"a\":\"yes\"}]"},
        {"a: ~", "[{\"a\":null}]"},
        {"a:", "[{\"a\":null}]"},
        {"a: x\n---\nb: [1, {c: d}]\n---\n", "[{\"a\":\"x\"},{\"b\":[1,{\"c\":\"d\"}]}]"},
        {"{\"a\": [true, \"x\"]}", "[{\"a\":[true,\"x\"]}]"},
        {"a: &x {b: 1}\nc: *x", "[{\"a\":{\"b\":1},\"c\":{\"b\":1}}]"},
        {"a: |\n  one\n  two\n", "[{\"a\":\"one\\ntwo\\n\"}]"},
        {"9223372036854775807: 1", "[{\"9223372036854775807\":1}]"},
        {"t: 2026-11-21T09:52:31Z", "[{\"t\":\"2026-11-21T09:52:31Z\"}]"},
        {"a: 1d\nb: +", "[{\"a\":\"1d\",\"b\":\"+\"}]"},
        {"big: 9007199254740993", "[{\"big\":9007199254740993}]"},
        {"\n{\t\"a\": [\n\t\t1]}\n", "[{\"a\":[1]}]"}, /* JSON, indented by tabs. */
        {"{\"a\": \"\\ud83d\\ude00\"}", "[{\"a\":\"\xf0\x9f\x98\x80\"}]"}, /* A surrogate pair. */
        {"---\n...\n---\n", "[]"},
        {"", "[]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct error err = {0};
        cJSON *tree = yaml_tree_parse(rows[i].yaml, strlen(rows[i].yaml), &err);
        char *json;
        if (tree == NULL)
            fail_msg("%s: %s", rows[i].yaml, err.text);
        json = json_print(tree, false);
        assert_string_equal(json, rows[i].json);
        cJSON_free(json);
        cJSON_Delete(tree);
    }
}

static void hostile_files_are_refused(void **state)
{
    struct text deep = {0}, bomb = {0};
    struct error err = {0};

    (void)state;
    for (int i = 0; i < 200; i++)
        text_add(&deep, "[");
    for (int i = 0; i < 200; i++)
        text_add(&deep, "]");
    assert_null(yaml_tree_parse(text_str(&deep), deep.size, &err));
    assert_string_equal(err.text, "line 1, column 65: this is nested too deep");
    err.text[0] = '\0';
    text_add(&bomb, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        text_addf(&bomb, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            text_addf(&bomb, "%s*a%d", j > 0 ? ", " : "", i - 1);
        text_add(&bomb, "]\n");
    }
    assert_null(yaml_tree_parse(text_str(&bomb), bomb.size, &err));
    assert_non_null(strstr(err.text, "this is too large, aliases included"));
    err.text[0] = '\0';
    assert_null(yaml_tree_parse("a: &x [*x]", 10, &err)); /* An alias inside of itself. */
    text_free(&deep);
    text_free(&bomb);
}

static void mistakes_have_their_place(void **state)
{
    static const char *const rows[][2] = {
        {"a: 1\na: 2", "line 2, column 1: this key is there twice"},
        {"a: \"x\\0y\"", "line 1, column 4: this text cannot be held: has it a NUL byte?"},
        {"[a]: b", "line 1, column 1: a key must be plain text"},
        {"a: 1\n\na: 2", "line 3, column 1: this key is there twice"},
        {"a: *nowhere", "line 1, column 4: found undefined alias"},
        {"{\"a\": \"\\ud83d\"}", "line 1, column 10: found invalid Unicode character escape code"},
        {"a: b: c", "line 1, column 5: mapping values are not allowed in this context"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct error err = {0};
        assert_null(yaml_tree_parse(rows[i][0], strlen(rows[i][0]), &err));
        assert_string_equal(err.text, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_typed_as_kubectl_does),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(mistakes_have_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
