#include "lab/api_resource.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

const struct api_group_version api_group_versions[API_GROUP_VERSIONS] = {
    {"apps", "v1", 0, 0},
    {"authorization.k8s.io", "v1", 0, 0},
    {"discovery.k8s.io", "v1", 21, 0},
    {"discovery.k8s.io", "v1beta1", 0, 24},
    {"networking.k8s.io", "v1", 0, 0},
    {"policy", "v1", 21, 0},
    {"policy", "v1beta1", 0, 24},
};

const struct api_resource api_resources[API_RESOURCE_ROWS] = {
    [STORE_NAMESPACE] = {STORE_NAMESPACE, "", "v1", "v1", "namespaces", "namespace", "Namespace",
                         "ns", false, true, false, false},
    [STORE_NODE] = {STORE_NODE, "", "v1", "v1", "nodes", "node", "Node", "no", false, true, false,
                    false},
    [STORE_SERVICE] = {STORE_SERVICE, "", "v1", "v1", "services", "service", "Service", "svc", true,
                       true, false, true},
    [STORE_POD] = {STORE_POD, "", "v1", "v1", "pods", "pod", "Pod", "po", true, true, false, true},
    [STORE_ENDPOINTS] = {STORE_ENDPOINTS, "", "v1", "v1", "endpoints", "endpoints", "Endpoints",
                         "ep", true, false, false, false},
    [STORE_EVENT] = {STORE_EVENT, "", "v1", "v1", "events", "event", "Event", "ev", true, false,
                     false, false},
    [STORE_DEPLOYMENT] = {STORE_DEPLOYMENT, "apps", "v1", "apps/v1", "deployments", "deployment",
                          "Deployment", "deploy", true, true, true, true},
    [STORE_REPLICASET] = {STORE_REPLICASET, "apps", "v1", "apps/v1", "replicasets", "replicaset",
                          "ReplicaSet", "rs", true, true, true, true},
    [STORE_ENDPOINTSLICE] = {STORE_ENDPOINTSLICE, "discovery.k8s.io", "v1", "discovery.k8s.io/v1",
                             "endpointslices", "endpointslice", "EndpointSlice", NULL, true, false,
                             false, false},
    [STORE_BUDGET] = {STORE_BUDGET, "policy", "v1", "policy/v1", "poddisruptionbudgets",
                      "poddisruptionbudget", "PodDisruptionBudget", "pdb", true, true, false,
                      false},
    [STORE_INGRESS] = {STORE_INGRESS, "networking.k8s.io", "v1", "networking.k8s.io/v1",
                       "ingresses", "ingress", "Ingress", "ing", true, true, false, false},
    [STORE_CONFIGMAP] = {STORE_CONFIGMAP, "", "v1", "v1", "configmaps", "configmap", "ConfigMap",
                         "cm", true, false, false, false},
    [STORE_STATEFULSET] = {STORE_STATEFULSET, "apps", "v1", "apps/v1", "statefulsets",
                           "statefulset", "StatefulSet", "sts", true, true, true, true},
    [STORE_DAEMONSET] = {STORE_DAEMONSET, "apps", "v1", "apps/v1", "daemonsets", "daemonset",
                         "DaemonSet", "ds", true, true, false, true},
    [STORE_REVISION] = {STORE_REVISION, "apps", "v1", "apps/v1", "controllerrevisions",
                        "controllerrevision", "ControllerRevision", NULL, true, false, false,
                        false},
    [STORE_KIND_COUNT] = {STORE_ENDPOINTSLICE, "discovery.k8s.io", "v1beta1",
                          "discovery.k8s.io/v1beta1", "endpointslices", "endpointslice",
                          "EndpointSlice", NULL, true, false, false, false},
    [STORE_KIND_COUNT + 1] = {STORE_BUDGET, "policy", "v1beta1", "policy/v1beta1",
                              "poddisruptionbudgets", "poddisruptionbudget", "PodDisruptionBudget",
                              "pdb", true, true, false, false},
};

bool api_group_version_served(const char *group, const char *version, unsigned minor)
{
    if (group[0] == '\0')
        return strcmp(version, "v1") == 0;
    for (unsigned i = 0; i < API_GROUP_VERSIONS; i++) {
        const struct api_group_version *row = &api_group_versions[i];
        if (strcmp(row->group, group) == 0 && strcmp(row->version, version) == 0)
            return minor >= row->since && (row->until == 0 || minor <= row->until);
    }
    return false;
}

const struct api_resource *api_resource_find(const char *group, const char *version,
                                             const char *plural, unsigned minor)
{
    if (!api_group_version_served(group, version, minor))
        return NULL;
    for (unsigned i = 0; i < API_RESOURCE_ROWS; i++) {
        const struct api_resource *resource = &api_resources[i];
        if (strcmp(resource->plural, plural) == 0 && strcmp(resource->group, group) == 0 &&
            strcmp(resource->version, version) == 0)
            return resource;
    }
    return NULL;
}

static const char *with_group(const char *name, const char *group, char *out)
{
    snprintf(out, API_RESOURCE_NAME_BYTES, "%s%s%s", name, group[0] != '\0' ? "." : "", group);
    return out;
}

const char *api_resource_name(const struct api_resource *resource, char *out)
{
    return with_group(resource->plural, resource->group, out);
}

const char *api_resource_kind(const struct api_resource *resource, char *out)
{
    return with_group(resource->kind_name, resource->group, out);
}

/* The endpoints of a slice as discovery.k8s.io/v1beta1 had them. */
static cJSON *old_endpoints(const cJSON *endpoints)
{
    cJSON *old = cJSON_Duplicate(endpoints, true);
    cJSON *endpoint;
    cJSON_ArrayForEach(endpoint, old)
    {
        cJSON *conditions = cJSON_GetObjectItemCaseSensitive(endpoint, "conditions");
        cJSON *node = cJSON_DetachItemFromObjectCaseSensitive(endpoint, "nodeName");
        cJSON_DeleteItemFromObjectCaseSensitive(conditions, "serving");
        cJSON_DeleteItemFromObjectCaseSensitive(conditions, "terminating");
        if (node != NULL)
            cJSON_AddItemToObject(json_make(endpoint, "topology"), "kubernetes.io/hostname", node);
    }
    return old;
}

static void borrow_members(const struct api_resource *resource, cJSON *view, const cJSON *object)
{
    bool old = resource == &api_resources[STORE_KIND_COUNT];
    for (cJSON *member = object->child; member != NULL; member = member->next) {
        if (old && strcmp(member->string, "endpoints") == 0)
            cJSON_AddItemToObject(view, member->string, old_endpoints(member));
        else if (strcmp(member->string, "kind") != 0 && strcmp(member->string, "apiVersion") != 0)
            cJSON_AddItemReferenceToObject(view, member->string, member);
    }
}

cJSON *api_resource_view(const struct api_resource *resource, const cJSON *object)
{
    cJSON *view = cJSON_CreateObject();
    cJSON_AddStringToObject(view, "kind", resource->kind_name);
    cJSON_AddStringToObject(view, "apiVersion", resource->api_version);
    borrow_members(resource, view, object);
    return view;
}

cJSON *api_resource_item_view(const struct api_resource *resource, const cJSON *object)
{
    cJSON *view = cJSON_CreateObject();
    borrow_members(resource, view, object);
    return view;
}
