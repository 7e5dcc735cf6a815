#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_call_priv.h"
#include "lab/api_status.h"
#include "lab/object.h"

enum {
    EVICTION_V1_SINCE = 22,       /* The body's policy/v1. */
    DISRUPTION_TARGET_SINCE = 26, /* The pod's condition. */
    UNOBSERVED_RETRY_S = 10
};

static bool body_fits(struct api_call *call, const cJSON *eviction);
static bool find_budget(struct api_call *call, const cJSON *pod, const cJSON **out);
static bool may_go(struct api_call *call, const cJSON *pod, const cJSON *budget, bool dry_run);
static void evict(struct api_call *call, const cJSON *pod, const struct api_delete_manner *manner);

/* pods/eviction of Kubernetes 1.36 (pkg/registry/core/pod/storage/eviction.go). */
void api_evict(struct api_call *call)
{
    struct api_delete_manner manner;
    const cJSON *budget = NULL;
    const cJSON *pod = api_call_object(call);
    cJSON *eviction = pod != NULL ? api_call_body(call, "error decoding the eviction") : NULL;
    if (eviction == NULL)
        return;
    bool goes_on = body_fits(call, eviction) &&
                   api_delete_manner(call, json_at(eviction, "deleteOptions"), pod, &manner) &&
                   find_budget(call, pod, &budget) && may_go(call, pod, budget, manner.dry_run);
    cJSON_Delete(eviction);
    if (goes_on)
        evict(call, pod, &manner);
}

static bool body_fits(struct api_call *call, const cJSON *eviction)
{
    const char *version = json_string(eviction, "apiVersion", "");
    const char *name = json_string(eviction, "metadata.name", call->path->name);
    bool known = strcmp(version, "policy/v1beta1") == 0 ||
                 (strcmp(version, "policy/v1") == 0 && call->handler->minor >= EVICTION_V1_SINCE);
    if (!known || strcmp(json_string(eviction, "kind", ""), "Eviction") != 0)
        api_call_fail(call, api_status_bad_request(
                                "the body (%.100s, %.100s) is no Eviction of "
                                "policy/v1beta1%s",
                                version, json_string(eviction, "kind", ""),
                                call->handler->minor >= EVICTION_V1_SINCE ? " or policy/v1" : ""));
    else if (strcmp(name, call->path->name) != 0)
        api_call_fail(call,
                      api_status_bad_request(
                          "name in URL does not match name in Eviction object: %.253s", name));
    return call->result == NULL;
}

/* The one budget whose selector has the pod; NULL for none. */
static bool find_budget(struct api_call *call, const cJSON *pod, const cJSON **out)
{
    const cJSON *budget = NULL;
    const struct store *store = call->handler->store;
    while ((budget = store_next(store, STORE_BUDGET, call->path->namespace, budget)) != NULL) {
        if (!object_selector_matches(json_at(budget, "spec.selector"), pod))
            continue;
        if (*out != NULL) {
            api_call_fail(call, api_status_failure(
                                    500, "InternalError",
                                    "This pod has more than one PodDisruptionBudget, which the "
                                    "eviction subresource does not support."));
            return false;
        }
        *out = budget;
    }
    return true;
}

/* Pods that no budget protects: they run nowhere yet, or no more, or go anyway. */
static bool is_free(const cJSON *pod)
{
    return object_pod_finished(pod) || object_deleting(pod) ||
           strcmp(json_string(pod, "status.phase", ""), "Pending") == 0;
}

/* A pod that is not ready may go while enough others are (spec.unhealthyPodEvictionPolicy). */
static bool is_unhealthy_and_free(const cJSON *pod, const cJSON *budget)
{
    int64_t desired = json_integer(budget, "status.desiredHealthy", 0);
    if (object_pod_ready(pod))
        return false;
    if (strcmp(json_string(budget, "spec.unhealthyPodEvictionPolicy", ""), "AlwaysAllow") == 0)
        return true;
    return desired > 0 && json_integer(budget, "status.currentHealthy", 0) >= desired;
}

/* Take one disruption off BUDGET, for the pod of NAME. */
static void take_disruption(struct api_call *call, const cJSON *budget, const char *name)
{
    cJSON *next = cJSON_Duplicate(budget, true);
    cJSON *status = json_make(next, "status");
    int64_t left = json_integer(budget, "status.disruptionsAllowed", 0) - 1;
    object_put_integer(status, "disruptionsAllowed", left);
    object_put_time(json_make(status, "disruptedPods"), name, call->request->utc_ns);
    store_update(call->handler->store, STORE_BUDGET, next, call->request->utc_ns, NULL);
}

/* False after api_call_fail(): the real answers, whose only difference from throttling is their
 * cause. */
static bool may_go(struct api_call *call, const cJSON *pod, const cJSON *budget, bool dry_run)
{
    char why[API_CALL_WHY_BYTES];
    const char *name = json_string(budget, "metadata.name", "");
    if (budget == NULL || is_free(pod) || is_unhealthy_and_free(pod, budget))
        return true;
    if (json_integer(budget, "status.observedGeneration", 0) <
        json_integer(budget, "metadata.generation", 0)) {
        snprintf(why, sizeof(why),
                 "The disruption budget %s is still being processed by the server.", name);
        api_call_fail(call, api_status_budget(why, UNOBSERVED_RETRY_S));
        return false;
    }
    if (json_integer(budget, "status.disruptionsAllowed", 0) <= 0) {
        snprintf(why, sizeof(why),
                 "The disruption budget %s needs %lld healthy pods and has %lld currently", name,
                 (long long)json_integer(budget, "status.desiredHealthy", 0),
                 (long long)json_integer(budget, "status.currentHealthy", 0));
        api_call_fail(call, api_status_budget(why, 0));
        return false;
    }
    if (!dry_run)
        take_disruption(call, budget, call->path->name);
    return true;
}

/* The condition by which a pod tells why it goes. Returns what is stored then. */
static const cJSON *mark_target(struct api_call *call, const cJSON *pod)
{
    const cJSON *stored = pod;
    cJSON *next = cJSON_Duplicate(pod, true);
    cJSON *status = json_make(next, "status");
    cJSON *conditions = cJSON_GetObjectItemCaseSensitive(status, "conditions");
    cJSON *condition = cJSON_CreateObject();
    if (conditions == NULL)
        conditions = cJSON_AddArrayToObject(status, "conditions");
    cJSON_AddStringToObject(condition, "type", "DisruptionTarget");
    cJSON_AddStringToObject(condition, "status", "True");
    cJSON_AddNullToObject(condition, "lastProbeTime");
    object_put_time(condition, "lastTransitionTime", call->request->utc_ns);
    cJSON_AddStringToObject(condition, "reason", "EvictionByEvictionAPI");
    cJSON_AddStringToObject(condition, "message", "Eviction API: evicting");
    cJSON_AddItemToArray(conditions, condition);
    store_update(call->handler->store, STORE_POD, next, call->request->utc_ns, &stored);
    return stored;
}

static void evict(struct api_call *call, const cJSON *pod, const struct api_delete_manner *manner)
{
    if (call->handler->minor >= DISRUPTION_TARGET_SINCE && !manner->dry_run &&
        !object_deleting(pod) && object_condition(pod, "DisruptionTarget") == NULL)
        pod = mark_target(call, pod);
    api_delete_object(call->handler, STORE_POD, pod, manner);
    api_call_answer(call, 201, api_status_success(201));
}
