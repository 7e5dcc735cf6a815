#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "base/text.h"
#include "net/net_device.h"
#include "net/net_impair.h"
#include "net/net_stamps.h"
#include "net/wire.h"

enum {
    DEFAULT_BUFFERS = 16384,
    BUFFER_CACHE = 256,
    BUFFER_BYTES = 2048
};

/* What the opening of one port works on. */
struct opening {
    const struct net_port_config *config; /* As asked for. */
    struct net_device *device;            /* Being made. */
    uint16_t queues;                      /* Of it. */
    struct error *err;                    /* The caller's. */
};

static int check_config(const struct net_port_config *config, struct error *err);
static int check_device(const struct opening *opening);
static int lock(const struct opening *opening);
static int open_device(const struct opening *opening);
static int open_fallback(const struct opening *opening, const char *drivers, const char *why,
                         char *note);
static void undo(struct net_device *device);

int net_port_open(const struct net_port_config *config, const char *drivers,
                  struct net_port *ports[], char *note, struct error *err)
{
    char unused[NET_NOTE_BYTES];
    struct profile profile;
    if (note == NULL)
        note = unused;
    note[0] = '\0';
    if (!net_eal_is_started())
        return error_set(err, EXIT_ENVIRONMENT, -EINVAL, "the EAL must be started first");
    int status = check_config(config, err);
    if (status == 0)
        status = profile_load(drivers, config->profile, &profile, err);
    if (status < 0) {
        error_wrap(err, "port \"%s\"", config->name);
        return status;
    }
    struct net_device *device = calloc(1, sizeof(*device));
    if (device == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    *device = (struct net_device){.profile = profile, .lock_fd = -1, .socket = -1};
    snprintf(device->name, sizeof(device->name), "%s", config->name);

    struct error why = {0};
    struct opening opening = {config, device, config->queues != 0 ? config->queues : 1, &why};
    status = check_device(&opening);
    if (status == 0 && (status = lock(&opening)) >= 0) {
        device->lock_fd = status;
        status = open_device(&opening);
        if (status < 0 && profile.fallback[0] != '\0')
            status = open_fallback(&opening, drivers, why.text, note);
    }
    if (status < 0) {
        undo(device);
        return error_set(err, why.status, status, "port \"%s\": %s", config->name, why.text);
    }
    memcpy(ports, device->ports, device->queues * sizeof(ports[0]));
    return 0;
}

uint32_t net_port_close(struct net_port *port)
{
    struct net_device *device = port->device;
    uint32_t held = 0;
    for (uint16_t i = 0; i < device->queues; i++)
        held += device->ports[i]->rx_held + (device->ports[i]->begun.mbuf != NULL);
    undo(device);
    return held;
}

const struct profile *net_port_profile(const struct net_port *port)
{
    return &port->device->profile;
}

int net_port_socket(const struct net_port *port)
{
    return port->device->socket;
}

uint16_t net_port_queue(const struct net_port *port)
{
    return port->queue_id;
}

const struct steering *net_port_steering(const struct net_port *port)
{
    return port->steering;
}

static int check_config(const struct net_port_config *config, struct error *err)
{
    const int code = -EINVAL;
    if (config->device == NULL || config->device[0] == '\0' ||
        strlen(config->device) >= NET_DEVICE_NAME_BYTES || strpbrk(config->device, ", ") != NULL)
        return error_set(
            err, EXIT_USAGE, code,
            "device: must be named, in less than %d characters, without comma or space",
            NET_DEVICE_NAME_BYTES);
    if (config->vlan_id > 4094)
        return error_set(err, EXIT_USAGE, code, "vlan: %u is not within 1 to 4094",
                         config->vlan_id);
    if (config->mtu_bytes != 0 && config->mtu_bytes < 576)
        return error_set(err, EXIT_USAGE, code, "mtu: %u is less than 576", config->mtu_bytes);
    if (config->pool_count == 0 || config->pool_count > NET_POOLS_MAX)
        return error_set(err, EXIT_USAGE, code, "clients: %u prefixes: must be 1 to %d",
                         config->pool_count, NET_POOLS_MAX);
    if (config->has_mac && !wire_mac_is_station(config->mac))
        return error_set(err, EXIT_USAGE, code, "mac: must be a single station's, not a group's");
    return 0;
}

/* Hold the device. A socket has two ends, which are two devices. */
static int lock(const struct opening *opening)
{
    const struct profile *profile = &opening->device->profile;
    char name[NET_DEVICE_NAME_BYTES + PROFILE_NAME_BYTES];
    const bool path = profile->device == PROFILE_DEVICE_PATH;
    snprintf(name, sizeof(name), "%s%s%s", path ? profile_driver_name(profile->driver) : "",
             path ? " " : "", opening->config->device);
    return net_lock(name, opening->err);
}

static void list_netdevs(struct text *text)
{
    struct if_nameindex *names = if_nameindex();
    const char *comma = "";
    for (unsigned i = 0; names != NULL && names[i].if_index != 0; i++) {
        text_addf(text, "%s%s", comma, names[i].if_name);
        comma = ", ";
    }
    if_freenameindex(names);
}

static void list_pci(struct text *text)
{
    DIR *directory = opendir("/sys/bus/pci/devices");
    const struct dirent *entry;
    const char *comma = "";
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char path[320];
        char class[16] = "";
        snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/class", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file == NULL)
            continue;
        if (fgets(class, sizeof(class), file) != NULL && strncmp(class, "0x02", 4) == 0) {
            text_addf(text, "%s%s", comma, entry->d_name);
            comma = ", ";
        }
        fclose(file);
    }
    if (directory != NULL)
        closedir(directory);
}

