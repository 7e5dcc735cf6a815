/* What kube-proxy's ConfigMap says, and rules that are replaced by those of another mode. */
#include "lab/kube_proxy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "lab/api_default.h"
#include "lab/api_validate.h"

static void test_round(void **state)
{
    static const enum proxy_mode modes[] = {PROXY_RR, PROXY_RANDOM, PROXY_SH};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        cJSON *configmap = kube_proxy_configmap(modes[i]);
        enum proxy_mode mode = modes[(i + 1) % 3];
        char why[200];

        assert_int_equal(kube_proxy_mode(configmap, &mode, why, sizeof(why)), 0);
        assert_int_equal(mode, modes[i]);
        cJSON_Delete(configmap);
    }
}

static void test_what_is_said(void **state)
{
    static const struct {
        const char *text; /* NULL: nothing. */
        int code;
        enum proxy_mode mode;
        const char *why;
    } rows[] = {
        {"mode: ''", 0, PROXY_RANDOM, ""},
        {"mode: iptables", 0, PROXY_RANDOM, ""},
        {"mode: ipvs", 0, PROXY_RR, ""},
        {"mode: ipvs\nipvs: {scheduler: ''}", 0, PROXY_RR, ""},
        {"mode: ipvs\nipvs: {scheduler: sh}", 0, PROXY_SH, ""},
        {"{}", 0, PROXY_RANDOM, ""},
        {"mode: ipvs\nipvs: {scheduler: lc}", -EINVAL, 0, "no scheduler \"lc\""},
        {"mode: userspace", -EINVAL, 0, "mode \"userspace\" is unknown"},
        {"mode: [", -EINVAL, 0, "line"},
        {"a: 1\n---\nb: 2", -EINVAL, 0, "one YAML document"},
        {"", -EINVAL, 0, "one YAML document"},
        {NULL, -EINVAL, 0, "has no config.conf"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cJSON *configmap = cJSON_CreateObject();
        enum proxy_mode mode = PROXY_SH;
        char why[300] = "";

        if (rows[i].text != NULL)
            cJSON_AddStringToObject(cJSON_AddObjectToObject(configmap, "data"), "config.conf",
                                    rows[i].text);
        assert_int_equal(kube_proxy_mode(configmap, &mode, why, sizeof(why)), rows[i].code);
        if (rows[i].code == 0)
            assert_int_equal(mode, rows[i].mode);
        else if (strstr(why, rows[i].why) == NULL || mode != PROXY_SH)
            fail_msg("%s: %s", rows[i].text, why);
        cJSON_Delete(configmap);
    }
    enum proxy_mode mode = PROXY_RR;
    char why[300];
    assert_int_equal(kube_proxy_mode(NULL, &mode, why, sizeof(why)), -EINVAL);
}

/* The objects are such as the API would take. */
static void test_objects(void **state)
{
    cJSON *objects[] = {kube_proxy_configmap(PROXY_RR), kube_proxy_daemonset()};
    static const enum store_kind kinds[] = {STORE_CONFIGMAP, STORE_DAEMONSET};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        char why[200];
        assert_true(api_validate_types(kinds[i], objects[i], why, sizeof(why)));
        api_default(kinds[i], objects[i]);
        cJSON *causes = api_validate(kinds[i], objects[i], NULL);
        assert_null(causes->child);
        cJSON_Delete(causes);
        cJSON_Delete(objects[i]);
    }
}

static void test_mode_changes(void **state)
{
    static const char gone[] = "add table inet proxy\ndelete table inet proxy\n";
    struct proxy proxy;
    struct proxy_plan plan = {0};
    struct text rules = {0};

    (void)state;
    proxy_init(&proxy, PROXY_RR);
    proxy_sync(&proxy, &plan, &rules);
    assert_null(strstr(text_str(&rules), gone));
    assert_false(proxy_differs(&proxy, &plan));
    proxy_change_mode(&proxy, PROXY_SH);
    proxy_change_mode(&proxy, PROXY_RANDOM);
    assert_true(proxy_differs(&proxy, &plan));
    text_clear(&rules);
    proxy_sync(&proxy, &plan, &rules);
    assert_int_equal(strncmp(text_str(&rules), gone, strlen(gone)), 0);
    assert_non_null(strstr(text_str(&rules), "add table inet proxy\n"));
    text_clear(&rules);
    proxy_sync(&proxy, &plan, &rules);
    assert_string_equal(text_str(&rules), "");
    text_free(&rules);
    proxy_free(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_mode_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
