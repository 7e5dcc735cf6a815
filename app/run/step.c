#include "run/step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "run/launch.h"
#include "rundir/timeline.h"

void steps_start(struct steps *steps, const struct experiment_step *list, unsigned count,
                 bool go_on)
{
    *steps = (struct steps){
        .list = list, .count = count, .go_on = go_on, .change = -1, .rollout_change = -1};
}

static const char *name_of(const struct experiment_step *step)
{
    return step->id != NULL ? step->id : experiment_verb_word(step->verb);
}

const char *steps_text(const struct steps *steps, char out[96])
{
    out[0] = '\0';
    if (steps->index < steps->count)
        snprintf(out, 96, "%u/%u %.60s", steps->index + 1, steps->count,
                 name_of(&steps->list[steps->index]));
    return out;
}

/* ---- changes ---- */

/* 1 while the change is under way, 0 when it was made, or its error. */
static int change_state(struct steps *steps, struct session *session, struct error *err)
{
    const struct cluster_change *change = &session->cluster.changes[steps->change];
    if (!change->over)
        return 1;
    steps->change = -1;
    if (change->result.done == KUBE_DONE_FAILED)
        return error_set(err, change->refused ? EXIT_USAGE : change->result.error.status,
                         change->result.code, "%s", change->result.error.text);
    return 0;
}

static int order_change(struct steps *steps, struct session *session, struct kube_order *order,
                        struct error *err)
{
    steps->change = cluster_change(&session->cluster, order, err);
    return steps->change < 0 ? steps->change : 1;
}

static const struct manifest *manifest_of(const struct session *session, const char *file)
{
    for (size_t i = 0; i < session->manifest_count; i++)
        if (strcmp(session->manifest_files[i], file) == 0)
            return &session->manifests[i];
    return NULL;
}

static int act_apply(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    for (; steps->file < step->file_count; steps->file++, steps->object = 0) {
        const struct manifest *manifest = manifest_of(session, step->files[steps->file]);
        if (steps->object < manifest->count) {
            struct kube_order order = {.verb = KUBE_APPLY,
                                       .object = manifest->objects[steps->object++]};
            return order_change(steps, session, &order, err);
        }
    }
    return 0;
}

static int act_delete_applied(struct steps *steps, struct session *session, struct error *err)
{
    /* Last made, first deleted. */
    for (unsigned left = session->cluster.change_count; left > 0; left--) {
        struct cluster_change *change = &session->cluster.changes[left - 1];
        if (!change->created || change->undone)
            continue;
        steps->change = cluster_delete_created(&session->cluster, left - 1, err);
        return steps->change < 0 ? steps->change : 1;
    }
    return 0;
}

static int act_set_image(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    if (steps->rollout_change >= 0) {
        const struct cluster_change *change = &session->cluster.changes[steps->rollout_change];
        if (change->result.done == KUBE_DONE_UNCHANGED)
            return error_set(err, EXIT_USAGE, -EALREADY,
                             "deployment/%s has the image %s already: there would be no rollout; "
                             "give another image",
                             step->deployment, step->image);
        if (session->meta.change_ns == 0)
            session->meta.change_ns = change->result.sent_ns;
        return 0;
    }
    struct kube_order order = {.verb = KUBE_SET_IMAGE,
                               .name = step->deployment,
                               .container = step->container,
                               .image = step->image};
    int code = order_change(steps, session, &order, err);
    steps->rollout_change = steps->change;
    return code;
}

static int act_scale(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    if (steps->rollout_change >= 0) {
        if (session->meta.change_ns == 0)
            session->meta.change_ns =
                session->cluster.changes[steps->rollout_change].result.sent_ns;
        return 0;
    }
    struct kube_order order = {
        .verb = KUBE_SCALE, .name = step->deployment, .replicas = step->replicas};
    int code = order_change(steps, session, &order, err);
    steps->rollout_change = steps->change;
    return code;
}

/* ---- streams ---- */