/* Does what the configuration names exist? */
static int check_device(const struct opening *opening)
{
    const char *name = opening->config->device;
    const struct profile *profile = &opening->device->profile;
    struct text list = {0};
    char path[128];
    bool missing = false;
    struct stat unused;
    const char *kind = "";

    if (opening->queues > profile->queues_max)
        return error_set(opening->err, EXIT_USAGE, -EINVAL,
                         "queues: %u, but profile \"%s\" has at most %u", opening->queues,
                         profile->name, profile->queues_max);
    if (profile->device == PROFILE_DEVICE_NETDEV) {
        kind = "network interface";
        missing = if_nametoindex(name) == 0;
        list_netdevs(&list);
        snprintf(opening->device->netdev, sizeof(opening->device->netdev), "%s", name);
        opening->device->netdev_index = if_nametoindex(name);
    } else if (profile->device == PROFILE_DEVICE_PCI) {
        kind = "PCI device";
        snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", name);
        missing = stat(path, &unused) < 0;
        list_pci(&list);
    }
    if (missing)
        error_set(opening->err, EXIT_ENVIRONMENT, -ENODEV, "no %s \"%s\" here; there are: %s", kind,
                  name, list.size > 0 ? text_str(&list) : "none");
    text_free(&list);
    return missing ? -ENODEV : 0;
}

/* TEMPLATE with {device}, {queues} and {queue} replaced. */
static void expand(const char *template, const struct opening *opening, struct text *out)
{
    while (*template != '\0') {
        if (strncmp(template, "{device}", 8) == 0) {
            text_add(out, opening->config->device);
            template += 8;
        } else if (strncmp(template, "{queues}", 8) == 0) {
            text_addf(out, "%u", opening->queues);
            template += 8;
        } else {
            text_add_bytes(out, template ++, 1);
        }
    }
}

/* Make DPDK take the device: its name is then device->vdev. */
static int probe(const struct opening *opening)
{
    struct net_device *device = opening->device;
    const struct profile *profile = &device->profile;
    const bool pci = profile->driver == PROFILE_PCI;
    if (profile->driver == PROFILE_RING)
        return net_ring_open(opening->config->device, opening->queues, device->vdev, opening->err);

    struct text args = {0};
    expand(profile->args, opening, &args);
    if (opening->config->options != NULL)
        text_addf(&args, "%s%s", args.size > 0 ? "," : "", opening->config->options);
    if (pci)
        snprintf(device->vdev, sizeof(device->vdev), "%s", opening->config->device);
    else
        snprintf(device->vdev, sizeof(device->vdev), "%s%u", profile->vdev, net_eal_next_index());
    /* The EAL took it without arguments when it started. */
    if (pci && args.size > 0)
        rte_eal_hotplug_remove("pci", device->vdev);
    const int status = rte_eal_hotplug_add(pci ? "pci" : "vdev", device->vdev, text_str(&args));
    if (status < 0)
        error_set(opening->err, EXIT_ENVIRONMENT, status,
                  "DPDK cannot take %s as %s with \"%s\": %s", opening->config->device,
                  device->vdev, text_str(&args), strerror(-status));
    text_free(&args);
    if (status < 0)
        device->vdev[0] = '\0';
    return status;
}

