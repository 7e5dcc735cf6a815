#include "lab/controller_daemonset.h"

#include <stdio.h>
#include <string.h>

#include "lab/object.h"
#include "lab/scheduler.h"

/* What the status says. */
struct counts {
    int64_t desired;   /* Nodes that are to have a pod. */
    int64_t current;   /* Those that have one. */
    int64_t misplaced; /* Nodes that have one and are not to. */
    int64_t ready;     /* Nodes with a ready one. */
    int64_t updated;   /* Nodes with one of the present template. */
};

/* One synchronisation. */
struct sync {
    const struct revision_view *view;
    const cJSON *const *nodes;
    size_t node_count;
    char hash[REVISION_HASH_BYTES]; /* Of the present template. */
    cJSON *pattern;                 /* A pod of it, for the scheduler to judge nodes by. */
    struct counts counts;
    bool acted; /* Pods were made or removed. */
    int64_t utc_ns;
    struct changes *changes;
};

/* What a real controller adds to each pod's tolerations. */
static void add_tolerations(cJSON *spec)
{
    static const struct {
        const char *key, *effect;
    } rows[] = {
        {"node.kubernetes.io/not-ready", "NoExecute"},
        {"node.kubernetes.io/unreachable", "NoExecute"},
        {"node.kubernetes.io/disk-pressure", "NoSchedule"},
        {"node.kubernetes.io/memory-pressure", "NoSchedule"},
        {"node.kubernetes.io/pid-pressure", "NoSchedule"},
        {"node.kubernetes.io/unschedulable", "NoSchedule"},
    };
    cJSON *list = cJSON_GetObjectItemCaseSensitive(spec, "tolerations");

    if (list == NULL)
        list = cJSON_AddArrayToObject(spec, "tolerations");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cJSON *toleration = cJSON_CreateObject();
        cJSON_AddStringToObject(toleration, "key", rows[i].key);
        cJSON_AddStringToObject(toleration, "operator", "Exists");
        cJSON_AddStringToObject(toleration, "effect", rows[i].effect);
        cJSON_AddItemToArray(list, toleration);
    }
}

/* NODE only: instead of what the template requires, which the node was held against before. */
static void bind_to(cJSON *pod, const char *node)
{
    cJSON *required =
        json_make(pod, "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    cJSON *terms = cJSON_CreateArray(), *term = cJSON_CreateObject(), *field;

    field = cJSON_CreateObject();
    cJSON_AddStringToObject(field, "key", "metadata.name");
    cJSON_AddStringToObject(field, "operator", "In");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(field, "values"), cJSON_CreateString(node));
    cJSON_AddItemToArray(cJSON_AddArrayToObject(term, "matchFields"), field);
    cJSON_AddItemToArray(terms, term);
    object_put(required, "nodeSelectorTerms", terms);
}

/* The node that POD is on, or is meant for. */
static const char *node_of(const cJSON *pod)
{
    const cJSON *terms = json_at(pod, "spec.affinity.nodeAffinity."
                                      "requiredDuringSchedulingIgnoredDuringExecution."
                                      "nodeSelectorTerms");
    const cJSON *field =
        cJSON_GetArrayItem(json_at(cJSON_GetArrayItem(terms, 0), "matchFields"), 0);
    const char *meant = cJSON_GetStringValue(cJSON_GetArrayItem(json_at(field, "values"), 0));
    const char *name = json_string(pod, "spec.nodeName", "");

    return name[0] != '\0' || meant == NULL ? name : meant;
}

static const cJSON *pod_on(const struct sync *sync, const char *node)
{
    for (size_t i = 0; i < sync->view->pod_count; i++) {
        if (strcmp(node_of(sync->view->pods[i]), node) == 0)
            return sync->view->pods[i];
    }
    return NULL;
}

static bool is_updated(const struct sync *sync, const cJSON *pod)
{
    const char *label = object_label(pod, "controller-revision-hash");
    return label != NULL && strcmp(label, sync->hash) == 0;
}

static bool is_ready(const cJSON *pod)
{
    return pod != NULL && object_pod_ready(pod) && object_pod_active(pod);
}

