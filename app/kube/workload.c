#include "kube/workload.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

static enum kube_strategy strategy_of(const char *type);
static void read_replicas(const cJSON *json, struct kube_workload *workload);
static void read_daemons(const cJSON *json, struct kube_workload *workload);
static void read_partition(const cJSON *json, int64_t partition, struct kube_workload *workload);
static int64_t count_read(const cJSON *json, const char *path, int64_t otherwise);

void kube_workload_read(struct kube_arena *arena, enum kube_kind kind, const cJSON *json,
                        struct kube_workload *workload)
{
    const char *where = kind == KUBE_DEPLOYMENT ? "spec.strategy" : "spec.updateStrategy";
    const cJSON *strategy = json_at(json, where);
    const cJSON *rolling = json_member(strategy, "rollingUpdate");
    *workload = (struct kube_workload){
        .observed_generation = json_integer(json, "status.observedGeneration", 0),
        .progress_deadline_s = json_integer(json, "spec.progressDeadlineSeconds", 600),
        .paused = json_bool(json, "spec.paused", false),
        .strategy = strategy_of(json_string(strategy, "type", "")),
    };
    if (kind == KUBE_DAEMONSET)
        read_daemons(json, workload);
    else
        read_replicas(json, workload);
    if (kind == KUBE_STATEFULSET)
        read_partition(json, count_read(rolling, "partition", 0), workload);
    kube_labels_read(arena, json_at(json, "spec.selector.matchLabels"), &workload->selector);
    kube_containers_read(arena, json_at(json, "spec.template.spec"), &workload->containers);
    kube_conditions_read(arena, json_at(json, "status.conditions"), &workload->conditions);
}

void kube_labels_read(struct kube_arena *arena, const cJSON *object, struct kube_labels *labels)
{
    int size = cJSON_IsObject(object) ? cJSON_GetArraySize(object) : 0;
    const cJSON *item;
    if (size > KUBE_LABELS_MAX)
        size = KUBE_LABELS_MAX;
    *labels = (struct kube_labels){
        .each = kube_arena_take(arena, (size_t)size, sizeof(struct kube_label))};
    if (labels->each == NULL)
        return;
    cJSON_ArrayForEach(item, object)
    {
        if (labels->count == (unsigned)size)
            break;
        labels->each[labels->count++] = (struct kube_label){
            .name = kube_arena_text(arena, item->string),
            .value = kube_arena_text(arena, cJSON_IsString(item) ? item->valuestring : ""),
        };
    }
}

const char *kube_labels_get(const struct kube_labels *labels, const char *name)
{
    for (unsigned i = 0; i < labels->count; i++) {
        if (strcmp(labels->each[i].name, name) == 0)
            return labels->each[i].value;
    }
    return NULL;
}

bool kube_labels_match(const struct kube_labels *selector, const struct kube_labels *labels)
{
    for (unsigned i = 0; i < selector->count; i++) {
        const char *value = kube_labels_get(labels, selector->each[i].name);
        if (value == NULL || strcmp(value, selector->each[i].value) != 0)
            return false;
    }
    return selector->count > 0;
}

const char *kube_labels_text(const struct kube_labels *labels, char *out, unsigned out_bytes)
{
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < labels->count && used < out_bytes; i++) {
        int added = snprintf(out + used, out_bytes - used, "%s%s=%s", i > 0 ? "," : "",
                             labels->each[i].name, labels->each[i].value);
        used += added > 0 ? (size_t)added : 0;
    }
    return out;
}

static enum kube_strategy strategy_of(const char *type)
{
    if (strcmp(type, "Recreate") == 0)
        return KUBE_RECREATE;
    return strcmp(type, "OnDelete") == 0 ? KUBE_ON_DELETE : KUBE_ROLLING_UPDATE;
}

static void read_replicas(const cJSON *json, struct kube_workload *workload)
{
    workload->replicas = count_read(json, "spec.replicas", 1);
    workload->status_replicas = count_read(json, "status.replicas", 0);
    workload->updated_replicas = count_read(json, "status.updatedReplicas", 0);
    workload->to_update = workload->replicas;
    workload->ready_replicas = count_read(json, "status.readyReplicas", 0);
    workload->available_replicas = count_read(json, "status.availableReplicas", 0);
}

static void read_daemons(const cJSON *json, struct kube_workload *workload)
{
    workload->replicas = count_read(json, "status.desiredNumberScheduled", 0);
    workload->status_replicas = count_read(json, "status.currentNumberScheduled", 0);
    workload->updated_replicas = count_read(json, "status.updatedNumberScheduled", 0);
    workload->to_update = workload->replicas;
    workload->ready_replicas = count_read(json, "status.numberReady", 0);
    workload->available_replicas = count_read(json, "status.numberAvailable", 0);
}

/* The controller counts updated pods only while there are two revisions: once they are one,
 * all pods are of it. Servers before 1.22 do not tell available ones. */
static void read_partition(const cJSON *json, int64_t partition, struct kube_workload *workload)
{
    const char *update = json_string(json, "status.updateRevision", "");
    if (partition > 0)
        workload->to_update = partition < workload->replicas ? workload->replicas - partition : 0;
    if (update[0] != '\0' && strcmp(update, json_string(json, "status.currentRevision", "")) == 0)
        workload->updated_replicas = workload->status_replicas;
    if (json_at(json, "status.availableReplicas") == NULL)
        workload->available_replicas = workload->ready_replicas;
}

/* The API has int32 for these; what a server sends beyond is cut, so that sums of a few stay
 * exact. */
static int64_t count_read(const cJSON *json, const char *path, int64_t otherwise)
{
    int64_t count = json_integer(json, path, otherwise);
    if (count < 0)
        return 0;
    return count > INT32_MAX ? INT32_MAX : count;
}
