#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_body.h"
#include "lab/api_call_priv.h"
#include "lab/api_default.h"
#include "lab/api_json_patch.h"
#include "lab/api_managed.h"
#include "lab/api_patch.h"
#include "lab/api_protobuf.h"
#include "lab/api_status.h"
#include "lab/api_validate.h"
#include "lab/object.h"

static bool is_media_type(const char *given, const char *type);
static bool check_identity(struct api_call *call, const cJSON *object);
static bool check_namespace(struct api_call *call);
static void strip_for_create(const struct api_call *call, cJSON *object);
static void keep_from_old(const struct api_call *call, cJSON *object, const cJSON *old);
static bool admit(struct api_call *call, cJSON *object, const cJSON *old);
static struct api_manager manager_of(const struct api_call *call);
static void own_fields(const struct api_call *call, cJSON *object, const cJSON *old);
static void apply(struct api_call *call);

static const char apply_type[] = "application/apply-patch+yaml";

/* Only for messages. */
static const struct api_resource patch_options = {
    .group = "meta.k8s.io",
    .kind_name = "PatchOptions",
};

/* A body of another type than JSON or protobuf is refused. False: it was. */
static bool body_is_known(struct api_call *call)
{
    const char *type = call->request->content_type;
    if (type == NULL || type[0] == '\0' || is_media_type(type, "application/json") ||
        api_protobuf_is(type))
        return true;
    api_call_fail(call, api_status_failure(415, "UnsupportedMediaType",
                                           "the body of the request was in an unknown format - "
                                           "accepted media types include: application/json"));
    return false;
}

/* Answer a dry run with OBJECT (taken), which is stored nowhere. */
static void answer_unstored(struct api_call *call, unsigned code, cJSON *object)
{
    cJSON *view = api_resource_view(call->resource, object);
    cJSON *copy = cJSON_Duplicate(view, true);
    cJSON_Delete(view);
    cJSON_Delete(object);
    api_call_answer(call, code, copy);
}

/* Takes OBJECT, which was admitted. */
static void store_new_object(struct api_call *call, cJSON *object)
{
    char name[API_PATH_SEGMENT_BYTES];
    struct store *store = call->handler->store;
    enum store_kind kind = call->resource->kind;
    snprintf(name, sizeof(name), "%s", json_string(object, "metadata.name", ""));
    if (store_get(store, kind, call->path->namespace, name) != NULL) {
        api_call_fail(call, api_status_exists(call->resource, name));
        cJSON_Delete(object);
        return;
    }
    if (call->path->dry_run) {
        answer_unstored(call, 201, object);
        return;
    }
    const cJSON *stored = NULL;
    if (store_create(store, kind, object, call->request->utc_ns, &stored) == STORE_OK)
        api_call_answer_object(call, 201, stored);
    else
        api_call_fail(call, api_status_bad_request("the object has no usable metadata"));
}

/* Takes OBJECT. */
static void create_admitted(struct api_call *call, cJSON *object)
{
    if (!admit(call, object, NULL)) {
        cJSON_Delete(object);
        return;
    }
    own_fields(call, object, NULL);
    store_new_object(call, object);
}

void api_write_create(struct api_call *call)
{
    char why[API_CALL_WHY_BYTES];
    enum store_kind kind = call->resource->kind;
    if (!body_is_known(call))
        return;
    cJSON *object = api_call_body(call, "error decoding the object");
    if (object == NULL)
        return;
    if (!api_validate_types(kind, object, why, sizeof(why))) {
        api_call_fail(call, api_status_bad_request("%s", why));
        cJSON_Delete(object);
        return;
    }
    if (!check_identity(call, object) || !check_namespace(call)) {
        cJSON_Delete(object);
        return;
    }
    strip_for_create(call, object);
    create_admitted(call, object);
}

/* Takes NEXT. */
static void answer_replaced(struct api_call *call, cJSON *next, const cJSON *old)
{
    cJSON *unstored = NULL;
    const cJSON *stored = api_write_replace(call, next, old, &unstored);
    if (unstored != NULL)
        answer_unstored(call, 200, unstored);
    else if (stored != NULL)
        api_call_answer_object(call, 200, stored);
}

void api_write_update(struct api_call *call)
{
    char why[API_CALL_WHY_BYTES];
    if (!body_is_known(call))
        return;
    const cJSON *old = api_call_object(call);
    cJSON *object = old != NULL ? api_call_body(call, "error decoding the object") : NULL;
    if (object == NULL)
        return;
    if (!api_validate_types(call->resource->kind, object, why, sizeof(why)))
        api_call_fail(call, api_status_bad_request("%s", why));
    else if (check_identity(call, object)) {
        answer_replaced(call, object, old);
        return;
    }
    cJSON_Delete(object);
}

