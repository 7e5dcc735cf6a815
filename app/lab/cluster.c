#include "lab/cluster.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/collector.h"
#include "lab/controller_daemonset.h"
#include "lab/controller_deployment.h"
#include "lab/controller_disruption.h"
#include "lab/controller_endpointslice.h"
#include "lab/controller_node.h"
#include "lab/controller_replicaset.h"
#include "lab/controller_statefulset.h"
#include "lab/fabric.h"
#include "lab/object.h"
#include "lab/scheduler.h"

enum {
    SLICES_TERMINATING_SINCE = 22 /* EndpointSliceTerminatingCondition was on by default. */
};

static const int64_t second_ns = INT64_C(1000000000);

struct list {
    const cJSON **items; /* Objects of the store. */
    size_t count;
    size_t capacity;
};

static void list_add(struct list *list, const cJSON *object)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        list->items = realloc(list->items, list->capacity * sizeof(*list->items));
        if (list->items == NULL)
            abort();
    }
    list->items[list->count++] = object;
}

/* Objects of KIND in NAMESPACE ("": all) that OWNER controls (NULL: all). */
static struct list list_select(const struct cluster *cluster, enum store_kind kind,
                               const char *namespace, const char *owner)
{
    struct list list = {0};
    const cJSON *object = NULL;

    while ((object = store_next(cluster->store, kind, namespace, object)) != NULL) {
        if (owner == NULL || strcmp(object_controller_uid(object), owner) == 0)
            list_add(&list, object);
    }
    return list;
}

static void parse_pool(const char *text, struct prefix *out)
{
    int rc = prefix_parse(text, out, NULL);

    assert(rc == 0);
    (void)rc;
}

void cluster_init(struct cluster *cluster, struct store *store, const struct profile *profile,
                  struct random *random, unsigned minor)
{
    *cluster =
        (struct cluster){.store = store, .profile = profile, .random = random, .minor = minor};
    parse_pool(FABRIC_CLUSTER_V4, &cluster->pools.cluster_v4);
    parse_pool(FABRIC_CLUSTER_V6, &cluster->pools.cluster_v6);
    parse_pool(FABRIC_VIPS_V4, &cluster->pools.vip_v4);
    parse_pool(FABRIC_VIPS_V6, &cluster->pools.vip_v6);
    cluster->work = calloc(CLUSTER_WORK_MAX, sizeof(*cluster->work));
    cluster->events = calloc(CLUSTER_EVENTS_MAX, sizeof(*cluster->events));
    if (cluster->work == NULL || cluster->events == NULL)
        abort();
}

void cluster_free(struct cluster *cluster)
{
    free(cluster->work);
    free(cluster->events);
    cluster->work = NULL;
    cluster->events = NULL;
}

static bool work_is(const struct cluster_work *work, enum store_kind kind, bool slices,
                    const char *namespace, const char *name)
{
    return work->kind == kind && work->slices == slices && strcmp(work->name, name) == 0 &&
           strcmp(work->namespace, namespace) == 0;
}

static void want(struct cluster *cluster, enum store_kind kind, bool slices, const char *namespace,
                 const char *name, int64_t due_ns)
{
    struct cluster_work *work;

    for (size_t i = 0; i < cluster->count; i++) {
        work = &cluster->work[i];
        if (work_is(work, kind, slices, namespace, name)) {
            if (due_ns < work->due_ns)
                work->due_ns = due_ns;
            return;
        }
    }
    if (cluster->count == CLUSTER_WORK_MAX) {
        for (size_t i = 0; i < cluster->count; i++)
            cluster->work[i].due_ns = INT64_MIN;
        return;
    }
    work = &cluster->work[cluster->count++];
    work->kind = kind;
    work->slices = slices;
    work->due_ns = due_ns;
    snprintf(work->namespace, sizeof(work->namespace), "%s", namespace);
    snprintf(work->name, sizeof(work->name), "%s", name);
}

static int64_t after(struct cluster *cluster, int64_t now_ns, enum profile_delay delay)
{
    return now_ns + profile_draw(cluster->profile, delay, cluster->random);
}

static void want_controller(struct cluster *cluster, enum store_kind kind, const char *namespace,
                            const char *name, int64_t now_ns)
{
    want(cluster, kind, false, namespace, name, after(cluster, now_ns, PROFILE_CONTROLLER));
}

