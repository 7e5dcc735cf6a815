#include "kube/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void meta_read(struct kube_arena *arena, const cJSON *json, struct kube_meta *meta);
static void owner_read(struct kube_arena *arena, const cJSON *owners, struct kube_meta *meta);
static void kind_read(struct kube_object *object, const cJSON *json);
static uint64_t number_of(const char *version);

struct kube_object *kube_object_read(enum kube_kind kind, const cJSON *json, struct error *err)
{
    const char *name = json_string(json, "metadata.name", "");
    if (name[0] == '\0') {
        error_set(err, EXIT_ENVIRONMENT, -EBADMSG,
                  "the server sent a %s without metadata.name: is there something between us and "
                  "the API server?",
                  kube_resource_of(kind)->name);
        return NULL;
    }
    struct kube_object *object = calloc(1, sizeof(*object));
    if (object == NULL) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for %s %s",
                  kube_resource_of(kind)->name, name);
        return NULL;
    }
    object->kind = kind;
    object->references = 1;
    meta_read(&object->arena, json, &object->meta);
    kind_read(object, json);
    if (object->arena.failed) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "%s %s is too large, or out of memory",
                  kube_resource_of(kind)->name, name);
        kube_object_drop(object);
        return NULL;
    }
    return object;
}

struct kube_object *kube_object_take(struct kube_object *object)
{
    object->references++;
    return object;
}

void kube_object_drop(struct kube_object *object)
{
    if (object == NULL || --object->references > 0)
        return;
    kube_arena_free(&object->arena);
    free(object);
}

bool kube_object_terminating(const struct kube_object *object)
{
    return object->meta.deleted_utc_ns != INT64_MIN;
}

static void meta_read(struct kube_arena *arena, const cJSON *json, struct kube_meta *meta)
{
    const cJSON *from = json_member(json, "metadata");
    *meta = (struct kube_meta){
        .name = kube_arena_text(arena, json_string(from, "name", "")),
        .namespace = kube_arena_text(arena, json_string(from, "namespace", "")),
        .uid = kube_arena_text(arena, json_string(from, "uid", "")),
        .version = kube_arena_text(arena, json_string(from, "resourceVersion", "")),
        .generation = json_integer(from, "generation", 0),
        .deleted_utc_ns = json_parse_time(json_string(from, "deletionTimestamp", "")),
        .grace_s = json_integer(from, "deletionGracePeriodSeconds", -1),
        .owner_name = "",
    };
    meta->version_number = number_of(meta->version);
    owner_read(arena, json_member(from, "ownerReferences"), meta);
    kube_labels_read(arena, json_member(from, "labels"), &meta->labels);
}

static void owner_read(struct kube_arena *arena, const cJSON *owners, struct kube_meta *meta)
{
    const cJSON *owner;
    cJSON_ArrayForEach(owner, owners)
    {
        if (!json_bool(owner, "controller", false))
            continue;
        meta->owner_name = kube_arena_text(arena, json_string(owner, "name", ""));
        return;
    }
}

static void kind_read(struct kube_object *object, const cJSON *json)
{
    struct kube_arena *arena = &object->arena;
    switch (object->kind) {
    case KUBE_POD: kube_pod_read(arena, json, &object->pod); break;
    case KUBE_ENDPOINTSLICE: kube_endpointslice_read(arena, json, &object->endpointslice); break;
    case KUBE_DEPLOYMENT:
    case KUBE_STATEFULSET:
    case KUBE_DAEMONSET: kube_workload_read(arena, object->kind, json, &object->workload); break;
    case KUBE_NODE: kube_node_read(arena, json, &object->node); break;
    case KUBE_SERVICE: kube_service_read(arena, json, &object->service); break;
    case KUBE_NAMESPACE:
    case KUBE_CONFIGMAP:
    case KUBE_REPLICASET:
    case KUBE_OTHER: break;
    }
}

static uint64_t number_of(const char *version)
{
    char *end;
    if (version[0] < '0' || version[0] > '9')
        return 0;
    errno = 0;
    unsigned long long number = strtoull(version, &end, 10);
    return *end == '\0' && errno == 0 ? number : 0;
}
