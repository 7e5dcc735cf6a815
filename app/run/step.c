#include "run/step.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "run/launch.h"
#include "rundir/timeline.h"

/* Of a step that gives none: nothing waits for ever. */
#define DEADLINE_NS UINT64_C(300000000000)

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

/* What the first change while traffic ran is measured from. */
static void note_change(const struct steps *steps, struct session *session,
                        const struct kube_result *result)
{
    if (session->launched && !steps->go_on && session->meta.change_ns == 0)
        session->meta.change_ns = result->sent_ns;
}

/* 1 while the change is under way, 0 when it was made, or its error. */
static int change_state(struct steps *steps, struct session *session, struct error *err)
{
    const struct cluster_change *change = &session->cluster.changes[steps->change];
    if (!change->over)
        return 1;
    steps->change = -1;
    note_change(steps, session, &change->result);
    if (change->result.done != KUBE_DONE_FAILED)
        return 0;
    int code = change->result.code < 0 ? change->result.code : -EIO;
    return error_set(err, change->result.error.status, code, "%s",
                     change->result.error.text[0] ? change->result.error.text : change->text);
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
        if (!change->created || change->undone || change->tried)
            continue;
        steps->change = cluster_delete_created(&session->cluster, left - 1, err);
        return steps->change < 0 ? steps->change : 1;
    }
    if (steps->failed.text[0])
        return error_set(err, steps->failed.status, -EIO, "%s", steps->failed.text);
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
    if (steps->rollout_change >= 0)
        return 0;
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
        if (code < 0)
            break;
        session->meta.streams[stream].started_ns = clock_now_ns(&session->clock);
        session_note(session, TIMELINE_STREAM_START, session->experiment->streams[stream].name,
                     session->meta.streams[stream].target, 0);
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
    /* The caches show our change: by then it has started, and may be over already. */
    int code = rollout_state(session, step->deployment, err);
    return step->until == EXPERIMENT_UNTIL_ROLLOUT_STARTED && code == 1 ? 0 : code;
}

static const struct kube_object *deployment_of(const struct session *session, const char *name)
{
    return name == NULL || session->cluster.kube == NULL
               ? NULL
               : kube_find(session->cluster.kube, KUBE_DEPLOYMENT, NULL, name);
}

/* An observed rollout is over when it has begun and is complete. It has begun when it is seen under
 * way, or when the Deployment's generation rose: a quick one may be over at the next look. */
