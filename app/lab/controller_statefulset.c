#include "lab/controller_statefulset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/object.h"

enum {
    REPLICAS_MAX = 1024
};

/* One synchronisation. */
struct sync {
    const struct revision_view *view;
    const cJSON *set;
    const cJSON **pods;                /* By ordinal; NULL: there is none. */
    int64_t count;                     /* Of them: up to the highest ordinal. */
    int64_t replicas;                  /* Wanted. */
    bool ordered;                      /* OrderedReady. */
    char current[REVISION_NAME_BYTES]; /* status.currentRevision. */
    char update[REVISION_NAME_BYTES];  /* Of the present template. */
    int64_t utc_ns;
    struct changes *changes;
};

/* The ordinal of POD; -1: it has none. */
static int64_t ordinal_of(const cJSON *set, const cJSON *pod)
{
    const char *name = object_name(pod);
    size_t size = strlen(object_name(set));
    const char *digits = name + size + 1;

    if (strncmp(name, object_name(set), size) != 0 || name[size] != '-' || digits[0] == '\0' ||
        strlen(digits) > 4 || strspn(digits, "0123456789") != strlen(digits))
        return -1;
    return strtol(digits, NULL, 10);
}

static void place_pods(struct sync *sync)
{
    const struct revision_view *view = sync->view;

    for (size_t i = 0; i < view->pod_count; i++) {
        int64_t ordinal = ordinal_of(sync->set, view->pods[i]);
        if (ordinal < 0 || ordinal >= REPLICAS_MAX)
            continue;
        sync->pods[ordinal] = view->pods[i];
        if (ordinal >= sync->count)
            sync->count = ordinal + 1;
    }
}

static bool is_healthy(const cJSON *pod)
{
    return object_pod_ready(pod) && object_pod_active(pod);
}

static bool has_revision(const cJSON *pod, const char *revision)
{
    const char *label = object_label(pod, "controller-revision-hash");
    return label != NULL && strcmp(label, revision) == 0;
}

static bool is_rolling(const cJSON *set)
{
    return strcmp(json_string(set, "spec.updateStrategy.type", "RollingUpdate"), "OnDelete") != 0;
}

static int64_t partition_of(const cJSON *set)
{
    return json_integer(set, "spec.updateStrategy.rollingUpdate.partition", 0);
}

/* While an update runs, ordinals that it has not reached are made by the old template. */
static bool is_still_current(const struct sync *sync, int64_t ordinal)
{
    int64_t partition = partition_of(sync->set);

    if (strcmp(sync->current, sync->update) == 0 || !is_rolling(sync->set))
        return false;
    if (partition > 0)
        return ordinal < partition;
    return ordinal < json_integer(sync->set, "status.currentReplicas", 0);
}

static void create_pod(struct sync *sync, int64_t ordinal)
{
    const cJSON *old = revision_template(sync->view, sync->current);
    bool current = old != NULL && is_still_current(sync, ordinal);
    const cJSON *template = current ? old : json_at(sync->set, "spec.template");
    char name[300], number[24];
    cJSON *pod, *labels;

    snprintf(number, sizeof(number), "%lld", (long long)ordinal);
    snprintf(name, sizeof(name), "%s-%s", object_name(sync->set), number);
    pod = revision_pod(sync->view, template, name, current ? sync->current : sync->update);
    labels = json_make(pod, "metadata.labels");
    object_put_string(labels, "statefulset.kubernetes.io/pod-name", name);
    object_put_string(labels, "apps.kubernetes.io/pod-index", number);
    object_put_string(json_make(pod, "spec"), "hostname", name);
    changes_create(sync->changes, STORE_POD, pod);
    changes_event(sync->changes, STORE_STATEFULSET, sync->set, "statefulset-controller", "Normal",
                  "SuccessfulCreate", sync->utc_ns, "create Pod %s in StatefulSet %s successful",
                  name, object_name(sync->set));
}

