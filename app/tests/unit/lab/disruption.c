/* PodDisruptionBudgets and evictions, by the API and the controller together. Shapes and words are
 * those that Kubernetes 1.36 answered with. */
#include "lab/controller_disruption.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/object.h"
#include "tests/unit/lab/api_world.h"

#define BUDGETS "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
#define PODS "/api/v1/namespaces/default/pods"
#define EVICTION "{'kind':'Eviction','apiVersion':'policy/v1','metadata':{'name':'web-0'}}"

enum {
    SECOND = 1000000000
};

/* Bring the budgets' status up to date. */
static void control(struct world *world)
{
    const cJSON *budget = NULL;
    struct changes changes = {0};

    while ((budget = store_next(world->store, STORE_BUDGET, "default", budget)) != NULL)
        controller_disruption(world->store, budget, world->utc_ns, &changes);
    for (size_t i = 0; i < changes.count; i++) {
        assert_int_equal(
            store_update(world->store, STORE_BUDGET, changes.items[i].object, world->utc_ns, NULL),
            STORE_OK);
        changes.items[i].object = NULL;
    }
    changes_free(&changes);
}

static void make(struct world *world, enum store_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void make(struct world *world, enum store_kind kind, const char *format, ...)
{
    char text[1024];
    struct error err = {0};
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    assert_int_equal(
        store_create(world->store, kind, json_parse(text, strlen(text), &err), world->utc_ns, NULL),
        STORE_OK);
}

static const char *uid_of(const struct world *world, enum store_kind kind, const char *name)
{
    return object_uid(store_get(world->store, kind, "default", name));
}

/* A Deployment of REPLICAS, its ReplicaSet, and COUNT pods of it that run on n1, READY of them
 * ready. */
static void deploy(struct world *world, int replicas, int count, int ready)
{
    make(world, STORE_DEPLOYMENT,
         "{'metadata':{'name':'web','namespace':'default'},'spec':{'replicas':%d}}", replicas);
    make(world, STORE_REPLICASET,
         "{'metadata':{'name':'web-1','namespace':'default','ownerReferences':[{'kind':"
         "'Deployment','name':'web','uid':'%s','controller':true}]},'spec':{'replicas':99}}",
         uid_of(world, STORE_DEPLOYMENT, "web"));
    for (int i = 0; i < count; i++)
        make(world, STORE_POD,
             "{'metadata':{'name':'web-%d','namespace':'default','labels':{'app':'web'},"
             "'ownerReferences':[{'kind':'ReplicaSet','name':'web-1','uid':'%s','controller':"
             "true}]},'spec':{'nodeName':'n1'},'status':{'phase':'Running','conditions':[{'type':"
             "'Ready','status':'%s'}]}}",
             i, uid_of(world, STORE_REPLICASET, "web-1"), i < ready ? "True" : "False");
}

static void budget(struct world *world, const char *name, const char *spec)
{
    char text[300];

    snprintf(text, sizeof(text),
             "{'metadata':{'name':'%s'},'spec':{%s,'selector':{'matchLabels':{'app':'web'}}}}",
             name, spec);
    assert_int_equal(world_request(world, "POST", BUDGETS, text), 201);
}

static unsigned evict(struct world *world, const char *name)
{
    char target[200];

    snprintf(target, sizeof(target), PODS "/%s/eviction", name);
    return world_request(world, "POST", target,
                         "{'kind':'Eviction','apiVersion':'policy/v1beta1'}");
}

static int64_t status_of(const struct world *world, const char *member)
{
    return json_integer(json_at(store_get(world->store, STORE_BUDGET, "default", "web"), "status"),
                        member, -1);
}

static void test_arithmetic(void **state)
{
    static const struct {
        const char *spec;
        int replicas, pods, ready;      /* Of the Deployment. */
        int expected, desired, allowed; /* Of the status. */
    } rows[] = {
        {"'minAvailable':7", 8, 8, 8, 8, 7, 1},        /* The recorded one. */
        {"'minAvailable':8", 8, 8, 8, 8, 8, 0},        /* Nobody may ever go. */
        {"'minAvailable':7", 8, 9, 9, 9, 7, 2},        /* A surge counts. */
        {"'minAvailable':7", 8, 8, 5, 8, 7, 0},        /* Too few already. */
        {"'minAvailable':'50%'", 5, 5, 5, 5, 3, 2},    /* Rounded up. */
        {"'minAvailable':'50%'", 8, 4, 4, 8, 4, 0},    /* Of what there is to be. */
        {"'maxUnavailable':1", 8, 8, 8, 8, 7, 1},      /* */
        {"'maxUnavailable':1", 8, 9, 9, 8, 7, 2},      /* More than expected may go. */
        {"'maxUnavailable':'25%'", 8, 8, 7, 8, 6, 1},  /* */
        {"'maxUnavailable':'30%'", 4, 4, 4, 4, 2, 2},  /* Rounded up, too. */
        {"'maxUnavailable':0", 3, 3, 3, 3, 3, 0},      /* */
        {"'maxUnavailable':'100%'", 3, 3, 3, 3, 0, 3}, /* */
        {"'maxUnavailable':9", 3, 3, 3, 3, 0, 3},      /* */
        {"'minAvailable':1", 0, 0, 0, 0, 1, 0},        /* No pods at all. */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        void *own = NULL;
        world_set_up(&own);
        struct world *world = own;
        deploy(world, rows[i].replicas, rows[i].pods, rows[i].ready);
        budget(world, "web", rows[i].spec);
        control(world);
        if (status_of(world, "expectedPods") != rows[i].expected ||
            status_of(world, "desiredHealthy") != rows[i].desired ||
            status_of(world, "disruptionsAllowed") != rows[i].allowed ||
            status_of(world, "currentHealthy") != rows[i].ready)
            fail_msg("row %zu, %s: expected %d desired %d allowed %d", i, rows[i].spec,
                     (int)status_of(world, "expectedPods"), (int)status_of(world, "desiredHealthy"),
                     (int)status_of(world, "disruptionsAllowed"));
        world_tear_down(&own);
    }
}

static void test_status_has_the_recorded_shape(void **state)
{
    struct world *world = *state;

    deploy(world, 8, 8, 8);
    budget(world, "web", "'minAvailable':7");
    control(world);
    assert_int_equal(world_request(world, "GET", BUDGETS "/web/status", NULL), 200);
    world_expect_text(world, "apiVersion", "policy/v1");
    world_expect_text(world, "kind", "PodDisruptionBudget");
    char *printed = json_print(json_at(world->body, "status"), false);
    assert_string_equal(
        printed,
        "{\"currentHealthy\":8,\"desiredHealthy\":7,\"disruptionsAllowed\":1,\"expectedPods\":8,"
        "\"conditions\":[{\"type\":\"DisruptionAllowed\",\"status\":\"True\","
        "\"observedGeneration\":1,\"lastTransitionTime\":\"2026-11-21T09:52:31Z\",\"reason\":"
        "\"SufficientPods\",\"message\":\"\"}],\"observedGeneration\":1}");
    cJSON_free(printed);
    assert_int_equal(world_send(world, "GET", BUDGETS, NULL, WORLD_TABLE, NULL), 200);
    printed = json_print(json_at(json_at(world->body, "rows")->child, "cells"), false);
    assert_string_equal(printed, "[\"web\",\"7\",\"N/A\",1,\"0s\"]");
    cJSON_free(printed);
}

/* One may go; the next has to wait until another one is ready. */
static void test_eviction(void **state)
{
    struct world *world = *state;

    deploy(world, 3, 3, 3);
    budget(world, "web", "'maxUnavailable':1");
    control(world);
    assert_int_equal(world_request(world, "POST", PODS "/web-0/eviction", EVICTION), 201);
    world_expect_body(world, "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Success',"
                             "'code':201}");
    const cJSON *pod = store_get(world->store, STORE_POD, "default", "web-0");
    assert_true(object_deleting(pod));
    assert_string_equal(json_string(object_condition(pod, "DisruptionTarget"), "reason", ""),
                        "EvictionByEvictionAPI");
    /* Before the controller has run: the server itself took the disruption. */
    assert_int_equal(status_of(world, "disruptionsAllowed"), 0);
    assert_int_equal(evict(world, "web-1"), 429);
    assert_string_equal(
        text_str(&world->answer.body),
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
        "\"message\":\"Cannot evict pod as it would violate the pod's disruption budget.\","
        "\"reason\":\"TooManyRequests\",\"details\":{\"causes\":[{\"reason\":"
        "\"DisruptionBudget\",\"message\":\"The disruption budget web needs 2 healthy pods and "
        "has 3 currently\"}]},\"code\":429}\n");
    assert_int_equal(world->answer.retry_after_s, 0);
    control(world);
    assert_int_equal(status_of(world, "currentHealthy"), 2);
    assert_null(
        json_at(store_get(world->store, STORE_BUDGET, "default", "web"), "status.disruptedPods"));
    assert_int_equal(evict(world, "web-1"), 429);
    assert_int_equal(evict(world, "web-0"), 201); /* It goes anyway. */
    assert_int_equal(evict(world, "nobody"), 404);
    store_delete(world->store, STORE_POD, "default", "web-0", world->utc_ns);
    make(world, STORE_POD,
         "{'metadata':{'name':'web-9','namespace':'default','labels':{'app':'web'}},'status':{"
         "'phase':'Running','conditions':[{'type':'Ready','status':'True'}]}}");
    control(world);
    assert_int_equal(evict(world, "web-1"), 201);
}

/* A disruption that was taken is not given out again while the pod has not been seen to go; after
 * two minutes it is. */
static void test_taken_disruption_expires(void **state)
{
    struct world *world = *state;
    const cJSON *stored;

    deploy(world, 3, 3, 3);
    budget(world, "web", "'maxUnavailable':1");
    control(world);
    cJSON *next = cJSON_Duplicate(store_get(world->store, STORE_BUDGET, "default", "web"), true);
    object_put_time(json_make(next, "status.disruptedPods"), "web-0", world->utc_ns);
    assert_int_equal(store_update(world->store, STORE_BUDGET, next, world->utc_ns, &stored),
                     STORE_OK);
    assert_true(disruption_next_ns(stored) == WORLD_NOW_NS + INT64_C(120) * SECOND);
    control(world);
    assert_int_equal(status_of(world, "disruptionsAllowed"), 0);
    world->utc_ns += INT64_C(120) * SECOND;
    control(world);
    assert_int_equal(status_of(world, "disruptionsAllowed"), 1);
    stored = store_get(world->store, STORE_BUDGET, "default", "web");
    assert_true(disruption_next_ns(stored) == INT64_MAX);
}

static void test_eviction_without_a_word_of_the_budget(void **state)
{
    struct world *world = *state;

    deploy(world, 4, 4, 3);
    assert_int_equal(evict(world, "web-0"), 201); /* There is no budget. */
    budget(world, "web", "'minAvailable':2");
    assert_int_equal(evict(world, "web-1"), 429); /* Nobody has looked at it yet. */
    assert_int_equal(world->answer.retry_after_s, 10);
    world_expect_text(world, "reason", "TooManyRequests");
    control(world);
    assert_int_equal(evict(world, "web-3"), 201); /* It is not ready, and enough others are. */
    assert_int_equal(status_of(world, "disruptionsAllowed"), 0);
    assert_int_equal(evict(world, "web-1"), 429);
    make(world, STORE_POD,
         "{'metadata':{'name':'p','namespace':'default','labels':{'app':'web'}},"
         "'status':{'phase':'Pending'}}");
    assert_int_equal(evict(world, "p"), 201);
    budget(world, "second", "'minAvailable':0");
    assert_int_equal(evict(world, "web-1"), 500);
}

static void test_eviction_only_asked(void **state)
{
    struct world *world = *state;

    deploy(world, 2, 2, 2);
    budget(world, "web", "'minAvailable':1");
    control(world);
    uint64_t version = store_version(world->store);
    assert_int_equal(world_request(world, "POST", PODS "/web-0/eviction?dryRun=All", EVICTION),
                     201);
    assert_int_equal(world_request(world, "POST", PODS "/web-0/eviction",
                                   "{'kind':'Eviction','apiVersion':'policy/v1','deleteOptions':{"
                                   "'dryRun':['All']}}"),
                     201);
    assert_int_equal(world_request(world, "POST", PODS "/web-0/eviction",
                                   "{'kind':'Eviction','apiVersion':'policy/v1','deleteOptions':{"
                                   "'preconditions':{'uid':'another'}}}"),
                     409);
    assert_true(store_version(world->store) == version);
    static const char *const bad[] = {
        "",
        "{}",
        "{'kind':'Pod','apiVersion':'v1'}",
        "{'kind':'Eviction','apiVersion':'policy/v2'}",
        "{'kind':'Eviction','apiVersion':'policy/v1','metadata':{'name':'web-1'}}",
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(world_request(world, "POST", PODS "/web-0/eviction", bad[i]), 400);
    assert_int_equal(api_handler_deny(&world->handler, "create:pods/eviction"), 0);
    assert_int_equal(evict(world, "web-0"), 403);
    assert_true(store_version(world->store) == version);
    assert_int_equal(world_request(world, "POST",
                                   "/apis/apps/v1/namespaces/default/deployments/web/eviction",
                                   EVICTION),
                     404);
}

static void test_eviction_with_its_grace(void **state)
{
    struct world *world = *state;

    deploy(world, 1, 1, 1);
    assert_int_equal(world_request(world, "POST", PODS "/web-0/eviction",
                                   "{'kind':'Eviction','apiVersion':'policy/v1','deleteOptions':{"
                                   "'gracePeriodSeconds':3}}"),
                     201);
    assert_int_equal(json_integer(store_get(world->store, STORE_POD, "default", "web-0"),
                                  "metadata.deletionGracePeriodSeconds", 0),
                     3);
}

static void test_invalid_budgets(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *spec;
        unsigned code;
        const char *field;
    } rows[] = {
        {"'minAvailable':-1", 422, "spec.minAvailable"},
        {"'minAvailable':'half'", 422, "spec.minAvailable"},
        {"'maxUnavailable':'101%'", 422, "spec.maxUnavailable"},
        {"'minAvailable':1,'maxUnavailable':1", 422, "spec"},
        {"'unhealthyPodEvictionPolicy':'Never'", 422, "spec.unhealthyPodEvictionPolicy"},
        {"'minAvailable':true", 400, ""},
        {"'selector':7", 400, ""},
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "{'metadata':{'name':'x'},'spec':{%s}}", rows[i].spec);
        assert_int_equal(world_request(world, "POST", BUDGETS, text), rows[i].code);
        const cJSON *causes = json_at(world->body, "details.causes");
        assert_string_equal(json_string(causes != NULL ? causes->child : NULL, "field", ""),
                            rows[i].field);
    }
}

