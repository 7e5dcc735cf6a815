/* manifest.h - Kubernetes manifests, read from YAML (or JSON, which is YAML) into cJSON.
 *
 * For run/, which applies them with the experiment's rollout written over, and for predict, which
 * wants what a Deployment says about stopping and readiness. base/yaml_tree reads, types scalars as
 * kubectl does and bounds what hostile files can do.
 *
 * Threads: pure. Memory: malloc; manifest_free(). Full: refused, with file and line.
 */
#ifndef PLAN_MANIFEST_H
#define PLAN_MANIFEST_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "plan/rollout.h"

enum {
    MANIFEST_BYTES_MAX = 4 << 20,
    MANIFEST_DOCUMENTS_MAX = 4096
};

struct manifest {
    uint32_t count;                         /* Of objects. */
    cJSON *objects[MANIFEST_DOCUMENTS_MAX]; /* Each has apiVersion, kind and metadata.name; a List
                                                  is taken apart. Empty documents are left out. */
    bool old_budgets; /* Of a cluster that has PodDisruptionBudgets of policy/v1beta1 alone (before
                         1.21). */
};

/* What a Deployment says about a rolling update. */
struct manifest_deployment {
    const char *name;                      /* Points into the object. */
    uint32_t replicas;                     /* 1 when absent, as in Kubernetes. */
    bool recreate;                         /* strategy.type is Recreate. */
    struct rollout_amount max_surge;       /* Not given: Kubernetes' default. */
    struct rollout_amount max_unavailable; /* Likewise. */
    int64_t min_ready_ns;                  /* minReadySeconds. */
    int64_t grace_ns;                      /* terminationGracePeriodSeconds; 30 s when absent. */
    bool pre_stop;                         /* Some container has a preStop hook. */
    bool pre_stop_known;                   /* Its duration is plain: none, a sleep action, or an
                                              exec that is a sleep. */
    int64_t pre_stop_ns;                   /* The longest of all containers; 0 if unknown. */
    bool readiness_probe;                  /* Every container has one. */
    int64_t readiness_delay_ns;            /* The longest initialDelaySeconds. */
};

/* NAME stands for the file in messages. 0 or -errno with ERR ("FILE: line L, column C: ..."). */
int manifest_parse(const char *name, const char *bytes, size_t size, struct manifest *out,
                   struct error *err);
int manifest_load(const char *path, struct manifest *out, struct error *err);
void manifest_free(struct manifest *manifest);

/* The object, or NULL. NAME NULL: the only one of that kind (NULL when there are several). */
cJSON *manifest_find(const struct manifest *manifest, const char *kind, const char *name);
/* 0, or -EINVAL with ERR when the object is no Deployment that could be applied. */
int manifest_read_deployment(const cJSON *object, struct manifest_deployment *out,
                             struct error *err);
/* Write replicas (0: leave) and the amounts (not given: leave) over a Deployment. 0 or -ENOMEM. */
int manifest_write_rollout(cJSON *deployment, uint32_t replicas,
                           const struct rollout_amount *max_surge,
                           const struct rollout_amount *max_unavailable);

#endif
