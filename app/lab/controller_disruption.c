#include "lab/controller_disruption.h"

#include <stdlib.h>
#include <string.h>

#include "lab/object.h"

static const int64_t disrupted_ns = INT64_C(120000000000);

/* The pods of a budget. */
struct selection {
    const cJSON **pods;   /* That its selector has. */
    const cJSON **owners; /* Of each: what says how many there are to be; NULL: nobody. */
    size_t count;
};

/* What the status says. */
struct account {
    int64_t expected; /* expectedPods. */
    int64_t desired;  /* desiredHealthy. */
    int64_t healthy;  /* currentHealthy. */
    int64_t allowed;  /* disruptionsAllowed. */
};

static const cJSON *controller_of(const struct store *store, const cJSON *object, const char *kind,
                                  enum store_kind where)
{
    const cJSON *owner, *found;

    cJSON_ArrayForEach(owner, json_at(object, "metadata.ownerReferences"))
    {
        if (!json_bool(owner, "controller", false) ||
            strcmp(json_string(owner, "kind", ""), kind) != 0)
            continue;
        found = store_get(store, where, object_namespace(object), json_string(owner, "name", ""));
        if (found != NULL && strcmp(object_uid(found), json_string(owner, "uid", "")) == 0)
            return found;
    }
    return NULL;
}

static const cJSON *owner_of(const struct store *store, const cJSON *pod)
{
    const cJSON *stateful = controller_of(store, pod, "StatefulSet", STORE_STATEFULSET);
    const cJSON *set = controller_of(store, pod, "ReplicaSet", STORE_REPLICASET);
    const cJSON *deployment =
        set != NULL ? controller_of(store, set, "Deployment", STORE_DEPLOYMENT) : NULL;

    if (deployment != NULL)
        return deployment;
    return set != NULL ? set : stateful;
}

static struct selection select_pods(const struct store *store, const cJSON *budget)
{
    struct selection selection = {0};
    size_t capacity = 0;
    const cJSON *pod = NULL;

    while ((pod = store_next(store, STORE_POD, object_namespace(budget), pod)) != NULL) {
        if (!object_selector_matches(json_at(budget, "spec.selector"), pod))
            continue;
        if (selection.count == capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            selection.pods = realloc(selection.pods, capacity * sizeof(*selection.pods));
            selection.owners = realloc(selection.owners, capacity * sizeof(*selection.owners));
            if (selection.pods == NULL || selection.owners == NULL)
                abort();
        }
        selection.pods[selection.count] = pod;
        selection.owners[selection.count++] = owner_of(store, pod);
    }
    return selection;
}

/* The replicas of all owners, each counted once. */
static int64_t expected_of_owners(const struct selection *selection)
{
    int64_t sum = 0;

    for (size_t i = 0; i < selection->count; i++) {
        size_t first = 0;
        if (selection->owners[i] == NULL)
            continue;
        while (selection->owners[first] != selection->owners[i])
            first++;
        if (first == i)
            sum += json_integer(selection->owners[i], "spec.replicas", 1);
    }
    return sum;
}

/* Whether NAME was evicted lately and is not yet seen to go. */
static bool is_disrupted(const cJSON *budget, const cJSON *pod, int64_t utc_ns)
{
    const cJSON *since = json_member(json_at(budget, "status.disruptedPods"), object_name(pod));
    int64_t since_ns = cJSON_IsString(since) ? json_parse_time(since->valuestring) : INT64_MIN;

    return since_ns != INT64_MIN && since_ns + disrupted_ns > utc_ns && !object_deleting(pod);
}

