/* What the kernel tells of a network interface, and a device of itself. By ioctl: /sys may show
 * another network namespace. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net_device.h"

/* 0 with REQUEST filled, or -errno. */
static int ask(const char *netdev, unsigned long what, struct ifreq *request)
{
    *request = (struct ifreq){0};
    snprintf(request->ifr_name, sizeof(request->ifr_name), "%.15s", netdev);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    const int status = ioctl(fd, what, request) < 0 ? -errno : 0;
    close(fd);
    return status;
}

int net_netdev_mtu(const char *netdev)
{
    struct ifreq request;
    const int status = ask(netdev, SIOCGIFMTU, &request);
    if (status < 0)
        return status;
    return request.ifr_mtu > UINT16_MAX ? UINT16_MAX : request.ifr_mtu;
}

bool net_netdev_running(const char *netdev)
{
    struct ifreq request;
    return ask(netdev, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_RUNNING) != 0;
}

bool net_netdev_is_promiscuous(const char *netdev)
{
    struct ifreq request;
    return ask(netdev, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_PROMISC) != 0;
}

bool net_netdev_has_all_groups(const char *netdev)
{
    struct ifreq request;
    return ask(netdev, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_ALLMULTI) != 0;
}

int net_device_stats(const struct net_port *port, struct net_device_stats *stats)
{
    struct rte_eth_stats device;
    const int status = rte_eth_stats_get(port->port_id, &device);
    if (status < 0)
        return status;
    *stats = (struct net_device_stats){
        .rx_packets = device.ipackets,
        .tx_packets = device.opackets,
        .imissed = device.imissed,
        .ierrors = device.ierrors,
        .oerrors = device.oerrors,
        .rx_nombuf = device.rx_nombuf,
    };
    return 0;
}

bool net_link_up(const struct net_port *port)
{
    struct rte_eth_link link = {0};
    if (port->device->netdev[0] != '\0')
        return net_netdev_running(port->device->netdev);
    return rte_eth_link_get_nowait(port->port_id, &link) == 0 && link.link_status != 0;
}

bool net_device_gone(const struct net_port *port)
{
    const struct net_device *device = port->device;
    if (device->netdev[0] != '\0')
        return if_nametoindex(device->netdev) != device->netdev_index;
    return rte_eth_dev_is_removed(port->port_id) != 0;
}

uint32_t net_buffers_out(const struct net_port *port)
{
    return rte_mempool_in_use_count(port->pool) - port->spare_count;
}
