#include "kube/endpointslice.h"

#include <netinet/in.h>
#include <string.h>

#include "base/json.h"

static void endpoint_read(struct kube_arena *arena, const cJSON *json,
                          struct kube_endpoint *endpoint);
static void endpoints_read(struct kube_arena *arena, const cJSON *array,
                           struct kube_endpointslice *slice);
static void subsets_read(struct kube_arena *arena, const cJSON *json,
                         struct kube_endpointslice *slice);
static void subset_read(struct kube_arena *arena, const cJSON *array, bool ready,
                        struct kube_endpointslice *slice);
static void ports_read(struct kube_arena *arena, const cJSON *array,
                       struct kube_endpointslice *slice);

void kube_endpointslice_read(struct kube_arena *arena, const cJSON *json,
                             struct kube_endpointslice *slice)
{
    const cJSON *labels = json_at(json, "metadata.labels");
    const char *type = json_string(json, "addressType", "IPv4");
    *slice = (struct kube_endpointslice){0};
    if (json_member(json, "addressType") == NULL && json_member(json, "endpoints") == NULL) {
        subsets_read(arena, json, slice);
        return;
    }
    const cJSON *service = json_member(labels, "kubernetes.io/service-name");
    slice->service = kube_arena_text(arena, cJSON_IsString(service) ? service->valuestring : "");
    if (strcmp(type, "IPv6") == 0)
        slice->address_type = KUBE_ADDRESS_IPV6;
    else if (strcmp(type, "FQDN") == 0)
        slice->address_type = KUBE_ADDRESS_FQDN;
    endpoints_read(arena, json_member(json, "endpoints"), slice);
    ports_read(arena, json_member(json, "ports"), slice);
}

int kube_protocol_read(const char *text)
{
    if (text == NULL || text[0] == '\0' || strcmp(text, "TCP") == 0)
        return IPPROTO_TCP;
    if (strcmp(text, "UDP") == 0)
        return IPPROTO_UDP;
    return strcmp(text, "SCTP") == 0 ? IPPROTO_SCTP : 0;
}

static void endpoints_read(struct kube_arena *arena, const cJSON *array,
                           struct kube_endpointslice *slice)
{
    int size = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : 0;
    const cJSON *item;
    if (size > KUBE_ENDPOINTS_MAX)
        size = KUBE_ENDPOINTS_MAX;
    slice->endpoints = kube_arena_take(arena, (size_t)size, sizeof(*slice->endpoints));
    if (slice->endpoints == NULL)
        return;
    cJSON_ArrayForEach(item, array)
    {
        if (slice->endpoints_count == (unsigned)size)
            break;
        endpoint_read(arena, item, &slice->endpoints[slice->endpoints_count++]);
    }
}

static void endpoint_read(struct kube_arena *arena, const cJSON *json,
                          struct kube_endpoint *endpoint)
{
    const cJSON *address;
    cJSON_ArrayForEach(address, json_member(json, "addresses"))
    {
        kube_addresses_add(arena, &endpoint->addresses,
                           cJSON_IsString(address) ? address->valuestring : "");
    }
    endpoint->ready = json_bool(json, "conditions.ready", true);
    endpoint->terminating = json_bool(json, "conditions.terminating", false);
    bool pod = strcmp(json_string(json, "targetRef.kind", ""), "Pod") == 0;
    endpoint->pod = kube_arena_text(arena, pod ? json_string(json, "targetRef.name", "") : "");
    endpoint->pod_uid = kube_arena_text(arena, pod ? json_string(json, "targetRef.uid", "") : "");
    const cJSON *topology = json_member(json, "topology"); /* v1beta1 */
    const cJSON *host = json_member(topology, "kubernetes.io/hostname");
    endpoint->node = kube_arena_text(
        arena, json_string(json, "nodeName", cJSON_IsString(host) ? host->valuestring : ""));
}

/* Of Endpoints, which have the name of their Service. */
static void subsets_read(struct kube_arena *arena, const cJSON *json,
                         struct kube_endpointslice *slice)
{
    const cJSON *subsets = json_member(json, "subsets"), *subset;
    const cJSON *ports = json_member(cJSON_GetArrayItem(subsets, 0), "ports");
    slice->service = kube_arena_text(arena, json_string(json, "metadata.name", ""));
    slice->endpoints = kube_arena_take(arena, KUBE_ENDPOINTS_MAX, sizeof(*slice->endpoints));
    if (slice->endpoints == NULL)
        return;
    cJSON_ArrayForEach(subset, subsets)
    {
        subset_read(arena, json_member(subset, "addresses"), true, slice);
        subset_read(arena, json_member(subset, "notReadyAddresses"), false, slice);
    }
    if (slice->endpoints_count > 0 && slice->endpoints[0].addresses.count > 0 &&
        !address_is_v4(&slice->endpoints[0].addresses.each[0]))
        slice->address_type = KUBE_ADDRESS_IPV6;
    ports_read(arena, ports, slice);
}

static void subset_read(struct kube_arena *arena, const cJSON *array, bool ready,
                        struct kube_endpointslice *slice)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (slice->endpoints_count == KUBE_ENDPOINTS_MAX)
            return;
        struct kube_endpoint *endpoint = &slice->endpoints[slice->endpoints_count++];
        bool pod = strcmp(json_string(item, "targetRef.kind", ""), "Pod") == 0;
        kube_addresses_add(arena, &endpoint->addresses, json_string(item, "ip", ""));
        endpoint->ready = ready;
        endpoint->pod = kube_arena_text(arena, pod ? json_string(item, "targetRef.name", "") : "");
        endpoint->pod_uid =
            kube_arena_text(arena, pod ? json_string(item, "targetRef.uid", "") : "");
        endpoint->node = kube_arena_text(arena, json_string(item, "nodeName", ""));
    }
}

static void ports_read(struct kube_arena *arena, const cJSON *array,
                       struct kube_endpointslice *slice)
{
    int size = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : 0;
    const cJSON *item;
    if (size > KUBE_PORTS_MAX)
        size = KUBE_PORTS_MAX;
    slice->ports = kube_arena_take(arena, (size_t)size, sizeof(*slice->ports));
    if (slice->ports == NULL)
        return;
    cJSON_ArrayForEach(item, array)
    {
        int64_t port = json_integer(item, "port", 0);
        if (slice->ports_count == (unsigned)size)
            break;
        slice->ports[slice->ports_count++] = (struct kube_endpoint_port){
            .name = kube_arena_text(arena, json_string(item, "name", "")),
            .protocol = kube_protocol_read(json_string(item, "protocol", "")),
            .port = (uint16_t)(port < 0 || port > 65535 ? 0 : port),
        };
    }
}
