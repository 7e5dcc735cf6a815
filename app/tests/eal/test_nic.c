#define ALLOW_EXPERIMENTAL_API /* rte_eth_read_clock() */
#include "tests/eal/test_nic.h"

#include <errno.h>
#include <string.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>
#include <rte_ring.h>

#include "base/wide.h"
#include "net/arp.h"
#include "net/wire.h"

enum {
    TIMED_PACKETS = 1024
};

struct test_nic test_nic;

static struct rte_ring *timed;      /* What waits to be sent on time. */
static struct rte_mbuf *next_timed; /* Its oldest. */

/* What the linker calls in the place of the functions without __wrap_, and what those are then. */
int __real_rte_eth_dev_info_get(uint16_t port_id, struct rte_eth_dev_info *info);
int __wrap_rte_eth_dev_info_get(uint16_t port_id, struct rte_eth_dev_info *info);
int __real_rte_eth_dev_configure(uint16_t port_id, uint16_t rx_queues, uint16_t tx_queues,
                                 const struct rte_eth_conf *conf);
int __wrap_rte_eth_dev_configure(uint16_t port_id, uint16_t rx_queues, uint16_t tx_queues,
                                 const struct rte_eth_conf *conf);
int __wrap_rte_eth_read_clock(uint16_t port_id, uint64_t *clock);
int __real_rte_eth_tx_queue_setup(uint16_t port_id, uint16_t queue, uint16_t descriptors,
                                  unsigned socket, const struct rte_eth_txconf *conf);
int __wrap_rte_eth_tx_queue_setup(uint16_t port_id, uint16_t queue, uint16_t descriptors,
                                  unsigned socket, const struct rte_eth_txconf *conf);
int __real_rte_eth_from_rings(const char *name, struct rte_ring *const rx[], unsigned rx_count,
                              struct rte_ring *const tx[], unsigned tx_count, unsigned node);
int __wrap_rte_eth_from_rings(const char *name, struct rte_ring *const rx[], unsigned rx_count,
                              struct rte_ring *const tx[], unsigned tx_count, unsigned node);
int __real_rte_eth_stats_get(uint16_t port_id, struct rte_eth_stats *stats);
int __wrap_rte_eth_stats_get(uint16_t port_id, struct rte_eth_stats *stats);
int __real_rte_eth_link_get_nowait(uint16_t port_id, struct rte_eth_link *link);
int __wrap_rte_eth_link_get_nowait(uint16_t port_id, struct rte_eth_link *link);

uint64_t test_nic_ticks(uint64_t run_ns)
{
    const uint64_t hz = (uint64_t)(1000000000 + test_nic.skew_ppb);
    return test_nic.offset + (uint64_t)((wide_uint)run_ns * hz / 1000000000);
}

void test_nic_stamp(struct rte_mbuf *mbuf, uint64_t run_ns)
{
    int field;
    uint64_t flag;
    rte_mbuf_dyn_rx_timestamp_register(&field, &flag);
    *RTE_MBUF_DYNFIELD(mbuf, field, rte_mbuf_timestamp_t *) = test_nic_ticks(run_ns);
    mbuf->ol_flags |= flag;
}

bool test_nic_time(const struct rte_mbuf *mbuf, uint64_t *ticks)
{
    int field;
    uint64_t flag;
    rte_mbuf_dyn_tx_timestamp_register(&field, &flag);
    *ticks = *RTE_MBUF_DYNFIELD(mbuf, field, const rte_mbuf_timestamp_t *);
    return (mbuf->ol_flags & flag) != 0;
}

struct rte_mbuf *test_nic_depart(void)
{
    uint64_t ticks;
    void *object;
    if (next_timed == NULL && timed != NULL && rte_ring_dequeue(timed, &object) == 0)
        next_timed = object;
    struct rte_mbuf *mbuf = next_timed;
    if (mbuf == NULL)
        return NULL;
    if (test_nic_time(mbuf, &ticks) &&
        (int64_t)(test_nic_ticks(clock_now_ns(test_nic.clock)) - ticks) < 0)
        return NULL;
    next_timed = NULL;
    return mbuf;
}

unsigned test_nic_waiting(void)
{
    return (timed != NULL ? rte_ring_count(timed) : 0) + (next_timed != NULL);
}

