#include "plan/advice.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "plan/rollout.h"

#define DOCS "https://kubernetes.io/docs/"
#define ENDING DOCS "concepts/workloads/pods/pod-lifecycle/#pod-termination"
#define HOOKS DOCS "concepts/containers/container-lifecycle-hooks/"
#define PROBES DOCS "tasks/configure-pod-container/configure-liveness-readiness-startup-probes/"
#define STRATEGY DOCS "concepts/workloads/controllers/deployment/#strategy"
#define BUDGET DOCS "tasks/run-application/configure-pdb/"
#define SPREAD DOCS "concepts/scheduling-eviction/topology-spread-constraints/"
#define POLICY DOCS "reference/networking/virtual-ips/#traffic-policies"

#define SECOND_NS INT64_C(1000000000)

/* What is looked at, and what comes of it. */
struct work {
    const struct manifest *manifest;
    const cJSON *object;
    struct manifest_deployment of;
    const struct advice_conditions *conditions;
    int64_t pre_stop_ns; /* As it will be, with the patch. */
    struct advice *advice;
};

static void look_at_strategy(struct work *work);
static void look_at_readiness(struct work *work);
static void look_at_pre_stop(struct work *work);
static void write_pre_stop(cJSON *hook, bool sleeps, int64_t seconds);
static void look_at_grace(struct work *work);
static void look_at_shells(struct work *work);
static const char *shell_script(const cJSON *container);
static void look_at_held(struct work *work);
static void look_at_budget(struct work *work);
static bool is_budget(const cJSON *object, const struct work *work);
static void look_at_budget_alone(struct work *work, const cJSON *budget);
static double lost_to_budget(const cJSON *budget, const struct work *work);
static void mend_budget(struct work *work, const cJSON *budget);
static void make_budget(struct work *work);
static cJSON *begin_object(const struct work *work, const char *api_version, const char *kind,
                           const char *name);
static void look_at_nodes(struct work *work);
static void look_at_spread(struct work *work);
static void look_at_services(struct work *work);
static bool is_near(const cJSON *object, const struct work *work);
static bool selects(const cJSON *labels, const struct work *work);
static bool fits(const cJSON *requirement, const struct work *work);
static cJSON *container_patch(struct work *work, const cJSON *container);
static void add(struct work *work, enum advice_hits hits, bool certain, const char *document,
                const char *what, const char *format, ...) __attribute__((format(printf, 6, 7)));
static int begin_patch(struct work *work);
static void drop_idle_patch(struct advice *advice);
static int64_t seconds_above(int64_t duration_ns);

int advice_make(const struct manifest *manifest, const cJSON *deployment,
                const struct advice_conditions *conditions, struct advice *out, struct error *err)
{
    struct advice advice = {0};
    struct work work = {
        .manifest = manifest, .object = deployment, .conditions = conditions, .advice = &advice};
    int code = manifest_read_deployment(deployment, &work.of, err);

    if (code < 0)
        return code;
    snprintf(advice.name, sizeof(advice.name), "%s", work.of.name);
    work.pre_stop_ns = work.of.pre_stop_ns;
    if (begin_patch(&work) < 0)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    look_at_strategy(&work);
    look_at_readiness(&work);
    look_at_pre_stop(&work);
    look_at_grace(&work);
    look_at_shells(&work);
    look_at_held(&work);
    look_at_budget(&work);
    look_at_nodes(&work);
    look_at_spread(&work);
    look_at_services(&work);
    drop_idle_patch(&advice);
    *out = advice;
    return 0;
}

void advice_free(struct advice *advice)
{
    cJSON_Delete(advice->patch);
    cJSON_Delete(advice->budget);
    *advice = (struct advice){0};
}

void advice_print(const struct advice *advice, struct text *out)
{
    static const char *const whom[] = {[ADVICE_NEW] = "new connections",
                                       [ADVICE_HELD] = "held connections",
                                       [ADVICE_BOTH] = "new and held connections"};

    text_addf(out, "deployment/%s\n", advice->name);
    for (uint32_t i = 0; i < advice->count; i++) {
        const struct advice_item *item = &advice->items[i];
        text_addf(out, "  %s of %s: %s\n    %s\n    %s\n", item->certain ? "LOSS" : "RISK",
                  whom[item->hits], item->what, item->why, item->document);
    }
}

