/* test_nic.h - a NIC of a test: ports of rings that offer what a stamping NIC offers.
 *
 * The linker puts this in the place of some functions of DPDK (see meson.build), for the test's
 * program alone. A port then has a clock of its own, told here; received mbufs bear what
 * test_nic_stamp() wrote to them, as if the wire had done it.
 *
 * Threads: set before a port is opened; the clock may be changed between turns.
 */
#ifndef TESTS_EAL_TEST_NIC_H
#define TESTS_EAL_TEST_NIC_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "base/clock.h"

struct test_nic {
    bool stamps_arrivals;      /* Offers RTE_ETH_RX_OFFLOAD_TIMESTAMP. */
    bool has_clock;            /* rte_eth_read_clock() works. */
    const struct clock *clock; /* The run's. */
    int64_t skew_ppb;          /* The NIC's clock is so much faster than 1 GHz of run time, */
    uint64_t offset;           /* and said this at run time 0. */
    bool asked_for_stamps;     /* The port was configured with the offload. */
};

extern struct test_nic test_nic;

/* What its clock says at RUN_NS. */
uint64_t test_nic_ticks(uint64_t run_ns);
/* MBUF arrived at RUN_NS, by the NIC's clock. */
void test_nic_stamp(struct rte_mbuf *mbuf, uint64_t run_ns);

#endif