void api_write_patch(struct api_call *call)
{
    if (is_media_type(call->request->content_type, apply_type)) {
        apply(call);
        return;
    }
    const cJSON *old = api_call_object(call);
    cJSON *next = old != NULL ? api_write_patched(call, old) : NULL;
    if (next == NULL)
        return;
    answer_replaced(call, next, old);
}

/* BEFORE after the operations of PATCH; NULL after api_call_fail(). */
static cJSON *after_json_patch(struct api_call *call, const cJSON *before, const cJSON *patch)
{
    char why[API_CALL_WHY_BYTES];
    cJSON *after = NULL;
    int rc = api_json_patch(before, patch, &after, why, sizeof(why));
    if (rc == -ENOENT)
        api_call_fail(call, api_status_unfit_patch(why));
    else if (rc < 0)
        api_call_fail(call, api_status_bad_request("error decoding patch: %s", why));
    return after;
}

cJSON *api_write_patched(struct api_call *call, const cJSON *before)
{
    char why[API_CALL_WHY_BYTES] = "a patch must be an object";
    const char *type = call->request->content_type;
    bool strategic = is_media_type(type, "application/strategic-merge-patch+json");
    bool operations = is_media_type(type, "application/json-patch+json");
    if (!strategic && !operations && !is_media_type(type, "application/merge-patch+json")) {
        api_call_fail(call, api_status_unsupported_type());
        return NULL;
    }
    cJSON *patch = api_call_body(call, "error decoding patch");
    if (patch == NULL)
        return NULL;
    cJSON *after = NULL;
    if (operations)
        after = after_json_patch(call, before, patch);
    else if (cJSON_IsObject(patch) && strategic)
        after = api_patch_strategic(call->resource->kind, before, patch, why, sizeof(why));
    else if (cJSON_IsObject(patch))
        after = api_patch_merge(before, patch);
    cJSON_Delete(patch);
    if (after == NULL && !operations)
        api_call_fail(call, api_status_bad_request("%s", why));
    return after;
}

/* What is to be applied; NULL after api_call_fail(). */
static cJSON *apply_body(struct api_call *call)
{
    char why[API_CALL_WHY_BYTES];
    cJSON *config = api_call_body(call, "error decoding YAML");
    if (config == NULL)
        return NULL;
    if (!api_validate_types(call->resource->kind, config, why, sizeof(why)))
        api_call_fail(call, api_status_bad_request("%s", why));
    else if (json_string(config, "apiVersion", "")[0] == '\0' ||
             json_string(config, "kind", "")[0] == '\0')
        api_call_fail(call,
                      api_status_bad_request("what is applied must have kind and apiVersion"));
    else if (json_at(config, "metadata.managedFields") != NULL)
        api_call_fail(call, api_status_bad_request("metadata.managedFields must be nil"));
    else if (check_identity(call, config))
        return config;
    cJSON_Delete(config);
    return NULL;
}

/* There is none yet: it is made, as by a POST. Takes OBJECT. */
static void create_applied(struct api_call *call, cJSON *object)
{
    cJSON *entries = cJSON_DetachItemFromObjectCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(object, "metadata"), "managedFields");
    if (!check_namespace(call)) {
        cJSON_Delete(entries);
        cJSON_Delete(object);
        return;
    }
    strip_for_create(call, object);
    object_put_string(json_make(object, "metadata"), "name", call->path->name);
    if (!admit(call, object, NULL)) {
        cJSON_Delete(entries);
        cJSON_Delete(object);
        return;
    }
    if (entries != NULL)
        cJSON_AddItemToObject(json_make(object, "metadata"), "managedFields", entries);
    store_new_object(call, object);
}

/* Server-side apply. */
static void apply(struct api_call *call)
{
    const struct api_path *path = call->path;
    if (path->field_manager[0] == '\0') {
        cJSON *causes = cJSON_CreateArray();
        api_status_cause(causes, "fieldManager", "FieldValueRequired",
                         "Required value: is required for apply patch");
        api_call_fail(call, api_status_invalid(&patch_options, "", causes));
        return;
    }
    cJSON *config = apply_body(call);
    if (config == NULL)
        return;
    const cJSON *live =
        store_get(call->handler->store, call->resource->kind, path->namespace, path->name);
    const struct api_manager manager = manager_of(call);
    cJSON *causes = cJSON_CreateArray();
    cJSON *next =
        api_managed_apply(call->resource->kind, live, config, &manager, path->force, causes);
    cJSON_Delete(config);
    if (next == NULL) {
        api_call_fail(call, api_status_apply_conflict(causes));
        return;
    }
    cJSON_Delete(causes);
    if (live == NULL)
        create_applied(call, next);
    else
        answer_replaced(call, next, live);
}

