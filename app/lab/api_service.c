#include "lab/api_service.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_status.h"

enum {
    HOSTS = 65534,
    FIRST_HOST = 10, /* Those below are for the cluster's own Services. */
    PORT_BASE = 30000,
    PORTS = 2768,
};

static void allocate_addresses(struct api_service_ranges *ranges, const struct store *store,
                               cJSON *spec, const cJSON *old);
static void allocate_node_ports(struct api_service_ranges *ranges, const struct store *store,
                                cJSON *spec, const cJSON *old);

static void allocate_health_port(struct api_service_ranges *ranges, const struct store *store,
                                 cJSON *spec, const cJSON *old);

void api_service_allocate(struct api_service_ranges *ranges, const struct store *store,
                          cJSON *service, const cJSON *old)
{
    cJSON *spec = cJSON_GetObjectItemCaseSensitive(service, "spec");
    const char *type = json_string(spec, "type", "ClusterIP");
    bool balanced = strcmp(type, "LoadBalancer") == 0;
    if (strcmp(type, "ExternalName") == 0)
        return;
    allocate_addresses(ranges, store, spec, old);
    if (strcmp(type, "NodePort") == 0 ||
        (balanced && json_bool(spec, "allocateLoadBalancerNodePorts", true)))
        allocate_node_ports(ranges, store, spec, old);
    allocate_health_port(ranges, store, spec, old);
}

/* Whether SERVICE is a later state of OLD. */
static bool is_same(const cJSON *service, const cJSON *old)
{
    return old != NULL && strcmp(json_string(service, "metadata.uid", ""),
                                 json_string(old, "metadata.uid", "?")) == 0;
}

static bool address_in_use(const struct store *store, const char *address, const cJSON *old)
{
    const cJSON *service = NULL;
    while ((service = store_next(store, STORE_SERVICE, NULL, service)) != NULL) {
        const cJSON *other;
        if (is_same(service, old))
            continue;
        cJSON_ArrayForEach(other, json_at(service, "spec.clusterIPs"))
        {
            if (cJSON_IsString(other) && strcmp(other->valuestring, address) == 0)
                return true;
        }
    }
    return false;
}

static void next_address(struct api_service_ranges *ranges, const struct store *store, bool is_v6,
                         char out[32])
{
    for (unsigned i = 0; i < HOSTS; i++) {
        uint32_t host = ranges->last_host % HOSTS + 1;
        ranges->last_host = host < FIRST_HOST ? FIRST_HOST : host;
        host = ranges->last_host;
        if (is_v6)
            snprintf(out, 32, "fd00:10:96::%x", host);
        else
            snprintf(out, 32, "10.96.%u.%u", host >> 8, host & 0xff);
        if (!address_in_use(store, out, NULL))
            return;
    }
}

/* clusterIP is the first of clusterIPs, whichever of them was given. */
static void allocate_addresses(struct api_service_ranges *ranges, const struct store *store,
                               cJSON *spec, const cJSON *old)
{
    const cJSON *before = json_at(old, "spec.clusterIPs");
    cJSON *addresses = cJSON_GetObjectItemCaseSensitive(spec, "clusterIPs");
    const char *single = json_string(spec, "clusterIP", "");
    if (addresses == NULL)
        addresses = cJSON_AddArrayToObject(spec, "clusterIPs");
    if (addresses->child == NULL && single[0] != '\0')
        cJSON_AddItemToArray(addresses, cJSON_CreateString(single));
    bool headless = addresses->child != NULL && strcmp(addresses->child->valuestring, "None") == 0;
    const cJSON *family;
    int index = 0;
    cJSON_ArrayForEach(family, json_member(spec, "ipFamilies"))
    {
        const cJSON *kept = cJSON_GetArrayItem(before, index);
        char fresh[32] = "";
        if (cJSON_GetArraySize(addresses) > index++ || headless)
            continue;
        if (kept == NULL)
            next_address(ranges, store, strcmp(family->valuestring, "IPv6") == 0, fresh);
        cJSON_AddItemToArray(addresses, kept != NULL ? cJSON_Duplicate(kept, true)
                                                     : cJSON_CreateString(fresh));
    }
    if (single[0] == '\0' && addresses->child != NULL)
        cJSON_AddStringToObject(spec, "clusterIP", addresses->child->valuestring);
}

static bool has_port(const cJSON *spec, int64_t node_port)
{
    const cJSON *port;
    cJSON_ArrayForEach(port, json_member(spec, "ports"))
    {
        if (json_integer(port, "nodePort", 0) == node_port)
            return true;
    }
    return json_integer(spec, "healthCheckNodePort", 0) == node_port;
}

