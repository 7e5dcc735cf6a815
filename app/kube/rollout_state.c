#include "kube/rollout_state.h"

#include <errno.h>

static int judge(const struct kube *kube, const struct kube_object *object, bool over_time,
                 struct kube_rollout *rollout, struct error *err);

int kube_rollout_state(const struct kube *kube, enum kube_kind kind, const char *namespace,
                       const char *name, const struct kube_result *since, bool over_time,
                       struct kube_rollout *out, struct error *err)
{
    const struct kube_object *object = kube_find(kube, kind, namespace, name);
    const char *word = kube_resource_of(kind)->name;
    const char *trouble = kube_trouble_of(kube, kind);
    bool synced = kube_synced(kube);
    *out = (struct kube_rollout){.state = KUBE_ROLLOUT_PROGRESSING, .text = "not seen yet"};
    if (trouble[0] == '\0')
        trouble = kube_trouble_of(kube, KUBE_POD);
    if (synced && trouble[0] != '\0')
        return error_set(err, EXIT_ENVIRONMENT, -EACCES, "%s", trouble);
    if (synced && object == NULL)
        return error_set(err, EXIT_USAGE, -ENOENT, "there is no %s %s in namespace %s", word, name,
                         namespace == NULL ? kube_namespace(kube) : namespace);
    if (object != NULL && (since == NULL || kube_caught_up(kube, since)))
        return judge(kube, object, over_time, out, err);
    if (!over_time)
        return 1;
    return error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "%s %s cannot be followed in time%s%s",
                     word, name, trouble[0] == '\0' ? "" : ": ", trouble);
}

/* 0 when it is complete, 1 while it may still become so. */
static int judge(const struct kube *kube, const struct kube_object *object, bool over_time,
                 struct kube_rollout *rollout, struct error *err)
{
    struct text reasons = {0};
    kube_rollout_status(object, rollout);
    bool failed = rollout->state == KUBE_ROLLOUT_FAILED;
    bool paused = rollout->state == KUBE_ROLLOUT_PAUSED;
    if (rollout->state == KUBE_ROLLOUT_COMPLETE)
        return 0;
    if (!(failed || paused || over_time))
        return 1;
    kube_rollout_reasons(object, kube_objects(kube, KUBE_POD), kube_objects(kube, KUBE_NODE),
                         &reasons);
    error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "rollout of %s %s/%s %s: %s%s%s",
              kube_resource_of(object->kind)->name, object->meta.namespace, object->meta.name,
              failed   ? "failed"
              : paused ? "is paused"
                       : "is not over within its deadline",
              rollout->text, reasons.size > 0 ? "\n" : "", text_str(&reasons));
    text_free(&reasons);
    return failed || paused ? -ECANCELED : -ETIMEDOUT;
}
