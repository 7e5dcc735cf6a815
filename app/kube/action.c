#include "kube/action.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "kube/change.h"
#include "kube/drain.h"
#include "kube/revision.h"

enum {
    HTTP_CREATED = 201,
    TRIES_MAX = 5,
    NS_PER_S = 1000000000,
    GONE_PAUSE_NS = 250000000,
    BUDGET_PAUSE_S = 5
};

static int set_target(struct kube_action *action, const struct kube_order *order,
                      const struct kube_discovery *discovery, const char *namespace,
                      struct error *err);
static int set_manifest(struct kube_action *action, const struct kube_order *order,
                        const struct kube_discovery *discovery, struct error *err);
static int set_env(struct kube_action *action, const struct kube_order *order, struct error *err);
static int set_drain(struct kube_action *action, const struct kube_order *order,
                     const struct kube_discovery *discovery, struct error *err);
static int copy(char *to, size_t bytes, const char *from, const char *what, struct error *err);
static void ask_read(struct kube_action *action);
static void ask_discovery(struct kube_action *action);
static void ask_review(struct kube_action *action, const struct kube_call *may);
static void name_target(struct kube_action *action);
static void take_discovery(struct kube_action *action, const struct text *body);
static void take_read(struct kube_action *action, const struct text *body, uint64_t now_ns);
static void ask_history(struct kube_action *action, const cJSON *read);
static void take_history(struct kube_action *action, const struct text *body);
static void take_change(struct kube_action *action, long http_code, const struct text *body,
                        uint64_t now_ns);
static void take_gone(struct kube_action *action, const struct text *body, uint64_t now_ns);
static void prepare(struct kube_action *action, const cJSON *read, const cJSON *history);
static void halt(struct kube_action *action);
static void take_pods(struct kube_action *action, const struct text *body, uint64_t now_ns);
static void take_node(struct kube_action *action, const struct text *body, uint64_t now_ns);
static void go_on(struct kube_action *action, enum kube_drain_end end);
static bool try_again(struct kube_action *action, enum kube_reason reason, unsigned retry_after_s,
                      uint64_t now_ns);
static void pause_for(struct kube_action *action, unsigned seconds, uint64_t now_ns);
static bool is_undo(const struct kube_action *action);
static bool is_harmless(const struct kube_action *action);
static bool absent_is_fine(struct kube_action *action, enum kube_reason reason, uint64_t now_ns);
static void say_held(struct kube_action *action, const cJSON *json);
static void wait_until_gone(struct kube_action *action, uint64_t now_ns);
static void show_object(struct kube_action *action, const cJSON *json);
static void fail_foreign(struct kube_action *action);
static void finish(struct kube_action *action, enum kube_done done);
static void fail(struct kube_action *action, enum kube_reason reason, int code);

int kube_action_init(struct kube_action *action, const struct kube_order *order,
                     const struct kube_discovery *discovery, const char *namespace,
                     struct error *err)
{
    *action = (struct kube_action){
        .verb = order->verb,
        .confirm = order->confirm,
        .wait_gone = order->wait_gone,
        .even_rolling = order->even_rolling,
        .dry_run = order->dry_run,
        .force = order->force,
        .replicas = order->replicas,
        .revision = order->revision,
        .utc_ns = order->utc_ns,
        .grace_s = order->grace_s == KUBE_GRACE_OWN    ? -1
                   : order->grace_s == KUBE_GRACE_NONE ? 0
                                                       : order->grace_s,
        .subresource = "",
        .state = KUBE_ACTION_REQUEST,
    };
    if (order->verb == KUBE_MAY) {
        ask_review(action, order->may);
        return 0;
    }
    int code = set_target(action, order, discovery, namespace, err);
    if (code == 0)
        code = kube_order_check(order, action->result.resource.kind, action->target, err);
    if (code == 0)
        code =
            copy(action->container, sizeof(action->container), order->container, "container", err);
    if (code == 0)
        code = copy(action->image, sizeof(action->image), order->image, "image", err);
    if (code == 0)
        code = copy(action->proxy_mode, sizeof(action->proxy_mode), order->proxy_mode, "mode", err);
    if (code == 0)
        code = copy(action->proxy_scheduler, sizeof(action->proxy_scheduler),
                    order->proxy_scheduler, "scheduler", err);
    if (code == 0)
        code = copy(action->node, sizeof(action->node), order->node, "node", err);
    if (code == 0)
        code = copy(action->wanted_uid, sizeof(action->wanted_uid), order->uid, "uid", err);
    if (code == 0)
        code = copy(action->content_type, sizeof(action->content_type),
                    order->content_type == NULL ? KUBE_PATCH_STRATEGIC : order->content_type,
                    "content type", err);
    if (code == 0 && order->object != NULL)
        action->object = cJSON_Duplicate(order->object, true);
    if (code == 0 && order->verb == KUBE_SET_ENV)
        code = set_env(action, order, err);
    if (code == 0 && order->verb == KUBE_DRAIN)
        code = set_drain(action, order, discovery, err);
    if (code < 0) {
        error_wrap(err, "%s", kube_verb_text(order->verb));
        kube_action_free(action);
        return code;
    }
    strcpy(action->eviction_version, discovery->eviction_version);
    action->result.dry_run = order->dry_run;
    if (action->result.resource.plural[0] == '\0')
        ask_discovery(action);
    else
        ask_read(action);
    return 0;
}

