#include "lab/api_handler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "lab/api_body.h"
#include "tests/unit/lab/api_world.h"

#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define PODS "/api/v1/namespaces/default/pods"
#define SERVICES "/api/v1/namespaces/default/services"

static const char web[] =
    "{'kind':'Deployment','apiVersion':'apps/v1','metadata':{'name':'web'},'spec':{'replicas':8,"
    "'selector':{'matchLabels':{'app':'web'}},'template':{'metadata':{'labels':{'app':'web'}},"
    "'spec':{'containers':[{'name':'c','image':'web:v1','ports':[{'containerPort':8080}]}]}}}}";

static const char pod[] =
    "{'metadata':{'name':'p','labels':{'app':'web'}},'spec':{'nodeName':'n1',"
    "'terminationGracePeriodSeconds':7,'containers':[{'name':'c','image':'web'}]}}";

/* The bodies are those of a recorded server, but for the names. */
static void test_failures_have_their_shapes(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_request(world, "POST", DEPLOYMENTS, web), 201);
    assert_int_equal(world_request(world, "GET", DEPLOYMENTS "/nope", NULL), 404);
    world_expect_body(world,
                      "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure',"
                      "'message':'deployments.apps \\'nope\\' not found','reason':'NotFound',"
                      "'details':{'name':'nope','group':'apps','kind':'deployments'},'code':404}");
    assert_int_equal(
        world_patch(world, DEPLOYMENTS "/web", WORLD_MERGE, "{'metadata':{'resourceVersion':'1'}}"),
        409);
    world_expect_body(
        world, "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure','message':"
               "'Operation cannot be fulfilled on deployments.apps \\'web\\': the object has been "
               "modified; please apply your changes to the latest version and try again',"
               "'reason':'Conflict','details':{'name':'web','group':'apps','kind':'deployments'},"
               "'code':409}");
    assert_int_equal(
        world_patch(world, DEPLOYMENTS "/web", WORLD_MERGE, "{'spec':{'replicas':-1}}"), 422);
    world_expect_body(
        world, "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure','message':"
               "'Deployment.apps \\'web\\' is invalid: spec.replicas: Invalid value: -1: must be "
               "greater than or equal to 0','reason':'Invalid','details':{'name':'web','group':"
               "'apps','kind':'Deployment','causes':[{'reason':'FieldValueInvalid','message':"
               "'Invalid value: -1: must be greater than or equal to 0','field':'spec.replicas'}]},"
               "'code':422}");
    assert_int_equal(world_patch(world, DEPLOYMENTS "/web", "application/xml", "[]"), 415);
    world_expect_body(world,
                      "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure',"
                      "'message':'415: Unsupported Media Type','reason':'UnsupportedMediaType',"
                      "'details':{},'code':415}");
    assert_int_equal(world_patch(world, DEPLOYMENTS "/web", WORLD_MERGE, ""), 400);
    world_expect_body(world, "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure',"
                             "'message':'error decoding patch: unexpected end of JSON input',"
                             "'reason':'BadRequest','code':400}");
    assert_int_equal(api_handler_deny(&world->handler, "get:deployments"), 0);
    assert_int_equal(world_request(world, "GET", DEPLOYMENTS "/web", NULL), 403);
    world_expect_body(
        world, "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure','message':"
               "'deployments.apps \\'web\\' is forbidden: User \\'somebody\\' cannot get resource "
               "\\'deployments\\' in API group \\'apps\\' in the namespace \\'default\\'',"
               "'reason':'Forbidden','details':{'name':'web','group':'apps','kind':'deployments'},"
               "'code':403}");
    const struct api_request stranger = {.method = "GET", .target = "/api"};
    api_answer_free(&world->answer);
    cJSON_Delete(world->body);
    api_handle(&world->handler, &stranger, &world->answer);
    world->body = cJSON_Parse(text_str(&world->answer.body));
    world_expect_body(world, "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure',"
                             "'message':'Unauthorized','reason':'Unauthorized','code':401}");
}

