#include "kube/drain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "kube/change.h"

enum {
    NS_PER_S = 1000000000
};

/* What is to be done with a pod of the node. */
enum fate {
    FATE_GOES,
    FATE_DAEMON,
    FATE_MIRROR,
    FATE_UNMANAGED,
    FATE_EMPTY_DIR,
};

static enum kube_drain_end prepare(struct kube_action *action, const cJSON *list);
static enum kube_drain_end next(struct kube_action *action, uint64_t now_ns);
static bool going(const struct kube_drain *drain);
static void ask_node(struct kube_action *action);
static void tell_unready(struct kube_action *action);
static enum fate fate_of(const struct kube_drain *drain, const cJSON *pod);
static void remember(struct kube_drain *drain, const cJSON *pod);
static struct kube_drain_pod *find(struct kube_drain *drain, const cJSON *pod);
static void forget_gone(struct kube_action *action);
static void drop(struct kube_drain *drain, unsigned index);
static void ask_eviction(struct kube_action *action, const struct kube_drain_pod *pod);
static const char *sentence(const char *said);

void kube_drain_ask_pods(struct kube_action *action)
{
    char selector[KUBE_NAME_BYTES + 32];
    snprintf(selector, sizeof(selector), "spec.nodeName=%s", action->result.name);
    action->step = KUBE_STEP_PODS;
    action->state = KUBE_ACTION_REQUEST;
    action->method = "GET";
    action->request_verb = "list";
    action->subresource = "";
    action->body_type = NULL;
    text_clear(&action->body);
    text_clear(&action->path);
    kube_resource_path(&action->path, kube_resource_of(KUBE_POD), NULL, NULL, NULL);
    kube_resource_query(&action->path, "fieldSelector", selector);
}

enum kube_drain_end kube_drain_take_pods(struct kube_action *action, const cJSON *list,
                                         uint64_t now_ns)
{
    struct kube_drain *drain = action->drain;
    const cJSON *pod;
    if (!cJSON_IsArray(json_member(list, "items"))) {
        action->result.code = error_set(&action->result.error, EXIT_ENVIRONMENT, -EBADMSG,
                                        "%s: the answer is no list of pods", action->target);
        return KUBE_DRAIN_REFUSED;
    }
    if (!drain->begun)
        return prepare(action, list);
    for (unsigned i = 0; i < drain->count; i++)
        drain->pods[i].present = false;
    cJSON_ArrayForEach(pod, json_member(list, "items"))
    {
        struct kube_drain_pod *known = find(drain, pod);
        if (known != NULL)
            known->present = true;
    }
    forget_gone(action); /* First: it makes room. */
    drain->beyond = 0;
    cJSON_ArrayForEach(pod, json_member(list, "items"))
    {
        if (find(drain, pod) == NULL && fate_of(drain, pod) == FATE_GOES)
            remember(drain, pod); /* It came meanwhile, or was one too many before. */
    }
    return next(action, now_ns);
}

enum kube_drain_end kube_drain_begin(struct kube_action *action, uint64_t now_ns)
{
    action->drain->begun = true;
    action->drain->at = 0;
    action->drain->node_due_ns = now_ns + KUBE_DRAIN_NODE_NS;
    text_addf(&action->news, "node/%s %s", action->result.name,
              action->drain->cordoned ? "was cordoned already" : "cordoned");
    tell_unready(action);
    return next(action, now_ns);
}

enum kube_drain_end kube_drain_take_eviction(struct kube_action *action, enum kube_reason reason,
                                             unsigned retry_after_s, const char *said,
                                             uint64_t now_ns)
{
    struct kube_drain *drain = action->drain;
    struct kube_drain_pod *pod = &drain->pods[drain->at];
    uint64_t pause_ns = reason == KUBE_REASON_BUDGET ? KUBE_DRAIN_BUDGET_NS : NS_PER_S;
    if (retry_after_s > 0)
        pause_ns = (uint64_t)retry_after_s * NS_PER_S;
    if (reason == KUBE_REASON_SUCCESS) {
        pod->evicted = true;
        text_addf(&action->news, "pod %s/%s evicted", pod->namespace, pod->name);
    } else if (reason == KUBE_REASON_NOT_FOUND || reason == KUBE_REASON_CONFLICT) {
        text_addf(&action->news, "pod %s/%s gone before it was evicted", pod->namespace, pod->name);
        drop(drain, drain->at);
    } else {
        if (strcmp(pod->why, sentence(said)) != 0)
            text_addf(&action->news, "pod %s/%s not evicted yet: %s", pod->namespace, pod->name,
                      sentence(said));
        snprintf(pod->why, sizeof(pod->why), "%s", sentence(said));
        pod->due_ns = now_ns + pause_ns;
    }
    return next(action, now_ns);
}

bool kube_drain_endures(enum kube_reason reason)
{
    return kube_reason_transient(reason) || reason == KUBE_REASON_NOT_FOUND ||
           reason == KUBE_REASON_CONFLICT;
}

