#include "kube/revision.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

struct revision {
    int64_t number;
    const cJSON *template;
};

static size_t collect(const cJSON *items, const char *owner_uid, struct revision *out);
static bool is_owned(const cJSON *item, const char *owner_uid);
static struct revision read_revision(const cJSON *item);
static int by_number(const void *a, const void *b);
static void refuse(const struct revision *revisions, size_t count, int64_t number,
                   struct error *err);
static cJSON *copy_template(const struct revision *revision, struct error *err);

const struct kube_resource *kube_revision_resource(enum kube_kind kind)
{
    static const struct kube_resource controller_revisions = {
        KUBE_OTHER, "ControllerRevision", "controllerrevisions", "apps", "v1", true};
    return kind == KUBE_DEPLOYMENT ? kube_resource_of(KUBE_REPLICASET) : &controller_revisions;
}

cJSON *kube_revision_template(const cJSON *list, const char *owner_uid, int64_t number,
                              int64_t *found, struct error *err)
{
    const cJSON *items = json_member(list, "items");
    struct revision *revisions = calloc((size_t)cJSON_GetArraySize(items) + 1, sizeof(*revisions));
    const struct revision *chosen = NULL;
    cJSON *template = NULL;
    if (revisions == NULL) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
        return NULL;
    }
    size_t count = collect(items, owner_uid, revisions);
    if (number == 0 && count >= 2)
        chosen = &revisions[count - 2];
    for (size_t i = 0; i < count; i++)
        if (number != 0 && revisions[i].number == number)
            chosen = &revisions[i];
    if (chosen == NULL)
        refuse(revisions, count, number, err);
    else
        template = copy_template(chosen, err);
    if (template != NULL)
        *found = chosen->number;
    free(revisions);
    return template;
}

static cJSON *copy_template(const struct revision *revision, struct error *err)
{
    cJSON *template = cJSON_Duplicate(revision->template, true);
    if (template == NULL) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
        return NULL;
    }
    /* The controllers' own: by which pods are told apart, and how the template is put in. */
    cJSON *labels = (cJSON *)json_at(template, "metadata.labels");
    cJSON_DeleteItemFromObjectCaseSensitive(labels, "pod-template-hash");
    cJSON_DeleteItemFromObjectCaseSensitive(template, "$patch");
    return template;
}

/* Those of the owner among ITEMS, by number; OUT has room for all. */
static size_t collect(const cJSON *items, const char *owner_uid, struct revision *out)
{
    const cJSON *item;
    size_t count = 0;
    cJSON_ArrayForEach(item, items)
    {
        struct revision revision = read_revision(item);
        if (revision.number > 0 && revision.template != NULL && is_owned(item, owner_uid))
            out[count++] = revision;
    }
    qsort(out, count, sizeof(*out), by_number);
    return count;
}

static bool is_owned(const cJSON *item, const char *owner_uid)
{
    const cJSON *owner;
    cJSON_ArrayForEach(owner, json_at(item, "metadata.ownerReferences"))
    {
        if (json_bool(owner, "controller", false) &&
            strcmp(json_string(owner, "uid", ""), owner_uid) == 0)
            return true;
    }
    return false;
}

static struct revision read_revision(const cJSON *item)
{
    const cJSON *annotation =
        json_member(json_at(item, "metadata.annotations"), "deployment.kubernetes.io/revision");
    const char *text = cJSON_GetStringValue(annotation);
    const cJSON *data = json_member(item, "data");
    struct revision revision = {0};
    revision.number = text != NULL ? strtoll(text, NULL, 10) : json_integer(item, "revision", 0);
    revision.template = json_at(data != NULL ? data : item, "spec.template");
    if (!cJSON_IsObject(revision.template))
        revision.template = NULL;
    return revision;
}

static int by_number(const void *a, const void *b)
{
    int64_t one = ((const struct revision *)a)->number,
            other = ((const struct revision *)b)->number;
    return one < other ? -1 : one > other;
}

static void refuse(const struct revision *revisions, size_t count, int64_t number,
                   struct error *err)
{
    struct text there = {0};
    for (size_t i = 0; i < count; i++)
        text_addf(&there, "%s%" PRId64, i > 0 ? ", " : "", revisions[i].number);
    if (number == 0)
        error_set(err, EXIT_USAGE, -ENOENT, "it has no earlier revision to go back to");
    else
        error_set(err, EXIT_USAGE, -ENOENT, "it has no revision %" PRId64 "; there are: %s", number,
                  count > 0 ? text_str(&there) : "none");
    text_free(&there);
}
