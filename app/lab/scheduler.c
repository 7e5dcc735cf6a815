#include "lab/scheduler.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "lab/object.h"

static const char cordon_taint[] = "node.kubernetes.io/unschedulable";

enum {
    REASON_BYTES = 192,
    REASONS_MAX = 16
};

/* What one decision is made from. */
struct view {
    const cJSON *pod;          /* To be placed. */
    const cJSON *const *nodes; /* All. */
    size_t node_count;         /* Of them. */
    const cJSON *const *pods;  /* All of the cluster. */
    size_t pod_count;          /* Of them. */
};

/* Why nodes were left out. */
struct reasons {
    char texts[REASONS_MAX][REASON_BYTES]; /* Each once. */
    size_t nodes[REASONS_MAX];             /* How many nodes have it. */
    size_t count;                          /* Reasons in use. */
};

/* Fewer is better, the first member first. */
struct score {
    size_t spread; /* Pods in the node's domains, of constraints that may be broken. */
    size_t same;   /* Pods of the same controller on the node. */
    size_t all;    /* Pods on the node. */
};

static bool tolerates(const cJSON *pod, const char *key, const char *value, const char *effect)
{
    const cJSON *toleration;

    cJSON_ArrayForEach(toleration, json_at(pod, "spec.tolerations"))
    {
        const char *wanted = json_string(toleration, "effect", "");
        const char *name = json_string(toleration, "key", "");
        bool exists = strcmp(json_string(toleration, "operator", "Equal"), "Exists") == 0;

        if (wanted[0] != '\0' && strcmp(wanted, effect) != 0)
            continue;
        if (name[0] == '\0'
                ? exists
                : strcmp(name, key) == 0 &&
                      (exists || strcmp(json_string(toleration, "value", ""), value) == 0))
            return true;
    }
    return false;
}

/* The first taint that keeps POD off NODE, or NULL. */
static const cJSON *untolerated(const cJSON *node, const cJSON *pod)
{
    const cJSON *taint;

    cJSON_ArrayForEach(taint, json_at(node, "spec.taints"))
    {
        const char *effect = json_string(taint, "effect", "");
        if ((strcmp(effect, "NoSchedule") == 0 || strcmp(effect, "NoExecute") == 0) &&
            !tolerates(pod, json_string(taint, "key", ""), json_string(taint, "value", ""), effect))
            return taint;
    }
    return NULL;
}

/* Of matchFields only metadata.name is known, as to a real server. */
static bool fields_match(const cJSON *fields, const cJSON *node)
{
    const cJSON *field, *value;

    cJSON_ArrayForEach(field, fields)
    {
        bool listed = false, wanted = strcmp(json_string(field, "operator", ""), "In") == 0;

        cJSON_ArrayForEach(value, json_at(field, "values")) listed =
            listed || (cJSON_IsString(value) && strcmp(value->valuestring, object_name(node)) == 0);
        if (strcmp(json_string(field, "key", ""), "metadata.name") != 0 || listed != wanted)
            return false;
    }
    return true;
}

static bool has_items(const cJSON *list)
{
    return list != NULL && list->child != NULL;
}

/* One of the terms holds; a term without any condition holds for no node. */
static bool affinity_matches(const cJSON *terms, const cJSON *node)
{
    const cJSON *term;

    cJSON_ArrayForEach(term, terms)
    {
        const cJSON *fields = json_at(term, "matchFields");
        const cJSON *labels = json_at(term, "matchExpressions");

        if ((has_items(fields) || has_items(labels)) && object_selector_matches(term, node) &&
            fields_match(fields, node))
            return true;
    }
    return false;
}

static bool node_selected(const cJSON *node, const cJSON *pod)
{
    const cJSON *selector = json_at(pod, "spec.nodeSelector");
    const cJSON *required =
        json_at(pod, "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");

    if (has_items(selector) && !object_labels_match(selector, node))
        return false;
    return required == NULL || affinity_matches(json_at(required, "nodeSelectorTerms"), node);
}

/* The constraint's selector, narrowed to pods that have the same matchLabelKeys as POD. */
static bool constraint_counts(const cJSON *constraint, const cJSON *pod, const cJSON *other)
{
    const cJSON *key;

    if (!object_selector_matches(json_at(constraint, "labelSelector"), other))
        return false;
    cJSON_ArrayForEach(key, json_at(constraint, "matchLabelKeys"))
    {
        const char *a = cJSON_IsString(key) ? object_label(pod, key->valuestring) : NULL;
        const char *b = cJSON_IsString(key) ? object_label(other, key->valuestring) : NULL;
        if (a != NULL && (b == NULL || strcmp(a, b) != 0))
            return false;
    }
    return true;
}

static const cJSON *node_of(const struct view *view, const cJSON *pod)
{
    for (size_t i = 0; i < view->node_count; i++) {
        if (strcmp(object_name(view->nodes[i]), json_string(pod, "spec.nodeName", "")) == 0)
            return view->nodes[i];
    }
    return NULL;
}

