#include "run/until.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "kube/rollout.h"

/* What `steady` of an observe step waits for, beside the streams' time-outs. */
#define STEADY_NS INT64_C(1000000000)

const struct manifest *steps_manifest(const struct session *session, const char *file)
{
    for (size_t i = 0; i < session->manifest_count; i++)
        if (strcmp(session->manifest_files[i], file) == 0)
            return &session->manifests[i];
    return NULL;
}

static bool all_streams(const struct steps *steps, const struct session *session, bool steady)
{
    const struct experiment_step *step = &steps->list[steps->index];
    for (uint32_t i = 0; i < step->stream_count; i++) {
        const struct fleet_stream *stream = &session->fleet.streams[step->streams[i]];
        if ((steady ? stream->steady_ns : stream->stopped_ns) == 0)
            return false;
    }
    return true;
}

static void add_reasons(const struct session *session, const struct kube_object *workload,
                        struct text *text)
{
    const struct kube *kube = session->cluster.kube;
    kube_rollout_reasons(workload, kube_objects(kube, KUBE_POD), kube_objects(kube, KUBE_NODE),
                         text);
}

/* 1 while WORKLOAD's rollout goes on, 0 when it is complete, or its error. */
static int rollout_state(struct session *session, const struct experiment_change *workload,
                         struct error *err)
{
    const struct kube_object *object = until_workload(session, workload);
    struct kube_rollout rollout;
    if (object == NULL)
        return 1;
    kube_rollout_status(object, &rollout);
    if (rollout.state == KUBE_ROLLOUT_COMPLETE)
        return 0;
    if (rollout.state == KUBE_ROLLOUT_PROGRESSING)
        return 1;
    struct text reasons = {0};
    add_reasons(session, object, &reasons);
    int code =
        error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "%s/%s: %s%s%s", workload->kind,
                  workload->name, rollout.text, reasons.size ? ":\n" : "", text_str(&reasons));
    text_free(&reasons);
    return code;
}

/* What OBJECT of a manifest is, in words of the experiment's; kind NULL: nothing that rolls out. */
static struct experiment_change workload_of(const cJSON *object)
{
    static const char *const kinds[] = {"deployment", "statefulset", "daemonset"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcasecmp(json_string(object, "kind", ""), kinds[i]) == 0)
            return (struct experiment_change){kinds[i], json_string(object, "metadata.name", "")};
    return (struct experiment_change){NULL, NULL};
}

/* Every one that the step applied. */
static int applied_rollouts(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    for (unsigned i = 0; i < session->cluster.change_count; i++)
        if (session->cluster.changes[i].over &&
            !kube_caught_up(session->cluster.kube, &session->cluster.changes[i].result))
            return 1;
    for (uint32_t f = 0; f < step->file_count; f++) {
        const struct manifest *manifest = steps_manifest(session, step->files[f]);
        for (uint32_t i = 0; i < manifest->count; i++) {
            struct experiment_change workload = workload_of(manifest->objects[i]);
            if (workload.kind == NULL)
                continue;
            int code = rollout_state(session, &workload, err);
            if (code != 0)
                return code;
        }
    }
    return 0;
}

static int until_rollout(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    if (step->verb == EXPERIMENT_APPLY)
        return applied_rollouts(steps, session, err);
    if (steps->rollout_change >= 0 &&
        !kube_caught_up(session->cluster.kube,
                        &session->cluster.changes[steps->rollout_change].result))
        return 1;
    /* The caches show our change: by then it has started, and may be over already. */
    int code = rollout_state(session, &step->object, err);
    return step->until == EXPERIMENT_UNTIL_ROLLOUT_STARTED && code == 1 ? 0 : code;
}

const struct kube_object *until_workload(const struct session *session,
                                         const struct experiment_change *workload)
{
    return !experiment_is_workload(workload) || session->cluster.kube == NULL
               ? NULL
               : kube_find(session->cluster.kube, kube_resource_named(workload->kind)->kind, NULL,
                           workload->name);
}

/* An observed rollout is over when it has begun and is complete. It has begun when it is seen under
 * way, or when its object's generation rose: a quick one may be over at the next look. */
