#include "kube/target.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kube_service_port *find_port(const struct kube_object *service,
                                                 const char *port, struct error *err);
static int by_load_balancer(const struct kube_object *service, enum kube_family family,
                            struct kube_target *out, struct error *err);
static int by_cluster_ip(const struct kube_object *service, enum kube_family family,
                         struct kube_target *out, struct error *err);
static int refuse_family(const char *who, const char *what, enum kube_family family,
                         const struct kube_addresses *has, struct error *err);
static int by_node_port(const struct kube_object *service, const struct kube_cache *nodes,
                        enum kube_family family, struct kube_target *out, struct error *err);
static int resolve_host(const char *host, enum kube_family family, struct kube_target *out,
                        struct error *err);
static void add_address(struct kube_target *out, const struct address *address,
                        enum kube_family family);
static bool family_is(const struct address *address, enum kube_family family);
static const char *family_text(enum kube_family family);

int kube_target_resolve(const struct kube_object *service, const struct kube_cache *nodes,
                        enum kube_via via, enum kube_family family, const char *port,
                        struct kube_target *out, struct error *err)
{
    assert(service->kind == KUBE_SERVICE);
    struct kube_target target = {.host = ""};
    const struct kube_service_port *found = find_port(service, port, err);
    int code = found == NULL ? -ENOENT : 0;
    if (code == 0 && service->service.type == KUBE_SERVICE_EXTERNAL_NAME)
        code =
            error_set(err, EXIT_USAGE, -EINVAL,
                      "is of type ExternalName: it is only a DNS alias, name its target instead");
    if (code == 0) {
        target.port = via == KUBE_VIA_NODE_PORT ? found->node_port : found->port;
        target.protocol = found->protocol;
        switch (via) {
        case KUBE_VIA_LOAD_BALANCER: code = by_load_balancer(service, family, &target, err); break;
        case KUBE_VIA_CLUSTER_IP: code = by_cluster_ip(service, family, &target, err); break;
        case KUBE_VIA_NODE_PORT: code = by_node_port(service, nodes, family, &target, err); break;
        }
    }
    if (code < 0) {
        error_wrap(err, "service %s/%s", service->meta.namespace, service->meta.name);
        return code;
    }
    *out = target;
    return 0;
}

unsigned kube_target_ready_endpoints(const struct kube_object *service,
                                     const struct kube_cache *slices, enum kube_family family)
{
    unsigned ready[2] = {0, 0};
    for (unsigned i = 0; i < slices->count; i++) {
        const struct kube_object *slice = slices->objects[i];
        const struct kube_endpointslice *it = &slice->endpointslice;
        if (strcmp(slice->meta.namespace, service->meta.namespace) != 0 ||
            strcmp(it->service, service->meta.name) != 0 || it->address_type == KUBE_ADDRESS_FQDN)
            continue;
        for (unsigned j = 0; j < it->endpoints_count; j++)
            ready[it->address_type == KUBE_ADDRESS_IPV6] += it->endpoints[j].ready;
    }
    if (family == KUBE_FAMILY_IPV4)
        return ready[0];
    if (family == KUBE_FAMILY_IPV6)
        return ready[1];
    return ready[0] > ready[1] ? ready[0] : ready[1];
}

