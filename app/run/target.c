#include "run/target.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "plan/url.h"
#include "run/raw_of.h"

static enum kube_family family_of(const struct experiment_target *target)
{
    return target->family == EXPERIMENT_IPV6 ? KUBE_FAMILY_IPV6 : KUBE_FAMILY_IPV4;
}

static enum kube_via via_of(const struct experiment_target *target)
{
    switch (target->via) {
    case EXPERIMENT_VIA_CLUSTER_IP: return KUBE_VIA_CLUSTER_IP;
    case EXPERIMENT_VIA_NODE_PORT: return KUBE_VIA_NODE_PORT;
    default: return KUBE_VIA_LOAD_BALANCER;
    }
}

static void list_addresses(const struct kube_target *found, struct text *out)
{
    char text[ADDRESS_TEXT_BYTES];
    for (unsigned i = 0; i < found->count; i++)
        text_addf(out, "%s%s", i > 0 ? ", " : "", address_text(&found->addresses[i], text));
}

int target_choose(const struct experiment_target *wanted, const struct kube_target *found,
                  struct target *out, struct error *err)
{
    unsigned chosen = 0;
    struct text all = {0};
    char text[ADDRESS_TEXT_BYTES];
    list_addresses(found, &all);
    while (wanted->vip_given && chosen < found->count &&
           !address_equal(&found->addresses[chosen], &wanted->vip))
        chosen++;
    int code = chosen < found->count
                   ? 0
                   : error_set(err, EXIT_USAGE, -ENOENT,
                               "target.vip: service/%s has no address %s; there are: %s",
                               wanted->service, address_text(&wanted->vip, text), text_str(&all));
    /* Via a node port the addresses are the nodes', of which any will do. */
    if (code == 0 && !wanted->vip_given && wanted->via != EXPERIMENT_VIA_NODE_PORT &&
        (found->count > 1 || found->host[0] != '\0'))
        snprintf(out->note, sizeof(out->note),
                 "service/%s%s%.80s has the addresses %.160s: the first is used, target.vip "
                 "chooses another",
                 wanted->service, found->host[0] != '\0' ? ", by the name " : "", found->host,
                 text_str(&all));
    if (code == 0)
        out->address = found->addresses[chosen];
    text_free(&all);
    return code;
}

static int resolve_service(const struct experiment_target *wanted, const struct kube *kube,
                           struct target *out, struct error *err)
{
    const struct kube_object *service = kube_find(kube, KUBE_SERVICE, NULL, wanted->service);
    if (service == NULL)
        return error_set(err, EXIT_USAGE, -ENOENT,
                         "service/%s does not exist in namespace %s; create it, or correct "
                         "target.service",
                         wanted->service, kube_namespace(kube));
    char number[8];
    const char *port = wanted->service_port_name;
    if (port == NULL && wanted->service_port != 0) {
        snprintf(number, sizeof(number), "%u", wanted->service_port);
        port = number;
    }
    struct kube_target found;
    int code = kube_target_resolve(service, kube_objects(kube, KUBE_NODE), via_of(wanted),
                                   family_of(wanted), port, &found, err);
    if (code == 0)
        code = target_choose(wanted, &found, out, err);
    if (code < 0)
        return code;
    out->port = found.port;
    code = kube_target_check_endpoints(service, kube_objects(kube, KUBE_ENDPOINTSLICE),
                                       kube_objects(kube, KUBE_POD), family_of(wanted), err);
    return code < 0 ? -EAGAIN : 0;
}

static bool is_on_link(const struct machine_port *port, const struct address *address)
{
    for (uint32_t i = 0; i < port->on_link_count; i++)
        if (prefix_contains(&port->on_link[i], address))
            return true;
    return false;
}

/* On the link itself, by the port's next hops, or by its gateway; in this order. */
static int route_by_machine(const struct machine_port *port, struct target *out, struct error *err)
{
    bool v4 = address_is_v4(&out->address);
    char text[ADDRESS_TEXT_BYTES];
    if (is_on_link(port, &out->address)) {
        out->hops[out->hop_count++] = out->address;
        return 0;
    }
    for (uint32_t i = 0; i < port->next_hop_count; i++)
        if (address_is_v4(&port->next_hops[i]) == v4)
            out->hops[out->hop_count++] = port->next_hops[i];
    if (out->hop_count == 0 && (v4 ? port->gateway_v4_given : port->gateway_v6_given))
        out->hops[out->hop_count++] = v4 ? port->gateway_v4 : port->gateway_v6;
    if (out->hop_count == 0)
        return error_set(err, EXIT_USAGE, -EHOSTUNREACH,
                         "the machine file has no way to %s: give ports.%s.onLink, nextHops or a "
                         "gateway",
                         address_text(&out->address, text), port->name);
    return 0;
}

