#include "run/cluster.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/stop.h"
#include "base/text.h"
#include "kube/drain.h"
#include "kube/rollout.h"
#include "run/translate.h"
#include "rundir/timeline.h"

enum {
    CLUSTER_REACH_MS = 10000
};

static int wait_for_caches(struct cluster *cluster, struct error *err)
{
    uint64_t deadline_ns = clock_now_ns(cluster->clock) + CLUSTER_REACH_MS * UINT64_C(1000000);
    while (!kube_synced(cluster->kube)) {
        int code = stop_is_wanted() ? -EINTR : kube_poll(cluster->kube, 50);
        if (code == -EINTR)
            return code;
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

/* StatefulSets and DaemonSets only where the experiment names one: nobody else needs the right. */
static int follow_named(struct cluster *cluster, struct error *err)
{
    const struct experiment *experiment = cluster->experiment;
    const uint32_t may_change = experiment->cluster.may_change_count;
    int code = 0;
    for (uint32_t i = 0; i < may_change + experiment->step_count && code == 0; i++) {
        const struct experiment_change *object = i < may_change
                                                     ? &experiment->cluster.may_change[i]
                                                     : &experiment->steps[i - may_change].object;
        if (experiment_is_workload(object))
            code = kube_follow(cluster->kube, kube_resource_named(object->kind)->kind,
                               experiment->cluster.namespace, NULL, err);
    }
    return code;
}

/* A lab is named as one in reports also where it is used as any cluster is, by its kubeconfig. A
 * server that keeps its version to itself is none. */
static int ask_for_lab(struct cluster *cluster, struct error *err)
{
    struct kube_server server = {0};
    struct error ignored = {0};
    if (cluster->experiment->cluster.lab_cluster)
        return 0;
    int code = kube_version(cluster->kube, CLUSTER_REACH_MS, &server, &ignored);
    if (code == -EINTR)
        *err = ignored;
    else if (code == 0)
        snprintf(cluster->lab, sizeof(cluster->lab), "%s", server.lab);
    return code == -EINTR ? code : 0;
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
                                   .seed = experiment->seed,
                                   .measure_clock = true};
    int code = kube_open(&options, &cluster->kube, err);
    if (code == 0)
        code = kube_discover(cluster->kube, CLUSTER_REACH_MS, err);
    if (code == 0)
        code = ask_for_lab(cluster, err);
    if (code == 0)
        code = kube_follow_usual(cluster->kube, experiment->cluster.namespace, err);
    if (code == 0)
        code = follow_named(cluster, err);
    if (code == 0)
        code = wait_for_caches(cluster, err);
    return code;
}

void cluster_close(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->change_count; i++) {
        kube_object_drop(cluster->changes[i].result.object);
        free(cluster->changes[i].undo);
    }
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

static bool permitted(const struct cluster *cluster, const char *object)
{
    char kind[64];
    const char *slash = strchr(object, '/');
    if (slash == NULL || (size_t)(slash - object) >= sizeof(kind))
        return false;
    snprintf(kind, sizeof(kind), "%.*s", (int)(slash - object), object);
    return experiment_may_change(cluster->experiment, kind, slash + 1);
}

/* False when it may not be made: without a way back there is no change. Where there is nothing to
 * put back, as with the deletion of what this run made, a full disk does not keep it from going. */
static bool write_down(struct cluster *cluster, int index, const struct kube_prepared *prepared)
{
    struct error err = {0};
    char why[sizeof(err.text) + 80];
    struct cluster_change *change = &cluster->changes[index];
    int code =
        journal_add_change(cluster->rundir, (unsigned)index + 1, clock_now_ns(cluster->clock),
                           prepared->text, prepared->object, prepared->undo, &err);
    change->journalled = true;
    if (code == 0 || prepared->undo[0] == '\0')
        return true;
    snprintf(why, sizeof(why), "it was not made, for want of an undo journal: %s", err.text);
    kube_cancel(cluster->kube, (int)change->action, why);
    return false;
}

/* The change knows what it will do: let it, if it may. */
static int decide(struct cluster *cluster, int index)
{
    struct cluster_change *change = &cluster->changes[index];
    struct kube_prepared prepared;
    int code = kube_prepared(cluster->kube, (int)change->action, &prepared);
    if (code < 0)
        return code;
    snprintf(change->text, sizeof(change->text), "%s", prepared.text);
    snprintf(change->target, sizeof(change->target), "%s", prepared.object);
    if (change->temporary && prepared.undo[0] != '\0')
        change->undo = strdup(prepared.undo);
    change->refused = !permitted(cluster, prepared.object);
    if (change->refused) {
        char why[400];
        snprintf(why, sizeof(why),
                 "%s is not in cluster.mayChange; add \"%s\" there if this run may change it",
                 prepared.object, prepared.object);
        kube_cancel(cluster->kube, (int)change->action, why);
    } else if (write_down(cluster, index, &prepared) && !change->held) {
        kube_commit(cluster->kube, (int)change->action);
    }
    return 0;
}

static void add_change_event(struct cluster *cluster, const struct cluster_change *change)
{
    struct timeline_event event = {.not_before_ns = change->result.sent_ns,
                                   .not_after_ns = change->result.answered_ns,
                                   .kind = TIMELINE_CHANGE,
                                   .ours = true};
    snprintf(event.object, sizeof(event.object), "%.*s", TIMELINE_NAME_BYTES - 1,
             change->result.name);
    snprintf(event.text, sizeof(event.text), "%.180s: %s", change->text,
             kube_done_text(change->result.done));
    rundir_add_event(cluster->rundir, &event, NULL);
}

/* A part of a change that has many: an eviction of a drain. */
static void add_part_event(struct cluster *cluster, const struct kube_event *event)
{
    int index = find_change(cluster, event->action);
    struct timeline_event part = {.not_before_ns = event->not_before_ns,
                                  .not_after_ns = event->not_after_ns,
                                  .kind = TIMELINE_CHANGE,
                                  .ours = true};
    snprintf(part.object, sizeof(part.object), "%.*s", TIMELINE_NAME_BYTES - 1,
             index < 0 ? "" : cluster->changes[index].text);
    snprintf(part.text, sizeof(part.text), "%.200s", event->text == NULL ? "" : event->text);
    rundir_add_event(cluster->rundir, &part, NULL);
    if (index < 0 || event->text == NULL)
        return;
    bool evicted = kube_drain_is_eviction(event->text);
    struct kube_result *result = &cluster->changes[index].result;
    if (result->sent_ns == 0 && (evicted || strstr(event->text, " cordoned") != NULL))
        result->sent_ns = event->not_before_ns;
    if (evicted)
        journal_add_part(cluster->rundir, (unsigned)index + 1, event->text,
                         &cluster->rundir->trouble);
}

/* The object of change WHICH is gone, and with it all that was changed in it. */
static void mark_gone(struct cluster *cluster, int which)
{
    const char *uid = cluster->changes[which].result.uid;
    for (unsigned i = 0; i < cluster->change_count; i++) {
        struct cluster_change *change = &cluster->changes[i];
        if (change->undone || !change->journalled || !change->over || change->deletes >= 0 ||
            (i != (unsigned)which && (uid[0] == '\0' || strcmp(change->result.uid, uid) != 0)))
            continue;
        change->undone = true;
        journal_add_undone(cluster->rundir, i + 1, &cluster->rundir->trouble);
    }
}

/* No answer, a server's error or a cut connection: it may have been made all the same. */
static bool refused_for_certain(enum kube_reason reason)
{
    switch (reason) {
    case KUBE_REASON_BAD_REQUEST:
    case KUBE_REASON_UNAUTHORIZED:
    case KUBE_REASON_FORBIDDEN:
    case KUBE_REASON_NOT_FOUND:
    case KUBE_REASON_EXISTS:
    case KUBE_REASON_CONFLICT:
    case KUBE_REASON_MANAGED:
    case KUBE_REASON_GONE:
    case KUBE_REASON_UNSUPPORTED:
    case KUBE_REASON_INVALID:
    case KUBE_REASON_BUDGET:
    case KUBE_REASON_THROTTLED: return true;
    default: return false;
    }
}

/* The marks are there to spare `seamline undo` work: without one it asks the cluster. */
static void mark(struct cluster *cluster, int index)
{
    const struct cluster_change *change = &cluster->changes[index];
    const struct kube_result *result = &change->result;
    struct error *trouble = &cluster->rundir->trouble;
    bool never_sent = result->sent_ns == 0;
    if (change->journalled && result->done != KUBE_DONE_FAILED)
        journal_add_done(cluster->rundir, (unsigned)index + 1, result->uid, trouble);
    else if (change->journalled && (never_sent || refused_for_certain(result->reason)))
        journal_add_failed(cluster->rundir, (unsigned)index + 1, trouble);
    if (change->deletes >= 0 &&
        (result->done == KUBE_DONE_DELETED || result->done == KUBE_DONE_ABSENT))
        mark_gone(cluster, change->deletes);
}

static void finish(struct cluster *cluster, int index)
{
    struct cluster_change *change = &cluster->changes[index];
    const struct kube_result *result = kube_result(cluster->kube, (int)change->action);
    if (result == NULL)
        return;
    change->result = *result;
    if (result->object != NULL)
        change->result.object = kube_object_take(result->object);
    if (change->refused)
        change->result.error.status = EXIT_USAGE;
    change->over = true;
    change->created = result->done == KUBE_DONE_CREATED;
    kube_forget(cluster->kube, (int)change->action);
    change->action = 0;
    mark(cluster, index);
    if (change->result.sent_ns != 0)
        add_change_event(cluster, change);
}

/* "deployment/mserver". */
static void target_of(const struct kube_object *object, size_t bytes, char *out)
{
    snprintf(out, bytes, "%s/%s", kube_resource_of(object->kind)->name, object->meta.name);
    for (char *at = out; *at != '/'; at++)
        *at = (char)tolower((unsigned char)*at);
}

/* The change between the two states of an object that an event shows is one of ours. One that is
 * under way may be it: its answer can come after the watch's word. */
static bool is_ours(const struct cluster *cluster, const struct kube_event *event)
{
    char target[sizeof(cluster->changes[0].target)];
    target_of(event->object, sizeof(target), target);
    for (unsigned i = 0; i < cluster->change_count; i++) {
        const struct cluster_change *change = &cluster->changes[i];
        if (strcmp(change->target, target) == 0 &&
            (!change->over || (change->result.version > event->previous->meta.version_number &&
                               change->result.version <= event->object->meta.version_number)))
            return true;
    }
    return cluster->putting_back;
}

/* An autoscaler, or another controller, in mid-run: the account is then not of our change alone. */
static void tell_foreign_scale(struct cluster *cluster, const struct kube_event *event)
{
    struct kube_rollout before, now;
    char target[sizeof(cluster->changes[0].target)];
    if (event->type != KUBE_MODIFIED || event->previous == NULL ||
        (event->kind != KUBE_DEPLOYMENT && event->kind != KUBE_STATEFULSET))
        return;
    kube_rollout_status(event->previous, &before);
    kube_rollout_status(event->object, &now);
    if (before.replicas == now.replicas || is_ours(cluster, event))
        return;
    struct timeline_event told = {.not_before_ns = event->not_before_ns,
                                  .not_after_ns = event->not_after_ns,
                                  .kind = TIMELINE_CHANGE};
    snprintf(told.object, sizeof(told.object), "%.*s", TIMELINE_NAME_BYTES - 1,
             event->object->meta.name);
    snprintf(told.text, sizeof(told.text), "replicas %lld -> %lld, by others",
             (long long)before.replicas, (long long)now.replicas);
    rundir_add_event(cluster->rundir, &told, NULL);
    target_of(event->object, sizeof(target), target);
    text_tame(target);
    fprintf(stderr,
            "\nseamline: %s: %s: an autoscaler, or another controller or person, works "
            "on it during the run\n",
            target, told.text);
}

static void put_on_timeline(struct cluster *cluster, const struct kube_event *event)
{
    tell_foreign_scale(cluster, event);
    struct timeline events = {0};
    translate_event(event, &events);
    for (size_t i = 0; i < events.count; i++)
        rundir_add_event(cluster->rundir, &events.events[i], NULL);
    timeline_free(&events);
}

static int take(struct cluster *cluster, const struct kube_event *event, struct error *err)
{
    int index = find_change(cluster, event->action);
    switch (event->type) {
    case KUBE_PREPARED: return index < 0 ? 0 : decide(cluster, index);
    case KUBE_FINISHED:
        if (index >= 0)
            finish(cluster, index);
        return 0;
    case KUBE_DID: add_part_event(cluster, event); return 0;
    case KUBE_STOPPED:
        put_on_timeline(cluster, event);
        return error_set(err, EXIT_ENVIRONMENT, -EPERM, "%s",
                         event->text ? event->text : "a watch of the cluster stopped");
    default: put_on_timeline(cluster, event); return 0;
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
    unsigned most = order->verb == KUBE_DELETE ? CLUSTER_CHANGES_MAX : CLUSTER_CHANGES_MAX / 2;
    if (cluster->change_count >= most)
        return error_set(err, EXIT_USAGE, -ENOSPC, "more than %u changes in one run", most);
    order->confirm = true;
    int action = kube_start(cluster->kube, order, err);
    if (action < 0)
        return action;
    struct cluster_change *change = &cluster->changes[cluster->change_count];
    memset(change, 0, sizeof(*change));
    change->action = (uint32_t)action;
    change->deletes = -1;
    change->lasts = order->verb == KUBE_DRAIN || order->verb == KUBE_EVICT || order->wait_gone;
    change->object = order->verb == KUBE_APPLY ? order->object : NULL;
    snprintf(change->text, sizeof(change->text), "%s %s", kube_verb_text(order->verb),
             order->name != NULL ? order->name : json_string(order->object, "metadata.name", ""));
    return (int)cluster->change_count++;
}

void cluster_release(struct cluster *cluster, unsigned which)
{
    cluster->changes[which].held = false;
    kube_commit(cluster->kube, (int)cluster->changes[which].action);
}

int cluster_delete_created(struct cluster *cluster, unsigned which, struct error *err)
{
    struct cluster_change *made = &cluster->changes[which];
    struct kube_order order = {.verb = KUBE_DELETE,
                               .object = made->object,
                               .uid = made->result.uid,
                               .grace_s = KUBE_GRACE_OWN,
                               .wait_gone = true};
    made->tried = true;
    int index = cluster_change(cluster, &order, err);
    if (index >= 0)
        cluster->changes[index].deletes = (int)which;
    return index;
}

static void give_up(struct cluster *cluster, bool all, const char *why)
{
    for (unsigned i = 0; i < cluster->change_count; i++) {
        const struct cluster_change *change = &cluster->changes[i];
        if (!change->over && (all || !change->journalled || change->held || change->lasts))
            kube_cancel(cluster->kube, (int)change->action, why);
    }
}

static bool all_over(const struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->change_count; i++)
        if (!cluster->changes[i].over)
            return false;
    return true;
}

void cluster_settle(struct cluster *cluster, unsigned timeout_ms)
{
    if (cluster->kube == NULL)
        return;
    uint64_t deadline_ns = clock_now_ns(cluster->clock) + timeout_ms * UINT64_C(1000000);
    give_up(cluster, false, "the run ended before it was made");
    while (!all_over(cluster) && clock_now_ns(cluster->clock) < deadline_ns)
        cluster_poll(cluster, 20, NULL);
    give_up(cluster, true, "the run ended before it was answered");
    cluster_poll(cluster, 0, NULL);
}

/* A node that is put back takes pods again, but gets none before it is ready. */
static void tell_lost_node(const struct cluster *cluster, const struct cluster_change *change)
{
    const char *name = change->result.name;
    char why[200];
    if (change->result.resource.kind != KUBE_NODE)
        return;
    const struct kube_object *node = kube_find(cluster->kube, KUBE_NODE, NULL, name);
    if (node != NULL && node->node.ready)
        return;
    if (node == NULL)
        snprintf(why, sizeof(why), "it is gone");
    else
        kube_node_why_not_ready(&node->node, why, sizeof(why));
    text_tame(why);
    fprintf(stderr, "seamline: node/%s was put back, but has not returned: %s\n", name, why);
}

/* An undo that finds nothing left to do is one that is done. */
static int put_back_one(struct cluster *cluster, unsigned index, unsigned timeout_ms,
                        struct error *err)
{
    struct cluster_change *change = &cluster->changes[index];
    uint64_t deadline_ns = clock_now_ns(cluster->clock) + timeout_ms * UINT64_C(1000000);
    const struct kube_result *result = NULL;
    int action = kube_start_undo(cluster->kube, change->undo, err);
    if (action < 0)
        return action;
    while ((result = kube_result(cluster->kube, action)) == NULL &&
           clock_now_ns(cluster->clock) < deadline_ns)
        cluster_poll(cluster, 20, NULL);
    if (result == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "no answer within %u s",
                         timeout_ms / 1000);
    int code = result->done == KUBE_DONE_FAILED && result->reason != KUBE_REASON_NOT_FOUND
                   ? error_set(err, EXIT_ENVIRONMENT, -EIO, "%s", result->error.text)
                   : 0;
    struct timeline_event event = {.not_before_ns = result->sent_ns,
                                   .not_after_ns = result->answered_ns,
                                   .kind = TIMELINE_CHANGE,
                                   .ours = true};
    snprintf(event.object, sizeof(event.object), "%.*s", TIMELINE_NAME_BYTES - 1,
             change->result.name);
    snprintf(event.text, sizeof(event.text), "put back: %.200s", change->text);
    if (code == 0 && result->sent_ns != 0)
        rundir_add_event(cluster->rundir, &event, NULL);
    if (code == 0)
        tell_lost_node(cluster, change);
    kube_forget(cluster->kube, action);
    return code;
}

bool cluster_has_left(const struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->change_count; i++)
        if (cluster->changes[i].created && cluster->changes[i].tried && !cluster->changes[i].undone)
            return true;
    return false;
}

