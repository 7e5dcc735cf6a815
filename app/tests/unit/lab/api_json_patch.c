/* JSON Patch: the examples of RFC 6902, appendix A, and what a hostile client may send. */
#include "lab/api_json_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static cJSON *parse(const char *text)
{
    char *json = strdup(text);
    cJSON *item;

    for (char *c = json; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    item = cJSON_Parse(json);
    if (item == NULL)
        fail_msg("%s", json);
    free(json);
    return item;
}

static const struct {
    const char *before;
    const char *patch;
    const char *after; /* NULL: refused. */
    int code;
} rows[] = {
    {"{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux'}]", "{'baz':'qux','foo':'bar'}", 0},
    {"{'foo':['bar','baz']}", "[{'op':'add','path':'/foo/1','value':'qux'}]",
     "{'foo':['bar','qux','baz']}", 0},
    {"{'baz':'qux','foo':'bar'}", "[{'op':'remove','path':'/baz'}]", "{'foo':'bar'}", 0},
    {"{'foo':['bar','qux','baz']}", "[{'op':'remove','path':'/foo/1'}]", "{'foo':['bar','baz']}",
     0},
    {"{'baz':'qux','foo':'bar'}", "[{'op':'replace','path':'/baz','value':'boo'}]",
     "{'baz':'boo','foo':'bar'}", 0},
    {"{'foo':{'bar':'baz','waldo':'fred'},'qux':{'corge':'grault'}}",
     "[{'op':'move','from':'/foo/waldo','path':'/qux/thud'}]",
     "{'foo':{'bar':'baz'},'qux':{'corge':'grault','thud':'fred'}}", 0},
    {"{'foo':['all','grass','cows','eat']}", "[{'op':'move','from':'/foo/1','path':'/foo/3'}]",
     "{'foo':['all','cows','eat','grass']}", 0},
    {"{'baz':'qux','foo':['a',2,'c']}",
     "[{'op':'test','path':'/baz','value':'qux'},{'op':'test','path':'/foo/1','value':2}]",
     "{'baz':'qux','foo':['a',2,'c']}", 0},
    {"{'baz':'qux'}", "[{'op':'test','path':'/baz','value':'bar'}]", NULL, -ENOENT},
    {"{'foo':'bar'}", "[{'op':'add','path':'/child','value':{'grandchild':{}}}]",
     "{'foo':'bar','child':{'grandchild':{}}}", 0},
    {"{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux','xyz':123}]",
     "{'foo':'bar','baz':'qux'}", 0},
    {"{'foo':'bar'}", "[{'op':'add','path':'/baz/bat','value':'qux'}]", NULL, -ENOENT},
    {"{'/':9,'~1':10}", "[{'op':'test','path':'/~01','value':10}]", "{'/':9,'~1':10}", 0},
    {"{'/':9,'~1':10}", "[{'op':'test','path':'/~01','value':'10'}]", NULL, -ENOENT},
    {"{'foo':['bar']}", "[{'op':'add','path':'/foo/-','value':['abc','def']}]",
     "{'foo':['bar',['abc','def']]}", 0},
    {"{'a':1}", "[{'op':'copy','from':'/a','path':'/b'}]", "{'a':1,'b':1}", 0},
    {"{'a':[1,2,3]}", "[{'op':'replace','path':'/a/2','value':9}]", "{'a':[1,2,9]}", 0},
    {"{'a':1}", "[{'op':'replace','path':'','value':{'b':2}}]", "{'b':2}", 0},
    {"{'a':1}", "[]", "{'a':1}", 0},
    {"{'a':null}", "[{'op':'test','path':'/a','value':null}]", "{'a':null}", 0},
    /* Places that are none. */
    {"{'a':[1,2]}", "[{'op':'remove','path':'/a/2'}]", NULL, -ENOENT},
    {"{'a':[1,2]}", "[{'op':'remove','path':'/a/-'}]", NULL, -ENOENT},
    {"{'a':[1,2]}", "[{'op':'add','path':'/a/3','value':1}]", NULL, -ENOENT},
    {"{'a':[1,2]}", "[{'op':'remove','path':'/a/01'}]", NULL, -ENOENT},
    {"{'a':[1,2]}", "[{'op':'remove','path':'/a/0x'}]", NULL, -ENOENT},
    {"{'a':[1,2]}", "[{'op':'remove','path':'/a/99999999999999999999'}]", NULL, -ENOENT},
    {"{'a':'text'}", "[{'op':'add','path':'/a/b','value':1}]", NULL, -ENOENT},
    {"{'a':1}", "[{'op':'replace','path':'/b','value':1}]", NULL, -ENOENT},
    {"{'a':1}", "[{'op':'copy','from':'/b','path':'/c'}]", NULL, -ENOENT},
    {"{'a':1}", "[{'op':'remove','path':''}]", NULL, -ENOENT},
    {"{'a':1}", "[{'op':'remove','path':''},{'op':'test','path':'/a','value':1}]", NULL, -ENOENT},
    /* No patches. */
    {"{}", "{'op':'add'}", NULL, -EINVAL},
    {"{}", "[7]", NULL, -EINVAL},
    {"{}", "[{'op':'add','value':1}]", NULL, -EINVAL},
    {"{}", "[{'op':'add','path':'a','value':1}]", NULL, -EINVAL},
    {"{}", "[{'op':'add','path':'/a~2','value':1}]", NULL, -EINVAL},
    {"{}", "[{'op':'add','path':'/a'}]", NULL, -EINVAL},
    {"{}", "[{'op':'merge','path':'/a','value':1}]", NULL, -EINVAL},
    {"{'a':1}", "[{'op':'move','path':'/b'}]", NULL, -EINVAL},
    {"{'a':{'b':1}}", "[{'op':'move','from':'/a','path':'/a/b'}]", NULL, -EINVAL},
};

static void test_rows(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cJSON *before = parse(rows[i].before), *patch = parse(rows[i].patch), *after = NULL;
        cJSON *copy = cJSON_Duplicate(before, true);
        char why[200] = "";
        int rc = api_json_patch(before, patch, &after, why, sizeof(why));

        if (rc != rows[i].code)
            fail_msg("%s gives %d: %s", rows[i].patch, rc, why);
        assert_true(cJSON_Compare(before, copy, true));
        if (rc == 0) {
            cJSON *expected = parse(rows[i].after);
            if (!cJSON_Compare(after, expected, true))
                fail_msg("%s gives %s", rows[i].patch, cJSON_PrintUnformatted(after));
            cJSON_Delete(expected);
            cJSON_Delete(after);
        } else {
            assert_null(after);
            assert_string_not_equal(why, "");
        }
        cJSON_Delete(before);
        cJSON_Delete(copy);
        cJSON_Delete(patch);
    }
}