static int route_by_nodes(const struct experiment_target *wanted, const struct kube *kube,
                          struct target *out, struct error *err)
{
    if (kube == NULL)
        return error_set(err, EXIT_USAGE, -EINVAL, "route: a static target has no nodes");
    const struct kube_cache *nodes = kube_objects(kube, KUBE_NODE);
    if (wanted->route == EXPERIMENT_ROUTE_NODE && wanted->route_index == 0) {
        const struct kube_object *node = kube_find(kube, KUBE_NODE, NULL, wanted->route_node);
        struct kube_cache one = {.objects = (struct kube_object *[]){(struct kube_object *)node},
                                 .count = node != NULL};
        if (node == NULL)
            return error_set(err, EXIT_USAGE, -ENOENT, "route: there is no node %s",
                             wanted->route_node);
        int count = kube_target_next_hops(&one, family_of(wanted), 0, out->hops, TARGET_HOPS, err);
        out->hop_count = count > 0 ? (unsigned)count : 0;
        return count < 0 ? count : 0;
    }
    unsigned which = wanted->route == EXPERIMENT_ROUTE_NODE ? wanted->route_index : 0;
    int count = kube_target_next_hops(nodes, family_of(wanted), which, out->hops, TARGET_HOPS, err);
    out->hop_count = count > 0 ? (unsigned)count : 0;
    return count < 0 ? count : 0;
}

static int find_route(const struct experiment_target *wanted, const struct machine_port *port,
                      const struct kube *kube, struct target *out, struct error *err)
{
    out->hop_count = 0;
    if (!out->sends)
        return route_by_machine(port, out, err);
    switch (wanted->route) {
    case EXPERIMENT_ROUTE_NODE:
    case EXPERIMENT_ROUTE_ECMP: return route_by_nodes(wanted, kube, out, err);
    case EXPERIMENT_ROUTE_HOPS:
        memcpy(out->hops, wanted->hops, wanted->hop_count * sizeof(out->hops[0]));
        out->hop_count = wanted->hop_count;
        return 0;
    default: return route_by_machine(port, out, err);
    }
}

/* A port that sends no frames of a raw stream may receive some, which it needs no hop for. What
 * else comes to it is answered the way that leads back to where they come from. */
static int turn_back(const struct experiment_stream *stream, const struct machine *machine,
                     struct target *out, struct error *err)
{
    const struct address destination = out->address;
    if (stream->raw.source_given) {
        out->address = stream->raw.source;
        return 0;
    }
    for (uint32_t i = 0; i < machine->port_count; i++)
        if (machine_port_sends(&machine->ports[i], &stream->raw, &destination) &&
            raw_of_client(&machine->ports[i], &destination, &out->address))
            return 0;
    return error_set(err, EXIT_USAGE, -EADDRNOTAVAIL, "no port sends to it");
}

static int check(const struct experiment_stream *stream, const struct machine *machine,
                 const struct machine_port *port, struct target *out, struct error *err)
{
    const struct experiment_target *wanted = &stream->target;
    char what[160];
    snprintf(what, sizeof(what), "%s%s", wanted->service ? "service/" : "target",
             wanted->service ? wanted->service : "");
    if (stream->protocol != EXPERIMENT_PROTOCOL_RAW)
        return machine_check_target(machine, &out->address, wanted->typed, what, err);
    int code = machine_check_raw(machine, stream, &out->address, what, err);
    out->sends = code == 0 && machine_port_sends(port, &stream->raw, &out->address);
    return code == 0 && !out->sends ? turn_back(stream, machine, out, err) : code;
}

static void describe(const struct experiment_stream *stream, struct target *out)
{
    char address[ADDRESS_TEXT_BYTES], hop[ADDRESS_TEXT_BYTES];
    bool v4 = address_is_v4(&out->address);
    char port[8] = "";
    if (stream->protocol != EXPERIMENT_PROTOCOL_ICMP)
        snprintf(port, sizeof(port), ":%u", out->port);
    int size = snprintf(out->text, sizeof(out->text), "%s://%s%s%s%s",
                        experiment_protocol_word(stream->protocol), v4 ? "" : "[",
                        address_text(&out->address, address), v4 ? "" : "]", port);
    if (out->hop_count > 1)
        snprintf(out->text + size, sizeof(out->text) - (size_t)size, " by ECMP over %u next hops",
                 out->hop_count);
    else if (!address_equal(&out->hops[0], &out->address))
        snprintf(out->text + size, sizeof(out->text) - (size_t)size, " by %s",
                 address_text(&out->hops[0], hop));
}

int target_resolve(const struct experiment *experiment, unsigned stream,
                   const struct machine *machine, const struct machine_port *port,
                   const struct kube *kube, struct target *out, struct error *err)
{
    const struct experiment_stream *of = &experiment->streams[stream];
    const struct experiment_target *wanted = &of->target;
    struct target made = {.sends = true, .address = wanted->address, .port = wanted->port};
    int code = 0;
    if (wanted->via != EXPERIMENT_VIA_STATIC)
        code = kube == NULL
                   ? error_set(err, EXIT_USAGE, -EINVAL,
                               "its target is a Service, but the experiment has no cluster")
                   : resolve_service(wanted, kube, &made, err);
    if (code == 0)
        code = check(of, machine, port, &made, err);
    if (code == 0)
        code = find_route(wanted, port, kube, &made, err);
    if (code < 0) {
        error_wrap(err, "streams.%s", of->name);
        return code;
    }
    describe(of, &made);
    *out = made;
    return 0;
}