static void test_codes(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *method;
        const char *target;
        const char *body;
        unsigned code;
        const char *reason;
    } rows[] = {
        {"POST", DEPLOYMENTS, web, 201, "(absent)"},
        {"POST", DEPLOYMENTS, web, 409, "AlreadyExists"},
        {"POST", DEPLOYMENTS "?dryRun=All", web, 409, "AlreadyExists"},
        {"POST", "/apis/apps/v1/namespaces/none/deployments", web, 404, "NotFound"},
        {"POST", PODS, web, 400, "BadRequest"},
        {"POST", PODS, "{", 400, "BadRequest"},
        {"POST", PODS, "[]", 400, "BadRequest"},
        {"POST", PODS, "{'a':1,'a':2}", 400, "BadRequest"},
        {"POST", PODS, "{'metadata':{'name':'x','namespace':'other'}}", 400, "BadRequest"},
        {"POST", PODS, "{'metadata':{'name':7}}", 400, "BadRequest"},
        {"POST", PODS, "{'metadata':{'name':'x'},'spec':{'containers':[1]}}", 400, "BadRequest"},
        {"POST", PODS, "{'spec':{'terminationGracePeriodSeconds':2147483648}}", 400, "BadRequest"},
        {"POST", PODS, "{'spec':{'containers':[{'readinessProbe':{'periodSeconds':10000000000}}]}}",
         400, "BadRequest"},
        {"POST", PODS, "{}", 422, "Invalid"},
        {"POST", PODS "/p", pod, 405, "MethodNotAllowed"},
        {"POST", "/api/v1/pods", pod, 405, "MethodNotAllowed"},
        {"PUT", DEPLOYMENTS, web, 405, "MethodNotAllowed"},
        {"BREW", DEPLOYMENTS, web, 405, "MethodNotAllowed"},
        {"POST", "/version", "", 405, "MethodNotAllowed"},
        {"GET", "/api/v1/teapots", NULL, 404, "NotFound"},
        {"GET", "/apis/apps/v2/deployments", NULL, 404, "NotFound"},
        {"GET", "/apis/none", NULL, 404, "NotFound"},
        {"GET", "/api/v1/namespaces/default/nodes", NULL, 405, "MethodNotAllowed"},
        {"GET", PODS "/p/scale", NULL, 404, "NotFound"},
        {"GET", PODS "?labelSelector=a%20b", NULL, 400, "BadRequest"},
        {"GET", PODS "?fieldSelector=spec.x%3D1", NULL, 400, "BadRequest"},
        {"GET", PODS "?limit=x", NULL, 400, "BadRequest"},
        {"GET", PODS "?continue=%21", NULL, 400, "BadRequest"},
        {"GET", PODS "?resourceVersion=999", NULL, 504, "Timeout"},
        {"GET", PODS "?resourceVersion=1&resourceVersionMatch=Exact", NULL, 410, "Expired"},
        {"GET", PODS "?resourceVersion=1", NULL, 200, "(absent)"},
        {"PUT", DEPLOYMENTS "/other", web, 404, "NotFound"},
        {"DELETE", PODS "/none", NULL, 404, "NotFound"},
        {"DELETE", "/api/v1/namespaces/default", NULL, 403, "Forbidden"},
        {"GET", "/readyz", NULL, 200, "(absent)"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned code = world_request(world, rows[i].method, rows[i].target, rows[i].body);
        if (code != rows[i].code ||
            strcmp(json_string(world->body, "reason", "(absent)"), rows[i].reason) != 0)
            fail_msg("%s %s gives %u: %s", rows[i].method, rows[i].target, code,
                     text_str(&world->answer.body));
    }
    assert_int_equal(world_send(world, "GET", PODS, NULL, "text/html", NULL), 406);
    assert_int_equal(world_send(world, "POST", PODS, "application/yaml", NULL, "{}"), 415);
    const struct api_request large = {.method = "POST",
                                      .target = PODS,
                                      .authenticated = true,
                                      .body = "",
                                      .body_bytes = API_BODY_BYTES + 1};
    api_answer_free(&world->answer);
    api_handle(&world->handler, &large, &world->answer);
    assert_int_equal(world->answer.code, 413);
}

static void test_patches_make_no_object_too_large(void **state)
{
    struct world *world = *state;
    const size_t piece = 400000;
    char *patch = malloc(piece + 100);
    unsigned codes[4];
    assert_non_null(patch);
    assert_int_equal(world_request(world, "POST", "/api/v1/namespaces/default/configmaps",
                                   "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':"
                                   "'big'}}"),
                     201);
    for (int i = 0; i < 4; i++) {
        int head = snprintf(patch, 100, "{'data':{'k%d':'", i);
        memset(patch + head, 'x', piece);
        strcpy(patch + (size_t)head + piece, "'}}");
        codes[i] =
            world_patch(world, "/api/v1/namespaces/default/configmaps/big", WORLD_MERGE, patch);
    }
    free(patch);
    assert_int_equal(codes[2], 200);
    assert_int_equal(codes[3], 500);
    world_expect_text(world, "message", "etcdserver: request is too large");
    assert_int_equal(world_request(world, "GET", "/api/v1/namespaces/default/configmaps/big", NULL),
                     200);
    assert_null(json_at(world->body, "data.k3"));
    assert_non_null(json_at(world->body, "data.k2"));
}