void kube_drain_take_node(struct kube_action *action, uint64_t now_ns)
{
    struct kube_drain *drain = action->drain;
    char why[sizeof(drain->unready)] = "it was deleted";
    if (action->result.object != NULL)
        kube_node_why_not_ready(&action->result.object->node, why, sizeof(why));
    bool same = strcmp(why, drain->unready) == 0;
    memcpy(drain->unready, why, sizeof(why));
    drain->node_due_ns = now_ns + KUBE_DRAIN_NODE_NS;
    if (drain->begun && !same && why[0] == '\0')
        text_addf(&action->news, "node/%s is ready again", action->result.name);
    else if (drain->begun && !same)
        tell_unready(action);
    kube_drain_ask_pods(action);
}

bool kube_drain_is_eviction(const char *news)
{
    static const char end[] = " evicted";
    size_t size = strlen(news);
    return strncmp(news, "pod ", 4) == 0 && size > sizeof(end) &&
           strcmp(news + size - (sizeof(end) - 1), end) == 0;
}

void kube_drain_holds(const struct kube_action *action, struct text *out)
{
    const struct kube_drain *drain = action->drain;
    if (drain->unready[0] != '\0')
        text_addf(out, "node/%s is not ready (%s); ", action->result.name, drain->unready);
    text_add(out, "still there: ");
    for (unsigned i = 0; i < drain->count; i++) {
        const struct kube_drain_pod *pod = &drain->pods[i];
        text_addf(out, "%s%s/%s (%s)", i > 0 ? ", " : "", pod->namespace, pod->name,
                  pod->evicted          ? "evicted, still terminating"
                  : pod->why[0] != '\0' ? pod->why
                                        : "not asked for yet");
    }
}

/* Nothing is changed yet: may it be? Then the cordon is what is asked for. */
static enum kube_drain_end prepare(struct kube_action *action, const cJSON *list)
{
    struct kube_drain *drain = action->drain;
    const char *refused = NULL;
    enum fate fate = FATE_GOES;
    const cJSON *pod, *held = NULL;
    drain->count = drain->beyond = drain->daemons = drain->mirrors = 0;
    cJSON_ArrayForEach(pod, json_member(list, "items"))
    {
        enum fate its = fate_of(drain, pod);
        drain->daemons += its == FATE_DAEMON;
        drain->mirrors += its == FATE_MIRROR;
        if (its == FATE_GOES)
            remember(drain, pod);
        else if (held == NULL && (its == FATE_UNMANAGED || its == FATE_EMPTY_DIR)) {
            held = pod;
            fate = its;
        }
    }
    if (fate == FATE_UNMANAGED)
        refused = "has no controller and would come back nowhere; --force (force) takes it away";
    else if (fate == FATE_EMPTY_DIR)
        refused = "has an emptyDir, whose data would be lost; --delete-emptydir-data "
                  "(deleteEmptyDirData) takes it away";
    if (refused != NULL) {
        action->result.code =
            error_set(&action->result.error, EXIT_USAGE, -EPERM, "%s: pod %s/%s %s", action->target,
                      json_string(held, "metadata.namespace", ""),
                      json_string(held, "metadata.name", ""), refused);
        return KUBE_DRAIN_REFUSED;
    }
    kube_change_cordon(action, drain->cordoned);
    action->step = KUBE_STEP_CHANGE;
    text_clear(&action->about);
    text_addf(&action->about, "drain %s: cordon it and evict %u pod%s", action->target,
              drain->count + drain->beyond, drain->count == 1 ? "" : "s");
    if (drain->daemons + drain->mirrors > 0)
        text_addf(&action->about, " (%u of DaemonSets and %u mirror pods stay)", drain->daemons,
                  drain->mirrors);
    return KUBE_DRAIN_ON;
}

/* The next pod that is due; or look again who is there; or wait. A dry run asks once of each. */
static enum kube_drain_end next(struct kube_action *action, uint64_t now_ns)
{
    struct kube_drain *drain = action->drain;
    uint64_t wake_ns = now_ns + KUBE_DRAIN_LOOK_NS;
    for (unsigned i = 0; i < drain->count; i++) {
        struct kube_drain_pod *pod = &drain->pods[i];
        if (pod->evicted || pod->due_ns > now_ns || (action->dry_run && pod->due_ns > 0))
            continue;
        drain->at = i;
        ask_eviction(action, pod);
        return KUBE_DRAIN_ON;
    }
    if ((drain->count == 0 && drain->beyond == 0) || action->dry_run)
        return KUBE_DRAIN_OVER;
    kube_drain_ask_pods(action);
    if (going(drain) && drain->node_due_ns <= now_ns)
        ask_node(action);
    action->state = KUBE_ACTION_PAUSE;
    action->due_ns = wake_ns;
    return KUBE_DRAIN_ON;
}

