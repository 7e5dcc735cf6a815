/* net_device.h - the slow side's view of a NIC port: what net_port_open made and close unmakes.
 *
 * Threads: the control thread. Memory: one malloc.
 */
#ifndef NET_NET_DEVICE_H
#define NET_NET_DEVICE_H

#include "net/net_priv.h"
#include "net/net_setup.h"

enum {
    NET_DEVICE_NAME_BYTES = 64
};

struct net_device {
    struct profile profile;                 /* In use. */
    char vdev[NET_DEVICE_NAME_BYTES];       /* DPDK's name of it; "" when it is not probed. */
    char name[NET_DEVICE_NAME_BYTES];       /* The configuration's. */
    char netdev[NET_DEVICE_NAME_BYTES];     /* Network interface, or "". */
    unsigned netdev_index;                  /* The kernel's number of it. */
    int lock_fd;                            /* Holds the device for this process; -1: none. */
    int socket;                             /* NUMA node, or -1. */
    uint16_t port_id;                       /* DPDK's number. */
    bool started;                           /* rte_eth_dev_start succeeded. */
    bool was_promiscuous, had_all_groups;   /* Its network interface, before the start. */
    uint16_t queues;                        /* Of ports[]. */
    struct steering *steering;              /* Of them all. */
    struct handover *handover;              /* Between them; NULL when there is one. */
    struct net_port *ports[NET_QUEUES_MAX]; /* By queue; NULL when not made. */
    struct rte_eth_dev_info info;           /* What it says of itself. */
    bool software_sums;                     /* Its checksums were not wanted, */
    bool software_stamps;                   /* nor its stamps. */
    bool clock_unread;                      /* Its clock could not be read. */
};

/* net_lock_setup.c: hold DEVICE for this process, until the descriptor is closed or the process
 * ends. Returns the descriptor; -EBUSY with ERR naming the holder; another -errno. */
int net_lock(const char *device, struct error *err);

/* net_rss_setup.c: ask for receive-side scaling where profile and device have it, before
 * rte_eth_dev_configure; and after the start read what came of it into DEVICE's steering. */
void net_rss_choose(const struct net_device *device, const struct rte_eth_dev_info *info,
                    struct rte_eth_conf *conf);
void net_rss_read(struct net_device *device, const struct rte_eth_dev_info *info);

/* net_ring_setup.c: a port of two rings a queue; DEVICE is NAME.a or NAME.b, each the other's far
 * end, queue by queue. Returns 0 and the port's DPDK name, or -errno. */
int net_ring_open(const char *device, uint16_t queues, char vdev[NET_DEVICE_NAME_BYTES],
                  struct error *err);
/* Free what waits in all rings; and with the second end the rings. */
void net_ring_drain(const char *device);
void net_ring_close(const char *device);

/* net_netdev_setup.c: of a network interface. The MTU is negative (-errno) when there is none. */
int net_netdev_mtu(const char *netdev);
bool net_netdev_running(const char *netdev);        /* It has a carrier. */
bool net_netdev_is_promiscuous(const char *netdev); /* By its own flag; false when there is none. */
bool net_netdev_has_all_groups(const char *netdev); /* Likewise. */

/* net_capture_setup.c: what libraries print on stderr while a device is opened. */
struct net_capture {
    int saved_fd; /* The real stderr; -1 when nothing is captured. */
    int file_fd;  /* What was printed instead. */
};

void net_capture_begin(struct net_capture *capture);
/* Puts stderr back; TEXT gets the line that says most, or "". */
void net_capture_end(struct net_capture *capture, char *text, size_t size);

/* net_eal_setup.c: was the EAL started? And a number for the next virtual device. */
bool net_eal_is_started(void);
unsigned net_eal_next_index(void);

#endif
