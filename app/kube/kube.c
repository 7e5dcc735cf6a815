#include "kube/kube.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/stop.h"
#include "base/utc.h"
#include "kube/clock_request.h"
#include "kube/renewal.h"
#include "kube/transport.h"

enum {
    NS_PER_MS = 1000000,
    HTTP_TOO_MANY = 429,
    RENEW_LOOK_MS = 20
};
#define NS_PER_S UINT64_C(1000000000)

/* A watch and the request that it has under way. */
struct followed {
    struct kube_watch watch;
    uint64_t request; /* 0: none. */
    struct kube_pass pass;
    char *trouble; /* Why it does not list; NULL: nothing is known to be wrong. */
};

/* An action, its number and the request that it has under way. */
struct started {
    int number;       /* 0: the place is free. */
    bool quiet;       /* No events of it: its owner waits for it. */
    bool told;        /* The event of its present halt or end is in the list. */
    uint64_t request; /* 0: none. */
    struct kube_pass pass;
    uint64_t sent_ns; /* Of the last request. */
    struct kube_action action;
};

/* A request that its owner waits for. */
struct reading {
    const struct kube_request *wanted; /* NULL: there is none. */
    uint64_t request;                  /* 0: not made yet, or answered. */
    struct kube_pass pass;
    uint64_t due_ns;            /* Not to be made before: the server is throttled. */
    struct kube_answer *answer; /* Until its owner has it; while that is due, the last refusal. */
};

struct kube {
    struct kubeconfig config;
    char namespace[KUBE_NAMESPACE_BYTES];
    const struct clock *clock; /* Borrowed. */
    uint64_t seed;
    struct kube_renewal renewal;
    struct kube_transport *transport;
    struct kube_discovery discovery;
    struct reading reading;
    struct clock_request asking;
    struct kube_events events;
    struct kube_floors floors;
    unsigned watches_count;
    struct followed *watches[KUBE_WATCHES_MAX];
    int last_number;
    struct started *actions[KUBE_ACTIONS_MAX]; /* NULL: free. */
};

static int read_path(struct kube *kube, const char *path, const struct kube_call *call,
                     unsigned deadline_ms, cJSON **out, struct error *err);
static void start_due(struct kube *kube, uint64_t now_ns);
static uint64_t watch_wake_ns(const struct kube *kube, const struct followed *followed);
static uint64_t action_wake_ns(const struct kube *kube, const struct started *started);
static uint64_t reading_wake_ns(const struct kube *kube);
static void start_watch(struct kube *kube, struct followed *followed, uint64_t now_ns);
static void start_action(struct kube *kube, struct started *started, uint64_t now_ns);
static unsigned wait_ms(const struct kube *kube, unsigned timeout_ms, uint64_t now_ns);
static bool dispatch(struct kube *kube, struct kube_answer *answer, uint64_t now_ns);
static bool is_again(struct kube *kube, struct kube_pass *pass, const struct kube_answer *answer,
                     uint64_t now_ns);
static void to_watch(struct kube *kube, struct followed *followed, const struct kube_answer *answer,
                     uint64_t now_ns);
static void to_action(struct kube *kube, struct started *started, const struct kube_answer *answer,
                      uint64_t now_ns);
static void tell_news(struct kube *kube, struct started *started, uint64_t now_ns);
static void tell_action(struct kube *kube, struct started *started, uint64_t now_ns);
static const char *namespace_of(const struct kube *kube, enum kube_kind kind,
                                const char *namespace);
static struct started *find_action(const struct kube *kube, int number);
static int place_action(struct kube *kube, struct started **out, struct error *err);
static void drop_action(struct kube *kube, struct started *started);
static void set_trouble(struct followed *followed, const char *text);