int kube_target_check_endpoints(const struct kube_object *service, const struct kube_cache *slices,
                                const struct kube_cache *pods, enum kube_family family,
                                struct error *err)
{
    char selector[512];
    unsigned matching = 0;
    const struct kube_labels *labels = &service->service.selector;
    if (kube_target_ready_endpoints(service, slices, family) > 0)
        return 0;
    for (unsigned i = 0; pods != NULL && i < pods->count; i++) {
        const struct kube_object *pod = pods->objects[i];
        matching += strcmp(pod->meta.namespace, service->meta.namespace) == 0 &&
                    kube_labels_match(labels, &pod->meta.labels);
    }
    kube_labels_text(labels, selector, sizeof(selector));
    if (labels->count == 0)
        error_set(
            err, EXIT_ENVIRONMENT, -ENOENT,
            "has no ready endpoints and no selector: its EndpointSlices must be made by hand");
    else if (pods == NULL)
        error_set(err, EXIT_ENVIRONMENT, -ENOENT,
                  "has no ready endpoints: no pod with labels %s is ready", selector);
    else if (matching == 0)
        error_set(err, EXIT_ENVIRONMENT, -ENOENT,
                  "has no endpoints: no pod has the labels of its selector, %s", selector);
    else
        error_set(err, EXIT_ENVIRONMENT, -ENOENT,
                  "has no ready endpoints%s%s: %u pod%s its selector, %s, but none is ready there",
                  family == KUBE_FAMILY_ANY ? "" : " of ", family_text(family), matching,
                  matching == 1 ? " matches" : "s match", selector);
    error_wrap(err, "service %s/%s", service->meta.namespace, service->meta.name);
    return -ENOENT;
}

int kube_target_next_hops(const struct kube_cache *nodes, enum kube_family family, unsigned which,
                          struct address *out, unsigned max, struct error *err)
{
    unsigned written = 0, seen = 0, ready = 0;
    for (unsigned i = 0; i < nodes->count && written < max; i++) {
        const struct kube_node *node = &nodes->objects[i]->node;
        if (!node->ready)
            continue;
        ready++;
        for (unsigned j = 0; j < node->internal.count; j++) {
            if (!family_is(&node->internal.each[j], family))
                continue;
            seen++;
            if (which == 0 || which == seen)
                out[written++] = node->internal.each[j];
            break;
        }
    }
    if (written > 0)
        return (int)written;
    if (which > 0 && seen > 0)
        return error_set(err, EXIT_USAGE, -ENOENT,
                         "route node:%u: there are only %u Ready nodes with an InternalIP address",
                         which, seen);
    return error_set(err, EXIT_ENVIRONMENT, -ENOENT,
                     "of %u nodes %u are Ready, and none of them has an InternalIP address%s%s: no "
                     "next hop to send to",
                     nodes->count, ready, family == KUBE_FAMILY_ANY ? "" : " of ",
                     family_text(family));
}

static const struct kube_service_port *find_port(const struct kube_object *service,
                                                 const char *port, struct error *err)
{
    const struct kube_service *it = &service->service;
    struct text all = {0};
    if ((port == NULL || port[0] == '\0') && it->ports_count == 1)
        return &it->ports[0];
    for (unsigned i = 0; i < it->ports_count; i++) {
        const struct kube_service_port *one = &it->ports[i];
        char number[8];
        snprintf(number, sizeof(number), "%u", one->port);
        if (port != NULL &&
            (strcmp(port, number) == 0 || (one->name[0] != '\0' && strcmp(port, one->name) == 0)))
            return one;
        text_addf(&all, "%s%s%s%u", i > 0 ? ", " : "", one->name, one->name[0] == '\0' ? "" : " ",
                  one->port);
    }
    if (port == NULL || port[0] == '\0')
        error_set(err, EXIT_USAGE, -ENOENT, "has several ports, name one of: %s", text_str(&all));
    else
        error_set(err, EXIT_USAGE, -ENOENT, "has no port %s; there are: %s", port, text_str(&all));
    text_free(&all);
    return NULL;
}

