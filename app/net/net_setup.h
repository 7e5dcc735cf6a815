/* net_setup.h - the slow side of net.h: the EAL, NIC ports, next hops.
 *
 *     struct net_eal_config eal = {.main_core = 0, .worker_cores = {1}, .worker_count = 1};
 *     net_eal_start(&eal, &report, &err);
 *     struct net_port *port;
 *     net_port_open(&config, drivers_directory, &port, &note, &err);
 *     int group = net_group_add(port, hops, 1, &err);
 *     net_resolve(port, deadline...)                  // by the control thread, before launch
 *
 * With several queues, NET_PORT_OPEN gives as many net_ports; add the same groups to each.
 *
 *     ... launch workers; join them ...
 *     net_port_close(port);
 *
 * The EAL starts once in a process. Worker I runs on lcore net_worker_lcore(I).
 *
 * Threads: the control thread only, while no worker runs on the port; net_device_stats(),
 * net_link_up() and net_device_gone() at any time. Memory: taken here, on the port's NUMA node, and
 * given back by net_port_close(). Full: capacities are in net.h; adding more is refused with a
 * text.
 */
#ifndef NET_NET_SETUP_H
#define NET_NET_SETUP_H

#include "base/address.h"
#include "base/clock.h"
#include "base/error.h"
#include "net/net.h"
#include "net/profile.h"
#include "net/steering.h"

enum {
    NET_WORKERS_MAX = 64,
    NET_QUEUES_MAX = STEERING_WORKERS_MAX,
    NET_POOLS_MAX = 32,
    NET_PCI_MAX = 16,
    NET_NOTE_BYTES = 512
};

/* ---- EAL ---- */

enum net_memory {
    NET_MEMORY_AUTO, /* Hugepages when enough are free, else ordinary pages. */
    NET_MEMORY_HUGE, /* Hugepages or fail. */
    NET_MEMORY_PAGES /* Ordinary pages (--no-huge). */
};

struct net_eal_config {
    int main_core;                     /* CPU of the control thread; -1: any, not bound. */
    int worker_cores[NET_WORKERS_MAX]; /* CPU of each worker. */
    unsigned worker_count;             /* Of these. */
    enum net_memory memory;            /* What kind of pages. */
    unsigned memory_mib;               /* How much; 0 stands for 512. */
    const char *pci[NET_PCI_MAX];      /* Addresses of the ports that are PCI devices (borrowed):
                                          no other one is touched. */
    unsigned pci_count;                /* Of these. */
    bool telemetry;      /* Answer DPDK's telemetry clients; else no socket is made. */
    bool verbose;        /* Leave the EAL's own log on stderr. */
    const char *program; /* argv[0] for the EAL; NULL stands for "seamline". */
};

struct net_eal_report {
    bool hugepages;                 /* What was taken. */
    char file_prefix[32];           /* With telemetry: dpdk-telemetry.py -f; else "". */
    char note[NET_NOTE_BYTES];      /* A sentence when it is less than was hoped for; else "". */
    char arguments[NET_NOTE_BYTES]; /* The EAL's command line, for run.json. */
};

/* Start the EAL. The calling thread becomes the main lcore. 0 or -errno with ERR (status
 * EXIT_ENVIRONMENT: no hugepages, CPU that is not there, memory). REPORT may be NULL. A second call
 * in a process is -EALREADY. */
int net_eal_start(const struct net_eal_config *config, struct net_eal_report *report,
                  struct error *err);
/* End the EAL: after the last port's close. */
void net_eal_stop(void);
unsigned net_worker_lcore(unsigned worker);
/* MiB in free hugepages of all sizes, by the files below ROOT ("": this machine's): what
 * NET_MEMORY_AUTO decides by. */
uint64_t net_huge_free_mib(const char *root);
/* Hugepages of 2 MiB that suffice for MEMORY_MIB. */
unsigned net_huge_pages(unsigned memory_mib);

/* ---- Ports ---- */

enum net_checksum {
    NET_CHECKSUM_AUTO,    /* The NIC's where profile and device have it. */
    NET_CHECKSUM_SOFTWARE /* Always here. */
};

/* Who stamps what arrives, and sends on time what is to leave. */
enum net_stamping {
    NET_STAMPING_AUTO, /* By the NIC, as far as it does that and its clock can be read. */
    NET_STAMPING_OFF   /* By the worker: at the poll, and when packets are committed. */
};

struct net_port_config {
    const char *name;    /* For texts: the machine file's name of it. */
    const char *profile; /* Name of the driver's profile. */
    const char
        *device; /* Network interface, PCI address, socket path or name: as the profile says. */
    const char *options; /* More device arguments, "key=value,...", or NULL. */
    uint16_t mtu_bytes;  /* 0: the device's own; another one is set on the device, and stays. */
    uint16_t vlan_id;    /* 1..4094: every frame is tagged so; 0: none is tagged. */
    uint16_t queues;     /* Queue pairs, one net_port each; 0 stands for 1. */
    bool serves;         /* Connections come in, and are not opened here: see steering.h. */
    enum net_checksum checksum;
    enum net_stamping stamping;
    bool has_mac; /* Use `mac`; else the device's. */
    uint8_t mac[6];
    uint32_t buffers;                   /* Mbufs of each queue; 0 stands for 16384. */
    struct prefix pools[NET_POOLS_MAX]; /* Client addresses, for which ARP and ND are answered. */
    unsigned pool_count;
    struct address own_v4; /* Address that asks by ARP; all zero: the first usable of the pools. */
    struct address own_v6; /* Address routed to us beside the pools; all zero: none. ND asks from a
                              link-local address made of the MAC. */
};