static void delete_pod(struct sync *sync, const cJSON *pod)
{
    sync->acted = true;
    changes_delete(sync->changes, STORE_POD, pod);
    changes_event(sync->changes, STORE_DAEMONSET, sync->view->set, "daemonset-controller", "Normal",
                  "SuccessfulDelete", sync->utc_ns, "Deleted pod: %s", object_name(pod));
}

static void create_pod(struct sync *sync, const char *node)
{
    cJSON *pod = cJSON_Duplicate(sync->pattern, true);

    sync->acted = true;
    bind_to(pod, node);
    changes_create(sync->changes, STORE_POD, pod);
}

static void count(struct sync *sync, bool wanted, const cJSON *pod)
{
    struct counts *counts = &sync->counts;

    counts->desired += wanted;
    if (pod == NULL || object_deleting(pod))
        return;
    counts->misplaced += !wanted;
    counts->current += wanted;
    counts->ready += wanted && is_ready(pod);
    counts->updated += wanted && is_updated(sync, pod);
}

/* One pod on each node that is to have one, none elsewhere. */
static void manage(struct sync *sync)
{
    for (size_t i = 0; i < sync->node_count; i++) {
        const cJSON *node = sync->nodes[i];
        const cJSON *pod = pod_on(sync, object_name(node));
        bool wanted = scheduler_admits(node, sync->pattern);

        count(sync, wanted, pod);
        if (wanted && pod == NULL)
            create_pod(sync, object_name(node));
        else if (pod != NULL && !object_deleting(pod) && (!wanted || object_pod_finished(pod)))
            delete_pod(sync, pod);
    }
}

static void roll(struct sync *sync)
{
    const cJSON *most =
        json_at(sync->view->set, "spec.updateStrategy.rollingUpdate.maxUnavailable");
    int64_t room = object_int_or_percent(most, sync->counts.desired, true, "1");

    room = (room > 0 ? room : 1) - (sync->counts.desired - sync->counts.ready);
    for (size_t i = 0; i < sync->view->pod_count; i++) {
        const cJSON *pod = sync->view->pods[i];

        if (object_deleting(pod) || is_updated(sync, pod) || (is_ready(pod) && room <= 0))
            continue;
        room -= is_ready(pod);
        delete_pod(sync, pod);
    }
}

static void update_status(struct sync *sync)
{
    cJSON *object = cJSON_Duplicate(sync->view->set, true);
    cJSON *status = json_make(object, "status");
    const struct counts *counts = &sync->counts;

    object_put_integer(status, "currentNumberScheduled", counts->current);
    object_put_integer(status, "numberMisscheduled", counts->misplaced);
    object_put_integer(status, "desiredNumberScheduled", counts->desired);
    object_put_integer(status, "numberReady", counts->ready);
    object_put_integer(status, "observedGeneration",
                       json_integer(sync->view->set, "metadata.generation", 0));
    object_put_integer(status, "updatedNumberScheduled", counts->updated);
    object_put_integer(status, "numberAvailable", counts->ready);
    object_put_integer(status, "numberUnavailable", counts->desired - counts->ready);
    changes_update(sync->changes, STORE_DAEMONSET, object);
}

void controller_daemonset(const struct revision_view *view, const cJSON *const *nodes,
                          size_t node_count, int64_t utc_ns, struct changes *changes)
{
    const cJSON *template = json_at(view->set, "spec.template");
    struct sync sync = {.view = view,
                        .nodes = nodes,
                        .node_count = node_count,
                        .utc_ns = utc_ns,
                        .changes = changes};

    if (object_deleting(view->set) || !cJSON_IsObject(template))
        return;
    revision_sync(view, sync.hash, changes);
    sync.pattern = revision_pod(view, template, NULL, sync.hash);
    add_tolerations(json_make(sync.pattern, "spec"));
    manage(&sync);
    if (!sync.acted &&
        strcmp(json_string(view->set, "spec.updateStrategy.type", ""), "OnDelete") != 0)
        roll(&sync);
    update_status(&sync);
    cJSON_Delete(sync.pattern);
}
