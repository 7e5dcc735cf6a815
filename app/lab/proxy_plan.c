#include "lab/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/object.h"

void proxy_plan_free(struct proxy_plan *plan)
{
    free(plan->ports);
    *plan = (struct proxy_plan){0};
}

static struct proxy_port *plan_port(struct proxy_plan *plan)
{
    if (plan->ports == NULL)
        plan->ports = calloc(PROXY_PORTS_MAX, sizeof(*plan->ports));
    if (plan->ports == NULL)
        abort();
    if (plan->count == PROXY_PORTS_MAX) {
        plan->left_out++;
        return NULL;
    }
    memset(&plan->ports[plan->count], 0, sizeof(*plan->ports));
    return &plan->ports[plan->count];
}

static void add_vip(struct proxy_port *port, const char *text, int64_t number)
{
    struct address address;

    if (port->vip_count == PROXY_VIPS_MAX || number < 1 || number > 65535 ||
        address_parse(text, &address, NULL) < 0 || address_is_v4(&address) == port->v6)
        return;
    port->vips[port->vip_count].address = address;
    port->vips[port->vip_count++].port = (uint16_t)number;
}

static void add_vips(struct proxy_port *port, const struct proxy_view *view, const cJSON *service,
                     const cJSON *service_port)
{
    int64_t number = json_integer(service_port, "port", 0);
    int64_t node_port = json_integer(service_port, "nodePort", 0);
    const cJSON *item;

    cJSON_ArrayForEach(item, json_at(service, "status.loadBalancer.ingress"))
        add_vip(port, json_string(item, "ip", ""), number);
    cJSON_ArrayForEach(item, json_at(service, "spec.clusterIPs"))
    {
        if (cJSON_IsString(item))
            add_vip(port, item->valuestring, number);
    }
    cJSON_ArrayForEach(item, json_at(service, "spec.externalIPs"))
    {
        if (cJSON_IsString(item))
            add_vip(port, item->valuestring, number);
    }
    if (node_port > 0 && port->vip_count < PROXY_VIPS_MAX && node_port < 65536) {
        port->vips[port->vip_count].address = port->v6 ? view->node_v6 : view->node_v4;
        port->vips[port->vip_count++].port = (uint16_t)node_port;
    }
}

enum wanted {
    WANT_READY,
    WANT_TERMINATING,
};

static bool endpoint_usable(const cJSON *endpoint, const struct proxy_view *view, bool local_only,
                            enum wanted wanted)
{
    if (local_only && strcmp(json_string(endpoint, "nodeName", ""), view->node) != 0)
        return false;
    if (wanted == WANT_READY)
        return json_bool(endpoint, "conditions.ready", true);
    return json_bool(endpoint, "conditions.serving", false) &&
           json_bool(endpoint, "conditions.terminating", false);
}

static int64_t slice_port(const cJSON *slice, const cJSON *service_port)
{
    const char *protocol = json_string(service_port, "protocol", "TCP");
    const cJSON *port;

    cJSON_ArrayForEach(port, json_at(slice, "ports"))
    {
        if (strcmp(json_string(port, "name", ""), json_string(service_port, "name", "")) == 0 &&
            strcmp(json_string(port, "protocol", "TCP"), protocol) == 0)
            return json_integer(port, "port", 0);
    }
    return 0;
}

static void add_endpoints(struct proxy_port *port, const struct proxy_view *view,
                          const cJSON *slice, int64_t number, enum wanted wanted)
{
    const cJSON *endpoint;

    cJSON_ArrayForEach(endpoint, json_at(slice, "endpoints"))
    {
        const cJSON *addresses = json_at(endpoint, "addresses");
        struct proxy_endpoint *out = &port->endpoints[port->endpoint_count];

        if (port->endpoint_count == PROXY_ENDPOINTS_MAX)
            return;
        if (!endpoint_usable(endpoint, view, port->local_only, wanted) || addresses == NULL ||
            !cJSON_IsString(addresses->child) ||
            address_parse(addresses->child->valuestring, &out->address, NULL) < 0 ||
            address_is_v4(&out->address) == port->v6)
            continue;
        out->port = (uint16_t)number;
        port->endpoint_count++;
    }
}

static void add_slices(struct proxy_port *port, const struct proxy_view *view, const cJSON *service,
                       const cJSON *service_port, const cJSON *const *slices, size_t count,
                       enum wanted wanted)
{
    const char *type = port->v6 ? "IPv6" : "IPv4";

    for (size_t i = 0; i < count; i++) {
        const char *name = object_label(slices[i], "kubernetes.io/service-name");
        int64_t number = slice_port(slices[i], service_port);

        if (name != NULL && strcmp(name, object_name(service)) == 0 &&
            strcmp(object_namespace(slices[i]), object_namespace(service)) == 0 &&
            strcmp(json_string(slices[i], "addressType", ""), type) == 0 && number > 0 &&
            number < 65536)
            add_endpoints(port, view, slices[i], number, wanted);
    }
}

void proxy_plan_add(struct proxy_plan *plan, const struct proxy_view *view, const cJSON *service,
                    const cJSON *const *slices, size_t count)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, json_at(service, "spec.ports"))
    {
        const char *protocol = json_string(item, "protocol", "TCP");

        for (int v6 = 0; v6 < 2; v6++) {
            struct proxy_port *port = plan_port(plan);
            if (port == NULL)
                return;
            snprintf(port->key, sizeof(port->key), "%.100s/%.100s/%.100s/%s/%s",
                     object_namespace(service), object_name(service), json_string(item, "name", ""),
                     protocol, v6 ? "IPv6" : "IPv4");
            port->v6 = v6 == 1;
            port->udp = strcmp(protocol, "UDP") == 0;
            port->local_only =
                strcmp(json_string(service, "spec.externalTrafficPolicy", "Cluster"), "Local") == 0;
            add_vips(port, view, service, item);
            if (port->vip_count == 0 || (!port->udp && strcmp(protocol, "TCP") != 0))
                continue;
            add_slices(port, view, service, item, slices, count, WANT_READY);
            if (port->endpoint_count == 0 && view->terminating_endpoints)
                add_slices(port, view, service, item, slices, count, WANT_TERMINATING);
            plan->count++;
        }
    }
}
