#include "tests/unit/lab/api_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "lab/api_discovery.h"

unsigned world_send(struct world *world, const char *method, const char *target, const char *type,
                    const char *accept, const char *body)
{
    char *json = strdup(body != NULL ? body : "");
    for (char *c = json; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    const struct api_request request = {
        .method = method,
        .target = target,
        .content_type = type,
        .accept = accept,
        .body = json,
        .body_bytes = strlen(json),
        .authenticated = true,
        .utc_ns = world->utc_ns,
    };
    api_answer_free(&world->answer);
    cJSON_Delete(world->body);
    api_handle(&world->handler, &request, &world->answer);
    world->body = cJSON_Parse(text_str(&world->answer.body));
    free(json);
    return world->answer.code;
}

unsigned world_request(struct world *world, const char *method, const char *target,
                       const char *body)
{
    return world_send(world, method, target, "application/json", "application/json", body);
}

unsigned world_patch(struct world *world, const char *target, const char *type, const char *body)
{
    return world_send(world, "PATCH", target, type, "application/json", body);
}

void world_expect_text(const struct world *world, const char *path, const char *expected)
{
    assert_string_equal(json_string(world->body, path, "(absent)"), expected);
}

void world_expect_body(const struct world *world, const char *expected)
{
    char *printed = cJSON_PrintUnformatted(world->body);
    char *wanted = strdup(expected);
    for (char *c = wanted; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    assert_string_equal(printed, wanted);
    free(printed);
    free(wanted);
}

int world_set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    world->store = store_new(1);
    world->utc_ns = WORLD_NOW_NS;
    world->handler.store = world->store;
    world->handler.user = "somebody";
    world->handler.minor = API_KUBERNETES_MINOR;
    world->handler.visible = UINT64_MAX;
    assert_int_equal(
        world_request(world, "POST", "/api/v1/namespaces", "{'metadata':{'name':'default'}}"), 201);
    *state = world;
    return 0;
}

int world_tear_down(void **state)
{
    struct world *world = *state;
    api_answer_free(&world->answer);
    cJSON_Delete(world->body);
    store_free(world->store);
    free(world);
    return 0;
}
