#include "run/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "run/translate.h"
#include "rundir/timeline.h"

enum {
    CLUSTER_REACH_MS = 10000
};

static int wait_for_caches(struct cluster *cluster, struct error *err)
{
    uint64_t deadline_ns = clock_now_ns(cluster->clock) + CLUSTER_REACH_MS * UINT64_C(1000000);
    while (!kube_synced(cluster->kube)) {
        int code = kube_poll(cluster->kube, 50);
        if (code < 0)
            return error_set(err, EXIT_ENVIRONMENT, code, "the cluster's transport failed: %s",
                             strerror(-code));
        if (clock_now_ns(cluster->clock) > deadline_ns)
            return error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT,
                             "the API server did not list what is to be watched within %d s%s%s",
                             CLUSTER_REACH_MS / 1000, kube_trouble(cluster->kube)[0] ? ": " : "",
                             kube_trouble(cluster->kube));
    }
    if (kube_trouble(cluster->kube)[0])
        return error_set(err, EXIT_ENVIRONMENT, -EPERM, "%s", kube_trouble(cluster->kube));
    return 0;
}

int cluster_open(struct cluster *cluster, const struct experiment *experiment,
                 const char *kubeconfig, const struct clock *clock, struct error *err)
{
    memset(cluster, 0, sizeof(*cluster));
    cluster->experiment = experiment;
    cluster->clock = clock;
    struct kube_options options = {.kubeconfig = kubeconfig,
                                   .context = experiment->cluster.context,
                                   .namespace = experiment->cluster.namespace,
                                   .clock = clock,
                                   .seed = experiment->seed};
    int code = kube_open(&options, &cluster->kube, err);
    if (code == 0)
        code = kube_discover(cluster->kube, CLUSTER_REACH_MS, err);
    if (code == 0)
        code = kube_follow_usual(cluster->kube, experiment->cluster.namespace, err);
    if (code == 0)
        code = wait_for_caches(cluster, err);
    return code;
}

void cluster_close(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->change_count; i++)
        kube_object_drop(cluster->changes[i].result.object);
    kube_close(cluster->kube);
    cluster->kube = NULL;
    cluster->change_count = 0;
}

static int find_change(const struct cluster *cluster, uint32_t action)
{
    for (unsigned i = 0; i < cluster->change_count; i++)
        if (cluster->changes[i].action == action && action != 0)
            return (int)i;
    return -1;
}

static int journal(struct cluster *cluster, int index, const struct kube_prepared *prepared,
                   struct error *err)
{
    cJSON *entry = cJSON_CreateObject();
    json_add_integer(entry, "n", index + 1);
    json_add_integer(entry, "at", (int64_t)clock_now_ns(cluster->clock));
    cJSON_AddStringToObject(entry, "text", prepared->text);
    cJSON_AddStringToObject(entry, "object", prepared->object);
    cJSON *undo = prepared->undo[0] ? cJSON_Parse(prepared->undo) : NULL;
    if (undo != NULL)
        cJSON_AddItemToObject(entry, "undo", undo);
    int code = rundir_add_undo(cluster->rundir, entry, err);
    cJSON_Delete(entry);
    return code;
}

static int journal_mark(struct cluster *cluster, const char *what, int index, struct error *err)
{
    cJSON *entry = cJSON_CreateObject();
    json_add_integer(entry, what, index + 1);
    int code = rundir_add_undo(cluster->rundir, entry, err);
    cJSON_Delete(entry);
    return code;
}

static bool permitted(const struct cluster *cluster, const char *object)
{
    char kind[64];
    const char *slash = strchr(object, '/');
    if (slash == NULL || (size_t)(slash - object) >= sizeof(kind))
        return false;
    snprintf(kind, sizeof(kind), "%.*s", (int)(slash - object), object);
    return experiment_may_change(cluster->experiment, kind, slash + 1);
}

/* The change knows what it will do: let it, if it may. */
static int decide(struct cluster *cluster, int index, struct error *err)
{
    struct cluster_change *change = &cluster->changes[index];
    struct kube_prepared prepared;
    int code = kube_prepared(cluster->kube, (int)change->action, &prepared);
    if (code < 0)
        return code;
    snprintf(change->text, sizeof(change->text), "%s", prepared.text);
    if (!permitted(cluster, prepared.object)) {
        char why[400];
        snprintf(why, sizeof(why),
                 "%s is not in cluster.mayChange; add \"%s\" there if this run may change it",
                 prepared.object, prepared.object);
        change->refused = true;
        kube_cancel(cluster->kube, (int)change->action, why);
        return 0;
    }
    code = journal(cluster, index, &prepared, err);
    if (code < 0) {
        kube_cancel(cluster->kube, (int)change->action, "the undo journal cannot be written");
        return code;
    }
    change->journalled = true;
    kube_commit(cluster->kube, (int)change->action);
    return 0;
}