/* By another Service than OLD. */
static bool port_in_use(const struct store *store, int64_t node_port, const cJSON *old)
{
    const cJSON *service = NULL;
    while ((service = store_next(store, STORE_SERVICE, NULL, service)) != NULL) {
        if (!is_same(service, old) && has_port(json_member(service, "spec"), node_port))
            return true;
    }
    return false;
}

void api_service_check(const struct store *store, const cJSON *service, const cJSON *old,
                       cJSON *causes)
{
    static const char invalid[] = "FieldValueInvalid";
    const cJSON *spec = json_member(service, "spec"), *item;
    char field[48];
    unsigned index = 0;
    cJSON_ArrayForEach(item, json_member(spec, "clusterIPs"))
    {
        if (cJSON_IsString(item) && strcmp(item->valuestring, "None") != 0 &&
            address_in_use(store, item->valuestring, old))
            api_status_cause(causes, "spec.clusterIPs", invalid,
                             "Invalid value: [\"%.60s\"]: failed to allocate IP %.60s: provided IP "
                             "is already allocated",
                             item->valuestring, item->valuestring);
    }
    cJSON_ArrayForEach(item, json_member(spec, "ports"))
    {
        int64_t port = json_integer(item, "nodePort", 0);
        snprintf(field, sizeof(field), "spec.ports[%u].nodePort", index++);
        if (port == 0)
            continue;
        if (port < PORT_BASE || port >= PORT_BASE + PORTS)
            api_status_cause(causes, field, invalid,
                             "Invalid value: %lld: provided port is not in the valid range. The "
                             "range of valid ports is %d-%d",
                             (long long)port, PORT_BASE, PORT_BASE + PORTS - 1);
        else if (port_in_use(store, port, old))
            api_status_cause(causes, field, invalid,
                             "Invalid value: %lld: provided port is already allocated",
                             (long long)port);
    }
}

/* What OLD has for the port of the same number; 0: nothing. */
static int64_t kept_port(const cJSON *old, const cJSON *port)
{
    const cJSON *other;
    cJSON_ArrayForEach(other, json_at(old, "spec.ports"))
    {
        if (json_integer(other, "port", 0) == json_integer(port, "port", 0) &&
            strcmp(json_string(other, "protocol", ""), json_string(port, "protocol", "")) == 0)
            return json_integer(other, "nodePort", 0);
    }
    return 0;
}

/* 0: all are taken. */
static int64_t next_port(struct api_service_ranges *ranges, const struct store *store,
                         const cJSON *spec)
{
    for (unsigned i = 0; i < PORTS; i++) {
        ranges->last_port = (ranges->last_port + 1) % PORTS;
        int64_t port = PORT_BASE + (int64_t)ranges->last_port;
        if (!has_port(spec, port) && !port_in_use(store, port, NULL))
            return PORT_BASE + ranges->last_port;
    }
    return 0;
}

/* A Service that needs none has none. */
static void allocate_health_port(struct api_service_ranges *ranges, const struct store *store,
                                 cJSON *spec, const cJSON *old)
{
    bool needed = strcmp(json_string(spec, "type", ""), "LoadBalancer") == 0 &&
                  strcmp(json_string(spec, "externalTrafficPolicy", ""), "Local") == 0;
    int64_t port = json_integer(spec, "healthCheckNodePort", 0);

    if (needed && port == 0)
        port = json_integer(old, "spec.healthCheckNodePort", 0);
    if (needed && port == 0)
        port = next_port(ranges, store, spec);
    cJSON_DeleteItemFromObjectCaseSensitive(spec, "healthCheckNodePort");
    if (needed && port != 0)
        cJSON_AddNumberToObject(spec, "healthCheckNodePort", (double)port);
}

static void allocate_node_ports(struct api_service_ranges *ranges, const struct store *store,
                                cJSON *spec, const cJSON *old)
{
    cJSON *port;
    cJSON_ArrayForEach(port, cJSON_GetObjectItemCaseSensitive(spec, "ports"))
    {
        if (json_integer(port, "nodePort", 0) != 0)
            continue;
        int64_t node_port = kept_port(old, port);
        if (node_port == 0)
            node_port = next_port(ranges, store, spec);
        if (node_port != 0) {
            cJSON_DeleteItemFromObjectCaseSensitive(port, "nodePort");
            cJSON_AddNumberToObject(port, "nodePort", (double)node_port);
        }
    }
}