static void want_owner(struct cluster *cluster, const cJSON *object, int64_t now_ns)
{
    static const enum store_kind kinds[] = {STORE_DEPLOYMENT, STORE_REPLICASET, STORE_STATEFULSET,
                                            STORE_DAEMONSET};
    const cJSON *owner;

    cJSON_ArrayForEach(owner, json_at(object, "metadata.ownerReferences"))
    {
        const char *kind = json_string(owner, "kind", "");
        const char *name = json_string(owner, "name", "");
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
            if (strcmp(kind, store_kind_name[kinds[i]]) == 0)
                want_controller(cluster, kinds[i], object_namespace(object), name, now_ns);
        }
    }
}

static void want_services(struct cluster *cluster, const cJSON *pod, int64_t now_ns)
{
    const cJSON *service = NULL;

    while ((service = store_next(cluster->store, STORE_SERVICE, object_namespace(pod), service)) !=
           NULL) {
        if (object_labels_match(json_at(service, "spec.selector"), pod))
            want(cluster, STORE_SERVICE, true, object_namespace(service), object_name(service),
                 after(cluster, now_ns, PROFILE_ENDPOINT));
    }
}

/* A Deployment that recreates waits for its old pods' end. */
static void want_owners_owner(struct cluster *cluster, const cJSON *pod, int64_t now_ns)
{
    const cJSON *owner, *set;

    cJSON_ArrayForEach(owner, json_at(pod, "metadata.ownerReferences"))
    {
        set = store_get(cluster->store, STORE_REPLICASET, object_namespace(pod),
                        json_string(owner, "name", ""));
        if (set != NULL)
            want_owner(cluster, set, now_ns);
    }
}

/* Budgets that have POD; NULL: all of the namespace, whose owners' sizes may have changed. */
static void want_budgets(struct cluster *cluster, const char *namespace, const cJSON *pod,
                         int64_t now_ns)
{
    const cJSON *budget = NULL;

    while ((budget = store_next(cluster->store, STORE_BUDGET, namespace, budget)) != NULL) {
        if (pod == NULL || object_selector_matches(json_at(budget, "spec.selector"), pod))
            want_controller(cluster, STORE_BUDGET, namespace, object_name(budget), now_ns);
    }
}

/* Pods that no node would take: now one might. */
static void want_pending(struct cluster *cluster, int64_t now_ns)
{
    const cJSON *pod = NULL;

    while ((pod = store_next(cluster->store, STORE_POD, "", pod)) != NULL) {
        if (json_string(pod, "spec.nodeName", "")[0] == '\0')
            want_controller(cluster, STORE_POD, object_namespace(pod), object_name(pod), now_ns);
    }
}

static void pod_event(struct cluster *cluster, const struct store_event *event, int64_t now_ns)
{
    const cJSON *pod = event->object;

    want_owner(cluster, pod, now_ns);
    want_services(cluster, pod, now_ns);
    want_budgets(cluster, object_namespace(pod), pod, now_ns);
    if (event->previous != NULL && object_pod_active(event->previous) && !object_pod_active(pod))
        want_pending(cluster, now_ns);
    if (event->type == STORE_DELETED)
        want_owners_owner(cluster, pod, now_ns);
    else if (json_string(pod, "spec.nodeName", "")[0] == '\0')
        want_controller(cluster, STORE_POD, object_namespace(pod), object_name(pod), now_ns);
}

/* A node that changed may want a pod of each. */
static void want_daemonsets(struct cluster *cluster, int64_t now_ns)
{
    const cJSON *set = NULL;

    while ((set = store_next(cluster->store, STORE_DAEMONSET, "", set)) != NULL)
        want_controller(cluster, STORE_DAEMONSET, object_namespace(set), object_name(set), now_ns);
}

static void read_event(struct cluster *cluster, const struct store_event *event, int64_t now_ns)
{
    const char *namespace = object_namespace(event->object);
    const char *name = object_name(event->object);

    if (event->type == STORE_DELETED && event->kind != STORE_EVENT)
        want_controller(cluster, STORE_EVENT, "", "", now_ns);
    switch (event->kind) {
    case STORE_BUDGET: want_controller(cluster, event->kind, namespace, name, now_ns); break;
    case STORE_DAEMONSET: want_controller(cluster, event->kind, namespace, name, now_ns); break;
    case STORE_REVISION: want_owner(cluster, event->object, now_ns); break;
    case STORE_STATEFULSET:
    case STORE_DEPLOYMENT:
        want_controller(cluster, event->kind, namespace, name, now_ns);
        want_budgets(cluster, namespace, NULL, now_ns);
        break;
    case STORE_REPLICASET:
        want_controller(cluster, event->kind, namespace, name, now_ns);
        want_owner(cluster, event->object, now_ns);
        want_budgets(cluster, namespace, NULL, now_ns);
        break;
    case STORE_POD: pod_event(cluster, event, now_ns); break;
    case STORE_SERVICE:
        want(cluster, STORE_SERVICE, false, namespace, name,
             after(cluster, now_ns, PROFILE_BALANCER));
        want(cluster, STORE_SERVICE, true, namespace, name,
             after(cluster, now_ns, PROFILE_ENDPOINT));
        break;
    case STORE_NODE:
        want_controller(cluster, event->kind, "", name, now_ns);
        want_pending(cluster, now_ns);
        want_daemonsets(cluster, now_ns);
        break;
    default: break;
    }
}

