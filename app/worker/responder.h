/* responder.h - the loop of a core that answers: a server (traffic/server.h) on a tcp and a NIC
 * port of its own.
 *
 *     struct responder *responder = responder_setup(&config, &err);
 *     rte_eal_remote_launch(responder_main, responder, net_worker_lcore(0));
 *     ... responder_counters() ...
 *     responder_stop(responder);
 *     rte_eal_wait_lcore(net_worker_lcore(0));
 *     responder_free(responder);
 *
 * A turn: rx_burst; TSC; parse and feed tcp, answer datagrams; events; timers; output within the
 * room that the port has; tx_burst. Every answer goes to the next hops of its family's group.
 *
 * Threads: one control thread calls all functions here but responder_main(); figures are read by
 * relaxed counters. Memory: taken by responder_setup(). Full: a datagram that finds no room to
 * answer in is dropped and counted, a segment is sent later.
 */
#ifndef WORKER_RESPONDER_H
#define WORKER_RESPONDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "net/net.h"
#include "tcp/tcp.h"
#include "traffic/server.h"

struct responder; /* Inside in responder_priv.h. */

struct responder_config {
    const struct clock *clock; /* Borrowed; immutable. */
    struct net_port *port;     /* Borrowed; the responder's alone while it runs. */
    uint16_t group_v4;         /* Next hops of answers, as net_group_add() gave them; with one
                                    family only, both are the same. */
    uint16_t group_v6;
    struct server_config server; /* What it says. */
    struct hash_key key;         /* Secret of ISNs and cookies; from the system's random source. */
    uint64_t time_wait_ns;       /* 2 MSL of the connections that we closed first. */
};

/* What the loop itself did. Written by the responder, relaxed. */
struct responder_counters {
    _Atomic uint64_t turns;         /* Of the loop. */
    _Atomic uint64_t idle_turns;    /* Those that found nothing to do. */
    _Atomic uint64_t busy_cycles;   /* TSC ticks spent in the others. */
    _Atomic uint64_t hop_refusals;  /* Packets not sent: their next hop is unresolved. */
    _Atomic uint64_t room_refusals; /* Datagrams not answered: no room. */
};

/* Server of no protocol, 65536 connections, 64 MiB held, connections that are idle for 5 minutes
 * closed, 10 s for a TLS handshake, TIME-WAIT 60 s. */
struct responder_config responder_config_default(void);

/* Take all memory and listen. Next hops are resolved by then. NULL with ERR. */
struct responder *responder_setup(const struct responder_config *config, struct error *err);
/* After the loop was left; NULL is harmless. */
void responder_free(struct responder *responder);

/* The loop: runs on its lcore until responder_stop(). ARGUMENT is a struct responder. Returns 0. */
int responder_main(void *argument);
/* Reset all connections and leave the loop, soon. */
void responder_stop(struct responder *responder);

const struct responder_counters *responder_counters(const struct responder *responder);
const struct server_counters *responder_server_counters(const struct responder *responder);
/* Torn while it runs. */
const struct tcp_counters *responder_tcp_counters(const struct responder *responder);
/* After the loop was left: connections, pieces of echoes and buffers that are still held. 0 unless
 * there is a bug. */
uint32_t responder_leftovers(const struct responder *responder);

#endif
