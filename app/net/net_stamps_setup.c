#define ALLOW_EXPERIMENTAL_API /* rte_eth_read_clock() */
#include "net/net_stamps.h"

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>

#include "net/net_device.h"

void net_stamps_choose(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
    conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP;
}

int net_stamps_make(struct net_port *port, int socket)
{
    struct net_stamps *stamps =
        rte_zmalloc_socket("net_stamps", sizeof(*stamps), alignof(struct net_port), socket);
    if (stamps == NULL)
        return -ENOMEM;
    if (rte_mbuf_dyn_rx_timestamp_register(&stamps->field, &stamps->rx_flag) < 0) {
        rte_free(stamps); /* No room in the mbuf: then by the poll's time. */
        return 0;
    }
    port->stamps = stamps;
    return 0;
}

void net_stamps_check(struct net_device *device)
{
    uint64_t ticks;
    if (rte_eth_read_clock(device->port_id, &ticks) == 0)
        return;
    for (uint16_t i = 0; i < device->queues; i++) {
        rte_free(device->ports[i]->stamps);
        device->ports[i]->stamps = NULL;
    }
}

void net_port_clock(struct net_port *port, const struct clock *clock)
{
    if (port->stamps != NULL)
        port->stamps->clock = clock;
}

bool net_port_stamps_arrivals(const struct net_port *port)
{
    return port->stamps != NULL && port->impair == NULL;
}