void test_nic_free(void)
{
    rte_ring_free(timed);
    timed = NULL;
}

/* A port of one queue: its second one is for what is sent on time. */
int __wrap_rte_eth_from_rings(const char *name, struct rte_ring *const rx[], unsigned rx_count,
                              struct rte_ring *const tx[], unsigned tx_count, unsigned node)
{
    if (!test_nic.sends_on_time || test_nic.one_queue)
        return __real_rte_eth_from_rings(name, rx, rx_count, tx, tx_count, node);
    timed = rte_ring_create("timed", TIMED_PACKETS, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
    struct rte_ring *both[] = {tx[0], timed};
    return __real_rte_eth_from_rings(name, rx, rx_count, both, 2, node);
}

int __wrap_rte_eth_tx_queue_setup(uint16_t port_id, uint16_t queue, uint16_t descriptors,
                                  unsigned socket, const struct rte_eth_txconf *conf)
{
    struct rte_eth_txconf plain = *conf;
    plain.offloads &= ~RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP;
    return __real_rte_eth_tx_queue_setup(port_id, queue, descriptors, socket, &plain);
}

int __wrap_rte_eth_dev_info_get(uint16_t port_id, struct rte_eth_dev_info *info)
{
    int status = __real_rte_eth_dev_info_get(port_id, info);
    if (test_nic.stamps_arrivals)
        info->rx_offload_capa |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
    if (test_nic.sends_on_time)
        info->tx_offload_capa |= RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP;
    return status;
}

/* The rings know nothing of it. */
int __wrap_rte_eth_dev_configure(uint16_t port_id, uint16_t rx_queues, uint16_t tx_queues,
                                 const struct rte_eth_conf *conf)
{
    struct rte_eth_conf plain = *conf;
    test_nic.asked_for_stamps = (conf->rxmode.offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0;
    plain.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_TIMESTAMP;
    test_nic.asked_to_send = (conf->txmode.offloads & RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP) != 0;
    plain.txmode.offloads &= ~RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP;
    return __real_rte_eth_dev_configure(port_id, rx_queues, tx_queues, &plain);
}

int __wrap_rte_eth_read_clock(uint16_t port_id, uint64_t *clock)
{
    (void)port_id;
    if (!test_nic.has_clock)
        return -ENOTSUP;
    *clock = test_nic_ticks(clock_now_ns(test_nic.clock));
    return 0;
}

int __wrap_rte_eth_stats_get(uint16_t port_id, struct rte_eth_stats *stats)
{
    int status = __real_rte_eth_stats_get(port_id, stats);
    stats->imissed += test_nic.imissed;
    stats->rx_nombuf += test_nic.rx_nombuf;
    return status;
}

int __wrap_rte_eth_link_get_nowait(uint16_t port_id, struct rte_eth_link *link)
{
    int status = __real_rte_eth_link_get_nowait(port_id, link);
    if (test_nic.link_down)
        link->link_status = 0;
    return status;
}

bool test_nic_answer_arp(struct rte_mbuf *mbuf)
{
    uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    struct arp asked, answer = {0};
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
    if (wire_get16(frame + 12) != WIRE_TYPE_ARP ||
        !arp_parse(frame + WIRE_ETHERNET_BYTES, ARP_BYTES, &asked))
        return false;
    answer.sender = asked.target;
    answer.target = asked.sender;
    memcpy(answer.sender_mac, mac, 6);
    memcpy(frame, frame + 6, 6);
    memcpy(frame + 6, mac, 6);
    arp_build(frame + WIRE_ETHERNET_BYTES, &answer, asked.sender_mac);
    mbuf->ol_flags = 0;
    return true;
}

static void swap(uint8_t *a, uint8_t *b, size_t count)
{
    uint8_t held[8];
    memcpy(held, a, count);
    memcpy(a, b, count);
    memcpy(b, held, count);
}

void test_nic_turn_round(struct rte_mbuf *mbuf)
{
    uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    uint8_t *ip = frame + WIRE_ETHERNET_BYTES, *udp = ip + WIRE_IPV4_BYTES;
    swap(frame, frame + 6, 6);
    swap(ip + 12, ip + 16, 4);
    swap(udp, udp + 2, 2);
    mbuf->ol_flags = 0;
}