int kube_open(const struct kube_options *options, struct kube **out, struct error *err)
{
    struct kube *kube = calloc(1, sizeof(*kube));
    if (kube == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    kube->clock = options->clock;
    kube->asking.left = options->measure_clock ? KUBE_CLOCK_REQUESTS : 0;
    kube->seed = options->seed;
    kube_discovery_init(&kube->discovery);
    int code = kubeconfig_load(options->kubeconfig, options->context, &kube->config, err);
    if (code == 0) {
        const char *namespace =
            options->namespace == NULL ? kube->config.namespace : options->namespace;
        if (strlen(namespace) >= sizeof(kube->namespace))
            code = error_set(err, EXIT_USAGE, -EINVAL, "namespace \"%s\" is too long", namespace);
        else
            strcpy(kube->namespace, namespace);
    }
    if (code == 0)
        code = kube_transport_open(&kube->config, options->connect_ms, options->answer_ms,
                                   &kube->transport, err);
    if (code < 0) {
        kube_close(kube);
        return code;
    }
    *out = kube;
    return 0;
}

void kube_close(struct kube *kube)
{
    if (kube == NULL)
        return;
    kube_transport_close(kube->transport);
    kube_renewal_stop(&kube->renewal);
    for (unsigned i = 0; i < kube->watches_count; i++) {
        kube_watch_free(&kube->watches[i]->watch);
        free(kube->watches[i]->trouble);
        free(kube->watches[i]);
    }
    for (unsigned i = 0; i < KUBE_ACTIONS_MAX; i++) {
        if (kube->actions[i] != NULL)
            kube_action_free(&kube->actions[i]->action);
        free(kube->actions[i]);
    }
    kube_events_free(&kube->events);
    kubeconfig_free(&kube->config);
    free(kube);
}

const struct kubeconfig *kube_config(const struct kube *kube)
{
    return &kube->config;
}

const char *kube_namespace(const struct kube *kube)
{
    return kube->namespace;
}

const struct kube_discovery *kube_discovered(const struct kube *kube)
{
    return &kube->discovery;
}

int kube_discover(struct kube *kube, unsigned deadline_ms, struct error *err)
{
    static const struct kube_call call = {"get", "", "", "", "", ""};
    cJSON *groups = NULL, *core = NULL;
    int code = read_path(kube, "/apis", &call, deadline_ms, &groups, err);
    if (code == 0)
        code = read_path(kube, "/api/v1", &call, deadline_ms, &core, err);
    if (code == 0) {
        code = kube_discovery_groups(&kube->discovery, groups, err);
        if (code == 0)
            code = kube_discovery_core(&kube->discovery, core, err);
        if (code < 0)
            error_wrap(err, "%s", kube->config.server);
    }
    cJSON_Delete(groups);
    cJSON_Delete(core);
    return code;
}

int kube_version(struct kube *kube, unsigned deadline_ms, struct kube_server *out,
                 struct error *err)
{
    static const struct kube_call call = {"get", "", "", "", "", ""};
    cJSON *version = NULL;
    int code = read_path(kube, "/version", &call, deadline_ms, &version, err);
    if (code == 0)
        kube_discovery_server(version, out);
    cJSON_Delete(version);
    return code;
}

int kube_read(struct kube *kube, const struct kube_resource *resource, const char *name,
              unsigned deadline_ms, cJSON **out, struct error *err)
{
    const char *namespace = resource->namespaced ? kube->namespace : "";
    struct kube_call call = {.verb = name == NULL ? "list" : "get",
                             .group = resource->group,
                             .resource = resource->plural,
                             .subresource = "",
                             .namespace = namespace,
                             .name = name == NULL ? "" : name};
    struct text path = {0};
    if (name != NULL && !kube_resource_name_valid(name))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "\"%s\" is no object's name: small letters, digits, '-' and '.'", name);
    kube_resource_path(&path, resource, namespace, name, NULL);
    int code = read_path(kube, text_str(&path), &call, deadline_ms, out, err);
    text_free(&path);
    return code;
}

int kube_poll(struct kube *kube, unsigned timeout_ms)
{
    struct kube_answer *answer;
    uint64_t now_ns = clock_now_ns(kube->clock);
    kube_renewal_run(&kube->renewal, &kube->config, now_ns);
    start_due(kube, now_ns);
    int code = kube_transport_poll(kube->transport, wait_ms(kube, timeout_ms, now_ns));
    if (code < 0)
        return code;
    now_ns = clock_now_ns(kube->clock); /* After the bytes were read: see kube/event.h. */
    while ((answer = kube_transport_take(kube->transport)) != NULL)
        if (!dispatch(kube, answer, now_ns))
            kube_answer_free(answer);
    start_due(kube, now_ns);
    return (int)kube->events.count;
}

struct kube_event *kube_take(struct kube *kube)
{
    return kube_events_take(&kube->events);
}

