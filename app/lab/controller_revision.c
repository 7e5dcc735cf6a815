#include "lab/controller_revision.h"

#include <stdio.h>
#include <string.h>

#include "lab/controller_deployment.h"
#include "lab/object.h"

static const char hash_label[] = "controller-revision-hash";

void revision_name(const cJSON *set, const char *hash, char out[REVISION_NAME_BYTES])
{
    snprintf(out, REVISION_NAME_BYTES, "%.240s-%s", object_name(set), hash);
}

static const cJSON *find(const struct revision_view *view, const char *name)
{
    for (size_t i = 0; i < view->revision_count; i++) {
        if (strcmp(object_name(view->revisions[i]), name) == 0)
            return view->revisions[i];
    }
    return NULL;
}

static int64_t newest(const struct revision_view *view)
{
    int64_t number = 0;

    for (size_t i = 0; i < view->revision_count; i++) {
        int64_t other = json_integer(view->revisions[i], "revision", 0);
        number = other > number ? other : number;
    }
    return number;
}

static void create(const struct revision_view *view, const char *name, const char *hash,
                   struct changes *changes)
{
    cJSON *object = object_new("apps/v1", "ControllerRevision", object_namespace(view->set), name);
    cJSON *labels = json_make(object, "metadata.labels");
    cJSON *template = cJSON_Duplicate(json_at(view->set, "spec.template"), true);
    const cJSON *label;

    cJSON_ArrayForEach(label, json_at(view->set, "spec.selector.matchLabels"))
        cJSON_AddItemToObject(labels, label->string, cJSON_Duplicate(label, true));
    object_put_string(labels, "controller.kubernetes.io/hash", hash);
    object_set_controller(object, view->set, "apps/v1", store_kind_name[view->kind]);
    object_put_string(template, "$patch", "replace");
    cJSON_AddItemToObject(json_make(object, "data.spec"), "template", template);
    cJSON_AddNumberToObject(object, "revision", (double)(newest(view) + 1));
    changes_create(changes, STORE_REVISION, object);
}

static bool in_use(const struct revision_view *view, const cJSON *revision)
{
    const char *name = object_name(revision);
    const char *hash = object_label(revision, "controller.kubernetes.io/hash");

    if (strcmp(json_string(view->set, "status.currentRevision", ""), name) == 0)
        return true;
    for (size_t i = 0; i < view->pod_count; i++) {
        const char *label = object_label(view->pods[i], hash_label);
        if (label != NULL &&
            (strcmp(label, name) == 0 || (hash != NULL && strcmp(label, hash) == 0)))
            return true;
    }
    return false;
}

/* One at a time: the next synchronisation takes the next. */
static void forget_oldest(const struct revision_view *view, const char *present,
                          struct changes *changes)
{
    int64_t limit = json_integer(view->set, "spec.revisionHistoryLimit", 10);
    const cJSON *oldest = NULL;
    int64_t unused = 0;

    for (size_t i = 0; i < view->revision_count; i++) {
        const cJSON *revision = view->revisions[i];
        if (strcmp(object_name(revision), present) == 0 || in_use(view, revision))
            continue;
        unused++;
        if (oldest == NULL ||
            json_integer(revision, "revision", 0) < json_integer(oldest, "revision", 0))
            oldest = revision;
    }
    if (unused > limit)
        changes_delete(changes, STORE_REVISION, oldest);
}

void revision_sync(const struct revision_view *view, char hash[REVISION_HASH_BYTES],
                   struct changes *changes)
{
    char name[REVISION_NAME_BYTES];
    const cJSON *present;

    deployment_template_hash(json_at(view->set, "spec.template"), hash);
    revision_name(view->set, hash, name);
    present = find(view, name);
    if (present == NULL) {
        create(view, name, hash, changes);
    } else if (json_integer(present, "revision", 0) < newest(view)) {
        cJSON *renewed = cJSON_Duplicate(present, true);
        object_put_integer(renewed, "revision", newest(view) + 1);
        changes_update(changes, STORE_REVISION, renewed);
    }
    forget_oldest(view, name, changes);
}

const cJSON *revision_template(const struct revision_view *view, const char *name)
{
    return json_at(find(view, name), "data.spec.template");
}

cJSON *revision_pod(const struct revision_view *view, const cJSON *template, const char *name,
                    const char *label)
{
    cJSON *pod = object_new("v1", "Pod", object_namespace(view->set), name);
    cJSON *metadata = json_make(pod, "metadata");
    char prefix[300];

    snprintf(prefix, sizeof(prefix), "%s-", object_name(view->set));
    cJSON_AddStringToObject(metadata, "generateName", prefix);
    if (json_at(template, "metadata.labels") != NULL)
        object_put(metadata, "labels", cJSON_Duplicate(json_at(template, "metadata.labels"), true));
    if (json_at(template, "metadata.annotations") != NULL)
        object_put(metadata, "annotations",
                   cJSON_Duplicate(json_at(template, "metadata.annotations"), true));
    object_put_string(json_make(metadata, "labels"), hash_label, label);
    object_set_controller(pod, view->set, "apps/v1", store_kind_name[view->kind]);
    cJSON_AddItemToObject(pod, "spec", cJSON_Duplicate(json_at(template, "spec"), true));
    cJSON_AddStringToObject(json_make(pod, "status"), "phase", "Pending");
    return pod;
}
