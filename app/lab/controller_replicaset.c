#include "lab/controller_replicaset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/object.h"

static const int64_t second_ns = INT64_C(1000000000);

struct victim {
    const cJSON *pod;   /* An active pod. */
    int64_t rank;       /* Active pods of the application on its node. */
    int64_t cost;       /* controller.kubernetes.io/pod-deletion-cost. */
    int64_t ready_ns;   /* Since when it is ready; 0 when it is not. */
    int64_t restarts;   /* The most of its containers. */
    int64_t created_ns; /* creationTimestamp. */
    int64_t now_ns;     /* The same for all: makes ages. */
};

static int phase_order(const cJSON *pod)
{
    const char *phase = json_string(pod, "status.phase", "Pending");

    if (strcmp(phase, "Pending") == 0)
        return 0;
    return strcmp(phase, "Unknown") == 0 ? 1 : 2;
}

static int compare64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Powers of two, of ns: ages that differ by less count as equal. */
static int age_class(const struct victim *victim, int64_t since_ns)
{
    int64_t age_ns = victim->now_ns - since_ns;

    return age_ns <= 0 ? -1 : 63 - __builtin_clzll((unsigned long long)age_ns);
}

/* Younger first; ages of one class by uid; equal times say nothing (0). */
static int compare_age(const struct victim *x, int64_t x_ns, const struct victim *y, int64_t y_ns)
{
    int by_class;

    if (x_ns == y_ns)
        return 0;
    by_class = compare64(age_class(x, x_ns), age_class(y, y_ns));
    return by_class != 0 ? by_class : strcmp(object_uid(x->pod), object_uid(y->pod));
}

/* Less = deleted earlier. */
static int compare_victims(const void *a, const void *b)
{
    const struct victim *x = a, *y = b;
    int order;

    order = compare64(json_string(x->pod, "spec.nodeName", "")[0] != '\0',
                      json_string(y->pod, "spec.nodeName", "")[0] != '\0');
    if (order == 0)
        order = compare64(phase_order(x->pod), phase_order(y->pod));
    if (order == 0)
        order = compare64(x->ready_ns != 0, y->ready_ns != 0);
    if (order == 0)
        order = compare64(x->cost, y->cost);
    if (order == 0)
        order = compare64(y->rank, x->rank);
    if (order == 0)
        order = compare_age(x, x->ready_ns, y, y->ready_ns);
    if (order == 0)
        order = compare64(y->restarts, x->restarts);
    if (order == 0)
        order = compare_age(x, x->created_ns, y, y->created_ns);
    return order != 0 ? order : strcmp(object_name(x->pod), object_name(y->pod));
}

static int64_t rank_of(const cJSON *pod, const cJSON *const *related, size_t count)
{
    const char *node = json_string(pod, "spec.nodeName", "");
    int64_t rank = 0;

    for (size_t i = 0; i < count; i++) {
        if (object_pod_active(related[i]) &&
            strcmp(json_string(related[i], "spec.nodeName", ""), node) == 0)
            rank++;
    }
    return rank;
}

static int64_t restarts_of(const cJSON *pod)
{
    const cJSON *status;
    int64_t most = 0;

    cJSON_ArrayForEach(status, json_at(pod, "status.containerStatuses"))
    {
        int64_t restarts = json_integer(status, "restartCount", 0);
        if (restarts > most)
            most = restarts;
    }
    return most;
}

static int64_t ready_since_ns(const cJSON *pod)
{
    int64_t since;

    if (!object_pod_ready(pod))
        return 0;
    since = json_parse_time(json_string(object_condition(pod, "Ready"), "lastTransitionTime", ""));
    return since == INT64_MIN ? 1 : since;
}

static struct victim victim_of(const cJSON *pod, const cJSON *const *related, size_t count,
                               int64_t utc_ns)
{
    const char *cost = object_annotation(pod, "controller.kubernetes.io/pod-deletion-cost");

    return (struct victim){
        .pod = pod,
        .rank = rank_of(pod, related, count),
        .cost = cost == NULL ? 0 : strtoll(cost, NULL, 10),
        .ready_ns = ready_since_ns(pod),
        .restarts = restarts_of(pod),
        .created_ns = object_created_ns(pod),
        .now_ns = utc_ns,
    };
}