static int until_observed(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    const struct kube_object *object = deployment_of(session, step->deployment);
    if (object == NULL && steps->generation == 0)
        return error_set(err, EXIT_USAGE, -ENOENT,
                         "there is no deployment %s in namespace %s to observe", step->deployment,
                         kube_namespace(session->cluster.kube));
    int code = rollout_state(session, step->deployment, err);
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

/* What it was waiting for, when the deadline passes. */

static void add_streams(const struct steps *steps, const struct session *session, struct text *text)
{
    const struct experiment_step *step = &steps->list[steps->index];
    for (uint32_t i = 0; i < step->stream_count; i++) {
        struct fleet_counts counts = fleet_counts(&session->fleet, step->streams[i]);
        text_addf(text,
                  "\n  stream %s: %" PRIu64 " connections up, %" PRIu64 " connecting, %" PRIu64
                  " of %" PRIu64 " requests lost",
                  session->experiment->streams[step->streams[i]].name, counts.up, counts.connecting,
                  counts.lost, counts.due);
    }
}

static void add_rollout(const struct session *session, const char *name, struct text *text)
{
    const struct kube_object *object = deployment_of(session, name);
    struct kube_rollout rollout;
    if (object == NULL) {
        text_addf(text, "\n  there is no deployment %s in namespace %s", name,
                  kube_namespace(session->cluster.kube));
        return;
    }
    kube_rollout_status(object, &rollout);
    if (rollout.state == KUBE_ROLLOUT_COMPLETE) {
        text_addf(text, "\n  deployment/%s: no rollout is under way", name);
        return;
    }
    text_addf(text, "\n  deployment/%s: %s\n", name, rollout.text);
    kube_rollout_reasons(object, kube_objects(session->cluster.kube, KUBE_POD), text);
}

static void add_applied(const struct steps *steps, const struct session *session, struct text *text)
{
    const struct experiment_step *step = &steps->list[steps->index];
    for (uint32_t f = 0; f < step->file_count; f++) {
        const struct manifest *manifest = manifest_of(session, step->files[f]);
        for (uint32_t i = 0; i < manifest->count; i++)
            if (strcmp(json_string(manifest->objects[i], "kind", ""), "Deployment") == 0)
                add_rollout(session, json_string(manifest->objects[i], "metadata.name", ""), text);
    }
}

static int deadline_error(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    struct text text = {0};
    if (steps->change >= 0)
        text_addf(&text, ": still waiting for \"%s\"",
                  session->cluster.changes[steps->change].text);
    else if (step->verb == EXPERIMENT_START || step->verb == EXPERIMENT_STOP)
        add_streams(steps, session, &text);
    else if (step->verb == EXPERIMENT_APPLY)
        add_applied(steps, session, &text);
    else if (step->deployment != NULL)
        add_rollout(session, step->deployment, &text);
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
        bool deletes = step->verb == EXPERIMENT_DELETE_APPLIED;
        int code = change_state(steps, session, deletes ? &steps->failed : err);
        if (code == 1 || (code < 0 && !deletes))
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

static void begin(struct steps *steps, struct session *session)
{
    const struct experiment_step *step = &steps->list[steps->index];
    const struct kube_object *deployment = deployment_of(session, step->deployment);
    steps->begun_ns = clock_now_ns(&session->clock);
    steps->deadline_ns =
        steps->begun_ns + (step->deadline_ns > 0 ? (uint64_t)step->deadline_ns : DEADLINE_NS);
    steps->change = steps->rollout_change = -1;
    steps->file = steps->object = 0;
    steps->generation = deployment != NULL ? deployment->meta.generation : 0;
    steps->began = false;
    steps->failed = (struct error){0};
    steps->phase = STEP_ACT;
    for (unsigned i = 0; i < session->cluster.change_count; i++)
        session->cluster.changes[i].tried = false;
    session_note(session, TIMELINE_STEP_START, name_of(step), experiment_verb_word(step->verb), 0);
}

static void end(struct steps *steps, struct session *session, const char *how)
{
    session_note(session, TIMELINE_STEP_END, name_of(&steps->list[steps->index]), how, 0);
    steps->index++;
    steps->phase = STEP_BEGIN;
}

void steps_break(struct steps *steps, struct session *session, const char *why)
{
    if (steps->index < steps->count && steps->phase != STEP_BEGIN)
        end(steps, session, why);
    steps->index = steps->count;
}

static int fail(struct steps *steps, struct session *session, int code, struct error *err)
{
    error_wrap(err, "step %s", name_of(&steps->list[steps->index]));
    end(steps, session, err->text);
    if (steps->go_on)
        return 1;
    steps->index = steps->count;
    return code;
}

static bool is_late(const struct steps *steps, const struct session *session)
{
    const struct experiment_step *step = &steps->list[steps->index];
    return step->verb != EXPERIMENT_WAIT && clock_now_ns(&session->clock) > steps->deadline_ns;
}

/* 1 while the present step goes on, 0 when it is over, or its error. */
static int go_on(struct steps *steps, struct session *session, struct error *err)
{
    int code = 0;
    if (steps->phase == STEP_BEGIN)
        begin(steps, session);
    if (steps->phase == STEP_ACT)
        code = act(steps, session, err);
    if (code == 0) {
        steps->phase = STEP_UNTIL;
        code = until_state(steps, session, err);
    }
    return code == 1 && is_late(steps, session) ? deadline_error(steps, session, err) : code;
}

int steps_tick(struct steps *steps, struct session *session, struct error *err)
{
    while (steps->index < steps->count) {
        int code = go_on(steps, session, err);
        if (code == 0)
            end(steps, session, "");
        else if (code > 0 || (code = fail(steps, session, code, err)) < 0)
            return code;
    }
    return 0;
}
