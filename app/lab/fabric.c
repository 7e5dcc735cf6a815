#include "lab/fabric.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lab/command.h"
#include "lab/netns.h"

enum {
    FIRST_HOST = 2,
    LAST_HOST = 254,
    FIRST_NODE = 11,
    OWN_TABLE = 99, /* Of what a node's own programs send to Services. */
    ROUTE_TABLE = 100,
    LINK_WAITS = 40
};

static const struct timespec link_wait = {.tv_nsec = 50000000};

void fabric_node_v4(unsigned node, char out[20])
{
    snprintf(out, 20, "10.200.0.%u", FIRST_NODE + node);
}

void fabric_node_v6(unsigned node, char out[32])
{
    snprintf(out, 32, "fd00:200::%u", FIRST_NODE + node);
}

void fabric_lab_text(const struct fabric *fabric, int daemon_pid, struct text *text)
{
    text_add(text, "link add fabric type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n"
                   "link set fabric up\n");
    for (unsigned i = 0; i < fabric->node_count; i++) {
        text_addf(text,
                  "link add n%u type veth peer name eth0 address 02:5e:00:00:00:%02x netns "
                  "/proc/%d/fd/%d\nlink set n%u master fabric up\n",
                  i + 1, i + 1, daemon_pid, fabric->node_fds[i], i + 1);
    }
    if (fabric->balancer)
        text_addf(text,
                  "link add balancer type veth peer name eth0 address 02:5e:00:00:01:00 netns "
                  "/proc/%d/fd/%d\nlink set balancer master fabric up\n",
                  daemon_pid, fabric->balancer_fd);
    text_addf(text,
              "link add up0 numtxqueues 1 numrxqueues 1 type veth peer name %s numtxqueues 1 "
              "numrxqueues 1 netns /proc/%d/fd/%d\nlink set up0 master fabric up\n",
              fabric->iface, daemon_pid, fabric->home_fd);
}

static void other_node_text(unsigned node, unsigned other, struct text *text)
{
    char v4[20], v6[32];

    fabric_node_v4(other, v4);
    fabric_node_v6(other, v6);
    if (other != node)
        text_addf(text,
                  "route add 10.244.%u.0/24 via %s\nroute add fd00:244:%u::/64 via %s dev eth0\n"
                  "rule add fwmark %u lookup %u\nroute add default via %s table %u\n"
                  "route add default via %s dev eth0 table %u\n",
                  other + 1, v4, other + 1, v6, other + 1, ROUTE_TABLE + other + 1, v4,
                  ROUTE_TABLE + other + 1, v6, ROUTE_TABLE + other + 1);
}

void fabric_node_text(const struct fabric *fabric, unsigned node, struct text *text)
{
    const char *gone = fabric->gone_unreachable ? "unreachable" : "blackhole";
    char v4[20], v6[32];

    fabric_node_v4(node, v4);
    fabric_node_v6(node, v6);
    text_addf(text,
              "link set eth0 addrgenmode none\naddr add %s/24 dev eth0\n"
              "addr add %s/64 dev eth0 nodad\naddr add fe80::%u/64 dev eth0 nodad\n"
              "link set eth0 up\n",
              v4, v6, FIRST_NODE + node);
    text_add(text, "route add 10.201.0.1 dev eth0\n"
                   "route add 10.201.0.0/24 via 10.201.0.1 dev eth0\n"
                   "route add fd00:201::1 dev eth0\n"
                   "route add fd00:201::/112 via fd00:201::1 dev eth0\n");
    text_addf(text, "route add %s 10.244.%u.0/24\nroute add %s fd00:244:%u::/64\n", gone, node + 1,
              gone, node + 1);
    text_addf(text,
              "route add " FABRIC_VIPS_V4 " dev eth0 table %u\n"
              "route add " FABRIC_CLUSTER_V4 " dev eth0 table %u\n"
              "route add " FABRIC_VIPS_V6 " dev eth0 table %u\n"
              "route add " FABRIC_CLUSTER_V6 " dev eth0 table %u\nrule add iif lo lookup %u\n",
              OWN_TABLE, OWN_TABLE, OWN_TABLE, OWN_TABLE, OWN_TABLE);
    for (unsigned i = 0; i < fabric->node_count; i++)
        other_node_text(node, i, text);
}

