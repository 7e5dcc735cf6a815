#include "lab/controller_deployment_priv.h"

#include <stdio.h>
#include <string.h>

#include "lab/object.h"

struct counts {
    int64_t replicas;  /* Pods of all sets. */
    int64_t updated;   /* Pods of the new set. */
    int64_t ready;     /* Ready pods of all sets. */
    int64_t available; /* Available pods of all sets. */
};

static struct counts counts_now(const struct deployment_sync *sync)
{
    struct counts counts = {0};

    for (size_t i = 0; i < sync->count; i++) {
        counts.replicas += sync->sets[i].replicas;
        counts.ready += sync->sets[i].ready;
        counts.available += sync->sets[i].available;
    }
    counts.updated = sync->new_set != NULL ? sync->new_set->replicas : 0;
    return counts;
}

static struct counts counts_before(const struct deployment_sync *sync)
{
    const cJSON *status = json_at(sync->deployment, "status");

    return (struct counts){
        .replicas = json_integer(status, "replicas", 0),
        .updated = json_integer(status, "updatedReplicas", 0),
        .ready = json_integer(status, "readyReplicas", 0),
        .available = json_integer(status, "availableReplicas", 0),
    };
}

/* Zero counts are left out, as Go's omitempty does. */
static void put_count(cJSON *status, const char *name, int64_t value)
{
    if (value == 0)
        cJSON_DeleteItemFromObjectCaseSensitive(status, name);
    else
        object_put_integer(status, name, value);
}

static void write_counts(const struct deployment_sync *sync, cJSON *status)
{
    struct counts now = counts_now(sync);
    int64_t unavailable = -now.available, terminating = 0;

    for (size_t i = 0; i < sync->count; i++) {
        const struct deployment_set *set = &sync->sets[i];
        /* The real controller counts with the sizes from before this synchronisation. */
        unavailable +=
            set->stored != NULL ? json_integer(set->stored, "spec.replicas", 0) : set->spec;
        terminating += sync->sets[i].terminating;
    }
    object_put_integer(status, "observedGeneration",
                       json_integer(sync->deployment, "metadata.generation", 0));
    put_count(status, "replicas", now.replicas);
    put_count(status, "updatedReplicas", now.updated);
    put_count(status, "readyReplicas", now.ready);
    put_count(status, "availableReplicas", now.available);
    put_count(status, "unavailableReplicas", unavailable > 0 ? unavailable : 0);
    object_put_integer(status, "terminatingReplicas", terminating);
}

static cJSON *condition_slot(cJSON *conditions, const char *type)
{
    cJSON *condition;

    cJSON_ArrayForEach(condition, conditions)
    {
        if (strcmp(json_string(condition, "type", ""), type) == 0)
            return condition;
    }
    condition = cJSON_CreateObject();
    cJSON_AddStringToObject(condition, "type", type);
    cJSON_AddItemToArray(conditions, condition);
    return condition;
}

/* FORCE writes the times also when status and reason stay (real progress does). */
static void condition_put(const struct deployment_sync *sync, cJSON *conditions, const char *type,
                          const char *value, const char *reason, const char *message, bool force)
{
    cJSON *condition = condition_slot(conditions, type);
    bool same_value = strcmp(json_string(condition, "status", ""), value) == 0;

    if (same_value && !force && strcmp(json_string(condition, "reason", ""), reason) == 0)
        return;
    object_put_string(condition, "status", value);
    object_put_time(condition, "lastUpdateTime", sync->utc_ns);
    if (!same_value)
        object_put_time(condition, "lastTransitionTime", sync->utc_ns);
    object_put_string(condition, "reason", reason);
    object_put_string(condition, "message", message);
}

static void write_available(const struct deployment_sync *sync, cJSON *conditions)
{
    int64_t needed = sync->replicas - sync->limits.unavailable;

    if (counts_now(sync).available >= needed)
        condition_put(sync, conditions, "Available", "True", "MinimumReplicasAvailable",
                      "Deployment has minimum availability.", false);
    else
        condition_put(sync, conditions, "Available", "False", "MinimumReplicasUnavailable",
                      "Deployment does not have minimum availability.", false);
}

static bool is_complete(const struct deployment_sync *sync, struct counts now)
{
    return now.updated == sync->replicas && now.replicas == sync->replicas &&
           now.available == sync->replicas;
}

static bool is_progress(struct counts now, struct counts before)
{
    return now.updated > before.updated ||
           now.replicas - now.updated < before.replicas - before.updated ||
           now.ready > before.ready || now.available > before.available;
}

static bool is_timed_out(const struct deployment_sync *sync, const cJSON *condition)
{
    int64_t limit_s = json_integer(sync->deployment, "spec.progressDeadlineSeconds", 600);
    int64_t since = json_parse_time(json_string(condition, "lastUpdateTime", ""));

    if (strcmp(json_string(condition, "reason", ""), "ProgressDeadlineExceeded") == 0)
        return true;
    return since != INT64_MIN && since + limit_s * INT64_C(1000000000) < sync->utc_ns;
}

static void write_progressing(const struct deployment_sync *sync, cJSON *conditions)
{
    const cJSON *present = object_condition(sync->deployment, "Progressing");
    const char *reason = json_string(present, "reason", "");
    const char *name = object_name(deployment_set_object(sync->new_set));
    struct counts now = counts_now(sync), before = counts_before(sync);
    char message[400];

    if (sync->created_name[0] != '\0') {
        snprintf(message, sizeof(message), "Created new replica set \"%s\"", sync->created_name);
        condition_put(sync, conditions, "Progressing", "True", "NewReplicaSetCreated", message,
                      false);
        return;
    }
    if (strcmp(reason, "NewReplicaSetAvailable") == 0 && now.replicas == now.updated &&
        strstr(json_string(present, "message", ""), name) != NULL)
        return;
    if (is_complete(sync, now)) {
        snprintf(message, sizeof(message), "ReplicaSet \"%s\" has successfully progressed.", name);
        condition_put(sync, conditions, "Progressing", "True", "NewReplicaSetAvailable", message,
                      true);
    } else if (is_progress(now, before)) {
        snprintf(message, sizeof(message), "ReplicaSet \"%s\" is progressing.", name);
        condition_put(sync, conditions, "Progressing", "True", "ReplicaSetUpdated", message, true);
    } else if (present == NULL || strcmp(reason, "NewReplicaSetAvailable") == 0) {
        snprintf(message, sizeof(message), "Found new replica set \"%s\"", name);
        condition_put(sync, conditions, "Progressing", "True", "FoundNewReplicaSet", message,
                      false);
    } else if (is_timed_out(sync, present)) {
        snprintf(message, sizeof(message), "ReplicaSet \"%s\" has timed out progressing.", name);
        condition_put(sync, conditions, "Progressing", "False", "ProgressDeadlineExceeded", message,
                      false);
    }
}

void deployment_status_update(struct deployment_sync *sync)
{
    cJSON *status = json_make(sync->object, "status");
    cJSON *conditions = cJSON_GetObjectItemCaseSensitive(status, "conditions");

    write_counts(sync, status);
    if (conditions == NULL)
        conditions = cJSON_AddArrayToObject(status, "conditions");
    write_available(sync, conditions);
    if (sync->new_set != NULL)
        write_progressing(sync, conditions);
}
