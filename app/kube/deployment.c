#include "kube/deployment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static struct kube_amount amount_read(const cJSON *json);

void kube_deployment_read(struct kube_arena *arena, const cJSON *json,
                          struct kube_deployment *deployment)
{
    const cJSON *rolling = json_at(json, "spec.strategy.rollingUpdate");
    const cJSON *revision =
        json_member(json_at(json, "metadata.annotations"), "deployment.kubernetes.io/revision");
    bool recreate = strcmp(json_string(json, "spec.strategy.type", ""), "Recreate") == 0;
    *deployment = (struct kube_deployment){
        .replicas = json_integer(json, "spec.replicas", 1),
        .observed_generation = json_integer(json, "status.observedGeneration", 0),
        .status_replicas = json_integer(json, "status.replicas", 0),
        .updated_replicas = json_integer(json, "status.updatedReplicas", 0),
        .ready_replicas = json_integer(json, "status.readyReplicas", 0),
        .available_replicas = json_integer(json, "status.availableReplicas", 0),
        .unavailable_replicas = json_integer(json, "status.unavailableReplicas", 0),
        .min_ready_s = json_integer(json, "spec.minReadySeconds", 0),
        .progress_deadline_s = json_integer(json, "spec.progressDeadlineSeconds", 600),
        .paused = json_bool(json, "spec.paused", false),
        .strategy = recreate ? KUBE_RECREATE : KUBE_ROLLING_UPDATE,
        .max_surge = amount_read(json_member(rolling, "maxSurge")),
        .max_unavailable = amount_read(json_member(rolling, "maxUnavailable")),
        .selector_has_expressions =
            cJSON_GetArraySize(json_at(json, "spec.selector.matchExpressions")) > 0,
        .grace_s = json_integer(json, "spec.template.spec.terminationGracePeriodSeconds", 30),
        .revision = kube_arena_text(arena, cJSON_IsString(revision) ? revision->valuestring : ""),
    };
    kube_labels_read(arena, json_at(json, "spec.selector.matchLabels"), &deployment->selector);
    kube_containers_read(arena, json_at(json, "spec.template.spec"), &deployment->containers);
    kube_conditions_read(arena, json_at(json, "status.conditions"), &deployment->conditions);
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

/* An integer, or a string like "25%", which is also what an absent one means. */
static struct kube_amount amount_read(const cJSON *json)
{
    if (cJSON_IsNumber(json))
        return (struct kube_amount){.value = json->valueint, .percent = false};
    if (cJSON_IsString(json)) {
        char *end;
        long value = strtol(json->valuestring, &end, 10);
        if (end != json->valuestring && strcmp(end, "%") == 0)
            return (struct kube_amount){.value = value, .percent = true};
    }
    return (struct kube_amount){.value = 25, .percent = true};
}