static void test_invalid_objects_name_their_fields(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *patch; /* Of a good Deployment. */
        const char *field; /* Of the first cause. */
        const char *message;
    } rows[] = {
        {"{'spec':{'selector':{'matchLabels':{'app':'x'}}}}", "spec.template.metadata.labels",
         "Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`"},
        {"{'spec':{'selector':{'matchLabels':{'b':'c'}},'template':{'metadata':{'labels':"
         "{'b':'c'}}}}}",
         "spec.selector",
         "Invalid value: {\"matchLabels\":{\"app\":\"web\",\"b\":\"c\"}}: field is immutable"},
        {"{'metadata':{'uid':'another'},'spec':{'replicas':9}}", "metadata.uid",
         "Invalid value: \"another\": field is immutable"},
        {"{'spec':{'strategy':{'rollingUpdate':{'maxSurge':0,'maxUnavailable':0}}}}",
         "spec.strategy.rollingUpdate.maxUnavailable",
         "Invalid value: 0: may not be 0 when `maxSurge` is 0"},
        {"{'spec':{'strategy':{'rollingUpdate':{'maxSurge':'0%','maxUnavailable':'0%'}}}}",
         "spec.strategy.rollingUpdate.maxUnavailable",
         "Invalid value: 0: may not be 0 when `maxSurge` is 0"},
        {"{'spec':{'strategy':{'type':'Recreate'}}}", "spec.strategy.rollingUpdate",
         "Forbidden: may not be specified when strategy `type` is 'Recreate'"},
        {"{'spec':{'template':{'spec':{'containers':[]}}}}", "spec.template.spec.containers",
         "Required value"},
        {"{'spec':{'template':{'spec':{'containers':[{'name':'c'}]}}}}",
         "spec.template.spec.containers[0].image", "Required value"},
        {"{'spec':{'template':{'spec':{'topologySpreadConstraints':[{'topologyKey':'z',"
         "'whenUnsatisfiable':'DoNotSchedule'}]}}}}",
         "spec.template.spec.topologySpreadConstraints[0].maxSkew",
         "Invalid value: 0: must be greater than zero"},
        {"{'spec':{'template':{'spec':{'topologySpreadConstraints':[{'maxSkew':1,"
         "'topologyKey':'z','whenUnsatisfiable':'Never'}]}}}}",
         "spec.template.spec.topologySpreadConstraints[0].whenUnsatisfiable",
         "Unsupported value: \"Never\": supported values: \"DoNotSchedule\", "
         "\"ScheduleAnyway\""},
        {"{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'x'},"
         "{'name':'c','image':'y'}]}}}}",
         "spec.template.spec.containers[1].name", "Duplicate value: \"c\""},
        {"{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'x','ports':"
         "[{'containerPort':65536}]}]}}}}",
         "spec.template.spec.containers[0].ports[0].containerPort",
         "Invalid value: 65536: must be between 1 and 65535, inclusive"},
        {"{'spec':{'replicas':2147483647}}", "spec.replicas",
         "Invalid value: 2147483647: the lab has room for 1024 pods"},
        {"{'spec':{'template':{'spec':{'terminationGracePeriodSeconds':-1}}}}",
         "spec.template.spec.terminationGracePeriodSeconds",
         "Invalid value: -1: must be greater than or equal to 0"},
    };
    assert_int_equal(world_request(world, "POST", DEPLOYMENTS, web), 201);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(world_patch(world, DEPLOYMENTS "/web", WORLD_MERGE, rows[i].patch), 422);
        const cJSON *cause = json_at(world->body, "details.causes")->child;
        assert_string_equal(json_string(cause, "field", ""), rows[i].field);
        assert_string_equal(json_string(cause, "message", ""), rows[i].message);
    }
    assert_int_equal(
        world_patch(world, DEPLOYMENTS "/web/scale", WORLD_MERGE, "{'spec':{'replicas':1025}}"),
        422);
    /* Nothing of it was stored. */
    assert_int_equal(world_request(world, "GET", DEPLOYMENTS "/web", NULL), 200);
    world_expect_text(world, "metadata.resourceVersion", "3");

    static const char *const names[] = {"Web", "-web", "web_1", "web-", "a..b", "\xc3\xa4"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char body[256];
        snprintf(body, sizeof(body), "{'metadata':{'name':'%s'},'spec':{'ports':[{'port':1}]}}",
                 names[i]);
        assert_int_equal(world_request(world, "POST", SERVICES, body), 422);
    }
}

/* What another Service has is refused; its own a Service keeps. */
static void test_services_share_nothing(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *spec;
        const char *field;
        const char *message;
    } rows[] = {
        {"'type':'NodePort','ports':[{'port':80,'nodePort':30080}]", "spec.ports[0].nodePort",
         "Invalid value: 30080: provided port is already allocated"},
        {"'type':'NodePort','ports':[{'port':80,'name':'a'},{'port':81,'name':'b','nodePort':80}]",
         "spec.ports[1].nodePort",
         "Invalid value: 80: provided port is not in the valid range. The range of valid ports is "
         "30000-32767"},
        {"'clusterIP':'10.96.7.7','ports':[{'port':80}]", "spec.clusterIPs",
         "Invalid value: [\"10.96.7.7\"]: failed to allocate IP 10.96.7.7: provided IP is already "
         "allocated"},
    };
    assert_int_equal(world_request(world, "POST", SERVICES,
                                   "{'metadata':{'name':'a'},'spec':{'type':'NodePort','clusterIP':"
                                   "'10.96.7.7','ports':[{'port':80,'nodePort':30080}]}}"),
                     201);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char body[256];
        snprintf(body, sizeof(body), "{'metadata':{'name':'b'},'spec':{%s}}", rows[i].spec);
        assert_int_equal(world_request(world, "POST", SERVICES, body), 422);
        const cJSON *cause = json_at(world->body, "details.causes")->child;
        assert_string_equal(json_string(cause, "field", ""), rows[i].field);
        assert_string_equal(json_string(cause, "message", ""), rows[i].message);
    }
    assert_int_equal(world_patch(world, SERVICES "/a", WORLD_MERGE,
                                 "{'spec':{'ports':[{'port':81,'nodePort':30080}]}}"),
                     200);
    for (int i = 0; i < 2; i++) { /* Headless ones have no address that could be another's. */
        char body[128];
        snprintf(body, sizeof(body),
                 "{'metadata':{'name':'h%d'},'spec':{'clusterIP':'None','ports':[{'port':1}]}}", i);
        assert_int_equal(world_request(world, "POST", SERVICES, body), 201);
    }
}