bool advice_print_patch(const struct advice *advice, struct text *out)
{
    const cJSON *documents[] = {advice->patch, advice->budget};
    bool any = false;

    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        char *printed = documents[i] != NULL ? json_print(documents[i], true) : NULL;
        /* kubectl takes what begins with a brace for JSON, of one document. */
        if (printed != NULL && !any)
            text_addf(out, "# What mends deployment/%s.\n", advice->name);
        if (printed != NULL)
            text_addf(out, "---\n%s\n", printed);
        any |= printed != NULL;
        free(printed);
    }
    return any;
}

static void look_at_strategy(struct work *work)
{
    const struct manifest_deployment *of = &work->of;
    struct rollout_limits limits;
    cJSON *strategy;

    if (of->recreate)
        add(work, ADVICE_BOTH, true, STRATEGY, "spec.strategy.type is Recreate",
            "all pods end before a new one is made: nothing answers in between");
    else if (rollout_resolve(of->replicas, &of->max_surge, &of->max_unavailable, &limits, NULL) ==
                 0 &&
             limits.unavailable >= of->replicas && of->replicas > 0)
        add(work, ADVICE_BOTH, true, STRATEGY,
            "spec.strategy.rollingUpdate.maxUnavailable lets all pods go at once",
            "%" PRIu32 " of %" PRIu32 " may be missing while new ones become ready; with few "
            "replicas want maxUnavailable 0 and maxSurge 1",
            limits.unavailable, of->replicas);
    else
        return;
    strategy = json_make(work->advice->patch, "spec.strategy");
    cJSON_AddStringToObject(strategy, "type", "RollingUpdate");
    json_add_integer(json_make(strategy, "rollingUpdate"), "maxUnavailable", 0);
    json_add_integer(json_make(strategy, "rollingUpdate"), "maxSurge", 1);
}

static void look_at_readiness(struct work *work)
{
    const cJSON *container;

    cJSON_ArrayForEach(container, json_at(work->object, "spec.template.spec.containers"))
    {
        const cJSON *port =
            json_at(cJSON_GetArrayItem(json_member(container, "ports"), 0), "containerPort");
        char what[160];
        if (json_member(container, "readinessProbe") != NULL)
            continue;
        snprintf(what, sizeof(what), "container %.60s has no readinessProbe",
                 json_string(container, "name", "?"));
        add(work, ADVICE_NEW, false, PROBES, what,
            "it is ready when its process has started: traffic comes before it listens, and old "
            "pods are taken away before it can serve");
        if (cJSON_IsNumber(port)) {
            cJSON *probe = json_make(container_patch(work, container), "readinessProbe");
            json_add_integer(json_make(probe, "tcpSocket"), "port", port->valueint);
            json_add_integer(probe, "periodSeconds", 1);
        }
    }
}

/* Longer than the slowest of those that still send to a pod that ends. */
static void look_at_pre_stop(struct work *work)
{
    const struct advice_conditions *conditions = work->conditions;
    bool probe = conditions->probe_ns > conditions->removal_ns;
    int64_t wanted_s = seconds_above(probe ? conditions->probe_ns : conditions->removal_ns);
    const cJSON *container;

    if (work->of.pre_stop && !work->of.pre_stop_known) {
        add(work, ADVICE_NEW, false, HOOKS, "a preStop hook is no plain sleep",
            "how long it takes is not told: it must be over no sooner than %" PRId64
            " s after it began",
            wanted_s);
        return;
    }
    if (work->of.pre_stop_ns >= wanted_s * SECOND_NS)
        return;
    work->pre_stop_ns = wanted_s * SECOND_NS;
    add(work, ADVICE_NEW, true, ENDING,
        work->of.pre_stop ? "the preStop hook is too short" : "there is no preStop hook",
        "SIGTERM comes while %s still sends to the pod: it must go on serving for %" PRId64
        " s first, and be over only then",
        probe ? "a balancer that probes nodes" : "a proxy or an ingress", wanted_s);
    cJSON_ArrayForEach(container, json_at(work->object, "spec.template.spec.containers"))
    {
        cJSON *hook = json_make(container_patch(work, container), "lifecycle.preStop");
        write_pre_stop(hook, json_at(container, "lifecycle.preStop.sleep") != NULL, wanted_s);
    }
}

