/* predict.h - how many connections a rolling upgrade will break, as a distribution.
 *
 * A seeded Monte Carlo simulation of the rollout's events, RUNS times over: the controller creates
 * and deletes by plan/rollout; a new pod becomes ready; an endpoint enters or leaves the slice; the
 * proxy applies what it knows, at most so often; a deleted pod's preStop begins, ends, and its
 * connections close; each closed connection reconnects at once to the endpoint that the scheduler
 * picks from the rules as they are at that instant. Every pod's connections break when it closes,
 * so the perfect score is CONNECTIONS; what is more broke twice, having landed on a pod that was
 * still to go.
 *
 * Events of one instant happen in random order: of connections that break at the instant when the
 * rules change, half see the old rules. What follows without any delay belongs to the same event.
 * Which old pod goes next is random. One proxy is simulated: with ECMP over nodes the spread is a
 * little larger.
 *
 * Threads: pure; well under a second, a few seconds at the limits. Memory: the result holds one
 * number a run.
 */
#ifndef PLAN_PREDICT_H
#define PLAN_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "plan/rollout.h"

enum {
    PREDICT_REPLICAS_MAX = 512,
    PREDICT_CONNECTIONS_MAX = 100000,
    PREDICT_RUNS = 2000
};

enum predict_scheduler {
    PREDICT_RR,     /* Round robin with a counter that outlives changes of the rules. */
    PREDICT_LC,     /* Least connections. */
    PREDICT_RANDOM, /* Each endpoint equally likely. */
};

/* A delay drawn evenly from [low, high]. */
struct predict_range {
    int64_t low_ns;  /* At least 0. */
    int64_t high_ns; /* At least low_ns. */
};

struct predict_delays {
    struct predict_range controller;           /* A change to what the controllers do about it. */
    struct predict_range pod_ready;            /* Creation to Ready published. */
    struct predict_range endpoint_ready;       /* Ready to ready in the EndpointSlice. */
    struct predict_range endpoint_terminating; /* Deletion to terminating in the EndpointSlice. */
    struct predict_range stop_start;           /* Deletion to the start of preStop (or SIGTERM). */
    struct predict_range object_gone;          /* Process ended to object gone; nothing waits for
                                                  it here, it is part of the profile. */
    struct predict_range proxy_apply;          /* A change in the slice to the proxy's sync, which
                                            takes all that is in the slice by then. */
    int64_t proxy_interval_ns;                 /* A sync at most once in this, on average ... */
    uint32_t proxy_burst;                      /* ... with so many at once after a rest. */
    bool terminating_endpoints; /* With no ready endpoint, terminating ones are used. */
};

/* The lab's profiles, as docs/lab.md lists them. */
struct predict_profile {
    const char *name;             /* "ideal", "kubeadm", "aks-2019". */
    struct predict_delays delays; /* Its delays. */
};

struct predict_input {
    enum predict_scheduler scheduler; /* How the proxy chooses. */
    struct rollout_limits limits;     /* Replicas and what may surge or be missing. */
    uint32_t connections;             /* Held all along, spread by the scheduler at the start. */
    int64_t pre_stop_ns;              /* preStop's duration. */
    int64_t grace_ns;             /* terminationGracePeriodSeconds: preStop ends then at last. */
    struct predict_range drain;   /* SIGTERM to connections closed; cut by the grace period. */
    int64_t min_ready_ns;         /* minReadySeconds: ready so long before it is available. */
    struct predict_delays delays; /* Of the cluster. */
    uint32_t runs;                /* 0: PREDICT_RUNS, or fewer with very many connections. */
    uint64_t seed;                /* Equal input, equal result. */
};

struct predict_result {
    uint32_t runs;               /* Simulated. */
    uint32_t *broken;            /* Broken connections of each run, ascending. */
    double mean;                 /* Of broken. */
    double stdev;                /* Of broken. */
    uint32_t min;                /* The least of broken. */
    uint32_t p1;                 /* predict_quantile() of 0.01. */
    uint32_t p50;                /* Of 0.5. */
    uint32_t p99;                /* Of 0.99. */
    uint32_t max;                /* The most of broken. */
    double failed_connects_mean; /* Attempts that met a pod already gone, a run. */
    double duration_mean_ns;     /* From the first creation to the last old pod's close. */
};

const struct predict_profile *predict_profiles(size_t *count);
/* NULL when there is none of that name. */
const struct predict_profile *predict_profile_find(const char *name);

/* 0; -EINVAL with ERR for input out of range (what and by how much); -ENOMEM. */
int predict_broken(const struct predict_input *input, struct predict_result *out,
                   struct error *err);
/* The smallest count that at least FRACTION of all runs do not exceed. */
uint32_t predict_quantile(const struct predict_result *result, double fraction);
/* Runs with exactly BROKEN broken connections: the histogram. */
uint32_t predict_runs_at(const struct predict_result *result, uint32_t broken);
void predict_result_free(struct predict_result *result);

#endif