static bool going(const struct kube_drain *drain)
{
    for (unsigned i = 0; i < drain->count; i++)
        if (drain->pods[i].evicted)
            return true;
    return false;
}

static void ask_node(struct kube_action *action)
{
    action->step = KUBE_STEP_NODE;
    action->request_verb = "get";
    text_clear(&action->path);
    kube_resource_path(&action->path, &action->result.resource, NULL, action->result.name, NULL);
}

static void tell_unready(struct kube_action *action)
{
    if (action->drain->unready[0] != '\0')
        text_addf(&action->news, "%snode/%s is not ready (%s)", action->news.size > 0 ? "\n" : "",
                  action->result.name, action->drain->unready);
}

static enum fate fate_of(const struct kube_drain *drain, const cJSON *pod)
{
    const char *phase = json_string(pod, "status.phase", "");
    const cJSON *item, *controller = NULL;
    if (json_member(json_at(pod, "metadata.annotations"), "kubernetes.io/config.mirror") != NULL)
        return FATE_MIRROR;
    cJSON_ArrayForEach(item, json_at(pod, "metadata.ownerReferences"))
    {
        if (json_bool(item, "controller", false))
            controller = item;
    }
    if (strcmp(json_string(controller, "kind", ""), "DaemonSet") == 0)
        return FATE_DAEMON;
    if (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)
        return FATE_GOES;
    if (controller == NULL && !drain->force)
        return FATE_UNMANAGED;
    cJSON_ArrayForEach(item, json_at(pod, "spec.volumes"))
    {
        if (json_member(item, "emptyDir") != NULL && !drain->delete_empty_dir)
            return FATE_EMPTY_DIR;
    }
    return FATE_GOES;
}

/* One whose names cannot be held is no object of a real server. */
static void remember(struct kube_drain *drain, const cJSON *pod)
{
    const char *namespace = json_string(pod, "metadata.namespace", "");
    const char *name = json_string(pod, "metadata.name", "");
    const char *uid = json_string(pod, "metadata.uid", "");
    if (strlen(namespace) >= KUBE_NAMESPACE_BYTES || namespace[0] == '\0' ||
        !kube_resource_name_valid(name) || strlen(uid) >= sizeof(drain->pods[0].uid))
        return;
    if (drain->count == KUBE_DRAIN_PODS) {
        drain->beyond++;
        return;
    }
    struct kube_drain_pod *to = &drain->pods[drain->count++];
    *to = (struct kube_drain_pod){.present = true};
    strcpy(to->namespace, namespace);
    strcpy(to->name, name);
    strcpy(to->uid, uid);
}

static struct kube_drain_pod *find(struct kube_drain *drain, const cJSON *pod)
{
    for (unsigned i = 0; i < drain->count; i++) {
        struct kube_drain_pod *known = &drain->pods[i];
        if (strcmp(known->name, json_string(pod, "metadata.name", "")) == 0 &&
            strcmp(known->namespace, json_string(pod, "metadata.namespace", "")) == 0 &&
            strcmp(known->uid, json_string(pod, "metadata.uid", "")) == 0)
            return known;
    }
    return NULL;
}

static void forget_gone(struct kube_action *action)
{
    struct kube_drain *drain = action->drain;
    for (unsigned i = drain->count; i > 0; i--) {
        const struct kube_drain_pod *pod = &drain->pods[i - 1];
        if (pod->present)
            continue;
        text_addf(&action->news, "%spod %s/%s gone", action->news.size > 0 ? "\n" : "",
                  pod->namespace, pod->name);
        drop(drain, i - 1);
    }
}

static void drop(struct kube_drain *drain, unsigned index)
{
    drain->count--;
    memmove(&drain->pods[index], &drain->pods[index + 1],
            (drain->count - index) * sizeof(drain->pods[0]));
}

static void ask_eviction(struct kube_action *action, const struct kube_drain_pod *pod)
{
    cJSON *body = kube_change_eviction(action, pod->namespace, pod->name, pod->uid);
    char *printed = json_print(body, false);
    action->step = KUBE_STEP_EVICT;
    action->state = KUBE_ACTION_REQUEST;
    action->method = "POST";
    action->request_verb = "create";
    action->subresource = "eviction";
    action->body_type = "application/json";
    text_clear(&action->path);
    text_clear(&action->body);
    kube_resource_path(&action->path, kube_resource_of(KUBE_POD), pod->namespace, pod->name,
                       "eviction");
    kube_resource_query(&action->path, "fieldManager", "seamline");
    if (action->dry_run)
        kube_resource_query(&action->path, "dryRun", "All");
    text_add(&action->body, printed == NULL ? "{}" : printed);
    cJSON_free(printed);
    cJSON_Delete(body);
}

/* What the server said, after who was asked for what. */
static const char *sentence(const char *said)
{
    const char *found = strstr(said, "): ");
    return found == NULL ? said : found + 3;
}
