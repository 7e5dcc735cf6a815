#include "kube/rollout.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    CAUSES_MAX = 16,
    POD_BYTES = 256,  /* Of what the pod says, */
    NODE_BYTES = 128, /* and of what its node adds. */
    CAUSE_BYTES = POD_BYTES + NODE_BYTES
};

/* Pods that are not ready for the same reason. */
struct cause {
    char text[CAUSE_BYTES];
    unsigned pods;
    const char *example; /* Name of one of them. */
};

static bool waits_for_old(const struct kube_object *workload);
static void judge(const struct kube_workload *workload, struct kube_rollout *out);
static void add_cause(struct cause *causes, unsigned *count, const struct kube_object *pod,
                      const struct kube_cache *nodes);
static void add_node(const struct kube_pod *pod, const struct kube_cache *nodes, char *why,
                     size_t bytes);

void kube_rollout_status(const struct kube_object *deployment, struct kube_rollout *out)
{
    assert(kube_kind_is_workload(deployment->kind));
    const struct kube_workload *spec = &deployment->workload;
    *out = (struct kube_rollout){
        .replicas = spec->replicas,
        .updated = spec->updated_replicas,
        .old = spec->status_replicas - spec->updated_replicas,
        .available = spec->available_replicas,
    };
    if (out->old < 0)
        out->old = 0;
    if (deployment->meta.generation > spec->observed_generation) {
        out->state = KUBE_ROLLOUT_PROGRESSING;
        snprintf(out->text, sizeof(out->text), "the controller has not seen the change yet");
        return;
    }
    judge(spec, out);
}

void kube_rollout_reasons(const struct kube_object *deployment, const struct kube_cache *pods,
                          const struct kube_cache *nodes, struct text *out)
{
    struct cause causes[CAUSES_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < pods->count; i++) {
        const struct kube_object *pod = pods->objects[i];
        if (strcmp(pod->meta.namespace, deployment->meta.namespace) == 0 &&
            kube_labels_match(&deployment->workload.selector, &pod->meta.labels) &&
            (kube_object_terminating(pod) ? waits_for_old(deployment) : !pod->pod.ready))
            add_cause(causes, &count, pod, nodes);
    }
    const struct kube_condition *refused =
        kube_condition_find(&deployment->workload.conditions, "ReplicaFailure");
    if (refused != NULL && strcmp(refused->status, "True") == 0)
        text_addf(out, "pods cannot be made: %s: %s%s", refused->reason, refused->message,
                  count > 0 ? "\n" : "");
    for (unsigned i = 0; i < count; i++)
        text_addf(out, "%s%u pod%s not ready (%s): %s", i > 0 ? "\n" : "", causes[i].pods,
                  causes[i].pods == 1 ? "" : "s", causes[i].example, causes[i].text);
}

/* A pod comes only when the one that it follows is gone. */
static bool waits_for_old(const struct kube_object *workload)
{
    return workload->kind != KUBE_DEPLOYMENT || workload->workload.strategy == KUBE_RECREATE;
}

static void judge(const struct kube_workload *workload, struct kube_rollout *out)
{
    const struct kube_condition *progressing =
        kube_condition_find(&workload->conditions, "Progressing");
    int64_t kept = workload->replicas - workload->to_update; /* By a partition. */
    bool rests = workload->paused || workload->strategy == KUBE_ON_DELETE;
    out->state = rests ? KUBE_ROLLOUT_PAUSED : KUBE_ROLLOUT_PROGRESSING;
    if (progressing != NULL && strcmp(progressing->reason, "ProgressDeadlineExceeded") == 0) {
        out->state = KUBE_ROLLOUT_FAILED;
        snprintf(out->text, sizeof(out->text), "no progress for %" PRId64 " s: %s",
                 workload->progress_deadline_s, progressing->message);
    } else if (out->updated < workload->to_update) {
        snprintf(out->text, sizeof(out->text), "%" PRId64 " of %" PRId64 " new pods are made%s",
                 out->updated, workload->to_update,
                 workload->strategy == KUBE_ON_DELETE
                     ? "; updateStrategy OnDelete: an old pod stays until somebody deletes it"
                     : "");
    } else if (out->updated > out->replicas) {
        snprintf(out->text, sizeof(out->text), "%" PRId64 " pods are too many by now",
                 out->updated - out->replicas);
    } else if (out->old > kept) {
        snprintf(out->text, sizeof(out->text), "%" PRId64 " old pod%s still to go", out->old - kept,
                 out->old - kept == 1 ? "" : "s");
    } else if (out->available < out->replicas) {
        snprintf(out->text, sizeof(out->text), "%" PRId64 " of %" PRId64 " %s are available",
                 out->available, out->replicas, kept > 0 ? "pods" : "new pods");
    } else {
        out->state = KUBE_ROLLOUT_COMPLETE;
        snprintf(out->text, sizeof(out->text), "all %" PRId64 " pods are new and available%s",
                 workload->to_update, kept > 0 ? ", and those below the partition are" : "");
    }
}

static void add_cause(struct cause *causes, unsigned *count, const struct kube_object *pod,
                      const struct kube_cache *nodes)
{
    char why[CAUSE_BYTES];
    if (kube_object_terminating(pod))
        snprintf(why, sizeof(why), "terminating, and not gone yet");
    else
        kube_pod_why_not_ready(&pod->pod, why, POD_BYTES);
    add_node(&pod->pod, nodes, why, sizeof(why));
    for (unsigned i = 0; i < *count; i++) {
        if (strcmp(causes[i].text, why) == 0) {
            causes[i].pods++;
            return;
        }
    }
    if (*count == CAUSES_MAX)
        return;
    causes[*count] = (struct cause){.pods = 1, .example = pod->meta.name};
    memcpy(causes[*count].text, why, sizeof(why));
    (*count)++;
}

/* What a pod says is old when its node's kubelet says nothing more. */
static void add_node(const struct kube_pod *pod, const struct kube_cache *nodes, char *why,
                     size_t bytes)
{
    char reason[NODE_BYTES / 2];
    size_t size = strlen(why);
    const struct kube_object *node =
        pod->node[0] == '\0' ? NULL : kube_cache_find(nodes, "", pod->node);
    if (pod->node[0] != '\0' && node == NULL && nodes->count > 0) {
        snprintf(why + size, bytes - size, "; there is no node %s", pod->node);
    } else if (node != NULL && !node->node.ready) {
        kube_node_why_not_ready(&node->node, reason, sizeof(reason));
        snprintf(why + size, bytes - size, "; node %s is not ready (%s)", pod->node, reason);
    }
}