int kube_action_undo(struct kube_action *action, const char *undo_json, struct error *err)
{
    static const char *const methods[] = {"PATCH", "DELETE"};
    cJSON *json = json_parse(undo_json, strlen(undo_json), err);
    const char *method = json_string(json, "method", "");
    const char *path = json_string(json, "path", "");
    struct kube_resource *resource = &action->result.resource;
    *action = (struct kube_action){.verb = KUBE_PATCH, .step = KUBE_STEP_CHANGE, .grace_s = -1};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(methods[i], method) == 0)
            action->method = methods[i];
    }
    char *body = json_print(json_member(json, "body"), false);
    int code = action->method == NULL || path[0] != '/' || body == NULL ? -EINVAL : 0;
    if (code == 0)
        code = copy(action->content_type, sizeof(action->content_type),
                    json_string(json, "contentType", "application/json"), "contentType", err);
    if (code == 0)
        code = copy(resource->group, sizeof(resource->group), json_string(json, "group", ""),
                    "group", err);
    if (code == 0)
        code = copy(resource->plural, sizeof(resource->plural), json_string(json, "resource", ""),
                    "resource", err);
    if (code == 0)
        code = copy(action->result.namespace, sizeof(action->result.namespace),
                    json_string(json, "namespace", ""), "namespace", err);
    if (code == 0)
        code = copy(action->result.name, sizeof(action->result.name), json_string(json, "name", ""),
                    "name", err);
    resource->kind = KUBE_OTHER;
    action->request_verb = strcmp(method, "DELETE") == 0 ? "delete" : "patch";
    action->subresource = strcmp(json_string(json, "subresource", ""), "scale") == 0 ? "scale" : "";
    action->body_type = action->content_type;
    text_add(&action->path, path);
    text_add(&action->body, body == NULL ? "" : body);
    text_addf(&action->about, "undo the change of %s %s", resource->plural, action->result.name);
    snprintf(action->target, sizeof(action->target), "%.60s/%s", resource->plural,
             action->result.name);
    cJSON_free(body);
    cJSON_Delete(json);
    if (code < 0) {
        kube_action_free(action);
        error_set(err, EXIT_USAGE, code, "an undo entry lacks method, path or body");
    }
    return code;
}

void kube_action_free(struct kube_action *action)
{
    cJSON_Delete(action->object);
    action->object = NULL;
    kube_object_drop(action->result.object);
    action->result.object = NULL;
    text_free(&action->path);
    text_free(&action->body);
    text_free(&action->about);
    text_free(&action->undo);
    text_free(&action->news);
    free(action->drain);
    action->drain = NULL;
    action->state = KUBE_ACTION_OVER;
}