/* A hook has one kind of action: the one that is there is kept. */
static void write_pre_stop(cJSON *hook, bool sleeps, int64_t seconds)
{
    cJSON *command;
    char text[24];

    if (sleeps) {
        json_add_integer(json_make(hook, "sleep"), "seconds", seconds);
        return;
    }
    snprintf(text, sizeof(text), "%" PRId64, seconds);
    command = cJSON_AddArrayToObject(json_make(hook, "exec"), "command");
    cJSON_AddItemToArray(command, cJSON_CreateString("sleep"));
    cJSON_AddItemToArray(command, cJSON_CreateString(text));
}

/* The clock of the grace period runs from the deletion on, preStop included. */
static void look_at_grace(struct work *work)
{
    int64_t wanted_ns = work->pre_stop_ns + work->conditions->request_ns;
    int64_t wanted_s = seconds_above(wanted_ns) + 5;

    if (work->of.grace_ns > wanted_ns)
        return;
    add(work, ADVICE_BOTH, true, ENDING,
        "spec.template.spec.terminationGracePeriodSeconds is too short",
        "preStop takes %" PRId64 " s and the longest request %" PRId64 " s: SIGKILL comes after "
        "%" PRId64 " s, and ends what is in flight",
        seconds_above(work->pre_stop_ns), seconds_above(work->conditions->request_ns),
        work->of.grace_ns / SECOND_NS);
    json_add_integer(json_make(work->advice->patch, "spec.template.spec"),
                     "terminationGracePeriodSeconds", wanted_s);
}

/* What a manifest tells of who gets SIGTERM: process 1. */
static void look_at_shells(struct work *work)
{
    const cJSON *container;

    cJSON_ArrayForEach(container, json_at(work->object, "spec.template.spec.containers"))
    {
        const char *script = shell_script(container);
        char what[160];
        if (script == NULL || strstr(script, "exec ") != NULL || strstr(script, "trap ") != NULL)
            continue;
        snprintf(what, sizeof(what), "container %.60s is started by a shell",
                 json_string(container, "name", "?"));
        add(work, ADVICE_BOTH, false, ENDING, what,
            "the shell gets SIGTERM and does not pass it on: unless the script is one command, "
            "which some shells become by themselves, the program goes on until SIGKILL ends it "
            "with what is in flight. Let the script's last command be `exec PROGRAM`");
    }
}

/* The script of ["sh", "-c", script] in `command`, or in `command` and `args`; or NULL. */
static const char *shell_script(const cJSON *container)
{
    static const char *const shells[] = {"sh", "ash", "bash", "dash"};
    const cJSON *lists[] = {json_member(container, "command"), json_member(container, "args")};
    const char *words[3] = {NULL};
    size_t count = 0;

    for (size_t i = 0; i < 2; i++) {
        const cJSON *word;
        cJSON_ArrayForEach(word, lists[i])
        {
            if (count < 3)
                words[count++] = cJSON_GetStringValue(word);
        }
    }
    if (words[0] == NULL || words[1] == NULL || strcmp(words[1], "-c") != 0)
        return NULL;
    const char *name = strrchr(words[0], '/') != NULL ? strrchr(words[0], '/') + 1 : words[0];
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
        if (strcmp(name, shells[i]) == 0)
            return words[2];
    return NULL;
}

/* No field of a manifest saves these. */
static void look_at_held(struct work *work)
{
    add(work, ADVICE_HELD, true, ENDING, "held connections end with their pod",
        "each breaks at least once in a rollout, preStop or not: the application must finish what "
        "is in flight after SIGTERM and ask its clients to go (Connection: close, GOAWAY), or "
        "clients must reconnect and ask again");
}

