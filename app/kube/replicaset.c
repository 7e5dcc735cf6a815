#include "kube/replicaset.h"

#include "base/json.h"

static const char *member_text(const cJSON *object, const char *name);

void kube_replicaset_read(struct kube_arena *arena, const cJSON *json,
                          struct kube_replicaset *replicaset)
{
    *replicaset = (struct kube_replicaset){
        .replicas = json_integer(json, "spec.replicas", 1),
        .status_replicas = json_integer(json, "status.replicas", 0),
        .ready_replicas = json_integer(json, "status.readyReplicas", 0),
        .available_replicas = json_integer(json, "status.availableReplicas", 0),
        .revision = kube_arena_text(arena, member_text(json_at(json, "metadata.annotations"),
                                                       "deployment.kubernetes.io/revision")),
    };
    kube_containers_read(arena, json_at(json, "spec.template.spec"), &replicaset->containers);
}

/* For names that have dots, which a path of json_string() would split. */
static const char *member_text(const cJSON *object, const char *name)
{
    const cJSON *member = json_member(object, name);
    return cJSON_IsString(member) ? member->valuestring : "";
}