static void test_defaults(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *path;
        const char *text;
    } texts[] = {
        {"spec.strategy.type", "RollingUpdate"},
        {"spec.strategy.rollingUpdate.maxSurge", "25%"},
        {"spec.strategy.rollingUpdate.maxUnavailable", "25%"},
        {"spec.template.spec.restartPolicy", "Always"},
        {"spec.template.spec.dnsPolicy", "ClusterFirst"},
    };
    assert_int_equal(world_request(world, "POST", DEPLOYMENTS, web), 201);
    world_expect_text(world, "kind", "Deployment");
    world_expect_text(world, "apiVersion", "apps/v1");
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        world_expect_text(world, texts[i].path, texts[i].text);
    assert_int_equal(json_integer(world->body, "spec.revisionHistoryLimit", 0), 10);
    assert_int_equal(json_integer(world->body, "spec.progressDeadlineSeconds", 0), 600);
    assert_int_equal(
        json_integer(world->body, "spec.template.spec.terminationGracePeriodSeconds", 0), 30);
    const cJSON *container = json_at(world->body, "spec.template.spec.containers")->child;
    assert_string_equal(json_string(container, "imagePullPolicy", ""), "IfNotPresent");
    assert_string_equal(json_string(json_member(container, "ports")->child, "protocol", ""), "TCP");

    assert_int_equal(world_request(world, "POST", SERVICES,
                                   "{'metadata':{'name':'s'},'spec':{'type':'LoadBalancer',"
                                   "'ipFamilyPolicy':'RequireDualStack','selector':{'app':'web'},"
                                   "'allocateLoadBalancerNodePorts':false,'ports':[{'port':5003}]},"
                                   "'status':{'loadBalancer':{'ingress':[{'ip':'6.6.6.6'}]}}}"),
                     201);
    const cJSON *port = json_at(world->body, "spec.ports")->child;
    assert_int_equal(json_integer(port, "targetPort", 0), 5003);
    assert_int_equal(json_integer(port, "nodePort", 0), 0);
    world_expect_text(world, "spec.clusterIP", "10.96.0.10");
    assert_int_equal(cJSON_GetArraySize(json_at(world->body, "spec.clusterIPs")), 2);
    world_expect_text(world, "spec.sessionAffinity", "None");
    assert_null(json_at(world->body, "status.loadBalancer.ingress"));

    assert_int_equal(world_request(world, "POST", SERVICES,
                                   "{'metadata':{'name':'t'},'spec':{'type':'NodePort','ports':"
                                   "[{'name':'a','port':1},{'name':'b','port':2}]}}"),
                     201);
    port = json_at(world->body, "spec.ports")->child;
    assert_in_range(json_integer(port, "nodePort", 0), 30000, 32767);
    assert_int_not_equal(json_integer(port, "nodePort", 0),
                         json_integer(port->next, "nodePort", 0));
    world_expect_text(world, "spec.clusterIP",
                      "10.96.0.12"); /* The other's IPv6 one took a number. */

    /* What was allocated stays when a client replaces the object without saying it. */
    assert_int_equal(world_request(world, "PUT", SERVICES "/t",
                                   "{'metadata':{'name':'t'},'spec':{'type':'NodePort','ports':"
                                   "[{'name':'a','port':1}]}}"),
                     200);
    world_expect_text(world, "spec.clusterIP", "10.96.0.12");
}

