#include "run/by_hand.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/stop.h"
#include "kube/in_cluster.h"
#include "kube/rollout_state.h"
#include "run/pocket.h"
#include "run/translate.h"
#include "rundir/timeline.h"

enum {
    REACH_MS = 10000,
    TURN_MS = 50
};

static bool is_lab(const struct by_hand_options *options);
static struct by_hand_change *find(struct by_hand *hand, int action);
static void decide(struct by_hand *hand, struct by_hand_change *change);
static void tell(struct by_hand *hand, struct by_hand_change *change,
                 const struct kube_event *event);
static void tell_made(struct by_hand *hand, const struct by_hand_change *change,
                      const struct kube_result *result, uint64_t end_ns);
static int tell_seen(struct by_hand *hand, const struct kube_event *event, struct error *err);
static void give_up(struct by_hand *hand, const char *why);

int by_hand_check_access(const struct by_hand_options *options, bool in_namespace,
                         struct error *err)
{
    if (options->kubeconfig == NULL)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "--kubeconfig is missing: a file, or \"lab\"; none is guessed");
    bool account = kube_in_cluster(options->kubeconfig);
    if (options->context == NULL && !is_lab(options) && !account)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "--context is missing; the file's current one is not taken");
    if (options->namespace == NULL && in_namespace && !account)
        return error_set(err, EXIT_USAGE, -EINVAL, "-n is missing: the namespace is not guessed");
    return 0;
}

int by_hand_open(struct by_hand *hand, const struct by_hand_options *options, struct error *err)
{
    char path[PATH_MAX];
    bool lab = is_lab(options);
    *hand = (struct by_hand){.options = *options, .utc = calloc(1, sizeof(*hand->utc))};
    if (hand->utc == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    snprintf(path, sizeof(path), "%s", lab ? POCKET_DIRECTORY "/kubeconfig" : options->kubeconfig);
    clock_start(&hand->clock, 20000000);
    utc_sample_now(hand->utc, &hand->clock);
    hand->deadline_ns = clock_now_ns(&hand->clock) + (uint64_t)options->timeout_ns;
    struct kube_options how = {.kubeconfig = path,
                               .context = options->context == NULL && lab ? "seamline-lab"
                                                                          : options->context,
                               .namespace = options->namespace,
                               .clock = &hand->clock};
    int code = kube_open(&how, &hand->kube, err);
    if (code == 0)
        code = kube_discover(hand->kube, REACH_MS, err);
    if (code < 0 && lab)
        error_wrap(err, "is the lab up (seamline-lab up)?");
    return code;
}

void by_hand_close(struct by_hand *hand)
{
    kube_close(hand->kube);
    free(hand->utc);
    hand->kube = NULL;
    hand->utc = NULL;
}

int by_hand_begin(struct by_hand *hand, struct kube_order *order, struct error *err)
{
    struct by_hand_change *change = find(hand, 0);
    order->confirm = true;
    order->dry_run = hand->options.dry_run;
    if (change == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -EBUSY, "more than %d changes at a time",
                         KUBE_ACTIONS_MAX);
    int action = kube_start(hand->kube, order, err);
    if (action < 0)
        return action;
    *change = (struct by_hand_change){.action = action};
    return action;
}

int by_hand_turn(struct by_hand *hand, struct error *err)
{
    struct kube_event *event;
    int code = kube_poll(hand->kube, TURN_MS);
    utc_sample_now(hand->utc, &hand->clock);
    if (code < 0)
        code = error_set(err, EXIT_ENVIRONMENT, code, "the cluster's transport failed: %s",
                         strerror(-code));
    else if (stop_is_wanted())
        code = error_set(err, EXIT_INTERRUPTED, -EINTR, "interrupted");
    else if (clock_now_ns(&hand->clock) >= hand->deadline_ns)
        code = error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "not over within --timeout");
    else
        code = 0;
    if (code < 0)
        give_up(hand, code == -EINTR ? "interrupted" : "not over within --timeout");
    while ((event = kube_take(hand->kube)) != NULL) {
        struct by_hand_change *change = event->action == 0 ? NULL : find(hand, (int)event->action);
        if (change != NULL && event->type == KUBE_PREPARED)
            decide(hand, change);
        else if (change != NULL && event->type == KUBE_DID)
            by_hand_say(hand, event->not_before_ns, "%s", event->text == NULL ? "" : event->text);
        else if (change != NULL && event->type == KUBE_FINISHED)
            tell(hand, change, event);
        else if (change == NULL && hand->watching)
            code = tell_seen(hand, event, err) < 0 && code == 0 ? -EPERM : code;
        kube_event_free(event);
    }
    return code;
}

