#include "run/doctor_ports.h"

#include <errno.h>
#include <stdlib.h>

#include "base/stop.h"
#include "run/fleet.h"

#define PORTS "ports"
#define HOPS "next hops"
#define RESOLVE_NS UINT64_C(3500000000) /* 3.1 s are known to be silence. */

/* What looks need. */
struct look {
    const struct doctor_ports *what;
    struct fleet *fleet;
    struct findings *out;
};

static void open_ports(const struct look *look);
static void describe(const struct look *look, const struct fleet_nic *nic);
static void add_hops(const struct look *look, unsigned index);
static int resolve(const struct look *look, struct error *err);
static void tell_link(const struct look *look, const struct fleet_nic *nic);
static void tell_hops(const struct look *look, const struct fleet_nic *nic);

int doctor_ports(const struct doctor_ports *what, struct findings *out, struct error *err)
{
    struct look look = {.what = what, .out = out, .fleet = calloc(1, sizeof(*look.fleet))};
    struct error failed = {0};
    if (look.fleet == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for ports");
    int code = fleet_begin(look.fleet, what->machine, what->clock, what->program, false, &failed);
    if (code < 0)
        findings_add(out, FINDING_FAIL, PORTS, "DPDK", "%s", failed.text);
    else
        open_ports(&look);
    for (unsigned i = 0; i < look.fleet->nic_count && code == 0; i++)
        if (look.fleet->nics[i].open)
            add_hops(&look, i);
    code = code == 0 ? resolve(&look, err) : 0;
    for (unsigned i = 0; i < look.fleet->nic_count && code == 0; i++)
        if (look.fleet->nics[i].open)
            tell_link(&look, &look.fleet->nics[i]);
    for (unsigned i = 0; i < look.fleet->nic_count && code == 0; i++)
        if (look.fleet->nics[i].open)
            tell_hops(&look, &look.fleet->nics[i]);
    fleet_close(look.fleet);
    free(look.fleet);
    return code;
}

static struct net_port *port_of(const struct look *look, const struct fleet_nic *nic)
{
    return look->fleet->members[nic->first].port;
}

static const char *device_of(const struct machine_port *port)
{
    return port->iface != NULL ? port->iface : port->pci != NULL ? port->pci : port->socket;
}

/* Each for itself: one that fails does not hide the others. */
static void open_ports(const struct look *look)
{
    struct profile profile;
    for (unsigned i = 0; i < look->fleet->nic_count; i++) {
        const struct fleet_nic *nic = &look->fleet->nics[i];
        struct error failed = {0};
        if (fleet_open_nic(look->fleet, i, look->what->drivers, &failed) == 0) {
            describe(look, nic);
            continue;
        }
        findings_add(look->out, FINDING_FAIL, PORTS, "driver", "%s", failed.text);
        if (profile_load(look->what->drivers, nic->config->profile, &profile, NULL) == 0)
            findings_mend(look->out, "%s", profile.bind);
    }
}

static void describe(const struct look *look, const struct fleet_nic *nic)
{
    static const struct {
        const char *name;
        void (*text)(const struct net_port *port, char *out, size_t size);
    } parts[] = {
        {"queues", net_port_steering_text},
        {"checksums", net_port_checksums_text},
        {"pacing", net_port_pacing_text},
        {"stamps", net_port_stamping_text},
    };
    const struct net_port *port = port_of(look, nic);
    const struct profile *profile = net_port_profile(port);
    char text[NET_NOTE_BYTES];
    if (nic->note[0] != '\0')
        findings_add(look->out, FINDING_WARN, PORTS, "driver", "%s", nic->note);
    else
        findings_add(look->out, FINDING_OK, PORTS, "driver",
                     "port \"%s\": %s by profile %s, up to %llu packets/s, MTU %u",
                     nic->config->name, device_of(nic->config), profile->name,
                     (unsigned long long)profile->max_pps, net_mtu_bytes(port));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        parts[i].text(port, text, sizeof(text));
        findings_add(look->out, FINDING_OK, PORTS, parts[i].name, "port \"%s\": %s",
                     nic->config->name, text);
    }
}

/* All queues know the same groups. False: it was refused, which is told. */
static bool add_group(const struct look *look, const struct fleet_nic *nic,
                      const struct address hops[], unsigned count)
{
    struct error failed = {0};
    for (unsigned q = 0; q < nic->config->queues; q++) {
        if (net_group_add(look->fleet->members[nic->first + q].port, hops, count, &failed) >= 0)
            continue;
        findings_add(look->out, FINDING_FAIL, HOPS, "hop", "%s", failed.text);
        return false;
    }
    return true;
}

