#include "lab/balancer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/health_server.h"
#include "lab/object.h"

bool balancer_node_usable(const cJSON *object)
{
    return object != NULL && !object_deleting(object) &&
           object_label(object, BALANCER_EXCLUDE) == NULL;
}

static void add_vips(struct balancer_service *out, const char *ip, const cJSON *ports)
{
    const cJSON *port;

    cJSON_ArrayForEach(port, ports)
    {
        const char *protocol = json_string(port, "protocol", "TCP");
        int64_t number = json_integer(port, "port", 0);
        struct balancer_vip vip = {.port = (uint16_t)number, .udp = strcmp(protocol, "UDP") == 0};

        if (out->vip_count < BALANCER_VIPS_MAX && number >= 1 && number <= 65535 &&
            (vip.udp || strcmp(protocol, "TCP") == 0) && address_parse(ip, &vip.address, NULL) == 0)
            out->vips[out->vip_count++] = vip;
    }
}

bool balancer_service_of(const cJSON *service, struct balancer_service *out)
{
    int64_t port = json_integer(service, "spec.healthCheckNodePort", 0);
    const cJSON *ingress;

    if (strcmp(json_string(service, "spec.type", ""), "LoadBalancer") != 0)
        return false;
    *out = (struct balancer_service){
        .probe_port = port > 0 && port < 65536 ? (uint16_t)port : HEALTH_SERVER_NODE_PORT};
    snprintf(out->key, sizeof(out->key), "%.190s/%.190s", object_namespace(service),
             object_name(service));
    cJSON_ArrayForEach(ingress, json_at(service, "status.loadBalancer.ingress"))
    {
        add_vips(out, json_string(ingress, "ip", ""), json_at(service, "spec.ports"));
    }
    return out->vip_count > 0;
}

static const struct balancer_service *service_by_key(const struct balancer *balancer,
                                                     const char *key)
{
    for (size_t i = 0; i < balancer->service_count; i++) {
        if (strcmp(balancer->services[i].key, key) == 0)
            return &balancer->services[i];
    }
    return NULL;
}

void balancer_replace(struct balancer *balancer, const struct balancer_service *services,
                      size_t count)
{
    struct balancer *next = calloc(1, sizeof(*next));

    if (next == NULL)
        abort();
    *next = (struct balancer){.node_count = balancer->node_count};
    memcpy(next->pool, balancer->pool, sizeof(next->pool));
    for (size_t i = 0; i < count && i < BALANCER_SERVICES_MAX; i++) {
        const struct balancer_service *known = service_by_key(balancer, services[i].key);
        struct balancer_service *service = &next->services[next->service_count++];

        *service = services[i];
        if (known != NULL && known->probe_port == service->probe_port)
            memcpy(service->health, known->health, sizeof(service->health));
    }
    *balancer = *next;
    free(next);
}

bool balancer_probed(struct balancer_health *health, bool good, int64_t began_ns, int64_t now_ns,
                     int64_t lag_ns)
{
    bool was = health->well;

    if (good) {
        *health = (struct balancer_health){.well = true};
        return !was;
    }
    if (health->failures++ == 0) {
        health->failing_ns = began_ns;
        health->lag_ns = lag_ns;
    }
    if (health->lag_ns > 0 ? now_ns - health->failing_ns >= health->lag_ns
                           : health->failures >= BALANCER_FAILURES)
        health->well = false;
    return health->well != was;
}

bool balancer_in(const struct balancer *balancer, const struct balancer_service *service,
                 size_t node)
{
    return node < balancer->node_count && balancer->pool[node] && service->health[node].well;
}

unsigned balancer_values(const struct balancer *balancer)
{
    unsigned count = (unsigned)balancer->node_count;

    return count > 1 ? count * (count - 1) : 1;
}

int balancer_node_of(const struct balancer *balancer, const struct balancer_service *service,
                     unsigned value)
{
    unsigned count = (unsigned)balancer->node_count, home;

    if (count == 0)
        return -1;
    home = value % count;
    if (balancer_in(balancer, service, home))
        return (int)home;
    for (unsigned k = 0; k + 1 < count; k++) {
        unsigned node = (home + 1 + (value / count + k) % (count - 1)) % count;
        if (balancer_in(balancer, service, node))
            return (int)node;
    }
    return -1;
}

static void chain_text(const struct balancer *balancer, size_t index, bool v6, struct text *rules)
{
    const struct balancer_service *service = &balancer->services[index];
    const char *family = v6 ? "ip6" : "ip";
    unsigned values = balancer_values(balancer);

    text_addf(rules, "add chain inet balancer s%zu%s\n", index, family);
    if (balancer_node_of(balancer, service, 0) < 0) {
        text_addf(rules, "add rule inet balancer s%zu%s drop\n", index, family);
        return;
    }
    text_addf(rules,
              "add rule inet balancer s%zu%s meta mark set jhash %s saddr . %s daddr . th sport . "
              "th dport mod %u seed 0x1 map { ",
              index, family, family, family, values);
    for (unsigned value = 0; value < values; value++)
        text_addf(rules, "%s%u : %d", value == 0 ? "" : ", ", value,
                  balancer_node_of(balancer, service, value) + 1);
    text_add(rules, " }\n");
}

static void vip_text(const struct balancer_vip *vip, size_t index, struct text *rules)
{
    bool v4 = address_is_v4(&vip->address);
    char address[ADDRESS_TEXT_BYTES];

    text_addf(rules, "add element inet balancer vips%s { %s . %s . %u : goto s%zu%s }\n",
              v4 ? "4" : "6", address_text(&vip->address, address), vip->udp ? "udp" : "tcp",
              vip->port, index, v4 ? "ip" : "ip6");
}

void balancer_rules(const struct balancer *balancer, struct text *rules)
{
    text_add(rules, "add table inet balancer\ndelete table inet balancer\n"
                    "add table inet balancer\n"
                    "add map inet balancer vips4 { type ipv4_addr . inet_proto . inet_service : "
                    "verdict; }\n"
                    "add map inet balancer vips6 { type ipv6_addr . inet_proto . inet_service : "
                    "verdict; }\n"
                    "add chain inet balancer in { type filter hook prerouting priority raw; }\n"
                    "add rule inet balancer in ip daddr . meta l4proto . th dport vmap @vips4\n"
                    "add rule inet balancer in ip6 daddr . meta l4proto . th dport vmap @vips6\n");
    for (size_t i = 0; i < balancer->service_count; i++) {
        chain_text(balancer, i, false, rules);
        chain_text(balancer, i, true, rules);
        for (size_t n = 0; n < balancer->services[i].vip_count; n++)
            vip_text(&balancer->services[i].vips[n], i, rules);
    }
}