static void test_subresources(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_request(world, "POST", DEPLOYMENTS, web), 201);
    /* The object's own path does not touch the status, the status' path nothing else. */
    assert_int_equal(world_patch(world, DEPLOYMENTS "/web", WORLD_MERGE,
                                 "{'spec':{'replicas':4},'status':{'replicas':9}}"),
                     200);
    assert_int_equal(json_integer(world->body, "spec.replicas", -1), 4);
    assert_int_equal(json_integer(world->body, "status.replicas", -1), -1);
    assert_int_equal(json_integer(world->body, "metadata.generation", -1), 2);
    assert_int_equal(world_patch(world, DEPLOYMENTS "/web/status", WORLD_MERGE,
                                 "{'spec':{'replicas':5},'status':{'replicas':3}}"),
                     200);
    assert_int_equal(json_integer(world->body, "spec.replicas", -1), 4);
    assert_int_equal(json_integer(world->body, "status.replicas", -1), 3);
    assert_int_equal(json_integer(world->body, "metadata.generation", -1), 2);

    assert_int_equal(
        world_patch(world, DEPLOYMENTS "/web/scale", WORLD_MERGE, "{'spec':{'replicas':6}}"), 200);
    world_expect_text(world, "kind", "Scale");
    world_expect_text(world, "apiVersion", "autoscaling/v1");
    world_expect_text(world, "status.selector", "app=web");
    assert_int_equal(json_integer(world->body, "spec.replicas", -1), 6);
    assert_int_equal(json_integer(world->body, "status.replicas", -1), 3);
    assert_int_equal(
        world_patch(world, DEPLOYMENTS "/web/scale", WORLD_MERGE, "{'spec':{'replicas':-1}}"), 422);
    world_expect_text(
        world, "message",
        "Scale.autoscaling \"web\" is invalid: spec.replicas: Invalid value: -1: must be "
        "greater than or equal to 0");
    assert_int_equal(world_request(world, "PUT", DEPLOYMENTS "/web/scale",
                                   "{'metadata':{'name':'web','resourceVersion':'1'},"
                                   "'spec':{'replicas':1}}"),
                     409);
    assert_int_equal(world_request(world, "GET", DEPLOYMENTS "/web", NULL), 200);
    assert_int_equal(json_integer(world->body, "spec.replicas", -1), 6);
}

static void test_dry_run_stores_nothing(void **state)
{
    struct world *world = *state;
    uint64_t version = store_version(world->store);
    assert_int_equal(world_request(world, "POST", DEPLOYMENTS "?dryRun=All", web), 201);
    world_expect_text(world, "metadata.name", "web");
    assert_int_equal(store_version(world->store), version);
    assert_int_equal(world_request(world, "POST", DEPLOYMENTS, web), 201);
    version = store_version(world->store);
    assert_int_equal(
        world_patch(world, DEPLOYMENTS "/web?dryRun=All", WORLD_MERGE, "{'spec':{'replicas':1}}"),
        200);
    assert_int_equal(json_integer(world->body, "spec.replicas", -1), 1);
    assert_int_equal(world_patch(world, DEPLOYMENTS "/web/scale?dryRun=All", WORLD_MERGE,
                                 "{'spec':{'replicas':2}}"),
                     200);
    assert_int_equal(world_request(world, "DELETE", DEPLOYMENTS "/web?dryRun=All", NULL), 200);
    assert_int_equal(store_version(world->store), version);
    assert_int_equal(world_request(world, "GET", DEPLOYMENTS "/web", NULL), 200);
    assert_int_equal(json_integer(world->body, "spec.replicas", -1), 8);
}

static void test_list_pages(void **state)
{
    struct world *world = *state;
    char target[512] = PODS "?limit=2";
    char seen[128] = "";
    char version[32] = "";
    for (unsigned i = 0; i < 5; i++) {
        char body[256];
        snprintf(body, sizeof(body),
                 "{'metadata':{'name':'p%u','labels':{'odd':'%u'}},'spec':{'containers':"
                 "[{'name':'c','image':'x'}]}}",
                 i, i % 2);
        assert_int_equal(world_request(world, "POST", PODS, body), 201);
    }
    for (unsigned page = 0; page < 3; page++) {
        assert_int_equal(world_request(world, "GET", target, NULL), 200);
        world_expect_text(world, "kind", "PodList");
        if (page == 0)
            strcpy(version, json_string(world->body, "metadata.resourceVersion", ""));
        world_expect_text(world, "metadata.resourceVersion", version);
        assert_int_equal(json_integer(world->body, "metadata.remainingItemCount", 0), page == 0 ? 3
                                                                                      : page == 1
                                                                                          ? 1
                                                                                          : 0);
        const cJSON *item;
        cJSON_ArrayForEach(item, json_at(world->body, "items"))
        {
            assert_null(json_at(item, "kind"));
            strcat(seen, json_string(item, "metadata.name", ""));
        }
        snprintf(target, sizeof(target), PODS "?limit=2&continue=%s",
                 json_string(world->body, "metadata.continue", ""));
        /* The object that a page ended with may go: the next one still begins behind it. */
        if (page == 0)
            assert_int_equal(world_request(world, "DELETE", PODS "/p1", NULL), 200);
    }
    assert_string_equal(seen, "p0p1p2p3p4");
    world->handler.expired_before = store_version(world->store) + 1;
    assert_int_equal(world_request(world, "GET", PODS "?limit=1", NULL), 200);
    snprintf(target, sizeof(target), PODS "?continue=%s",
             json_string(world->body, "metadata.continue", ""));
    assert_int_equal(world_request(world, "GET", target, NULL), 410);
    world_expect_text(world, "reason", "Expired");
}

static void test_list_selects(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_request(world, "POST", PODS, pod), 201);
    static const struct {
        const char *target;
        int count;
    } rows[] = {
        {PODS, 1},
        {"/api/v1/pods", 1},
        {"/api/v1/namespaces/other/pods", 0},
        {PODS "?labelSelector=app%3Dweb", 1},
        {PODS "?labelSelector=app%21%3Dweb", 0},
        {PODS "?fieldSelector=spec.nodeName%3Dn1%2Cstatus.phase%21%3DFailed", 1},
        {PODS "?fieldSelector=spec.nodeName%3Dn2", 0},
        {DEPLOYMENTS, 0},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(world_request(world, "GET", rows[i].target, NULL), 200);
        assert_int_equal(cJSON_GetArraySize(json_at(world->body, "items")), rows[i].count);
    }
}