static int until_observed(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    const struct kube_object *object = until_workload(session, &step->object);
    if (object == NULL && steps->generation == 0)
        return error_set(err, EXIT_USAGE, -ENOENT, "there is no %s %s in namespace %s to observe",
                         step->object.kind, step->object.name,
                         kube_namespace(session->cluster.kube));
    int code = rollout_state(session, &step->object, err);
    if (code < 0)
        return code;
    if (!steps->began &&
        (code == 1 || (object != NULL && object->meta.generation != steps->generation))) {
        steps->began = true;
        if (session->launched && session->meta.change_ns == 0)
            session->meta.change_ns = clock_now_ns(&session->clock);
    }
    if (step->until == EXPERIMENT_UNTIL_ROLLOUT_STARTED)
        return !steps->began;
    return steps->began ? code : 1;
}

/* Old or new: as many as are wanted. */
static int until_ready(const struct steps *steps, const struct session *session)
{
    const struct experiment_step *step = &steps->list[steps->index];
    const struct kube_object *object = until_workload(session, &step->object);
    struct kube_rollout rollout;
    if (object == NULL ||
        (steps->rollout_change >= 0 &&
         !kube_caught_up(session->cluster.kube,
                         &session->cluster.changes[steps->rollout_change].result)))
        return 1;
    kube_rollout_status(object, &rollout);
    return rollout.available < rollout.replicas;
}

/* For HOLD_NS, and as long as the streams wait for an answer, nothing was lost, and every
 * connection that is held is up. Whether windows are closed is decided by the logs, after the run:
 * this is what can be known while it goes on. */
static int until_quiet(struct steps *steps, const struct session *session, int64_t hold_ns)
{
    const struct experiment *experiment = session->experiment;
    uint64_t now_ns = clock_now_ns(&session->clock), sum = 0;
    int64_t wait_ns = 0;
    bool down = false;
    for (uint32_t i = 0; i < experiment->stream_count; i++) {
        const struct experiment_stream *stream = &experiment->streams[i];
        struct fleet_counts counts = fleet_counts(&session->fleet, i);
        if (session->fleet.streams[i].wanted == 0 || session->fleet.streams[i].stopped_ns != 0)
            continue;
        sum += counts.lost + counts.broken + counts.failed_connects;
        down |= stream->mode == EXPERIMENT_MODE_HELD && counts.up < stream->connections;
        wait_ns = stream->timeout_ns > wait_ns ? stream->timeout_ns : wait_ns;
        wait_ns = stream->connect_timeout_ns > wait_ns ? stream->connect_timeout_ns : wait_ns;
    }
    if (down || sum != steps->quiet_sum || steps->quiet_since_ns == 0) {
        steps->quiet_sum = sum;
        steps->quiet_since_ns = now_ns;
    }
    return now_ns < steps->quiet_since_ns + (uint64_t)(hold_ns + wait_ns);
}

/* Ready, and it takes pods. Of a node that is not there: it may come back. */
static int until_node(const struct steps *steps, const struct session *session)
{
    const struct experiment_step *step = &steps->list[steps->index];
    const struct cluster *cluster = &session->cluster;
    const struct kube_object *node = kube_find(cluster->kube, KUBE_NODE, NULL, step->node);
    if (steps->rollout_change >= 0 &&
        !kube_caught_up(cluster->kube, &cluster->changes[steps->rollout_change].result))
        return 1;
    return node == NULL || !node->node.ready || node->node.unschedulable;
}

int until_state(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    if (step->verb == EXPERIMENT_STOP)
        return !all_streams(steps, session, false);
    if (step->verb == EXPERIMENT_OBSERVE && experiment_rolls(step))
        return until_observed(steps, session, err);
    switch (step->until) {
    case EXPERIMENT_UNTIL_STEADY:
        return step->verb == EXPERIMENT_START ? !all_streams(steps, session, true)
                                              : until_quiet(steps, session, STEADY_NS);
    case EXPERIMENT_UNTIL_WINDOWS_CLOSED:
        return until_quiet(steps, session, session->experiment->windows.hold_off_ns);
    case EXPERIMENT_UNTIL_READY:
        return step->node != NULL && step->object.kind == NULL ? until_node(steps, session)
                                                               : until_ready(steps, session);
    case EXPERIMENT_UNTIL_ROLLOUT_STARTED:
    case EXPERIMENT_UNTIL_ROLLOUT_COMPLETE: return until_rollout(steps, session, err);
    default: return 0;
    }
}

/* What it was waiting for, when the deadline passes. */

