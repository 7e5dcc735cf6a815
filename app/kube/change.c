#include "kube/change.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "kube/rollout.h"

#define STRATEGIC "application/strategic-merge-patch+json"
#define MERGE "application/merge-patch+json"

static enum kube_change prepare_apply(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_delete(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_set_image(struct kube_action *action);
static enum kube_change prepare_scale(struct kube_action *action, const cJSON *read);
static enum kube_change prepare_restart(struct kube_action *action, const cJSON *read);
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
static cJSON *image_patch(const char *container, const char *image);
static cJSON *single(const char *name, cJSON *value);
static cJSON *delete_options(const struct kube_action *action);

enum kube_change kube_change_prepare(struct kube_action *action, const cJSON *read)
{
    switch (action->verb) {
    case KUBE_APPLY: return prepare_apply(action, read);
    case KUBE_DELETE: return prepare_delete(action, read);
    case KUBE_SET_IMAGE: return prepare_set_image(action);
    case KUBE_SCALE: return prepare_scale(action, read);
    case KUBE_RESTART: return prepare_restart(action, read);
    case KUBE_CORDON:
    case KUBE_UNCORDON: return prepare_cordon(action, read);
    case KUBE_EVICT: return prepare_evict(action, read);
    case KUBE_PATCH: return prepare_patch(action, read);
    case KUBE_GET:
    case KUBE_VERB_COUNT: break;
    }
    action->result.done = KUBE_DONE_GOT;
    return KUBE_CHANGE_NONE;
}

cJSON *kube_change_inverse(const cJSON *before, const cJSON *patch)
{
    const cJSON *item;
    cJSON *inverse = cJSON_CreateObject();
    cJSON_ArrayForEach(item, patch)
    {
        const cJSON *old = json_member(before, item->string);
        cJSON *value = NULL;
        if (old == NULL)
            value = cJSON_CreateNull();
        else if (cJSON_IsObject(old) && cJSON_IsObject(item))
            value = kube_change_inverse(old, item);
        else
            value = cJSON_Duplicate(old, true);
        if (inverse == NULL || value == NULL) {
            cJSON_Delete(value);
            cJSON_Delete(inverse);
            return NULL;
        }
        cJSON_AddItemToObject(inverse, item->string, value);
    }
    return inverse;
}

static enum kube_change prepare_apply(struct kube_action *action, const cJSON *read)
{
    cJSON *body = cJSON_Duplicate(action->object, true);
    if (read == NULL) {
        ask(action, "POST", "create", "", "application/json", body);
        remember_undo(action, "DELETE", "delete", "", "application/json", delete_options(action));
        text_addf(&action->about, "create %s", action->target);
        return KUBE_CHANGE_NEEDED;
    }
    cJSON *inverse = kube_change_inverse(read, action->object);
    cJSON_DeleteItemFromObjectCaseSensitive(inverse, "apiVersion");
    cJSON_DeleteItemFromObjectCaseSensitive(inverse, "kind");
    cJSON_DeleteItemFromObjectCaseSensitive(inverse, "status"); /* The controllers' own. */
    ask(action, "PATCH", "patch", "", action->merge_instead ? MERGE : STRATEGIC, body);
    remember_undo(action, "PATCH", "patch", "", MERGE, inverse);
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
    ask(action, "PATCH", "patch", "", STRATEGIC, image_patch(container->name, action->image));
    remember_undo(action, "PATCH", "patch", "", STRATEGIC,
                  image_patch(container->name, container->image));
    text_addf(&action->about, "set image of %s, container %s: %s -> %s", action->target,
              container->name, container->image, action->image);
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
    ask(action, "PATCH", "patch", "scale", MERGE,
        single("spec", single("replicas", json_new_integer(action->replicas))));
    remember_undo(action, "PATCH", "patch", "scale", MERGE,
                  single("spec", single("replicas", json_new_integer(present))));
    text_addf(&action->about, "scale %s: %" PRId64 " -> %" PRId64, action->target, present,
              action->replicas);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_restart(struct kube_action *action, const cJSON *read)
{
    static const char key[] = "seamline/restarted-at-version";
    if (!rollout_is_over(action))
        return KUBE_CHANGE_REFUSED;
    /* The version is new at each restart; a template that changes is all that a restart is. */
    cJSON *annotations = single(key, cJSON_CreateString(action->version_before));
    cJSON *patch =
        single("spec", single("template", single("metadata", single("annotations", annotations))));
    remember_undo(action, "PATCH", "patch", "", MERGE, kube_change_inverse(read, patch));
    ask(action, "PATCH", "patch", "", STRATEGIC, patch);
    text_addf(&action->about, "restart all pods of %s", action->target);
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
    ask(action, "PATCH", "patch", "", STRATEGIC,
        single("spec", single("unschedulable", wanted ? cJSON_CreateTrue() : cJSON_CreateNull())));
    remember_undo(
        action, "PATCH", "patch", "", STRATEGIC,
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
    cJSON *body = cJSON_CreateObject();
    cJSON *meta = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "apiVersion", action->eviction_version);
    cJSON_AddStringToObject(body, "kind", "Eviction");
    cJSON_AddStringToObject(meta, "name", action->result.name);
    cJSON_AddStringToObject(meta, "namespace", action->result.namespace);
    cJSON_AddItemToObject(body, "metadata", meta);
    if (action->grace_s >= 0) {
        cJSON *options = cJSON_CreateObject();
        json_add_integer(options, "gracePeriodSeconds", action->grace_s);
        cJSON_AddItemToObject(body, "deleteOptions", options);
    }
    ask(action, "POST", "create", "eviction", "application/json", body);
    text_addf(&action->about, "evict %s", action->target);
    return KUBE_CHANGE_NEEDED;
}

static enum kube_change prepare_patch(struct kube_action *action, const cJSON *read)
{
    ask(action, "PATCH", "patch", "", action->content_type, cJSON_Duplicate(action->object, true));
    remember_undo(action, "PATCH", "patch", "", MERGE, kube_change_inverse(read, action->object));
    text_addf(&action->about, "patch %s", action->target);
    return KUBE_CHANGE_NEEDED;
}

static const struct kube_container *choose_container(struct kube_action *action)
{
    const struct kube_containers *containers = &action->result.object->deployment.containers;
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
    if (rollout.state == KUBE_ROLLOUT_COMPLETE && action->result.object->deployment.paused)
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
    if (strcmp(verb, "create") == 0 && subresource[0] == '\0')
        kube_resource_path(&action->path, &action->result.resource, action->result.namespace, NULL,
                           NULL);
    else
        object_path(action, subresource, &action->path);
    if (strcmp(method, "DELETE") != 0)
        kube_resource_query(&action->path, "fieldManager", "seamline");
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
    text_clear(&action->undo);
    text_add(&action->undo, printed == NULL ? "" : printed);
    cJSON_free(printed);
    cJSON_Delete(undo);
    text_free(&path);
}

static void put_uid(cJSON *body, const char *uid)
{
    cJSON *metadata = json_make(body, "metadata");
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "uid");
    cJSON_AddStringToObject(metadata, "uid", uid);
}

static void object_path(const struct kube_action *action, const char *subresource,
                        struct text *path)
{
    kube_resource_path(path, &action->result.resource, action->result.namespace,
                       action->result.name, subresource);
}

static cJSON *image_patch(const char *container, const char *image)
{
    cJSON *containers = cJSON_CreateArray();
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "name", container);
    cJSON_AddStringToObject(one, "image", image);
    cJSON_AddItemToArray(containers, one);
    return single("spec", single("template", single("spec", single("containers", containers))));
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
    if (action->wanted_uid[0] != '\0')
        cJSON_AddItemToObject(options, "preconditions",
                              single("uid", cJSON_CreateString(action->wanted_uid)));
    return options;
}