int kube_follow(struct kube *kube, enum kube_kind kind, const char *namespace, const char *selector,
                struct error *err)
{
    const struct kube_resource *resource = &kube->discovery.resources[kind];
    const char *where = namespace_of(kube, kind, namespace);
    selector = selector == NULL ? "" : selector;
    if (!kube->discovery.served[kind])
        return error_set(err, EXIT_ENVIRONMENT, -EOPNOTSUPP,
                         "%s serves no %s in a version known here", kube->config.server,
                         resource->plural);
    for (unsigned i = 0; i < kube->watches_count; i++) {
        const struct kube_watch *watch = &kube->watches[i]->watch;
        if (watch->resource.kind == kind && strcmp(watch->namespace, where) == 0 &&
            strcmp(watch->selector, selector) == 0)
            return 0;
    }
    if (kube->watches_count == KUBE_WATCHES_MAX)
        return error_set(err, EXIT_USAGE, -EBUSY, "more than %d watches", KUBE_WATCHES_MAX);
    struct followed *followed = calloc(1, sizeof(*followed));
    if (followed == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    int code = kube_watch_init(&followed->watch, resource, where, selector, &kube->events,
                               &kube->floors, kube->seed + kube->watches_count);
    if (code < 0) {
        free(followed);
        return error_set(err, EXIT_USAGE, code, "namespace or selector is too long: \"%s\", \"%s\"",
                         where, selector);
    }
    kube->watches[kube->watches_count++] = followed;
    return 0;
}

int kube_follow_usual(struct kube *kube, const char *namespace, struct error *err)
{
    static const enum kube_kind usual[] = {KUBE_POD, KUBE_ENDPOINTSLICE, KUBE_DEPLOYMENT,
                                           KUBE_SERVICE, KUBE_NODE};
    int code = 0;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) && code == 0; i++)
        code = kube_follow(kube, usual[i], namespace, NULL, err);
    return code;
}

bool kube_synced(const struct kube *kube)
{
    for (unsigned i = 0; i < kube->watches_count; i++) {
        const struct kube_watch *watch = &kube->watches[i]->watch;
        if (!watch->synced && watch->state != KUBE_WATCH_STOPPED)
            return false;
    }
    return true;
}

const char *kube_trouble(const struct kube *kube)
{
    for (unsigned i = 0; i < kube->watches_count; i++)
        if (kube->watches[i]->trouble != NULL)
            return kube->watches[i]->trouble;
    return "";
}

const char *kube_trouble_of(const struct kube *kube, enum kube_kind kind)
{
    for (unsigned i = 0; i < kube->watches_count; i++) {
        const struct followed *followed = kube->watches[i];
        if (followed->watch.resource.kind == kind && followed->trouble != NULL)
            return followed->trouble;
    }
    return "";
}

uint64_t kube_heard_ns(const struct kube *kube)
{
    uint64_t heard_ns = 0;
    for (unsigned i = 0; i < kube->watches_count; i++) {
        const struct kube_watch *watch = &kube->watches[i]->watch;
        if (watch->synced && watch->failures > 1 && watch->seen_ns > heard_ns)
            heard_ns = watch->seen_ns;
    }
    return heard_ns;
}

const struct kube_object *kube_find(const struct kube *kube, enum kube_kind kind,
                                    const char *namespace, const char *name)
{
    const struct kube_object *object = NULL;
    const char *where = namespace_of(kube, kind, namespace);
    for (unsigned i = 0; i < kube->watches_count && object == NULL; i++) {
        if (kube->watches[i]->watch.resource.kind == kind)
            object = kube_cache_find(&kube->watches[i]->watch.cache, where, name);
    }
    return object;
}

const struct kube_cache *kube_objects(const struct kube *kube, enum kube_kind kind)
{
    static const struct kube_cache empty;
    for (unsigned i = 0; i < kube->watches_count; i++) {
        if (kube->watches[i]->watch.resource.kind == kind)
            return &kube->watches[i]->watch.cache;
    }
    return &empty;
}

bool kube_caught_up(const struct kube *kube, const struct kube_result *result)
{
    bool followed = false;
    for (unsigned i = 0; i < kube->watches_count; i++)
        followed |= kube->watches[i]->watch.resource.kind == result->resource.kind;
    bool gone = result->done == KUBE_DONE_DELETED || result->done == KUBE_DONE_ABSENT;
    if (!followed || (result->version == 0 && !gone))
        return true;
    const struct kube_object *object =
        kube_find(kube, result->resource.kind, result->namespace, result->name);
    if (object == NULL)
        return gone;
    if (strcmp(object->meta.uid, result->uid) != 0)
        return true;
    if (gone)
        return kube_object_terminating(object);
    return object->meta.version_number >= result->version;
}

