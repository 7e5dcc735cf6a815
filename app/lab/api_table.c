#include "lab/api_table.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_cells.h"

/* A column and the function that writes its cell. */
struct column {
    const char *name;      /* As kubectl prints it, in capitals; NULL ends a list. */
    const char *type;      /* string or integer. */
    int priority;          /* 1: -o wide only. */
    api_cell_writer write; /* Writes the text of the cell. */
    const char *path;      /* What the writer works on; may be NULL. */
};

static const struct column pod_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Ready", "string", 0, api_cell_pod_ready, NULL},
    {"Status", "string", 0, api_cell_pod_status, NULL},
    {"Restarts", "string", 0, api_cell_pod_restarts, NULL},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {"IP", "string", 1, api_cell_text_or_none, "status.podIP"},
    {"Node", "string", 1, api_cell_text_or_none, "spec.nodeName"},
    {"Nominated Node", "string", 1, api_cell_text_or_none, "status.nominatedNodeName"},
    {"Readiness Gates", "string", 1, api_cell_text_or_none, "spec.none"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column deployment_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Ready", "string", 0, api_cell_deployment_ready, NULL},
    {"Up-to-date", "integer", 0, api_cell_number, "status.updatedReplicas"},
    {"Available", "integer", 0, api_cell_number, "status.availableReplicas"},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {"Containers", "string", 1, api_cell_containers, "name"},
    {"Images", "string", 1, api_cell_containers, "image"},
    {"Selector", "string", 1, api_cell_map, "spec.selector.matchLabels"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column replicaset_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Desired", "integer", 0, api_cell_number, "spec.replicas"},
    {"Current", "integer", 0, api_cell_number, "status.replicas"},
    {"Ready", "integer", 0, api_cell_number, "status.readyReplicas"},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {"Containers", "string", 1, api_cell_containers, "name"},
    {"Images", "string", 1, api_cell_containers, "image"},
    {"Selector", "string", 1, api_cell_map, "spec.selector.matchLabels"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column service_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Type", "string", 0, api_cell_text, "spec.type"},
    {"Cluster-IP", "string", 0, api_cell_text_or_none, "spec.clusterIP"},
    {"External-IP", "string", 0, api_cell_external_ip, NULL},
    {"Port(s)", "string", 0, api_cell_service_ports, NULL},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {"Selector", "string", 1, api_cell_map, "spec.selector"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column node_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Status", "string", 0, api_cell_node_status, NULL},
    {"Roles", "string", 0, api_cell_node_roles, NULL},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {"Version", "string", 0, api_cell_text, "status.nodeInfo.kubeletVersion"},
    {"Internal-IP", "string", 1, api_cell_node_address, "InternalIP"},
    {"External-IP", "string", 1, api_cell_node_address, "ExternalIP"},
    {"OS-Image", "string", 1, api_cell_text_or_unknown, "status.nodeInfo.osImage"},
    {"Kernel-Version", "string", 1, api_cell_text_or_unknown, "status.nodeInfo.kernelVersion"},
    {"Container-Runtime", "string", 1, api_cell_text_or_unknown,
     "status.nodeInfo.containerRuntimeVersion"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column endpoints_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Endpoints", "string", 0, api_cell_endpoints, NULL},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column slice_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"AddressType", "string", 0, api_cell_text, "addressType"},
    {"Ports", "string", 0, api_cell_slice_ports, NULL},
    {"Endpoints", "string", 0, api_cell_slice_endpoints, NULL},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column event_columns[] = {
    {"Last Seen", "string", 0, api_cell_event_seen, "lastTimestamp"},
    {"Type", "string", 0, api_cell_text, "type"},
    {"Reason", "string", 0, api_cell_text, "reason"},
    {"Object", "string", 0, api_cell_event_object, NULL},
    {"Subobject", "string", 1, api_cell_text, "involvedObject.fieldPath"},
    {"Source", "string", 1, api_cell_event_source, NULL},
    {"Message", "string", 0, api_cell_text, "message"},
    {"First Seen", "string", 1, api_cell_event_seen, "firstTimestamp"},
    {"Count", "integer", 1, api_cell_number, "count"},
    {"Name", "string", 1, api_cell_text, "metadata.name"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column budget_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Min Available", "string", 0, api_cell_int_or_string, "spec.minAvailable"},
    {"Max Unavailable", "string", 0, api_cell_int_or_string, "spec.maxUnavailable"},
    {"Allowed Disruptions", "integer", 0, api_cell_number, "status.disruptionsAllowed"},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column ingress_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Class", "string", 0, api_cell_text_or_none, "spec.ingressClassName"},
    {"Hosts", "string", 0, api_cell_ingress_hosts, NULL},
    {"Address", "string", 0, api_cell_addresses, NULL},
    {"Ports", "string", 0, api_cell_ingress_ports, NULL},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column configmap_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Data", "string", 0, api_cell_data_count, NULL},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column statefulset_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Ready", "string", 0, api_cell_deployment_ready, NULL},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {"Containers", "string", 1, api_cell_containers, "name"},
    {"Images", "string", 1, api_cell_containers, "image"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column daemonset_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Desired", "integer", 0, api_cell_number, "status.desiredNumberScheduled"},
    {"Current", "integer", 0, api_cell_number, "status.currentNumberScheduled"},
    {"Ready", "integer", 0, api_cell_number, "status.numberReady"},
    {"Up-to-date", "integer", 0, api_cell_number, "status.updatedNumberScheduled"},
    {"Available", "integer", 0, api_cell_number, "status.numberAvailable"},
    {"Node Selector", "string", 0, api_cell_map, "spec.template.spec.nodeSelector"},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {"Containers", "string", 1, api_cell_containers, "name"},
    {"Images", "string", 1, api_cell_containers, "image"},
    {"Selector", "string", 1, api_cell_map, "spec.selector.matchLabels"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column revision_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Revision", "integer", 0, api_cell_number, "revision"},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column namespace_columns[] = {
    {"Name", "string", 0, api_cell_text, "metadata.name"},
    {"Status", "string", 0, api_cell_text, "status.phase"},
    {"Age", "string", 0, api_cell_age, "metadata.creationTimestamp"},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct column *const columns_of[STORE_KIND_COUNT] = {
    [STORE_NAMESPACE] = namespace_columns,     [STORE_NODE] = node_columns,
    [STORE_SERVICE] = service_columns,         [STORE_POD] = pod_columns,
    [STORE_ENDPOINTS] = endpoints_columns,     [STORE_EVENT] = event_columns,
    [STORE_DEPLOYMENT] = deployment_columns,   [STORE_REPLICASET] = replicaset_columns,
    [STORE_ENDPOINTSLICE] = slice_columns,     [STORE_BUDGET] = budget_columns,
    [STORE_STATEFULSET] = statefulset_columns, [STORE_DAEMONSET] = daemonset_columns,
    [STORE_REVISION] = revision_columns,       [STORE_INGRESS] = ingress_columns,
    [STORE_CONFIGMAP] = configmap_columns,
};

cJSON *api_table_new(const struct api_resource *resource, cJSON *metadata)
{
    cJSON *table = cJSON_CreateObject();
    cJSON_AddStringToObject(table, "kind", "Table");
    cJSON_AddStringToObject(table, "apiVersion", "meta.k8s.io/v1");
    cJSON_AddItemToObject(table, "metadata", metadata);
    cJSON *definitions = cJSON_AddArrayToObject(table, "columnDefinitions");
    for (const struct column *column = columns_of[resource->kind]; column->name != NULL; column++) {
        cJSON *definition = cJSON_CreateObject();
        cJSON_AddStringToObject(definition, "name", column->name);
        cJSON_AddStringToObject(definition, "type", column->type);
        cJSON_AddStringToObject(definition, "format",
                                strcmp(column->name, "Name") == 0 ? "name" : "");
        cJSON_AddStringToObject(definition, "description", column->name);
        cJSON_AddNumberToObject(definition, "priority", column->priority);
        cJSON_AddItemToArray(definitions, definition);
    }
    cJSON_AddArrayToObject(table, "rows");
    return table;
}

static cJSON *partial_object(const cJSON *object)
{
    cJSON *partial = cJSON_CreateObject();
    cJSON_AddStringToObject(partial, "kind", "PartialObjectMetadata");
    cJSON_AddStringToObject(partial, "apiVersion", "meta.k8s.io/v1");
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    if (metadata != NULL)
        cJSON_AddItemReferenceToObject(partial, "metadata", metadata);
    return partial;
}

void api_table_add(cJSON *table, const struct api_resource *resource, const cJSON *object,
                   enum api_table_include include, int64_t utc_ns)
{
    cJSON *row = cJSON_CreateObject();
    cJSON *cells = cJSON_AddArrayToObject(row, "cells");
    struct text cell = {0};
    for (const struct column *column = columns_of[resource->kind]; column->name != NULL; column++) {
        text_clear(&cell);
        if (column->write == api_cell_number) {
            cJSON_AddItemToArray(cells, cJSON_CreateNumber(json_number(object, column->path, 0)));
            continue;
        }
        column->write(object, column->path, utc_ns, &cell);
        cJSON_AddItemToArray(cells, cJSON_CreateString(text_str(&cell)));
    }
    text_free(&cell);
    if (include == API_TABLE_METADATA)
        cJSON_AddItemToObject(row, "object", partial_object(object));
    else if (include == API_TABLE_OBJECT)
        cJSON_AddItemToObject(row, "object", api_resource_view(resource, object));
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(table, "rows"), row);
}

/* The smaller unit is left out when it is 0. */
static void two_units(char out[32], long long large, char large_unit, long long small,
                      char small_unit)
{
    if (small != 0)
        snprintf(out, 32, "%lld%c%lld%c", large, large_unit, small, small_unit);
    else
        snprintf(out, 32, "%lld%c", large, large_unit);
}

void api_table_format_age(int64_t age_s, char out[32])
{
    long long s = age_s < 0 ? 0 : age_s;
    long long m = s / 60;
    long long h = m / 60;
    long long d = h / 24;
    long long y = d / 365;
    if (s < 120)
        snprintf(out, 32, "%llds", s);
    else if (m < 10)
        two_units(out, m, 'm', s % 60, 's');
    else if (m < 180)
        snprintf(out, 32, "%lldm", m);
    else if (h < 8)
        two_units(out, h, 'h', m % 60, 'm');
    else if (h < 48)
        snprintf(out, 32, "%lldh", h);
    else if (d < 8)
        two_units(out, d, 'd', h % 24, 'h');
    else if (y < 2)
        snprintf(out, 32, "%lldd", d);
    else if (y < 8)
        two_units(out, y, 'y', d % 365, 'd');
    else
        snprintf(out, 32, "%lldy", y);
}