static bool old_pods_exist(const struct cluster *cluster, const cJSON *deployment,
                           const struct list *sets)
{
    char hash[16];
    bool exist = false;

    deployment_template_hash(json_at(deployment, "spec.template"), hash);
    for (size_t i = 0; i < sets->count && !exist; i++) {
        const char *label = object_label(sets->items[i], "pod-template-hash");
        struct list pods;

        if (label != NULL && strncmp(label, hash, strlen(hash)) == 0)
            continue;
        pods = list_select(cluster, STORE_POD, object_namespace(deployment),
                           object_uid(sets->items[i]));
        exist = pods.count > 0;
        free(pods.items);
    }
    return exist;
}

static void sync_deployment(struct cluster *cluster, const cJSON *deployment, int64_t now_ns,
                            int64_t utc_ns, struct changes *changes)
{
    const char *namespace = object_namespace(deployment), *name = object_name(deployment);
    struct list sets = list_select(cluster, STORE_REPLICASET, namespace, object_uid(deployment));
    const char *reason = json_string(object_condition(deployment, "Progressing"), "reason", "");

    controller_deployment(deployment, sets.items, sets.count,
                          old_pods_exist(cluster, deployment, &sets), utc_ns, changes);
    free(sets.items);
    if (strcmp(reason, "NewReplicaSetAvailable") != 0)
        want(cluster, STORE_DEPLOYMENT, false, namespace, name, now_ns + second_ns);
}

static void sync_replicaset(struct cluster *cluster, const cJSON *replicaset, int64_t now_ns,
                            int64_t utc_ns, struct changes *changes)
{
    const char *namespace = object_namespace(replicaset);
    struct list pods = list_select(cluster, STORE_POD, namespace, object_uid(replicaset));
    struct list all = list_select(cluster, STORE_POD, namespace, NULL);
    struct list related = {0};
    int64_t next_ns = replicaset_next_available_ns(replicaset, pods.items, pods.count, utc_ns);

    for (size_t i = 0; i < all.count; i++) {
        const cJSON *set = store_get(
            cluster->store, STORE_REPLICASET, namespace,
            json_string(cJSON_GetArrayItem(json_at(all.items[i], "metadata.ownerReferences"), 0),
                        "name", ""));
        if (set != NULL &&
            strcmp(object_controller_uid(set), object_controller_uid(replicaset)) == 0)
            list_add(&related, all.items[i]);
    }
    controller_replicaset(replicaset, pods.items, pods.count, related.items, related.count, utc_ns,
                          changes);
    free(pods.items);
    free(all.items);
    free(related.items);
    if (next_ns != INT64_MAX)
        want(cluster, STORE_REPLICASET, false, namespace, object_name(replicaset),
             now_ns + (next_ns - utc_ns));
}

/* A StatefulSet or DaemonSet. */
static void sync_set(struct cluster *cluster, enum store_kind kind, const cJSON *set,
                     int64_t utc_ns, struct changes *changes)
{
    const char *namespace = object_namespace(set), *uid = object_uid(set);
    struct list pods = list_select(cluster, STORE_POD, namespace, uid);
    struct list revisions = list_select(cluster, STORE_REVISION, namespace, uid);
    struct list nodes = list_select(cluster, STORE_NODE, "", NULL);
    const struct revision_view view = {
        .set = set,
        .kind = kind,
        .revisions = revisions.items,
        .revision_count = revisions.count,
        .pods = pods.items,
        .pod_count = pods.count,
    };

    if (kind == STORE_STATEFULSET)
        controller_statefulset(&view, utc_ns, changes);
    else
        controller_daemonset(&view, nodes.items, nodes.count, utc_ns, changes);
    free(pods.items);
    free(revisions.items);
    free(nodes.items);
}

/* Before 1.22 a slice had no terminating endpoints: a pod left it with its deletion, unless the
 * Service wanted all addresses. */