int kube_start(struct kube *kube, const struct kube_order *order, struct error *err)
{
    struct started *started;
    struct kube_order complete = *order;
    int code = place_action(kube, &started, err);
    if (code < 0)
        return code;
    if (complete.utc_ns == 0)
        complete.utc_ns = utc_now_ns();
    code = kube_action_init(&started->action, &complete, &kube->discovery, kube->namespace, err);
    if (code < 0) {
        drop_action(kube, started);
        return code;
    }
    return started->number;
}

int kube_start_undo(struct kube *kube, const char *undo_json, struct error *err)
{
    struct started *started;
    int code = place_action(kube, &started, err);
    if (code < 0)
        return code;
    code = kube_action_undo(&started->action, undo_json, err);
    if (code < 0) {
        drop_action(kube, started);
        return code;
    }
    return started->number;
}

int kube_prepared(const struct kube *kube, int action, struct kube_prepared *out)
{
    const struct started *started = find_action(kube, action);
    if (started == NULL || started->action.state != KUBE_ACTION_PREPARED)
        return -EINVAL;
    *out = (struct kube_prepared){
        .text = text_str(&started->action.about),
        .undo = text_str(&started->action.undo),
        .object = started->action.target,
    };
    return 0;
}

void kube_commit(struct kube *kube, int action)
{
    struct started *started = find_action(kube, action);
    if (started == NULL)
        return;
    kube_action_commit(&started->action);
    started->told = false;
}

void kube_cancel(struct kube *kube, int action, const char *why)
{
    struct started *started = find_action(kube, action);
    if (started == NULL || started->action.state == KUBE_ACTION_OVER)
        return;
    if (started->request != 0)
        kube_transport_cancel(kube->transport, started->request);
    started->request = 0;
    started->told = false;
    kube_action_cancel(&started->action, why);
    tell_action(kube, started, clock_now_ns(kube->clock));
}

const struct kube_result *kube_result(const struct kube *kube, int action)
{
    const struct started *started = find_action(kube, action);
    if (started == NULL || started->action.state != KUBE_ACTION_OVER)
        return NULL;
    return &started->action.result;
}

void kube_forget(struct kube *kube, int action)
{
    struct started *started = find_action(kube, action);
    if (started == NULL)
        return;
    if (started->request != 0)
        kube_transport_cancel(kube->transport, started->request);
    drop_action(kube, started);
}

int kube_run(struct kube *kube, const struct kube_order *order, unsigned deadline_ms,
             struct kube_result *out, struct error *err)
{
    struct kube_order plain = *order;
    uint64_t deadline_ns = clock_now_ns(kube->clock) + (uint64_t)deadline_ms * NS_PER_MS;
    plain.confirm = false;
    int number = kube_start(kube, &plain, err);
    if (number < 0)
        return number;
    struct started *started = find_action(kube, number);
    started->quiet = true;
    while (started->action.state != KUBE_ACTION_OVER) {
        if (clock_now_ns(kube->clock) >= deadline_ns)
            kube_cancel(kube, number, "not over within its deadline");
        else if (kube_poll(kube, 50) < 0)
            kube_cancel(kube, number, "libcurl failed");
    }
    struct kube_result *result = &started->action.result;
    int code = result->code;
    if (code < 0 && err != NULL)
        *err = result->error;
    if (code == 0) {
        *out = *result;
        result->object = NULL; /* The caller's now. */
    }
    kube_forget(kube, number);
    return code;
}

static int read_path(struct kube *kube, const char *path, const struct kube_call *call,
                     unsigned deadline_ms, cJSON **out, struct error *err)
{
    struct kube_request request = {.method = "GET", .path = path, .answer_ms = deadline_ms};
    /* libcurl's own deadline comes first. */
    uint64_t deadline_ns = clock_now_ns(kube->clock) + (deadline_ms + UINT64_C(1000)) * NS_PER_MS;
    struct reading *reading = &kube->reading;
    int code = 0;
    *reading = (struct reading){.wanted = &request};
    while (code == 0 && (reading->answer == NULL || reading->due_ns > 0)) {
        if (stop_is_wanted())
            code = -EINTR;
        else if (clock_now_ns(kube->clock) >= deadline_ns || kube_poll(kube, 50) < 0)
            code = reading->answer == NULL ? -ETIMEDOUT : 1;
    }
    if (reading->request != 0)
        kube_transport_cancel(kube->transport, reading->request);
    struct kube_answer *answer = reading->answer;
    bool renews = reading->pass.again && kube->renewal.run.pid != 0;
    *reading = (struct reading){0};
    if (code >= 0)
        code = kube_answer_json(answer, call, &kube->config, out, err);
    else if (code != -EINTR && renews)
        error_set(err, EXIT_ENVIRONMENT, code, "credentials of exec %s: it does not end in time",
                  json_string(kube->config.exec, "command", ""));
    else if (code != -EINTR)
        error_set(err, EXIT_ENVIRONMENT, code, "%s does not answer in time", kube->config.server);
    kube_answer_free(answer);
    return code;
}

