#include "lab/controller_service.h"

#include <string.h>

#include "lab/object.h"

static bool list_has(const cJSON *list, const char *text)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, list)
    {
        if (cJSON_IsString(item) && strcmp(item->valuestring, text) == 0)
            return true;
    }
    return false;
}

static bool address_used(const cJSON *const *services, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        const cJSON *ingress;
        if (list_has(json_at(services[i], "spec.clusterIPs"), text) ||
            strcmp(json_string(services[i], "spec.clusterIP", ""), text) == 0)
            return true;
        cJSON_ArrayForEach(ingress, json_at(services[i], "status.loadBalancer.ingress"))
        {
            if (strcmp(json_string(ingress, "ip", ""), text) == 0)
                return true;
        }
    }
    return false;
}

static bool take_address(const struct prefix *pool, const cJSON *const *services, size_t count,
                         char out[ADDRESS_TEXT_BYTES])
{
    for (uint64_t n = 1; n < 254 && n < prefix_size(pool); n++) {
        struct address address = address_plus(pool->address, n);
        address_text(&address, out);
        if (!address_used(services, count, out))
            return true;
    }
    return false;
}

static void put_families(cJSON *spec)
{
    const char *policy = json_string(spec, "ipFamilyPolicy", "SingleStack");
    cJSON *families = cJSON_GetObjectItemCaseSensitive(spec, "ipFamilies");
    bool dual = strcmp(policy, "SingleStack") != 0;

    if (json_at(spec, "ipFamilyPolicy") == NULL)
        object_put_string(spec, "ipFamilyPolicy", policy);
    if (families == NULL)
        families = cJSON_AddArrayToObject(spec, "ipFamilies");
    if (families->child == NULL)
        cJSON_AddItemToArray(families, cJSON_CreateString("IPv4"));
    if (dual && !list_has(families, "IPv6"))
        cJSON_AddItemToArray(families, cJSON_CreateString("IPv6"));
    if (dual && !list_has(families, "IPv4"))
        cJSON_AddItemToArray(families, cJSON_CreateString("IPv4"));
}

static bool list_has_family(const cJSON *list, bool v6)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, list)
    {
        if (cJSON_IsString(item) && (strchr(item->valuestring, ':') != NULL) == v6)
            return true;
    }
    return false;
}

static void put_cluster_addresses(cJSON *spec, const cJSON *const *services, size_t count,
                                  const struct service_pools *pools)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(spec, "clusterIPs");
    const char *given = json_string(spec, "clusterIP", "");
    const cJSON *family;
    char text[ADDRESS_TEXT_BYTES];

    if (strcmp(given, "None") == 0)
        return;
    if (list == NULL) {
        list = cJSON_AddArrayToObject(spec, "clusterIPs");
        if (given[0] != '\0')
            cJSON_AddItemToArray(list, cJSON_CreateString(given));
    }
    cJSON_ArrayForEach(family, json_at(spec, "ipFamilies"))
    {
        bool v6 = cJSON_IsString(family) && strcmp(family->valuestring, "IPv6") == 0;
        if (!list_has_family(list, v6) &&
            take_address(v6 ? &pools->cluster_v6 : &pools->cluster_v4, services, count, text))
            cJSON_AddItemToArray(list, cJSON_CreateString(text));
    }
    if (given[0] == '\0' && cJSON_IsString(list->child))
        object_put_string(spec, "clusterIP", list->child->valuestring);
}

static bool ingress_has_family(const cJSON *ingress, bool v6)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, ingress)
    {
        const char *ip = json_string(item, "ip", "");
        if (ip[0] != '\0' && (strchr(ip, ':') != NULL) == v6)
            return true;
    }
    return false;
}

static bool put_balancer(cJSON *object, const cJSON *const *services, size_t count,
                         const struct service_pools *pools)
{
    cJSON *balancer = json_make(object, "status.loadBalancer");
    cJSON *ingress = cJSON_GetObjectItemCaseSensitive(balancer, "ingress");
    const char *wanted = json_string(object, "spec.loadBalancerIP", "");
    const cJSON *family;
    bool added = false;

    if (ingress == NULL)
        ingress = cJSON_AddArrayToObject(balancer, "ingress");
    cJSON_ArrayForEach(family, json_at(object, "spec.ipFamilies"))
    {
        bool v6 = cJSON_IsString(family) && strcmp(family->valuestring, "IPv6") == 0;
        bool given = wanted[0] != '\0' && (strchr(wanted, ':') != NULL) == v6;
        char text[ADDRESS_TEXT_BYTES];
        cJSON *item;

        if (ingress_has_family(ingress, v6))
            continue;
        if (!given && !take_address(v6 ? &pools->vip_v6 : &pools->vip_v4, services, count, text))
            continue;
        item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "ip", given ? wanted : text);
        cJSON_AddStringToObject(item, "ipMode", "VIP");
        cJSON_AddItemToArray(ingress, item);
        added = true;
    }
    return added;
}

void controller_service(const cJSON *service, const cJSON *const *services, size_t count,
                        const struct service_pools *pools, int64_t utc_ns, struct changes *changes)
{
    cJSON *object, *spec;
    const char *type = json_string(service, "spec.type", "ClusterIP");
    bool balanced = false;

    if (object_deleting(service) || !cJSON_IsObject(json_at(service, "spec")) ||
        strcmp(type, "ExternalName") == 0)
        return;
    object = cJSON_Duplicate(service, true);
    spec = json_make(object, "spec");
    put_families(spec);
    put_cluster_addresses(spec, services, count, pools);
    if (strcmp(type, "LoadBalancer") == 0)
        balanced = put_balancer(object, services, count, pools);
    else if (json_at(object, "status.loadBalancer.ingress") != NULL)
        object_put(json_make(object, "status"), "loadBalancer", cJSON_CreateObject());
    if (cJSON_Compare(object, service, true)) {
        cJSON_Delete(object);
        return;
    }
    changes_update(changes, STORE_SERVICE, object);
    if (balanced)
        changes_event(changes, STORE_SERVICE, service, "service-controller", "Normal",
                      "EnsuredLoadBalancer", utc_ns, "Ensured load balancer");
}
