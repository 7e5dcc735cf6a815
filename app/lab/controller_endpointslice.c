#include "lab/controller_endpointslice.h"

#include <stdio.h>
#include <string.h>

#include "lab/object.h"

static const char service_label[] = "kubernetes.io/service-name";

int64_t endpointslice_target_port(const cJSON *service_port, const cJSON *pod)
{
    const cJSON *target = json_at(service_port, "targetPort");
    const cJSON *container, *port;

    if (cJSON_IsNumber(target) && target->valueint > 0)
        return target->valueint;
    if (!cJSON_IsString(target))
        return json_integer(service_port, "port", 0);
    cJSON_ArrayForEach(container, json_at(pod, "spec.containers"))
    {
        cJSON_ArrayForEach(port, json_at(container, "ports"))
        {
            if (strcmp(json_string(port, "name", ""), target->valuestring) == 0)
                return json_integer(port, "containerPort", 0);
        }
    }
    return 0;
}

static bool address_is_family(const char *address, bool v6)
{
    return address[0] != '\0' && (strchr(address, ':') != NULL) == v6;
}

static const char *pod_address(const cJSON *pod, bool v6)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, json_at(pod, "status.podIPs"))
    {
        const char *address = json_string(item, "ip", "");
        if (address_is_family(address, v6))
            return address;
    }
    return "";
}

static bool pod_counts(const cJSON *service, const cJSON *pod, bool v6)
{
    return object_labels_match(json_at(service, "spec.selector"), pod) &&
           !object_pod_finished(pod) && pod_address(pod, v6)[0] != '\0';
}

static cJSON *target_reference(const cJSON *pod)
{
    cJSON *reference = cJSON_CreateObject();

    cJSON_AddStringToObject(reference, "kind", "Pod");
    cJSON_AddStringToObject(reference, "namespace", object_namespace(pod));
    cJSON_AddStringToObject(reference, "name", object_name(pod));
    cJSON_AddStringToObject(reference, "uid", object_uid(pod));
    return reference;
}

static cJSON *endpoint_of(const cJSON *service, const cJSON *pod, bool v6)
{
    bool serving = object_pod_ready(pod), terminating = object_deleting(pod);
    bool always = json_bool(service, "spec.publishNotReadyAddresses", false);
    const char *node = json_string(pod, "spec.nodeName", "");
    cJSON *endpoint = cJSON_CreateObject();
    cJSON *addresses = cJSON_AddArrayToObject(endpoint, "addresses");
    cJSON *conditions = cJSON_AddObjectToObject(endpoint, "conditions");

    cJSON_AddItemToArray(addresses, cJSON_CreateString(pod_address(pod, v6)));
    cJSON_AddBoolToObject(conditions, "ready", always || (serving && !terminating));
    cJSON_AddBoolToObject(conditions, "serving", serving);
    cJSON_AddBoolToObject(conditions, "terminating", terminating);
    cJSON_AddItemToObject(endpoint, "targetRef", target_reference(pod));
    if (node[0] != '\0')
        cJSON_AddStringToObject(endpoint, "nodeName", node);
    return endpoint;
}

/* The first counting pod decides what a named port means: pods of one template agree. */
static cJSON *slice_ports(const cJSON *service, const cJSON *const *pods, size_t count, bool v6)
{
    cJSON *ports = cJSON_CreateArray();
    const cJSON *sample = NULL, *item;

    for (size_t i = 0; i < count && sample == NULL; i++) {
        if (pod_counts(service, pods[i], v6))
            sample = pods[i];
    }
    cJSON_ArrayForEach(item, json_at(service, "spec.ports"))
    {
        int64_t number = endpointslice_target_port(item, sample);
        cJSON *port;

        if (number == 0)
            continue;
        port = cJSON_CreateObject();
        cJSON_AddStringToObject(port, "name", json_string(item, "name", ""));
        cJSON_AddStringToObject(port, "protocol", json_string(item, "protocol", "TCP"));
        cJSON_AddNumberToObject(port, "port", (double)number);
        cJSON_AddItemToArray(ports, port);
    }
    return ports;
}

static bool listed(const cJSON *endpoints, const cJSON *pod)
{
    const cJSON *endpoint;

    cJSON_ArrayForEach(endpoint, endpoints)
    {
        if (strcmp(json_string(endpoint, "targetRef.uid", ""), object_uid(pod)) == 0)
            return true;
    }
    return false;
}

static const cJSON *pod_by_uid(const cJSON *const *pods, size_t count, const char *uid)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(object_uid(pods[i]), uid) == 0)
            return pods[i];
    }
    return NULL;
}

static cJSON *slice_endpoints(const cJSON *service, const cJSON *const *pods, size_t count,
                              const cJSON *present, bool v6)
{
    cJSON *endpoints = cJSON_CreateArray();
    const cJSON *endpoint;

    cJSON_ArrayForEach(endpoint, present)
    {
        const cJSON *pod = pod_by_uid(pods, count, json_string(endpoint, "targetRef.uid", ""));
        if (pod != NULL && pod_counts(service, pod, v6) && !listed(endpoints, pod))
            cJSON_AddItemToArray(endpoints, endpoint_of(service, pod, v6));
    }
    for (size_t i = 0; i < count; i++) {
        if (pod_counts(service, pods[i], v6) && !listed(endpoints, pods[i]))
            cJSON_AddItemToArray(endpoints, endpoint_of(service, pods[i], v6));
    }
    return endpoints;
}

