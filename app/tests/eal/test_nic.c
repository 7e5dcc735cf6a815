#define ALLOW_EXPERIMENTAL_API /* rte_eth_read_clock() */
#include "tests/eal/test_nic.h"

#include <errno.h>

#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>

#include "base/wide.h"

struct test_nic test_nic;

/* What the linker calls in the place of the functions without __wrap_, and what those are then. */
int __real_rte_eth_dev_info_get(uint16_t port_id, struct rte_eth_dev_info *info);
int __wrap_rte_eth_dev_info_get(uint16_t port_id, struct rte_eth_dev_info *info);
int __real_rte_eth_dev_configure(uint16_t port_id, uint16_t rx_queues, uint16_t tx_queues,
                                 const struct rte_eth_conf *conf);
int __wrap_rte_eth_dev_configure(uint16_t port_id, uint16_t rx_queues, uint16_t tx_queues,
                                 const struct rte_eth_conf *conf);
int __wrap_rte_eth_read_clock(uint16_t port_id, uint64_t *clock);

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

int __wrap_rte_eth_dev_info_get(uint16_t port_id, struct rte_eth_dev_info *info)
{
    int status = __real_rte_eth_dev_info_get(port_id, info);
    if (test_nic.stamps_arrivals)
        info->rx_offload_capa |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
    return status;
}

/* The rings know nothing of it. */
int __wrap_rte_eth_dev_configure(uint16_t port_id, uint16_t rx_queues, uint16_t tx_queues,
                                 const struct rte_eth_conf *conf)
{
    struct rte_eth_conf plain = *conf;
    test_nic.asked_for_stamps = (conf->rxmode.offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0;
    plain.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_TIMESTAMP;
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
