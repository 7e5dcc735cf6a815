/* Every recorded refusal is told apart and has a text to act on. */
#include "kube/failure.h"

#include <errno.h>

#include "tests/unit/kube/fixture.h"

static const struct kube_call patch_web = {"patch", "apps", "deployments", "", "default", "web"};
static const struct kube_call get_web = {"get", "apps", "deployments", "", "default", "web"};
static const struct kube_call get_nope = {"get", "apps", "deployments", "", "default", "nope"};
static const struct kube_call evict = {"create", "", "pods", "eviction", "default", "web-1"};
static const struct kube_call list = {"list", "", "pods", "", "default", ""};

static void test_recorded(void **state)
{
    static const struct {
        const char *file;
        const struct kube_call *call;
        enum kube_reason reason;
        const char *text, *also;
    } rows[] = {
        {"answer-401-token.json", &get_web, KUBE_REASON_UNAUTHORIZED, "who we are", "401"},
        {"answer-403-forbidden.json", &get_web, KUBE_REASON_FORBIDDEN,
         "forbids to get deployments web in namespace default",
         "kind: Role\nmetadata:\n  name: seamline\n  namespace: default\nrules:\n- apiGroups: "
         "[\"apps\"]\n  resources: [\"deployments\"]\n  verbs: [\"get\"]"},
        {"answer-get-404-deployment.json", &get_nope, KUBE_REASON_NOT_FOUND,
         "there is no nope of deployments in namespace default", ""},
        {"answer-patch-400-badjson.json", &patch_web, KUBE_REASON_BAD_REQUEST,
         "unexpected end of JSON", "400"},
        {"answer-patch-409-conflict.json", &patch_web, KUBE_REASON_CONFLICT, "409",
         "has been modified"},
        {"answer-list-410-gone.json", &list, KUBE_REASON_GONE, "410", "too old"},
        {"answer-patch-415-type.json", &patch_web, KUBE_REASON_UNSUPPORTED, "415",
         "Unsupported Media Type"},
        {"answer-patch-422-invalid.json", &patch_web, KUBE_REASON_INVALID, "422",
         "spec.replicas: Invalid value: -1"},
        {"answer-evict-429.json", &evict, KUBE_REASON_BUDGET, "create pods/eviction",
         "The disruption budget web needs 8 healthy pods and has 8 currently"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        long code;
        struct error err = {0};
        struct text body = fixture_answer(KUBE_FIXTURES, rows[i].file, &code);
        enum kube_reason reason =
            kube_failure_set(&err, NULL, rows[i].call, code, text_str(&body), body.size);
        if (reason != rows[i].reason || strstr(err.text, rows[i].text) == NULL ||
            strstr(err.text, rows[i].also) == NULL)
            fail_msg("%s: %s: %s", rows[i].file, kube_reason_text(reason), err.text);
        assert_true(kube_reason_errno(reason) < 0);
        text_free(&body);
    }
}

/* Without a Status: from proxies, or servers that are none. {code, reason}. */
static void test_bare_codes(void **state)
{
    static const struct {
        long code;
        enum kube_reason reason;
    } rows[] = {
        {200, KUBE_REASON_SUCCESS},   {201, KUBE_REASON_SUCCESS},  {301, KUBE_REASON_MALFORMED},
        {404, KUBE_REASON_NOT_FOUND}, {409, KUBE_REASON_CONFLICT}, {418, KUBE_REASON_BAD_REQUEST},
        {429, KUBE_REASON_THROTTLED}, {500, KUBE_REASON_SERVER},   {503, KUBE_REASON_SERVER},
        {504, KUBE_REASON_TIMEOUT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(kube_failure_reason(&get_web, rows[i].code, "<html>", 6), rows[i].reason);
    const struct kube_call create = {"create", "", "pods", "", "default", ""};
    assert_int_equal(kube_failure_reason(&create, 409, "", 0), KUBE_REASON_EXISTS);
    struct error err = {0};
    kube_failure_set(&err, NULL, &get_web, 404, "404 page not found", 18);
    assert_non_null(strstr(err.text, "serves no deployments"));
}

static void test_rules(void **state)
{
    static const struct kube_call scale = {"patch", "apps", "deployments", "scale", "ns", "w"};
    static const struct kube_call nodes = {"list", "", "nodes", "", "", ""};
    struct text out = {0};
    (void)state;
    kube_failure_rule(&out, &scale);
    assert_non_null(strstr(text_str(&out), "resources: [\"deployments/scale\"]"));
    text_clear(&out);
    kube_failure_rule(&out, &nodes);
    assert_non_null(strstr(text_str(&out), "kind: ClusterRole"));
    assert_non_null(strstr(text_str(&out), "apiGroups: [\"\"]\n  resources: [\"nodes\"]"));
    assert_null(strstr(text_str(&out), "namespace:"));
    text_free(&out);
}

static void test_transient(void **state)
{
    (void)state;
    assert_true(kube_reason_transient(KUBE_REASON_UNREACHABLE));
    assert_true(kube_reason_transient(KUBE_REASON_THROTTLED));
    assert_false(kube_reason_transient(KUBE_REASON_FORBIDDEN));
    assert_false(kube_reason_transient(KUBE_REASON_TLS));
    assert_int_equal(kube_reason_errno(KUBE_REASON_SUCCESS), 0);
    assert_int_equal(kube_reason_errno(KUBE_REASON_NOT_FOUND), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_bare_codes),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_transient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