void fabric_node_rules_text(const struct fabric *fabric, unsigned node, struct text *text)
{
    text_addf(text, "rule add iif lo lookup %u\n", OWN_TABLE);
    for (unsigned i = 0; i < fabric->node_count; i++) {
        if (i != node)
            text_addf(text, "rule add fwmark %u lookup %u\n", i + 1, ROUTE_TABLE + i + 1);
    }
}

static void balancer_route_text(unsigned node, struct text *text)
{
    char v4[20], v6[32];

    fabric_node_v4(node, v4);
    fabric_node_v6(node, v6);
    text_addf(text,
              "rule add fwmark %u lookup %u\nroute add default via %s table %u\n"
              "route add default via %s dev eth0 table %u\n",
              node + 1, ROUTE_TABLE + node + 1, v4, ROUTE_TABLE + node + 1, v6,
              ROUTE_TABLE + node + 1);
}

void fabric_balancer_text(const struct fabric *fabric, struct text *text)
{
    text_add(text, "link set eth0 addrgenmode none\naddr add " FABRIC_BALANCER_V4 "/24 dev eth0\n"
                   "addr add " FABRIC_BALANCER_V6 "/64 dev eth0 nodad\n"
                   "addr add fe80::b/64 dev eth0 nodad\nlink set eth0 up\n"
                   "route add blackhole default\nroute add blackhole ::/0\n");
    for (unsigned i = 0; i < fabric->node_count; i++)
        balancer_route_text(i, text);
}

void fabric_balancer_rules_text(const struct fabric *fabric, struct text *text)
{
    for (unsigned i = 0; i < fabric->node_count; i++)
        text_addf(text, "rule add fwmark %u lookup %u\n", i + 1, ROUTE_TABLE + i + 1);
}

void fabric_pod_text(const struct fabric_pod *pod, int daemon_pid, int node_fd, struct text *text)
{
    unsigned number = pod->node + 1;

    text_addf(text, "link add eth0 type veth peer name %s netns /proc/%d/fd/%d\n", pod->link,
              daemon_pid, node_fd);
    text_addf(text,
              "link set eth0 addrgenmode none\naddr add %s/32 dev eth0\n"
              "addr add %s/128 dev eth0 nodad\naddr add fe80::2/64 dev eth0 nodad\n"
              "link set eth0 up\n",
              pod->v4, pod->v6);
    text_addf(text,
              "route add 10.244.%u.1 dev eth0\nroute add default via 10.244.%u.1 dev eth0\n"
              "route add default via fe80::1 dev eth0\n",
              number, number);
}

/* IPv4's gateway is the same on all links; IPv6 has link-local addresses for that. */
void fabric_pod_node_text(const struct fabric_pod *pod, struct text *text)
{
    text_addf(text,
              "link set %s addrgenmode none\naddr add 10.244.%u.1/32 dev %s\n"
              "addr add fe80::1/64 dev %s nodad\nlink set %s up\n"
              "route add %s dev %s\nroute add %s dev %s\n",
              pod->link, pod->node + 1, pod->link, pod->link, pod->link, pod->v4, pod->link,
              pod->v6, pod->link);
}

void fabric_marks_text(const struct fabric *fabric, unsigned node, struct text *text)
{
    text_add(text, "add table inet marks\n"
                   "add chain inet marks pre { type filter hook prerouting priority -150; }\n");
    for (unsigned i = 0; i < fabric->node_count; i++) {
        if (i != node)
            text_addf(text,
                      "add rule inet marks pre iifname \"eth0\" ct state new ether saddr "
                      "02:5e:00:00:00:%02x ct mark set %u\n",
                      i + 1, i + 1);
    }
    text_add(text, "add rule inet marks pre iifname != \"eth0\" ct direction reply "
                   "meta mark set ct mark\n"
                   "add chain inet marks out { type route hook output priority -150; }\n"
                   "add rule inet marks out ct direction reply ct mark != 0 meta mark set ct mark\n"
                   "add set inet marks itself { type ifname . ifname; }\n"
                   "add chain inet marks post { type nat hook postrouting priority srcnat; }\n"
                   "add rule inet marks post iifname . oifname @itself masquerade\n"
                   "add element inet marks itself { ");
    for (unsigned host = FIRST_HOST; host <= LAST_HOST; host++)
        text_addf(text, "%s\"pod%u\" . \"pod%u\"", host == FIRST_HOST ? "" : ", ", host, host);
    text_add(text, " }\n");
}

