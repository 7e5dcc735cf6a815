#define ALLOW_EXPERIMENTAL_API /* rte_eth_read_clock() */
#include "tests/eal/test_nic.h"

#include <errno.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>
#include <rte_ring.h>

#include "base/wide.h"

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