static cJSON *new_slice(const cJSON *service, bool v6)
{
    cJSON *slice =
        object_new("discovery.k8s.io/v1", "EndpointSlice", object_namespace(service), NULL);
    cJSON *labels = json_make(slice, "metadata.labels");
    char name[300];

    snprintf(name, sizeof(name), "%s-", object_name(service));
    cJSON_AddStringToObject(json_make(slice, "metadata"), "generateName", name);
    cJSON_AddStringToObject(labels, "endpointslice.kubernetes.io/managed-by",
                            "endpointslice-controller.k8s.io");
    cJSON_AddStringToObject(labels, service_label, object_name(service));
    object_set_controller(slice, service, "v1", "Service");
    cJSON_AddStringToObject(slice, "addressType", v6 ? "IPv6" : "IPv4");
    return slice;
}

static bool service_has_family(const cJSON *service, bool v6)
{
    const cJSON *family;

    cJSON_ArrayForEach(family, json_at(service, "spec.ipFamilies"))
    {
        if (cJSON_IsString(family) && strcmp(family->valuestring, v6 ? "IPv6" : "IPv4") == 0)
            return true;
    }
    return !v6 && json_at(service, "spec.ipFamilies") == NULL;
}

static void sync_slice(const cJSON *service, const cJSON *const *pods, size_t pod_count,
                       const cJSON *const *slices, size_t slice_count, bool v6,
                       struct changes *changes)
{
    const cJSON *present = NULL;
    cJSON *slice;

    for (size_t i = 0; i < slice_count; i++) {
        if (strcmp(json_string(slices[i], "addressType", ""), v6 ? "IPv6" : "IPv4") == 0)
            present = slices[i];
    }
    if (!service_has_family(service, v6)) {
        if (present != NULL)
            changes_delete(changes, STORE_ENDPOINTSLICE, present);
        return;
    }
    slice = present != NULL ? cJSON_Duplicate(present, true) : new_slice(service, v6);
    object_put(slice, "endpoints",
               slice_endpoints(service, pods, pod_count, json_at(present, "endpoints"), v6));
    object_put(slice, "ports", slice_ports(service, pods, pod_count, v6));
    if (present != NULL)
        changes_update(changes, STORE_ENDPOINTSLICE, slice);
    else
        changes_create(changes, STORE_ENDPOINTSLICE, slice);
}

static cJSON *endpoints_address(const cJSON *pod)
{
    cJSON *address = cJSON_CreateObject();

    cJSON_AddStringToObject(address, "ip", pod_address(pod, false));
    if (json_string(pod, "spec.nodeName", "")[0] != '\0')
        cJSON_AddStringToObject(address, "nodeName", json_string(pod, "spec.nodeName", ""));
    cJSON_AddItemToObject(address, "targetRef", target_reference(pod));
    return address;
}

static cJSON *endpoints_subset(const cJSON *service, const cJSON *const *pods, size_t count)
{
    cJSON *ready = cJSON_CreateArray(), *not_ready = cJSON_CreateArray();
    cJSON *subset = cJSON_CreateObject();

    for (size_t i = 0; i < count; i++) {
        if (!pod_counts(service, pods[i], false) || object_deleting(pods[i]))
            continue;
        cJSON_AddItemToArray(object_pod_ready(pods[i]) ? ready : not_ready,
                             endpoints_address(pods[i]));
    }
    if (ready->child != NULL)
        cJSON_AddItemToObject(subset, "addresses", ready);
    else
        cJSON_Delete(ready);
    if (not_ready->child != NULL)
        cJSON_AddItemToObject(subset, "notReadyAddresses", not_ready);
    else
        cJSON_Delete(not_ready);
    if (subset->child == NULL) {
        cJSON_Delete(subset);
        return NULL;
    }
    cJSON_AddItemToObject(subset, "ports", slice_ports(service, pods, count, false));
    return subset;
}

/* The older form, IPv4 alone: kubectl describe and aged programs read it. */
static void sync_endpoints(const cJSON *service, const cJSON *const *pods, size_t count,
                           const cJSON *present, struct changes *changes)
{
    cJSON *subset = endpoints_subset(service, pods, count);
    cJSON *object, *subsets;

    object = present != NULL
                 ? cJSON_Duplicate(present, true)
                 : object_new("v1", "Endpoints", object_namespace(service), object_name(service));
    subsets = cJSON_CreateArray();
    if (subset != NULL)
        cJSON_AddItemToArray(subsets, subset);
    object_put(object, "subsets", subsets);
    if (present != NULL) {
        changes_update(changes, STORE_ENDPOINTS, object);
        return;
    }
    object_put_string(json_make(object, "metadata.labels"), "endpoints.kubernetes.io/managed-by",
                      "endpoint-controller");
    changes_create(changes, STORE_ENDPOINTS, object);
}

void controller_endpointslice(const cJSON *service, const cJSON *const *pods, size_t pod_count,
                              const cJSON *const *slices, size_t slice_count,
                              const cJSON *endpoints, struct changes *changes)
{
    const cJSON *selector = json_at(service, "spec.selector");

    if (object_deleting(service) || !cJSON_IsObject(selector) || selector->child == NULL)
        return;
    sync_slice(service, pods, pod_count, slices, slice_count, false, changes);
    sync_slice(service, pods, pod_count, slices, slice_count, true, changes);
    sync_endpoints(service, pods, pod_count, endpoints, changes);
}