/* Each copy doubles the object: 40 of them would be 2^40 members. */
static void test_copies_are_bounded(void **state)
{
    cJSON *before = parse("{'a':{'b':1}}"), *patch = cJSON_CreateArray(), *after = NULL;
    char why[200];

    (void)state;
    for (int i = 0; i < 40; i++)
        cJSON_AddItemToArray(patch, parse("{'op':'copy','from':'/a','path':'/a/a'}"));
    assert_int_equal(api_json_patch(before, patch, &after, why, sizeof(why)), 0);
    cJSON_Delete(after);
    after = NULL;
    cJSON_Delete(patch);
    patch = parse("[{'op':'add','path':'','value':[[0,0,0,0]]}]");
    for (int i = 0; i < 40; i++)
        cJSON_AddItemToArray(patch, parse("{'op':'copy','from':'/0','path':'/0/-'}"));
    assert_int_equal(api_json_patch(before, patch, &after, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "too large"));
    cJSON_Delete(before);
    cJSON_Delete(patch);
}

/* Few members may still be many bytes. */
static void test_texts_are_bounded(void **state)
{
    enum {
        TEXT_BYTES = 100000
    };
    cJSON *before = cJSON_CreateObject(), *patch = cJSON_CreateArray(), *after = NULL;
    char why[200] = "", *text = malloc(TEXT_BYTES + 1);

    (void)state;
    memset(text, 'x', TEXT_BYTES);
    text[TEXT_BYTES] = '\0';
    cJSON_AddStringToObject(before, "a", text);
    cJSON_AddArrayToObject(before, "b");
    free(text);
    for (int i = 0; i < 10; i++)
        cJSON_AddItemToArray(patch, parse("{'op':'copy','from':'/a','path':'/b/-'}"));
    assert_int_equal(api_json_patch(before, patch, &after, why, sizeof(why)), 0);
    cJSON_Delete(after);
    for (int i = 0; i < 90; i++)
        cJSON_AddItemToArray(patch, parse("{'op':'copy','from':'/a','path':'/b/-'}"));
    assert_int_equal(api_json_patch(before, patch, &after, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "too large"));
    cJSON_Delete(before);
    cJSON_Delete(patch);
}

/* What is done with an object later descends it: each copy below itself makes it deeper. */
static void test_nesting_is_bounded(void **state)
{
    cJSON *before = parse("{'a':{'a':{}}}"), *patch = cJSON_CreateArray(), *after = NULL;
    char why[200] = "", path[4 * 64] = "/a/a/a";

    (void)state;
    for (unsigned depth = 2; depth <= 32; depth *= 2) {
        cJSON *operation = parse("{'op':'copy','from':'/a'}");
        cJSON_AddStringToObject(operation, "path", path);
        cJSON_AddItemToArray(patch, operation);
        for (unsigned i = 0; i < depth; i++)
            strcat(path, "/a");
    }
    assert_int_equal(api_json_patch(before, patch, &after, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "too deeply"));
    cJSON_Delete(before);
    cJSON_Delete(patch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_copies_are_bounded),
        cmocka_unit_test(test_texts_are_bounded),
        cmocka_unit_test(test_nesting_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