struct kube_call kube_action_call(const struct kube_action *action)
{
    bool discover = action->step == KUBE_STEP_DISCOVER;
    if (action->step == KUBE_STEP_PODS)
        return (struct kube_call){"list", "", "pods", "", "", ""};
    if (action->step == KUBE_STEP_HISTORY)
        return (struct kube_call){"list",
                                  "apps",
                                  kube_revision_resource(action->result.resource.kind)->plural,
                                  "",
                                  action->result.namespace,
                                  ""};
    if (action->step == KUBE_STEP_EVICT) {
        const struct kube_drain_pod *pod = &action->drain->pods[action->drain->at];
        return (struct kube_call){"create", "", "pods", "eviction", pod->namespace, pod->name};
    }
    return (struct kube_call){
        .verb = action->request_verb,
        .group = action->result.resource.group,
        .resource = discover ? "" : action->result.resource.plural,
        .subresource = action->subresource,
        .namespace = action->result.namespace,
        .name = action->result.name,
    };
}

void kube_action_sent(struct kube_action *action, uint64_t now_ns)
{
    action->state = KUBE_ACTION_ASKED;
    if (action->step == KUBE_STEP_READ)
        action->read_sent_ns = now_ns;
    if (action->step == KUBE_STEP_CHANGE)
        action->result.sent_ns = now_ns;
}

void kube_action_again(struct kube_action *action)
{
    if (action->state == KUBE_ACTION_ASKED)
        action->state = KUBE_ACTION_REQUEST;
}

void kube_action_answer(struct kube_action *action, enum kube_reason reason, long http_code,
                        unsigned retry_after_s, const struct text *body,
                        const struct error *failure, const struct kubeconfig *config,
                        uint64_t now_ns)
{
    struct error said = {0};
    struct kube_call call = kube_action_call(action);
    if (action->state != KUBE_ACTION_ASKED)
        return;
    if (reason == KUBE_REASON_SUCCESS && (http_code < 200 || http_code > 299))
        reason = kube_failure_set(&said, config, &call, http_code, text_str(body), body->size);
    else if (reason != KUBE_REASON_SUCCESS && failure != NULL)
        said = *failure;
    if (action->step == KUBE_STEP_CHANGE && http_code > 0)
        action->result.answered_ns = now_ns;
    if (reason == KUBE_REASON_SUCCESS) {
        switch (action->step) {
        case KUBE_STEP_DISCOVER: take_discovery(action, body); return;
        case KUBE_STEP_READ: take_read(action, body, now_ns); return;
        case KUBE_STEP_HISTORY: take_history(action, body); return;
        case KUBE_STEP_CHANGE: take_change(action, http_code, body, now_ns); return;
        case KUBE_STEP_GONE: take_gone(action, body, now_ns); return;
        case KUBE_STEP_PODS: take_pods(action, body, now_ns); return;
        case KUBE_STEP_NODE: take_node(action, body, now_ns); return;
        case KUBE_STEP_EVICT: break;
        }
    }
    if (reason == KUBE_REASON_NOT_FOUND && action->step == KUBE_STEP_DISCOVER) {
        said = (struct error){0};
        error_set(&said, EXIT_USAGE, -ENOENT,
                  "%s: the server has no API %s: wrong apiVersion, or a custom resource definition "
                  "that is not installed",
                  action->target, action->api_version);
    }
    if (reason == KUBE_REASON_INVALID && is_undo(action) &&
        strstr(text_str(body), "metadata.uid") != NULL)
        reason = KUBE_REASON_CONFLICT; /* Another object has its name by now. */
    action->result.error = said; /* Also the reason to give, should a deadline end the trying. */
    if (action->step == KUBE_STEP_EVICT &&
        (reason == KUBE_REASON_SUCCESS || kube_drain_endures(reason))) {
        go_on(action, kube_drain_take_eviction(action, reason, retry_after_s, said.text, now_ns));
        return;
    }
    if (absent_is_fine(action, reason, now_ns) || try_again(action, reason, retry_after_s, now_ns))
        return;
    fail(action, reason, kube_reason_errno(reason));
}

void kube_action_commit(struct kube_action *action)
{
    if (action->state == KUBE_ACTION_PREPARED)
        action->state = KUBE_ACTION_REQUEST;
}

void kube_action_tick(struct kube_action *action, uint64_t now_ns)
{
    if (action->state == KUBE_ACTION_PAUSE && action->due_ns <= now_ns)
        action->state = KUBE_ACTION_REQUEST;
}