static struct account account_of(const struct selection *selection, const cJSON *budget,
                                 int64_t utc_ns)
{
    const cJSON *most = json_at(budget, "spec.maxUnavailable");
    const cJSON *least = json_at(budget, "spec.minAvailable");
    struct account account = {.expected = expected_of_owners(selection)};

    if (most != NULL) {
        account.desired =
            account.expected - object_int_or_percent(most, account.expected, true, "0");
    } else {
        if (!cJSON_IsString(least))
            account.expected = (int64_t)selection->count;
        account.desired = object_int_or_percent(least, account.expected, true, "0");
    }
    if (account.desired < 0)
        account.desired = 0;
    for (size_t i = 0; i < selection->count; i++)
        account.healthy += object_pod_ready(selection->pods[i]) &&
                           !object_deleting(selection->pods[i]) &&
                           !is_disrupted(budget, selection->pods[i], utc_ns);
    if (account.expected > 0 && account.healthy > account.desired)
        account.allowed = account.healthy - account.desired;
    return account;
}

/* Those of the evicted pods that still have to go. */
static void keep_disrupted(const struct selection *selection, const cJSON *budget, cJSON *status,
                           int64_t utc_ns)
{
    cJSON *kept = cJSON_CreateObject();

    for (size_t i = 0; i < selection->count; i++) {
        const char *name = object_name(selection->pods[i]);
        if (is_disrupted(budget, selection->pods[i], utc_ns))
            cJSON_AddItemToObject(
                kept, name,
                cJSON_Duplicate(json_member(json_at(budget, "status.disruptedPods"), name), true));
    }
    cJSON_DeleteItemFromObjectCaseSensitive(status, "disruptedPods");
    if (kept->child != NULL)
        cJSON_AddItemToObject(status, "disruptedPods", kept);
    else
        cJSON_Delete(kept);
}

static void put_condition(const cJSON *budget, cJSON *status, bool allowed, int64_t utc_ns)
{
    const cJSON *before = object_condition(budget, "DisruptionAllowed");
    const char *value = allowed ? "True" : "False";
    cJSON *condition = cJSON_CreateObject(), *list = cJSON_CreateArray();

    cJSON_AddStringToObject(condition, "type", "DisruptionAllowed");
    cJSON_AddStringToObject(condition, "status", value);
    object_put_integer(condition, "observedGeneration",
                       json_integer(budget, "metadata.generation", 0));
    if (before != NULL && strcmp(json_string(before, "status", ""), value) == 0)
        object_put_string(condition, "lastTransitionTime",
                          json_string(before, "lastTransitionTime", ""));
    else
        object_put_time(condition, "lastTransitionTime", utc_ns);
    cJSON_AddStringToObject(condition, "reason", allowed ? "SufficientPods" : "InsufficientPods");
    cJSON_AddStringToObject(condition, "message", "");
    cJSON_AddItemToArray(list, condition);
    object_put(status, "conditions", list);
}

void controller_disruption(const struct store *store, const cJSON *budget, int64_t utc_ns,
                           struct changes *changes)
{
    struct selection selection = select_pods(store, budget);
    struct account account = account_of(&selection, budget, utc_ns);
    cJSON *object = cJSON_Duplicate(budget, true);
    cJSON *status = json_make(object, "status");

    put_condition(budget, status, account.allowed > 0, utc_ns);
    object_put_integer(status, "currentHealthy", account.healthy);
    object_put_integer(status, "desiredHealthy", account.desired);
    object_put_integer(status, "disruptionsAllowed", account.allowed);
    object_put_integer(status, "expectedPods", account.expected);
    object_put_integer(status, "observedGeneration",
                       json_integer(budget, "metadata.generation", 0));
    keep_disrupted(&selection, budget, status, utc_ns);
    changes_update(changes, STORE_BUDGET, object);
    free(selection.pods);
    free(selection.owners);
}

int64_t disruption_next_ns(const cJSON *budget)
{
    const cJSON *since;
    int64_t next_ns = INT64_MAX;

    cJSON_ArrayForEach(since, json_at(budget, "status.disruptedPods"))
    {
        int64_t since_ns = cJSON_IsString(since) ? json_parse_time(since->valuestring) : INT64_MIN;
        if (since_ns != INT64_MIN && since_ns + disrupted_ns < next_ns)
            next_ns = since_ns + disrupted_ns;
    }
    return next_ns;
}
