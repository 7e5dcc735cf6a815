#define ALLOW_EXPERIMENTAL_API /* rte_eth_read_clock() */
#include "net/net_stamps.h"

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>

#include "net/net_device.h"
#include "net/net_timed.h"

static bool sends_on_time(const struct rte_eth_conf *conf)
{
    return (conf->txmode.offloads & RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP) != 0;
}

uint16_t net_stamps_choose(const struct rte_eth_dev_info *info, uint16_t queues,
                           struct rte_eth_conf *conf)
{
    conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP;
    if (2 * queues > info->max_tx_queues)
        return queues;
    conf->txmode.offloads |= info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP;
    return sends_on_time(conf) ? (uint16_t)(2 * queues) : queues;
}

int net_stamps_make(struct net_port *port, uint16_t queues, const struct rte_eth_conf *conf,
                    int socket)
{
    const bool receives = (conf->rxmode.offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0;
    if (!receives && !sends_on_time(conf))
        return 0;
    port->stamps =
        rte_zmalloc_socket("net_stamps", sizeof(*port->stamps), alignof(struct net_port), socket);
    if (port->stamps == NULL)
        return -ENOMEM;
    /* No room for it in the mbuf: then by the poll's time. */
    if (receives &&
        rte_mbuf_dyn_rx_timestamp_register(&port->stamps->field, &port->stamps->rx_flag) < 0)
        port->stamps->rx_flag = 0;
    if (!sends_on_time(conf))
        return 0;
    return net_timed_make(port, (uint16_t)(queues + port->queue_id), socket);
}

void net_stamps_release(struct net_port *port)
{
    net_timed_release(port);
    rte_free(port->stamps);
    port->stamps = NULL;
}

void net_stamps_check(struct net_device *device)
{
    uint64_t ticks;
    if (rte_eth_read_clock(device->port_id, &ticks) == 0)
        return;
    device->clock_unread = true;
    for (uint16_t i = 0; i < device->queues; i++)
        net_stamps_release(device->ports[i]);
}

void net_port_clock(struct net_port *port, const struct clock *clock)
{
    if (port->stamps != NULL)
        port->stamps->clock = clock;
}

bool net_port_stamps_arrivals(const struct net_port *port)
{
    return port->stamps != NULL && port->stamps->rx_flag != 0;
}
