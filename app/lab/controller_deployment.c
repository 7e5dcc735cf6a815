#include "lab/controller_deployment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/controller_deployment_priv.h"
#include "lab/object.h"

static const char revision_annotation[] = "deployment.kubernetes.io/revision";
static const char desired_annotation[] = "deployment.kubernetes.io/desired-replicas";
static const char max_annotation[] = "deployment.kubernetes.io/max-replicas";
static const char hash_label[] = "pod-template-hash";

struct deployment_limits deployment_limits(const cJSON *deployment)
{
    const cJSON *rolling = json_at(deployment, "spec.strategy.rollingUpdate");
    int64_t replicas = json_integer(deployment, "spec.replicas", 1);
    struct deployment_limits limits;

    if (strcmp(json_string(deployment, "spec.strategy.type", "RollingUpdate"), "Recreate") == 0)
        return (struct deployment_limits){0};
    limits.surge = object_int_or_percent(json_at(rolling, "maxSurge"), replicas, true, "25%");
    limits.unavailable =
        object_int_or_percent(json_at(rolling, "maxUnavailable"), replicas, false, "25%");
    if (limits.unavailable > replicas)
        limits.unavailable = replicas;
    if (limits.surge == 0 && limits.unavailable == 0)
        limits.unavailable = 1;
    return limits;
}

void deployment_template_hash(const cJSON *template, char out[16])
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    char *text = json_print(template, false);
    uint64_t hash = UINT64_C(14695981039346656037);

    for (const char *c = text; c != NULL && *c != '\0'; c++)
        hash = (hash ^ (uint8_t)*c) * UINT64_C(1099511628211);
    cJSON_free(text);
    for (int i = 0; i < 10; i++) {
        out[i] = alphabet[hash % (sizeof(alphabet) - 1)];
        hash /= sizeof(alphabet) - 1;
    }
    out[10] = '\0';
}

const cJSON *deployment_set_object(const struct deployment_set *set)
{
    return set->object != NULL ? set->object : set->stored;
}

