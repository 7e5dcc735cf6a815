#include <errno.h>

#include <rte_malloc.h>

#include "net/net_device.h"
#include "net/net_impair.h"
#include "net/net_priv.h"
#include "net/net_stamps.h"

int net_impair_set(struct net_port *port, const struct impair_config *receive,
                   const struct impair_config *send, uint64_t seed, struct error *err)
{
    struct net_impair *impair = port->impair;

    if (impair == NULL)
        impair = rte_zmalloc_socket("net_impair", sizeof(*impair), alignof(struct net_port),
                                    port->device->socket);
    if (impair == NULL)
        return error_set(
            err, EXIT_ENVIRONMENT, -ENOMEM,
            "no DPDK memory for the impairment stage: raise the machine file's memory");
    impair_init(&impair->receive, receive, 2 * seed);
    impair_init(&impair->send, send, 2 * seed + 1);
    port->impair = impair;
    port->offload_ip = false;
    port->offload_tcp = false;
    port->offload_udp = false;
    net_stamps_release(port); /* What the stage keeps comes later than the NIC says. */
    return 0;
}

void net_impair_release(struct net_port *port)
{
    struct net_impair *impair = port->impair;
    struct rte_mbuf *mbuf;

    if (impair == NULL)
        return;
    while ((mbuf = impair_drain(&impair->receive)) != NULL)
        rte_pktmbuf_free(mbuf);
    while ((mbuf = impair_drain(&impair->send)) != NULL)
        rte_pktmbuf_free(mbuf);
    rte_pktmbuf_free_bulk(impair->out, impair->out_count);
    impair->out_count = 0;
}