static void test_pod_is_deleted_with_grace(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_request(world, "POST", PODS, pod), 201);
    assert_int_equal(
        world_request(world, "DELETE", PODS "/p", "{'propagationPolicy':'Background'}"), 200);
    world_expect_text(world, "kind", "Pod");
    world_expect_text(world, "metadata.deletionTimestamp", "2026-11-21T09:52:38Z");
    assert_int_equal(json_integer(world->body, "metadata.deletionGracePeriodSeconds", -1), 7);
    assert_int_equal(json_integer(world->body, "metadata.generation", -1), 2);
    /* A longer grace does not stretch it, a shorter one does shorten it. */
    assert_int_equal(world_request(world, "DELETE", PODS "/p", "{'gracePeriodSeconds':20}"), 200);
    world_expect_text(world, "metadata.deletionTimestamp", "2026-11-21T09:52:38Z");
    assert_int_equal(world_request(world, "DELETE", PODS "/p?gracePeriodSeconds=2", NULL), 200);
    world_expect_text(world, "metadata.deletionTimestamp", "2026-11-21T09:52:33Z");
    assert_int_equal(json_integer(world->body, "metadata.deletionGracePeriodSeconds", -1), 2);
    /* Nobody revives it, and a stranger's uid does not kill it. */
    assert_int_equal(
        world_patch(world, PODS "/p", WORLD_MERGE, "{'metadata':{'deletionTimestamp':null}}"), 200);
    world_expect_text(world, "metadata.deletionTimestamp", "2026-11-21T09:52:33Z");
    assert_int_equal(world_request(world, "DELETE", PODS "/p",
                                   "{'gracePeriodSeconds':0,'preconditions':{'uid':'x'}}"),
                     409);
    assert_int_equal(world_request(world, "DELETE", PODS "/p", "{'gracePeriodSeconds':0}"), 200);
    world_expect_text(world, "kind", "Status");
    assert_int_equal(world_request(world, "GET", PODS "/p", NULL), 404);
}

static void test_delete_answers_with_the_uid(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_request(world, "POST", DEPLOYMENTS, web), 201);
    char uid[64];
    strcpy(uid, json_string(world->body, "metadata.uid", ""));
    char body[512];
    snprintf(body, sizeof(body),
             "{'metadata':{'name':'p','ownerReferences':[{'uid':'%s','kind':'Deployment'}]},"
             "'spec':{'containers':[{'name':'c','image':'x'}]}}",
             uid);
    assert_int_equal(world_request(world, "POST", PODS, body), 201);
    assert_int_equal(
        world_request(world, "DELETE", DEPLOYMENTS "/web", "{'propagationPolicy':'Orphan'}"), 200);
    world_expect_text(world, "status", "Success");
    world_expect_text(world, "details.uid", uid);
    assert_int_equal(world_request(world, "GET", PODS "/p", NULL), 200);
    assert_int_equal(cJSON_GetArraySize(json_at(world->body, "metadata.ownerReferences")), 0);
}

static void test_namespace_is_emptied_first(void **state)
{
    struct world *world = *state;
    assert_int_equal(
        world_request(world, "POST", "/api/v1/namespaces", "{'metadata':{'name':'x'}}"), 201);
    world_expect_text(world, "status.phase", "Active");
    assert_int_equal(world_request(world, "POST", "/api/v1/namespaces/x/pods", pod), 201);
    assert_int_equal(world_request(world, "POST", "/apis/apps/v1/namespaces/x/deployments", web),
                     201);
    assert_int_equal(world_request(world, "DELETE", "/api/v1/namespaces/x", NULL), 200);
    world_expect_text(world, "status.phase", "Terminating");
    assert_int_equal(world_request(world, "POST", "/api/v1/namespaces/x/pods", pod), 403);
    api_handler_step(&world->handler, WORLD_NOW_NS);
    assert_null(store_get(world->store, STORE_DEPLOYMENT, "x", "web"));
    assert_non_null(
        json_at(store_get(world->store, STORE_POD, "x", "p"), "metadata.deletionTimestamp"));
    uint64_t version = store_version(world->store);
    api_handler_step(&world->handler, WORLD_NOW_NS + 1000000000);
    assert_int_equal(store_version(world->store), version);
    store_delete(world->store, STORE_POD, "x", "p", WORLD_NOW_NS); /* What the kubelet does. */
    api_handler_step(&world->handler, WORLD_NOW_NS);
    assert_null(store_get(world->store, STORE_NAMESPACE, NULL, "x"));
}