static void look_at_budget(struct work *work)
{
    const cJSON *first = NULL, *second = NULL;

    for (uint32_t i = 0; i < work->manifest->count && second == NULL; i++)
        if (is_budget(work->manifest->objects[i], work))
            *(first == NULL ? &first : &second) = work->manifest->objects[i];
    if (second != NULL) {
        char what[160];
        snprintf(what, sizeof(what), "poddisruptionbudget/%.50s and /%.50s are both of its pods",
                 json_string(first, "metadata.name", "?"),
                 json_string(second, "metadata.name", "?"));
        add(work, ADVICE_BOTH, false, BUDGET, what,
            "a pod with two budgets is never evicted: a drain waits for ever, and whoever forces "
            "it takes pods without heeding anything");
        return;
    }
    if (first != NULL) {
        look_at_budget_alone(work, first);
        return;
    }
    if (work->of.replicas < 2) {
        add(work, ADVICE_BOTH, false, BUDGET, "spec.replicas is 1",
            "a drain, or a node that fails, leaves no pod: want 2 or more, and a "
            "PodDisruptionBudget");
        return;
    }
    add(work, ADVICE_BOTH, false, BUDGET, "it has no PodDisruptionBudget",
        "a drain may evict all of its pods of a node at once, and of several nodes: want one "
        "with maxUnavailable 1");
    make_budget(work);
}

static bool is_budget(const cJSON *object, const struct work *work)
{
    const cJSON *selector = json_at(object, "spec.selector"), *requirement;
    const cJSON *labels = json_member(selector, "matchLabels");
    const cJSON *requirements = json_member(selector, "matchExpressions");
    bool old = strcmp(json_string(object, "apiVersion", ""), "policy/v1beta1") == 0;

    if (strcmp(json_string(object, "kind", ""), "PodDisruptionBudget") != 0 ||
        !is_near(object, work) || !cJSON_IsObject(selector) || !selects(labels, work))
        return false;
    if (cJSON_GetArraySize(labels) == 0 && cJSON_GetArraySize(requirements) == 0)
        return !old; /* policy/v1: all pods of the namespace; v1beta1: none. */
    cJSON_ArrayForEach(requirement, requirements)
    {
        if (!fits(requirement, work))
            return false;
    }
    return true;
}

static void look_at_budget_alone(struct work *work, const cJSON *budget)
{
    char what[160];

    if (work->of.replicas == 0 || lost_to_budget(budget, work) >= 1)
        return;
    snprintf(what, sizeof(what), "poddisruptionbudget/%.60s never allows an eviction",
             json_string(budget, "metadata.name", "?"));
    add(work, ADVICE_BOTH, false, BUDGET, what,
        "of %" PRIu32 " replicas none may be missing: a drain waits for ever, and whoever "
        "forces it takes pods without heeding anything",
        work->of.replicas);
    if (work->of.replicas > 1)
        mend_budget(work, budget);
}

/* How many pods an eviction may take when all are healthy. */
static double lost_to_budget(const cJSON *budget, const struct work *work)
{
    const cJSON *least = json_at(budget, "spec.minAvailable");
    const cJSON *most = json_at(budget, "spec.maxUnavailable");
    const double all = work->of.replicas;
    struct rollout_amount amount = {0};

    /* Shares are rounded up, of both. */
    if (rollout_read_amount(most != NULL ? most : least, &amount) < 0)
        return all; /* No budget that the server would take. */
    double pods = amount.percent ? ceil(all * amount.value / 100) : amount.value;
    return most != NULL ? pods : all - pods;
}

/* The field that it has is kept: a budget has one of the two. */
static void mend_budget(struct work *work, const cJSON *budget)
{
    bool most = json_at(budget, "spec.maxUnavailable") != NULL;
    cJSON *mended = begin_object(work, json_string(budget, "apiVersion", "policy/v1"),
                                 "PodDisruptionBudget", json_string(budget, "metadata.name", ""));

    json_add_integer(json_make(mended, "spec"), most ? "maxUnavailable" : "minAvailable",
                     most ? 1 : (int64_t)work->of.replicas - 1);
    cJSON_AddItemToObject(json_make(mended, "spec"), "selector",
                          cJSON_Duplicate(json_at(budget, "spec.selector"), true));
    work->advice->budget = mended;
}

