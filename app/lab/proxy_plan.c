#include "lab/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/object.h"

void proxy_plan_free(struct proxy_plan *plan)
{
    free(plan->ports);
    free(plan->health);
    *plan = (struct proxy_plan){0};
}

/* Where an address of a Service leads; see proxy.h. */
struct rings {
    struct proxy_port *all;   /* Of all endpoints. */
    struct proxy_port *local; /* Of this node's. */
    bool external_local;      /* externalTrafficPolicy. */
    bool internal_local;      /* internalTrafficPolicy. */
    bool masquerade;          /* See struct proxy_view. */
};

/* Once, also when it is named twice. */
static void put_vip(struct proxy_port *port, const struct proxy_vip *vip)
{
    for (size_t i = 0; i < port->vip_count; i++) {
        if (port->vips[i].port == vip->port && port->vips[i].inside == vip->inside &&
            address_equal(&port->vips[i].address, &vip->address))
            return;
    }
    if (port->vip_count < PROXY_VIPS_MAX)
        port->vips[port->vip_count++] = *vip;
}

static bool vip_of(const struct proxy_port *port, const char *text, int64_t number,
                   struct proxy_vip *out)
{
    *out = (struct proxy_vip){.port = (uint16_t)number};
    return number >= 1 && number <= 65535 && address_parse(text, &out->address, NULL) == 0 &&
           address_is_v4(&out->address) != port->v6;
}

static void add_internal(const struct rings *rings, const char *text, int64_t number)
{
    struct proxy_vip vip;

    if (!vip_of(rings->all, text, number, &vip))
        return;
    vip.masquerade = rings->masquerade && !rings->internal_local;
    put_vip(rings->internal_local ? rings->local : rings->all, &vip);
}

static void add_external(const struct rings *rings, const char *text, int64_t number, bool own)
{
    struct proxy_vip vip;

    if (!vip_of(rings->all, text, number, &vip))
        return;
    vip.own = own;
    if (rings->external_local) {
        put_vip(rings->local, &vip);
        vip.inside = true;
    }
    vip.masquerade = rings->masquerade && !rings->external_local;
    put_vip(rings->all, &vip);
}

static void add_vips(const struct rings *rings, const struct proxy_view *view, const cJSON *service,
                     const cJSON *service_port)
{
    int64_t number = json_integer(service_port, "port", 0);
    int64_t node_port = json_integer(service_port, "nodePort", 0);
    char node[ADDRESS_TEXT_BYTES];
    const cJSON *item;

    cJSON_ArrayForEach(item, json_at(service, "status.loadBalancer.ingress"))
    {
        /* A balancer that is a proxy talks to node ports (KEP-1860). */
        if (strcmp(json_string(item, "ipMode", "VIP"), "Proxy") != 0)
            add_external(rings, json_string(item, "ip", ""), number, false);
    }
    cJSON_ArrayForEach(item, json_at(service, "spec.clusterIPs"))
    {
        if (cJSON_IsString(item))
            add_internal(rings, item->valuestring, number);
    }
    cJSON_ArrayForEach(item, json_at(service, "spec.externalIPs"))
    {
        if (cJSON_IsString(item))
            add_external(rings, item->valuestring, number, false);
    }
    address_text(rings->all->v6 ? &view->node_v6 : &view->node_v4, node);
    add_external(rings, node, node_port, true);
}

enum wanted {
    WANT_READY,
    WANT_TERMINATING,
};

static bool endpoint_usable(const cJSON *endpoint, const struct proxy_view *view, bool local,
                            enum wanted wanted)
{
    if (local && strcmp(json_string(endpoint, "nodeName", ""), view->node) != 0)
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

static bool has_endpoint(const struct proxy_port *port, const struct proxy_endpoint *endpoint)
{
    for (size_t i = 0; i < port->endpoint_count; i++) {
        if (port->endpoints[i].port == endpoint->port &&
            address_equal(&port->endpoints[i].address, &endpoint->address))
            return true;
    }
    return false;
}

/* An endpoint that is in two slices counts once. */
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
        if (!endpoint_usable(endpoint, view, port->local, wanted) || addresses == NULL ||
            !cJSON_IsString(addresses->child) ||
            address_parse(addresses->child->valuestring, &out->address, NULL) < 0 ||
            address_is_v4(&out->address) == port->v6)
            continue;
        out->port = (uint16_t)number;
        port->endpoint_count += !has_endpoint(port, out);
    }
}

static bool slice_is_of(const cJSON *slice, const cJSON *service)
{
    const char *name = object_label(slice, "kubernetes.io/service-name");

    return name != NULL && strcmp(name, object_name(service)) == 0 &&
           strcmp(object_namespace(slice), object_namespace(service)) == 0;
}

static void add_slices(struct proxy_port *port, const struct proxy_view *view, const cJSON *service,
                       const cJSON *service_port, const cJSON *const *slices, size_t count,
                       enum wanted wanted)
{
    const char *type = port->v6 ? "IPv6" : "IPv4";

    for (size_t i = 0; i < count; i++) {
        int64_t number = slice_port(slices[i], service_port);

        if (slice_is_of(slices[i], service) &&
            strcmp(json_string(slices[i], "addressType", ""), type) == 0 && number > 0 &&
            number < 65536)
            add_endpoints(port, view, slices[i], number, wanted);
    }
}