static struct list list_slice_pods(const struct cluster *cluster, const cJSON *service)
{
    bool all = cluster->minor >= SLICES_TERMINATING_SINCE ||
               json_bool(service, "spec.publishNotReadyAddresses", false);
    struct list list = {0};
    const cJSON *pod = NULL;

    while ((pod = store_next(cluster->store, STORE_POD, object_namespace(service), pod)) != NULL) {
        if (all || !object_deleting(pod))
            list_add(&list, pod);
    }
    return list;
}

static void sync_slices(struct cluster *cluster, const cJSON *service, struct changes *changes)
{
    const char *namespace = object_namespace(service);
    struct list pods = list_slice_pods(cluster, service);
    struct list slices = list_select(cluster, STORE_ENDPOINTSLICE, namespace, object_uid(service));

    controller_endpointslice(
        service, pods.items, pods.count, slices.items, slices.count,
        store_get(cluster->store, STORE_ENDPOINTS, namespace, object_name(service)), changes);
    free(pods.items);
    free(slices.items);
}

static void sync_service(struct cluster *cluster, const cJSON *service, int64_t utc_ns,
                         struct changes *changes)
{
    struct list services = list_select(cluster, STORE_SERVICE, "", NULL);

    controller_service(service, services.items, services.count, &cluster->pools, utc_ns, changes);
    free(services.items);
}

static void sync_budget(struct cluster *cluster, const cJSON *budget, int64_t now_ns,
                        int64_t utc_ns, struct changes *changes)
{
    int64_t next_ns = disruption_next_ns(budget);

    controller_disruption(cluster->store, budget, utc_ns, changes);
    if (next_ns != INT64_MAX && next_ns > utc_ns)
        want(cluster, STORE_BUDGET, false, object_namespace(budget), object_name(budget),
             now_ns + (next_ns - utc_ns));
}

static void sync_pod(struct cluster *cluster, const cJSON *pod, int64_t utc_ns,
                     struct changes *changes)
{
    struct list nodes = list_select(cluster, STORE_NODE, "", NULL);
    struct list pods = list_select(cluster, STORE_POD, "", NULL);

    if (object_deleting(pod) && json_string(pod, "spec.nodeName", "")[0] == '\0')
        changes_delete(changes, STORE_POD, pod);
    else
        scheduler_place(pod, nodes.items, nodes.count, pods.items, pods.count, utc_ns, changes);
    free(nodes.items);
    free(pods.items);
}

static void do_work(struct cluster *cluster, const struct cluster_work *work, int64_t now_ns,
                    int64_t utc_ns)
{
    struct changes changes = {0};
    const cJSON *object = NULL;

    if (work->kind != STORE_EVENT)
        object = store_get(cluster->store, work->kind, work->namespace, work->name);
    if (work->kind == STORE_EVENT)
        collector_scan(cluster->store, &changes);
    else if (object == NULL)
        return;
    else if (work->kind == STORE_DEPLOYMENT)
        sync_deployment(cluster, object, now_ns, utc_ns, &changes);
    else if (work->kind == STORE_REPLICASET)
        sync_replicaset(cluster, object, now_ns, utc_ns, &changes);
    else if (work->kind == STORE_SERVICE && work->slices)
        sync_slices(cluster, object, &changes);
    else if (work->kind == STORE_SERVICE)
        sync_service(cluster, object, utc_ns, &changes);
    else if (work->kind == STORE_POD)
        sync_pod(cluster, object, utc_ns, &changes);
    else if (work->kind == STORE_STATEFULSET || work->kind == STORE_DAEMONSET)
        sync_set(cluster, work->kind, object, utc_ns, &changes);
    else if (work->kind == STORE_BUDGET)
        sync_budget(cluster, object, now_ns, utc_ns, &changes);
    else if (work->kind == STORE_NODE)
        controller_node(object, utc_ns, &changes);
    cluster_apply(cluster, &changes, utc_ns);
}

static void read_events(struct cluster *cluster, int64_t now_ns)
{
    const struct store_event *event;
    bool expired = false;

    while ((event = store_event_after(cluster->store, cluster->cursor, &expired)) != NULL) {
        cluster->cursor = event->version;
        read_event(cluster, event, now_ns);
    }
}

void cluster_run(struct cluster *cluster, int64_t now_ns, int64_t utc_ns)
{
    read_events(cluster, now_ns);
    for (size_t i = 0; i < cluster->count;) {
        struct cluster_work work = cluster->work[i];

        if (work.due_ns > now_ns) {
            i++;
            continue;
        }
        cluster->work[i] = cluster->work[--cluster->count];
        do_work(cluster, &work, now_ns, utc_ns);
        read_events(cluster, now_ns);
        i = 0;
    }
}

