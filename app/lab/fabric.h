/* fabric.h - the lab's network: nodes on a bridge, pods behind nodes, seamline's link.
 *
 *      caller's namespace        lab namespace            node namespaces       pod namespaces
 *      seamline0 ============== up0 -- bridge -- n1 ===== eth0  n1  pX ======== eth0
 *                                        |  ...           eth0  n2  ...
 *
 * Nodes are 10.200.0.11 and up, fd00:200::11 and up, with MAC 02:5e:00:00:00:(number); pods of node
 * i are in 10.244.i.0/24 and fd00:244:i::/64. Clients (seamline) are in 10.201.0.0/24 and
 * fd00:201::/112; nodes reach them all through the first of them, so that one neighbour entry
 * serves the pool. A connection that came by way of another node (which translated its VIP) is
 * answered by way of that node: a mark of the connection, set by the MAC address that it came from,
 * chooses the route. Thus pods can see the clients' own addresses.
 *
 * A node's own programs reach Services by its rules too: what they send to VIPs and cluster IPs has
 * a route of its own (what comes from others and was not translated has none). A pod that reaches
 * itself by a Service sees the node's address.
 *
 * A front balancer (balancer.h) is one more hop on the bridge, FABRIC_BALANCER_V4 and _V6: a packet
 * with mark i + 1 goes to node i, any other nowhere. Nodes answer clients directly.
 *
 * Namespaces have no names (netns.h): all goes when the daemon goes.
 *
 * Threads: the daemon's one. The functions that make texts are pure.
 */
#ifndef LAB_FABRIC_H
#define LAB_FABRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum {
    FABRIC_NODES_MAX = 32,
    FABRIC_IFACE_BYTES = 16,
    FABRIC_RATE = 5000,   /* New connections a second through a node, none lost by the lab. */
    FABRIC_FORGETS_S = 10 /* What has expired is in the kernel's table for up to so much longer. */
};

#define FABRIC_BALANCER_V4 "10.200.0.2"
#define FABRIC_BALANCER_V6 "fd00:200::2"
#define FABRIC_CLIENTS_V4 "10.201.0.0/24"
#define FABRIC_CLIENTS_V6 "fd00:201::/112"
#define FABRIC_VIPS_V4 "10.202.0.0/24"
#define FABRIC_VIPS_V6 "fd00:202::/112"
#define FABRIC_PODS_V4 "10.244.0.0/16"
#define FABRIC_PODS_V6 "fd00:244::/32"
#define FABRIC_CLUSTER_V4 "10.96.0.0/16"
#define FABRIC_CLUSTER_V6 "fd00:10:96::/112"

struct fabric {
    unsigned node_count;                 /* At most FABRIC_NODES_MAX. */
    bool balancer;                       /* There is a front balancer's hop. */
    bool gone_unreachable;               /* What nodes say for a pod that is gone. */
    unsigned time_wait_s;                /* Nodes' connection tracking forgets a closed one. */
    char iface[FABRIC_IFACE_BYTES];      /* seamline's end, in the caller's namespace. */
    char id[40];                         /* "seamline-lab PID": alias of the iface. */
    int home_fd;                         /* The caller's namespace. */
    int lab_fd;                          /* The bridge's. */
    int balancer_fd;                     /* Its namespace; -1: none. */
    int node_fds[FABRIC_NODES_MAX];      /* -1 when not made. */
    uint8_t next_host[FABRIC_NODES_MAX]; /* Host number of the next pod, 2..254, in turn. */
    bool taken[FABRIC_NODES_MAX][256];   /* By host number: a pod has it. */
};

/* A pod's place: its namespace and its addresses. */
struct fabric_pod {
    int netns_fd;   /* -1 when there is none. */
    bool host;      /* It is the node's namespace (hostNetwork). */
    unsigned node;  /* 0-based. */
    uint8_t number; /* Last byte of its addresses; 0 in the node's. */
    char v4[20];    /* "10.244.1.2" */
    char v6[32];    /* "fd00:244:1::2" */
    char link[16];  /* The node's end. */
};

/* Addresses of node NODE (0-based), for objects and rules. */
void fabric_node_v4(unsigned node, char out[20]);
void fabric_node_v6(unsigned node, char out[32]);

/* Pure: the `ip -batch` input of each namespace. */
void fabric_lab_text(const struct fabric *fabric, int daemon_pid, struct text *text);
void fabric_node_text(const struct fabric *fabric, unsigned node, struct text *text);
/* For `ip -6 -batch`: rules name their family by nothing else. */
void fabric_node_rules_text(const struct fabric *fabric, unsigned node, struct text *text);
/* The balancer's; RULES are for `ip -6 -batch`. */
void fabric_balancer_text(const struct fabric *fabric, struct text *text);
void fabric_balancer_rules_text(const struct fabric *fabric, struct text *text);
void fabric_pod_text(const struct fabric_pod *pod, int daemon_pid, int node_fd, struct text *text);
void fabric_pod_node_text(const struct fabric_pod *pod, struct text *text);
/* The nft rules of a node that never change: marks of connections that other nodes sent, and pods
 * that reach themselves. */
void fabric_marks_text(const struct fabric *fabric, unsigned node, struct text *text);

/* Pure: what of the machine keeps nodes from FABRIC_RATE, as lines for the user; nothing: all is
 * well. CONNTRACK_MAX is nf_conntrack_max: each namespace counts its own entries, but the limit can
 * only be set outside of namespaces. A node has rate * (time_wait_s + FABRIC_FORGETS_S) entries. */
void fabric_limits_text(const struct fabric *fabric, unsigned long conntrack_max,
                        struct text *text);

/* Make the whole network. node_count, iface, id and gone_unreachable are given. 0 or -errno with
 * ERR; fabric_down() cleans up in either case. */
int fabric_up(struct fabric *fabric, struct error *err);
void fabric_down(struct fabric *fabric);

/* The next free place of NODE: addresses and link, without a namespace; in turn, so that the
 * address of a pod that has gone is free for long. -ENOSPC: all are taken. */
int fabric_pod_place(struct fabric *fabric, unsigned node, struct fabric_pod *pod);
int fabric_pod_add(struct fabric *fabric, unsigned node, struct fabric_pod *pod, struct error *err);
/* A pod in the node's own network. 0 or -errno with ERR. */
int fabric_pod_host(const struct fabric *fabric, unsigned node, struct fabric_pod *pod,
                    struct error *err);
/* Closes the namespace, and frees the place; again: nothing. */
void fabric_pod_remove(struct fabric *fabric, struct fabric_pod *pod);

#endif
