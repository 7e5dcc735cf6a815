/* Bodies in Kubernetes' protobuf. They are made here as Go's generated code makes them: members that
 * are no pointers are written with their zero values, too. */
#include "lab/api_protobuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"
#include "tests/unit/lab/api_world.h"

/* A message being written; parts of it are messages, too. */
static void put_varint(struct text *message, uint64_t value)
{
    do {
        unsigned char byte = (unsigned char)(value & 0x7f);
        value >>= 7;
        byte = (unsigned char)(byte | (value > 0 ? 0x80 : 0));
        text_add_bytes(message, &byte, 1);
    } while (value > 0);
}

static void put_number(struct text *message, unsigned number, uint64_t value)
{
    put_varint(message, number << 3);
    put_varint(message, value);
}

static void put_bytes(struct text *message, unsigned number, const char *bytes, size_t size)
{
    put_varint(message, number << 3 | 2);
    put_varint(message, size);
    text_add_bytes(message, bytes, size);
}

static void put_text(struct text *message, unsigned number, const char *text)
{
    put_bytes(message, number, text, strlen(text));
}

/* PART is used up. */
static void put_message(struct text *message, unsigned number, struct text *part)
{
    put_bytes(message, number, text_str(part), part->size);
    text_free(part);
}

static void put_metadata(struct text *message, const char *name, const char *namespace)
{
    struct text metadata = {0};
    put_text(&metadata, 1, name);
    put_text(&metadata, 2, "");
    put_text(&metadata, 3, namespace);
    put_text(&metadata, 4, "");
    put_text(&metadata, 5, "");
    put_text(&metadata, 6, "");
    put_number(&metadata, 7, 0);
    put_text(&metadata, 8, ""); /* creationTimestamp */
    put_message(message, 1, &metadata);
}

static struct text body_of(const char *version, const char *kind, struct text *object)
{
    struct text body = {0}, type = {0};
    text_add_bytes(&body, "k8s", 4);
    put_text(&type, 1, version);
    put_text(&type, 2, kind);
    put_message(&body, 1, &type);
    put_message(&body, 2, object);
    put_text(&body, 3, "");
    put_text(&body, 4, "");
    return body;
}

/* BODY is used up. */
static void expect(struct text *body, const char *wanted)
{
    char why[256];
    cJSON *json = api_protobuf_parse(text_str(body), body->size, why, sizeof(why));
    char *printed = json == NULL ? NULL : json_print(json, false);
    assert_string_equal(printed == NULL ? why : printed, wanted);
    cJSON_free(printed);
    cJSON_Delete(json);
    text_free(body);
}

static struct text eviction_body(void)
{
    struct text eviction = {0}, options = {0};
    put_metadata(&eviction, "web-0", "default");
    put_number(&options, 1, 0); /* A pointer: no grace at all. */
    put_text(&options, 5, "All");
    put_message(&eviction, 2, &options);
    return body_of("policy/v1", "Eviction", &eviction);
}

static void put_label(struct text *message, unsigned number)
{
    struct text label = {0};
    put_text(&label, 1, "app");
    put_text(&label, 2, "web");
    put_message(message, number, &label);
}

static struct text deployment_body(void)
{
    struct text deployment = {0}, spec = {0}, selector = {0}, template = {0}, labels = {0};
    struct text pod = {0}, container = {0}, strategy = {0}, status = {0};
    put_metadata(&deployment, "web", "");
    put_number(&spec, 1, 2);
    put_label(&selector, 1);
    put_message(&spec, 2, &selector);
    put_label(&labels, 11);
    put_message(&template, 1, &labels);
    put_text(&container, 1, "web");
    put_text(&container, 2, "web:v1");
    put_text(&container, 5, "");
    put_text(&container, 8, ""); /* resources */
    put_number(&container, 16, 0);
    put_message(&pod, 2, &container);
    put_text(&pod, 3, "");
    put_message(&template, 2, &pod);
    put_message(&spec, 3, &template);
    put_text(&strategy, 1, "");
    put_message(&spec, 4, &strategy);
    put_number(&spec, 7, 0);
    put_message(&deployment, 2, &spec);
    put_number(&status, 1, 0);
    put_number(&status, 7, 0);
    put_message(&deployment, 3, &status);
    return body_of("apps/v1", "Deployment", &deployment);
}