void fabric_limits_text(const struct fabric *fabric, unsigned long conntrack_max, struct text *text)
{
    unsigned long seconds = fabric->time_wait_s + FABRIC_FORGETS_S;

    if (conntrack_max >= FABRIC_RATE * seconds)
        return;
    text_addf(text,
              "warning: nodes drop new connections beyond about %lu a second: they remember each "
              "for conntrackTimeWait, and %lu at a time. More: sysctl -w "
              "net.netfilter.nf_conntrack_max=%lu",
              conntrack_max / seconds, conntrack_max, FABRIC_RATE * seconds);
    if (fabric->time_wait_s > 1)
        text_add(text, ", or --set conntrackTimeWait=1s");
    text_add(text, "\n");
}

static int run_ip(const struct fabric *fabric, int netns_fd, const char *batch, struct error *err)
{
    static const char *const argv[] = {"ip", "-batch", "-", NULL};

    return command_run(netns_fd, fabric->home_fd, argv, batch, NULL, err);
}

static int node_sysctls(const struct fabric *fabric, int netns_fd, struct error *err)
{
    char time_wait[16];
    const char *const settings[][2] = {
        {"ipv4/ip_forward", "1"},
        {"ipv6/conf/all/forwarding", "1"},
        {"ipv4/conf/all/rp_filter", "0"},
        {"ipv4/conf/default/rp_filter", "0"},
        {"ipv4/conf/all/send_redirects", "0"},
        {"ipv4/conf/default/send_redirects", "0"},
        {"ipv4/conf/eth0/send_redirects", "0"},
        {"ipv4/conf/eth0/rp_filter", "0"},
        {"netfilter/nf_conntrack_tcp_timeout_time_wait", time_wait},
    };

    snprintf(time_wait, sizeof(time_wait), "%u", fabric->time_wait_s);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        int rc = netns_sysctl(netns_fd, fabric->home_fd, settings[i][0], settings[i][1]);
        if (rc < 0)
            return error_set(err, EXIT_ENVIRONMENT, rc,
                             "net/%s of a node cannot be set: %s; is /proc/sys writable?",
                             settings[i][0], strerror(-rc));
    }
    return 0;
}

/* BATCH for both families, and RULES of IPv6. */
static int hop_up(const struct fabric *fabric, int netns_fd, const char *batch, const char *rules,
                  struct error *err)
{
    static const char *const ip6[] = {"ip", "-6", "-batch", "-", NULL};
    int rc = node_sysctls(fabric, netns_fd, err);

    if (rc == 0)
        rc = run_ip(fabric, netns_fd, batch, err);
    if (rc == 0)
        rc = command_run(netns_fd, fabric->home_fd, ip6, rules, NULL, err);
    return rc;
}

static int balancer_up(const struct fabric *fabric, struct error *err)
{
    struct text batch = {0}, rules = {0};
    int rc;

    fabric_balancer_text(fabric, &batch);
    fabric_balancer_rules_text(fabric, &rules);
    rc = hop_up(fabric, fabric->balancer_fd, text_str(&batch), text_str(&rules), err);
    text_free(&batch);
    text_free(&rules);
    return rc;
}

