/* What a NIC port does itself and what is left to the worker, with the reason: for people. */
#include <stdio.h>

#include "base/text.h"
#include "net/net_device.h"

static const char *why_no_stamps(const struct net_device *device, bool offered)
{
    if (device->software_stamps)
        return "the machine file leaves stamps to the worker";
    if (!offered)
        return "the device does not offer it";
    if (device->clock_unread)
        return "the device's clock cannot be read";
    return "DPDK's packets have no room for the stamp";
}

void net_port_checksums_text(const struct net_port *port, char *out, size_t size)
{
    const struct net_device *device = port->device;
    const uint64_t rx =
        RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
    const bool verified = (device->info.rx_offload_capa & rx) != 0;
    if (!device->profile.checksum_offload)
        snprintf(out, size, "in software: profile %s leaves them to the worker",
                 device->profile.name);
    else if (device->software_sums)
        snprintf(out, size, "in software, as was asked for");
    else if (!port->offload_ip && !port->offload_tcp && !port->offload_udp && !verified)
        snprintf(out, size, "in software: the device offers none");
    else
        snprintf(out, size, "sent:%s%s%s%s; received: %s", port->offload_ip ? " IPv4" : "",
                 port->offload_tcp ? " TCP" : "", port->offload_udp ? " UDP" : "",
                 port->offload_ip || port->offload_tcp || port->offload_udp ? " by the NIC"
                                                                            : " in software",
                 verified ? "by the NIC, as far as it does" : "in software");
}

void net_port_pacing_text(const struct net_port *port, char *out, size_t size)
{
    const struct net_device *device = port->device;
    const bool offered = (device->info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP) != 0;
    if (net_port_sends_on_time(port))
        snprintf(out, size, "datagrams by the NIC, which sends on time stamps");
    else if (offered && !device->software_stamps && 2 * device->queues > device->info.max_tx_queues)
        snprintf(out, size,
                 "by the worker: sending on time takes %u transmit queues, and the device has %u",
                 2U * device->queues, device->info.max_tx_queues);
    else
        snprintf(out, size, "by the worker, and not on time stamps: %s",
                 why_no_stamps(device, offered));
}

void net_port_stamping_text(const struct net_port *port, char *out, size_t size)
{
    const struct net_device *device = port->device;
    const bool offered = (device->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0;
    if (net_port_stamps_arrivals(port))
        snprintf(out, size, "arrivals by the NIC");
    else
        snprintf(out, size, "arrivals by the worker's poll: %s", why_no_stamps(device, offered));
}
