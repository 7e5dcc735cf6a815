/* pair.h - a client worker and a responder, each on a core of its own, back to back: the worker on
 * virtio-user (packed ring, vectorized), the responder on the vhost at the other end of its socket,
 * both in this process. Checksums are made and verified in software.
 *
 *     pair_open(&pair, &server, &err);
 *     struct worker_config config = pair_config(&pair);
 *     ... config.traffic.streams[0] = ...: its target is pair.target ...
 *     pair_start(&pair, &config, &err);
 *     ... measure, with pair_wait() in between or the records taken by the caller ...
 *     pair_close(&pair);
 *
 * Threads: all functions are for the control thread. The EAL is started here.
 */
#ifndef TESTS_BENCH_SHARED_PAIR_H
#define TESTS_BENCH_SHARED_PAIR_H

#include "base/clock.h"
#include "net/net_setup.h"
#include "worker/responder.h"
#include "worker/worker.h"

enum {
    PAIR_PATH_BYTES = 96
};

struct pair {
    struct clock clock;
    bool eal;                     /* It was started. */
    char folder[PAIR_PATH_BYTES]; /* The socket's. */
    struct net_port *near;        /* The worker's, */
    struct net_port *far;         /* and the responder's. */
    struct prefix clients;
    struct traffic_target target; /* The responder, at its first listener's port. */
    struct responder *responder;
    struct worker *worker; /* After pair_start(). */
};

/* CPUS[0] is the worker's, CPUS[1] the responder's. 0 or -1 with ERR. */
int pair_open(struct pair *pair, const int cpus[2], const struct server_config *server,
              struct error *err);
/* Of a worker with one stream, which is the caller's to fill in. */
struct worker_config pair_config(const struct pair *pair);
int pair_start(struct pair *pair, const struct worker_config *config, struct error *err);
/* Let it run for MS, taking its records as a run's control thread does, but writing none. */
void pair_wait(struct pair *pair, unsigned ms);
/* Whatever was opened. */
void pair_close(struct pair *pair);

#endif
