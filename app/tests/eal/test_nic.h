/* test_nic.h - a NIC of a test: ports of rings that offer what a stamping NIC offers.
 *
 * The linker puts this in the place of some functions of DPDK (see meson.build), for the test's
 * program alone. A port then has a clock of its own, told here; received mbufs bear what
 * test_nic_stamp() wrote to them, as if the wire had done it.
 *
 * Threads: set before a port is opened; the clock may be changed between turns, statistics and link
 * between looks at them.
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
    bool sends_on_time;        /* Offers RTE_ETH_TX_OFFLOAD_SEND_ON_TIMESTAMP, */
    bool asked_to_send;        /* and was configured with it. */
    bool one_queue;            /* It has no second transmit queue for that. */
    uint64_t imissed;          /* Its statistics say so many more than the rings', */
    uint64_t rx_nombuf;        /* of each. */
    bool link_down;            /* It has no link. */
};

extern struct test_nic test_nic;

/* What its clock says at RUN_NS. */
uint64_t test_nic_ticks(uint64_t run_ns);
/* The oldest packet that it was given to send on time, if that has come by now: the wire has it then,
 * and it left when its time was, or, without one, at once. NULL: none. Each queue keeps its order. */
struct rte_mbuf *test_nic_depart(void);
/* Does MBUF have a time to be sent at, and which, by the NIC's clock? */
bool test_nic_time(const struct rte_mbuf *mbuf, uint64_t *ticks);
/* Packets that wait for it; with none, the queue is freed: after the port's close. */
unsigned test_nic_waiting(void);
void test_nic_free(void);
/* MBUF arrived at RUN_NS, by the NIC's clock. */
void test_nic_stamp(struct rte_mbuf *mbuf, uint64_t run_ns);

/* The far end of a test whose wire is a mirror: an ARP request becomes its answer, false if MBUF is
 * none; an IPv4 datagram gets its ends swapped, by which no checksum changes. */
bool test_nic_answer_arp(struct rte_mbuf *mbuf);
void test_nic_turn_round(struct rte_mbuf *mbuf);

#endif
