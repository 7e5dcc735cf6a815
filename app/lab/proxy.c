#include "lab/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/fabric.h"

enum {
    MASQUERADE_MARK = 0x4000 /* kube-proxy's; nodes' marks (fabric.h) are below it. */
};

static const struct {
    const char *word;
    const char *text;
    const char *ipvs;
} modes[PROXY_MODES] = {
    [PROXY_RR] = {"rr", "rr, emulated", NULL},
    [PROXY_RANDOM] = {"random", "random", NULL},
    [PROXY_SH] = {"sh", "sh, emulated", NULL},
    [PROXY_IPVS_RR] = {"ipvs-rr", "rr, by IPVS", "rr"},
    [PROXY_IPVS_LC] = {"ipvs-lc", "lc, by IPVS", "lc"},
    [PROXY_IPVS_WLC] = {"ipvs-wlc", "wlc, by IPVS", "wlc"},
    [PROXY_IPVS_SH] = {"ipvs-sh", "sh, by IPVS", "sh"},
};

const char *proxy_mode_text(enum proxy_mode mode)
{
    return modes[mode].text;
}

const char *proxy_mode_word(enum proxy_mode mode)
{
    return modes[mode].word;
}

const char *proxy_mode_ipvs(enum proxy_mode mode)
{
    return modes[mode].ipvs;
}

void proxy_init(struct proxy *proxy, enum proxy_mode mode)
{
    *proxy = (struct proxy){.mode = mode};
    proxy->rings = calloc(PROXY_PORTS_MAX, sizeof(*proxy->rings));
    if (proxy->rings == NULL)
        abort();
}

void proxy_free(struct proxy *proxy)
{
    free(proxy->rings);
    *proxy = (struct proxy){0};
}

void proxy_change_mode(struct proxy *proxy, enum proxy_mode mode)
{
    proxy->mode = mode;
    proxy_forget(proxy);
}

static bool endpoint_equal(const struct proxy_endpoint *a, const struct proxy_endpoint *b)
{
    return a->port == b->port && address_equal(&a->address, &b->address);
}

static bool port_has(const struct proxy_port *port, const struct proxy_endpoint *endpoint)
{
    for (size_t i = 0; i < port->endpoint_count; i++) {
        if (endpoint_equal(&port->endpoints[i], endpoint))
            return true;
    }
    return false;
}

static bool same_endpoints(const struct proxy_port *a, const struct proxy_port *b)
{
    if (a->endpoint_count != b->endpoint_count)
        return false;
    for (size_t i = 0; i < a->endpoint_count; i++) {
        if (!port_has(b, &a->endpoints[i]))
            return false;
    }
    return true;
}

static bool same_vip(const struct proxy_vip *a, const struct proxy_vip *b)
{
    return a->port == b->port && address_equal(&a->address, &b->address) &&
           a->inside == b->inside && a->masquerade == b->masquerade;
}

/* And what becomes of them without an endpoint. */
static bool same_vips(const struct proxy_port *a, const struct proxy_port *b)
{
    if (a->vip_count != b->vip_count || a->drops != b->drops)
        return false;
    for (size_t i = 0; i < a->vip_count; i++) {
        if (!same_vip(&a->vips[i], &b->vips[i]))
            return false;
    }
    return true;
}

struct proxy_ring *proxy_ring_of(const struct proxy *proxy, const char *key)
{
    for (size_t i = 0; i < proxy->count; i++) {
        if (strcmp(proxy->rings[i].port.key, key) == 0)
            return &proxy->rings[i];
    }
    return NULL;
}

const struct proxy_port *proxy_port_of(const struct proxy_plan *plan, const char *key)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (strcmp(plan->ports[i].key, key) == 0)
            return &plan->ports[i];
    }
    return NULL;
}

bool proxy_differs(const struct proxy *proxy, struct proxy_plan *plan)
{
    bool differs = !proxy->loaded || proxy->count != plan->count;

    for (size_t i = 0; i < plan->count; i++) {
        const struct proxy_ring *ring = proxy_ring_of(proxy, plan->ports[i].key);
        plan->ports[i].changed = ring == NULL || !same_endpoints(&ring->port, &plan->ports[i]) ||
                                 !same_vips(&ring->port, &plan->ports[i]);
        differs = differs || plan->ports[i].changed;
    }
    return differs;
}