/* Open a NIC port: PORTS gets one net_port for each queue. DRIVERS is the folder of the profiles.
 * NOTE (NET_NOTE_BYTES, may be NULL) gets a sentence when a fall-back was taken, else "".
 * 0, or -errno with ERR: no such device (those that exist are listed), held by another seamline
 * (its process is named), no permission, refused by the driver. */
int net_port_open(const struct net_port_config *config, const char *drivers,
                  struct net_port *ports[], char *note, struct error *err);

struct capture;
/* Keep the packets of PORT from now on in CAPTURE (borrowed until the port is closed): before its
 * worker is launched. NULL: no more. */
void net_watch(struct net_port *port, struct capture *capture);

/* Stop and close the NIC port of PORT with all its queues, and free them; frames and packets that
 * wait in them are dropped. Returns the buffers that callers still held: 0 unless there is a bug.
 * */
uint32_t net_port_close(struct net_port *port);

/* CLOCK is the run's (borrowed until the close): arrivals are stamped by the NIC from now on, where
 * it does that. Before PORT's worker is launched. */
void net_port_clock(struct net_port *port, const struct clock *clock);
/* Does the NIC stamp what arrives at PORT? And send what is committed with a time? */
bool net_port_stamps_arrivals(const struct net_port *port);
bool net_port_sends_on_time(const struct net_port *port);

/* The profile in use, after a fall-back. Borrowed until the close. */
const struct profile *net_port_profile(const struct net_port *port);
/* NUMA node of the port, or -1. */
int net_port_socket(const struct net_port *port);
/* Which queue PORT is of its NIC port: the worker's index in steering. */
uint16_t net_port_queue(const struct net_port *port);
/* How tuples come to the queues of its NIC port. Borrowed until the close. */
const struct steering *net_port_steering(const struct net_port *port);
/* The same for people: "2 queues, by Toeplitz hash of TCP/IPv4, ..., table of 128, key 6d5a...". */
void net_port_steering_text(const struct net_port *port, char *out, size_t size);
/* Who makes and verifies checksums, and where it is not the NIC, why: "in software: the device
 * offers none". */
void net_port_checksums_text(const struct net_port *port, char *out, size_t size);
/* Who sends datagrams when they are due, who stamps arrivals, and where it is not the NIC, why. */
void net_port_pacing_text(const struct net_port *port, char *out, size_t size);
void net_port_stamping_text(const struct net_port *port, char *out, size_t size);

/* ---- Next hops ---- */

/* Add a group of COUNT next hops: a target's packets go to one of them by 5-tuple hash. For a
 * target on the link give its own address as the only hop. Hops are shared between groups. Returns
 * the group's index, or -errno with ERR: -EADDRINUSE when a hop is one of our own addresses,
 * -ENOSPC. */
int net_group_add(struct net_port *port, const struct address hops[], unsigned count,
                  struct error *err);

/* Poll PORTS (which no worker runs yet) until each of their hops is resolved, or is known to be
 * silent (3.1 s), or TIMEOUT_NS is over; half of that is for the links to come up. All queues of a
 * NIC port must be among them, for answers may come to any, and so must two NIC ports that are each
 * other's hop. 0, or -EHOSTUNREACH with ERR naming each hop of a port that did not answer;
 * -EINTR without a text when the process is to stop (base/stop.h). Can be called again. L4 packets
 * that arrive are freed. */
int net_resolve_all(struct net_port *const ports[], unsigned count, const struct clock *clock,
                    uint64_t timeout_ns, struct error *err);
/* The same of all queues of PORT's NIC port. */
int net_resolve(struct net_port *port, const struct clock *clock, uint64_t timeout_ns,
                struct error *err);

/* ---- Accounts ---- */

struct net_device_stats {
    uint64_t rx_packets; /* The driver's own counts. */
    uint64_t tx_packets;
    uint64_t imissed;   /* Dropped by the NIC: no free descriptor. */
    uint64_t ierrors;   /* Erroneous frames. */
    uint64_t oerrors;   /* Failed transmissions. */
    uint64_t rx_nombuf; /* Receive buffer allocations that failed. */
};

/* 0 or -errno. Of the whole NIC port. Any thread. */
int net_device_stats(const struct net_port *port, struct net_device_stats *stats);
/* Is there a carrier? Any thread. */
bool net_link_up(const struct net_port *port);
/* Was the device taken away since it was opened: removed from the machine, or its network interface
 * deleted (another one of the same name is not it)? Nothing is sent or received from then on. Any
 * thread. */
bool net_device_gone(const struct net_port *port);
/* Buffers of the port's pool that are neither in it nor spare: those the driver keeps for
 * receiving, those in flight, and those that callers hold. */
uint32_t net_buffers_out(const struct net_port *port);

#endif