static void find_endpoints(struct proxy_port *port, const struct proxy_view *view,
                           const cJSON *service, const cJSON *service_port,
                           const cJSON *const *slices, size_t count)
{
    add_slices(port, view, service, service_port, slices, count, WANT_READY);
    if (port->endpoint_count == 0 && view->terminating_endpoints)
        add_slices(port, view, service, service_port, slices, count, WANT_TERMINATING);
}

static void name_port(struct proxy_port *port, const cJSON *service, const cJSON *service_port,
                      bool v6, bool local)
{
    const char *protocol = json_string(service_port, "protocol", "TCP");

    *port = (struct proxy_port){.v6 = v6, .local = local, .udp = strcmp(protocol, "UDP") == 0};
    snprintf(port->key, sizeof(port->key), "%.100s/%.100s/%.100s/%s/%s%s",
             object_namespace(service), object_name(service), json_string(service_port, "name", ""),
             protocol, v6 ? "IPv6" : "IPv4", local ? "/local" : "");
}

static bool has_vip(const struct proxy_plan *plan, const struct proxy_port *port,
                    const struct proxy_vip *vip)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct proxy_port *other = &plan->ports[i];

        for (size_t n = 0; n < other->vip_count && other->udp == port->udp; n++) {
            if (other->vips[n].port == vip->port && other->vips[n].inside == vip->inside &&
                address_equal(&other->vips[n].address, &vip->address))
                return true;
        }
    }
    return false;
}

/* An address that two Services name (externalIPs, or a node port by hand) is the first one's: the
 * tools would refuse it twice, and with it all rules of the node. */
static void drop_taken(const struct proxy_plan *plan, struct proxy_port *port)
{
    size_t kept = 0;

    for (size_t i = 0; i < port->vip_count; i++) {
        if (!has_vip(plan, port, &port->vips[i]))
            port->vips[kept++] = port->vips[i];
    }
    port->vip_count = kept;
}

static void keep_port(struct proxy_plan *plan, struct proxy_port *port)
{
    drop_taken(plan, port);
    if (port->vip_count == 0)
        return;
    if (plan->ports == NULL)
        plan->ports = calloc(PROXY_PORTS_MAX, sizeof(*plan->ports));
    if (plan->ports == NULL)
        abort();
    if (plan->count < PROXY_PORTS_MAX)
        plan->ports[plan->count++] = *port;
    else
        plan->left_out++;
}

static bool is_local(const cJSON *service, const char *policy)
{
    return strcmp(json_string(service, policy, "Cluster"), "Local") == 0;
}

static void add_port(struct proxy_plan *plan, const struct proxy_view *view, const cJSON *service,
                     const cJSON *service_port, bool v6, const cJSON *const *slices, size_t count)
{
    struct proxy_port all, local;
    const struct rings rings = {
        .all = &all,
        .local = &local,
        .external_local = is_local(service, "spec.externalTrafficPolicy"),
        .internal_local = is_local(service, "spec.internalTrafficPolicy"),
        .masquerade = view->masquerade,
    };

    name_port(&all, service, service_port, v6, false);
    name_port(&local, service, service_port, v6, true);
    add_vips(&rings, view, service, service_port);
    find_endpoints(&all, view, service, service_port, slices, count);
    find_endpoints(&local, view, service, service_port, slices, count);
    local.drops = local.endpoint_count == 0 && all.endpoint_count > 0;
    keep_port(plan, &all);
    keep_port(plan, &local);
}

/* As kube-proxy counts them: addresses of ready endpoints on the node. Of two families those of the
 * one that has more. */
static unsigned count_local_ready(const struct proxy_view *view, const cJSON *service,
                                  const cJSON *const *slices, size_t count)
{
    unsigned found[2] = {0};

    for (size_t i = 0; i < count; i++) {
        bool v6 = strcmp(json_string(slices[i], "addressType", ""), "IPv6") == 0;
        const cJSON *endpoint;

        if (!slice_is_of(slices[i], service))
            continue;
        cJSON_ArrayForEach(endpoint, json_at(slices[i], "endpoints")) found[v6] +=
            endpoint_usable(endpoint, view, true, WANT_READY);
    }
    return found[0] > found[1] ? found[0] : found[1];
}

static void add_health(struct proxy_plan *plan, const struct proxy_view *view, const cJSON *service,
                       const cJSON *const *slices, size_t count)
{
    int64_t port = json_integer(service, "spec.healthCheckNodePort", 0);
    struct proxy_health *health;

    if (!is_local(service, "spec.externalTrafficPolicy") || port < 1 || port > 65535 ||
        plan->health_count == PROXY_HEALTH_MAX)
        return;
    if (plan->health == NULL)
        plan->health = calloc(PROXY_HEALTH_MAX, sizeof(*plan->health));
    if (plan->health == NULL)
        abort();
    health = &plan->health[plan->health_count++];
    snprintf(health->namespace, sizeof(health->namespace), "%s", object_namespace(service));
    snprintf(health->name, sizeof(health->name), "%s", object_name(service));
    health->port = (uint16_t)port;
    health->local_ready = count_local_ready(view, service, slices, count);
}

void proxy_plan_add(struct proxy_plan *plan, const struct proxy_view *view, const cJSON *service,
                    const cJSON *const *slices, size_t count)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, json_at(service, "spec.ports"))
    {
        const char *protocol = json_string(item, "protocol", "TCP");

        if (strcmp(protocol, "TCP") != 0 && strcmp(protocol, "UDP") != 0)
            continue;
        add_port(plan, view, service, item, false, slices, count);
        add_port(plan, view, service, item, true, slices, count);
    }
    add_health(plan, view, service, slices, count);
}