static int by_load_balancer(const struct kube_object *service, enum kube_family family,
                            struct kube_target *out, struct error *err)
{
    const struct kube_service *it = &service->service;
    if (it->type != KUBE_SERVICE_LOAD_BALANCER)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "is of type %s, not LoadBalancer: change its type, or use via clusterIP%s",
                         kube_service_type_text(it->type),
                         it->type == KUBE_SERVICE_NODE_PORT ? " or nodePort" : "");
    if (it->ingress_ips.count == 0 && it->ingress_hosts_count == 0)
        return error_set(
            err, EXIT_ENVIRONMENT, -EAGAIN,
            "its load balancer has no address yet (status.loadBalancer is empty): does "
            "the cluster have a load balancer controller?");
    for (unsigned i = 0; i < it->ingress_ips.count; i++)
        add_address(out, &it->ingress_ips.each[i], family);
    for (unsigned i = 0; i < it->ingress_hosts_count && out->count == 0; i++) {
        int code = resolve_host(it->ingress_hosts[i], family, out, err);
        if (code < 0)
            return code;
        out->host = it->ingress_hosts[i];
    }
    return out->count > 0 ? 0
                          : refuse_family("its load balancer has no", "address", family,
                                          &it->ingress_ips, err);
}

static int by_cluster_ip(const struct kube_object *service, enum kube_family family,
                         struct kube_target *out, struct error *err)
{
    const struct kube_service *it = &service->service;
    if (it->headless || it->cluster_ips.count == 0)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "is headless: it has no cluster IP, and no balancing to measure");
    for (unsigned i = 0; i < it->cluster_ips.count; i++)
        add_address(out, &it->cluster_ips.each[i], family);
    return out->count > 0 ? 0
                          : refuse_family("has no", "cluster IP", family, &it->cluster_ips, err);
}

/* All that it HAS is of the other family. */
static int refuse_family(const char *who, const char *what, enum kube_family family,
                         const struct kube_addresses *has, struct error *err)
{
    char text[ADDRESS_TEXT_BYTES];
    struct text all = {0};
    for (unsigned i = 0; i < has->count; i++)
        text_addf(&all, "%s%s", i > 0 ? ", " : "; it has ", address_text(&has->each[i], text));
    error_set(err, EXIT_USAGE, -ENOENT, "%s %s %s%s", who, family_text(family), what,
              text_str(&all));
    text_free(&all);
    return -ENOENT;
}

static int by_node_port(const struct kube_object *service, const struct kube_cache *nodes,
                        enum kube_family family, struct kube_target *out, struct error *err)
{
    if (out->port == 0)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "has no node port (type %s): change its type to NodePort, or do not set "
                         "allocateLoadBalancerNodePorts to false",
                         kube_service_type_text(service->service.type));
    if (nodes == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOENT, "its nodes are not known");
    int count = kube_target_next_hops(nodes, family, 0, out->addresses, KUBE_TARGET_ADDRESSES, err);
    if (count < 0)
        return count;
    out->count = (unsigned)count;
    return 0;
}

static int resolve_host(const char *host, enum kube_family family, struct kube_target *out,
                        struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    hints.ai_family = family == KUBE_FAMILY_IPV4   ? AF_INET
                      : family == KUBE_FAMILY_IPV6 ? AF_INET6
                                                   : AF_UNSPEC;
    int code = getaddrinfo(host, NULL, &hints, &list);
    if (code != 0)
        return error_set(err, EXIT_ENVIRONMENT, -EADDRNOTAVAIL,
                         "its load balancer's name %s does not resolve here: %s", host,
                         gai_strerror(code));
    for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
        char text[NI_MAXHOST];
        struct address address;
        if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) ==
                0 &&
            address_parse(text, &address, NULL) == 0)
            add_address(out, &address, family);
    }
    freeaddrinfo(list);
    return 0;
}

/* Once each. */
static void add_address(struct kube_target *out, const struct address *address,
                        enum kube_family family)
{
    if (!family_is(address, family) || out->count == KUBE_TARGET_ADDRESSES)
        return;
    for (unsigned i = 0; i < out->count; i++) {
        if (address_equal(&out->addresses[i], address))
            return;
    }
    out->addresses[out->count++] = *address;
}

static bool family_is(const struct address *address, enum kube_family family)
{
    return family == KUBE_FAMILY_ANY || address_is_v4(address) == (family == KUBE_FAMILY_IPV4);
}

static const char *family_text(enum kube_family family)
{
    static const char *const texts[] = {"", "IPv4", "IPv6"};
    return texts[family];
}
