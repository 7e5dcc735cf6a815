/* pod_server.h - what runs in a pod: ctraffic, mconnect and HTTP on one epoll loop.
 *
 *     ctraffic  TCP: the first 64 bytes come back with the host name over their start, everything
 *               after is echoed. UDP: each datagram comes back with the host name over its start.
 *     mconnect  TCP: the host name on accept, then close. UDP: the host name as an answer.
 *     HTTP      200 with the host name in X-Server-Host and in the body; keep-alive; the body of a
 *               request (Content-Length) is read and dropped. The answer may take its time and
 *               have a size (pod_protocol.h); for a while after the start it may be 500. HTTPS is
 *               the same over TLS (pod_tls.h).
 *
 * Each listener and connection that closes is written to truth, stamped right before close(). What
 * a SIGTERM does is told: `exit` closes everything and ends at once, `ignore` goes on. `drain`
 * takes the connections that the kernel has accepted, closes the listeners and the HTTP connections
 * that are between two requests, says `Connection: close` in each answer from then on, and ends
 * with the last connection: requests that have begun are served, with their bodies.
 *
 * Threads: one. Memory: a connection is one malloc of fixed size; POD_CONNECTIONS_MAX of them, or
 * as many as the machine's limit of open files leaves, more are accepted and closed at once. Input
 * is hostile: every buffer is bounded.
 */
#ifndef LAB_POD_SERVER_H
#define LAB_POD_SERVER_H

#include <stdint.h>

#include "base/error.h"
#include "lab/truth.h"

enum {
    POD_CONNECTIONS_MAX = 65536,
    POD_HOST_BYTES = 64
};

enum pod_on_term {
    POD_EXIT,
    POD_DRAIN,
    POD_IGNORE,
};

struct pod_config {
    char host[POD_HOST_BYTES]; /* Host name in answers; at most 63 bytes. */
    uint16_t ctraffic_port;    /* 0: not served; the same for the next two. */
    uint16_t mconnect_port;
    uint16_t http_port;
    uint16_t https_port;     /* Needs certificate and key. */
    const char *certificate; /* PEM files, or NULL. */
    const char *key;
    int64_t listen_after_ns;  /* From the start to the listeners. */
    int64_t starting_for_ns;  /* From the start on, HTTP answers 500. */
    int64_t answer_after_ns;  /* From a whole HTTP request to its answer. */
    uint64_t answer_bytes;    /* Of the answer's body; 0: the name. */
    enum pod_on_term on_term; /* What SIGTERM does. */
    struct truth truth;       /* Where closes are logged. */
};

/* Serve until a signal ends it. The calling thread's SIGTERM and SIGINT are blocked and read by
 * signalfd. 0 when it ended as told; -errno with ERR when it could not listen. */
int pod_server_run(struct pod_config *config, struct error *err);

#endif
