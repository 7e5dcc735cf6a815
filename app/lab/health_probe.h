/* health_probe.h - one health probe of a front balancer: an HTTP GET by the kernel's TCP, made in
 * a namespace of the lab. Well is a status of 200 to 399 in time.
 *
 *     health_probe_begin(&probe, ...);
 *     ... wait for probe.fd as health_probe_events() says ...
 *     health_probe_advance(&probe);   until it is over
 *
 * Threads: one. No memory.
 */
#ifndef LAB_HEALTH_PROBE_H
#define LAB_HEALTH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

struct health_probe {
    int fd;              /* -1 when none is under way. */
    bool sent;           /* The request was. */
    int64_t began_ns;    /* As given. */
    int64_t deadline_ns; /* When it is over at the latest. */
    char request[200];   /* HTTP's. */
};

enum health_verdict {
    HEALTH_PENDING,
    HEALTH_GOOD,
    HEALTH_BAD
};

/* Ask for /healthz at PORT of ADDRESS from NETNS_FD, coming back to HOME_FD. 0 or -errno (nobody
 * listens there, or there is no way); the probe is not under way then. */
int health_probe_begin(struct health_probe *probe, int netns_fd, int home_fd,
                       const struct address *address, uint16_t port, int64_t now_ns,
                       int64_t timeout_ns);
/* EPOLLOUT until the request is sent, then EPOLLIN. */
uint32_t health_probe_events(const struct health_probe *probe);
/* Its descriptor is ready. */
enum health_verdict health_probe_advance(struct health_probe *probe);
void health_probe_end(struct health_probe *probe); /* Closes it, if it is under way. */

#endif
