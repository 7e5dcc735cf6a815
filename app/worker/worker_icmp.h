/* worker_icmp.h - ICMP errors on their way from net to tcp. Threads: the loop's own. */
#ifndef WORKER_WORKER_ICMP_H
#define WORKER_WORKER_ICMP_H

#include "net/net.h"
#include "tcp/tcp.h"

/* PACKET is a NET_ICMP_ERROR that came to PORT: tell TCP, if it is about one of its segments. What
 * TCP believes of the path's MTU, PORT remembers. */
void worker_take_icmp(struct tcp *tcp, struct net_port *port, uint64_t now_ns,
                      const struct net_packet *packet);

#endif
