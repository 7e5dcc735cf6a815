#include "lab/api_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_places(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        enum api_path_kind kind;
        const char *parts; /* group|version|namespace|resource|name|subresource */
    } rows[] = {
        {"/api", API_PATH_API, "|||||"},
        {"/api?timeout=32s", API_PATH_API, "|||||"},
        {"/apis/", API_PATH_APIS, "|||||"},
        {"/version", API_PATH_VERSION, "|||||"},
        {"/healthz", API_PATH_HEALTH, "|||||"},
        {"/openapi/v2", API_PATH_OPENAPI, "|||||"},
        {"/openapi/v3", API_PATH_UNKNOWN, "|||||"},
        {"/", API_PATH_UNKNOWN, "|||||"},
        {"/apis/apps", API_PATH_GROUP, "apps|||||"},
        {"/api/v1", API_PATH_RESOURCES, "|v1||||"},
        {"/apis/apps/v1", API_PATH_RESOURCES, "apps|v1||||"},
        {"/api/v1/pods", API_PATH_OBJECTS, "|v1||pods||"},
        {"/api/v1/nodes/n1", API_PATH_OBJECTS, "|v1||nodes|n1|"},
        {"/api/v1/namespaces", API_PATH_OBJECTS, "|v1||namespaces||"},
        {"/api/v1/namespaces/foo", API_PATH_OBJECTS, "|v1||namespaces|foo|"},
        {"/api/v1/namespaces/foo/status", API_PATH_OBJECTS, "|v1||namespaces|foo|status"},
        {"/api/v1/namespaces/foo/pods", API_PATH_OBJECTS, "|v1|foo|pods||"},
        {"/api/v1/namespaces/foo/pods/p/status", API_PATH_OBJECTS, "|v1|foo|pods|p|status"},
        {"/apis/apps/v1/namespaces/foo/deployments/d/scale", API_PATH_OBJECTS,
         "apps|v1|foo|deployments|d|scale"},
        {"/api/v1/namespaces/foo/pods/%70%2e1", API_PATH_OBJECTS, "|v1|foo|pods|p.1|"},
        {"//api//v1//pods/", API_PATH_OBJECTS, "|v1||pods||"},
        {"/api/v1/a/b/c/d", API_PATH_UNKNOWN, "|v1||||"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char why[128] = "";
        char parts[512];
        struct api_path path;
        assert_int_equal(api_path_parse(rows[i].target, &path, why, sizeof(why)), 0);
        snprintf(parts, sizeof(parts), "%.80s|%.80s|%.80s|%.80s|%.80s|%.80s", path.group,
                 path.version, path.namespace, path.resource, path.name, path.subresource);
        assert_string_equal(parts, rows[i].parts);
        assert_int_equal(path.kind, rows[i].kind);
        assert_string_equal(why, "");
    }
}

static void test_options(void **state)
{
    (void)state;
    char why[128];
    struct api_path path;
    assert_int_equal(
        api_path_parse(
            "/api/v1/pods?labelSelector=a%3Db%2Cc%21%3Dd&fieldSelector=spec.nodeName%3Dn1"
            "&limit=500&continue=abc&resourceVersion=77&resourceVersionMatch=Exact&"
            "watch=true&allowWatchBookmarks=1&timeoutSeconds=300&sendInitialEvents=true&"
            "unknown=x&&dryRun=All&gracePeriodSeconds=0&propagationPolicy=Background",
            &path, why, sizeof(why)),
        0);
    assert_string_equal(path.label_selector, "a=b,c!=d");
    assert_string_equal(path.field_selector, "spec.nodeName=n1");
    assert_string_equal(path.continue_token, "abc");
    assert_string_equal(path.version_match, "Exact");
    assert_string_equal(path.propagation, "Background");
    assert_int_equal(path.limit, 500);
    assert_int_equal(path.resource_version, 77);
    assert_int_equal(path.timeout_s, 300);
    assert_int_equal(path.grace_s, 0);
    assert_true(path.has_resource_version && path.watch && path.bookmarks && path.dry_run &&
                path.has_initial_events && path.send_initial_events);

    assert_int_equal(
        api_path_parse("/api/v1/pods?watch=false&resourceVersion=", &path, why, sizeof(why)), 0);
    assert_false(path.watch || path.has_resource_version || path.dry_run);
    assert_int_equal(path.grace_s, -1);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "",
        "api",
        "http://x/api",
        "/api/v1/pods/%",
        "/api/v1/pods/%4",
        "/api/v1/pods/%zz",
        "/api/v1/pods/%00",
        "/api/v1/pods/a%2fb",
        "/api/v1/pods/a%0ab",
        "/a/b/c/d/e/f/g/h/i",
        "/api/v1/pods?limit=-1",
        "/api/v1/pods?limit=x",
        "/api/v1/pods?limit=99999999999999999999",
        "/api/v1/pods?resourceVersion=abc",
        "/api/v1/pods?resourceVersion=9223372036854775808",
        "/api/v1/pods?timeoutSeconds=5000000000",
        "/api/v1/pods?dryRun=Some",
        "/api/v1/pods?labelSelector=%",
        "/api/v1/pods?includeObject=aaaaaaaaaaaaaaaaaaaaaaaa",
    };
    for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        char why[128] = "";
        struct api_path path;
        if (api_path_parse(targets[i], &path, why, sizeof(why)) == 0)
            fail_msg("not refused: %s", targets[i]);
        assert_true(why[0] != '\0');
    }
}

static void test_lengths(void **state)
{
    (void)state;
    char why[128];
    struct api_path path;
    char *target = malloc(API_PATH_BYTES + 64);
    for (size_t size = 250; size <= 256; size++) {
        strcpy(target, "/api/v1/nodes/");
        memset(target + 14, 'a', size);
        target[14 + size] = '\0';
        int expected = size <= 253 ? 0 : -22;
        assert_int_equal(api_path_parse(target, &path, why, sizeof(why)), expected);
    }
    strcpy(target, "/api/v1/pods?x=");
    memset(target + 15, 'a', API_PATH_BYTES);
    target[15 + API_PATH_BYTES] = '\0';
    assert_int_equal(api_path_parse(target, &path, why, sizeof(why)), -22);
    free(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
