#include "lab/collector.h"

#include <string.h>

#include "lab/object.h"

static bool uid_exists(const struct store *store, const char *kind_name, const char *namespace,
                       const char *name, const char *uid)
{
    for (int kind = 0; kind < STORE_KIND_COUNT; kind++) {
        const cJSON *object;
        if (strcmp(store_kind_name[kind], kind_name) != 0)
            continue;
        object = store_get(store, (enum store_kind)kind,
                           kind == STORE_NODE || kind == STORE_NAMESPACE ? "" : namespace, name);
        return object != NULL && strcmp(object_uid(object), uid) == 0;
    }
    return true; /* A kind that the lab does not hold cannot be judged. */
}

static bool is_orphan(const struct store *store, const cJSON *object)
{
    const cJSON *owners = json_at(object, "metadata.ownerReferences");
    const cJSON *owner;

    if (!cJSON_IsArray(owners) || owners->child == NULL)
        return false;
    cJSON_ArrayForEach(owner, owners)
    {
        if (uid_exists(store, json_string(owner, "kind", ""), object_namespace(object),
                       json_string(owner, "name", ""), json_string(owner, "uid", "")))
            return false;
    }
    return true;
}

/* An Endpoints object has no owner in Kubernetes; it goes with the Service of its name. */
static bool is_widow(const struct store *store, enum store_kind kind, const cJSON *object)
{
    return kind == STORE_ENDPOINTS &&
           object_label(object, "endpoints.kubernetes.io/managed-by") != NULL &&
           store_get(store, STORE_SERVICE, object_namespace(object), object_name(object)) == NULL;
}

static void scan_kind(const struct store *store, enum store_kind kind, struct changes *changes)
{
    const cJSON *object = NULL;

    while ((object = store_next(store, kind, "", object)) != NULL) {
        if (kind == STORE_POD && object_deleting(object))
            continue;
        if (is_orphan(store, object) || is_widow(store, kind, object))
            changes_delete(changes, kind, object);
    }
}

void collector_scan(const struct store *store, struct changes *changes)
{
    for (int kind = 0; kind < STORE_KIND_COUNT; kind++) {
        if (kind != STORE_NODE && kind != STORE_NAMESPACE)
            scan_kind(store, (enum store_kind)kind, changes);
    }
}