void kube_action_cancel(struct kube_action *action, const char *text)
{
    if (action->state == KUBE_ACTION_OVER)
        return;
    /* A 404 before a create is no cause; what an eviction was told while it waited is. */
    if (action->state == KUBE_ACTION_PREPARED || action->verb == KUBE_DRAIN)
        action->result.error.text[0] = '\0';
    if (action->verb == KUBE_DRAIN && action->drain->begun) {
        struct text held = {0};
        kube_drain_holds(action, &held);
        error_set(&action->result.error, EXIT_ENVIRONMENT, -ECANCELED, "%s: %s; %s", action->target,
                  text, text_str(&held));
        text_free(&held);
    }
    error_set(&action->result.error, EXIT_ENVIRONMENT, -ECANCELED, "%s: %s", action->target, text);
    fail(action, KUBE_REASON_SUCCESS, -ECANCELED);
}

const char *kube_done_text(enum kube_done done)
{
    static const char *const texts[] = {
        [KUBE_DONE_NOT_YET] = "not yet",     [KUBE_DONE_GOT] = "exists",
        [KUBE_DONE_CREATED] = "created",     [KUBE_DONE_CHANGED] = "changed",
        [KUBE_DONE_UNCHANGED] = "unchanged", [KUBE_DONE_DELETED] = "deleted",
        [KUBE_DONE_ABSENT] = "absent",       [KUBE_DONE_ALLOWED] = "allowed",
        [KUBE_DONE_DENIED] = "denied",       [KUBE_DONE_FAILED] = "failed",
    };
    return texts[done];
}

static int set_target(struct kube_action *action, const struct kube_order *order,
                      const struct kube_discovery *discovery, const char *namespace,
                      struct error *err)
{
    struct kube_result *result = &action->result;
    const char *name = order->name;
    const char *own_namespace = order->namespace;
    int code = 0;
    if (order->verb == KUBE_APPLY || (order->verb == KUBE_DELETE && order->object != NULL)) {
        code = set_manifest(action, order, discovery, err);
        name = json_string(order->object, "metadata.name", NULL);
        own_namespace = json_string(order->object, "metadata.namespace", order->namespace);
    } else {
        enum kube_kind kind = kube_order_kind(order);
        if ((int)kind < 0 || kind >= KUBE_KIND_COUNT)
            return error_set(err, EXIT_USAGE, -EINVAL, "unknown kind");
        result->resource = discovery->resources[kind];
    }
    if (code < 0)
        return code;
    if (own_namespace == NULL || own_namespace[0] == '\0')
        own_namespace = namespace;
    /* What a kind beyond the known ones is in is seen after discovery. */
    bool in_namespace = result->resource.namespaced || result->resource.plural[0] == '\0';
    code = copy(result->namespace, sizeof(result->namespace), in_namespace ? own_namespace : "",
                "namespace", err);
    if (code == 0)
        code = copy(result->name, sizeof(result->name), name, "name", err);
    if (code == 0 && !kube_resource_name_valid(result->name))
        code = error_set(err, EXIT_USAGE, -EINVAL,
                         "\"%s\" is no object's name: small letters, digits, '-' and '.'",
                         result->name);
    name_target(action);
    return code;
}

static int set_manifest(struct kube_action *action, const struct kube_order *order,
                        const struct kube_discovery *discovery, struct error *err)
{
    const char *api_version = json_string(order->object, "apiVersion", "");
    const char *kind = json_string(order->object, "kind", "");
    if (api_version[0] == '\0' || kind[0] == '\0')
        return error_set(err, EXIT_USAGE, -EINVAL, "the object has no apiVersion or no kind");
    const struct kube_resource *row = kube_resource_find(api_version, kind);
    struct kube_resource *resource = &action->result.resource;
    resource->kind = KUBE_OTHER;
    if (row != NULL)
        *resource = discovery->resources[row->kind];
    int code = copy(resource->name, sizeof(resource->name), kind, "kind", err);
    return code < 0 ? code
                    : copy(action->api_version, sizeof(action->api_version), api_version,
                           "apiVersion", err);
}