static void test_discovery(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_request(world, "GET", "/api?timeout=32s", NULL), 200);
    world_expect_text(world, "kind", "APIVersions");
    assert_int_equal(world_request(world, "GET", "/version", NULL), 200);
    assert_null(json_at(world->body, "seamlineLab"));
    strcpy(world->handler.description, "lab, profile ideal, rr, emulated");
    assert_int_equal(world_request(world, "GET", "/version", NULL), 200);
    world_expect_text(world, "seamlineLab", "lab, profile ideal, rr, emulated");
    world_expect_text(world, "gitVersion", "v1.36.0-seamline-lab");
    assert_int_equal(world_request(world, "GET", "/apis", NULL), 200);
    world_expect_text(world, "kind", "APIGroupList");
    assert_int_equal(world_request(world, "GET", "/apis/apps/v1", NULL), 200);
    world_expect_text(world, "groupVersion", "apps/v1");
    bool has_scale = false;
    const cJSON *resource;
    cJSON_ArrayForEach(resource, json_at(world->body, "resources"))
    {
        if (strcmp(json_string(resource, "name", ""), "deployments/scale") != 0)
            continue;
        has_scale = true;
        assert_string_equal(json_string(resource, "group", ""), "autoscaling");
        assert_string_equal(json_string(resource, "kind", ""), "Scale");
    }
    assert_true(has_scale);
    assert_int_equal(world_request(world, "GET", "/openapi/v2?timeout=32s", NULL), 200);
    assert_int_equal(world->answer.body.size, 0);
    assert_string_equal(world->answer.content_type,
                        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    assert_int_equal(api_handler_deny(&world->handler, "delete:pods"), 0);
    assert_int_equal(
        world_request(world, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                      "{'spec':{'resourceAttributes':{'verb':'delete','resource':'pods'}}}"),
        201);
    assert_false(json_bool(world->body, "status.allowed", true));
    assert_int_equal(
        world_request(world, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                      "{'spec':{'resourceAttributes':{'verb':'get','resource':'pods'}}}"),
        201);
    char *printed = json_print(json_at(world->body, "status"), false);
    assert_string_equal(printed, "{\"allowed\":true}"); /* As recorded. */
    free(printed);
    assert_int_equal(api_handler_deny(&world->handler, "create:pods/eviction"), 0);
    assert_int_equal(world_request(world, "POST",
                                   "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                                   "{'kind':'SelfSubjectAccessReview','apiVersion':"
                                   "'authorization.k8s.io/v1','spec':{'resourceAttributes':{"
                                   "'namespace':'default','verb':'create','resource':'pods',"
                                   "'subresource':'eviction'}}}"),
                     201);
    assert_false(json_bool(world->body, "status.allowed", true));
    world_expect_text(world, "kind", "SelfSubjectAccessReview");
    assert_int_equal(
        world_request(world, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                      "{'spec':{'nonResourceAttributes':{'verb':'get','path':'/healthz'}}}"),
        201);
    assert_true(json_bool(world->body, "status.allowed", false));
    assert_int_equal(world_request(world, "POST",
                                   "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                                   "{'spec':{}}"),
                     400);
}

/* As ValidateListOptions has it; a client that is refused so lists and watches. */
static void test_initial_events(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *query;
        unsigned minor, code;
        const char *message;
    } rows[] = {
        {"watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", 36, 200, NULL},
        {"watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan", 32, 200, NULL},
        {"watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", 33, 422,
         "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents "
         "is "
         "forbidden for watch unless the WatchList feature gate is enabled"},
        {"watch=1&sendInitialEvents=true", 36, 422,
         "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
         "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"},
        {"watch=1&resourceVersionMatch=NotOlderThan", 36, 422,
         "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
         "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"},
        {"sendInitialEvents=true", 36, 422,
         "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents "
         "is "
         "forbidden for list"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char target[160];
        world->handler.minor = rows[i].minor;
        snprintf(target, sizeof(target), PODS "?%s", rows[i].query);
        assert_int_equal(world_request(world, "GET", target, NULL), rows[i].code);
        if (rows[i].message != NULL)
            world_expect_text(world, "message", rows[i].message);
    }
}

/* discovery.k8s.io/v1beta1 has the node in `topology`, and `ready` alone. */
static void test_old_endpointslices(void **state)
{
    struct world *world = *state;
    static const char slice[] =
        "{'metadata':{'name':'s'},'addressType':'IPv4','endpoints':[{'addresses':['10.0.0.1'],"
        "'conditions':{'ready':true,'serving':true,'terminating':false},'nodeName':'n1'}]}";
    static const char old[] =
        "[{\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":true},\"topology\":{"
        "\"kubernetes.io/hostname\":\"n1\"}}]";
    world->handler.minor = 22;
    assert_int_equal(world_request(world, "POST",
                                   "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
                                   slice),
                     201);
    static const char *const targets[] = {
        "/apis/discovery.k8s.io/v1beta1/namespaces/default/endpointslices/s",
        "/apis/discovery.k8s.io/v1beta1/endpointslices",
    };
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(world_request(world, "GET", targets[i], NULL), 200);
        world_expect_text(world, "apiVersion", "discovery.k8s.io/v1beta1");
        const cJSON *object = i == 0 ? world->body : json_at(world->body, "items")->child;
        char *printed = json_print(json_at(object, "endpoints"), false);
        assert_string_equal(printed, old);
        free(printed);
    }
    assert_int_equal(world_request(world, "GET",
                                   "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/s",
                                   NULL),
                     200);
    assert_string_equal(json_string(json_at(world->body, "endpoints")->child, "nodeName", ""),
                        "n1");
}

