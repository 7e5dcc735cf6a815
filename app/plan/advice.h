/* advice.h - what in a Deployment's manifest will lose traffic when its pods are replaced, and the
 * patch that mends it.
 *
 * Told apart by whom it hits: new connections (and requests on connections of their own), which a
 * preStop hook saves, and held ones, which it does not: they end with their pod, whatever the
 * manifest says, unless the application or its clients move them.
 *
 * The patch is a part of the Deployment with apiVersion, kind and metadata, so that it can be
 * applied as well as given to `kubectl patch --patch-file` (a strategic merge patch). After it
 * stands the PodDisruptionBudget, whole when there is none: `kubectl patch` reads the first
 * document alone, an apply both. What neither mends (the application, one replica) is advice
 * without a patch.
 *
 * Threads: pure. Memory: malloc; advice_free(). Sources: each advice names its Kubernetes document.
 */
#ifndef PLAN_ADVICE_H
#define PLAN_ADVICE_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "plan/manifest.h"

enum {
    ADVICE_MAX = 64
};

/* What a manifest does not say. */
struct advice_conditions {
    int64_t removal_ns; /* Longest until nobody sends to a pod that was told to end: proxies, and
                           an ingress. */
    int64_t probe_ns;   /* Longest until a balancer in front takes a node out; 0: there is none. */
    int64_t request_ns; /* The longest request. */
};

/* Whom it hits. */
enum advice_hits {
    ADVICE_NEW = 1,  /* New connections. */
    ADVICE_HELD = 2, /* Held ones. */
    ADVICE_BOTH = 3,
};

struct advice_item {
    enum advice_hits hits;
    bool certain;         /* Traffic will be lost; else it can be. */
    char what[160];       /* Where, and what is wrong. */
    char why[400];        /* What it does to traffic. */
    const char *document; /* URL. */
};

struct advice {
    char name[254]; /* The Deployment's. */
    uint32_t count;
    struct advice_item items[ADVICE_MAX];
    cJSON *patch;  /* Of the Deployment; NULL: nothing that it could mend. */
    cJSON *budget; /* To be applied; NULL likewise. */
};

/* About DEPLOYMENT of MANIFEST, whose Services, PodDisruptionBudgets and Nodes count as well. 0, or
 * -errno with ERR. */
int advice_make(const struct manifest *manifest, const cJSON *deployment,
                const struct advice_conditions *conditions, struct advice *out, struct error *err);
void advice_free(struct advice *advice);
/* For people. */
void advice_print(const struct advice *advice, struct text *out);
/* Append what mends it, one YAML document each. False: there is nothing. */
bool advice_print_patch(const struct advice *advice, struct text *out);

#endif
