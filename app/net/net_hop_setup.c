#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/stop.h"
#include "base/text.h"
#include "net/net_device.h"

int net_group_add(struct net_port *port, const struct address hops[], unsigned count,
                  struct error *err)
{
    struct net_group group = {.count = (uint16_t)count};
    char text[ADDRESS_TEXT_BYTES];
    if (count == 0 || count > NET_GROUP_HOPS_MAX || port->group_count == NET_GROUPS_MAX)
        return error_set(err, EXIT_USAGE, -ENOSPC,
                         "%u next hops in group %u: there can be 1 to %d in at most %d groups",
                         count, port->group_count + 1, NET_GROUP_HOPS_MAX, NET_GROUPS_MAX);
    for (unsigned i = 0; i < count; i++) {
        if (own_contains(&port->own, &hops[i]))
            return error_set(err, EXIT_USAGE, -EADDRINUSE,
                             "%s is one of port \"%s\"'s own addresses and cannot be a target or "
                             "next hop: change it, or the port's client pools",
                             address_text(&hops[i], text), port->device->name);
        const int hop = hop_add(&port->hops, &hops[i]);
        if (hop < 0)
            return error_set(err, EXIT_USAGE, -ENOSPC, "more than %d next hops", NET_HOPS_MAX);
        group.hops[i] = (uint16_t)hop;
    }
    port->groups[port->group_count] = group;
    return (int)port->group_count++;
}

/* One turn that only resolves. */
static void turn(struct net_port *port, uint64_t now_ns)
{
    struct net_packet packets[NET_RX_MAX];
    net_poll(port);
    const uint16_t count = net_rx(port, now_ns, packets, NET_RX_MAX);
    for (uint16_t i = 0; i < count; i++)
        net_free(port, &packets[i]);
    net_tx_room(port);
    net_tick(port, now_ns);
    net_tx_flush(port);
}

/* How many hops are in neither of the two final states. */
static unsigned undecided(struct net_port *const ports[], unsigned port_count)
{
    unsigned count = 0;
    for (unsigned i = 0; i < port_count; i++) {
        for (unsigned j = 0; j < ports[i]->hops.count; j++) {
            const enum net_hop_state state = ports[i]->hops.hops[j].state;
            count += state == NET_HOP_IDLE || state == NET_HOP_ASKING;
        }
    }
    return count;
}

static int refuse_silent(const struct net_port *port, struct error *err)
{
    struct text list = {0};
    char text[ADDRESS_TEXT_BYTES];
    for (unsigned i = 0; i < port->hops.count; i++) {
        if (!hop_usable(&port->hops.hops[i]))
            text_addf(&list, "%s%s", list.size > 0 ? ", " : "",
                      address_text(&port->hops.hops[i].address, text));
    }
    error_set(err, EXIT_ENVIRONMENT, -EHOSTUNREACH,
              "no answer to ARP or neighbour discovery on port \"%s\" from next hop %s: is it up, "
              "on this link, and in VLAN %u (0: none)?%s",
              port->device->name, text_str(&list), port->rules.vlan_id,
              net_link_up(port) ? "" : " The port's link is down");
    text_free(&list);
    return -EHOSTUNREACH;
}

/* A NIC that was just started may take seconds to have a link. Some never tell: then go on. */
static void wait_for_link(const struct net_port *port, const struct clock *clock,
                          uint64_t timeout_ns)
{
    const uint64_t start_ns = clock_now_ns(clock);
    while (!net_link_up(port) && !stop_is_wanted() && clock_now_ns(clock) - start_ns < timeout_ns)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* The first port with a hop that gave no answer: which it was that said nothing. */
static const struct net_port *unanswered(struct net_port *const ports[], unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < ports[i]->hops.count; j++)
            if (!hop_usable(&ports[i]->hops.hops[j]))
                return ports[i];
    return NULL;
}

int net_resolve_all(struct net_port *const ports[], unsigned count, const struct clock *clock,
                    uint64_t timeout_ns, struct error *err)
{
    const uint64_t start_ns = clock_now_ns(clock);
    unsigned open = 0;
    for (unsigned i = 0; i < count; i++) {
        wait_for_link(ports[i], clock, timeout_ns / 2);
        hop_ask_again(&ports[i]->hops);
        open += ports[i]->hops.count;
    }
    while (open > 0 && !stop_is_wanted() && clock_now_ns(clock) - start_ns < timeout_ns) {
        for (unsigned i = 0; i < count; i++)
            turn(ports[i], clock_now_ns(clock));
        open = undecided(ports, count);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    if (stop_is_wanted())
        return -EINTR;
    const struct net_port *silent = unanswered(ports, count);
    return silent == NULL ? 0 : refuse_silent(silent, err);
}

int net_resolve(struct net_port *port, const struct clock *clock, uint64_t timeout_ns,
                struct error *err)
{
    return net_resolve_all(port->device->ports, port->device->queues, clock, timeout_ns, err);
}