static int refused(const struct opening *opening, const char *what, int status)
{
    return error_set(opening->err, EXIT_ENVIRONMENT, status, "%s refuses %s: %s",
                     opening->device->profile.name, what, strerror(-status));
}

/* The MTU that the port will have. */
static int choose_mtu(const struct opening *opening, uint16_t *mtu_bytes)
{
    const struct net_device *device = opening->device;
    int status = rte_eth_dev_get_mtu(device->port_id, mtu_bytes);
    if (status < 0)
        return refused(opening, "to tell its MTU", status);
    if (device->netdev[0] != '\0' && (status = net_netdev_mtu(device->netdev)) > 0)
        *mtu_bytes = (uint16_t)status; /* Some drivers tell their own limit in its place. */
    if (opening->config->mtu_bytes != 0)
        *mtu_bytes = opening->config->mtu_bytes;
    if (*mtu_bytes > device->profile.mtu_max_bytes)
        return error_set(opening->err, EXIT_ENVIRONMENT, -EMSGSIZE,
                         "its MTU is %u, and profile \"%s\" takes at most %u: set a smaller one",
                         *mtu_bytes, device->profile.name, device->profile.mtu_max_bytes);
    return 0;
}

/* Tell the device, once it is configured, unless it has that MTU. */
static int set_mtu(const struct opening *opening, uint16_t mtu_bytes)
{
    const struct net_device *device = opening->device;
    uint16_t present_bytes = 0;
    if (device->netdev[0] != '\0')
        present_bytes = (uint16_t)net_netdev_mtu(device->netdev);
    else
        rte_eth_dev_get_mtu(device->port_id, &present_bytes);
    if (present_bytes == mtu_bytes)
        return 0;
    const int status = rte_eth_dev_set_mtu(device->port_id, mtu_bytes);
    return status < 0 ? refused(opening, "that MTU", status) : 0;
}

/* Offloads to switch on: those of what we want which the device has. */
static void choose_offloads(const struct opening *opening, const struct rte_eth_dev_info *info,
                            struct rte_eth_conf *conf)
{
    const uint64_t tx =
        RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
    const uint64_t rx =
        RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
    if (!opening->device->profile.checksum_offload ||
        opening->config->checksum == NET_CHECKSUM_SOFTWARE)
        return;
    conf->txmode.offloads = tx & info->tx_offload_capa;
    conf->rxmode.offloads = rx & info->rx_offload_capa;
}

static struct rte_mempool *make_pool(const struct opening *opening, uint16_t queue,
                                     uint16_t mtu_bytes)
{
    char name[RTE_MEMPOOL_NAMESIZE];
    const uint32_t frame_bytes = (uint32_t)mtu_bytes + WIRE_ETHERNET_BYTES + 2 * WIRE_VLAN_BYTES;
    const uint32_t room_bytes =
        RTE_PKTMBUF_HEADROOM +
        (frame_bytes > BUFFER_BYTES ? RTE_ALIGN_CEIL(frame_bytes, 64u) : (uint32_t)BUFFER_BYTES);
    const uint32_t count =
        opening->config->buffers != 0 ? opening->config->buffers : DEFAULT_BUFFERS;
    const uint32_t cache = count >= 4 * BUFFER_CACHE ? BUFFER_CACHE : count / 8;
    snprintf(name, sizeof(name), "sl_port%u_%u", opening->device->port_id, queue);
    return rte_pktmbuf_pool_create(name, count, cache, 0, (uint16_t)room_bytes,
                                   opening->device->socket);
}

/* The addresses that the port answers for. */
static void set_own(struct net_port *port, const struct net_port_config *config)
{
    static const struct address zero;
    struct own *own = &port->own;
    own->link_local = own_link_local(port->rules.mac);
    own_add_address(own, &own->link_local);
    for (unsigned i = 0; i < config->pool_count; i++) {
        own_add(own, &config->pools[i]);
        if (address_is_v4(&config->pools[i].address) && address_equal(&own->ask_v4, &zero))
            own->ask_v4 = own_first_host(&config->pools[i]);
    }
    if (!address_equal(&config->own_v4, &zero)) {
        own->ask_v4 = config->own_v4;
        own_add_address(own, &config->own_v4);
    }
    if (!address_equal(&config->own_v6, &zero))
        own_add_address(own, &config->own_v6);
}

