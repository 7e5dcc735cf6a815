#include "kube/change.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "kube/inverse.h"
#include "kube/proxy_config.h"
#include "kube/revision.h"
#include "kube/rollout.h"

#define FIELD_MANAGER "seamline"

static enum kube_change prepare_apply(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_delete(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_set_image(struct kube_action *action);
static enum kube_change prepare_set_env(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_move(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_scale(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_restart(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_rollback(struct kube_action *action, const cJSON *read,
                                         const cJSON *history);
static enum kube_change prepare_proxy(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_cordon(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_evict(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_patch(struct kube_action *action, const cJSON *read);
static const struct kube_container *choose_container(struct kube_action *action);
static bool rollout_is_over(struct kube_action *action);
static enum kube_change refuse(struct kube_action *action, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void ask(struct kube_action *action, const char *method, const char *verb,
                const char *subresource, const char *body_type, cJSON *body);
static void remember_undo(struct kube_action *action, const char *method, const char *verb,
                          const char *subresource, const char *content_type, cJSON *body);
static void put_uid(cJSON *body, const char *uid);
static void object_path(const struct kube_action *action, const char *subresource,
                        struct text *path);
static cJSON *container_patch(const char *container, const char *member, cJSON *value);
static cJSON *node_patch(const char *node);
static const cJSON *environment_of(const cJSON *read, const char *container);
static const cJSON *variable_of(const cJSON *environment, const char *name);
static cJSON *variable(const char *name, const char *value);
static cJSON *variable_back(const char *name, const cJSON *old);
static cJSON *single(const char *name, cJSON *value);
static cJSON *delete_options(const struct kube_action *action);

enum kube_change kube_change_prepare(struct kube_action *action, const cJSON *read,
                                     const cJSON *history)
{
    switch (action->verb) {
    case KUBE_APPLY: return prepare_apply(action, read);
    case KUBE_DELETE: return prepare_delete(action, read);
    case KUBE_SET_IMAGE: return prepare_set_image(action);
    case KUBE_SET_ENV: return prepare_set_env(action, read);
    case KUBE_MOVE: return prepare_move(action, read);
    case KUBE_SCALE: return prepare_scale(action, read);
    case KUBE_RESTART: return prepare_restart(action, read);
    case KUBE_ROLLOUT_UNDO: return prepare_rollback(action, read, history);
    case KUBE_SET_PROXY: return prepare_proxy(action, read);
    case KUBE_CORDON:
    case KUBE_UNCORDON: return prepare_cordon(action, read);
    case KUBE_EVICT: return prepare_evict(action, read);
    case KUBE_PATCH: return prepare_patch(action, read);
    case KUBE_DRAIN: /* See kube/drain.h. */
    case KUBE_MAY:   /* Reads nothing. */
    case KUBE_GET:
    case KUBE_VERB_COUNT: break;
    }
    action->result.done = KUBE_DONE_GOT;
    return KUBE_CHANGE_NONE;
}

void kube_change_cordon(struct kube_action *action, bool is)
{
    ask(action, "PATCH", "patch", "", KUBE_PATCH_STRATEGIC,
        single("spec", single("unschedulable", cJSON_CreateTrue())));
    if (!is)
        remember_undo(action, "PATCH", "patch", "", KUBE_PATCH_STRATEGIC,
                      single("spec", single("unschedulable", cJSON_CreateNull())));
}

cJSON *kube_change_eviction(const struct kube_action *action, const char *namespace,
                            const char *name, const char *uid)
{
    cJSON *body = cJSON_CreateObject();
    cJSON *options = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "apiVersion", action->eviction_version);
    cJSON_AddStringToObject(body, "kind", "Eviction");
    cJSON *meta = cJSON_AddObjectToObject(body, "metadata");
    cJSON_AddStringToObject(meta, "name", name);
    cJSON_AddStringToObject(meta, "namespace", namespace);
    if (action->grace_s >= 0)
        json_add_integer(options, "gracePeriodSeconds", action->grace_s);
    if (uid[0] != '\0')
        cJSON_AddItemToObject(options, "preconditions", single("uid", cJSON_CreateString(uid)));
    if (cJSON_GetArraySize(options) > 0)
        cJSON_AddItemToObject(body, "deleteOptions", options);
    else
        cJSON_Delete(options);
    return body;
}

static enum kube_change prepare_apply(struct kube_action *action, const cJSON *read)
{
    ask(action, "PATCH", "patch", "", KUBE_PATCH_APPLY, cJSON_Duplicate(action->object, true));
    if (action->force)
        kube_resource_query(&action->path, "force", "true");
    if (read == NULL) {
        remember_undo(action, "DELETE", "delete", "", "application/json", delete_options(action));
        text_addf(&action->about, "create %s", action->target);
        return KUBE_CHANGE_NEEDED;
    }
    cJSON *inverse = kube_inverse_merge(read, action->object);
    if (inverse == NULL || !kube_inverse_released(inverse, read, action->object, FIELD_MANAGER)) {
        cJSON_Delete(inverse);
        return refuse(action, -ENOMEM, "out of memory");
    }
    cJSON_DeleteItemFromObjectCaseSensitive(inverse, "apiVersion");
    cJSON_DeleteItemFromObjectCaseSensitive(inverse, "kind");
    cJSON_DeleteItemFromObjectCaseSensitive(inverse, "status"); /* The controllers' own. */
    remember_undo(action, "PATCH", "patch", "", KUBE_PATCH_MERGE, inverse);
    text_addf(&action->about, "change %s to what the manifest says", action->target);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_delete(struct kube_action *action, const cJSON *read)
{
    const char *uid = json_string(read, "metadata.uid", "");
    bool other = action->wanted_uid[0] != '\0' && strcmp(action->wanted_uid, uid) != 0;
    if (read == NULL || other) {
        action->result.done = KUBE_DONE_ABSENT;
        return KUBE_CHANGE_NONE;
    }
    ask(action, "DELETE", "delete", "", "application/json", delete_options(action));
    text_addf(&action->about, "delete %s", action->target);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_set_image(struct kube_action *action)
{
    const struct kube_container *container = choose_container(action);
    if (container == NULL)
        return KUBE_CHANGE_REFUSED;
    snprintf(action->result.previous, sizeof(action->result.previous), "%s", container->image);
    if (strcmp(container->image, action->image) == 0) {
        action->result.done = KUBE_DONE_UNCHANGED;
        return KUBE_CHANGE_NONE;
    }
    if (!rollout_is_over(action))
        return KUBE_CHANGE_REFUSED;
    ask(action, "PATCH", "patch", "", KUBE_PATCH_STRATEGIC,
        container_patch(container->name, "image", cJSON_CreateString(action->image)));
    remember_undo(action, "PATCH", "patch", "", KUBE_PATCH_STRATEGIC,
                  container_patch(container->name, "image", cJSON_CreateString(container->image)));
    text_addf(&action->about, "set image of %s, container %s: %s -> %s", action->target,
              container->name, container->image, action->image);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_set_env(struct kube_action *action, const cJSON *read)
{
    const struct kube_container *container = choose_container(action);
    const cJSON *item;
    if (container == NULL)
        return KUBE_CHANGE_REFUSED;
    const cJSON *present = environment_of(read, container->name);
    cJSON *wanted = cJSON_CreateArray(), *back = cJSON_CreateArray();
    text_addf(&action->about, "set environment of %s, container %s:", action->target,
              container->name);
    cJSON_ArrayForEach(item, action->object)
    {
        const cJSON *old = variable_of(present, item->string);
        bool plain = old != NULL && json_member(old, "valueFrom") == NULL;
        const char *value = plain ? json_string(old, "value", "") : NULL;
        if (cJSON_IsNull(item) ? old == NULL
                               : plain && strcmp(value, cJSON_GetStringValue(item)) == 0)
            continue; /* It is like that already. */
        cJSON_AddItemToArray(wanted, variable(item->string, cJSON_GetStringValue(item)));
        cJSON_AddItemToArray(back, variable_back(item->string, old));
        text_addf(&action->about, " %s: %s -> %s", item->string,
                  old == NULL ? "none"
                  : plain     ? value
                              : "from elsewhere",
                  cJSON_IsNull(item) ? "none" : cJSON_GetStringValue(item));
    }
    bool none = cJSON_GetArraySize(wanted) == 0;
    cJSON *patch = container_patch(container->name, "env", wanted);
    cJSON *undo = container_patch(container->name, "env", back);
    if (none || !rollout_is_over(action)) {
        cJSON_Delete(patch);
        cJSON_Delete(undo);
        action->result.done = none ? KUBE_DONE_UNCHANGED : action->result.done;
        return none ? KUBE_CHANGE_NONE : KUBE_CHANGE_REFUSED;
    }
    ask(action, "PATCH", "patch", "", KUBE_PATCH_STRATEGIC, patch);
    remember_undo(action, "PATCH", "patch", "", KUBE_PATCH_STRATEGIC, undo);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_move(struct kube_action *action, const cJSON *read)
{
    const char *present = json_string(read, "spec.template.spec.nodeName", "");
    snprintf(action->result.previous, sizeof(action->result.previous), "%s", present);
    if (strcmp(present, action->node) == 0) {
        action->result.done = KUBE_DONE_UNCHANGED;
        return KUBE_CHANGE_NONE;
    }
    if (!rollout_is_over(action))
        return KUBE_CHANGE_REFUSED;
    ask(action, "PATCH", "patch", "", KUBE_PATCH_STRATEGIC, node_patch(action->node));
    remember_undo(action, "PATCH", "patch", "", KUBE_PATCH_STRATEGIC, node_patch(present));
    text_addf(&action->about, "move %s: node %s -> %s", action->target,
              present[0] == '\0' ? "by the scheduler" : present,
              action->node[0] == '\0' ? "by the scheduler" : action->node);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_scale(struct kube_action *action, const cJSON *read)
{
    int64_t present = json_integer(read, "spec.replicas", 0);
    snprintf(action->result.previous, sizeof(action->result.previous), "%" PRId64, present);
    if (present == action->replicas) {
        action->result.done = KUBE_DONE_UNCHANGED;
        return KUBE_CHANGE_NONE;
    }
    ask(action, "PATCH", "patch", "scale", KUBE_PATCH_MERGE,
        single("spec", single("replicas", json_new_integer(action->replicas))));
    remember_undo(action, "PATCH", "patch", "scale", KUBE_PATCH_MERGE,
                  single("spec", single("replicas", json_new_integer(present))));
    text_addf(&action->about, "scale %s: %" PRId64 " -> %" PRId64, action->target, present,
              action->replicas);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_restart(struct kube_action *action, const cJSON *read)
{
    static const char key[] = "kubectl.kubernetes.io/restartedAt";
    char now[36];
    if (!rollout_is_over(action))
        return KUBE_CHANGE_REFUSED;
    /* A template that changes is all that a restart is. The fraction makes two within a second
     * differ. */
    json_format_time(action->utc_ns, 6, now);
    cJSON *annotations = single(key, cJSON_CreateString(now));
    cJSON *patch =
        single("spec", single("template", single("metadata", single("annotations", annotations))));
    remember_undo(action, "PATCH", "patch", "", KUBE_PATCH_MERGE, kube_inverse_merge(read, patch));
    ask(action, "PATCH", "patch", "", KUBE_PATCH_STRATEGIC, patch);
    text_addf(&action->about, "restart all pods of %s", action->target);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_rollback(struct kube_action *action, const cJSON *read,
                                         const cJSON *history)
{
    struct error err = {0};
    int64_t number = 0;
    const cJSON *present = json_at(read, "spec.template");
    if (action->result.object->workload.paused)
        return refuse(action, -EBUSY,
                      "is paused, so no rollout would follow: `kubectl rollout resume` it first");
    cJSON *template =
        kube_revision_template(history, action->result.uid, action->revision, &number, &err);
    if (template == NULL)
        return refuse(action, -ENOENT, "%s", err.text);
    if (cJSON_Compare(template, present, true)) {
        cJSON_Delete(template);
        action->result.done = KUBE_DONE_UNCHANGED;
        return KUBE_CHANGE_NONE;
    }
    cJSON *operations = cJSON_CreateArray(), *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "op", "replace");
    cJSON_AddStringToObject(one, "path", "/spec/template");
    cJSON_AddItemToObject(one, "value", template);
    cJSON_AddItemToArray(operations, one);
    remember_undo(action, "PATCH", "patch", "", KUBE_PATCH_MERGE,
                  kube_inverse_operations(read, operations));
    ask(action, "PATCH", "patch", "", KUBE_PATCH_JSON, operations);
    text_addf(&action->about, "undo the rollout of %s: back to revision %" PRId64, action->target,
              number);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_proxy(struct kube_action *action, const cJSON *read)
{
    struct kube_proxy_config change = {.mode = action->proxy_mode,
                                       .scheduler = action->proxy_scheduler};
    struct error err = {0};
    int code = kube_proxy_config_change(
        cJSON_GetStringValue(json_member(json_member(read, "data"), KUBE_PROXY_CONFIG_KEY)),
        &change, &err);
    if (code < 0)
        return refuse(action, code, "%s", err.text);
    snprintf(action->result.previous, sizeof(action->result.previous), "%s", change.before);
    if (change.text == NULL) {
        action->result.done = KUBE_DONE_UNCHANGED;
        return KUBE_CHANGE_NONE;
    }
    cJSON *patch = single("data", single(KUBE_PROXY_CONFIG_KEY, cJSON_CreateString(change.text)));
    remember_undo(action, "PATCH", "patch", "", KUBE_PATCH_MERGE, kube_inverse_merge(read, patch));
    ask(action, "PATCH", "patch", "", KUBE_PATCH_MERGE, patch);
    text_addf(&action->about, "set how kube-proxy balances, in %s: %s -> %s", action->target,
              change.before, change.after);
    kube_proxy_config_free(&change);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_cordon(struct kube_action *action, const cJSON *read)
{
    bool is = json_bool(read, "spec.unschedulable", false);
    bool wanted = action->verb == KUBE_CORDON;
    if (is == wanted) {
        action->result.done = KUBE_DONE_UNCHANGED;
        return KUBE_CHANGE_NONE;
    }
    ask(action, "PATCH", "patch", "", KUBE_PATCH_STRATEGIC,
        single("spec", single("unschedulable", wanted ? cJSON_CreateTrue() : cJSON_CreateNull())));
    remember_undo(
        action, "PATCH", "patch", "", KUBE_PATCH_STRATEGIC,
        single("spec", single("unschedulable", is ? cJSON_CreateTrue() : cJSON_CreateNull())));
    text_addf(&action->about, "%s %s", kube_verb_text(action->verb), action->target);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_evict(struct kube_action *action, const cJSON *read)
{
    if (action->eviction_version[0] == '\0')
        return refuse(action, -EOPNOTSUPP, "this server serves no pods/eviction");
    if (read == NULL) {
        action->result.done = KUBE_DONE_ABSENT;
        return KUBE_CHANGE_NONE;
    }
    cJSON *body = kube_change_eviction(action, action->result.namespace, action->result.name, "");
    ask(action, "POST", "create", "eviction", "application/json", body);
    text_addf(&action->about, "evict %s", action->target);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_patch(struct kube_action *action, const cJSON *read)
{
    bool operations = strcmp(action->content_type, KUBE_PATCH_JSON) == 0;
    cJSON *inverse = operations ? kube_inverse_operations(read, action->object)
                                : kube_inverse_merge(read, action->object);
    if (inverse == NULL)
        return refuse(action, -EINVAL,
                      "the patch could not be taken back: it copies or moves something over an "
                      "object; replace that one");
    ask(action, "PATCH", "patch", "", action->content_type, cJSON_Duplicate(action->object, true));
    remember_undo(action, "PATCH", "patch", "", KUBE_PATCH_MERGE, inverse);
    text_addf(&action->about, "patch %s", action->target);
    return KUBE_CHANGE_NEEDED;
}

static const struct kube_container *choose_container(struct kube_action *action)
{
    const struct kube_containers *containers = &action->result.object->workload.containers;
    struct text names = {0};
    const struct kube_container *found = NULL;
    if (action->container[0] == '\0' && containers->count == 1)
        found = &containers->each[0];
    for (unsigned i = 0; i < containers->count && found == NULL; i++) {
        if (strcmp(containers->each[i].name, action->container) == 0)
            found = &containers->each[i];
        text_addf(&names, "%s%s", i > 0 ? ", " : "", containers->each[i].name);
    }
    if (found == NULL && action->container[0] == '\0')
        refuse(action, -EINVAL, "has several containers, name one of: %s", text_str(&names));
    else if (found == NULL)
        refuse(action, -ENOENT, "has no container \"%s\"; there are: %s", action->container,
               text_str(&names));
    text_free(&names);
    return found;
}

static bool rollout_is_over(struct kube_action *action)
{
    struct kube_rollout rollout;
    kube_rollout_status(action->result.object, &rollout);
    if (rollout.state == KUBE_ROLLOUT_COMPLETE && action->result.object->workload.paused)
        rollout.state = KUBE_ROLLOUT_PAUSED;
    if (rollout.state == KUBE_ROLLOUT_COMPLETE || action->even_rolling)
        return true;
    if (rollout.state == KUBE_ROLLOUT_PAUSED)
        refuse(action, -EBUSY,
               "is paused, so no rollout would follow: `kubectl rollout resume` it first");
    else if (rollout.state == KUBE_ROLLOUT_FAILED)
        refuse(action, -EBUSY, "has a rollout that failed (%s): undo or mend it first",
               rollout.text);
    else
        refuse(action, -EBUSY,
               "is in the middle of a rollout that is not ours (%s): wait for its end, or what is "
               "measured would be both",
               rollout.text);
    return false;
}

static enum kube_change refuse(struct kube_action *action, int code, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    action->result.code = code;
    error_set(&action->result.error, code == -EBUSY ? EXIT_ENVIRONMENT : EXIT_USAGE, code,
              "%s%s%s: %s", action->target,
              action->result.namespace[0] == '\0' ? "" : " in namespace ", action->result.namespace,
              text);
    return KUBE_CHANGE_REFUSED;
}

/* Takes BODY. */
static void ask(struct kube_action *action, const char *method, const char *verb,
                const char *subresource, const char *body_type, cJSON *body)
{
    char *printed = body == NULL ? NULL : json_print(body, false);
    action->method = method;
    action->request_verb = verb;
    action->subresource = subresource;
    action->body_type = body_type;
    text_clear(&action->path);
    text_clear(&action->body);
    object_path(action, subresource, &action->path);
    if (strcmp(method, "DELETE") != 0)
        kube_resource_query(&action->path, "fieldManager", FIELD_MANAGER);
    if (action->dry_run && strcmp(method, "DELETE") != 0)
        kube_resource_query(&action->path, "dryRun", "All");
    if (printed == NULL)
        action->body.failed = true;
    else
        text_add(&action->body, printed);
    cJSON_free(printed);
    cJSON_Delete(body);
}

/* A request that can be made as it stands. Takes BODY. A patch names the object's uid, which cannot
 * be changed: so it fails on another object that has the name by then. Servers do not compare that
 * of a Scale. */
static void remember_undo(struct kube_action *action, const char *method, const char *verb,
                          const char *subresource, const char *content_type, cJSON *body)
{
    struct text path = {0};
    text_clear(&action->undo);
    if (action->dry_run) {
        cJSON_Delete(body);
        return;
    }
    cJSON *undo = cJSON_CreateObject();
    if (strcmp(method, "PATCH") == 0 && subresource[0] == '\0' && action->result.uid[0] != '\0')
        put_uid(body, action->result.uid);
    object_path(action, subresource, &path);
    cJSON_AddStringToObject(undo, "method", method);
    cJSON_AddStringToObject(undo, "path", text_str(&path));
    cJSON_AddStringToObject(undo, "contentType", content_type);
    cJSON_AddStringToObject(undo, "verb", verb);
    cJSON_AddStringToObject(undo, "group", action->result.resource.group);
    cJSON_AddStringToObject(undo, "resource", action->result.resource.plural);
    cJSON_AddStringToObject(undo, "subresource", subresource);
    cJSON_AddStringToObject(undo, "namespace", action->result.namespace);
    cJSON_AddStringToObject(undo, "name", action->result.name);
    if (body != NULL)
        cJSON_AddItemToObject(undo, "body", body);
    char *printed = body == NULL ? NULL : json_print(undo, false);
    text_add(&action->undo, printed == NULL ? "" : printed);
    cJSON_free(printed);
    cJSON_Delete(undo);
    text_free(&path);
}

/* And no version, which the object has no more once it is changed. */
static void put_uid(cJSON *body, const char *uid)
{
    cJSON *metadata = json_make(body, "metadata");
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "resourceVersion");
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "uid");
    cJSON_AddStringToObject(metadata, "uid", uid);
}

static void object_path(const struct kube_action *action, const char *subresource,
                        struct text *path)
{
    kube_resource_path(path, &action->result.resource, action->result.namespace,
                       action->result.name, subresource);
}

/* Of a template, in which containers are told apart by their names. Takes VALUE. */
static cJSON *container_patch(const char *container, const char *member, cJSON *value)
{
    cJSON *containers = cJSON_CreateArray();
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "name", container);
    cJSON_AddItemToObject(one, member, value);
    cJSON_AddItemToArray(containers, one);
    return single("spec", single("template", single("spec", single("containers", containers))));
}

/* "": by the scheduler. */
static cJSON *node_patch(const char *node)
{
    cJSON *value = node[0] == '\0' ? cJSON_CreateNull() : cJSON_CreateString(node);
    return single("spec", single("template", single("spec", single("nodeName", value))));
}

static const cJSON *environment_of(const cJSON *read, const char *container)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_at(read, "spec.template.spec.containers"))
    {
        if (strcmp(json_string(item, "name", ""), container) == 0)
            return json_member(item, "env");
    }
    return NULL;
}

static const cJSON *variable_of(const cJSON *environment, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, environment)
    {
        if (strcmp(json_string(item, "name", ""), name) == 0)
            return item;
    }
    return NULL;
}

/* As an element of a strategic patch; VALUE NULL takes it away. */
static cJSON *variable(const char *name, const char *value)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "name", name);
    if (value == NULL) {
        cJSON_AddStringToObject(one, "$patch", "delete");
    } else {
        cJSON_AddStringToObject(one, "value", value);
        cJSON_AddNullToObject(one, "valueFrom"); /* There may be but one of the two. */
    }
    return one;
}

static cJSON *variable_back(const char *name, const cJSON *old)
{
    if (old == NULL)
        return variable(name, NULL);
    if (json_member(old, "valueFrom") == NULL)
        return variable(name, json_string(old, "value", ""));
    cJSON *one = cJSON_Duplicate(old, true);
    cJSON_DeleteItemFromObjectCaseSensitive(one, "value");
    cJSON_AddNullToObject(one, "value");
    return one;
}

static cJSON *single(const char *name, cJSON *value)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, name, value);
    return object;
}

static cJSON *delete_options(const struct kube_action *action)
{
    cJSON *options = cJSON_CreateObject();
    cJSON_AddStringToObject(options, "apiVersion", "v1");
    cJSON_AddStringToObject(options, "kind", "DeleteOptions");
    cJSON_AddStringToObject(options, "propagationPolicy", "Background");
    if (action->grace_s >= 0)
        json_add_integer(options, "gracePeriodSeconds", action->grace_s);
    /* Of a DELETE with a body, servers do not read the query. */
    if (action->dry_run)
        cJSON_AddItemToArray(cJSON_AddArrayToObject(options, "dryRun"), cJSON_CreateString("All"));
    if (action->wanted_uid[0] != '\0')
        cJSON_AddItemToObject(options, "preconditions",
                              single("uid", cJSON_CreateString(action->wanted_uid)));
    return options;
}
