#include "run/live_manifest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/stop.h"

enum {
    ANSWER_MS = 30000
};

static const struct kube_resource budgets[] = {
    {KUBE_OTHER, "PodDisruptionBudget", "poddisruptionbudgets", "policy", "v1", true},
    {KUBE_OTHER, "PodDisruptionBudget", "poddisruptionbudgets", "policy", "v1beta1", true},
};

static int split(const char *deployment, const char **name, char namespace[KUBE_NAMESPACE_BYTES],
                 struct error *err);
static int read_all(struct kube *kube, const char *name, struct manifest *manifest,
                    struct error *err);
static int read_list(struct kube *kube, const struct kube_resource *resource,
                     struct manifest *manifest, struct error *err);
static int read_budgets(struct kube *kube, struct manifest *manifest, struct error *err);
static int keep(struct manifest *manifest, const struct kube_resource *resource, cJSON *object,
                struct error *err);

int live_manifest_check_file(const char *operand, struct error *err)
{
    if (strchr(operand, '.') != NULL || access(operand, F_OK) == 0)
        return 0;
    return error_set(
        err, EXIT_USAGE, -ENOENT,
        "there is no file %.200s; a Deployment of that name is a cluster's: say which, "
        "--kubeconfig FILE --context NAME -n NAMESPACE, or -k lab -n NAMESPACE",
        operand);
}

int live_manifest_read(const struct live_manifest_options *options, const char *deployment,
                       struct manifest *out, struct error *err)
{
    char namespace[KUBE_NAMESPACE_BYTES];
    const char *name = deployment;
    struct by_hand hand = {0};
    struct manifest manifest = {0};
    struct by_hand_options access = {.kubeconfig = options->kubeconfig,
                                     .context = options->context,
                                     .namespace = options->namespace,
                                     .timeout_ns = INT64_C(1000000) * ANSWER_MS};
    if (strchr(deployment, '/') != NULL) {
        if (split(deployment, &name, namespace, err) < 0)
            return -EINVAL;
        if (access.namespace != NULL && strcmp(access.namespace, namespace) != 0)
            return error_set(err, EXIT_USAGE, -EINVAL, "%s is of namespace %s, and -n says %s",
                             deployment, namespace, access.namespace);
        access.namespace = namespace;
    }
    int code = by_hand_check_access(&access, true, err);
    if (code < 0)
        return code;
    stop_on_signals();
    code = by_hand_open(&hand, &access, err);
    if (code == 0)
        code = read_all(hand.kube, name, &manifest, err);
    by_hand_close(&hand);
    if (code < 0) {
        if (code == -EINTR)
            error_set(err, EXIT_INTERRUPTED, code, "interrupted");
        manifest_free(&manifest);
        return code;
    }
    *out = manifest;
    return 0;
}

static int split(const char *deployment, const char **name, char namespace[KUBE_NAMESPACE_BYTES],
                 struct error *err)
{
    const char *slash = strchr(deployment, '/');
    if (slash == deployment || slash - deployment >= KUBE_NAMESPACE_BYTES ||
        strchr(slash + 1, '/') != NULL)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "\"%.320s\": want the NAME of a Deployment, or NAMESPACE/NAME",
                         deployment);
    snprintf(namespace, KUBE_NAMESPACE_BYTES, "%.*s", (int)(slash - deployment), deployment);
    *name = slash + 1;
    return 0;
}

static int read_all(struct kube *kube, const char *name, struct manifest *manifest,
                    struct error *err)
{
    const struct kube_discovery *discovery = kube_discovered(kube);
    const struct kube_resource *deployments = &discovery->resources[KUBE_DEPLOYMENT];
    cJSON *object;
    int code = kube_read(kube, deployments, name, ANSWER_MS, &object, err);
    if (code == 0)
        code = keep(manifest, deployments, object, err);
    if (code == 0)
        code = read_list(kube, &discovery->resources[KUBE_SERVICE], manifest, err);
    if (code == 0)
        code = read_budgets(kube, manifest, err);
    if (code == 0)
        code = read_list(kube, &discovery->resources[KUBE_NODE], manifest, err);
    return code;
}

/* 0 also where we may not. */
static int read_list(struct kube *kube, const struct kube_resource *resource,
                     struct manifest *manifest, struct error *err)
{
    struct error refused = {0};
    cJSON *list = NULL, *item;
    int code = kube_read(kube, resource, NULL, ANSWER_MS, &list, &refused);
    if (code == -EPERM) {
        text_tame(refused.text);
        fprintf(stderr, "seamline: %s\n%s are left out\n", refused.text, resource->plural);
        return 0;
    }
    if (code < 0)
        *err = refused;
    cJSON *items = cJSON_GetObjectItemCaseSensitive(list, "items");
    while (code == 0 && (item = cJSON_DetachItemFromArray(items, 0)) != NULL)
        code = keep(manifest, resource, item, err);
    cJSON_Delete(list);
    return code;
}

/* Servers before 1.21 have the older version alone. */
static int read_budgets(struct kube *kube, struct manifest *manifest, struct error *err)
{
    int code = read_list(kube, &budgets[0], manifest, err);
    if (code != -ENOENT)
        return code;
    *err = (struct error){0};
    manifest->old_budgets = true;
    return read_list(kube, &budgets[1], manifest, err);
}

/* Takes OBJECT. What stands in a list does not say its kind. */
static int keep(struct manifest *manifest, const struct kube_resource *resource, cJSON *object,
                struct error *err)
{
    char version[KUBE_GROUP_BYTES * 2];
    snprintf(version, sizeof(version), "%s%s%s", resource->group,
             resource->group[0] == '\0' ? "" : "/", resource->version);
    cJSON_DeleteItemFromObjectCaseSensitive(object, "apiVersion");
    cJSON_DeleteItemFromObjectCaseSensitive(object, "kind");
    cJSON_AddStringToObject(object, "apiVersion", version);
    cJSON_AddStringToObject(object, "kind", resource->name);
    if (json_string(object, "metadata.name", "")[0] == '\0' ||
        manifest->count == MANIFEST_DOCUMENTS_MAX) {
        cJSON_Delete(object);
        return error_set(err, EXIT_ENVIRONMENT, -EFBIG,
                         "%s: one has no name, or there are more than %d objects beside the "
                         "Deployment",
                         resource->plural, MANIFEST_DOCUMENTS_MAX);
    }
    manifest->objects[manifest->count++] = object;
    return 0;
}
