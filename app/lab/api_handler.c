#include "lab/api_handler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_body.h"
#include "lab/api_call_priv.h"
#include "lab/api_discovery.h"
#include "lab/api_protobuf.h"
#include "lab/api_status.h"

static const char json_type[] = "application/json";
static const char openapi_type[] = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/* What a method does to what a path names. */
struct action {
    const char *method;             /* HTTP. */
    bool on_object;                 /* The path has a name. */
    const char *subresource;        /* Of the path; "" for none. */
    const char *verb;               /* In the words of access rules. */
    void (*run)(struct api_call *); /* Does it. */
};

static const struct action actions[] = {
    {"GET", false, "", "list", api_read_list},
    {"GET", true, "", "get", api_read_get},
    {"GET", true, "status", "get", api_read_get},
    {"GET", true, "scale", "get", api_scale_get},
    {"POST", false, "", "create", api_write_create},
    {"POST", true, "eviction", "create", api_evict},
    {"PUT", true, "", "update", api_write_update},
    {"PUT", true, "status", "update", api_write_update},
    {"PUT", true, "scale", "update", api_scale_update},
    {"PATCH", true, "", "patch", api_write_patch},
    {"PATCH", true, "status", "patch", api_write_patch},
    {"PATCH", true, "scale", "patch", api_scale_patch},
    {"DELETE", true, "", "delete", api_delete_one},
    {"DELETE", false, "", "deletecollection", api_delete_collection},
};

static const struct action watch_action = {"GET", false, "", "watch", api_read_watch};

static void route(struct api_call *call);
static void handle_objects(struct api_call *call);
static void handle_access_review(struct api_call *call);
static bool is_denied(const struct api_handler *handler, const char *verb, const char *resource,
                      const char *subresource);
static bool accepts_json(const char *accept);

int api_handler_deny(struct api_handler *handler, const char *rule)
{
    const char *colon = strchr(rule, ':');
    struct api_deny *deny = &handler->deny[handler->deny_count];
    if (colon == NULL || handler->deny_count == API_DENY_RULES)
        return -EINVAL;
    size_t size = (size_t)(colon - rule);
    if (size == 0 || size >= sizeof(deny->verb) || colon[1] == '\0' ||
        strlen(colon + 1) >= sizeof(deny->resource))
        return -EINVAL;
    memcpy(deny->verb, rule, size);
    deny->verb[size] = '\0';
    strcpy(deny->resource, colon + 1);
    handler->deny_count++;
    return 0;
}

void api_handle(struct api_handler *handler, const struct api_request *request,
                struct api_answer *answer)
{
    char why[API_CALL_WHY_BYTES];
    struct api_path path;
    struct api_call call = {.handler = handler, .request = request, .path = &path};
    *answer = (struct api_answer){.content_type = json_type};
    if (!request->authenticated)
        api_call_fail(&call, api_status_unauthorized());
    else if (api_path_parse(request->target, &path, why, sizeof(why)) < 0)
        api_call_fail(&call, api_status_bad_request("%s", why));
    else
        route(&call);

    answer->code = call.code;
    answer->watch = call.watch;
    answer->retry_after_s = (unsigned)json_integer(call.result, "details.retryAfterSeconds", 0);
    if (call.result != NULL) {
        char *printed = json_print(call.result, false);
        text_add(&answer->body, printed != NULL ? printed : "");
        text_add(&answer->body, "\n");
        free(printed);
        cJSON_Delete(call.result);
    } else if (request->authenticated && path.kind == API_PATH_OPENAPI) {
        answer->content_type = openapi_type;
    } else if (call.watch == NULL) {
        answer->content_type = "text/plain; charset=utf-8";
        text_add(&answer->body, "ok");
    }
}

void api_answer_free(struct api_answer *answer)
{
    text_free(&answer->body);
    api_watch_free(answer->watch);
    answer->watch = NULL;
}

void api_call_answer(struct api_call *call, unsigned code, cJSON *result)
{
    call->code = code;
    call->result = result;
}

void api_call_fail(struct api_call *call, cJSON *status)
{
    call->code = api_status_code(status);
    call->result = status;
}