static int node_up(const struct fabric *fabric, unsigned node, struct error *err)
{
    static const char *const nft[] = {"nft", "-f", "-", NULL};
    struct text text = {0}, rules = {0};
    int fd = fabric->node_fds[node];
    int rc;

    fabric_node_text(fabric, node, &text);
    fabric_node_rules_text(fabric, node, &rules);
    rc = hop_up(fabric, fd, text_str(&text), text_str(&rules), err);
    text_free(&rules);
    text_clear(&text);
    fabric_marks_text(fabric, node, &text);
    if (rc == 0)
        rc = command_run(fd, fabric->home_fd, nft, text_str(&text), NULL, err);
    text_free(&text);
    return rc;
}

/* A lab that was killed leaves its link to the kernel, which removes it a moment later. */
static int wait_for_free_iface(const struct fabric *fabric, struct error *err)
{
    for (int i = 0; i < LINK_WAITS; i++) {
        if (if_nametoindex(fabric->iface) == 0)
            return 0;
        nanosleep(&link_wait, NULL);
    }
    return error_set(err, EXIT_ENVIRONMENT, -EEXIST,
                     "the interface %s exists already: another lab is up (seamline-lab down), or "
                     "choose another name with --iface",
                     fabric->iface);
}

static int iface_up(const struct fabric *fabric, struct error *err)
{
    static const char *const offloads[] = {"ethtool", "-K",  "up0", "tx",  "off", "tso",
                                           "off",     "gso", "off", "gro", "off", NULL};
    char name[96];
    struct text text = {0};
    int rc;

    snprintf(name, sizeof(name), "ipv6/conf/%s/disable_ipv6", fabric->iface);
    rc = netns_sysctl(fabric->home_fd, fabric->home_fd, name, "1");
    if (rc < 0)
        return error_set(err, EXIT_ENVIRONMENT, rc, "net/%s cannot be set: %s", name,
                         strerror(-rc));
    text_addf(&text, "link set %s alias \"%s\"\nlink set %s up\n", fabric->iface, fabric->id,
              fabric->iface);
    rc = run_ip(fabric, fabric->home_fd, text_str(&text), err);
    text_free(&text);
    if (rc == 0)
        rc = command_run(fabric->lab_fd, fabric->home_fd, offloads, NULL, NULL, err);
    return rc;
}

static int make_namespaces(struct fabric *fabric, struct error *err)
{
    fabric->home_fd = netns_current();
    fabric->lab_fd = netns_new();
    fabric->balancer_fd = fabric->balancer ? netns_new() : -1;
    for (unsigned i = 0; i < fabric->node_count && fabric->lab_fd >= 0; i++) {
        fabric->node_fds[i] = netns_new();
        if (fabric->node_fds[i] < 0)
            return error_set(err, EXIT_ENVIRONMENT, fabric->node_fds[i], "no network namespace: %s",
                             strerror(-fabric->node_fds[i]));
    }
    if (fabric->balancer && fabric->balancer_fd < 0)
        return error_set(err, EXIT_ENVIRONMENT, fabric->balancer_fd, "no network namespace: %s",
                         strerror(-fabric->balancer_fd));
    if (fabric->lab_fd < 0)
        return error_set(err, EXIT_ENVIRONMENT, fabric->lab_fd,
                         "no network namespace: %s; the lab needs root", strerror(-fabric->lab_fd));
    return 0;
}

