#include "kube/service.h"

#include <string.h>

#include "base/json.h"

enum {
    INGRESS_MAX = 64
};

static void ports_read(struct kube_arena *arena, const cJSON *array, struct kube_service *service);
static void ingress_read(struct kube_arena *arena, const cJSON *array,
                         struct kube_service *service);
static uint16_t port_number(const cJSON *json, const char *name);

void kube_service_read(struct kube_arena *arena, const cJSON *json, struct kube_service *service)
{
    const char *type = json_string(json, "spec.type", "ClusterIP");
    const char *cluster_ip = json_string(json, "spec.clusterIP", "");
    const cJSON *ip;
    *service = (struct kube_service){
        .headless = strcmp(cluster_ip, "None") == 0,
    };
    for (int i = 0; i <= KUBE_SERVICE_EXTERNAL_NAME; i++) {
        if (strcmp(type, kube_service_type_text((enum kube_service_type)i)) == 0)
            service->type = (enum kube_service_type)i;
    }
    cJSON_ArrayForEach(ip, json_at(json, "spec.clusterIPs"))
    {
        kube_addresses_add(arena, &service->cluster_ips, cJSON_IsString(ip) ? ip->valuestring : "");
    }
    if (service->cluster_ips.count == 0)
        kube_addresses_add(arena, &service->cluster_ips, cluster_ip);
    ports_read(arena, json_at(json, "spec.ports"), service);
    ingress_read(arena, json_at(json, "status.loadBalancer.ingress"), service);
    kube_labels_read(arena, json_at(json, "spec.selector"), &service->selector);
}

const char *kube_service_type_text(enum kube_service_type type)
{
    static const char *const texts[] = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"};
    return texts[type];
}

static void ports_read(struct kube_arena *arena, const cJSON *array, struct kube_service *service)
{
    int size = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : 0;
    const cJSON *item;
    if (size > KUBE_PORTS_MAX)
        size = KUBE_PORTS_MAX;
    service->ports = kube_arena_take(arena, (size_t)size, sizeof(*service->ports));
    if (service->ports == NULL)
        return;
    cJSON_ArrayForEach(item, array)
    {
        if (service->ports_count == (unsigned)size)
            break;
        service->ports[service->ports_count++] = (struct kube_service_port){
            .name = kube_arena_text(arena, json_string(item, "name", "")),
            .protocol = kube_protocol_read(json_string(item, "protocol", "")),
            .port = port_number(item, "port"),
            .node_port = port_number(item, "nodePort"),
        };
    }
}

static void ingress_read(struct kube_arena *arena, const cJSON *array, struct kube_service *service)
{
    const cJSON *item;
    service->ingress_hosts = kube_arena_take(arena, INGRESS_MAX, sizeof(*service->ingress_hosts));
    cJSON_ArrayForEach(item, array)
    {
        const char *host = json_string(item, "hostname", "");
        kube_addresses_add(arena, &service->ingress_ips, json_string(item, "ip", ""));
        if (host[0] != '\0' && service->ingress_hosts != NULL &&
            service->ingress_hosts_count < INGRESS_MAX)
            service->ingress_hosts[service->ingress_hosts_count++] = kube_arena_text(arena, host);
    }
}

static uint16_t port_number(const cJSON *json, const char *name)
{
    int64_t port = json_integer(json, name, 0);
    return (uint16_t)(port < 0 || port > 65535 ? 0 : port);
}
