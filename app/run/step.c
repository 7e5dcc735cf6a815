#include "run/step.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "kube/in_cluster.h"
#include "run/launch.h"
#include "run/until.h"
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

/* What the first change while traffic ran is measured from. One that found all as it is to be is
 * none. */
static void note_change(const struct steps *steps, struct session *session,
                        const struct kube_result *result)
{
    if (session->launched && !steps->go_on && session->meta.change_ns == 0 &&
        result->done != KUBE_DONE_UNCHANGED)
        session->meta.change_ns = result->sent_ns;
}

/* 1 while the change is under way, 0 when it was made, or its error. */
static int change_state(struct steps *steps, struct session *session, struct error *err)
{
    const struct cluster_change *change = &session->cluster.changes[steps->change];
    note_change(steps, session, &change->result);
    if (!change->over)
        return 1;
    steps->change = -1;
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

static int act_apply(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    for (; steps->file < step->file_count; steps->file++, steps->object = 0) {
        const struct manifest *manifest = steps_manifest(session, step->files[steps->file]);
        if (steps->object < manifest->count) {
            struct kube_order order = {.verb = KUBE_APPLY,
                                       .object = manifest->objects[steps->object++],
                                       .force = true}; /* mayChange names it. */
            return order_change(steps, session, &order, err);
        }
    }
    return 0;
}

static int act_delete_applied(struct steps *steps, struct session *session, struct error *err)
{
    /* While the server is away all fare as the first one did. */
    if (steps->failed.text[0] && kube_heard_ns(session->cluster.kube) != 0)
        return error_set(err, steps->failed.status, -EIO, "%s", steps->failed.text);
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

/* The first of the pods that PATTERN fits, by name: one that is ready before one that is not. */
static const char *choose_pod(const struct session *session, const char *pattern)
{
    const struct kube_cache *pods = kube_objects(session->cluster.kube, KUBE_POD);
    const struct kube_object *best = NULL;
    for (unsigned i = 0; i < pods->count; i++) {
        const struct kube_object *pod = pods->objects[i];
        if (kube_object_terminating(pod) || fnmatch(pattern, pod->meta.name, 0) != 0)
            continue;
        if (best == NULL || (pod->pod.ready && !best->pod.ready) ||
            (pod->pod.ready == best->pod.ready && strcmp(pod->meta.name, best->meta.name) < 0))
            best = pod;
    }
    return best != NULL ? best->meta.name : NULL;
}

static int order_pod(const struct experiment_step *step, const struct session *session,
                     struct kube_order *order, struct error *err)
{
    order->verb = step->verb == EXPERIMENT_EVICT ? KUBE_EVICT : KUBE_DELETE;
    order->kind = KUBE_POD;
    order->name = choose_pod(session, step->pod);
    order->grace_s = step->grace_ns / 1000000000;
    order->wait_gone = step->until == EXPERIMENT_UNTIL_GONE;
    return order->name != NULL
               ? 0
               : error_set(err, EXIT_ENVIRONMENT, -ENOENT,
                           "there is no pod %s in namespace %s that is not terminating", step->pod,
                           kube_namespace(session->cluster.kube));
}

static int order_patch(const struct experiment_step *step, struct kube_order *order,
                       struct error *err)
{
    static const char *const types[] = {[EXPERIMENT_PATCH_STRATEGIC] =
                                            "application/strategic-merge-patch+json",
                                        [EXPERIMENT_PATCH_MERGE] = "application/merge-patch+json",
                                        [EXPERIMENT_PATCH_JSON] = "application/json-patch+json"};
    const struct kube_resource *resource = kube_resource_named(step->object.kind);
    order->verb = KUBE_PATCH;
    order->name = step->object.name;
    order->object = step->patch;
    order->content_type = types[step->patch_type];
    if (resource == NULL)
        return error_set(err, EXIT_USAGE, -EOPNOTSUPP, "a %s cannot be patched by a step; apply it",
                         step->object.kind);
    order->kind = resource->kind;
    return 0;
}

/* What an order points to until it is given. */
struct order_memory {
    char *env[EXPERIMENT_ENV_MAX]; /* "NAME=value", or "NAME-". */
};

static int order_env(const struct experiment_step *step, struct kube_order *order,
                     struct order_memory *memory, struct error *err)
{
    order->verb = KUBE_SET_ENV;
    order->container = step->container;
    order->env = (const char *const *)memory->env;
    order->env_count = step->env_count;
    for (uint32_t i = 0; i < step->env_count; i++) {
        const struct experiment_env *env = &step->env[i];
        int size = env->value != NULL ? asprintf(&memory->env[i], "%s=%s", env->name, env->value)
                                      : asprintf(&memory->env[i], "%s-", env->name);
        if (size < 0)
            return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    }
    return 0;
}

static int order_of(const struct experiment_step *step, const struct session *session,
                    struct kube_order *order, struct order_memory *memory, struct error *err)
{
    *order = (struct kube_order){.name = step->object.name};
    if (experiment_is_workload(&step->object))
        order->kind = kube_resource_named(step->object.kind)->kind;
    switch (step->verb) {
    case EXPERIMENT_SET_IMAGE:
        order->verb = KUBE_SET_IMAGE;
        order->container = step->container;
        order->image = step->image;
        return 0;
    case EXPERIMENT_SCALE:
        order->verb = KUBE_SCALE;
        order->replicas = step->replicas;
        return 0;
    case EXPERIMENT_SET_ENV: return order_env(step, order, memory, err);
    case EXPERIMENT_MOVE:
        order->verb = KUBE_MOVE;
        order->node = step->node;
        return 0;
    case EXPERIMENT_DRAIN:
        order->verb = KUBE_DRAIN;
        order->name = step->node;
        order->force = step->force;
        order->delete_empty_dir = step->delete_empty_dir;
        order->grace_s = step->grace_ns / 1000000000;
        return 0;
    case EXPERIMENT_RESTART: order->verb = KUBE_RESTART; return 0;
    case EXPERIMENT_ROLLOUT_UNDO:
        order->verb = KUBE_ROLLOUT_UNDO;
        order->revision = step->to_revision;
        return 0;
    case EXPERIMENT_CORDON:
    case EXPERIMENT_UNCORDON:
        order->verb = step->verb == EXPERIMENT_CORDON ? KUBE_CORDON : KUBE_UNCORDON;
        order->name = step->node;
        return 0;
    case EXPERIMENT_PATCH: return order_patch(step, order, err);
    default: return order_pod(step, session, order, err);
    }
}

/* A step that is one change of one object. */
static int act_change(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    struct order_memory memory = {0};
    struct kube_order order;
    if (steps->rollout_change >= 0) {
        const struct cluster_change *change = &session->cluster.changes[steps->rollout_change];
        if (change->result.done == KUBE_DONE_UNCHANGED && step->verb != EXPERIMENT_SET_IMAGE &&
            experiment_rolls(step))
            return error_set(err, EXIT_USAGE, -EALREADY,
                             "%s/%s is like that already: there would be no rollout",
                             step->object.kind, step->object.name);
        if (change->result.done == KUBE_DONE_UNCHANGED && step->verb == EXPERIMENT_SET_IMAGE)
            return error_set(err, EXIT_USAGE, -EALREADY,
                             "%s/%s has the image %s already: there would be no rollout; "
                             "give another image",
                             step->object.kind, step->object.name, step->image);
        return 0;
    }
    int code = order_of(step, session, &order, &memory, err);
    if (code == 0)
        code = order_change(steps, session, &order, err);
    for (uint32_t i = 0; i < step->env_count; i++)
        free(memory.env[i]);
    steps->rollout_change = steps->change;
    if (steps->change >= 0)
        session->cluster.changes[steps->change].temporary = step->temporary;
    return code;
}

/* ---- programs ---- */

static void add_env(const char **env, struct text *memory, const char *name, const char *value)
{
    if (env != NULL)
        *env = text_str(memory) + memory->size;
    text_addf(memory, "%s=%s", name, value);
    text_add_bytes(memory, "", 1);
}

/* Its environment: what the step names, and how to reach the cluster. Twice: the text moves as it
 * grows. */
static unsigned fill_env(const struct experiment_step *step, const struct session *session,
                         const char **env, struct text *memory)
{
    const struct experiment_cluster *cluster = &session->experiment->cluster;
    char whole[PATH_MAX]; /* The program runs in another folder. */
    const char *run = realpath(session->rundir.path, whole);
    unsigned count = 0;
    text_clear(memory);
#define ADD(name, value) (add_env(env != NULL ? &env[count] : NULL, memory, name, value), count++)
    ADD("SEAMLINE_RUN", run != NULL ? run : session->rundir.path);
    if (cluster->given) {
        if (!kube_in_cluster(session->kubeconfig)) /* There is no file of it. */
            ADD("KUBECONFIG", session->kubeconfig);
        ADD("SEAMLINE_CONTEXT", cluster->context);
        ADD("SEAMLINE_NAMESPACE", cluster->namespace);
    }
    for (uint32_t i = 0; i < step->env_count; i++)
        ADD(step->env[i].name, step->env[i].value);
#undef ADD
    return count;
}

static int start_program(struct steps *steps, struct session *session, struct error *err)
{
    const struct experiment_step *step = &steps->list[steps->index];
    const char *arguments[EXPERIMENT_ARGUMENTS_MAX + 1] = {NULL};
    const char *env[EXPERIMENT_ENV_MAX + 8] = {NULL};
    char folder[PATH_MAX], log[PATH_MAX];
    struct text memory = {0};
    memcpy(arguments, step->command, step->command_count * sizeof(arguments[0]));
    fill_env(step, session, NULL, &memory);
    unsigned count = fill_env(step, session, env, &memory);
    env[count] = NULL;
    experiment_file_path(session->experiment->path, ".", folder);
    if (step->id != NULL)
        snprintf(log, sizeof(log), "%s/exec-%s.txt", session->rundir.path, step->id);
    else
        snprintf(log, sizeof(log), "%s/exec-%u.txt", session->rundir.path, steps->index);
    struct program_plan plan = {.arguments = arguments, .env = env, .folder = folder, .log = log};
    int code = memory.failed ? error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory")
                             : program_start(&steps->program, &plan, err);
    text_free(&memory);
    return code < 0 ? code : 1;
}

/* What it changes is someone else's doing, and can begin with its start. */
static int act_exec(struct steps *steps, struct session *session, struct error *err)
{
    if (steps->program.pid != 0)
        return program_look(&steps->program, err);
    if (session->launched && session->meta.change_ns == 0)
        session->meta.change_ns = clock_now_ns(&session->clock);
    return start_program(steps, session, err);
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
    case EXPERIMENT_SET_IMAGE:
    case EXPERIMENT_SCALE:
    case EXPERIMENT_SET_ENV:
    case EXPERIMENT_MOVE:
    case EXPERIMENT_RESTART:
    case EXPERIMENT_ROLLOUT_UNDO:
    case EXPERIMENT_PATCH:
    case EXPERIMENT_CORDON:
    case EXPERIMENT_DRAIN:
    case EXPERIMENT_UNCORDON:
    case EXPERIMENT_EVICT:
    case EXPERIMENT_DELETE_POD: return act_change(steps, session, err);
    case EXPERIMENT_EXEC: return act_exec(steps, session, err);
    case EXPERIMENT_STOP: return act_stop(steps, session, err);
    case EXPERIMENT_DELETE_APPLIED: return act_delete_applied(steps, session, err);
    default: return 0;
    }
}

static void begin(struct steps *steps, struct session *session)
{
    const struct experiment_step *step = &steps->list[steps->index];
    const struct kube_object *workload = until_workload(session, &step->object);
    steps->begun_ns = clock_now_ns(&session->clock);
    steps->deadline_ns =
        steps->begun_ns + (step->deadline_ns > 0 ? (uint64_t)step->deadline_ns : DEADLINE_NS);
    steps->change = steps->rollout_change = -1;
    steps->file = steps->object = 0;
    steps->generation = workload != NULL ? workload->meta.generation : 0;
    steps->began = false;
    steps->quiet_since_ns = 0;
    steps->failed = (struct error){0};
    steps->phase = STEP_ACT;
    for (unsigned i = 0; i < session->cluster.change_count; i++)
        session->cluster.changes[i].tried = false;
    session_note(session, TIMELINE_STEP_START, name_of(step), experiment_verb_word(step->verb), 0);
}

static void end(struct steps *steps, struct session *session, const char *how)
{
    session_note(session, TIMELINE_STEP_END, name_of(&steps->list[steps->index]), how, 0);
    program_kill(&steps->program);
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
    return code == 1 && is_late(steps, session) ? until_late(steps, session, err) : code;
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