static void start_due(struct kube *kube, uint64_t now_ns)
{
    clock_request_run(&kube->asking, kube->transport, now_ns);
    for (unsigned i = 0; i < kube->watches_count; i++) {
        if (watch_wake_ns(kube, kube->watches[i]) <= now_ns)
            start_watch(kube, kube->watches[i], now_ns);
    }
    for (unsigned i = 0; i < KUBE_ACTIONS_MAX; i++) {
        if (action_wake_ns(kube, kube->actions[i]) <= now_ns)
            start_action(kube, kube->actions[i], now_ns);
    }
    struct reading *reading = &kube->reading;
    if (reading_wake_ns(kube) <= now_ns &&
        kube_transport_start(kube->transport, reading->wanted, &reading->request) == 0)
        kube_renewal_sent(&kube->renewal, &reading->pass);
}

/* When each wants a request made; UINT64_MAX: not by time alone. */
static uint64_t watch_wake_ns(const struct kube *kube, const struct followed *followed)
{
    uint64_t own_ns = kube_watch_wake_ns(&followed->watch);
    uint64_t renewed_ns = kube_renewal_wake_ns(&kube->renewal, &followed->pass);
    return own_ns > renewed_ns ? own_ns : renewed_ns;
}

static uint64_t action_wake_ns(const struct kube *kube, const struct started *started)
{
    if (started == NULL)
        return UINT64_MAX;
    if (started->action.state == KUBE_ACTION_PAUSE)
        return started->action.due_ns;
    return started->action.state == KUBE_ACTION_REQUEST
               ? kube_renewal_wake_ns(&kube->renewal, &started->pass)
               : UINT64_MAX;
}

static uint64_t reading_wake_ns(const struct kube *kube)
{
    const struct reading *reading = &kube->reading;
    bool wants = reading->wanted != NULL && reading->request == 0;
    if (!wants || (reading->answer != NULL && reading->due_ns == 0))
        return UINT64_MAX;
    uint64_t renewed_ns = kube_renewal_wake_ns(&kube->renewal, &reading->pass);
    return renewed_ns > reading->due_ns ? renewed_ns : reading->due_ns;
}

static void start_watch(struct kube *kube, struct followed *followed, uint64_t now_ns)
{
    struct text path = {0};
    struct kube_request request = {.method = "GET"};
    kube_watch_ask(&followed->watch, &path, &request.stream, now_ns);
    request.path = text_str(&path);
    int code = kube_transport_start(kube->transport, &request, &followed->request);
    kube_renewal_sent(&kube->renewal, &followed->pass);
    if (code < 0) {
        struct error err = {0};
        error_set(&err, EXIT_ENVIRONMENT, code, "no request can be made: %s", strerror(-code));
        kube_watch_end(&followed->watch, KUBE_REASON_UNREACHABLE, 0, NULL, &err, now_ns);
    }
    text_free(&path);
}

static void start_action(struct kube *kube, struct started *started, uint64_t now_ns)
{
    struct kube_action *action = &started->action;
    kube_action_tick(action, now_ns);
    struct kube_request request = {
        .method = action->method,
        .path = text_str(&action->path),
        .content_type = action->body_type,
        .body = action->body.size > 0 ? text_str(&action->body) : NULL,
        .body_bytes = action->body.size,
    };
    int code = kube_transport_start(kube->transport, &request, &started->request);
    if (code < 0) {
        kube_action_cancel(action, "no request can be made: too many, or out of memory");
        tell_action(kube, started, now_ns);
        return;
    }
    started->sent_ns = now_ns;
    kube_renewal_sent(&kube->renewal, &started->pass);
    kube_action_sent(action, now_ns);
}

