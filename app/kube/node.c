#include "kube/node.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

enum {
    POD_CIDRS_MAX = 16
};

static void cidrs_read(struct kube_arena *arena, const cJSON *json, struct kube_node *node);

void kube_node_read(struct kube_arena *arena, const cJSON *json, struct kube_node *node)
{
    static const char exclude[] = "node.kubernetes.io/exclude-from-external-load-balancers";
    struct kube_conditions conditions;
    const cJSON *address;
    *node = (struct kube_node){
        .unschedulable = json_bool(json, "spec.unschedulable", false),
        .excluded = json_member(json_at(json, "metadata.labels"), exclude) != NULL,
    };
    kube_conditions_read(arena, json_at(json, "status.conditions"), &conditions);
    const struct kube_condition *ready = kube_condition_find(&conditions, "Ready");
    node->ready = ready != NULL && strcmp(ready->status, "True") == 0;
    node->told = ready != NULL;
    node->ready_reason = ready == NULL ? "" : ready->reason;
    node->ready_message = ready == NULL ? "" : ready->message;
    cJSON_ArrayForEach(address, json_at(json, "status.addresses"))
    {
        const char *type = json_string(address, "type", "");
        const char *text = json_string(address, "address", "");
        if (strcmp(type, "InternalIP") == 0)
            kube_addresses_add(arena, &node->internal, text);
        else if (strcmp(type, "ExternalIP") == 0)
            kube_addresses_add(arena, &node->external, text);
    }
    cidrs_read(arena, json, node);
}

void kube_node_why_not_ready(const struct kube_node *node, char *out, unsigned out_bytes)
{
    if (node->ready)
        out[0] = '\0';
    else if (!node->told)
        snprintf(out, out_bytes, "its kubelet has not said anything yet");
    else
        snprintf(out, out_bytes, "%s%s%s", node->ready_reason,
                 node->ready_reason[0] != '\0' && node->ready_message[0] != '\0' ? ": " : "",
                 node->ready_message[0] != '\0'  ? node->ready_message
                 : node->ready_reason[0] != '\0' ? ""
                                                 : "its kubelet says so");
}

static void cidrs_read(struct kube_arena *arena, const cJSON *json, struct kube_node *node)
{
    const cJSON *item;
    node->pod_cidrs = kube_arena_take(arena, POD_CIDRS_MAX, sizeof(*node->pod_cidrs));
    if (node->pod_cidrs == NULL)
        return;
    cJSON_ArrayForEach(item, json_at(json, "spec.podCIDRs"))
    {
        if (node->pod_cidrs_count < POD_CIDRS_MAX && cJSON_IsString(item) &&
            prefix_parse(item->valuestring, &node->pod_cidrs[node->pod_cidrs_count], NULL) == 0)
            node->pod_cidrs_count++;
    }
    if (node->pod_cidrs_count == 0 &&
        prefix_parse(json_string(json, "spec.podCIDR", ""), &node->pod_cidrs[0], NULL) == 0)
        node->pod_cidrs_count = 1;
}
