/* What IPVS and its dummy device are told: the difference between what is loaded and the plan. */
#include <stdio.h>
#include <string.h>

#include "lab/proxy.h"

enum {
    ADDRESSES_MAX = PROXY_PORTS_MAX * PROXY_VIPS_MAX,
    SERVER_BYTES = ADDRESS_TEXT_BYTES + 16
};

/* Of the dummy device; service ports share them. */
struct addresses {
    struct address items[ADDRESSES_MAX];
    size_t count;
};

static bool addresses_have(const struct addresses *set, const struct address *address)
{
    for (size_t i = 0; i < set->count; i++) {
        if (address_equal(&set->items[i], address))
            return true;
    }
    return false;
}

static void addresses_add(struct addresses *set, const struct proxy_port *port)
{
    for (size_t i = 0; i < port->vip_count; i++) {
        const struct proxy_vip *vip = &port->vips[i];

        if (!vip->own && set->count < ADDRESSES_MAX && !addresses_have(set, &vip->address))
            set->items[set->count++] = vip->address;
    }
}

/* VERB for what is in SOME and not in OTHER. */
static void addresses_text(const struct addresses *some, const struct addresses *other,
                           const char *verb, struct text *out)
{
    char text[ADDRESS_TEXT_BYTES];

    for (size_t i = 0; i < some->count; i++) {
        const struct address *address = &some->items[i];
        const bool v4 = address_is_v4(address);

        if (!addresses_have(other, address))
            text_addf(out, "addr %s %s/%d dev kube-ipvs0%s\n", verb, address_text(address, text),
                      v4 ? 32 : 128, v4 ? "" : " nodad");
    }
}

static void sync_addresses(const struct proxy *proxy, const struct proxy_plan *plan,
                           struct text *out)
{
    static struct addresses loaded, planned;

    loaded.count = planned.count = 0;
    for (size_t i = 0; i < proxy->count; i++)
        addresses_add(&loaded, &proxy->rings[i].port);
    for (size_t i = 0; i < plan->count; i++)
        addresses_add(&planned, &plan->ports[i]);
    addresses_text(&loaded, &planned, "del", out);
    addresses_text(&planned, &loaded, "add", out);
}

static const char *server_text(const struct address *address, uint16_t port, char out[SERVER_BYTES])
{
    char text[ADDRESS_TEXT_BYTES];

    snprintf(out, SERVER_BYTES, address_is_v4(address) ? "%s:%u" : "[%s]:%u",
             address_text(address, text), port);
    return out;
}

static bool has_vip(const struct proxy_port *port, const struct proxy_vip *vip)
{
    for (size_t i = 0; i < port->vip_count; i++) {
        if (!port->vips[i].inside && port->vips[i].port == vip->port &&
            address_equal(&port->vips[i].address, &vip->address))
            return true;
    }
    return false;
}

/* OPTIONS about real server ENDPOINT of VIP ("-a", "-e" with a weight, "-d"). */
static void real_server(const struct proxy_port *port, const struct proxy_vip *vip,
                        const struct proxy_endpoint *endpoint, const char *verb,
                        const char *options, struct text *out)
{
    char service[SERVER_BYTES], server[SERVER_BYTES];

    text_addf(out, "%s %s %s -r %s%s\n", verb, port->udp ? "-u" : "-t",
              server_text(&vip->address, vip->port, service),
              server_text(&endpoint->address, endpoint->port, server), options);
}

static void virtual_service(const struct proxy_port *port, const struct proxy_vip *vip,
                            const char *scheduler, struct text *out)
{
    char service[SERVER_BYTES];

    text_addf(out, scheduler == NULL ? "-D %s %s\n" : "-A %s %s -s %s\n", port->udp ? "-u" : "-t",
              server_text(&vip->address, vip->port, service), scheduler);
}

static bool take(struct proxy_endpoint *list, size_t *count, const struct proxy_endpoint *endpoint)
{
    for (size_t i = 0; i < *count; i++) {
        if (list[i].port == endpoint->port && address_equal(&list[i].address, &endpoint->address)) {
            memmove(&list[i], &list[i + 1], (--*count - i) * sizeof(list[0]));
            return true;
        }
    }
    return false;
}

