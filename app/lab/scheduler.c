#include "lab/scheduler.h"

#include <stdint.h>
#include <string.h>

#include "lab/object.h"

static bool node_fits(const cJSON *node, const cJSON *pod)
{
    const cJSON *selector = json_at(pod, "spec.nodeSelector");

    if (json_bool(node, "spec.unschedulable", false) || object_deleting(node) ||
        !object_condition_is_true(node, "Ready"))
        return false;
    return !cJSON_IsObject(selector) || selector->child == NULL ||
           object_labels_match(selector, node);
}

static size_t count_pods(const char *node, const char *owner, const cJSON *const *pods,
                         size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (object_pod_active(pods[i]) &&
            strcmp(json_string(pods[i], "spec.nodeName", ""), node) == 0 &&
            (owner == NULL || strcmp(object_controller_uid(pods[i]), owner) == 0))
            found++;
    }
    return found;
}

static const cJSON *choose(const cJSON *pod, const cJSON *const *nodes, size_t node_count,
                           const cJSON *const *pods, size_t pod_count)
{
    const char *owner = object_controller_uid(pod);
    const cJSON *best = NULL;
    size_t best_same = SIZE_MAX, best_all = SIZE_MAX;

    for (size_t i = 0; i < node_count; i++) {
        size_t same, all;

        if (!node_fits(nodes[i], pod))
            continue;
        same = count_pods(object_name(nodes[i]), owner, pods, pod_count);
        all = count_pods(object_name(nodes[i]), NULL, pods, pod_count);
        if (same < best_same || (same == best_same && all < best_all)) {
            best = nodes[i];
            best_same = same;
            best_all = all;
        }
    }
    return best;
}

static cJSON *condition_scheduled(cJSON *object)
{
    cJSON *status = json_make(object, "status");
    cJSON *conditions = cJSON_GetObjectItemCaseSensitive(status, "conditions");
    cJSON *condition;

    if (conditions == NULL)
        conditions = cJSON_AddArrayToObject(status, "conditions");
    cJSON_ArrayForEach(condition, conditions)
    {
        if (strcmp(json_string(condition, "type", ""), "PodScheduled") == 0)
            return condition;
    }
    condition = cJSON_CreateObject();
    cJSON_AddStringToObject(condition, "type", "PodScheduled");
    cJSON_AddItemToArray(conditions, condition);
    return condition;
}

static void set_scheduled(cJSON *object, bool scheduled, int64_t utc_ns)
{
    cJSON *condition = condition_scheduled(object);
    const char *value = scheduled ? "True" : "False";

    if (strcmp(json_string(condition, "status", ""), value) != 0)
        object_put_time(condition, "lastTransitionTime", utc_ns);
    object_put_string(condition, "status", value);
    object_put(condition, "lastProbeTime", cJSON_CreateNull());
    if (scheduled) {
        cJSON_DeleteItemFromObjectCaseSensitive(condition, "reason");
        cJSON_DeleteItemFromObjectCaseSensitive(condition, "message");
    } else {
        object_put_string(condition, "reason", "Unschedulable");
        object_put_string(condition, "message", "no node is ready, schedulable and selected");
    }
}

void scheduler_place(const cJSON *pod, const cJSON *const *nodes, size_t node_count,
                     const cJSON *const *pods, size_t pod_count, int64_t utc_ns,
                     struct changes *changes)
{
    const cJSON *node;
    cJSON *object;

    if (!object_pod_active(pod) || json_string(pod, "spec.nodeName", "")[0] != '\0')
        return;
    node = choose(pod, nodes, node_count, pods, pod_count);
    object = cJSON_Duplicate(pod, true);
    set_scheduled(object, node != NULL, utc_ns);
    if (node == NULL) {
        if (object_condition(pod, "PodScheduled") == NULL)
            changes_event(changes, STORE_POD, pod, "default-scheduler", "Warning",
                          "FailedScheduling", utc_ns, "0/%zu nodes are available", node_count);
        changes_update(changes, STORE_POD, object);
        return;
    }
    object_put_string(json_make(object, "spec"), "nodeName", object_name(node));
    changes_update(changes, STORE_POD, object);
    changes_event(changes, STORE_POD, pod, "default-scheduler", "Normal", "Scheduled", utc_ns,
                  "Successfully assigned %s/%s to %s", object_namespace(pod), object_name(pod),
                  object_name(node));
}