void proxy_count(struct proxy *proxy, const cJSON *counters)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, json_at(counters, "nftables"))
    {
        const char *name = json_string(item, "counter.name", "");
        uint64_t packets = (uint64_t)json_integer(item, "counter.packets", 0);

        for (size_t i = 0; i < proxy->count; i++) {
            struct proxy_ring *ring = &proxy->rings[i];
            char own[32];
            snprintf(own, sizeof(own), "c%u", ring->chain);
            if (strcmp(name, own) != 0 || packets < ring->counted)
                continue;
            if (ring->port.endpoint_count > 0)
                ring->position =
                    (ring->position + (packets - ring->counted)) % ring->port.endpoint_count;
            ring->counted = packets;
        }
    }
}

/* The kept endpoints in ring order, then the new ones in the plan's; the position follows the
 * endpoint that was next. */
static void ring_update(struct proxy_ring *ring, const struct proxy_port *wanted)
{
    struct proxy_port merged = *wanted;
    size_t position = 0;

    merged.endpoint_count = 0;
    for (size_t i = 0; i < ring->port.endpoint_count; i++) {
        if (i == ring->position)
            position = merged.endpoint_count;
        if (port_has(wanted, &ring->port.endpoints[i]))
            merged.endpoints[merged.endpoint_count++] = ring->port.endpoints[i];
    }
    for (size_t i = 0; i < wanted->endpoint_count; i++) {
        if (!port_has(&ring->port, &wanted->endpoints[i]) &&
            merged.endpoint_count < PROXY_ENDPOINTS_MAX)
            merged.endpoints[merged.endpoint_count++] = wanted->endpoints[i];
    }
    ring->port = merged;
    ring->position = merged.endpoint_count > 0 ? position % merged.endpoint_count : 0;
}

/* What the nat chain does not translate meets the map "none"; what IPVS takes must not. */
static bool meets_none(enum proxy_mode mode, const struct proxy_port *port)
{
    return proxy_mode_ipvs(mode) == NULL || port->endpoint_count == 0;
}

static void vip_elements(const struct proxy *proxy, const struct proxy_ring *ring, const char *verb,
                         struct text *rules)
{
    const struct proxy_port *port = &ring->port;
    const bool none = meets_none(proxy->mode, port);
    const char *family = port->v6 ? "6" : "4";
    char address[ADDRESS_TEXT_BYTES], key[ADDRESS_TEXT_BYTES + 32];

    for (size_t i = 0; i < port->vip_count; i++) {
        const struct proxy_vip *vip = &port->vips[i];

        snprintf(key, sizeof(key), "%s . %s . %u", address_text(&vip->address, address),
                 port->udp ? "udp" : "tcp", vip->port);
        text_addf(rules, "%s element inet proxy %s%s { %s : goto s%u }\n", verb,
                  vip->inside ? "inside" : "vips", family, key, ring->chain);
        if (vip->inside)
            continue; /* For everybody else it is in the local ring. */
        if (none)
            text_addf(rules, "%s element inet proxy none%s { %s : %s }\n", verb, family, key,
                      port->drops ? "drop" : "goto refuse");
        if (vip->masquerade)
            text_addf(rules, "%s element inet proxy masq%s { %s }\n", verb, family, key);
    }
}

/* The endpoint of number I, counted from the position, for its place in the map. */
static const struct proxy_endpoint *ring_at(const struct proxy_ring *ring, size_t i)
{
    return &ring->port.endpoints[(ring->position + i) % ring->port.endpoint_count];
}

static void map_text(const struct proxy_ring *ring, enum proxy_mode mode, struct text *rules)
{
    size_t count = ring->port.endpoint_count;
    char address[ADDRESS_TEXT_BYTES];

    if (mode == PROXY_SH)
        text_addf(rules, "jhash %s saddr mod %zu seed 0x1 map { ", ring->port.v6 ? "ip6" : "ip",
                  count);
    else
        text_addf(rules, "numgen %s mod %zu map { ", mode == PROXY_RR ? "inc" : "random", count);
    for (size_t i = 0; i < count; i++) {
        address_text(&ring_at(ring, i)->address, address);
        text_addf(rules, "%s%zu : %s", i == 0 ? "" : ", ", i, address);
    }
    text_add(rules, " }");
}

static void chain_text(const struct proxy_ring *ring, enum proxy_mode mode, struct text *rules)
{
    const struct proxy_port *port = &ring->port;
    char address[ADDRESS_TEXT_BYTES];

    text_addf(rules, "flush chain inet proxy s%u\n", ring->chain);
    if (port->endpoint_count == 0 || proxy_mode_ipvs(mode) != NULL)
        return; /* Not translated: the last chain refuses it, or IPVS balances it. */
    text_addf(rules, "add rule inet proxy s%u meta l4proto %s counter name c%u dnat %s to ",
              ring->chain, port->udp ? "udp" : "tcp", ring->chain, port->v6 ? "ip6" : "ip");
    if (port->endpoint_count > 1) {
        map_text(ring, mode, rules);
        text_addf(rules, " : %u\n", port->endpoints[0].port);
        return;
    }
    address_text(&port->endpoints[0].address, address);
    text_addf(rules, port->v6 ? "[%s]:%u\n" : "%s:%u\n", address, port->endpoints[0].port);
}

