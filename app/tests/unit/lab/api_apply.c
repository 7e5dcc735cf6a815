/* Server-side apply: who owns what, what goes, what conflicts. */
#include "lab/api_managed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "lab/api_fields.h"
#include "lab/object.h"
#include "tests/unit/lab/api_world.h"

#define WEB "/apis/apps/v1/namespaces/default/deployments/web"
#define APPLY "application/apply-patch+yaml"
#define SERVICE "/api/v1/namespaces/default/services/web"

static const char manifest[] = "apiVersion: apps/v1\n"
                               "kind: Deployment\n"
                               "metadata: {name: web, labels: {team: a}}\n"
                               "spec:\n"
                               "  replicas: 3\n"
                               "  selector: {matchLabels: {app: web}}\n"
                               "  template:\n"
                               "    metadata: {labels: {app: web}}\n"
                               "    spec:\n"
                               "      containers:\n"
                               "      - name: c\n"
                               "        image: web:v1\n"
                               "        env:\n"
                               "        - {name: A, value: \"1\"}\n"
                               "        - {name: B, value: \"2\"}\n";

/* MANIFEST with FROM replaced by TO, applied by MANAGER. Returns the status. */
static unsigned apply(struct world *world, const char *manager, const char *from, const char *to)
{
    struct text body = {0};
    char target[300];
    const char *at = from[0] != '\0' ? strstr(manifest, from) : manifest;

    assert_non_null(at);
    text_add_bytes(&body, manifest, (size_t)(at - manifest));
    text_add(&body, to);
    text_add(&body, at + strlen(from));
    snprintf(target, sizeof(target), WEB "?fieldManager=%s", manager);
    unsigned code = world_patch(world, target, APPLY, text_str(&body));
    text_free(&body);
    return code;
}

static const cJSON *stored(const struct world *world)
{
    return store_get(world->store, STORE_DEPLOYMENT, "default", "web");
}

/* The fields of MANAGER by OPERATION, printed; "" for none. */
static void expect_fields(const struct world *world, const char *manager, const char *operation,
                          const char *expected)
{
    const cJSON *entry;
    char *printed = NULL;

    cJSON_ArrayForEach(entry, json_at(stored(world), "metadata.managedFields"))
    {
        if (strcmp(json_string(entry, "manager", ""), manager) == 0 &&
            strcmp(json_string(entry, "operation", ""), operation) == 0)
            printed = json_print(json_at(entry, "fieldsV1"), false);
    }
    assert_string_equal(printed != NULL ? printed : "", expected);
    cJSON_free(printed);
}

static void test_apply_creates(void **state)
{
    struct world *world = *state;

    assert_int_equal(apply(world, "one", "", ""), 201);
    world_expect_text(world, "metadata.name", "web");
    assert_int_equal(json_integer(world->body, "spec.progressDeadlineSeconds", 0), 600);
    expect_fields(world, "one", "Apply",
                  "{\"f:metadata\":{\"f:labels\":{\"f:team\":{}}},\"f:spec\":{\"f:replicas\":{},"
                  "\"f:selector\":{\"f:matchLabels\":{\"f:app\":{}}},\"f:template\":{"
                  "\"f:metadata\":{\"f:labels\":{\"f:app\":{}}},\"f:spec\":{\"f:containers\":{"
                  "\"k:{\\\"name\\\":\\\"c\\\"}\":{\"f:name\":{},\"f:image\":{},\"f:env\":{"
                  "\"k:{\\\"name\\\":\\\"A\\\"}\":{\"f:name\":{},\"f:value\":{},\".\":{}},"
                  "\"k:{\\\"name\\\":\\\"B\\\"}\":{\"f:name\":{},\"f:value\":{},\".\":{}}},"
                  "\".\":{}}}}}}}");
    /* Once more is no change: nobody is woken. */
    uint64_t version = store_version(world->store);
    world->utc_ns += INT64_C(5000000000);
    assert_int_equal(apply(world, "one", "", ""), 200);
    assert_true(store_version(world->store) == version);
}

