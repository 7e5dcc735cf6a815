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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test_setup_teardown(test_requests, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
