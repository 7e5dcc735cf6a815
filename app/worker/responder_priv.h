/* responder_priv.h - inside of struct responder. responder.c is the loop, responder_setup.c takes
 * the memory. */
#ifndef WORKER_RESPONDER_PRIV_H
#define WORKER_RESPONDER_PRIV_H

#include <stdalign.h>

#include "worker/responder.h"

struct responder {
    struct net_port *port;
    struct tcp *tcp;
    struct server *server;
    const struct clock *clock;
    uint64_t now_ns; /* Of this turn: after its rx_burst. */
    uint64_t tsc;    /* The same. */
    uint16_t group_v4;
    uint16_t group_v6;
    bool busy;          /* This turn found something to do. */
    _Atomic bool asked; /* To stop; written by control. */
    alignas(64) struct responder_counters counters;
    alignas(64) struct net_packet packets[NET_RX_MAX];
    struct tcp_descriptor descriptors[NET_TX_QUEUE];
};

#endif
