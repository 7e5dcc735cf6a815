#include "lab/api_selector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char pod_text[] =
    "{\"metadata\":{\"name\":\"p\",\"namespace\":\"d\",\"labels\":{\"app\":\"web\",\"tier\":\"\","
    "\"k8s.io/x-y\":\"v.1\"}},\"spec\":{\"nodeName\":\"n1\"},\"status\":{\"phase\":\"Running\"}}";

static void test_matching(void **state)
{
    (void)state;
    static const struct {
        const char *labels;
        const char *fields;
        bool matches;
    } rows[] = {
        {"", "", true},
        {"app=web", "", true},
        {"app==web", "", true},
        {"app=we", "", false},
        {"app!=web", "", false},
        {"app!=x", "", true},
        {"none!=x", "", true},
        {"none=x", "", false},
        {"none=", "", false},
        {"tier=", "", true},
        {"app", "", true},
        {"none", "", false},
        {"!app", "", false},
        {"!none", "", true},
        {" app = web , tier ", "", true},
        {"app in (a, web)", "", true},
        {"app in (a,b)", "", false},
        {"app notin (a,b)", "", true},
        {"app notin (web)", "", false},
        {"none notin (web)", "", true},
        {"none in (web)", "", false},
        {"app in (web),k8s.io/x-y=v.1", "", true},
        {"app in (web),k8s.io/x-y=v.2", "", false},
        {"in=x", "", false},
        {"", "metadata.name=p", true},
        {"", "metadata.name=q", false},
        {"", "metadata.name!=q,metadata.namespace==d", true},
        {"", "spec.nodeName=n1,status.phase!=Failed,status.phase!=Succeeded", true},
        {"", "status.phase!=Running", false},
        {"", "status.podIP=", true},
        {"app=web", "spec.nodeName=n2", false},
    };
    cJSON *pod = cJSON_Parse(pod_text);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char why[128];
        struct api_selector selector;
        assert_int_equal(api_selector_parse(STORE_POD, rows[i].labels, rows[i].fields, &selector,
                                            why, sizeof(why)),
                         0);
        if (api_selector_matches(&selector, pod) != rows[i].matches)
            fail_msg("\"%s\" \"%s\" should be %d", rows[i].labels, rows[i].fields, rows[i].matches);
    }
    cJSON_Delete(pod);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *labels;
        const char *fields;
    } rows[] = {
        {"=x", ""},           {"a=b,", ""},
        {"a in b", ""},       {"a in (b", ""},
        {"a in (b))", ""},    {"a b", ""},
        {"a=b c", ""},        {"!", ""},
        {"a=(b)", ""},        {"", "name=p"},
        {"", "spec.image=x"}, {"", "metadata.name"},
        {"", "=x"},           {"", "metadata.name!p"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char why[128] = "";
        struct api_selector selector;
        if (api_selector_parse(STORE_POD, rows[i].labels, rows[i].fields, &selector, why,
                               sizeof(why)) == 0)
            fail_msg("not refused: \"%s\" \"%s\"", rows[i].labels, rows[i].fields);
        assert_true(why[0] != '\0');
    }
}

static void test_kinds_have_their_fields(void **state)
{
    (void)state;
    char why[128];
    struct api_selector selector;
    assert_int_equal(api_selector_parse(STORE_EVENT, "",
                                        "involvedObject.name=w,involvedObject.namespace=d,"
                                        "involvedObject.kind=Deployment,involvedObject.uid=u",
                                        &selector, why, sizeof(why)),
                     0);
    assert_int_equal(
        api_selector_parse(STORE_POD, "", "involvedObject.name=w", &selector, why, sizeof(why)),
        -22);
    assert_string_equal(why, "field label not supported: involvedObject.name");
    assert_int_equal(
        api_selector_parse(STORE_NODE, "", "metadata.namespace=d", &selector, why, sizeof(why)),
        -22);
    assert_int_equal(
        api_selector_parse(STORE_NODE, "", "spec.unschedulable=false", &selector, why, sizeof(why)),
        0);
    cJSON *node = cJSON_Parse("{\"spec\":{}}");
    assert_true(api_selector_matches(&selector, node));
    cJSON_AddTrueToObject(cJSON_GetObjectItem(node, "spec"), "unschedulable");
    assert_false(api_selector_matches(&selector, node));
    cJSON_Delete(node);
}

static void test_limits(void **state)
{
    (void)state;
    char why[128];
    char text[API_SELECTOR_TEXT_BYTES];
    struct api_selector selector;
    text[0] = '\0';
    for (unsigned i = 0; i < API_SELECTOR_TERMS; i++)
        strcat(text, i > 0 ? ",a" : "a");
    assert_int_equal(api_selector_parse(STORE_POD, text, "", &selector, why, sizeof(why)), 0);
    assert_int_equal(api_selector_add_name(&selector, "p"), -22);
    strcat(text, ",a");
    assert_int_equal(api_selector_parse(STORE_POD, text, "", &selector, why, sizeof(why)), -22);
    strcpy(text, "a in (b");
    for (unsigned i = 0; i < API_SELECTOR_VALUES; i++)
        strcat(text, ",b");
    strcat(text, ")");
    assert_int_equal(api_selector_parse(STORE_POD, text, "", &selector, why, sizeof(why)), -22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_kinds_have_their_fields),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