/* The maps, and the chains that look addresses up in them. */
static void lookup_text(struct text *rules)
{
    static const char *const lookups[] = {"vips", "inside", "none"};

    text_add(rules, "add chain inet proxy refuse\n"
                    "add rule inet proxy refuse reject with icmpx port-unreachable\n");
    for (size_t i = 0; i < sizeof(lookups) / sizeof(lookups[0]); i++) {
        const char *name = lookups[i];

        text_addf(
            rules,
            "add map inet proxy %s4 { type ipv4_addr . inet_proto . inet_service : verdict; }"
            "\nadd map inet proxy %s6 { type ipv6_addr . inet_proto . inet_service : verdict; "
            "}\nadd chain inet proxy %s\n",
            name, name, name);
        text_addf(rules,
                  "add rule inet proxy %s ip daddr . meta l4proto . th dport vmap @%s4\n"
                  "add rule inet proxy %s ip6 daddr . meta l4proto . th dport vmap @%s6\n",
                  name, name, name, name);
    }
}

static void masquerade_text(struct text *rules)
{
    text_addf(rules,
              "add set inet proxy masq4 { type ipv4_addr . inet_proto . inet_service; }\n"
              "add set inet proxy masq6 { type ipv6_addr . inet_proto . inet_service; }\n"
              "add rule inet proxy nat ip saddr != " FABRIC_PODS_V4
              " ip daddr . meta l4proto . th dport @masq4 meta mark set %#x\n"
              "add rule inet proxy nat ip6 saddr != " FABRIC_PODS_V6
              " ip6 daddr . meta l4proto . th dport @masq6 meta mark set %#x\n"
              "add chain inet proxy masq { type nat hook postrouting priority srcnat; }\n"
              "add rule inet proxy masq meta mark %#x masquerade fully-random\n",
              MASQUERADE_MARK, MASQUERADE_MARK, MASQUERADE_MARK);
}

/* What is not translated (a nat chain sees only the first packet of a connection) meets "none". */
static void skeleton_text(struct text *rules)
{
    text_add(rules, "add table inet proxy\n");
    lookup_text(rules);
    text_add(rules, "add chain inet proxy nat { type nat hook prerouting priority dstnat; }\n");
    masquerade_text(rules);
    text_add(rules, "add rule inet proxy nat ip saddr " FABRIC_PODS_V4 " jump inside\n"
                    "add rule inet proxy nat ip6 saddr " FABRIC_PODS_V6 " jump inside\n"
                    "add rule inet proxy nat jump vips\n"
                    "add chain inet proxy own { type nat hook output priority -100; }\n"
                    "add rule inet proxy own jump inside\n"
                    "add rule inet proxy own jump vips\n"
                    "add chain inet proxy left { type filter hook prerouting priority -90; }\n"
                    "add rule inet proxy left jump none\n"
                    "add chain inet proxy leftown { type filter hook output priority -90; }\n"
                    "add rule inet proxy leftown jump none\n");
}

static void remove_rings(struct proxy *proxy, const struct proxy_plan *plan, struct text *rules)
{
    for (size_t i = 0; i < proxy->count;) {
        struct proxy_ring *ring = &proxy->rings[i];

        if (proxy_port_of(plan, ring->port.key) != NULL) {
            i++;
            continue;
        }
        vip_elements(proxy, ring, "delete", rules);
        text_addf(rules,
                  "flush chain inet proxy s%u\ndelete chain inet proxy s%u\n"
                  "delete counter inet proxy c%u\n",
                  ring->chain, ring->chain, ring->chain);
        *ring = proxy->rings[--proxy->count];
    }
}

static void add_ring(struct proxy *proxy, const struct proxy_port *port, struct text *rules)
{
    struct proxy_ring *ring = &proxy->rings[proxy->count++];

    *ring = (struct proxy_ring){.port = *port, .chain = proxy->next_chain++};
    text_addf(rules, "add counter inet proxy c%u\nadd chain inet proxy s%u\n", ring->chain,
              ring->chain);
    chain_text(ring, proxy->mode, rules);
    vip_elements(proxy, ring, "add", rules);
}