static bool holds(const struct proxy_port *port, const struct proxy_endpoint *endpoint)
{
    for (size_t i = 0; i < port->endpoint_count; i++) {
        if (port->endpoints[i].port == endpoint->port &&
            address_equal(&port->endpoints[i].address, &endpoint->address))
            return true;
    }
    return false;
}

/* VERB for ENDPOINT at all addresses that were there before and stay. */
static void at_all(const struct proxy_ring *ring, const struct proxy_port *wanted,
                   const struct proxy_endpoint *endpoint, const char *verb, const char *options,
                   struct text *out)
{
    for (size_t i = 0; i < wanted->vip_count; i++) {
        const struct proxy_vip *vip = &wanted->vips[i];

        if (!vip->inside && has_vip(&ring->port, vip))
            real_server(wanted, vip, endpoint, verb, options, out);
    }
}

static void drain(struct proxy_ring *ring, const struct proxy_port *wanted,
                  const struct proxy_endpoint *endpoint, struct text *out)
{
    if (ring->drained_count == PROXY_ENDPOINTS_MAX) {
        at_all(ring, wanted, &ring->drained[0], "-d", "", out);
        take(ring->drained, &ring->drained_count, &ring->drained[0]);
    }
    ring->drained[ring->drained_count++] = *endpoint;
    at_all(ring, wanted, endpoint, "-e", " -m -w 0", out);
}

static void change(struct proxy_ring *ring, const struct proxy_port *wanted, struct text *out)
{
    for (size_t i = 0; i < ring->port.endpoint_count; i++) {
        if (!holds(wanted, &ring->port.endpoints[i]))
            drain(ring, wanted, &ring->port.endpoints[i], out);
    }
    for (size_t i = 0; i < wanted->endpoint_count; i++) {
        const struct proxy_endpoint *endpoint = &wanted->endpoints[i];

        if (!holds(&ring->port, endpoint))
            at_all(ring, wanted, endpoint,
                   take(ring->drained, &ring->drained_count, endpoint) ? "-e" : "-a", " -m -w 1",
                   out);
    }
}

static void add(const struct proxy_ring *ring, const struct proxy_port *wanted,
                const char *scheduler, struct text *out)
{
    for (size_t i = 0; i < wanted->vip_count; i++) {
        const struct proxy_vip *vip = &wanted->vips[i];

        if (vip->inside || (ring != NULL && has_vip(&ring->port, vip)))
            continue;
        virtual_service(wanted, vip, scheduler, out);
        for (size_t n = 0; n < wanted->endpoint_count; n++)
            real_server(wanted, vip, &wanted->endpoints[n], "-a", " -m -w 1", out);
        for (size_t n = 0; ring != NULL && n < ring->drained_count; n++)
            real_server(wanted, vip, &ring->drained[n], "-a", " -m -w 0", out);
    }
}

static void remove_vips(const struct proxy_ring *ring, const struct proxy_port *wanted,
                        struct text *out)
{
    for (size_t i = 0; i < ring->port.vip_count; i++) {
        const struct proxy_vip *vip = &ring->port.vips[i];

        if (!vip->inside && (wanted == NULL || !has_vip(wanted, vip)))
            virtual_service(&ring->port, vip, NULL, out);
    }
}

void proxy_sync_ipvs(struct proxy *proxy, const struct proxy_plan *plan, struct text *addresses,
                     struct text *servers)
{
    const char *scheduler = proxy_mode_ipvs(proxy->mode);

    sync_addresses(proxy, plan, addresses);
    for (size_t i = 0; i < proxy->count; i++) {
        const struct proxy_ring *ring = &proxy->rings[i];
        remove_vips(ring, proxy_port_of(plan, ring->port.key), servers);
    }
    for (size_t i = 0; i < plan->count; i++) {
        struct proxy_ring *ring = proxy_ring_of(proxy, plan->ports[i].key);
        if (ring != NULL)
            change(ring, &plan->ports[i], servers);
        add(ring, &plan->ports[i], scheduler, servers);
    }
}