int by_hand_make(struct by_hand *hand, struct kube_order *order, struct kube_result *out,
                 struct error *err)
{
    struct error ended = {0};
    const struct kube_result *result = NULL;
    int action = by_hand_begin(hand, order, err);
    if (action < 0)
        return action;
    while ((result = kube_result(hand->kube, action)) == NULL || find(hand, action) != NULL)
        by_hand_turn(hand, &ended);
    *out = *result;
    if (result->object != NULL)
        out->object = kube_object_take(result->object);
    kube_forget(hand->kube, action);
    if (out->code == 0)
        return 0;
    kube_object_drop(out->object);
    out->object = NULL;
    if (err->text[0] == '\0')
        *err = out->error;
    if (ended.text[0] != '\0' && strstr(err->text, ended.text) == NULL)
        error_wrap(err, "%s", ended.text);
    if (ended.text[0] != '\0')
        err->status = ended.status;
    else if (hand->refused)
        err->status = EXIT_USAGE;
    return out->code;
}

int by_hand_wait_rollout(struct by_hand *hand, enum kube_kind kind, const char *name,
                         const struct kube_result *since, struct error *err)
{
    struct kube_rollout rollout;
    struct error ended = {0};
    char last[sizeof(rollout.text)] = "";
    int code = kube_follow(hand->kube, kind, NULL, NULL, err);
    if (code == 0)
        code = kube_follow(hand->kube, KUBE_POD, NULL, NULL, err);
    if (code == 0)
        code = kube_follow(hand->kube, KUBE_NODE, NULL, NULL, err);
    while (code == 0) {
        int ending = by_hand_turn(hand, &ended);
        if (ending < 0 && ending != -ETIMEDOUT)
            return error_set(err, ended.status, ending, "%s", ended.text);
        code = kube_rollout_state(hand->kube, kind, NULL, name, since, ending < 0, &rollout, err);
        if (code >= 0 && strcmp(rollout.text, last) != 0 &&
            (code == 0 || kube_synced(hand->kube))) {
            by_hand_say(hand, clock_now_ns(&hand->clock), "%s", rollout.text);
            memcpy(last, rollout.text, sizeof(last));
        }
        if (code == 0)
            return 0;
        code = code < 0 ? code : 0;
    }
    return code;
}

int by_hand_watch(struct by_hand *hand, struct error *err)
{
    struct error ended = {0};
    int code = kube_follow_usual(hand->kube, NULL, err);
    hand->watching = true;
    if (code < 0)
        return code;
    do
        code = by_hand_turn(hand, &ended);
    while (code == 0);
    bool over = code == -ETIMEDOUT || code == -EINTR;
    if (over && kube_synced(hand->kube) && kube_trouble(hand->kube)[0] == '\0')
        return 0; /* It was to last that long. */
    return error_set(err, ended.status, code, "%s",
                     kube_trouble(hand->kube)[0] != '\0' ? kube_trouble(hand->kube) : ended.text);
}

void by_hand_say(struct by_hand *hand, uint64_t run_ns, const char *format, ...)
{
    char utc[36];
    va_list args;
    struct text line = {0};
    json_format_time(utc_from_run(hand->utc, run_ns), 6, utc);
    text_addf(&line, "%s  ", utc);
    va_start(args, format);
    text_addv(&line, format, args);
    va_end(args);
    text_add(&line, "\n");
    if (line.data != NULL)
        text_tame(line.data);
    fputs(text_str(&line), stdout);
    text_free(&line);
    fflush(stdout);
}