/* As the object of names that the change is made of. */
static int set_env(struct kube_action *action, const struct kube_order *order, struct error *err)
{
    char name[KUBE_NAME_BYTES];
    action->object = cJSON_CreateObject();
    for (unsigned i = 0; i < order->env_count; i++) {
        const char *item = order->env[i];
        const char *equals = strchr(item, '=');
        size_t size = equals != NULL ? (size_t)(equals - item) : strlen(item);
        bool removes = equals == NULL && size > 0 && item[size - 1] == '-';
        size -= removes;
        if (size == 0 || size >= sizeof(name) || (equals == NULL && !removes))
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "%s: \"%.80s\" is no NAME=VALUE, and no NAME- to take one away",
                             action->target, item);
        memcpy(name, item, size);
        name[size] = '\0';
        cJSON_DeleteItemFromObjectCaseSensitive(action->object, name);
        cJSON_AddItemToObject(action->object, name,
                              removes ? cJSON_CreateNull() : cJSON_CreateString(equals + 1));
    }
    if (order->env_count > 0)
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL, "%s: no NAME=VALUE is given", action->target);
}

static int set_drain(struct kube_action *action, const struct kube_order *order,
                     const struct kube_discovery *discovery, struct error *err)
{
    if (discovery->eviction_version[0] == '\0')
        return error_set(err, EXIT_ENVIRONMENT, -EOPNOTSUPP,
                         "%s: this server serves no pods/eviction", action->target);
    action->drain = calloc(1, sizeof(*action->drain));
    if (action->drain == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    action->drain->force = order->force;
    action->drain->delete_empty_dir = order->delete_empty_dir;
    return 0;
}

static int copy(char *to, size_t bytes, const char *from, const char *what, struct error *err)
{
    if (from == NULL)
        from = "";
    if (strlen(from) >= bytes)
        return error_set(err, EXIT_USAGE, -EINVAL, "%s is longer than %zu bytes", what, bytes - 1);
    strcpy(to, from);
    return 0;
}

static void name_target(struct kube_action *action)
{
    char kind[64];
    snprintf(kind, sizeof(kind), "%.60s", action->result.resource.name);
    for (char *at = kind; *at != '\0'; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    }
    snprintf(action->target, sizeof(action->target), "%s/%s", kind, action->result.name);
}

static void ask_read(struct kube_action *action)
{
    action->step = KUBE_STEP_READ;
    action->state = KUBE_ACTION_REQUEST;
    action->method = "GET";
    action->request_verb = "get";
    action->subresource = action->verb == KUBE_SCALE ? "scale" : "";
    action->body_type = NULL;
    text_clear(&action->body);
    text_clear(&action->path);
    text_clear(&action->about);
    kube_resource_path(&action->path, &action->result.resource, action->result.namespace,
                       action->result.name, action->subresource);
}

static void ask_discovery(struct kube_action *action)
{
    action->step = KUBE_STEP_DISCOVER;
    action->method = "GET";
    action->request_verb = "get";
    text_clear(&action->path);
    kube_discovery_path(&action->path, action->api_version);
}

static void ask_review(struct kube_action *action, const struct kube_call *may)
{
    static const struct kube_resource reviews = {KUBE_OTHER,
                                                 "SelfSubjectAccessReview",
                                                 "selfsubjectaccessreviews",
                                                 "authorization.k8s.io",
                                                 "v1",
                                                 false};
    const char *const members[][2] = {{"namespace", may->namespace},
                                      {"verb", may->verb},
                                      {"group", may->group},
                                      {"resource", may->resource},
                                      {"subresource", may->subresource},
                                      {"name", may->name}};
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "apiVersion", "authorization.k8s.io/v1");
    cJSON_AddStringToObject(body, "kind", reviews.name);
    cJSON *attributes = json_make(body, "spec.resourceAttributes");
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (members[i][1][0] != '\0')
            cJSON_AddStringToObject(attributes, members[i][0], members[i][1]);
    char *printed = json_print(body, false);
    action->result.resource = reviews;
    action->step = KUBE_STEP_CHANGE;
    action->method = "POST";
    action->request_verb = "create";
    action->body_type = "application/json";
    snprintf(action->target, sizeof(action->target), "%.40s %.200s", may->verb, may->resource);
    kube_resource_path(&action->path, &reviews, NULL, NULL, NULL);
    text_add(&action->body, printed == NULL ? "" : printed);
    cJSON_free(printed);
    cJSON_Delete(body);
}