static int act_start(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    int code = session->launched ? 0 : launch_workers(session, err);
    if (code == -EAGAIN && clock_now_ns(&session->clock) < steps->deadline_ns) {
        memset(err, 0, sizeof(*err));
        return 1;
    }
    for (uint32_t i = 0; i < step->stream_count && code == 0; i++) {
        uint32_t stream = step->streams[i];
        code = fleet_start(&session->fleet, stream, err);
        session->meta.streams[stream].started_ns = clock_now_ns(&session->clock);
        if (code == 0)
            code = session_note(session, TIMELINE_STREAM_START,
                                session->experiment->streams[stream].name,
                                session->meta.streams[stream].target, 0, err);
    }
    return code;
}

static int act_stop(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    int code = 0;
    for (uint32_t i = 0; i < step->stream_count && code == 0; i++)
        code = fleet_stop(&session->fleet, step->streams[i], err);
    return code;
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

/* ---- until ---- */

/* 1 while DEPLOYMENT's rollout goes on, 0 when it is complete, or its error. */
static int rollout_state(struct session *session, const char *deployment, struct error *err)
{
    const struct kube_object *object =
        kube_find(session->cluster.kube, KUBE_DEPLOYMENT, NULL, deployment);
    struct kube_rollout rollout;
    if (object == NULL)
        return 1;
    kube_rollout_status(object, &rollout);
    if (rollout.state == KUBE_ROLLOUT_COMPLETE)
        return 0;
    if (rollout.state == KUBE_ROLLOUT_PROGRESSING)
        return 1;
    struct text reasons = {0};
    kube_rollout_reasons(object, kube_objects(session->cluster.kube, KUBE_POD), &reasons);
    int code = error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "deployment/%s: %s%s%s", deployment,
                         rollout.text, reasons.size ? ":\n" : "", text_str(&reasons));
    text_free(&reasons);
    return code;
}

