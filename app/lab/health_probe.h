/* health_probe.h - one health probe, of a front balancer or of a kubelet, by the kernel's TCP and
 * made in a namespace of the lab. Well is, in time, a status of 200 to 399 to an HTTP GET, or a
 * connection where that is enough.
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

/* What is asked. */
struct health_target {
    struct address address;
    uint16_t port;
    const char *path;  /* Of the GET, its first 300 bytes; NULL: a connection is enough. */
    const char *agent; /* Who the GET says that it is. */
};

struct health_probe {
    int fd;              /* -1 when none is under way. */
    bool http;           /* There is a request to send. */
    bool sent;           /* It was. */
    int64_t began_ns;    /* As given. */
    int64_t deadline_ns; /* When it is over at the latest. */
    char request[512];   /* HTTP's. */
};

enum health_verdict {
    HEALTH_PENDING,
    HEALTH_GOOD,
    HEALTH_BAD
};

/* Ask TARGET from NETNS_FD, coming back to HOME_FD. 0 or -errno (nobody listens there, or there is
 * no way); the probe is not under way then. */
int health_probe_begin(struct health_probe *probe, int netns_fd, int home_fd,
                       const struct health_target *target, int64_t now_ns, int64_t timeout_ns);
/* EPOLLOUT until the request is sent, then EPOLLIN. */
uint32_t health_probe_events(const struct health_probe *probe);
/* Its descriptor is ready. */
enum health_verdict health_probe_advance(struct health_probe *probe);
void health_probe_end(struct health_probe *probe); /* Closes it, if it is under way. */

#endif