bool api_call_wants_table(const struct api_call *call)
{
    const char *accept = call->request->accept;
    return accept != NULL && strstr(accept, "as=Table") != NULL;
}

enum api_table_include api_call_include(const struct api_call *call)
{
    const struct api_path *path = call->path;
    if (strcmp(path->include_object, "None") == 0)
        return API_TABLE_NONE;
    return strcmp(path->include_object, "Object") == 0 ? API_TABLE_OBJECT : API_TABLE_METADATA;
}

void api_call_answer_object(struct api_call *call, unsigned code, const cJSON *object)
{
    call->code = code;
    if (!api_call_wants_table(call)) {
        call->result = api_resource_view(call->resource, object);
        return;
    }
    cJSON *metadata = cJSON_CreateObject();
    cJSON_AddStringToObject(metadata, "resourceVersion",
                            json_string(object, "metadata.resourceVersion", ""));
    call->result = api_table_new(call->resource, metadata);
    api_table_add(call->result, call->resource, object, api_call_include(call),
                  call->request->utc_ns);
}

cJSON *api_call_body(struct api_call *call, const char *complaint)
{
    char why[API_CALL_WHY_BYTES];
    const struct api_request *request = call->request;
    if (request->body_bytes > API_BODY_BYTES) {
        api_call_fail(call,
                      api_status_failure(413, "RequestEntityTooLarge",
                                         "Request entity too large: limit is %d", API_BODY_BYTES));
        return NULL;
    }
    const char *bytes = request->body != NULL ? request->body : "";
    bool is_yaml = request->content_type != NULL && strstr(request->content_type, "+yaml") != NULL;
    cJSON *body = api_protobuf_is(request->content_type)
                      ? api_protobuf_parse(bytes, request->body_bytes, why, sizeof(why))
                  : is_yaml ? api_body_parse_yaml(bytes, request->body_bytes, why, sizeof(why))
                            : api_body_parse(bytes, request->body_bytes, why, sizeof(why));
    if (body == NULL)
        api_call_fail(call, api_status_bad_request("%s: %s", complaint, why));
    return body;
}

const cJSON *api_call_object(struct api_call *call)
{
    const struct api_path *path = call->path;
    const cJSON *object =
        store_get(call->handler->store, call->resource->kind, path->namespace, path->name);
    if (object == NULL)
        api_call_fail(call, api_status_not_found(call->resource, path->name));
    return object;
}

static void route(struct api_call *call)
{
    bool is_get = strcmp(call->request->method, "GET") == 0;
    enum api_path_kind kind = call->path->kind;
    if (kind == API_PATH_OBJECTS) {
        handle_objects(call);
        return;
    }
    if (kind != API_PATH_UNKNOWN && !is_get) {
        api_call_fail(call, api_status_method_not_allowed());
        return;
    }
    if (kind == API_PATH_HEALTH || kind == API_PATH_OPENAPI) {
        call->code = 200;
        return;
    }
    cJSON *answer = api_discovery_answer(call->path, call->handler->minor);
    /* No server has this member: clients that know it tell the lab from a cluster by it. */
    if (kind == API_PATH_VERSION && call->handler->description[0] != '\0')
        cJSON_AddStringToObject(answer, "seamlineLab", call->handler->description);
    if (answer != NULL)
        api_call_answer(call, 200, answer);
    else
        api_call_fail(call, api_status_no_such_path());
}

static bool has_subresource(const struct api_resource *resource, const char *name)
{
    return name[0] == '\0' || (strcmp(name, "status") == 0 && resource->has_status) ||
           (strcmp(name, "scale") == 0 && resource->has_scale) ||
           (strcmp(name, "eviction") == 0 && resource->kind == STORE_POD);
}

static const struct action *find_action(const struct api_call *call)
{
    const struct api_path *path = call->path;
    bool is_get = strcmp(call->request->method, "GET") == 0;
    if (is_get && path->watch && path->subresource[0] == '\0')
        return &watch_action;
    for (unsigned i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        const struct action *action = &actions[i];
        if (strcmp(action->method, call->request->method) == 0 &&
            action->on_object == (path->name[0] != '\0') &&
            strcmp(action->subresource, path->subresource) == 0)
            return action;
    }
    return NULL;
}