static void test_configmaps(void **state)
{
    struct world *world = *state;
    static const char maps[] = "/api/v1/namespaces/default/configmaps";
    static const char map[] = "/api/v1/namespaces/default/configmaps/m";
    assert_int_equal(world_request(world, "POST", maps,
                                   "{'metadata':{'name':'m'},'data':{'a':'1','b.yaml':'x: y'}}"),
                     201);
    assert_int_equal(world_send(world, "GET", map, NULL, WORLD_TABLE, NULL), 200);
    char *cells = json_print(json_at(json_at(world->body, "rows")->child, "cells"), false);
    assert_string_equal(cells, "[\"m\",\"2\",\"0s\"]");
    free(cells);
    assert_int_equal(world_patch(world, map, WORLD_MERGE, "{'data':{'a/b':'1'}}"), 422);
    assert_int_equal(world_patch(world, map, WORLD_MERGE, "{'data':{'a':1}}"), 400);
    assert_int_equal(world_patch(world, map, WORLD_MERGE, "{'data':{'a':'2'},'immutable':true}"),
                     200);
    assert_int_equal(world_patch(world, map, WORLD_MERGE, "{'data':{'a':'3'}}"), 422);
    assert_int_equal(world_patch(world, map, WORLD_MERGE, "{'immutable':false}"), 422);
    assert_int_equal(world_patch(world, map, WORLD_MERGE, "{'metadata':{'labels':{'x':'y'}}}"),
                     200);
    assert_int_equal(world_request(world, "DELETE", map, NULL), 200);
}

static void test_tables(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_request(world, "POST", PODS, pod), 201);
    world->utc_ns = WORLD_NOW_NS + INT64_C(61000000000);
    assert_int_equal(world_send(world, "GET", PODS "?limit=500", NULL, WORLD_TABLE, NULL), 200);
    world_expect_text(world, "kind", "Table");
    world_expect_text(world, "apiVersion", "meta.k8s.io/v1");
    char *cells = cJSON_PrintUnformatted(json_at(json_at(world->body, "rows")->child, "cells"));
    assert_string_equal(cells, "[\"p\",\"0/1\",\"Pending\",\"0\",\"61s\",\"<none>\",\"n1\","
                               "\"<none>\",\"<none>\"]");
    free(cells);
    assert_string_equal(json_string(json_at(world->body, "rows")->child, "object.kind", ""),
                        "PartialObjectMetadata");
    assert_int_equal(
        world_send(world, "GET", PODS "/p?includeObject=Object", NULL, WORLD_TABLE, NULL), 200);
    assert_string_equal(json_string(json_at(world->body, "rows")->child, "object.kind", ""), "Pod");
}

static void test_deny_rules(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {"", "get", ":pods",
                                      "get:", "averyveryverylongverbindeed:pods"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(api_handler_deny(&world->handler, bad[i]), -22);
    assert_int_equal(api_handler_deny(&world->handler, "patch:deployments/scale"), 0);
    assert_int_equal(api_handler_deny(&world->handler, "*:nodes"), 0);
    assert_int_equal(world_request(world, "POST", DEPLOYMENTS, web), 201);
    assert_int_equal(world_patch(world, DEPLOYMENTS "/web", WORLD_MERGE, "{}"), 200);
    assert_int_equal(world_patch(world, DEPLOYMENTS "/web/scale", WORLD_MERGE, "{}"), 403);
    assert_int_equal(world_request(world, "GET", "/api/v1/nodes?watch=1", NULL), 403);
    world_expect_text(
        world, "message",
        "nodes is forbidden: User \"somebody\" cannot watch resource \"nodes\" in API group "
        "\"\" at the cluster scope");
    for (unsigned i = 2; i < API_DENY_RULES; i++)
        assert_int_equal(api_handler_deny(&world->handler, "get:none"), 0);
    assert_int_equal(api_handler_deny(&world->handler, "get:none"), -22);
}

int main(void)
{
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_failures_have_their_shapes),
        WORLD_TEST(test_codes),
        WORLD_TEST(test_patches_make_no_object_too_large),
        WORLD_TEST(test_invalid_objects_name_their_fields),
        WORLD_TEST(test_services_share_nothing),
        WORLD_TEST(test_defaults),
        WORLD_TEST(test_subresources),
        WORLD_TEST(test_dry_run_stores_nothing),
        WORLD_TEST(test_list_pages),
        WORLD_TEST(test_list_selects),
        WORLD_TEST(test_pod_is_deleted_with_grace),
        WORLD_TEST(test_delete_answers_with_the_uid),
        WORLD_TEST(test_namespace_is_emptied_first),
        WORLD_TEST(test_discovery),
        WORLD_TEST(test_initial_events),
        WORLD_TEST(test_old_endpointslices),
        WORLD_TEST(test_configmaps),
        WORLD_TEST(test_tables),
        WORLD_TEST(test_deny_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