static void add_streams(const struct steps *steps, const struct session *session, struct text *text)
{
    const struct experiment_step *step = &steps->list[steps->index];
    bool all = step->stream_count == 0; /* observe: those that run. */
    uint32_t count = all ? session->experiment->stream_count : step->stream_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t stream = all ? i : step->streams[i];
        struct fleet_counts counts = fleet_counts(&session->fleet, stream);
        text_addf(text,
                  "\n  stream %s: %" PRIu64 " connections up, %" PRIu64 " connecting, %" PRIu64
                  " of %" PRIu64 " requests lost",
                  session->experiment->streams[stream].name, counts.up, counts.connecting,
                  counts.lost, counts.due);
    }
}

static void add_rollout(const struct session *session, const struct experiment_change *workload,
                        struct text *text)
{
    const struct kube_object *object = until_workload(session, workload);
    struct kube_rollout rollout;
    if (object == NULL) {
        text_addf(text, "\n  there is no %s %s in namespace %s", workload->kind, workload->name,
                  kube_namespace(session->cluster.kube));
        return;
    }
    kube_rollout_status(object, &rollout);
    if (rollout.state == KUBE_ROLLOUT_COMPLETE) {
        text_addf(text, "\n  %s/%s: no rollout is under way", workload->kind, workload->name);
        return;
    }
    text_addf(text, "\n  %s/%s: %s\n", workload->kind, workload->name, rollout.text);
    add_reasons(session, object, text);
}

static void add_applied(const struct steps *steps, const struct session *session, struct text *text)
{
    const struct experiment_step *step = &steps->list[steps->index];
    for (uint32_t f = 0; f < step->file_count; f++) {
        const struct manifest *manifest = steps_manifest(session, step->files[f]);
        for (uint32_t i = 0; i < manifest->count; i++) {
            struct experiment_change workload = workload_of(manifest->objects[i]);
            if (workload.kind != NULL)
                add_rollout(session, &workload, text);
        }
    }
}

static void add_node(const struct session *session, const char *name, struct text *text)
{
    const struct kube_object *node = kube_find(session->cluster.kube, KUBE_NODE, NULL, name);
    char why[200];
    if (node == NULL) {
        text_addf(text, "\n  there is no node %s", name);
        return;
    }
    kube_node_why_not_ready(&node->node, why, sizeof(why));
    text_addf(text, "\n  node %s is %s%s%s%s", name, node->node.ready ? "ready" : "not ready (",
              why, node->node.ready ? "" : ")", node->node.unschedulable ? ", and cordoned" : "");
}

/* One that waits for its turn, as an eviction for its budget, is not made any more; what held it is
 * told. */
static void add_change(const struct cluster *cluster, const struct cluster_change *change,
                       struct text *text)
{
    text_addf(text, ": still waiting for \"%s\"", change->text);
    kube_cancel(cluster->kube, (int)change->action, "it took too long");
    const struct kube_result *result = kube_result(cluster->kube, (int)change->action);
    if (result != NULL && result->error.text[0] != '\0')
        text_addf(text, ": %s", result->error.text);
}

/* What was told of the cluster may have changed since. */
static void add_heard(const struct session *session, struct text *text)
{
    const struct kube *kube = session->cluster.kube;
    const uint64_t heard_ns = kube != NULL ? kube_heard_ns(kube) : 0;
    if (heard_ns != 0)
        text_addf(
            text, "\n  this was %.1f s ago: the watches broke off, and %s was not reached since",
            (double)(clock_now_ns(&session->clock) - heard_ns) / 1e9, kube_config(kube)->server);
}

/* What the caches hold of what is waited for. */
static void add_state(const struct steps *steps, const struct session *session, struct text *text)
{
    const struct experiment_step *step = &steps->list[steps->index];
    if (step->verb == EXPERIMENT_APPLY)
        add_applied(steps, session, text);
    else if (experiment_is_workload(&step->object))
        add_rollout(session, &step->object, text);
    else if (step->node != NULL)
        add_node(session, step->node, text);
    add_heard(session, text);
}

int until_late(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    struct text text = {0};
    if (steps->program.pid != 0)
        text_addf(&text, ": %s still runs", steps->program.name);
    else if (steps->change >= 0)
        add_change(&session->cluster, &session->cluster.changes[steps->change], &text);
    else if (step->verb == EXPERIMENT_START || step->verb == EXPERIMENT_STOP ||
             step->until == EXPERIMENT_UNTIL_STEADY ||
             step->until == EXPERIMENT_UNTIL_WINDOWS_CLOSED)
        add_streams(steps, session, &text);
    else
        add_state(steps, session, &text);
    int code = error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "%s was not reached in time%s",
                         experiment_until_word(step->until), text_str(&text));
    text_free(&text);
    return code;
}