static int add_change_event(struct cluster *cluster, const struct cluster_change *change,
                            struct error *err)
{
    struct timeline_event event = {.not_before_ns = change->result.sent_ns,
                                   .not_after_ns = change->result.answered_ns,
                                   .kind = TIMELINE_CHANGE,
                                   .ours = true};
    snprintf(event.object, sizeof(event.object), "%.*s", TIMELINE_NAME_BYTES - 1,
             change->result.name);
    snprintf(event.text, sizeof(event.text), "%.180s: %s", change->text,
             kube_done_text(change->result.done));
    return rundir_add_event(cluster->rundir, &event, err);
}

static int finish(struct cluster *cluster, int index, struct error *err)
{
    struct cluster_change *change = &cluster->changes[index];
    const struct kube_result *result = kube_result(cluster->kube, (int)change->action);
    if (result == NULL)
        return 0;
    change->result = *result;
    if (result->object != NULL)
        change->result.object = kube_object_take(result->object);
    change->over = true;
    change->created = result->done == KUBE_DONE_CREATED;
    kube_forget(cluster->kube, (int)change->action);
    change->action = 0;
    if (change->result.sent_ns == 0)
        return 0;
    int code = change->journalled ? journal_mark(cluster, "done", index, err) : 0;
    if (code == 0)
        code = add_change_event(cluster, change, err);
    return code;
}

static int put_on_timeline(struct cluster *cluster, const struct kube_event *event,
                           struct error *err)
{
    struct timeline events = {0};
    int code = 0;
    translate_event(event, &events);
    for (size_t i = 0; i < events.count && code == 0; i++)
        code = rundir_add_event(cluster->rundir, &events.events[i], err);
    timeline_free(&events);
    return code;
}

static int take(struct cluster *cluster, const struct kube_event *event, struct error *err)
{
    int index = find_change(cluster, event->action);
    switch (event->type) {
    case KUBE_PREPARED: return index < 0 ? 0 : decide(cluster, index, err);
    case KUBE_FINISHED: return index < 0 ? 0 : finish(cluster, index, err);
    case KUBE_STOPPED:
        put_on_timeline(cluster, event, err);
        return error_set(err, EXIT_ENVIRONMENT, -EPERM, "%s",
                         event->text ? event->text : "a watch of the cluster stopped");
    default: return put_on_timeline(cluster, event, err);
    }
}

int cluster_poll(struct cluster *cluster, unsigned timeout_ms, struct error *err)
{
    struct kube_event *event;
    int code = kube_poll(cluster->kube, timeout_ms);
    if (code < 0)
        return error_set(err, EXIT_ENVIRONMENT, code, "the cluster's transport failed: %s",
                         strerror(-code));
    code = 0;
    while ((event = kube_take(cluster->kube)) != NULL) {
        int result = take(cluster, event, err);
        if (code == 0)
            code = result;
        kube_event_free(event);
    }
    return code;
}

int cluster_change(struct cluster *cluster, struct kube_order *order, struct error *err)
{
    if (cluster->change_count == CLUSTER_CHANGES_MAX)
        return error_set(err, EXIT_USAGE, -ENOSPC, "more than %d changes in one run",
                         CLUSTER_CHANGES_MAX);
    order->confirm = true;
    int action = kube_start(cluster->kube, order, err);
    if (action < 0)
        return action;
    struct cluster_change *change = &cluster->changes[cluster->change_count];
    memset(change, 0, sizeof(*change));
    change->action = (uint32_t)action;
    snprintf(change->text, sizeof(change->text), "%s %s", kube_verb_text(order->verb),
             order->name ? order->name : "");
    return (int)cluster->change_count++;
}

int cluster_delete_created(struct cluster *cluster, unsigned which, struct error *err)
{
    struct cluster_change *made = &cluster->changes[which];
    struct kube_order order = {.verb = KUBE_DELETE,
                               .kind = made->result.resource.kind,
                               .namespace = made->result.namespace,
                               .name = made->result.name,
                               .uid = made->result.uid,
                               .grace_s = -1,
                               .wait_gone = true};
    made->undone = true;
    int code = journal_mark(cluster, "undone", (int)which, err);
    return code < 0 ? code : cluster_change(cluster, &order, err);
}