int fabric_up(struct fabric *fabric, struct error *err)
{
    struct text text = {0};
    int rc;

    for (unsigned i = 0; i < FABRIC_NODES_MAX; i++) {
        fabric->node_fds[i] = -1;
        fabric->next_host[i] = FIRST_HOST;
    }
    rc = wait_for_free_iface(fabric, err);
    if (rc < 0)
        return rc;
    rc = make_namespaces(fabric, err);
    if (rc < 0)
        return rc;
    netns_sysctl(fabric->lab_fd, fabric->home_fd, "ipv6/conf/default/disable_ipv6", "1");
    netns_sysctl(fabric->lab_fd, fabric->home_fd, "bridge/bridge-nf-call-iptables", "0");
    netns_sysctl(fabric->lab_fd, fabric->home_fd, "bridge/bridge-nf-call-ip6tables", "0");
    netns_sysctl(fabric->lab_fd, fabric->home_fd, "bridge/bridge-nf-call-arptables", "0");
    fabric_lab_text(fabric, (int)getpid(), &text);
    rc = run_ip(fabric, fabric->lab_fd, text_str(&text), err);
    text_free(&text);
    if (rc == 0)
        rc = iface_up(fabric, err);
    for (unsigned i = 0; i < fabric->node_count && rc == 0; i++)
        rc = node_up(fabric, i, err);
    if (rc == 0 && fabric->balancer)
        rc = balancer_up(fabric, err);
    return rc;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void fabric_down(struct fabric *fabric)
{
    static const char *const argv[] = {"ip", "link", "del", "up0", NULL};

    /* Deleting it by hand is done when this returns; the kernel's own way takes a moment. */
    if (fabric->lab_fd >= 0)
        command_run(fabric->lab_fd, fabric->home_fd, argv, NULL, NULL, NULL);
    for (unsigned i = 0; i < FABRIC_NODES_MAX; i++)
        close_fd(&fabric->node_fds[i]);
    close_fd(&fabric->balancer_fd);
    close_fd(&fabric->lab_fd);
    close_fd(&fabric->home_fd);
}

static uint8_t host_after(uint8_t host)
{
    return host < FIRST_HOST || host >= LAST_HOST ? FIRST_HOST : (uint8_t)(host + 1);
}

int fabric_pod_place(struct fabric *fabric, unsigned node, struct fabric_pod *pod)
{
    uint8_t first = fabric->next_host[node], host = first;

    while (fabric->taken[node][host]) {
        host = host_after(host);
        if (host == first)
            return -ENOSPC;
    }
    fabric->next_host[node] = host_after(host);
    fabric->taken[node][host] = true;
    *pod = (struct fabric_pod){.netns_fd = -1, .node = node, .number = host};
    snprintf(pod->v4, sizeof(pod->v4), "10.244.%u.%u", node + 1, host);
    snprintf(pod->v6, sizeof(pod->v6), "fd00:244:%u::%x", node + 1, host);
    snprintf(pod->link, sizeof(pod->link), "pod%u", host);
    return 0;
}

int fabric_pod_add(struct fabric *fabric, unsigned node, struct fabric_pod *pod, struct error *err)
{
    struct text text = {0};
    int rc = fabric_pod_place(fabric, node, pod);

    if (rc < 0)
        return error_set(err, EXIT_ENVIRONMENT, rc,
                         "node n%u has %d pods, and an address for no more of them", node + 1,
                         LAST_HOST - FIRST_HOST + 1);
    pod->netns_fd = netns_new();
    if (pod->netns_fd < 0) {
        rc = error_set(err, EXIT_ENVIRONMENT, pod->netns_fd, "no network namespace: %s",
                       strerror(-pod->netns_fd));
        fabric_pod_remove(fabric, pod);
        return rc;
    }
    fabric_pod_text(pod, (int)getpid(), fabric->node_fds[node], &text);
    rc = run_ip(fabric, pod->netns_fd, text_str(&text), err);
    text_clear(&text);
    fabric_pod_node_text(pod, &text);
    if (rc == 0)
        rc = run_ip(fabric, fabric->node_fds[node], text_str(&text), err);
    text_free(&text);
    if (rc < 0)
        fabric_pod_remove(fabric, pod);
    return rc;
}

int fabric_pod_host(const struct fabric *fabric, unsigned node, struct fabric_pod *pod,
                    struct error *err)
{
    *pod = (struct fabric_pod){.node = node, .host = true};
    fabric_node_v4(node, pod->v4);
    fabric_node_v6(node, pod->v6);
    pod->netns_fd = fcntl(fabric->node_fds[node], F_DUPFD_CLOEXEC, 0);
    if (pod->netns_fd < 0)
        return error_set(err, EXIT_ENVIRONMENT, -errno, "no network of the node: %s",
                         strerror(errno));
    return 0;
}

void fabric_pod_remove(struct fabric *fabric, struct fabric_pod *pod)
{
    close_fd(&pod->netns_fd);
    fabric->taken[pod->node][pod->number] = false;
    pod->number = 0;
}