static void change_ring(const struct proxy *proxy, struct proxy_ring *ring,
                        const struct proxy_port *port, struct text *rules)
{
    bool vips = !same_vips(&ring->port, port) ||
                meets_none(proxy->mode, &ring->port) != meets_none(proxy->mode, port);

    if (!vips && same_endpoints(&ring->port, port))
        return;
    if (vips)
        vip_elements(proxy, ring, "delete", rules);
    ring_update(ring, port);
    chain_text(ring, proxy->mode, rules);
    if (vips)
        vip_elements(proxy, ring, "add", rules);
}

void proxy_sync(struct proxy *proxy, const struct proxy_plan *plan, struct text *rules)
{
    if (proxy->replaces)
        text_add(rules, "add table inet proxy\ndelete table inet proxy\n"); /* If there is one. */
    if (!proxy->loaded)
        skeleton_text(rules);
    proxy->replaces = false;
    proxy->loaded = true;
    remove_rings(proxy, plan, rules);
    for (size_t i = 0; i < plan->count; i++) {
        struct proxy_ring *ring = proxy_ring_of(proxy, plan->ports[i].key);
        if (ring == NULL)
            add_ring(proxy, &plan->ports[i], rules);
        else
            change_ring(proxy, ring, &plan->ports[i], rules);
    }
}

/* Those of all addresses of PORT that go to ENDPOINT; NULL: that go anywhere. */
static void stale_text(const struct proxy_port *port, const struct proxy_endpoint *endpoint,
                       struct text *out)
{
    char text[ADDRESS_TEXT_BYTES];

    for (size_t i = 0; i < port->vip_count; i++) {
        const struct proxy_vip *vip = &port->vips[i];

        text_addf(out, "-D -p udp%s --orig-dst %s --orig-port-dst %u", port->v6 ? " -f ipv6" : "",
                  address_text(&vip->address, text), vip->port);
        if (endpoint != NULL)
            text_addf(out, " --dst-nat %s", address_text(&endpoint->address, text));
        text_add(out, "\n");
    }
}

void proxy_stale_flows(const struct proxy *proxy, const struct proxy_plan *plan, struct text *out)
{
    for (size_t i = 0; i < proxy->count; i++) {
        const struct proxy_port *port = &proxy->rings[i].port;
        const struct proxy_port *wanted = proxy_port_of(plan, port->key);

        for (size_t n = 0; port->udp && n < port->endpoint_count; n++) {
            if (wanted == NULL || !port_has(wanted, &port->endpoints[n]))
                stale_text(port, &port->endpoints[n], out);
        }
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct proxy_port *port = &plan->ports[i];
        const struct proxy_ring *ring = proxy_ring_of(proxy, port->key);

        if (port->udp && port->endpoint_count > 0 &&
            (ring == NULL || ring->port.endpoint_count == 0))
            stale_text(port, NULL, out);
    }
}

void proxy_forget(struct proxy *proxy)
{
    proxy->replaces = true;
    proxy->loaded = false;
    proxy->count = 0;
}

void proxy_limiter_init(struct proxy_limiter *limiter, int64_t period_ns, uint32_t burst,
                        int64_t now_ns)
{
    *limiter = (struct proxy_limiter){
        .period_ns = period_ns,
        .burst = burst,
        .tokens = burst,
        .filled_ns = now_ns,
        .wanted_ns = INT64_MAX,
    };
}

void proxy_limiter_want(struct proxy_limiter *limiter, int64_t wanted_ns)
{
    if (wanted_ns < limiter->wanted_ns)
        limiter->wanted_ns = wanted_ns;
}

int64_t proxy_limiter_due(const struct proxy_limiter *limiter)
{
    int64_t token_ns;

    if (limiter->wanted_ns == INT64_MAX || limiter->period_ns == 0 || limiter->tokens >= 1)
        return limiter->wanted_ns;
    token_ns =
        limiter->filled_ns + (int64_t)((1 - limiter->tokens) * (double)limiter->period_ns + 0.5);
    return token_ns > limiter->wanted_ns ? token_ns : limiter->wanted_ns;
}

void proxy_limiter_take(struct proxy_limiter *limiter, int64_t now_ns)
{
    limiter->wanted_ns = INT64_MAX;
    if (limiter->period_ns == 0)
        return;
    limiter->tokens += (double)(now_ns - limiter->filled_ns) / (double)limiter->period_ns;
    if (limiter->tokens > limiter->burst)
        limiter->tokens = limiter->burst;
    limiter->tokens = limiter->tokens < 1 ? 0 : limiter->tokens - 1;
    limiter->filled_ns = now_ns;
}