static void make_budget(struct work *work)
{
    const cJSON *selector = json_at(work->object, "spec.selector");
    const bool taken = manifest_find(work->manifest, "PodDisruptionBudget", work->of.name) != NULL;
    char name[160];
    cJSON *budget;

    if (selector == NULL)
        return;
    snprintf(name, sizeof(name), "%.120s%s", work->of.name, taken ? "-budget" : "");
    budget = begin_object(work, work->manifest->old_budgets ? "policy/v1beta1" : "policy/v1",
                          "PodDisruptionBudget", name);
    json_add_integer(json_make(budget, "spec"), "maxUnavailable", 1);
    cJSON_AddItemToObject(json_make(budget, "spec"), "selector", cJSON_Duplicate(selector, true));
    work->advice->budget = budget;
}

/* Only where the manifest has nodes: a live one. */
static void look_at_nodes(struct work *work)
{
    uint32_t nodes = 0, open = 0;

    for (uint32_t i = 0; i < work->manifest->count; i++) {
        const cJSON *object = work->manifest->objects[i];
        if (strcmp(json_string(object, "kind", ""), "Node") != 0)
            continue;
        nodes++;
        open += !json_bool(object, "spec.unschedulable", false);
    }
    if (nodes == 0 || open > 1)
        return;
    add(work, ADVICE_BOTH, false, SPREAD,
        open == 1 ? "one node alone takes new pods" : "no node takes new pods",
        "when it is drained or fails, its pods come back nowhere: of %" PRIu32
        " node%s the others are cordoned",
        nodes, nodes == 1 ? "" : "s");
}

static void look_at_spread(struct work *work)
{
    const cJSON *spec = json_at(work->object, "spec.template.spec");
    const cJSON *labels = json_at(work->object, "spec.selector.matchLabels");
    cJSON *list, *one;

    if (work->of.replicas < 2 || json_member(spec, "topologySpreadConstraints") != NULL ||
        json_at(spec, "affinity.podAntiAffinity") != NULL || labels == NULL)
        return;
    add(work, ADVICE_BOTH, false, SPREAD, "nothing spreads its pods over nodes",
        "all of them can be on one node, and end with it");
    list = cJSON_AddArrayToObject(json_make(work->advice->patch, "spec.template.spec"),
                                  "topologySpreadConstraints");
    one = cJSON_CreateObject();
    cJSON_AddItemToArray(list, one);
    json_add_integer(one, "maxSkew", 1);
    cJSON_AddStringToObject(one, "topologyKey", "kubernetes.io/hostname");
    cJSON_AddStringToObject(one, "whenUnsatisfiable", "ScheduleAnyway");
    cJSON_AddItemToObject(json_make(one, "labelSelector"), "matchLabels",
                          cJSON_Duplicate(labels, true));
}

static void look_at_services(struct work *work)
{
    for (uint32_t i = 0; i < work->manifest->count; i++) {
        const cJSON *object = work->manifest->objects[i];
        char what[160];
        if (strcmp(json_string(object, "kind", ""), "Service") != 0 || !is_near(object, work) ||
            json_at(object, "spec.selector") == NULL ||
            !selects(json_at(object, "spec.selector"), work) ||
            strcmp(json_string(object, "spec.externalTrafficPolicy", "Cluster"), "Local") != 0 ||
            work->pre_stop_ns >= work->conditions->probe_ns + SECOND_NS)
            continue;
        snprintf(what, sizeof(what), "service/%.60s has externalTrafficPolicy Local",
                 json_string(object, "metadata.name", "?"));
        add(work, ADVICE_NEW, false, POLICY, what,
            "a node whose last pod has ended drops what a balancer sends there until its health "
            "probe notices: preStop must outlast that (--probe-lag), or the policy be Cluster");
    }
}

