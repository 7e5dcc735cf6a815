#include "kube/node.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

void kube_node_read(struct kube_arena *arena, const cJSON *json, struct kube_node *node)
{
    struct kube_conditions conditions;
    const cJSON *address;
    *node = (struct kube_node){
        .unschedulable = json_bool(json, "spec.unschedulable", false),
    };
    kube_conditions_read(arena, json_at(json, "status.conditions"), &conditions);
    const struct kube_condition *ready = kube_condition_find(&conditions, "Ready");
    node->ready = ready != NULL && strcmp(ready->status, "True") == 0;
    node->told = ready != NULL;
    node->ready_reason = ready == NULL ? "" : ready->reason;
    node->ready_message = ready == NULL ? "" : ready->message;
    cJSON_ArrayForEach(address, json_at(json, "status.addresses"))
    {
        if (strcmp(json_string(address, "type", ""), "InternalIP") == 0)
            kube_addresses_add(arena, &node->internal, json_string(address, "address", ""));
    }
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