/* Pods of the domain VALUE that CONSTRAINT counts. */
static size_t domain_pods(const struct view *view, const cJSON *constraint, const char *value)
{
    const char *key = json_string(constraint, "topologyKey", "");
    size_t found = 0;

    for (size_t i = 0; i < view->pod_count; i++) {
        const cJSON *other = view->pods[i];
        const cJSON *node = node_of(view, other);
        const char *label = node != NULL ? object_label(node, key) : NULL;

        found += label != NULL && strcmp(label, value) == 0 && object_pod_active(other) &&
                 strcmp(object_namespace(other), object_namespace(view->pod)) == 0 &&
                 constraint_counts(constraint, view->pod, other);
    }
    return found;
}

/* Of the domains that the pod may be in at all. */
static size_t emptiest_domain(const struct view *view, const cJSON *constraint)
{
    const char *key = json_string(constraint, "topologyKey", "");
    size_t least = SIZE_MAX;

    for (size_t i = 0; i < view->node_count; i++) {
        const char *value = object_label(view->nodes[i], key);
        size_t pods;

        if (value == NULL || !node_selected(view->nodes[i], view->pod))
            continue;
        pods = domain_pods(view, constraint, value);
        least = pods < least ? pods : least;
    }
    return least;
}

static bool is_required(const cJSON *constraint)
{
    return strcmp(json_string(constraint, "whenUnsatisfiable", "DoNotSchedule"), "DoNotSchedule") ==
           0;
}

static bool spread_allows(const struct view *view, const cJSON *node)
{
    const cJSON *constraint;

    cJSON_ArrayForEach(constraint, json_at(view->pod, "spec.topologySpreadConstraints"))
    {
        const char *value = object_label(node, json_string(constraint, "topologyKey", ""));
        int64_t most = json_integer(constraint, "maxSkew", 1);
        size_t with;

        if (!is_required(constraint))
            continue;
        if (value == NULL)
            return false;
        with = domain_pods(view, constraint, value) +
               constraint_counts(constraint, view->pod, view->pod);
        if ((int64_t)with - (int64_t)emptiest_domain(view, constraint) > most)
            return false;
    }
    return true;
}

/* Write into OUT why NODE cannot take the pod; "" when it can. */
static void why_not(const struct view *view, const cJSON *node, char out[REASON_BYTES])
{
    const cJSON *taint = untolerated(node, view->pod);
    const char *fault = "";

    out[0] = '\0';
    if (object_deleting(node) || !object_condition_is_true(node, "Ready"))
        fault = "node(s) were not ready";
    else if (json_bool(node, "spec.unschedulable", false) &&
             !tolerates(view->pod, cordon_taint, "", "NoSchedule"))
        fault = "node(s) were unschedulable";
    else if (taint != NULL)
        snprintf(out, REASON_BYTES, "node(s) had untolerated taint {%.80s: %.80s}",
                 json_string(taint, "key", ""), json_string(taint, "value", ""));
    else if (!node_selected(node, view->pod))
        fault = "node(s) didn't match Pod's node affinity/selector";
    else if (!spread_allows(view, node))
        fault = "node(s) didn't match pod topology spread constraints";
    if (fault[0] != '\0')
        snprintf(out, REASON_BYTES, "%s", fault);
}

static void reasons_add(struct reasons *reasons, const char *text)
{
    size_t i = 0;

    while (i < reasons->count && strcmp(reasons->texts[i], text) != 0)
        i++;
    if (i == REASONS_MAX)
        return;
    if (i == reasons->count) {
        snprintf(reasons->texts[i], REASON_BYTES, "%s", text);
        reasons->count++;
    }
    reasons->nodes[i]++;
}

static size_t count_pods(const struct view *view, const char *node, const char *owner)
{
    size_t found = 0;

    for (size_t i = 0; i < view->pod_count; i++) {
        const cJSON *other = view->pods[i];
        found += object_pod_active(other) &&
                 strcmp(json_string(other, "spec.nodeName", ""), node) == 0 &&
                 (owner == NULL || strcmp(object_controller_uid(other), owner) == 0);
    }
    return found;
}

static struct score score_of(const struct view *view, const cJSON *node)
{
    struct score score = {
        .same = count_pods(view, object_name(node), object_controller_uid(view->pod)),
        .all = count_pods(view, object_name(node), NULL),
    };
    const cJSON *constraint;

    cJSON_ArrayForEach(constraint, json_at(view->pod, "spec.topologySpreadConstraints"))
    {
        const char *value = object_label(node, json_string(constraint, "topologyKey", ""));
        if (!is_required(constraint) && value != NULL)
            score.spread += domain_pods(view, constraint, value);
    }
    return score;
}

static bool is_better(struct score a, struct score b)
{
    if (a.spread != b.spread)
        return a.spread < b.spread;
    return a.same != b.same ? a.same < b.same : a.all < b.all;
}