/* A collection across namespaces can be read; everything else is in one. */
static bool place_is_right(const struct api_call *call)
{
    const struct api_path *path = call->path;
    const struct api_resource *resource = call->resource;
    if (!resource->namespaced)
        return path->namespace[0] == '\0';
    return path->namespace[0] != '\0' ||
           (path->name[0] == '\0' && strcmp(call->request->method, "GET") == 0);
}

static void handle_objects(struct api_call *call)
{
    const struct api_path *path = call->path;
    if (strcmp(path->group, "authorization.k8s.io") == 0 &&
        strcmp(path->resource, "selfsubjectaccessreviews") == 0 && path->name[0] == '\0') {
        handle_access_review(call);
        return;
    }
    call->resource =
        api_resource_find(path->group, path->version, path->resource, call->handler->minor);
    if (call->resource == NULL || !has_subresource(call->resource, path->subresource)) {
        api_call_fail(call, api_status_no_such_path());
        return;
    }
    const struct action *action = find_action(call);
    if (action == NULL || !place_is_right(call)) {
        api_call_fail(call, api_status_method_not_allowed());
        return;
    }
    if (is_denied(call->handler, action->verb, path->resource, path->subresource)) {
        struct api_denial denial = {call->resource,    call->handler->user, action->verb,
                                    path->subresource, path->namespace,     path->name};
        api_call_fail(call, api_status_forbidden(&denial));
        return;
    }
    if (!accepts_json(call->request->accept)) {
        api_call_fail(call, api_status_failure(406, "NotAcceptable",
                                               "only the following media types are accepted: %s",
                                               json_type));
        return;
    }
    action->run(call);
}

/* Answers whether this very client may do something. */
static void handle_access_review(struct api_call *call)
{
    if (strcmp(call->request->method, "POST") != 0) {
        api_call_fail(call, api_status_method_not_allowed());
        return;
    }
    cJSON *review = api_call_body(call, "the body is no access review");
    if (review == NULL)
        return;
    const cJSON *wanted = json_at(review, "spec.resourceAttributes");
    if ((wanted == NULL) == (json_at(review, "spec.nonResourceAttributes") == NULL)) {
        cJSON_Delete(review);
        api_call_fail(call, api_status_bad_request("exactly one of spec.resourceAttributes and "
                                                   "spec.nonResourceAttributes must be given"));
        return;
    }
    bool allowed =
        wanted == NULL || /* Rules deny resources only. */
        !is_denied(call->handler, json_string(wanted, "verb", ""),
                   json_string(wanted, "resource", ""), json_string(wanted, "subresource", ""));
    cJSON_DeleteItemFromObjectCaseSensitive(review, "status");
    cJSON *status = cJSON_AddObjectToObject(review, "status");
    cJSON_AddBoolToObject(status, "allowed", allowed);
    if (!allowed)
        cJSON_AddStringToObject(status, "reason", "denied by a rule of the lab");
    api_call_answer(call, 201, review);
}

static bool is_denied(const struct api_handler *handler, const char *verb, const char *resource,
                      const char *subresource)
{
    char whole[2 * API_PATH_SEGMENT_BYTES];
    snprintf(whole, sizeof(whole), "%s%s%s", resource, subresource[0] != '\0' ? "/" : "",
             subresource);
    for (unsigned i = 0; i < handler->deny_count; i++) {
        const struct api_deny *deny = &handler->deny[i];
        if ((strcmp(deny->verb, "*") == 0 || strcmp(deny->verb, verb) == 0) &&
            (strcmp(deny->resource, "*") == 0 || strcmp(deny->resource, whole) == 0))
            return true;
    }
    return false;
}

static bool accepts_json(const char *accept)
{
    return accept == NULL || accept[0] == '\0' || strstr(accept, json_type) != NULL ||
           strstr(accept, "*/*") != NULL || strstr(accept, "application/*") != NULL;
}