static void add_machine_hops(const struct look *look, const struct fleet_nic *nic)
{
    const struct machine_port *config = nic->config;
    for (uint32_t i = 0; i < config->next_hop_count; i++)
        add_group(look, nic, &config->next_hops[i], 1);
    if (config->gateway_v4_given)
        add_group(look, nic, &config->gateway_v4, 1);
    if (config->gateway_v6_given)
        add_group(look, nic, &config->gateway_v6, 1);
    if (net_hop_count(port_of(look, nic)) == 0)
        findings_add(look->out, FINDING_OK, HOPS, "hop",
                     "port \"%s\" has none of its own: its targets are on the link, and an "
                     "experiment names them",
                     config->name);
}

/* A Service that an `apply` step makes has no address yet: that is nothing wrong. */
static void add_target_hops(const struct look *look, const struct fleet_nic *nic, unsigned stream)
{
    const struct experiment *experiment = look->what->experiment;
    const bool service = experiment->streams[stream].target.via != EXPERIMENT_VIA_STATIC;
    struct target target;
    struct error failed = {0};
    const int code = target_resolve(experiment, stream, look->what->machine, nic->config,
                                    look->what->kube, &target, &failed);
    if (code == 0 && add_group(look, nic, target.hops, target.hop_count))
        findings_add(look->out, FINDING_OK, HOPS, "target", "streams.%s on port \"%s\": %s",
                     experiment->streams[stream].name, nic->config->name, target.text);
    else if (code < 0)
        findings_add(look->out,
                     service && (code == -EAGAIN || code == -ENOENT) ? FINDING_WARN : FINDING_FAIL,
                     HOPS, "target", "%s", failed.text);
}

static void add_hops(const struct look *look, unsigned index)
{
    const struct fleet_nic *nic = &look->fleet->nics[index];
    const struct experiment *experiment = look->what->experiment;
    if (experiment == NULL)
        add_machine_hops(look, nic);
    for (unsigned s = 0; experiment != NULL && s < experiment->stream_count; s++)
        if (look->what->kube != NULL || experiment->streams[s].target.via == EXPERIMENT_VIA_STATIC)
            add_target_hops(look, nic, s);
}

/* Which were silent is looked at afterwards. */
static int resolve(const struct look *look, struct error *err)
{
    struct net_port *ports[FLEET_MEMBERS];
    unsigned count = 0;
    for (unsigned i = 0; i < look->fleet->count; i++)
        if (look->fleet->members[i].port != NULL)
            ports[count++] = look->fleet->members[i].port;
    if (count > 0)
        net_resolve_all(ports, count, look->what->clock, RESOLVE_NS, NULL);
    return stop_is_wanted() ? error_set(err, EXIT_INTERRUPTED, -EINTR, "interrupted") : 0;
}

static void tell_link(const struct look *look, const struct fleet_nic *nic)
{
    const bool up = net_link_up(port_of(look, nic));
    findings_add(look->out, up ? FINDING_OK : FINDING_FAIL, PORTS, "link", "port \"%s\": %s",
                 nic->config->name, up ? "up" : "down");
    if (!up && nic->config->iface != NULL)
        findings_mend(look->out, "ip link set %s up, and so the other end", nic->config->iface);
    else if (!up)
        findings_mend(look->out, "plug in its cable, and switch on what is at the other end");
}

/* Whether all queues of the port can send to HOP. */
static bool is_resolved(const struct look *look, const struct fleet_nic *nic, unsigned hop)
{
    for (unsigned q = 0; q < nic->config->queues; q++) {
        const enum net_hop_state state =
            net_hop_state(look->fleet->members[nic->first + q].port, hop);
        if (state != NET_HOP_RESOLVED && state != NET_HOP_CHECKING)
            return false;
    }
    return true;
}

static void tell_hops(const struct look *look, const struct fleet_nic *nic)
{
    const struct net_port *port = port_of(look, nic);
    for (unsigned i = 0; i < net_hop_count(port); i++) {
        uint8_t mac[6];
        char text[ADDRESS_TEXT_BYTES];
        const struct address address = net_hop_address(port, i, mac);
        address_text(&address, text);
        if (is_resolved(look, nic, i)) {
            findings_add(look->out, FINDING_OK, HOPS, "hop",
                         "%s answers on port \"%s\": %02x:%02x:%02x:%02x:%02x:%02x", text,
                         nic->config->name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
            continue;
        }
        findings_add(look->out, FINDING_FAIL, HOPS, "hop",
                     "%s does not answer to %s on port \"%s\", VLAN %u (0: none)", text,
                     address_is_v4(&address) ? "ARP" : "neighbour discovery", nic->config->name,
                     nic->config->vlan);
        findings_mend(look->out,
                      "see that it is up and on this link; ports.%s of %s has gateway, "
                      "nextHops, onLink and vlan",
                      nic->config->name, look->what->machine->path);
    }
}