/* What many patches have made of it: etcd's limit of a request, and its words. */
static bool fits_store(const cJSON *object)
{
    char *printed = json_print(object, false);
    bool fits = printed != NULL && strlen(printed) <= API_OBJECT_BYTES;
    cJSON_free(printed);
    return fits;
}

const cJSON *api_write_replace(struct api_call *call, cJSON *next, const cJSON *old,
                               cJSON **unstored)
{
    char why[API_CALL_WHY_BYTES] = "metadata must be an object";
    enum store_kind kind = call->resource->kind;
    const char *name = call->path->name;
    if (!api_validate_types(kind, next, why, sizeof(why)) || json_at(next, "metadata") == NULL ||
        cJSON_IsNull(json_at(next, "metadata"))) {
        api_call_fail(call, api_status_bad_request("the object cannot be handled: %s", why));
        cJSON_Delete(next);
        return NULL;
    }
    if (strcmp(json_string(next, "metadata.name", name), name) != 0) {
        api_call_fail(call, api_status_bad_request("metadata.name may not be changed"));
        cJSON_Delete(next);
        return NULL;
    }
    cJSON *applied = is_media_type(call->request->content_type, apply_type)
                         ? cJSON_DetachItemFromObjectCaseSensitive(
                               cJSON_GetObjectItemCaseSensitive(next, "metadata"), "managedFields")
                         : NULL;
    keep_from_old(call, next, old);
    if (!admit(call, next, old)) {
        cJSON_Delete(applied);
        cJSON_Delete(next);
        return NULL;
    }
    if (applied != NULL)
        cJSON_AddItemToObject(json_make(next, "metadata"), "managedFields", applied);
    else
        own_fields(call, next, old);
    if (!fits_store(next)) {
        api_call_fail(call, api_status_failure(500, "", "etcdserver: request is too large"));
        cJSON_Delete(next);
        return NULL;
    }
    if (call->path->dry_run) {
        *unstored = next;
        return next;
    }
    const cJSON *stored = NULL;
    switch (store_update(call->handler->store, kind, next, call->request->utc_ns, &stored)) {
    case STORE_OK: return stored;
    case STORE_CONFLICT: api_call_fail(call, api_status_conflict(call->resource, name)); break;
    case STORE_NOT_FOUND: api_call_fail(call, api_status_not_found(call->resource, name)); break;
    default: api_call_fail(call, api_status_bad_request("the object has no usable metadata"));
    }
    return NULL;
}

/* What stands before the parameters, as in "application/json; charset=utf-8". */
static bool is_media_type(const char *given, const char *type)
{
    size_t size = strlen(type);
    if (given == NULL || strncasecmp(given, type, size) != 0)
        return false;
    return given[size] == '\0' || given[size] == ';' || given[size] == ' ';
}

/* What the body says of itself must be what the path says. */
static bool check_identity(struct api_call *call, const cJSON *object)
{
    const struct api_path *path = call->path;
    const struct {
        const char *what;
        const char *given;
        const char *expected;
    } rows[] = {
        {"kind", json_string(object, "kind", ""), call->resource->kind_name},
        {"API version", json_string(object, "apiVersion", ""), call->resource->api_version},
        {"namespace", json_string(object, "metadata.namespace", ""),
         call->resource->namespaced ? path->namespace : ""},
        {"name", json_string(object, "metadata.name", ""), path->name},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool free_choice = i == 3 && path->name[0] == '\0';
        if (rows[i].given[0] == '\0' || free_choice || strcmp(rows[i].given, rows[i].expected) == 0)
            continue;
        api_call_fail(call, api_status_bad_request(
                                "the %s in the data (%.300s) does not match the one expected (%s)",
                                rows[i].what, rows[i].given, rows[i].expected));
        return false;
    }
    return true;
}

static bool check_namespace(struct api_call *call)
{
    const char *namespace = call->path->namespace;
    if (!call->resource->namespaced)
        return true;
    const cJSON *object = store_get(call->handler->store, STORE_NAMESPACE, NULL, namespace);
    if (object == NULL) {
        api_call_fail(call, api_status_not_found(&api_resources[STORE_NAMESPACE], namespace));
        return false;
    }
    if (json_at(object, "metadata.deletionTimestamp") == NULL)
        return true;
    char resource[API_RESOURCE_NAME_BYTES];
    api_call_fail(call, api_status_failure(403, "Forbidden",
                                           "%s is forbidden: unable to create new content in "
                                           "namespace %s because it is being terminated",
                                           api_resource_name(call->resource, resource), namespace));
    return false;
}

static void remove_members(cJSON *object, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(object, names[i]);
}

/* A client gives what it wishes for; status and life cycle are the server's. A node tells its
 * status when it registers. */