static cJSON *new_pod(const cJSON *replicaset)
{
    const cJSON *template = json_at(replicaset, "spec.template");
    cJSON *pod = object_new("v1", "Pod", object_namespace(replicaset), NULL);
    cJSON *metadata = json_make(pod, "metadata");
    char name[300];

    snprintf(name, sizeof(name), "%s-", object_name(replicaset));
    cJSON_AddStringToObject(metadata, "generateName", name);
    if (json_at(template, "metadata.labels") != NULL)
        object_put(metadata, "labels", cJSON_Duplicate(json_at(template, "metadata.labels"), true));
    if (json_at(template, "metadata.annotations") != NULL)
        object_put(metadata, "annotations",
                   cJSON_Duplicate(json_at(template, "metadata.annotations"), true));
    object_set_controller(pod, replicaset, "apps/v1", "ReplicaSet");
    cJSON_AddItemToObject(pod, "spec", cJSON_Duplicate(json_at(template, "spec"), true));
    cJSON_AddStringToObject(json_make(pod, "status"), "phase", "Pending");
    return pod;
}

static bool pod_available(const cJSON *replicaset, const cJSON *pod, int64_t utc_ns)
{
    int64_t since = ready_since_ns(pod);
    int64_t least_s = json_integer(replicaset, "spec.minReadySeconds", 0);

    return since != 0 && (least_s == 0 || since + least_s * second_ns <= utc_ns);
}

int64_t replicaset_next_available_ns(const cJSON *replicaset, const cJSON *const *pods,
                                     size_t count, int64_t utc_ns)
{
    int64_t least_s = json_integer(replicaset, "spec.minReadySeconds", 0);
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < count; i++) {
        int64_t since = ready_since_ns(pods[i]);
        if (since != 0 && object_pod_active(pods[i]) && since + least_s * second_ns > utc_ns &&
            since + least_s * second_ns < next)
            next = since + least_s * second_ns;
    }
    return next;
}

/* Go's omitempty: absent when zero. */
static void put_count(cJSON *status, const char *name, int64_t value)
{
    if (value == 0)
        cJSON_DeleteItemFromObjectCaseSensitive(status, name);
    else
        object_put_integer(status, name, value);
}

static void update_status(const cJSON *replicaset, const cJSON *const *pods, size_t count,
                          int64_t utc_ns, struct changes *changes)
{
    const cJSON *labels = json_at(replicaset, "spec.template.metadata.labels");
    int64_t active = 0, labeled = 0, ready = 0, available = 0, terminating = 0;
    cJSON *object = cJSON_Duplicate(replicaset, true);
    cJSON *status = json_make(object, "status");

    for (size_t i = 0; i < count; i++) {
        if (object_deleting(pods[i]) && !object_pod_finished(pods[i]))
            terminating++;
        if (!object_pod_active(pods[i]))
            continue;
        active++;
        labeled += object_labels_match(labels, pods[i]);
        ready += object_pod_ready(pods[i]);
        available += pod_available(replicaset, pods[i], utc_ns);
    }
    object_put_integer(status, "replicas", active);
    put_count(status, "fullyLabeledReplicas", labeled);
    put_count(status, "readyReplicas", ready);
    put_count(status, "availableReplicas", available);
    object_put_integer(status, "terminatingReplicas", terminating);
    object_put_integer(status, "observedGeneration",
                       json_integer(replicaset, "metadata.generation", 0));
    changes_update(changes, STORE_REPLICASET, object);
}

static void create_pods(const cJSON *replicaset, int64_t count, struct changes *changes)
{
    for (int64_t i = 0; i < count; i++)
        changes_create(changes, STORE_POD, new_pod(replicaset));
}

static void delete_pods(const cJSON *replicaset, struct victim *victims, size_t active,
                        size_t surplus, int64_t utc_ns, struct changes *changes)
{
    qsort(victims, active, sizeof(*victims), compare_victims);
    for (size_t i = 0; i < surplus; i++) {
        changes_delete(changes, STORE_POD, victims[i].pod);
        changes_event(changes, STORE_REPLICASET, replicaset, "replicaset-controller", "Normal",
                      "SuccessfulDelete", utc_ns, "Deleted pod: %s", object_name(victims[i].pod));
    }
}

void controller_replicaset(const cJSON *replicaset, const cJSON *const *pods, size_t count,
                           const cJSON *const *related, size_t related_count, int64_t utc_ns,
                           struct changes *changes)
{
    int64_t wanted = json_integer(replicaset, "spec.replicas", 1);
    struct victim *victims = calloc(count + 1, sizeof(*victims));
    size_t active = 0;

    if (victims == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        if (object_pod_active(pods[i]))
            victims[active++] = victim_of(pods[i], related, related_count, utc_ns);
    }
    if (!object_deleting(replicaset)) {
        if ((int64_t)active < wanted)
            create_pods(replicaset, wanted - (int64_t)active, changes);
        else if ((int64_t)active > wanted && wanted >= 0)
            delete_pods(replicaset, victims, active, active - (size_t)wanted, utc_ns, changes);
    }
    update_status(replicaset, pods, count, utc_ns, changes);
    free(victims);
}
