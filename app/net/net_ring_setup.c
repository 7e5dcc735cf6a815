#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_eth_ring.h>
#include <rte_ring.h>

#include "net/net_device.h"

enum {
    RING_PACKETS = 1024
};

/* Names of the rings toward ends a and b. The first queue's are sl_NAME_a and sl_NAME_b; those of
 * further ones have its number behind. */
struct ring_names {
    char to_a[RTE_RING_NAMESIZE];
    char to_b[RTE_RING_NAMESIZE];
    char peer[NET_DEVICE_NAME_BYTES]; /* DPDK name of the other end's port. */
    char self[32];                    /* And of this one's, without DPDK's prefix. */
    bool is_a;
};

static int ring_names(const char *device, uint16_t queue, struct ring_names *names)
{
    const size_t length = strlen(device);
    if (length < 3 || length > 16 || device[length - 2] != '.')
        return -EINVAL;
    const char end = device[length - 1];
    if (end != 'a' && end != 'b')
        return -EINVAL;
    const int stem = (int)length - 2;
    char number[8] = "";
    if (queue > 0)
        snprintf(number, sizeof(number), "%u", queue);
    names->is_a = end == 'a';
    snprintf(names->to_a, sizeof(names->to_a), "sl_%.*s_a%s", stem, device, number);
    snprintf(names->to_b, sizeof(names->to_b), "sl_%.*s_b%s", stem, device, number);
    snprintf(names->self, sizeof(names->self), "%.*s_%c", stem, device, end);
    snprintf(names->peer, sizeof(names->peer), "net_ring_%.*s_%c", stem, device,
             names->is_a ? 'b' : 'a');
    return 0;
}

static struct rte_ring *find_or_make(const char *name)
{
    struct rte_ring *ring = rte_ring_lookup(name);
    if (ring == NULL)
        ring = rte_ring_create(name, RING_PACKETS, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
    return ring;
}

int net_ring_open(const char *device, uint16_t queues, char vdev[NET_DEVICE_NAME_BYTES],
                  struct error *err)
{
    struct ring_names names;
    struct rte_ring *in[NET_QUEUES_MAX], *out[NET_QUEUES_MAX];
    for (uint16_t i = 0; i < queues; i++) {
        if (ring_names(device, i, &names) < 0)
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "ring \"%s\": must be NAME.a or NAME.b, of at most 16 characters",
                             device);
        in[i] = find_or_make(names.is_a ? names.to_a : names.to_b);
        out[i] = find_or_make(names.is_a ? names.to_b : names.to_a);
        if (in[i] == NULL || out[i] == NULL)
            return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "ring \"%s\": no memory for it",
                             device);
    }
    if (rte_eth_from_rings(names.self, in, queues, out, queues, 0) < 0)
        return error_set(err, EXIT_ENVIRONMENT, -ENODEV, "ring \"%s\": cannot make its port",
                         device);
    snprintf(vdev, NET_DEVICE_NAME_BYTES, "net_ring_%s", names.self);
    return 0;
}

static void drain(const char *name)
{
    struct rte_ring *ring = rte_ring_lookup(name);
    void *mbuf;
    while (ring != NULL && rte_ring_dequeue(ring, &mbuf) == 0)
        rte_pktmbuf_free(mbuf);
}

void net_ring_drain(const char *device)
{
    struct ring_names names;
    for (uint16_t i = 0; i < NET_QUEUES_MAX && ring_names(device, i, &names) == 0; i++) {
        drain(names.to_a);
        drain(names.to_b);
    }
}

void net_ring_close(const char *device)
{
    struct ring_names names;
    uint16_t peer;
    for (uint16_t i = 0; i < NET_QUEUES_MAX && ring_names(device, i, &names) == 0; i++) {
        if (rte_eth_dev_get_port_by_name(names.peer, &peer) == 0)
            return;
        rte_ring_free(rte_ring_lookup(names.to_a));
        rte_ring_free(rte_ring_lookup(names.to_b));
    }
}
