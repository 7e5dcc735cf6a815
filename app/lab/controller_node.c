#include "lab/controller_node.h"

#include <string.h>

#include "lab/object.h"

static const char cordon_taint[] = "node.kubernetes.io/unschedulable";

/* The place of the taint in TAINTS; -1: it is not there. */
static int find_taint(const cJSON *taints)
{
    const cJSON *taint;
    int index = 0;

    cJSON_ArrayForEach(taint, taints)
    {
        if (strcmp(json_string(taint, "key", ""), cordon_taint) == 0 &&
            strcmp(json_string(taint, "effect", ""), "NoSchedule") == 0)
            return index;
        index++;
    }
    return -1;
}

static void add_taint(cJSON *spec, int64_t utc_ns)
{
    cJSON *taints = cJSON_GetObjectItemCaseSensitive(spec, "taints");
    cJSON *taint = cJSON_CreateObject();

    if (taints == NULL)
        taints = cJSON_AddArrayToObject(spec, "taints");
    cJSON_AddStringToObject(taint, "key", cordon_taint);
    cJSON_AddStringToObject(taint, "effect", "NoSchedule");
    object_put_time(taint, "timeAdded", utc_ns);
    cJSON_AddItemToArray(taints, taint);
}

static void remove_taint(cJSON *spec, int index)
{
    cJSON *taints = cJSON_GetObjectItemCaseSensitive(spec, "taints");

    cJSON_DeleteItemFromArray(taints, index);
    if (taints->child == NULL)
        cJSON_DeleteItemFromObjectCaseSensitive(spec, "taints");
}

void controller_node(const cJSON *node, int64_t utc_ns, struct changes *changes)
{
    bool cordoned = json_bool(node, "spec.unschedulable", false);
    int index = find_taint(json_at(node, "spec.taints"));
    const char *reason = cordoned ? "NodeNotSchedulable" : "NodeSchedulable";
    cJSON *object;

    if (cordoned == (index >= 0))
        return;
    object = cJSON_Duplicate(node, true);
    if (cordoned)
        add_taint(json_make(object, "spec"), utc_ns);
    else
        remove_taint(json_make(object, "spec"), index);
    changes_update(changes, STORE_NODE, object);
    changes_event(changes, STORE_NODE, node, "kubelet", "Normal", reason, utc_ns,
                  "Node %s status is now: %s", object_name(node), reason);
}