static void delete_pod(struct sync *sync, const cJSON *pod)
{
    changes_delete(sync->changes, STORE_POD, pod);
    changes_event(sync->changes, STORE_STATEFULSET, sync->set, "statefulset-controller", "Normal",
                  "SuccessfulDelete", sync->utc_ns, "delete Pod %s in StatefulSet %s successful",
                  object_name(pod), object_name(sync->set));
}

/* The ordinals that are to be. False: the rest has to wait. */
static bool fill(struct sync *sync)
{
    for (int64_t i = 0; i < sync->replicas; i++) {
        const cJSON *pod = sync->pods[i];

        if (pod == NULL)
            create_pod(sync, i);
        else if (object_pod_finished(pod) && !object_deleting(pod))
            delete_pod(sync, pod);
        else if (is_healthy(pod))
            continue;
        if (sync->ordered)
            return false;
    }
    return true;
}

/* Those that are too many, from the highest. False: the rest has to wait. */
static bool shrink(struct sync *sync)
{
    for (int64_t i = sync->count - 1; i >= sync->replicas; i--) {
        if (sync->pods[i] == NULL)
            continue;
        if (!object_deleting(sync->pods[i]))
            delete_pod(sync, sync->pods[i]);
        if (sync->ordered)
            return false;
    }
    return true;
}

static void roll(struct sync *sync)
{
    for (int64_t i = sync->replicas - 1; i >= partition_of(sync->set) && i >= 0; i--) {
        const cJSON *pod = sync->pods[i];

        if (pod != NULL && !has_revision(pod, sync->update) && !object_deleting(pod)) {
            delete_pod(sync, pod);
            return;
        }
        if (pod == NULL || !is_healthy(pod))
            return;
    }
}

static void update_status(struct sync *sync)
{
    cJSON *object = cJSON_Duplicate(sync->set, true);
    cJSON *status = json_make(object, "status");
    int64_t all = 0, ready = 0, current = 0, updated = 0;

    for (int64_t i = 0; i < sync->count; i++) {
        const cJSON *pod = sync->pods[i];
        if (pod == NULL)
            continue;
        all++;
        ready += is_healthy(pod);
        current += !object_deleting(pod) && has_revision(pod, sync->current);
        updated += !object_deleting(pod) && has_revision(pod, sync->update);
    }
    if (is_rolling(sync->set) && updated == all && ready == all && all == sync->replicas) {
        strcpy(sync->current, sync->update);
        current = updated;
    }
    object_put_integer(status, "observedGeneration",
                       json_integer(sync->set, "metadata.generation", 0));
    object_put_integer(status, "replicas", all);
    object_put_integer(status, "readyReplicas", ready);
    object_put_integer(status, "availableReplicas", ready);
    object_put_integer(status, "currentReplicas", current);
    object_put_integer(status, "updatedReplicas", updated);
    object_put_string(status, "currentRevision", sync->current);
    object_put_string(status, "updateRevision", sync->update);
    object_put_integer(status, "collisionCount", 0);
    changes_update(sync->changes, STORE_STATEFULSET, object);
}

void controller_statefulset(const struct revision_view *view, int64_t utc_ns,
                            struct changes *changes)
{
    const cJSON *set = view->set;
    struct sync sync = {.view = view,
                        .set = set,
                        .replicas = json_integer(set, "spec.replicas", 1),
                        .utc_ns = utc_ns,
                        .changes = changes};
    char hash[REVISION_HASH_BYTES];

    if (object_deleting(set) || !cJSON_IsObject(json_at(set, "spec.template")))
        return;
    if (sync.replicas > REPLICAS_MAX)
        sync.replicas = REPLICAS_MAX;
    sync.pods = calloc(REPLICAS_MAX, sizeof(*sync.pods));
    if (sync.pods == NULL)
        abort();
    sync.ordered = strcmp(json_string(set, "spec.podManagementPolicy", ""), "Parallel") != 0;
    revision_sync(view, hash, changes);
    revision_name(set, hash, sync.update);
    snprintf(sync.current, sizeof(sync.current), "%.270s",
             json_string(set, "status.currentRevision", sync.update));
    place_pods(&sync);
    if (fill(&sync) && shrink(&sync) && is_rolling(set))
        roll(&sync);
    update_status(&sync);
    free(sync.pods);
}
