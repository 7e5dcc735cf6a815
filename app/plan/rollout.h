/* rollout.h - the arithmetic of a Deployment's rolling update.
 *
 * What Kubernetes' deployment controller computes from replicas, maxSurge and maxUnavailable:
 *
 *     surge       = ceil(replicas * maxSurge %)           or the number
 *     unavailable = floor(replicas * maxUnavailable %)    or the number
 *     both 0 after rounding: unavailable = 1
 *     min_available = replicas - min(unavailable, replicas)
 *     max_total     = replicas + surge
 *
 * and in each of its turns, how many new pods it creates and how many old ones it deletes.
 * Terminating pods count in neither. Source: Kubernetes, Deployments, "Rolling Update Deployment";
 * its API's validation for what is refused.
 *
 * Threads: pure values.
 */
#ifndef PLAN_ROLLOUT_H
#define PLAN_ROLLOUT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* An IntOrString: 1 or "25%". */
struct rollout_amount {
    bool given;     /* False: Kubernetes' default, 25 %. */
    bool percent;   /* value is a percentage of replicas. */
    uint32_t value; /* 0..1000000; of maxUnavailable at most 100 %. */
};

struct rollout_limits {
    uint32_t replicas;      /* Wanted. */
    uint32_t surge;         /* Pods over replicas at most. */
    uint32_t unavailable;   /* Pods under replicas at most; never more than replicas. */
    uint32_t min_available; /* replicas - unavailable. */
    uint32_t max_total;     /* replicas + surge. */
};

/* What the controller sees, without terminating pods. */
struct rollout_state {
    uint32_t new_pods;      /* Of the new ReplicaSet. */
    uint32_t new_available; /* Of these, available. */
    uint32_t old_pods;      /* Of all old ReplicaSets. */
    uint32_t old_available; /* Of these, available. */
};

/* An integer, or a string with a percentage; a string without one is refused, as the API server
 * does. 0 or -EINVAL. */
int rollout_read_amount(const cJSON *item, struct rollout_amount *out);
/* For JSON again; NULL when not given, or out of memory. */
cJSON *rollout_print_amount(const struct rollout_amount *amount);

/* 0; or -EINVAL with ERR when both amounts are given as 0 (or 0 %), or maxUnavailable is over 100
 * %, as the API server refuses them. */
int rollout_resolve(uint32_t replicas, const struct rollout_amount *max_surge,
                    const struct rollout_amount *max_unavailable, struct rollout_limits *out,
                    struct error *err);

/* New pods to create now. */
uint32_t rollout_scale_up(const struct rollout_limits *limits, const struct rollout_state *state);
/* Old pods to delete now; the ones that are not available go first. */
uint32_t rollout_scale_down(const struct rollout_limits *limits, const struct rollout_state *state);

#endif