static void take_discovery(struct kube_action *action, const struct text *body)
{
    cJSON *json = json_parse(text_str(body), body->size, NULL);
    int code = kube_discovery_find(json, action->api_version, action->result.resource.name,
                                   &action->result.resource, &action->result.error);
    cJSON_Delete(json);
    if (code < 0) {
        fail(action, KUBE_REASON_NOT_FOUND, code);
        return;
    }
    if (!action->result.resource.namespaced)
        action->result.namespace[0] = '\0';
    ask_read(action);
}

static void take_read(struct kube_action *action, const struct text *body, uint64_t now_ns)
{
    cJSON *json = json_parse(text_str(body), body->size, NULL);
    bool typed = kube_verb_rolls_out(action->verb) && action->verb != KUBE_SCALE;
    show_object(action, json);
    if (json_string(json, "metadata.name", "")[0] == '\0' ||
        (typed && action->result.object == NULL)) {
        error_set(&action->result.error, EXIT_ENVIRONMENT, -EBADMSG,
                  "%s: the answer is no object: is there something between us and the API server?",
                  action->target);
        fail(action, KUBE_REASON_MALFORMED, -EBADMSG);
    } else {
        action->existed = true;
        snprintf(action->version_before, sizeof(action->version_before), "%s",
                 json_string(json, "metadata.resourceVersion", ""));
        if (action->verb == KUBE_DRAIN) {
            action->drain->cordoned = json_bool(json, "spec.unschedulable", false);
            kube_drain_take_node(action, now_ns);
        } else if (action->verb == KUBE_ROLLOUT_UNDO) {
            ask_history(action, json);
        } else {
            prepare(action, json, NULL);
        }
    }
    cJSON_Delete(json);
}

static void take_pods(struct kube_action *action, const struct text *body, uint64_t now_ns)
{
    cJSON *json = json_parse(text_str(body), body->size, NULL);
    bool first = !action->drain->begun;
    enum kube_drain_end end = kube_drain_take_pods(action, json, now_ns);
    cJSON_Delete(json);
    go_on(action, end);
    if (first && end == KUBE_DRAIN_ON)
        halt(action);
}

static void take_node(struct kube_action *action, const struct text *body, uint64_t now_ns)
{
    cJSON *json = json_parse(text_str(body), body->size, NULL);
    show_object(action, json);
    cJSON_Delete(json);
    kube_drain_take_node(action, now_ns);
}

static void go_on(struct kube_action *action, enum kube_drain_end end)
{
    if (end == KUBE_DRAIN_REFUSED)
        fail(action, KUBE_REASON_SUCCESS, action->result.code);
    else if (end == KUBE_DRAIN_OVER)
        finish(action, KUBE_DONE_CHANGED);
}

static void ask_history(struct kube_action *action, const cJSON *read)
{
    cJSON_Delete(action->object);
    action->object = cJSON_Duplicate(read, true);
    action->step = KUBE_STEP_HISTORY;
    action->state = KUBE_ACTION_REQUEST;
    text_clear(&action->path);
    kube_resource_path(&action->path, kube_revision_resource(action->result.resource.kind),
                       action->result.namespace, NULL, NULL);
}

static void take_history(struct kube_action *action, const struct text *body)
{
    cJSON *json = json_parse(text_str(body), body->size, NULL);
    prepare(action, action->object, json);
    cJSON_Delete(json);
}

static void prepare(struct kube_action *action, const cJSON *read, const cJSON *history)
{
    switch (kube_change_prepare(action, read, history)) {
    case KUBE_CHANGE_NONE: finish(action, action->result.done); break;
    case KUBE_CHANGE_REFUSED: fail(action, KUBE_REASON_SUCCESS, action->result.code); break;
    case KUBE_CHANGE_NEEDED:
        action->step = KUBE_STEP_CHANGE;
        halt(action);
        break;
    }
}