static int make_port(const struct opening *opening, uint16_t queue, uint16_t mtu_bytes,
                     const struct rte_eth_conf *conf)
{
    struct net_device *device = opening->device;
    const uint64_t tx_offloads = conf->txmode.offloads;
    struct net_port *port =
        rte_zmalloc_socket("net_port", sizeof(*port), alignof(struct net_port), device->socket);
    if (port == NULL)
        return error_set(opening->err, EXIT_ENVIRONMENT, -ENOMEM,
                         "no DPDK memory for queue %u: raise the machine file's memory", queue);
    device->ports[queue] = port;
    device->queues = (uint16_t)(queue + 1);
    port->device = device;
    port->port_id = device->port_id;
    port->queue_id = queue;
    port->steering = device->steering;
    port->handover = device->handover;
    port->mtu_bytes = mtu_bytes;
    port->offload_ip = (tx_offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
    port->offload_tcp = (tx_offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) != 0;
    port->offload_udp = (tx_offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
    port->hash_key = (struct hash_key){.k0 = 0x7365616d6c696e65, .k1 = NET_GROUP_HASH_SALT};
    port->rules.vlan_id = opening->config->vlan_id;
    port->rules.own = &port->own;
    hop_init(&port->hops);
    port->pool = make_pool(opening, queue, mtu_bytes);
    if (port->pool == NULL)
        return error_set(opening->err, EXIT_ENVIRONMENT, -ENOMEM,
                         "no DPDK memory for the buffers of queue %u (%s): raise the machine "
                         "file's memory, or lower the port's buffers",
                         queue, rte_strerror(rte_errno));
    if (net_stamps_make(port, opening->queues, conf, device->socket) < 0)
        return error_set(opening->err, EXIT_ENVIRONMENT, -ENOMEM,
                         "no DPDK memory for stamps of queue %u", queue);
    return 0;
}

static int set_up_queues(const struct opening *opening, const struct rte_eth_dev_info *info,
                         uint16_t mtu_bytes, uint16_t tx_queues, const struct rte_eth_conf *conf)
{
    struct net_device *device = opening->device;
    uint16_t rx_descriptors = device->profile.rx_descriptors;
    uint16_t tx_descriptors = device->profile.tx_descriptors;
    struct rte_eth_txconf txconf = info->default_txconf;
    txconf.offloads = conf->txmode.offloads;
    int status =
        rte_eth_dev_adjust_nb_rx_tx_desc(device->port_id, &rx_descriptors, &tx_descriptors);
    if (status < 0)
        return refused(opening, "its numbers of descriptors", status);
    for (uint16_t i = 0; i < opening->queues; i++) {
        if ((status = make_port(opening, i, mtu_bytes, conf)) < 0)
            return status;
        status = rte_eth_rx_queue_setup(device->port_id, i, rx_descriptors,
                                        (unsigned)device->socket, NULL, device->ports[i]->pool);
        if (status < 0)
            return refused(opening, "a receive queue", status);
    }
    for (uint16_t i = 0; i < tx_queues; i++) {
        status = rte_eth_tx_queue_setup(device->port_id, i, tx_descriptors,
                                        (unsigned)device->socket, &txconf);
        if (status < 0)
            return refused(opening, "a transmit queue", status);
    }
    return 0;
}

/* What the queues have in common. */
static int make_common(const struct opening *opening)
{
    struct net_device *device = opening->device;
    device->steering =
        rte_zmalloc_socket("steering", sizeof(*device->steering), 64, device->socket);
    if (device->steering == NULL)
        return error_set(opening->err, EXIT_ENVIRONMENT, -ENOMEM, "no DPDK memory for its queues");
    steering_by_port(device->steering, opening->queues);
    device->steering->serves = opening->config->serves;
    if (opening->queues == 1)
        return 0;
    void *memory =
        rte_malloc_socket("handover", handover_bytes(opening->queues), 64, device->socket);
    if (memory == NULL)
        return error_set(opening->err, EXIT_ENVIRONMENT, -ENOMEM,
                         "no DPDK memory for the hand-over between %u workers", opening->queues);
    device->handover = handover_init(memory, opening->queues);
    return 0;
}

static int configure(const struct opening *opening)
{
    struct net_device *device = opening->device;
    struct rte_eth_conf conf = {0};
    struct rte_eth_dev_info info;
    uint16_t mtu_bytes, tx_queues = opening->queues;
    int status = rte_eth_dev_info_get(device->port_id, &info);
    if (status < 0)
        return refused(opening, "to describe itself", status);
    device->info = info;
    device->clock_unread = false;
    device->software_sums = opening->config->checksum == NET_CHECKSUM_SOFTWARE;
    device->software_stamps = opening->config->stamping == NET_STAMPING_OFF;
    if (opening->queues > info.max_rx_queues || opening->queues > info.max_tx_queues)
        return error_set(opening->err, EXIT_ENVIRONMENT, -EINVAL,
                         "queues: %u, but the device has %u and %u", opening->queues,
                         info.max_rx_queues, info.max_tx_queues);
    device->socket = rte_eth_dev_socket_id(device->port_id);
    choose_offloads(opening, &info, &conf);
    if (opening->config->stamping == NET_STAMPING_AUTO)
        tx_queues = net_stamps_choose(&info, opening->queues, &conf);
    if ((status = make_common(opening)) < 0 || (status = choose_mtu(opening, &mtu_bytes)) < 0)
        return status;
    net_rss_choose(device, &info, &conf);
    conf.rxmode.mtu = mtu_bytes > info.max_mtu && info.max_mtu != 0 ? info.max_mtu : mtu_bytes;
    status = rte_eth_dev_configure(device->port_id, opening->queues, tx_queues, &conf);
    if (status < 0)
        return refused(opening, "its configuration", status);
    if ((status = set_mtu(opening, mtu_bytes)) < 0)
        return status;
    return set_up_queues(opening, &info, mtu_bytes, tx_queues, &conf);
}

/* The MAC to use. Devices that cannot change theirs filter nothing either: see start. */
static int set_mac(const struct opening *opening)
{
    struct net_device *device = opening->device;
    struct rte_ether_addr mac;
    int status = rte_eth_macaddr_get(device->port_id, &mac);
    if (status < 0)
        return refused(opening, "to tell its MAC", status);
    if (opening->config->has_mac) {
        memcpy(mac.addr_bytes, opening->config->mac, WIRE_MAC_BYTES);
        status = rte_eth_dev_default_mac_addr_set(device->port_id, &mac);
        if (status < 0 && status != -ENOTSUP)
            return refused(opening, "that MAC", status);
    }
    for (uint16_t i = 0; i < device->queues; i++) {
        memcpy(device->ports[i]->rules.mac, mac.addr_bytes, WIRE_MAC_BYTES);
        set_own(device->ports[i], opening->config);
    }
    return 0;
}

static int start(const struct opening *opening)
{
    struct net_device *device = opening->device;
    int status = set_mac(opening);
    if (status < 0)
        return status;
    device->was_promiscuous = net_netdev_is_promiscuous(device->netdev);
    device->had_all_groups = net_netdev_has_all_groups(device->netdev);
    if ((status = rte_eth_dev_start(device->port_id)) < 0)
        return refused(opening, "to start", status);
    device->started = true;
    net_stamps_check(device);
    net_rss_read(device, &device->info);
    /* Solicitations for whole pools come to as many groups as there are addresses: take all groups.
     * Devices without filters refuse this, and need it not. */
    rte_eth_allmulticast_enable(device->port_id);
    rte_eth_promiscuous_enable(device->port_id);
    return 0;
}

/* The steps that a fall-back does again. */
static int open_device(const struct opening *opening)
{
    struct net_capture capture;
    char said[200];
    net_capture_begin(&capture);
    int status = probe(opening);
    if (status == 0) {
        status = rte_eth_dev_get_port_by_name(opening->device->vdev, &opening->device->port_id);
        if (status < 0)
            error_set(opening->err, EXIT_ENVIRONMENT, status, "%s has no port",
                      opening->device->vdev);
    }
    if (status == 0)
        status = configure(opening);
    if (status == 0)
        status = start(opening);
    net_capture_end(&capture, said, sizeof(said));
    if (status < 0) {
        const size_t used = strlen(opening->err->text);
        snprintf(opening->err->text + used, sizeof(opening->err->text) - used, "%s%s%s",
                 said[0] != '\0' ? " (" : "", said, said[0] != '\0' ? ")" : "");
        if (opening->device->profile.needs_root && geteuid() != 0)
            error_wrap(opening->err, "not root, and %s needs it (sudo, or CAP_NET_RAW)",
                       opening->device->profile.name);
    }
    return status;
}

/* Free what was given and not taken. */
static void drain_handover(const struct net_device *device)
{
    struct rte_mbuf *mbufs[NET_HANDED_BURST];
    uint16_t first = 0, count;
    uint64_t since_ns = 0;
    for (uint16_t to = 0; device->handover != NULL && to < device->handover->workers; to++)
        while ((count = handover_take(device->handover, to, &first, mbufs, NET_HANDED_BURST,
                                      &since_ns)) > 0)
            rte_pktmbuf_free_bulk(mbufs, count);
}

/* The network interface of a port outlives it. */
static void leave_as_found(const struct net_device *device)
{
    if (!device->was_promiscuous)
        rte_eth_promiscuous_disable(device->port_id);
    if (!device->had_all_groups)
        rte_eth_allmulticast_disable(device->port_id);
}

/* Give back all of DEVICE but itself and its lock. */
static void release(struct net_device *device)
{
    const bool ring = device->profile.driver == PROFILE_RING;
    char ring_device[NET_DEVICE_NAME_BYTES] = "";
    if (ring && strlen(device->vdev) > 11) {
        snprintf(ring_device, sizeof(ring_device), "%s", device->vdev + strlen("net_ring_"));
        ring_device[strlen(ring_device) - 2] = '.';
    }
    for (uint16_t i = 0; i < device->queues; i++) {
        struct net_port *port = device->ports[i];
        rte_pktmbuf_free_bulk(port->tx, port->tx_count);
        rte_pktmbuf_free_bulk(port->rx + port->rx_next, (unsigned)port->rx_count - port->rx_next);
        rte_pktmbuf_free_bulk(port->spare, port->spare_count);
        rte_pktmbuf_free(port->begun.mbuf);
        net_impair_release(port);
        net_stamps_release(port);
    }
    drain_handover(device);
    if (device->started) {
        leave_as_found(device);
        rte_eth_dev_stop(device->port_id);
    }
    device->started = false;
    if (ring)
        net_ring_drain(ring_device);
    if (device->vdev[0] != '\0')
        rte_eth_dev_close(device->port_id);
    if (device->vdev[0] != '\0')
        rte_eal_hotplug_remove(device->profile.driver == PROFILE_PCI ? "pci" : "vdev",
                               device->vdev);
    if (ring)
        net_ring_close(ring_device);
    for (uint16_t i = 0; i < device->queues; i++) {
        rte_mempool_free(device->ports[i]->pool);
        rte_free(device->ports[i]->impair);
        rte_free(device->ports[i]);
        device->ports[i] = NULL;
    }
    rte_free(device->steering);
    rte_free(device->handover);
    device->steering = NULL;
    device->handover = NULL;
    device->queues = 0;
    device->vdev[0] = '\0';
}

static void undo(struct net_device *device)
{
    struct net_capture capture;
    char said[8];
    net_capture_begin(&capture);
    release(device);
    net_capture_end(&capture, said, sizeof(said));
    if (device->lock_fd >= 0)
        close(device->lock_fd);
    free(device);
}

static int open_fallback(const struct opening *opening, const char *drivers, const char *why,
                         char *note)
{
    struct net_device *device = opening->device;
    struct profile fallback;
    struct error first = *opening->err;
    struct error second = {0};
    struct opening again = *opening;
    again.err = &second;
    release(device);
    if (profile_load(drivers, device->profile.fallback, &fallback, &second) < 0)
        return -ENOENT;
    snprintf(note, NET_NOTE_BYTES, "port \"%s\": %s in place of %s: %.300s", device->name,
             fallback.name, device->profile.name, why);
    device->profile = fallback;
    const int status = open_device(&again);
    if (status < 0)
        error_set(opening->err, EXIT_ENVIRONMENT, status, "%s", second.text);
    if (status < 0 && first.text[0] != '\0')
        snprintf(opening->err->text, sizeof(opening->err->text), "%.480s; and then %.480s",
                 first.text, second.text);
    return status;
}

void net_watch(struct net_port *port, struct capture *capture)
{
    port->capture = capture;
}