/* NULL with REASONS when there is none. */
static const cJSON *choose(const struct view *view, struct reasons *reasons)
{
    const cJSON *best = NULL;
    struct score best_score = {0};
    char why[REASON_BYTES];

    for (size_t i = 0; i < view->node_count; i++) {
        struct score score;

        why_not(view, view->nodes[i], why);
        if (why[0] != '\0') {
            reasons_add(reasons, why);
            continue;
        }
        score = score_of(view, view->nodes[i]);
        if (best == NULL || is_better(score, best_score)) {
            best = view->nodes[i];
            best_score = score;
        }
    }
    return best;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* "0/3 nodes are available: 1 node(s) were unschedulable, 2 ...": sorted, as the real one's. */
static void describe(const struct reasons *reasons, size_t node_count, struct text *out)
{
    char lines[REASONS_MAX][REASON_BYTES + 24];

    for (size_t i = 0; i < reasons->count; i++)
        snprintf(lines[i], sizeof(lines[i]), "%zu %s", reasons->nodes[i], reasons->texts[i]);
    qsort(lines, reasons->count, sizeof(lines[0]), compare_lines);
    text_addf(out, "0/%zu nodes are available", node_count);
    for (size_t i = 0; i < reasons->count; i++)
        text_addf(out, "%s%s", i == 0 ? ": " : ", ", lines[i]);
    text_add(out, ".");
}

static cJSON *condition_scheduled(cJSON *object)
{
    cJSON *status = json_make(object, "status");
    cJSON *conditions = cJSON_GetObjectItemCaseSensitive(status, "conditions");
    cJSON *condition;

    if (conditions == NULL)
        conditions = cJSON_AddArrayToObject(status, "conditions");
    cJSON_ArrayForEach(condition, conditions)
    {
        if (strcmp(json_string(condition, "type", ""), "PodScheduled") == 0)
            return condition;
    }
    condition = cJSON_CreateObject();
    cJSON_AddStringToObject(condition, "type", "PodScheduled");
    cJSON_AddItemToArray(conditions, condition);
    return condition;
}

/* WHY: NULL when it was. */
static void set_scheduled(cJSON *object, const char *why, int64_t utc_ns)
{
    cJSON *condition = condition_scheduled(object);
    const char *value = why == NULL ? "True" : "False";

    if (strcmp(json_string(condition, "status", ""), value) != 0)
        object_put_time(condition, "lastTransitionTime", utc_ns);
    object_put_string(condition, "status", value);
    object_put(condition, "lastProbeTime", cJSON_CreateNull());
    if (why == NULL) {
        cJSON_DeleteItemFromObjectCaseSensitive(condition, "reason");
        cJSON_DeleteItemFromObjectCaseSensitive(condition, "message");
    } else {
        object_put_string(condition, "reason", "Unschedulable");
        object_put_string(condition, "message", why);
    }
}

/* The event is repeated when there is something new to say. */
static void leave_pending(const struct view *view, const struct reasons *reasons, int64_t utc_ns,
                          struct changes *changes)
{
    cJSON *object = cJSON_Duplicate(view->pod, true);
    const cJSON *before = object_condition(view->pod, "PodScheduled");
    struct text why = {0};

    describe(reasons, view->node_count, &why);
    if (before == NULL || strcmp(json_string(before, "message", ""), text_str(&why)) != 0)
        changes_event(changes, STORE_POD, view->pod, "default-scheduler", "Warning",
                      "FailedScheduling", utc_ns, "%s", text_str(&why));
    set_scheduled(object, text_str(&why), utc_ns);
    changes_update(changes, STORE_POD, object);
    text_free(&why);
}

bool scheduler_admits(const cJSON *node, const cJSON *pod)
{
    return !object_deleting(node) && untolerated(node, pod) == NULL && node_selected(node, pod);
}

void scheduler_place(const cJSON *pod, const cJSON *const *nodes, size_t node_count,
                     const cJSON *const *pods, size_t pod_count, int64_t utc_ns,
                     struct changes *changes)
{
    const struct view view = {pod, nodes, node_count, pods, pod_count};
    struct reasons reasons = {0};
    const cJSON *node;
    cJSON *object;

    if (!object_pod_active(pod) || json_string(pod, "spec.nodeName", "")[0] != '\0')
        return;
    node = choose(&view, &reasons);
    if (node == NULL) {
        leave_pending(&view, &reasons, utc_ns, changes);
        return;
    }
    object = cJSON_Duplicate(pod, true);
    set_scheduled(object, NULL, utc_ns);
    object_put_string(json_make(object, "spec"), "nodeName", object_name(node));
    changes_update(changes, STORE_POD, object);
    changes_event(changes, STORE_POD, pod, "default-scheduler", "Normal", "Scheduled", utc_ns,
                  "Successfully assigned %s/%s to %s", object_namespace(pod), object_name(pod),
                  object_name(node));
}
