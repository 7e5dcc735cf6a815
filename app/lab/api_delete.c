#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_call_priv.h"
#include "lab/api_status.h"

#define SECOND_NS INT64_C(1000000000)

enum {
    NAME_BYTES = 2 * API_PATH_SEGMENT_BYTES
};

static bool read_options(struct api_call *call, const cJSON *object,
                         struct api_delete_manner *manner);
static int64_t grace_of(const cJSON *pod, const struct api_delete_manner *manner);
static void orphan_dependents(struct store *store, const char *uid, int64_t utc_ns);

void api_delete_one(struct api_call *call)
{
    const cJSON *object = api_call_object(call);
    struct api_delete_manner manner;
    if (object == NULL || !read_options(call, object, &manner))
        return;
    bool is_kept =
        strcmp(call->path->name, "default") == 0 || strncmp(call->path->name, "kube-", 5) == 0;
    if (call->resource->kind == STORE_NAMESPACE && is_kept) {
        api_call_fail(call, api_status_failure(403, "Forbidden",
                                               "namespaces \"%s\" is forbidden: this namespace may "
                                               "not be deleted",
                                               call->path->name));
        return;
    }
    cJSON *gone = api_status_deleted(call->resource, object);
    const cJSON *left = api_delete_object(call->handler, call->resource->kind, object, &manner);
    if (left == NULL) {
        api_call_answer(call, 200, gone);
        return;
    }
    cJSON_Delete(gone);
    api_call_answer(call, 200, api_resource_view(call->resource, left));
}

/* Names are collected first: the walk must not meet its own changes. */
void api_delete_collection(struct api_call *call)
{
    char why[API_CALL_WHY_BYTES];
    const struct api_path *path = call->path;
    struct api_selector selector;
    struct api_delete_manner manner;
    struct store *store = call->handler->store;
    enum store_kind kind = call->resource->kind;
    if (api_selector_parse(kind, path->label_selector, path->field_selector, &selector, why,
                           sizeof(why)) < 0) {
        api_call_fail(call, api_status_bad_request("%s", why));
        return;
    }
    if (!read_options(call, NULL, &manner))
        return;
    cJSON *names = cJSON_CreateArray();
    const cJSON *object = NULL;
    while ((object = store_next(store, kind, path->namespace, object)) != NULL) {
        if (api_selector_matches(&selector, object))
            cJSON_AddItemToArray(names,
                                 cJSON_CreateString(json_string(object, "metadata.name", "")));
    }
    const cJSON *name;
    cJSON_ArrayForEach(name, names)
    {
        object = store_get(store, kind, path->namespace, name->valuestring);
        if (object != NULL)
            api_delete_object(call->handler, kind, object, &manner);
    }
    cJSON_Delete(names);
    cJSON *done = cJSON_CreateObject();
    cJSON_AddStringToObject(done, "kind", "Status");
    cJSON_AddStringToObject(done, "apiVersion", "v1");
    cJSON_AddObjectToObject(done, "metadata");
    cJSON_AddStringToObject(done, "status", "Success");
    api_call_answer(call, 200, done);
}

/* Delete what is in the namespace NAME. True when nothing is left. */
static bool empty_namespace(struct api_handler *handler, const char *name, int64_t utc_ns)
{
    static const enum store_kind order[] = {
        STORE_DEPLOYMENT, STORE_REPLICASET, STORE_POD,    STORE_SERVICE,     STORE_ENDPOINTSLICE,
        STORE_ENDPOINTS,  STORE_EVENT,      STORE_BUDGET, STORE_STATEFULSET, STORE_DAEMONSET,
        STORE_REVISION,   STORE_CONFIGMAP,  STORE_INGRESS};
    const struct api_delete_manner manner = {.grace_s = -1, .utc_ns = utc_ns};
    bool empty = true;
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        const cJSON *object = store_next(handler->store, order[i], name, NULL);
        while (object != NULL) {
            /* What was handed out stays valid in the store's log, also after it was deleted. */
            if (api_delete_object(handler, order[i], object, &manner) != NULL)
                empty = false;
            object = store_next(handler->store, order[i], name, object);
        }
    }
    return empty;
}

void api_handler_step(struct api_handler *handler, int64_t utc_ns)
{
    char name[NAME_BYTES];
    const cJSON *namespace = NULL;
    while ((namespace = store_next(handler->store, STORE_NAMESPACE, NULL, namespace)) != NULL) {
        if (json_at(namespace, "metadata.deletionTimestamp") == NULL)
            continue;
        snprintf(name, sizeof(name), "%s", json_string(namespace, "metadata.name", ""));
        if (empty_namespace(handler, name, utc_ns))
            store_delete(handler->store, STORE_NAMESPACE, NULL, name, utc_ns);
    }
}

/* From the query, or from a DeleteOptions body. OBJECT may be NULL. */
static bool read_options(struct api_call *call, const cJSON *object,
                         struct api_delete_manner *manner)
{
    if (call->request->body_bytes == 0)
        return api_delete_manner(call, NULL, object, manner);
    cJSON *options = api_call_body(call, "error decoding the options of the deletion");
    if (options == NULL)
        return false;
    bool goes_on = api_delete_manner(call, options, object, manner);
    cJSON_Delete(options);
    return goes_on;
}

