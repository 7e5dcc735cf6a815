#include "lab/change.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/object.h"

void changes_free(struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        cJSON_Delete(changes->items[i].object);
    free(changes->items);
    *changes = (struct changes){0};
}

static struct change *changes_add(struct changes *changes)
{
    if (changes->count == changes->capacity) {
        changes->capacity = changes->capacity == 0 ? 16 : changes->capacity * 2;
        changes->items = realloc(changes->items, changes->capacity * sizeof(*changes->items));
        if (changes->items == NULL)
            abort();
    }
    changes->items[changes->count] = (struct change){0};
    return &changes->items[changes->count++];
}

void changes_create(struct changes *changes, enum store_kind kind, cJSON *object)
{
    struct change *change = changes_add(changes);

    change->verb = CHANGE_CREATE;
    change->kind = kind;
    change->object = object;
}

void changes_update(struct changes *changes, enum store_kind kind, cJSON *object)
{
    struct change *change = changes_add(changes);

    change->verb = CHANGE_UPDATE;
    change->kind = kind;
    change->object = object;
}

void changes_delete(struct changes *changes, enum store_kind kind, const cJSON *object)
{
    struct change *change = changes_add(changes);

    change->verb = CHANGE_DELETE;
    change->kind = kind;
    snprintf(change->namespace, sizeof(change->namespace), "%s", object_namespace(object));
    snprintf(change->name, sizeof(change->name), "%s", object_name(object));
}

const char *change_api_version(enum store_kind kind)
{
    switch (kind) {
    case STORE_DEPLOYMENT:
    case STORE_REPLICASET:
    case STORE_STATEFULSET:
    case STORE_DAEMONSET:
    case STORE_REVISION: return "apps/v1";
    case STORE_ENDPOINTSLICE: return "discovery.k8s.io/v1";
    case STORE_BUDGET: return "policy/v1";
    case STORE_INGRESS: return "networking.k8s.io/v1";
    default: return "v1";
    }
}

void changes_event(struct changes *changes, enum store_kind kind, const cJSON *regarding,
                   const char *component, const char *type, const char *reason, int64_t utc_ns,
                   const char *format, ...)
{
    const char *namespace = object_namespace(regarding);
    cJSON *event = object_new("v1", "Event", namespace[0] != '\0' ? namespace : "default", NULL);
    cJSON *involved = cJSON_AddObjectToObject(event, "involvedObject");
    char text[512];
    va_list args;

    snprintf(text, sizeof(text), "%.200s.", object_name(regarding));
    cJSON_AddStringToObject(json_make(event, "metadata"), "generateName", text);
    cJSON_AddStringToObject(involved, "kind", store_kind_name[kind]);
    cJSON_AddStringToObject(involved, "namespace", namespace);
    cJSON_AddStringToObject(involved, "name", object_name(regarding));
    /* Kubelets have always named their nodes by name here, and kubectl looks for that. */
    cJSON_AddStringToObject(involved, "uid",
                            kind == STORE_NODE ? object_name(regarding) : object_uid(regarding));
    cJSON_AddStringToObject(involved, "apiVersion", change_api_version(kind));
    cJSON_AddStringToObject(event, "reason", reason);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    cJSON_AddStringToObject(event, "message", text);
    cJSON_AddStringToObject(json_make(event, "source"), "component", component);
    object_put_time(event, "firstTimestamp", utc_ns);
    object_put_time(event, "lastTimestamp", utc_ns);
    cJSON_AddNumberToObject(event, "count", 1);
    cJSON_AddStringToObject(event, "type", type);
    cJSON_AddStringToObject(event, "reportingComponent", component);
    changes_create(changes, STORE_EVENT, event);
}