/* What was applied and is said no more goes; what the server filled in and others set stays. */
static void test_apply_takes_away_what_is_said_no_more(void **state)
{
    struct world *world = *state;
    const cJSON *env;

    assert_int_equal(apply(world, "one", "", ""), 201);
    assert_int_equal(world_patch(world, WEB, WORLD_STRATEGIC,
                                 "{'spec':{'template':{'spec':{'containers':[{'name':'c','env':[{"
                                 "'name':'C','value':'3'}]}]}}}}"),
                     200);
    assert_int_equal(apply(world, "one", "        - {name: A, value: \"1\"}\n", ""), 200);
    env = json_at(json_at(stored(world), "spec.template.spec.containers")->child, "env");
    assert_int_equal(cJSON_GetArraySize(env), 2);
    assert_string_equal(json_string(env->child, "name", ""), "B");
    assert_string_equal(json_string(env->child->next, "name", ""), "C");
    assert_int_equal(apply(world, "one", ", labels: {team: a}", ""), 200);
    assert_null(json_at(stored(world), "metadata.labels"));
    assert_int_equal(json_integer(stored(world), "spec.replicas", 0), 3);
    assert_int_equal(apply(world, "one", "  replicas: 3\n", ""), 200);
    assert_int_equal(json_integer(stored(world), "spec.replicas", 0), 1); /* The default. */
}

static void test_conflict(void **state)
{
    struct world *world = *state;

    assert_int_equal(apply(world, "one", "", ""), 201);
    assert_int_equal(apply(world, "two", "replicas: 3", "replicas: 5"), 409);
    world_expect_body(world,
                      "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure',"
                      "'message':'Apply failed with 1 conflict: conflict with \\'one\\' using "
                      "apps/v1: .spec.replicas','reason':'Conflict','details':{'causes':[{"
                      "'reason':'FieldManagerConflict','message':'conflict with \\'one\\' using "
                      "apps/v1','field':'.spec.replicas'}]},'code':409}");
    assert_int_equal(json_integer(stored(world), "spec.replicas", 0), 3);
    assert_int_equal(apply(world, "two&force=true", "replicas: 3", "replicas: 5"), 200);
    assert_int_equal(json_integer(stored(world), "spec.replicas", 0), 5);
    /* Now it is the first one who differs; what both say the same is both's. */
    assert_int_equal(apply(world, "one", "", ""), 409);
    assert_int_equal(apply(world, "one", "replicas: 3", "replicas: 5"), 200);
    assert_int_equal(apply(world, "one", "  replicas: 3\n", ""), 200);
    assert_int_equal(json_integer(stored(world), "spec.replicas", 0), 5);
    assert_int_equal(apply(world, "one", "image: web:v1", "image: web:v2"), 409);
    assert_string_equal(
        json_string(json_at(world->body, "details.causes")->child->next, "field", ""),
        ".spec.template.spec.containers[name=\"c\"].image");
}

/* Whoever writes by another way than apply takes what he changed, and keeps it. */
static void test_update_takes_over(void **state)
{
    struct world *world = *state;

    assert_int_equal(apply(world, "one", "", ""), 201);
    assert_int_equal(world_patch(world, WEB "/scale?fieldManager=scaler", WORLD_MERGE,
                                 "{'spec':{'replicas':7}}"),
                     200);
    expect_fields(world, "scaler", "Update", "{\"f:spec\":{\"f:replicas\":{}}}");
    assert_string_equal(json_string(json_at(stored(world), "metadata.managedFields")->child->next,
                                    "subresource", ""),
                        "scale");
    assert_int_equal(apply(world, "one", "", ""), 409);
    assert_non_null(strstr(text_str(&world->answer.body), "conflict with \\\"scaler\\\""));
    assert_int_equal(apply(world, "one", "  replicas: 3\n", ""), 200);
    assert_int_equal(json_integer(stored(world), "spec.replicas", 0), 7);
    assert_int_equal(apply(world, "one&force=true", "", ""), 200);
    assert_int_equal(json_integer(stored(world), "spec.replicas", 0), 3);
    expect_fields(world, "scaler", "Update", "");
}

/* Two ports of one number are two elements; a client's name stands in for a manager. */
static void test_service_ports(void **state)
{
    struct world *world = *state;
    static const char service[] =
        "{'apiVersion':'v1','kind':'Service','metadata':{'name':'web'},'spec':{'ports':[{'name':"
        "'t','port':5003,'protocol':'TCP'},{'name':'u','port':5003,'protocol':'UDP'}]}}";
    static const char without[] =
        "{'apiVersion':'v1','kind':'Service','metadata':{'name':'web'},'spec':{'ports':[{'name':"
        "'t','port':5003}]}}";
    const cJSON *ports;

    assert_int_equal(world_patch(world, SERVICE "?fieldManager=x", APPLY, service), 201);
    ports = json_at(store_get(world->store, STORE_SERVICE, "default", "web"), "spec.ports");
    assert_int_equal(cJSON_GetArraySize(ports), 2);
    assert_int_equal(world_patch(world, SERVICE "?fieldManager=x", APPLY, without), 200);
    ports = json_at(store_get(world->store, STORE_SERVICE, "default", "web"), "spec.ports");
    assert_int_equal(cJSON_GetArraySize(ports), 1);
    assert_int_equal(world_patch(world, SERVICE, WORLD_MERGE, "{'metadata':{'labels':{'a':'b'}}}"),
                     200);
    const cJSON *entries =
        json_at(store_get(world->store, STORE_SERVICE, "default", "web"), "metadata.managedFields");
    assert_string_equal(json_string(entries->child->next, "manager", ""), "unknown");
}