bool api_delete_manner(struct api_call *call, const cJSON *options, const cJSON *object,
                       struct api_delete_manner *manner)
{
    const struct api_path *path = call->path;
    int64_t grace_s = json_integer(options, "gracePeriodSeconds", path->grace_s);
    const char *policy = json_string(options, "propagationPolicy", path->propagation);
    *manner = (struct api_delete_manner){
        .grace_s = grace_s >= -1 && grace_s <= UINT32_MAX ? grace_s : path->grace_s,
        .orphan = strcmp(policy, "Orphan") == 0,
        .dry_run = path->dry_run || cJSON_GetArraySize(json_at(options, "dryRun")) > 0,
        .utc_ns = call->request->utc_ns,
    };
    const char *uid = json_string(options, "preconditions.uid", "");
    const char *version = json_string(options, "preconditions.resourceVersion", "");
    bool other = object != NULL &&
                 ((uid[0] != '\0' && strcmp(uid, json_string(object, "metadata.uid", "")) != 0) ||
                  (version[0] != '\0' &&
                   strcmp(version, json_string(object, "metadata.resourceVersion", "")) != 0));
    if (other)
        api_call_fail(call, api_status_conflict(call->resource, path->name));
    return !other;
}

/* Mark OBJECT as to be deleted in GRACE_S. Returns what is stored then. */
static const cJSON *mark(struct api_handler *handler, enum store_kind kind, const cJSON *object,
                         int64_t grace_s, int64_t utc_ns)
{
    char deadline[36];
    const cJSON *stored = object;
    json_format_time(utc_ns + grace_s * SECOND_NS, 0, deadline);
    const char *earlier = json_string(object, "metadata.deletionTimestamp", "");
    if (earlier[0] != '\0' && (kind == STORE_NAMESPACE || strcmp(earlier, deadline) <= 0))
        return object;
    cJSON *next = cJSON_Duplicate(object, true);
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(next, "metadata");
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "deletionTimestamp");
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "deletionGracePeriodSeconds");
    cJSON_AddStringToObject(metadata, "deletionTimestamp", deadline);
    if (kind == STORE_POD)
        cJSON_AddNumberToObject(metadata, "deletionGracePeriodSeconds", (double)grace_s);
    if (kind == STORE_NAMESPACE) {
        cJSON *status = json_make(next, "status");
        cJSON_DeleteItemFromObjectCaseSensitive(status, "phase");
        cJSON_AddStringToObject(status, "phase", "Terminating");
    }
    store_update(handler->store, kind, next, utc_ns, &stored);
    return stored;
}

const cJSON *api_delete_object(struct api_handler *handler, enum store_kind kind,
                               const cJSON *object, const struct api_delete_manner *manner)
{
    int64_t grace_s = kind == STORE_POD ? grace_of(object, manner) : 0;
    if (manner->dry_run)
        return grace_s > 0 || kind == STORE_NAMESPACE ? object : NULL;
    if (grace_s > 0 || kind == STORE_NAMESPACE)
        return mark(handler, kind, object, grace_s, manner->utc_ns);
    if (manner->orphan)
        orphan_dependents(handler->store, json_string(object, "metadata.uid", ""), manner->utc_ns);
    store_delete(handler->store, kind, json_string(object, "metadata.namespace", ""),
                 json_string(object, "metadata.name", ""), manner->utc_ns);
    return NULL;
}

/* A pod that runs nowhere, or no more, needs no grace. */
static int64_t grace_of(const cJSON *pod, const struct api_delete_manner *manner)
{
    const char *phase = json_string(pod, "status.phase", "");
    if (json_string(pod, "spec.nodeName", "")[0] == '\0' || strcmp(phase, "Succeeded") == 0 ||
        strcmp(phase, "Failed") == 0)
        return 0;
    if (manner->grace_s >= 0)
        return manner->grace_s;
    int64_t grace_s = json_integer(pod, "spec.terminationGracePeriodSeconds", 30);
    return grace_s >= 0 && grace_s <= UINT32_MAX ? grace_s : 30;
}

/* Remove the owner UID from all that name it. */
static void orphan_dependents(struct store *store, const char *uid, int64_t utc_ns)
{
    static const enum store_kind kinds[] = {STORE_REPLICASET, STORE_POD, STORE_ENDPOINTSLICE,
                                            STORE_REVISION};
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const cJSON *object = NULL;
        while ((object = store_next(store, kinds[i], NULL, object)) != NULL) {
            cJSON *next = NULL;
            int index = 0;
            const cJSON *owner;
            cJSON_ArrayForEach(owner, json_at(object, "metadata.ownerReferences"))
            {
                if (next == NULL && strcmp(json_string(owner, "uid", ""), uid) == 0) {
                    next = cJSON_Duplicate(object, true);
                    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(next, "metadata");
                    cJSON_DeleteItemFromArray(
                        cJSON_GetObjectItemCaseSensitive(metadata, "ownerReferences"), index);
                }
                index++;
            }
            if (next != NULL)
                store_update(store, kinds[i], next, utc_ns, NULL);
        }
    }
}