static void test_members(void **state)
{
    (void)state;
    struct text body = eviction_body();
    expect(&body, "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":"
                  "\"web-0\",\"namespace\":\"default\"},\"deleteOptions\":{\"gracePeriodSeconds\":"
                  "0,\"dryRun\":[\"All\"]}}");
    body = deployment_body();
    expect(&body,
           "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\"},"
           "\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"app\":\"web\"}},"
           "\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":["
           "{\"name\":\"web\",\"image\":\"web:v1\"}]}}}}");
}

/* As IntOrString is sent: all three members, whichever counts. */
static void put_int_or_text(struct text *message, unsigned number, const char *text, uint64_t value)
{
    struct text one = {0};
    put_number(&one, 1, text != NULL);
    put_number(&one, 2, value);
    put_text(&one, 3, text != NULL ? text : "");
    put_message(message, number, &one);
}

static void put_service_port(struct text *spec, const char *target, uint64_t number)
{
    struct text port = {0};
    put_text(&port, 1, "");
    put_text(&port, 2, "TCP");
    put_number(&port, 3, 80);
    put_int_or_text(&port, 4, target, number);
    put_number(&port, 5, 0);
    put_message(spec, 1, &port);
}

static void test_int_or_text(void **state)
{
    struct text object = {0}, spec = {0}, status = {0};
    (void)state;
    put_metadata(&object, "web", "");
    put_service_port(&spec, "http", 0);
    put_service_port(&spec, NULL, 8080);
    put_service_port(&spec, NULL, 0); /* No pointer: as if it were not there. */
    put_text(&spec, 3, "None");
    put_number(&spec, 20, 0);
    put_message(&object, 2, &spec);
    put_text(&status, 1, ""); /* loadBalancer */
    put_message(&object, 3, &status);
    struct text body = body_of("v1", "Service", &object);
    expect(&body, "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\"},"
                  "\"spec\":{\"ports\":[{\"protocol\":\"TCP\",\"port\":80,\"targetPort\":\"http\"},"
                  "{\"protocol\":\"TCP\",\"port\":80,\"targetPort\":8080},{\"protocol\":\"TCP\","
                  "\"port\":80}],\"clusterIP\":\"None\",\"allocateLoadBalancerNodePorts\":false}}");
    put_int_or_text(&spec, 1, NULL, 0); /* A pointer: zero is said. */
    put_text(&spec, 2, "");             /* Also a selector that selects all. */
    put_message(&object, 2, &spec);
    body = body_of("policy/v1", "PodDisruptionBudget", &object);
    expect(&body, "{\"apiVersion\":\"policy/v1\",\"kind\":\"PodDisruptionBudget\",\"spec\":{"
                  "\"minAvailable\":0,\"selector\":{}}}");
}

/* `http` stands beside `host` in JSON, and in a message of its own in protobuf. */
static void test_inline(void **state)
{
    struct text object = {0}, spec = {0}, rule = {0}, value = {0}, http = {0}, path = {0};
    struct text backend = {0}, service = {0}, port = {0};
    (void)state;
    put_text(&port, 1, "");
    put_number(&port, 2, 80);
    put_text(&service, 1, "web");
    put_message(&service, 2, &port);
    put_message(&backend, 4, &service);
    put_text(&path, 1, "/");
    put_message(&path, 2, &backend);
    put_text(&path, 3, "Prefix");
    put_message(&http, 1, &path);
    put_message(&value, 1, &http);
    put_text(&rule, 1, "a.b");
    put_message(&rule, 2, &value);
    put_message(&spec, 3, &rule);
    put_message(&object, 2, &spec);
    struct text body = body_of("networking.k8s.io/v1", "Ingress", &object);
    expect(&body,
           "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\",\"spec\":{"
           "\"rules\":[{\"host\":\"a.b\",\"http\":{\"paths\":[{\"path\":\"/\",\"backend\":{"
           "\"service\":{\"name\":\"web\",\"port\":{\"number\":80}}},\"pathType\":\"Prefix\"}"
           "]}}]}}");
}

/* Nothing is lost in silence, and nothing is read beyond the end. */
static void test_refusals(void **state)
{
    struct text object = {0}, body = {0};
    char why[256];
    (void)state;
    put_metadata(&object, "x", "");
    put_text(&object, 9, "set");
    body = body_of("v1", "Namespace", &object);
    expect(&body, "protobuf: member 9 is not known to the lab: send JSON or YAML");
    put_number(&object, 1, 7);
    body = body_of("v1", "Namespace", &object);
    expect(&body, "protobuf: a member is of another type");
    put_bytes(&object, 1, "\n\3a\0b", 5);
    body = body_of("v1", "Namespace", &object);
    expect(&body, "protobuf: a text has a NUL byte");
    body = body_of("v1", "Secret", &object);
    expect(&body, "the lab has no protobuf of \"Secret\": send JSON or YAML");
    text_add(&body, "{\"kind\":\"Namespace\"}");
    expect(&body, "the body does not begin as Kubernetes' protobuf does");
    body = deployment_body();
    for (size_t size = 0; size < body.size; size++) {
        char *cut = malloc(size + 1); /* A copy of its own, so that ASan sees an overrun. */
        assert_non_null(cut);
        memcpy(cut, text_str(&body), size);
        cJSON *json = api_protobuf_parse(cut, size, why, sizeof(why));
        assert_true(json != NULL || why[0] != '\0');
        cJSON_Delete(json);
        free(cut);
    }
    text_free(&body);
}

static unsigned post(struct world *world, const char *target, struct text *body)
{
    const struct api_request request = {.method = "POST",
                                        .target = target,
                                        .content_type = API_PROTOBUF_TYPE,
                                        .accept = API_PROTOBUF_TYPE ",application/json",
                                        .body = text_str(body),
                                        .body_bytes = body->size,
                                        .authenticated = true,
                                        .utc_ns = world->utc_ns};
    struct api_answer answer;
    api_handle(&world->handler, &request, &answer);
    const unsigned code = answer.code;
    api_answer_free(&answer);
    text_free(body);
    return code;
}

/* As `kubectl create` and `kubectl drain` send them. */
static void test_requests(void **state)
{
    static const char deployments[] = "/apis/apps/v1/namespaces/default/deployments";
    static const char pods[] = "/api/v1/namespaces/default/pods";
    struct world *world = *state;
    struct text body = deployment_body();
    assert_int_equal(post(world, deployments, &body), 201);
    assert_int_equal(
        world_request(world, "GET", "/apis/apps/v1/namespaces/default/deployments/web", ""), 200);
    world_expect_text(world, "spec.template.metadata.labels.app", "web");
    assert_int_equal(world_request(world, "POST", pods,
                                   "{'metadata':{'name':'web-0'},'spec':{'containers':[{'name':"
                                   "'c','image':'i'}]}}"),
                     201);
    body = eviction_body();
    assert_int_equal(post(world, "/api/v1/namespaces/default/pods/web-0/eviction", &body), 201);
    text_add_bytes(&body, "k8s\0\1", 5);
    assert_int_equal(post(world, deployments, &body), 400);
    struct text review = {0}, spec = {0}, wanted = {0};
    put_text(&wanted, 2, "get");
    put_text(&wanted, 5, "pods");
    put_message(&spec, 1, &wanted);
    put_message(&review, 2, &spec);
    body = body_of("authorization.k8s.io/v1", "SelfSubjectAccessReview", &review);
    assert_int_equal(post(world, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &body),
                     201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_int_or_text),
        cmocka_unit_test(test_inline),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test_setup_teardown(test_requests, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