/* Every Deployment that the step applied. */
static int applied_rollouts(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    for (unsigned i = 0; i < session->cluster.change_count; i++)
        if (session->cluster.changes[i].over &&
            !kube_caught_up(session->cluster.kube, &session->cluster.changes[i].result))
            return 1;
    for (uint32_t f = 0; f < step->file_count; f++) {
        const struct manifest *manifest = manifest_of(session, step->files[f]);
        for (uint32_t i = 0; i < manifest->count; i++) {
            const cJSON *object = manifest->objects[i];
            if (strcmp(json_string(object, "kind", ""), "Deployment") != 0)
                continue;
            int code = rollout_state(session, json_string(object, "metadata.name", ""), err);
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
    int code = rollout_state(session, step->deployment, err);
    if (step->until == EXPERIMENT_UNTIL_ROLLOUT_STARTED)
        return code == 1 ? 0 : code == 0 ? 1 : code;
    return code;
}

/* An observed rollout is over when it has begun and is complete. */
static int until_observed(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    int code = rollout_state(session, step->deployment, err);
    if (code < 0)
        return code;
    if (steps->object == 0) {
        if (code == 1) {
            steps->object = 1;
            if (session->meta.change_ns == 0)
                session->meta.change_ns = clock_now_ns(&session->clock);
        }
        return step->until == EXPERIMENT_UNTIL_ROLLOUT_STARTED && code == 1 ? 0 : 1;
    }
    return code;
}

static int until_state(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    if (step->verb == EXPERIMENT_STOP)
        return !all_streams(steps, session, false);
    if (step->verb == EXPERIMENT_OBSERVE)
        return until_observed(steps, session, err);
    switch (step->until) {
    case EXPERIMENT_UNTIL_STEADY: return !all_streams(steps, session, true);
    case EXPERIMENT_UNTIL_ROLLOUT_STARTED:
    case EXPERIMENT_UNTIL_ROLLOUT_COMPLETE: return until_rollout(steps, session, err);
    default: return 0;
    }
}

static void add_rollout(const struct session *session, const char *deployment, struct text *text)
{
    const struct kube_object *object =
        kube_find(session->cluster.kube, KUBE_DEPLOYMENT, NULL, deployment);
    struct kube_rollout rollout;
    if (object == NULL)
        return;
    kube_rollout_status(object, &rollout);
    if (rollout.state == KUBE_ROLLOUT_COMPLETE)
        return;
    text_addf(text, "\n  deployment/%s: %s\n", deployment, rollout.text);
    kube_rollout_reasons(object, kube_objects(session->cluster.kube, KUBE_POD), text);
}

static void add_applied_rollouts(const struct session *session, const struct experiment_step *step,
                                 struct text *text)
{
    for (uint32_t f = 0; f < step->file_count; f++) {
        const struct manifest *manifest = manifest_of(session, step->files[f]);
        for (uint32_t i = 0; i < manifest->count; i++)
            if (strcmp(json_string(manifest->objects[i], "kind", ""), "Deployment") == 0)
                add_rollout(session, json_string(manifest->objects[i], "metadata.name", ""), text);
    }
}

/* What it was waiting for, when the deadline passes. */
static int deadline_error(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    struct text text = {0};
    if (step->verb == EXPERIMENT_START) {
        for (uint32_t i = 0; i < step->stream_count; i++) {
            struct fleet_counts counts = fleet_counts(&session->fleet, step->streams[i]);
            text_addf(&text,
                      "\n  stream %s: %llu connections up, %llu connecting, %llu of %llu "
                      "requests lost",
                      session->experiment->streams[step->streams[i]].name,
                      (unsigned long long)counts.up, (unsigned long long)counts.connecting,
                      (unsigned long long)counts.lost, (unsigned long long)counts.due);
        }
    } else if (step->verb == EXPERIMENT_APPLY) {
        add_applied_rollouts(session, step, &text);
    } else if (step->deployment != NULL && session->cluster.kube != NULL) {
        add_rollout(session, step->deployment, &text);
    }
    int code = error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "%s was not reached in time%s",
                         experiment_until_word(step->until), text_str(&text));
    text_free(&text);
    return code;
}

/* ---- the machine ---- */

static int act(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    if (steps->change >= 0) {
        int code = change_state(steps, session, err);
        if (code != 0)
            return code;
    }
    switch (step->verb) {
    case EXPERIMENT_APPLY: return act_apply(steps, session, err);
    case EXPERIMENT_START: return act_start(steps, session, err);
    case EXPERIMENT_WAIT:
        return clock_now_ns(&session->clock) < steps->begun_ns + (uint64_t)step->for_ns;
    case EXPERIMENT_SET_IMAGE: return act_set_image(steps, session, err);
    case EXPERIMENT_SCALE: return act_scale(steps, session, err);
    case EXPERIMENT_STOP: return act_stop(steps, session, err);
    case EXPERIMENT_DELETE_APPLIED: return act_delete_applied(steps, session, err);
    default: return 0;
    }
}

static int begin(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    steps->begun_ns = clock_now_ns(&session->clock);
    steps->deadline_ns = steps->begun_ns + (uint64_t)step->deadline_ns;
    steps->change = steps->rollout_change = -1;
    steps->file = steps->object = 0;
    steps->phase = STEP_ACT;
    if (experiment_verb_changes(step->verb))
        session->baseline_over = true;
    return session_note(session, TIMELINE_STEP_START, name_of(step),
                        experiment_verb_word(step->verb), 0, err);
}

static int end(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    int code = session_note(session, TIMELINE_STEP_END, name_of(step), "", 0, err);
    steps->index++;
    steps->phase = STEP_BEGIN;
    return code;
}

static int fail(struct steps *steps, struct session *session, int code, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    error_wrap(err, "step %s", name_of(step));
    session_note(session, TIMELINE_STEP_END, name_of(step), err->text, 0, NULL);
    if (!steps->go_on) {
        steps->index = steps->count;
        return code;
    }
    steps->index++;
    steps->phase = STEP_BEGIN;
    return 1;
}

int steps_tick(struct steps *steps, struct session *session, struct error *err)
{
    while (steps->index < steps->count) {
        int code = 0;
        if (steps->phase == STEP_BEGIN)
            code = begin(steps, session, err);
        if (code == 0 && steps->phase == STEP_ACT) {
            code = act(steps, session, err);
            if (code == 0)
                steps->phase = STEP_UNTIL;
        }
        if (code == 0 && steps->phase == STEP_UNTIL) {
            code = until_state(steps, session, err);
            if (code == 1 && steps->list[steps->index].deadline_ns > 0 &&
                clock_now_ns(&session->clock) > steps->deadline_ns)
                code = deadline_error(steps, session, err);
        }
        if (code == 1)
            return 1;
        if (code == 0)
            code = end(steps, session, err);
        if (code < 0 && (code = fail(steps, session, code, err)) < 0)
            return code;
    }
    return 0;
}