static int64_t annotation_number(const cJSON *object, const char *name)
{
    const char *text = object_annotation(object, name);
    return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static void annotation_put(cJSON *object, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    object_put_string(json_make(object, "metadata.annotations"), name, text);
}

static void set_load(struct deployment_set *set, const cJSON *stored)
{
    *set = (struct deployment_set){
        .stored = stored,
        .created_ns = object_created_ns(stored),
        .spec = json_integer(stored, "spec.replicas", 0),
        .replicas = json_integer(stored, "status.replicas", 0),
        .ready = json_integer(stored, "status.readyReplicas", 0),
        .available = json_integer(stored, "status.availableReplicas", 0),
        .terminating = json_integer(stored, "status.terminatingReplicas", 0),
        .revision = annotation_number(stored, revision_annotation),
    };
}

static cJSON *set_edit(struct deployment_set *set)
{
    if (set->object == NULL)
        set->object = cJSON_Duplicate(set->stored, true);
    return set->object;
}

/* Two templates are equal when they are so without the hash label that the controller adds. */
static bool template_equal(const cJSON *template, const cJSON *of_set)
{
    cJSON *copy = cJSON_Duplicate(of_set, true);
    bool equal;

    cJSON_DeleteItemFromObjectCaseSensitive(json_make(copy, "metadata.labels"), hash_label);
    equal = cJSON_Compare(template, copy, true);
    cJSON_Delete(copy);
    return equal;
}

static int compare_age(const void *a, const void *b)
{
    const struct deployment_set *x = a, *y = b;

    if (x->created_ns != y->created_ns)
        return x->created_ns < y->created_ns ? -1 : 1;
    if (x->revision != y->revision)
        return x->revision < y->revision ? -1 : 1;
    return strcmp(object_name(x->stored), object_name(y->stored));
}

static void sync_load(struct deployment_sync *sync, const cJSON *const *replicasets, size_t count)
{
    const cJSON *template = json_at(sync->deployment, "spec.template");

    if (count > DEPLOYMENT_REPLICASETS_MAX)
        count = DEPLOYMENT_REPLICASETS_MAX;
    for (size_t i = 0; i < count; i++)
        set_load(&sync->sets[i], replicasets[i]);
    sync->count = count;
    qsort(sync->sets, count, sizeof(sync->sets[0]), compare_age);
    for (size_t i = 0; i < count && sync->new_set == NULL; i++) {
        if (template_equal(template, json_at(sync->sets[i].stored, "spec.template")))
            sync->new_set = &sync->sets[i];
    }
}

static int64_t spec_total(const struct deployment_sync *sync)
{
    int64_t total = 0;

    for (size_t i = 0; i < sync->count; i++)
        total += sync->sets[i].spec;
    return total;
}

static int64_t old_total(const struct deployment_sync *sync)
{
    return spec_total(sync) - (sync->new_set != NULL ? sync->new_set->spec : 0);
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool is_recreate(const struct deployment_sync *sync)
{
    return strcmp(json_string(sync->deployment, "spec.strategy.type", "RollingUpdate"),
                  "Recreate") == 0;
}

/* deploymentutil.NewRSNewReplicas */
static int64_t new_set_size(const struct deployment_sync *sync, int64_t present)
{
    int64_t room;

    if (is_recreate(sync))
        return sync->replicas;
    room = sync->replicas + sync->limits.surge - spec_total(sync);
    if (room <= 0)
        return present;
    return present + min64(room, sync->replicas - present);
}

static void set_scale(struct deployment_sync *sync, struct deployment_set *set, int64_t size)
{
    cJSON *object = set_edit(set);

    if (set->spec != size && set->stored != NULL)
        changes_event(sync->changes, STORE_DEPLOYMENT, sync->deployment, "deployment-controller",
                      "Normal", "ScalingReplicaSet", sync->utc_ns,
                      "Scaled %s replica set %s from %lld to %lld",
                      size > set->spec ? "up" : "down", object_name(object), (long long)set->spec,
                      (long long)size);
    set->spec = size;
    object_put_integer(json_make(object, "spec"), "replicas", size);
    annotation_put(object, desired_annotation, sync->replicas);
    annotation_put(object, max_annotation, sync->replicas + sync->limits.surge);
}

static int64_t newest_old_revision(const struct deployment_sync *sync)
{
    int64_t newest = 0;

    for (size_t i = 0; i < sync->count; i++) {
        if (&sync->sets[i] != sync->new_set && sync->sets[i].revision > newest)
            newest = sync->sets[i].revision;
    }
    return newest;
}

static bool name_taken(const struct deployment_sync *sync, const char *name)
{
    for (size_t i = 0; i < sync->count; i++) {
        if (strcmp(object_name(deployment_set_object(&sync->sets[i])), name) == 0)
            return true;
    }
    return false;
}

static cJSON *new_set_object(const struct deployment_sync *sync)
{
    const cJSON *deployment = sync->deployment;
    cJSON *template = cJSON_Duplicate(json_at(deployment, "spec.template"), true);
    cJSON *object, *spec, *selector;
    char hash[24], name[272];

    deployment_template_hash(template, hash);
    snprintf(name, sizeof(name), "%.240s-%s", object_name(deployment), hash);
    if (name_taken(sync, name)) {
        strcat(hash, "2");
        snprintf(name, sizeof(name), "%.240s-%s", object_name(deployment), hash);
    }
    object_put_string(json_make(template, "metadata.labels"), hash_label, hash);
    object = object_new("apps/v1", "ReplicaSet", object_namespace(deployment), name);
    object_put(json_make(object, "metadata"), "labels",
               cJSON_Duplicate(json_at(template, "metadata.labels"), true));
    object_set_controller(object, deployment, "apps/v1", "Deployment");
    spec = cJSON_AddObjectToObject(object, "spec");
    cJSON_AddNumberToObject(spec, "replicas", 0);
    if (json_at(deployment, "spec.minReadySeconds") != NULL)
        object_put_integer(spec, "minReadySeconds",
                           json_integer(deployment, "spec.minReadySeconds", 0));
    selector = cJSON_Duplicate(json_at(deployment, "spec.selector"), true);
    cJSON_AddItemToObject(spec, "selector", selector);
    object_put_string(json_make(spec, "selector.matchLabels"), hash_label, hash);
    cJSON_AddItemToObject(spec, "template", template);
    cJSON_AddNumberToObject(json_make(object, "status"), "replicas", 0);
    return object;
}

static void new_set_create(struct deployment_sync *sync)
{
    int64_t size = new_set_size(sync, 0);
    struct deployment_set *set = &sync->sets[sync->count];

    *set = (struct deployment_set){.object = new_set_object(sync), .created_ns = sync->utc_ns};
    sync->count++;
    sync->new_set = set;
    set->revision = newest_old_revision(sync) + 1;
    annotation_put(set->object, revision_annotation, set->revision);
    set_scale(sync, set, size);
    snprintf(sync->created_name, sizeof(sync->created_name), "%s", object_name(set->object));
    changes_event(sync->changes, STORE_DEPLOYMENT, sync->deployment, "deployment-controller",
                  "Normal", "ScalingReplicaSet", sync->utc_ns,
                  "Scaled up replica set %s from 0 to %lld", sync->created_name, (long long)size);
}

/* A template that was used before (a roll-back) gets a new revision. */
static void new_set_revise(struct deployment_sync *sync)
{
    int64_t newest = newest_old_revision(sync);

    if (sync->new_set->revision <= newest) {
        sync->new_set->revision = newest + 1;
        annotation_put(set_edit(sync->new_set), revision_annotation, newest + 1);
    }
}

/* isScalingEvent: the wanted number differs from the one that an active set was made for. */
static bool is_scaling_event(const struct deployment_sync *sync)
{
    for (size_t i = 0; i < sync->count; i++) {
        const struct deployment_set *set = &sync->sets[i];
        if (set->spec > 0 && object_annotation(set->stored, desired_annotation) != NULL &&
            annotation_number(set->stored, desired_annotation) != sync->replicas)
            return true;
    }
    return false;
}

/* FindActiveOrLatest: the one set that can take the whole change, or NULL when several are
 * active. */
static struct deployment_set *active_or_latest(struct deployment_sync *sync)
{
    struct deployment_set *active = NULL;
    size_t count = 0;

    for (size_t i = 0; i < sync->count; i++) {
        if (sync->sets[i].spec > 0) {
            active = &sync->sets[i];
            count++;
        }
    }
    if (count > 1)
        return NULL;
    if (count == 1)
        return active;
    if (sync->new_set != NULL)
        return sync->new_set;
    return sync->count > 0 ? &sync->sets[sync->count - 1] : NULL;
}

/* In proportion to their sizes, the newest first when growing, the oldest first when shrinking;
 * what rounding leaves goes to the first. */
static void scale_proportionally(struct deployment_sync *sync)
{
    int64_t allowed = sync->replicas > 0 ? sync->replicas + sync->limits.surge : 0;
    int64_t left = allowed - spec_total(sync);
    bool growing = left > 0;
    struct deployment_set *first = NULL;

    for (size_t n = 0; n < sync->count; n++) {
        struct deployment_set *set = &sync->sets[growing ? sync->count - 1 - n : n];
        int64_t base = annotation_number(set->stored, max_annotation);
        int64_t share;

        if (set->spec == 0)
            continue;
        if (first == NULL)
            first = set;
        if (base <= 0)
            base = sync->replicas;
        share = base > 0 ? (set->spec * allowed + base / 2) / base - set->spec : 0;
        if (growing)
            share = min64(share < 0 ? 0 : share, left);
        else
            share = -min64(share > 0 ? 0 : -share, -left);
        left -= share;
        set_scale(sync, set, set->spec + share);
    }
    if (first != NULL && left != 0 && first->spec + left >= 0)
        set_scale(sync, first, first->spec + left);
}

static bool is_saturated(const struct deployment_sync *sync)
{
    const struct deployment_set *set = sync->new_set;

    return set != NULL && set->stored != NULL && set->spec == sync->replicas &&
           annotation_number(set->stored, desired_annotation) == sync->replicas &&
           set->available == sync->replicas;
}

static void scale_all(struct deployment_sync *sync)
{
    struct deployment_set *only = active_or_latest(sync);

    if (only != NULL) {
        set_scale(sync, only, sync->replicas);
        return;
    }
    if (is_saturated(sync)) {
        for (size_t i = 0; i < sync->count; i++) {
            if (&sync->sets[i] != sync->new_set && sync->sets[i].spec > 0)
                set_scale(sync, &sync->sets[i], 0);
        }
        return;
    }
    if (!is_recreate(sync))
        scale_proportionally(sync);
}

/* reconcileNewReplicaSet. True when it changed something. */
static bool scale_new(struct deployment_sync *sync)
{
    struct deployment_set *set = sync->new_set;
    int64_t size;

    if (set->spec == sync->replicas)
        return false;
    size = set->spec > sync->replicas ? sync->replicas : new_set_size(sync, set->spec);
    if (size == set->spec)
        return false;
    set_scale(sync, set, size);
    return true;
}

/* cleanupUnhealthyReplicas: pods of old sets that are not available cost nothing to remove. */
static int64_t scale_unhealthy(struct deployment_sync *sync, int64_t most)
{
    int64_t done = 0;

    for (size_t i = 0; i < sync->count && done < most; i++) {
        struct deployment_set *set = &sync->sets[i];
        int64_t step;

        if (set == sync->new_set || set->spec <= set->available)
            continue;
        step = min64(most - done, set->spec - set->available);
        set_scale(sync, set, set->spec - step);
        done += step;
    }
    return done;
}

static int64_t scale_healthy(struct deployment_sync *sync, int64_t needed)
{
    int64_t available = 0, done = 0;

    for (size_t i = 0; i < sync->count; i++)
        available += sync->sets[i].available;
    for (size_t i = 0; i < sync->count && done < available - needed; i++) {
        struct deployment_set *set = &sync->sets[i];
        int64_t step = min64(set->spec, available - needed - done);

        if (set == sync->new_set || set->spec == 0)
            continue;
        set_scale(sync, set, set->spec - step);
        done += step;
    }
    return done;
}

/* reconcileOldReplicaSets */
static void scale_old(struct deployment_sync *sync)
{
    int64_t needed = sync->replicas - sync->limits.unavailable;
    int64_t most;

    if (old_total(sync) == 0)
        return;
    most = spec_total(sync) - needed - (sync->new_set->spec - sync->new_set->available);
    if (most <= 0)
        return;
    scale_unhealthy(sync, most);
    scale_healthy(sync, needed);
}

static void roll(struct deployment_sync *sync)
{
    if (sync->new_set == NULL)
        new_set_create(sync);
    else
        new_set_revise(sync);
    if (!scale_new(sync))
        scale_old(sync);
}

static void recreate(struct deployment_sync *sync, bool old_pods)
{
    if (old_total(sync) > 0) {
        for (size_t i = 0; i < sync->count; i++) {
            if (&sync->sets[i] != sync->new_set && sync->sets[i].spec > 0)
                set_scale(sync, &sync->sets[i], 0);
        }
        return;
    }
    if (old_pods)
        return;
    if (sync->new_set == NULL)
        new_set_create(sync);
    else
        new_set_revise(sync);
    scale_new(sync);
}

/* Old sets without pods beyond spec.revisionHistoryLimit go, the oldest first. */
static void clean_history(struct deployment_sync *sync)
{
    int64_t limit = json_integer(sync->deployment, "spec.revisionHistoryLimit", 10);
    int64_t surplus = (int64_t)sync->count - 1 - limit;

    if (sync->new_set == NULL || old_total(sync) > 0)
        return;
    for (size_t i = 0; i < sync->count && surplus > 0; i++) {
        struct deployment_set *set = &sync->sets[i];
        if (set == sync->new_set || set->stored == NULL || set->object != NULL || set->spec != 0 ||
            set->replicas != 0)
            continue;
        changes_delete(sync->changes, STORE_REPLICASET, set->stored);
        surplus--;
    }
}

static void sync_finish(struct deployment_sync *sync)
{
    for (size_t i = 0; i < sync->count; i++) {
        struct deployment_set *set = &sync->sets[i];
        if (set->object == NULL)
            continue;
        if (set->stored == NULL)
            changes_create(sync->changes, STORE_REPLICASET, cJSON_Duplicate(set->object, true));
        else
            changes_update(sync->changes, STORE_REPLICASET, cJSON_Duplicate(set->object, true));
    }
    if (sync->new_set != NULL)
        annotation_put(sync->object, revision_annotation, sync->new_set->revision);
    deployment_status_update(sync);
    changes_update(sync->changes, STORE_DEPLOYMENT, sync->object);
    for (size_t i = 0; i < sync->count; i++)
        cJSON_Delete(sync->sets[i].object);
}

void controller_deployment(const cJSON *deployment, const cJSON *const *replicasets, size_t count,
                           bool old_pods, int64_t utc_ns, struct changes *changes)
{
    struct deployment_sync sync = {
        .deployment = deployment,
        .limits = deployment_limits(deployment),
        .replicas = json_integer(deployment, "spec.replicas", 1),
        .utc_ns = utc_ns,
        .changes = changes,
    };

    if (object_deleting(deployment) || !cJSON_IsObject(json_at(deployment, "spec.template")))
        return;
    sync.object = cJSON_Duplicate(deployment, true);
    sync_load(&sync, replicasets, count);
    if (json_bool(deployment, "spec.paused", false) || is_scaling_event(&sync))
        scale_all(&sync);
    else if (is_recreate(&sync))
        recreate(&sync, old_pods);
    else
        roll(&sync);
    clean_history(&sync);
    sync_finish(&sync);
}
