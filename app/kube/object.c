#include "kube/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void meta_read(struct kube_arena *arena, const cJSON *json, struct kube_meta *meta);
static void owner_read(struct kube_arena *arena, const cJSON *owners, struct kube_meta *meta);
static void kind_read(struct kube_object *object, const cJSON *json);
static uint64_t number_of(const char *version);
static int64_t newest_condition(const struct kube_conditions *conditions, int64_t newest);

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

int64_t kube_object_newest_stamp(const struct kube_object *object)
{
    int64_t newest = object->meta.created_utc_ns;
    if (kube_object_terminating(object)) {
        int64_t grace_s = object->meta.grace_s < 0 ? 0 : object->meta.grace_s;
        if (grace_s < 1000000000) {
            int64_t asked_ns = object->meta.deleted_utc_ns - grace_s * 1000000000;
            newest = asked_ns > newest ? asked_ns : newest;
        }
    }
    if (object->kind == KUBE_POD)
        newest = newest_condition(&object->pod.conditions, newest);
    else if (kube_kind_is_workload(object->kind))
        newest = newest_condition(&object->workload.conditions, newest);
    else if (object->kind == KUBE_NOTICE && object->notice.last_utc_ns > newest)
        newest = object->notice.last_utc_ns;
    return newest;
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
        .created_utc_ns = json_parse_time(json_string(from, "creationTimestamp", "")),
        .deleted_utc_ns = json_parse_time(json_string(from, "deletionTimestamp", "")),
        .grace_s = json_integer(from, "deletionGracePeriodSeconds", -1),
        .owner_kind = "",
        .owner_name = "",
        .owner_uid = "",
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
        meta->owner_kind = kube_arena_text(arena, json_string(owner, "kind", ""));
        meta->owner_name = kube_arena_text(arena, json_string(owner, "name", ""));
        meta->owner_uid = kube_arena_text(arena, json_string(owner, "uid", ""));
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
    case KUBE_REPLICASET: kube_replicaset_read(arena, json, &object->replicaset); break;
    case KUBE_NODE: kube_node_read(arena, json, &object->node); break;
    case KUBE_SERVICE: kube_service_read(arena, json, &object->service); break;
    case KUBE_NOTICE: kube_notice_read(arena, json, &object->notice); break;
    case KUBE_NAMESPACE:
    case KUBE_CONFIGMAP:
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

static int64_t newest_condition(const struct kube_conditions *conditions, int64_t newest)
{
    for (unsigned i = 0; i < conditions->count; i++) {
        if (conditions->each[i].since_utc_ns > newest)
            newest = conditions->each[i].since_utc_ns;
    }
    return newest;
}