/* In the Deployment's namespace, as far as the two say. */
static bool is_near(const cJSON *object, const struct work *work)
{
    const char *own = json_string(work->object, "metadata.namespace", NULL);
    const char *other = json_string(object, "metadata.namespace", NULL);

    return own == NULL || other == NULL || strcmp(own, other) == 0;
}

/* Every one of LABELS is one of the template's. */
static bool selects(const cJSON *labels, const struct work *work)
{
    const cJSON *all = json_at(work->object, "spec.template.metadata.labels"), *label;

    cJSON_ArrayForEach(label, labels)
    {
        const cJSON *own = json_member(all, label->string);
        if (!cJSON_IsString(label) || !cJSON_IsString(own) ||
            strcmp(label->valuestring, own->valuestring) != 0)
            return false;
    }
    return true;
}

/* One of a selector's matchExpressions. */
static bool fits(const cJSON *requirement, const struct work *work)
{
    const char *relation = json_string(requirement, "operator", "");
    const char *own =
        cJSON_GetStringValue(json_member(json_at(work->object, "spec.template.metadata.labels"),
                                         json_string(requirement, "key", "")));
    const cJSON *value;
    bool listed = false;

    if (strcmp(relation, "Exists") == 0 || strcmp(relation, "DoesNotExist") == 0)
        return (own != NULL) == (strcmp(relation, "Exists") == 0);
    cJSON_ArrayForEach(value, json_member(requirement, "values"))
    {
        listed |= own != NULL && cJSON_IsString(value) && strcmp(value->valuestring, own) == 0;
    }
    return strcmp(relation, "In") == 0 ? listed : strcmp(relation, "NotIn") == 0 && !listed;
}

/* Its part of the patch: lists of containers are merged by name. */
static cJSON *container_patch(struct work *work, const cJSON *container)
{
    cJSON *spec = json_make(work->advice->patch, "spec.template.spec");
    cJSON *list = cJSON_GetObjectItemCaseSensitive(spec, "containers"), *one;
    const char *name = json_string(container, "name", "");

    if (list == NULL)
        list = cJSON_AddArrayToObject(spec, "containers");
    cJSON_ArrayForEach(one, list)
    {
        if (strcmp(json_string(one, "name", ""), name) == 0)
            return one;
    }
    one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "name", name);
    cJSON_AddItemToArray(list, one);
    return one;
}

static void add(struct work *work, enum advice_hits hits, bool certain, const char *document,
                const char *what, const char *format, ...)
{
    struct advice *advice = work->advice;
    struct advice_item *item = &advice->items[advice->count];
    va_list args;

    if (advice->count == ADVICE_MAX)
        return;
    advice->count++;
    item->hits = hits;
    item->certain = certain;
    item->document = document;
    snprintf(item->what, sizeof(item->what), "%s", what);
    va_start(args, format);
    vsnprintf(item->why, sizeof(item->why), format, args);
    va_end(args);
}

static int begin_patch(struct work *work)
{
    work->advice->patch = begin_object(work, json_string(work->object, "apiVersion", ""),
                                       "Deployment", work->of.name);
    return work->advice->patch == NULL ? -ENOMEM : 0;
}

/* In the Deployment's namespace. */
static cJSON *begin_object(const struct work *work, const char *api_version, const char *kind,
                           const char *name)
{
    cJSON *object = cJSON_CreateObject();
    const char *namespace = json_string(work->object, "metadata.namespace", NULL);

    if (object == NULL)
        return NULL;
    cJSON_AddStringToObject(object, "apiVersion", api_version);
    cJSON_AddStringToObject(object, "kind", kind);
    cJSON_AddStringToObject(json_make(object, "metadata"), "name", name);
    if (namespace != NULL)
        cJSON_AddStringToObject(json_make(object, "metadata"), "namespace", namespace);
    return object;
}

static void drop_idle_patch(struct advice *advice)
{
    if (json_member(advice->patch, "spec") != NULL)
        return;
    cJSON_Delete(advice->patch);
    advice->patch = NULL;
}

/* Whole seconds, none less. */
static int64_t seconds_above(int64_t duration_ns)
{
    return (duration_ns + SECOND_NS - 1) / SECOND_NS;
}