/* Its one change is ready to be sent. */
static void halt(struct kube_action *action)
{
    action->state = action->confirm ? KUBE_ACTION_PREPARED : KUBE_ACTION_REQUEST;
    action->confirm = false; /* Once is enough, should it have to begin again. */
    if (action->body.failed || action->path.failed) {
        error_set(&action->result.error, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
        fail(action, KUBE_REASON_SUCCESS, -ENOMEM);
    }
}

static void take_change(struct kube_action *action, long http_code, const struct text *body,
                        uint64_t now_ns)
{
    if (action->verb == KUBE_DELETE || action->verb == KUBE_EVICT) {
        if (action->wait_gone && !action->dry_run)
            wait_until_gone(action, now_ns);
        else
            finish(action, KUBE_DONE_DELETED);
        return;
    }
    if (action->verb == KUBE_DRAIN) {
        go_on(action, kube_drain_begin(action, now_ns));
        return;
    }
    cJSON *json = json_parse(text_str(body), body->size, NULL);
    if (action->verb == KUBE_MAY) {
        bool allowed = json_bool(json, "status.allowed", false);
        cJSON_Delete(json);
        finish(action, allowed ? KUBE_DONE_ALLOWED : KUBE_DONE_DENIED);
        return;
    }
    const char *version = json_string(json, "metadata.resourceVersion", "");
    bool same = action->existed && strcmp(version, action->version_before) == 0;
    bool deleted = strcmp(action->method, "DELETE") == 0;
    show_object(action, json);
    action->result.version = action->dry_run ? 0 : strtoull(version, NULL, 10);
    same = same && !action->dry_run; /* A dry run gives no new version. */
    cJSON_Delete(json);
    if (deleted)
        finish(action, KUBE_DONE_DELETED);
    else if (action->verb == KUBE_APPLY && !action->existed && http_code != HTTP_CREATED)
        fail_foreign(action);
    else if (action->verb == KUBE_APPLY && !action->existed)
        finish(action, KUBE_DONE_CREATED);
    else
        finish(action, same ? KUBE_DONE_UNCHANGED : KUBE_DONE_CHANGED);
}

static void take_gone(struct kube_action *action, const struct text *body, uint64_t now_ns)
{
    cJSON *json = json_parse(text_str(body), body->size, NULL);
    bool other = strcmp(json_string(json, "metadata.uid", ""), action->result.uid) != 0;
    say_held(action, json);
    cJSON_Delete(json);
    if (other)
        finish(action, KUBE_DONE_DELETED);
    else
        wait_until_gone(action, now_ns);
}

/* The error, should the owner end the waiting. */
static void say_held(struct kube_action *action, const cJSON *json)
{
    const char *node = json_string(json, "spec.nodeName", "");
    const cJSON *finalizers = json_at(json, "metadata.finalizers"), *item;
    struct text held = {0};
    cJSON_ArrayForEach(item, finalizers)
    {
        if (cJSON_IsString(item))
            text_addf(&held, "%s%s", held.size > 0 ? ", " : "; its finalizers must be dealt with: ",
                      item->valuestring);
    }
    if (node[0] != '\0')
        text_addf(&held, "; the kubelet of node %s has to end it", node);
    action->result.error = (struct error){0};
    error_set(&action->result.error, EXIT_ENVIRONMENT, -ETIMEDOUT, "%s is %s, and still there%s",
              action->target,
              json_at(json, "metadata.deletionTimestamp") == NULL ? "not marked for deletion"
                                                                  : "terminating",
              text_str(&held));
    text_free(&held);
}

static void wait_until_gone(struct kube_action *action, uint64_t now_ns)
{
    ask_read(action);
    action->step = KUBE_STEP_GONE;
    action->state = KUBE_ACTION_PAUSE;
    action->due_ns = now_ns + GONE_PAUSE_NS;
}

static bool is_undo(const struct kube_action *action)
{
    return action->verb == KUBE_PATCH && action->object == NULL;
}

/* True when it was dealt with: what is not there need not be deleted, and may be created. */
static bool absent_is_fine(struct kube_action *action, enum kube_reason reason, uint64_t now_ns)
{
    bool removes = action->verb == KUBE_DELETE || action->verb == KUBE_EVICT;
    if (reason == KUBE_REASON_CONFLICT && action->verb == KUBE_DELETE) {
        finish(action, KUBE_DONE_ABSENT); /* The uid that was wanted is gone. */
        return true;
    }
    if (reason != KUBE_REASON_NOT_FOUND)
        return false;
    if (action->step == KUBE_STEP_GONE || (removes && action->step == KUBE_STEP_CHANGE))
        finish(action, KUBE_DONE_DELETED);
    else if (action->step == KUBE_STEP_READ && (removes || action->verb == KUBE_APPLY)) {
        action->existed = false;
        prepare(action, NULL, NULL);
    } else if (action->step == KUBE_STEP_NODE) {
        kube_object_drop(action->result.object);
        action->result.object = NULL;
        kube_drain_take_node(action, now_ns);
    } else if (is_undo(action))
        finish(action, KUBE_DONE_ABSENT);
    else
        return false;
    return true;
}

/* It may be asked for again, whatever became of it: it only reads, or says how things were. */
static bool is_harmless(const struct kube_action *action)
{
    return is_undo(action) || action->step == KUBE_STEP_READ ||
           action->step == KUBE_STEP_DISCOVER || action->step == KUBE_STEP_HISTORY;
}

static bool try_again(struct kube_action *action, enum kube_reason reason, unsigned retry_after_s,
                      uint64_t now_ns)
{
    unsigned pause_s = retry_after_s > 0 ? retry_after_s : 1;
    bool conflict = reason == KUBE_REASON_CONFLICT && action->step == KUBE_STEP_CHANGE;
    bool waits =
        action->step == KUBE_STEP_GONE || (action->verb == KUBE_DRAIN && action->drain->begun);
    if (reason == KUBE_REASON_BUDGET && !action->dry_run) {
        /* As often as it takes: the owner has the deadline. */
        pause_for(action, retry_after_s > 0 ? retry_after_s : BUDGET_PAUSE_S, now_ns);
        return true;
    }
    if (waits && kube_reason_transient(reason)) { /* Likewise. */
        pause_for(action, pause_s, now_ns);
        return true;
    }
    if (action->tries >= TRIES_MAX)
        return false;
    action->tries++;
    if (reason == KUBE_REASON_THROTTLED)
        pause_for(action, pause_s, now_ns);
    else if (is_harmless(action) && kube_reason_transient(reason))
        pause_for(action, action->tries, now_ns);
    else if (conflict && !is_undo(action))
        ask_read(action); /* Somebody was faster: see what there is now. */
    else
        return false;
    return true;
}

static void pause_for(struct kube_action *action, unsigned seconds, uint64_t now_ns)
{
    action->state = KUBE_ACTION_PAUSE;
    action->due_ns = now_ns + (uint64_t)seconds * NS_PER_S;
}

/* Keep the object as it is now, when it is of a kind that can be kept. */
static void show_object(struct kube_action *action, const cJSON *json)
{
    struct kube_result *result = &action->result;
    const char *uid = json_string(json, "metadata.uid", "");
    bool itself =
        action->subresource[0] == '\0' && strcmp(json_string(json, "kind", ""), "Status") != 0;
    if (uid[0] != '\0' && strlen(uid) < sizeof(result->uid))
        strcpy(result->uid, uid);
    if (!itself || result->resource.kind == KUBE_OTHER)
        return;
    struct kube_object *object = kube_object_read(result->resource.kind, json, NULL);
    if (object == NULL)
        return;
    kube_object_drop(result->object);
    result->object = object;
}

/* Somebody else made it after it was read: the way back that was told would delete theirs. */
static void fail_foreign(struct kube_action *action)
{
    action->result.error.text[0] = '\0'; /* That it was not there. */
    error_set(&action->result.error, EXIT_ENVIRONMENT, -EEXIST,
              "%s: somebody else made it just before it was applied: it is theirs, with what the "
              "manifest says applied to it",
              action->target);
    fail(action, KUBE_REASON_EXISTS, -EEXIST);
}

static void finish(struct kube_action *action, enum kube_done done)
{
    action->result.done = done;
    action->result.error = (struct error){0};
    action->state = KUBE_ACTION_OVER;
}

static void fail(struct kube_action *action, enum kube_reason reason, int code)
{
    action->result.done = KUBE_DONE_FAILED;
    action->result.reason = reason;
    action->result.code = code;
    action->state = KUBE_ACTION_OVER;
}