int64_t cluster_due(const struct cluster *cluster)
{
    int64_t due_ns = INT64_MAX;

    for (size_t i = 0; i < cluster->count; i++) {
        if (cluster->work[i].due_ns < due_ns)
            due_ns = cluster->work[i].due_ns;
    }
    return due_ns;
}

/* Only the newest Events are kept. */
static void remember_event(struct cluster *cluster, const cJSON *event, int64_t utc_ns)
{
    char(*slot)[CHANGE_NAME_BYTES] = cluster->events[cluster->event_next++ % CLUSTER_EVENTS_MAX];

    if (slot[1][0] != '\0')
        store_delete(cluster->store, STORE_EVENT, slot[0], slot[1], utc_ns);
    snprintf(slot[0], CHANGE_NAME_BYTES, "%s", object_namespace(event));
    snprintf(slot[1], CHANGE_NAME_BYTES, "%s", object_name(event));
}

/* The names of pods are known only now. A StatefulSet's are known before. */
static void pod_created(struct cluster *cluster, const cJSON *pod, int64_t utc_ns)
{
    static const struct {
        enum store_kind kind;
        const char *component;
    } rows[] = {
        {STORE_REPLICASET, "replicaset-controller"},
        {STORE_DAEMONSET, "daemonset-controller"},
    };
    const cJSON *owner = cJSON_GetArrayItem(json_at(pod, "metadata.ownerReferences"), 0);
    struct changes changes = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const cJSON *set =
            strcmp(json_string(owner, "kind", ""), store_kind_name[rows[i].kind]) == 0
                ? store_get(cluster->store, rows[i].kind, object_namespace(pod),
                            json_string(owner, "name", ""))
                : NULL;
        if (set != NULL)
            changes_event(&changes, rows[i].kind, set, rows[i].component, "Normal",
                          "SuccessfulCreate", utc_ns, "Created pod: %s", object_name(pod));
    }
    cluster_apply(cluster, &changes, utc_ns);
}

/* A pod that is on a node goes with its grace: its kubelet takes the object away in the end. */
static void delete_pod(struct cluster *cluster, const cJSON *pod, int64_t utc_ns)
{
    int64_t grace_s = json_integer(pod, "spec.terminationGracePeriodSeconds", 30);
    cJSON *object, *metadata;

    if (json_string(pod, "spec.nodeName", "")[0] == '\0') {
        store_delete(cluster->store, STORE_POD, object_namespace(pod), object_name(pod), utc_ns);
        return;
    }
    if (object_deleting(pod))
        return;
    object = cJSON_Duplicate(pod, true);
    metadata = json_make(object, "metadata");
    object_put_time(metadata, "deletionTimestamp", utc_ns + grace_s * second_ns);
    object_put_integer(metadata, "deletionGracePeriodSeconds", grace_s);
    store_update(cluster->store, STORE_POD, object, utc_ns, NULL);
}

static void apply_delete(struct cluster *cluster, const struct change *change, int64_t utc_ns)
{
    const cJSON *object = store_get(cluster->store, change->kind, change->namespace, change->name);

    if (object == NULL)
        return;
    if (change->kind == STORE_POD)
        delete_pod(cluster, object, utc_ns);
    else
        store_delete(cluster->store, change->kind, change->namespace, change->name, utc_ns);
}

void cluster_apply(struct cluster *cluster, struct changes *changes, int64_t utc_ns)
{
    for (size_t i = 0; i < changes->count; i++) {
        struct change *change = &changes->items[i];
        const cJSON *stored = NULL;

        switch (change->verb) {
        case CHANGE_CREATE:
            if (store_create(cluster->store, change->kind, change->object, utc_ns, &stored) !=
                STORE_OK)
                stored = NULL;
            if (stored != NULL && change->kind == STORE_EVENT)
                remember_event(cluster, stored, utc_ns);
            if (stored != NULL && change->kind == STORE_POD)
                pod_created(cluster, stored, utc_ns);
            break;
        case CHANGE_UPDATE:
            /* Gone or changed meanwhile: its own event asks for the work again. */
            store_update(cluster->store, change->kind, change->object, utc_ns, NULL);
            break;
        case CHANGE_DELETE: apply_delete(cluster, change, utc_ns); break;
        }
        change->object = NULL;
    }
    changes_free(changes);
}
