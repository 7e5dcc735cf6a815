/* health_server.h - one port of a node on which kube-proxy tells front balancers how it is.
 *
 * Either of the two of kube-proxy: a Service's healthCheckNodePort (any path), which is well while
 * the node has ready endpoints of it, or the node's own port 10256 (/healthz and /livez). 200 is
 * well, 503 is not; the body is kube-proxy's JSON (k8s.io/kubernetes pkg/proxy/healthcheck).
 *
 * HTTP is libmicrohttpd's. It has no thread: the daemon's loop waits for health_server_fd() to be
 * readable and calls health_server_run().
 *
 * Threads: one. Limits: 64 connections, 10 s of silence.
 */
#ifndef LAB_HEALTH_SERVER_H
#define LAB_HEALTH_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum {
    HEALTH_SERVER_NAME_BYTES = 256,
    HEALTH_SERVER_NODE_PORT = 10256 /* kube-proxy's own health. */
};

/* What it answers. */
struct health_facts {
    char namespace[HEALTH_SERVER_NAME_BYTES]; /* Of the Service; "": the node's own health. */
    char name[HEALTH_SERVER_NAME_BYTES];
    unsigned local_endpoints; /* Ready ones on the node. */
    int64_t updated_ns;       /* UTC of the last sync. */
};

struct health_server;

/* Append the body and return the status for PATH. Pure. */
unsigned health_answer(const struct health_facts *facts, const char *path, int64_t utc_ns,
                       struct text *body);

/* Listen on PORT of all addresses in NETNS_FD, coming back to HOME_FD. 0 or -errno. */
int health_server_start(int netns_fd, int home_fd, uint16_t port, struct health_server **out);
void health_server_stop(struct health_server *server); /* NULL is allowed. */
void health_server_set(struct health_server *server, const struct health_facts *facts);

int health_server_fd(const struct health_server *server);
void health_server_run(struct health_server *server);

#endif
