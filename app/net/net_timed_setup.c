#include "net/net_timed.h"

#include <errno.h>

#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>

#include "net/net_priv.h"
#include "net/net_setup.h"

int net_timed_make(struct net_port *port, uint16_t queue, int socket)
{
    struct net_timed *timed =
        rte_zmalloc_socket("net_timed", sizeof(*timed), alignof(struct net_port), socket);
    if (timed == NULL)
        return -ENOMEM;
    timed->queue_id = queue;
    if (rte_mbuf_dyn_tx_timestamp_register(&timed->field, &timed->flag) < 0) {
        rte_free(timed); /* No room in the mbuf: then by the worker. */
        return 0;
    }
    port->timed = timed;
    return 0;
}

void net_timed_release(struct net_port *port)
{
    if (port->timed != NULL)
        rte_pktmbuf_free_bulk(port->timed->mbufs, port->timed->count);
    rte_free(port->timed);
    port->timed = NULL;
}

bool net_port_sends_on_time(const struct net_port *port)
{
    return port->timed != NULL;
}