int cluster_put_back(struct cluster *cluster, unsigned timeout_ms, struct error *err)
{
    int first = 0;
    cluster->putting_back = true;
    for (unsigned left = cluster->change_count; left > 0; left--) {
        struct cluster_change *change = &cluster->changes[left - 1];
        struct error why = {0};
        if (change->undo == NULL || change->undone || !change->over ||
            change->result.sent_ns == 0 || change->result.done == KUBE_DONE_UNCHANGED)
            continue;
        int code = put_back_one(cluster, left - 1, timeout_ms, &why);
        change->undone = code == 0;
        if (code == 0) {
            journal_add_undone(cluster->rundir, left, &cluster->rundir->trouble);
            continue;
        }
        error_wrap(&why, "\"%s\" was not put back, see `seamline undo %s`", change->text,
                   cluster->rundir->path);
        if (first == 0)
            first = error_set(err, why.status, code, "%s", why.text);
        else
            fprintf(stderr, "seamline: %s\n", why.text);
    }
    cluster->putting_back = false;
    return first;
}

int cluster_journal(struct cluster *cluster, const char *kubeconfig, struct error *err)
{
    struct journal_cluster of;
    memset(&of, 0, sizeof(of));
    if (cluster->kube == NULL)
        return 0;
    const struct kubeconfig *config = kube_config(cluster->kube);
    if (realpath(kubeconfig, of.kubeconfig) == NULL)
        snprintf(of.kubeconfig, sizeof(of.kubeconfig), "%s", kubeconfig);
    snprintf(of.server, sizeof(of.server), "%s", config->server);
    snprintf(of.context, sizeof(of.context), "%s", config->context);
    snprintf(of.namespace, sizeof(of.namespace), "%s", kube_namespace(cluster->kube));
    return journal_add_cluster(cluster->rundir, &of, err);
}