const struct server_clock *kube_server_clock(const struct kube *kube)
{
    return kube_transport_clock(kube->transport);
}

static unsigned wait_ms(const struct kube *kube, unsigned timeout_ms, uint64_t now_ns)
{
    uint64_t wake_ns = now_ns + (uint64_t)timeout_ms * NS_PER_MS;
    if (kube->events.count > 0)
        return 0;
    if (kube->renewal.run.pid != 0 && timeout_ms > RENEW_LOOK_MS)
        wake_ns = now_ns + (uint64_t)RENEW_LOOK_MS * NS_PER_MS;
    for (unsigned i = 0; i < kube->watches_count; i++) {
        uint64_t want_ns = watch_wake_ns(kube, kube->watches[i]);
        wake_ns = want_ns < wake_ns ? want_ns : wake_ns;
    }
    for (unsigned i = 0; i < KUBE_ACTIONS_MAX; i++) {
        uint64_t want_ns = action_wake_ns(kube, kube->actions[i]);
        wake_ns = want_ns < wake_ns ? want_ns : wake_ns;
    }
    if (reading_wake_ns(kube) < wake_ns)
        wake_ns = reading_wake_ns(kube);
    if (kube->asking.request == 0 && kube->asking.due_ns != 0 && kube->asking.due_ns < wake_ns)
        wake_ns = kube->asking.due_ns;
    if (wake_ns <= now_ns)
        return 0;
    return (unsigned)((wake_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

/* True: the answer was taken. */
static bool dispatch(struct kube *kube, struct kube_answer *answer, uint64_t now_ns)
{
    for (unsigned i = 0; i < kube->watches_count; i++) {
        if (kube->watches[i]->request == answer->request) {
            to_watch(kube, kube->watches[i], answer, now_ns);
            return false;
        }
    }
    for (unsigned i = 0; i < KUBE_ACTIONS_MAX; i++) {
        if (kube->actions[i] != NULL && kube->actions[i]->request == answer->request) {
            to_action(kube, kube->actions[i], answer, now_ns);
            return false;
        }
    }
    if (kube->asking.request == answer->request)
        kube->asking.request = 0; /* Its Date was all that it was for. */
    struct reading *reading = &kube->reading;
    if (reading->request != answer->request)
        return false;
    reading->request = 0;
    if (is_again(kube, &reading->pass, answer, now_ns))
        return false;
    kube_answer_free(reading->answer);
    reading->answer = answer;
    reading->due_ns = 0;
    if (answer->http_code == HTTP_TOO_MANY)
        reading->due_ns =
            now_ns + (answer->retry_after_s > 0 ? answer->retry_after_s : 1) * NS_PER_S;
    return true;
}

/* The server did not know us, and may do so when the credentials are renewed. */
static bool is_again(struct kube *kube, struct kube_pass *pass, const struct kube_answer *answer,
                     uint64_t now_ns)
{
    return kube_renewal_answered(&kube->renewal, &kube->config, pass, answer->unknown, now_ns);
}

static void to_watch(struct kube *kube, struct followed *followed, const struct kube_answer *answer,
                     uint64_t now_ns)
{
    struct kube_watch *watch = &followed->watch;
    struct error failure = answer->error;
    if (!answer->end) {
        if (!kube_watch_bytes(watch, text_str(&answer->body), answer->body.size, now_ns)) {
            kube_transport_cancel(kube->transport, followed->request);
            followed->request = 0;
        }
        return;
    }
    followed->request = 0;
    if (is_again(kube, &followed->pass, answer, now_ns)) {
        kube_watch_again(watch);
        return;
    }
    if (answer->reason == KUBE_REASON_SUCCESS && answer->http_code != 200) {
        struct kube_call call = kube_watch_call(watch);
        kube_failure_set(&failure, &kube->config, &call, answer->http_code, text_str(&answer->body),
                         answer->body.size);
    }
    kube_watch_end(watch, answer->reason, answer->http_code, &answer->body, &failure, now_ns);
    if (answer->http_code != 200)
        kube_watch_hold(watch, now_ns + answer->retry_after_s * NS_PER_S);
    if (failure.text[0] != '\0' && (!watch->synced || watch->state == KUBE_WATCH_STOPPED))
        set_trouble(followed, failure.text);
    else if (watch->synced)
        set_trouble(followed, NULL);
}

static void to_action(struct kube *kube, struct started *started, const struct kube_answer *answer,
                      uint64_t now_ns)
{
    struct kube_action *action = &started->action;
    enum kube_action_step step = action->step;
    started->request = 0;
    if (is_again(kube, &started->pass, answer, now_ns)) {
        kube_action_again(action);
        return;
    }
    kube_action_answer(action, answer->reason, answer->http_code, answer->retry_after_s,
                       &answer->body, &answer->error, &kube->config, now_ns);
    /* What has a version from ours on happened after our request was sent. Where the object was
     * there before, somebody may have made the very same change just before ours: then only the
     * reading is a sure bound. */
    if (step == KUBE_STEP_CHANGE && action->result.version > 0 &&
        (action->result.done == KUBE_DONE_CREATED || action->result.done == KUBE_DONE_CHANGED)) {
        uint64_t ns = action->existed ? action->read_sent_ns : action->result.sent_ns;
        kube_floors_add(&kube->floors, action->result.version - 1, ns);
    }
    tell_action(kube, started, now_ns);
}

/* Each part that was done, between the sending of its request and now. */
static void tell_news(struct kube *kube, struct started *started, uint64_t now_ns)
{
    struct text *news = &started->action.news;
    char *rest = news->data, *line;
    while (!started->quiet && news->size > 0 && (line = strsep(&rest, "\n")) != NULL) {
        struct kube_event *event = kube_events_add(&kube->events, KUBE_DID, KUBE_OTHER, now_ns);
        if (event == NULL)
            break;
        event->action = (uint32_t)started->number;
        event->not_before_ns = started->sent_ns;
        kube_event_say(event, "%s", line);
    }
    text_clear(news);
}

static void tell_action(struct kube *kube, struct started *started, uint64_t now_ns)
{
    const struct kube_action *action = &started->action;
    tell_news(kube, started, now_ns);
    bool prepared = action->state == KUBE_ACTION_PREPARED;
    if (started->quiet || started->told || !(prepared || action->state == KUBE_ACTION_OVER))
        return;
    struct kube_event *event = kube_events_add(
        &kube->events, prepared ? KUBE_PREPARED : KUBE_FINISHED, KUBE_OTHER, now_ns);
    if (event == NULL)
        return;
    started->told = true;
    event->action = (uint32_t)started->number;
    event->not_before_ns = action->result.sent_ns;
    if (prepared)
        kube_event_say(event, "%s", text_str(&action->about));
    else if (action->result.done == KUBE_DONE_FAILED)
        kube_event_say(event, "%s", action->result.error.text);
    else
        kube_event_say(event, "%s %s", action->target, kube_done_text(action->result.done));
}

/* NULL is the client's, "*" all, and cluster-wide kinds have none. */
static const char *namespace_of(const struct kube *kube, enum kube_kind kind, const char *namespace)
{
    if (!kube->discovery.resources[kind].namespaced)
        return "";
    if (namespace == NULL || namespace[0] == '\0')
        return kube->namespace;
    return strcmp(namespace, "*") == 0 ? "" : namespace;
}

static struct started *find_action(const struct kube *kube, int number)
{
    for (unsigned i = 0; i < KUBE_ACTIONS_MAX; i++) {
        if (kube->actions[i] != NULL && kube->actions[i]->number == number)
            return kube->actions[i];
    }
    return NULL;
}

static int place_action(struct kube *kube, struct started **out, struct error *err)
{
    for (unsigned i = 0; i < KUBE_ACTIONS_MAX; i++) {
        if (kube->actions[i] != NULL)
            continue;
        kube->actions[i] = calloc(1, sizeof(*kube->actions[i]));
        if (kube->actions[i] == NULL)
            return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
        kube->actions[i]->number = ++kube->last_number;
        *out = kube->actions[i];
        return 0;
    }
    return error_set(err, EXIT_ENVIRONMENT, -EBUSY, "more than %d changes at a time",
                     KUBE_ACTIONS_MAX);
}

static void drop_action(struct kube *kube, struct started *started)
{
    for (unsigned i = 0; i < KUBE_ACTIONS_MAX; i++) {
        if (kube->actions[i] == started)
            kube->actions[i] = NULL;
    }
    kube_action_free(&started->action);
    free(started);
}

static void set_trouble(struct followed *followed, const char *text)
{
    free(followed->trouble);
    followed->trouble = text == NULL ? NULL : strdup(text);
}