static void strip_for_create(const struct api_call *call, cJSON *object)
{
    static const char *const of_metadata[] = {
        "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields", "uid",
        "resourceVersion"};
    static const char *const of_object[] = {"kind", "apiVersion"};
    if (cJSON_IsNull(json_member(object, "metadata")))
        cJSON_DeleteItemFromObjectCaseSensitive(object, "metadata");
    if (cJSON_IsNull(json_member(object, "spec")))
        cJSON_DeleteItemFromObjectCaseSensitive(object, "spec");
    if (cJSON_IsNull(json_member(object, "status")) ||
        (call->resource->has_status && call->resource->kind != STORE_NODE))
        cJSON_DeleteItemFromObjectCaseSensitive(object, "status");
    cJSON *metadata = json_make(object, "metadata");
    remove_members(metadata, of_metadata, sizeof(of_metadata) / sizeof(of_metadata[0]));
    remove_members(object, of_object, sizeof(of_object) / sizeof(of_object[0]));
    if (call->resource->namespaced)
        object_put_string(metadata, "namespace", call->path->namespace);
    if (call->resource->kind == STORE_NAMESPACE)
        object_put_string(json_make(metadata, "labels"), "kubernetes.io/metadata.name",
                          json_string(metadata, "name", ""));
}

static void copy_member(cJSON *into, const cJSON *from, const char *name)
{
    const cJSON *value = json_member(from, name);
    cJSON_DeleteItemFromObjectCaseSensitive(into, name);
    if (value != NULL)
        cJSON_AddItemToObject(into, name, cJSON_Duplicate(value, true));
}

/* Through the status subresource only the status changes, and through the object everything but it.
 * Nobody changes the life cycle by an update. */
static void keep_from_old(const struct api_call *call, cJSON *object, const cJSON *old)
{
    static const char *const of_metadata[] = {"deletionTimestamp", "deletionGracePeriodSeconds",
                                              "generateName"};
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    const cJSON *old_metadata = json_member(old, "metadata");
    for (unsigned i = 0; i < sizeof(of_metadata) / sizeof(of_metadata[0]); i++)
        copy_member(metadata, old_metadata, of_metadata[i]);
    object_put_string(metadata, "name", call->path->name);
    if (call->resource->namespaced)
        object_put_string(metadata, "namespace", call->path->namespace);
    if (strcmp(call->path->subresource, "status") == 0) {
        copy_member(metadata, old_metadata, "labels");
        copy_member(object, old, "spec");
    } else if (call->resource->has_status) {
        copy_member(object, old, "status");
    }
    cJSON_DeleteItemFromObjectCaseSensitive(object, "kind");
    cJSON_DeleteItemFromObjectCaseSensitive(object, "apiVersion");
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "managedFields");
}

/* Fill in defaults and look for faults. False after api_call_fail(). */
static bool admit(struct api_call *call, cJSON *object, const cJSON *old)
{
    struct api_handler *handler = call->handler;
    enum store_kind kind = call->resource->kind;
    const char *name = json_string(object, "metadata.name", "");
    if (cJSON_IsNull(json_member(object, "spec")))
        cJSON_DeleteItemFromObjectCaseSensitive(object, "spec");
    if (cJSON_IsNull(json_member(object, "status")))
        cJSON_DeleteItemFromObjectCaseSensitive(object, "status");
    api_default(kind, object);
    if (kind == STORE_SERVICE)
        api_service_allocate(&handler->ranges, handler->store, object, old);
    cJSON *causes = api_validate(kind, object, old);
    if (kind == STORE_SERVICE)
        api_service_check(handler->store, object, old, causes);
    if (causes->child != NULL) {
        api_call_fail(call, api_status_invalid(call->resource, name, causes));
        return false;
    }
    cJSON_Delete(causes);
    return true;
}

/* Whose the fields are that the call writes: fieldManager, or the client's name without its
 * version. */
static struct api_manager manager_of(const struct api_call *call)
{
    const char *agent = call->request->user_agent;
    struct api_manager manager = {
        .api_version = call->resource->api_version,
        .subresource = call->path->subresource,
        .utc_ns = call->request->utc_ns,
    };
    if (agent == NULL || agent[0] == '\0')
        agent = "unknown";
    if (call->path->field_manager[0] != '\0')
        strcpy(manager.name, call->path->field_manager);
    else
        snprintf(manager.name, sizeof(manager.name), "%.*s", (int)strcspn(agent, "/"), agent);
    return manager;
}

static void own_fields(const struct api_call *call, cJSON *object, const cJSON *old)
{
    const struct api_manager manager = manager_of(call);
    api_managed_update(call->resource->kind, old, object, &manager);
}