/* The version of a group in the list of groups; "" for none. */
static const char *preferred(const struct world *world, const char *group)
{
    const cJSON *entry;

    cJSON_ArrayForEach(entry, json_at(world->body, "groups"))
    {
        if (strcmp(json_string(entry, "name", ""), group) == 0)
            return json_string(entry, "preferredVersion.version", "");
    }
    return "";
}

/* What each version of Kubernetes had, and what kubectl and seamline find evictions by. */
static void test_versions(void **state)
{
    struct world *world = *state;
    static const struct {
        unsigned minor;
        const char *policy, *eviction;  /* Preferred version; that of the body. */
        unsigned v1, v1beta1, new_body; /* Answers to a list of budgets; to a body of v1. */
    } rows[] = {
        {20, "v1beta1", "v1beta1", 404, 200, 400}, {21, "v1", "v1beta1", 200, 200, 400},
        {22, "v1", "v1", 200, 200, 201},           {24, "v1", "v1", 200, 200, 201},
        {25, "v1", "v1", 200, 404, 201},           {36, "v1", "v1", 200, 404, 201},
    };

    deploy(world, 1, 1, 1);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const cJSON *resource, *found = NULL;
        char version[32];

        world->handler.minor = rows[i].minor;
        assert_int_equal(world_request(world, "GET", "/apis", NULL), 200);
        assert_string_equal(preferred(world, "policy"), rows[i].policy);
        assert_string_equal(preferred(world, "discovery.k8s.io"), rows[i].policy);
        assert_int_equal(world_request(world, "GET", BUDGETS, NULL), rows[i].v1);
        assert_int_equal(world_request(world, "GET", "/apis/policy/v1", NULL), rows[i].v1);
        assert_int_equal(
            world_request(world, "GET", "/apis/policy/v1beta1/poddisruptionbudgets", NULL),
            rows[i].v1beta1);
        assert_int_equal(world_request(world, "GET", "/api/v1", NULL), 200);
        cJSON_ArrayForEach(resource, json_at(world->body, "resources"))
        {
            if (strcmp(json_string(resource, "name", ""), "pods/eviction") == 0) {
                assert_null(found);
                found = resource;
            }
        }
        assert_string_equal(json_string(found, "kind", ""), "Eviction");
        assert_string_equal(json_string(found, "group", ""), "policy");
        assert_string_equal(json_string(found, "version", ""), rows[i].eviction);
        assert_int_equal(world_request(world, "POST", PODS "/web-0/eviction?dryRun=All", EVICTION),
                         rows[i].new_body);
        assert_int_equal(world_request(world, "GET", "/version", NULL), 200);
        snprintf(version, sizeof(version), "v1.%u.0-seamline-lab", rows[i].minor);
        world_expect_text(world, "gitVersion", version);
    }
}

int main(void)
{
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic),
        WORLD_TEST(test_status_has_the_recorded_shape),
        WORLD_TEST(test_eviction),
        WORLD_TEST(test_taken_disruption_expires),
        WORLD_TEST(test_eviction_without_a_word_of_the_budget),
        WORLD_TEST(test_eviction_only_asked),
        WORLD_TEST(test_eviction_with_its_grace),
        WORLD_TEST(test_invalid_budgets),
        WORLD_TEST(test_versions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
