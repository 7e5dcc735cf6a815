/* How a NIC port spreads what it receives over its queues, and what is made of it: steering. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "net/net_device.h"

enum {
    RETA_GROUPS = STEERING_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE
};

/* What DPDK calls the kinds. */
static const struct {
    uint64_t flag;
    const char *name;
} kinds[STEERING_KINDS] = {
    [STEERING_TCP4] = {RTE_ETH_RSS_NONFRAG_IPV4_TCP, "TCP/IPv4"},
    [STEERING_UDP4] = {RTE_ETH_RSS_NONFRAG_IPV4_UDP, "UDP/IPv4"},
    [STEERING_TCP6] = {RTE_ETH_RSS_NONFRAG_IPV6_TCP, "TCP/IPv6"},
    [STEERING_UDP6] = {RTE_ETH_RSS_NONFRAG_IPV6_UDP, "UDP/IPv6"},
};

/* The key asked for: well mixed, and public. Its first 40 bytes are those of Microsoft's RSS
 * specification; what NICs with longer keys have behind them is not used for TCP and UDP. */
static const uint8_t wanted_key[STEERING_KEY_MAX_BYTES] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43,
    0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb,
    0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01,
    0xfa, 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d,
};

static bool can_hash(const struct net_device *device, const struct rte_eth_dev_info *info);
static uint8_t key_bytes(const struct rte_eth_dev_info *info);
static void ask_table(const struct net_device *device, uint16_t size);
static bool read_table(const struct net_device *device, uint16_t size, uint8_t table[]);

void net_rss_choose(const struct net_device *device, const struct rte_eth_dev_info *info,
                    struct rte_eth_conf *conf)
{
    struct rte_eth_rss_conf *rss = &conf->rx_adv_conf.rss_conf;
    if (!can_hash(device, info))
        return;
    conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    rss->rss_hf = RTE_ETH_RSS_IP;
    for (unsigned i = 0; i < STEERING_KINDS; i++)
        rss->rss_hf |= kinds[i].flag;
    rss->rss_hf &= info->flow_type_rss_offloads;
    memcpy(device->steering->key, wanted_key, sizeof(wanted_key));
    rss->rss_key = device->steering->key;
    rss->rss_key_len = key_bytes(info);
}

/* What the NIC says it does is believed, not what was asked of it. One that does not tell its key
 * or its table is steered by port. */
void net_rss_read(struct net_device *device, const struct rte_eth_dev_info *info)
{
    uint8_t table[STEERING_TABLE_MAX];
    uint8_t key[STEERING_KEY_MAX_BYTES] = {0};
    struct rte_eth_rss_conf rss = {.rss_key = key, .rss_key_len = key_bytes(info)};
    if (!can_hash(device, info))
        return;
    ask_table(device, info->reta_size);
    if (rte_eth_dev_rss_hash_conf_get(device->port_id, &rss) < 0 ||
        !read_table(device, info->reta_size, table))
        return;
    steering_by_hash(device->steering, key, key_bytes(info), table, info->reta_size);
    for (unsigned i = 0; i < STEERING_KINDS; i++)
        device->steering->hashed[i] = (rss.rss_hf & kinds[i].flag) != 0;
}

void net_port_steering_text(const struct net_port *port, char *out, size_t size)
{
    const struct steering *steering = port->steering;
    struct text text = {0};
    const char *comma = " of ";
    if (steering->workers == 1) {
        text_add(&text, "one queue");
    } else if (steering->table_size == 0) {
        const struct net_device *device = port->device;
        text_addf(&text, "%u queues, by client port and hand-over: ", steering->workers);
        if (!device->profile.rss)
            text_addf(&text, "profile %s has no steering by hash", device->profile.name);
        else if (device->info.flow_type_rss_offloads == 0)
            text_add(&text, "the device offers no receive-side scaling");
        else
            text_add(&text, "the device does not tell how it spreads");
    } else {
        text_addf(&text, "%u queues, by Toeplitz hash", steering->workers);
        for (unsigned i = 0; i < STEERING_KINDS; i++) {
            if (!steering->hashed[i])
                continue;
            text_addf(&text, "%s%s", comma, kinds[i].name);
            comma = ", ";
        }
        text_addf(&text, ", table of %u, key ", steering->table_size);
        for (uint16_t i = 0; i < steering->key_bytes; i++)
            text_addf(&text, "%02x", steering->key[i]);
    }
    snprintf(out, size, "%s", text_str(&text));
    text_free(&text);
}

static bool can_hash(const struct net_device *device, const struct rte_eth_dev_info *info)
{
    return device->steering->workers > 1 && device->profile.rss &&
           info->flow_type_rss_offloads != 0 && key_bytes(info) >= STEERING_KEY_MIN_BYTES &&
           key_bytes(info) <= STEERING_KEY_MAX_BYTES && info->reta_size != 0 &&
           info->reta_size <= STEERING_TABLE_MAX;
}

/* Drivers that do not tell have the size that DPDK's keys had before any could tell. */
static uint8_t key_bytes(const struct rte_eth_dev_info *info)
{
    return info->hash_key_size != 0 ? info->hash_key_size : STEERING_KEY_MIN_BYTES;
}

/* All queues in turn. A NIC that cannot be asked has a table all the same. */
static void ask_table(const struct net_device *device, uint16_t size)
{
    struct rte_eth_rss_reta_entry64 groups[RETA_GROUPS] = {0};
    for (uint16_t i = 0; i < size; i++) {
        struct rte_eth_rss_reta_entry64 *group = &groups[i / RTE_ETH_RETA_GROUP_SIZE];
        group->mask |= UINT64_C(1) << i % RTE_ETH_RETA_GROUP_SIZE;
        group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % device->steering->workers;
    }
    (void)rte_eth_dev_rss_reta_update(device->port_id, groups, size);
}

static bool read_table(const struct net_device *device, uint16_t size, uint8_t table[])
{
    struct rte_eth_rss_reta_entry64 groups[RETA_GROUPS] = {0};
    for (uint16_t i = 0; i < size; i++)
        groups[i / RTE_ETH_RETA_GROUP_SIZE].mask |= UINT64_C(1) << i % RTE_ETH_RETA_GROUP_SIZE;
    if (rte_eth_dev_rss_reta_query(device->port_id, groups, size) < 0)
        return false;
    for (uint16_t i = 0; i < size; i++) {
        const uint16_t queue =
            groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
        if (queue >= device->steering->workers)
            return false;
        table[i] = (uint8_t)queue;
    }
    return true;
}