static bool is_lab(const struct by_hand_options *options)
{
    return strcmp(options->kubeconfig, "lab") == 0;
}

/* ACTION 0: a free place. NULL: there is none. */
static struct by_hand_change *find(struct by_hand *hand, int action)
{
    for (unsigned i = 0; i < KUBE_ACTIONS_MAX; i++)
        if (hand->changes[i].action == action)
            return &hand->changes[i];
    return NULL;
}

/* It knows what it will do: let it, if it may. */
static void decide(struct by_hand *hand, struct by_hand_change *change)
{
    const struct by_hand_options *options = &hand->options;
    const struct kubeconfig *config = kube_config(hand->kube);
    struct kube_prepared prepared;
    char why[320];
    if (kube_prepared(hand->kube, change->action, &prepared) < 0)
        return;
    snprintf(change->text, sizeof(change->text), "%s", prepared.text);
    text_tame(change->text);
    snprintf(change->object, sizeof(change->object), "%s", prepared.object);
    if (options->yes || options->dry_run || is_lab(options)) {
        kube_commit(hand->kube, change->action);
        return;
    }
    fprintf(stderr, "seamline: server %s, context %s, namespace %s; would %s\n", config->server,
            config->context, kube_namespace(hand->kube), change->text);
    hand->refused = true;
    snprintf(why, sizeof(why),
             "this is no lab: give --yes if the above is what you want, or --dry-run to let the "
             "server check it");
    kube_cancel(hand->kube, change->action, why);
}

static void tell(struct by_hand *hand, struct by_hand_change *change,
                 const struct kube_event *event)
{
    const struct kube_result *result = kube_result(hand->kube, change->action);
    change->action = 0;
    if (result == NULL || result->done == KUBE_DONE_FAILED)
        return; /* Whoever began it has the error. */
    if (result->sent_ns == 0)
        by_hand_say(hand, event->not_after_ns, "%s", event->text == NULL ? "" : event->text);
    else
        tell_made(hand, change, result, event->not_after_ns);
}

static void tell_made(struct by_hand *hand, const struct by_hand_change *change,
                      const struct kube_result *result, uint64_t end_ns)
{
    struct text took = {0};
    text_add_duration(&took, (int64_t)(result->answered_ns - result->sent_ns));
    by_hand_say(hand, result->sent_ns, "%s: %s%s; answered after %s", change->text,
                result->dry_run ? "dry run, checked by the server, nothing changed; would be " : "",
                kube_done_text(result->done), text_str(&took));
    text_free(&took);
    if (result->done == KUBE_DONE_DELETED && end_ns > result->answered_ns)
        by_hand_say(hand, end_ns, "%s is gone", change->object);
}

/* As on a run's timeline. What was there at the start is only counted. */
static int tell_seen(struct by_hand *hand, const struct kube_event *event, struct error *err)
{
    struct timeline events = {0};
    if (event->type == KUBE_SYNCED)
        by_hand_say(hand, event->not_after_ns, "%s: %u there",
                    kube_resource_of(event->kind)->plural,
                    kube_objects(hand->kube, event->kind)->count);
    else if (event->type != KUBE_PRESENT)
        translate_event(event, &events);
    for (size_t i = 0; i < events.count; i++) {
        const struct timeline_event *seen = &events.events[i];
        by_hand_say(hand, seen->not_after_ns, "%s %s%s%s%s%s%s", timeline_kind_text(seen->kind),
                    seen->object, seen->node[0] == '\0' ? "" : " on ", seen->node,
                    seen->text[0] == '\0' ? "" : ": ", seen->text,
                    seen->unseen ? " (what happened meanwhile was not seen)" : "");
    }
    timeline_free(&events);
    if (event->type != KUBE_STOPPED)
        return 0;
    return error_set(err, EXIT_ENVIRONMENT, -EPERM, "%s",
                     event->text == NULL ? "a watch stopped" : event->text);
}

static void give_up(struct by_hand *hand, const char *why)
{
    for (unsigned i = 0; i < KUBE_ACTIONS_MAX; i++)
        if (hand->changes[i].action != 0)
            kube_cancel(hand->kube, hand->changes[i].action, why);
}