static void test_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *target, *body;
        unsigned code;
    } rows[] = {
        {WEB, "kind: Deployment", 422}, /* No manager. */
        {WEB "?fieldManager=x", "", 400},
        {WEB "?fieldManager=x", "a: [", 400},
        {WEB "?fieldManager=x", "a: 1\n---\nb: 2", 400},
        {WEB "?fieldManager=x", "metadata: {name: web}", 400},
        {WEB "?fieldManager=x", "{apiVersion: v1, kind: Deployment}", 400},
        {WEB "?fieldManager=x", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: b}}",
         400},
        {WEB "?fieldManager=x",
         "{apiVersion: apps/v1, kind: Deployment, metadata: {managedFields: []}}", 400},
        {WEB "?fieldManager=x", "{apiVersion: apps/v1, kind: Deployment, spec: {replicas: x}}",
         400},
        {WEB "?fieldManager=x", "{apiVersion: apps/v1, kind: Deployment, spec: {}}", 422},
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (world_patch(world, rows[i].target, APPLY, rows[i].body) != rows[i].code)
            fail_msg("row %u: %s", i, text_str(&world->answer.body));
    }
    assert_null(stored(world));
    assert_int_equal(world_patch(world, WEB "?fieldManager=x&dryRun=All", APPLY, manifest), 201);
    assert_null(stored(world));
    assert_int_equal(apply(world, "x", "", ""), 201);
    uint64_t version = store_version(world->store);
    assert_int_equal(apply(world, "x&dryRun=All", "replicas: 3", "replicas: 4"), 200);
    assert_int_equal(json_integer(world->body, "spec.replicas", 0), 4);
    assert_int_equal(world_patch(world, WEB "?dryRun=All", "application/json-patch+json",
                                 "[{'op':'replace','path':'/spec/replicas','value':9}]"),
                     200);
    assert_int_equal(json_integer(world->body, "spec.replicas", 0), 9);
    assert_int_equal(
        world_patch(world, WEB "/scale?dryRun=All", WORLD_MERGE, "{'spec':{'replicas':9}}"), 200);
    assert_int_equal(world_request(world, "DELETE", WEB "?dryRun=All", NULL), 200);
    assert_true(store_version(world->store) == version);
}

static void test_json_patch(void **state)
{
    struct world *world = *state;
    static const char type[] = "application/json-patch+json";

    assert_int_equal(apply(world, "x", "", ""), 201);
    assert_int_equal(world_patch(world, WEB, type,
                                 "[{'op':'test','path':'/spec/replicas','value':3},"
                                 "{'op':'replace','path':'/spec/template/spec/containers/0/image',"
                                 "'value':'web:v2'}]"),
                     200);
    assert_string_equal(
        json_string(json_at(stored(world), "spec.template.spec.containers")->child, "image", ""),
        "web:v2");
    assert_int_equal(
        world_patch(world, WEB, type, "[{'op':'test','path':'/spec/replicas','value':4}]"), 422);
    world_expect_body(world,
                      "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure',"
                      "'message':'the server rejected our request due to an error in our request',"
                      "'reason':'Invalid','details':{'causes':[{'reason':"
                      "'UnexpectedServerResponse','message':'testing a value failed: "
                      "\\'/spec/replicas\\''}]},'code':422}");
    assert_int_equal(world_patch(world, WEB, type, "{}"), 400);
    assert_int_equal(world_patch(world, WEB, type, "[{'op':'replace','path':'','value':7}]"), 400);
    assert_int_equal(world_patch(world, WEB, type, "[{'op':'remove','path':'/metadata'}]"), 400);
}

int main(void)
{
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_apply_creates), WORLD_TEST(test_apply_takes_away_what_is_said_no_more),
        WORLD_TEST(test_conflict),      WORLD_TEST(test_update_takes_over),
        WORLD_TEST(test_service_ports), WORLD_TEST(test_refused),
        WORLD_TEST(test_json_patch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
