#include "plan/manifest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/yaml_tree.h"
#include "plan/quantity.h"

enum {
    DEFAULT_GRACE_S = 30,
    SECONDS_MAX = 86400,
    REPLICAS_MAX = 100000
};

static int add_object(const char *name, struct manifest *manifest, cJSON *object,
                      struct error *err);
static int add_list(const char *name, struct manifest *manifest, cJSON *list, struct error *err);
static int read_amount(const cJSON *item, const char *what, struct rollout_amount *out,
                       struct error *err);
static int read_seconds(const cJSON *object, const char *path, int64_t otherwise_s, int64_t *out_ns,
                        struct error *err);
static int read_containers(const cJSON *object, struct manifest_deployment *out, struct error *err);
static void read_pre_stop(const cJSON *hook, struct manifest_deployment *out);
static bool sleep_of_command(const cJSON *command, int64_t *out_ns);
static bool sleep_of_words(const char *words, int64_t *out_ns);
static bool write_amount(cJSON *rolling, const char *key, const struct rollout_amount *amount);

int manifest_parse(const char *name, const char *bytes, size_t size, struct manifest *out,
                   struct error *err)
{
    struct manifest manifest = {0};
    cJSON *documents, *object;
    int code = 0;

    if (size > MANIFEST_BYTES_MAX)
        return error_set(err, EXIT_USAGE, -EFBIG, "%s: over %d bytes", name, MANIFEST_BYTES_MAX);
    documents = yaml_tree_parse(bytes, size, err);
    if (documents == NULL) {
        error_wrap(err, "%s", name);
        return -EINVAL;
    }
    while (code == 0 && (object = cJSON_DetachItemFromArray(documents, 0)) != NULL)
        code = add_object(name, &manifest, object, err);
    cJSON_Delete(documents);
    if (code == 0 && manifest.count == 0)
        code = error_set(err, EXIT_USAGE, -EINVAL, "%s: there is no object in it", name);
    if (code < 0)
        manifest_free(&manifest);
    else
        *out = manifest;
    return code;
}

int manifest_load(const char *path, struct manifest *out, struct error *err)
{
    struct text text = {0};
    int code = text_read_file(&text, path, MANIFEST_BYTES_MAX);

    if (code < 0)
        error_set(err, EXIT_USAGE, code, "%s: %s; want a manifest in YAML or JSON", path,
                  strerror(-code));
    else
        code = manifest_parse(path, text_str(&text), text.size, out, err);
    text_free(&text);
    return code;
}

void manifest_free(struct manifest *manifest)
{
    for (uint32_t i = 0; i < manifest->count; i++)
        cJSON_Delete(manifest->objects[i]);
    manifest->count = 0;
}

cJSON *manifest_find(const struct manifest *manifest, const char *kind, const char *name)
{
    cJSON *found = NULL;

    for (uint32_t i = 0; i < manifest->count; i++) {
        cJSON *object = manifest->objects[i];
        if (strcmp(json_string(object, "kind", ""), kind) != 0)
            continue;
        if (name != NULL && strcmp(json_string(object, "metadata.name", ""), name) == 0)
            return object;
        if (name == NULL && found != NULL)
            return NULL;
        if (name == NULL)
            found = object;
    }
    return found;
}

int manifest_read_deployment(const cJSON *object, struct manifest_deployment *out,
                             struct error *err)
{
    const cJSON *replicas = json_at(object, "spec.replicas");
    const cJSON *rolling = json_at(object, "spec.strategy.rollingUpdate");
    const char *strategy = json_string(object, "spec.strategy.type", "RollingUpdate");
    struct manifest_deployment deployment = {
        .name = json_string(object, "metadata.name", ""), .replicas = 1, .pre_stop_known = true};
    int code = 0;

    if (strcmp(json_string(object, "kind", ""), "Deployment") != 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "kind: want Deployment");
    deployment.recreate = strcmp(strategy, "Recreate") == 0;
    if (!deployment.recreate && strcmp(strategy, "RollingUpdate") != 0)
        code = error_set(err, EXIT_USAGE, -EINVAL,
                         "spec.strategy.type: got \"%.40s\", want RollingUpdate or Recreate",
                         strategy);
    if (replicas != NULL && !(cJSON_IsNumber(replicas) && replicas->valuedouble >= 0 &&
                              replicas->valuedouble <= REPLICAS_MAX))
        code = error_set(err, EXIT_USAGE, -EINVAL, "spec.replicas: want an integer from 0 to %d",
                         REPLICAS_MAX);
    else if (replicas != NULL)
        deployment.replicas = (uint32_t)replicas->valuedouble;
    if (code == 0)
        code =
            read_amount(json_member(rolling, "maxSurge"), "maxSurge", &deployment.max_surge, err);
    if (code == 0)
        code = read_amount(json_member(rolling, "maxUnavailable"), "maxUnavailable",
                           &deployment.max_unavailable, err);
    if (code == 0)
        code = read_seconds(object, "spec.minReadySeconds", 0, &deployment.min_ready_ns, err);
    if (code == 0)
        code = read_seconds(object, "spec.template.spec.terminationGracePeriodSeconds",
                            DEFAULT_GRACE_S, &deployment.grace_ns, err);
    if (code == 0)
        code = read_containers(object, &deployment, err);
    if (code < 0)
        error_wrap(err, "deployment/%s", deployment.name);
    else
        *out = deployment;
    return code;
}

int manifest_write_rollout(cJSON *deployment, uint32_t replicas,
                           const struct rollout_amount *max_surge,
                           const struct rollout_amount *max_unavailable)
{
    cJSON *spec = json_make(deployment, "spec"), *strategy, *rolling;
    bool good = spec != NULL;

    if (good && replicas > 0) {
        cJSON_DeleteItemFromObjectCaseSensitive(spec, "replicas");
        json_add_integer(spec, "replicas", replicas);
    }
    if (!good || (!max_surge->given && !max_unavailable->given))
        return good ? 0 : -ENOMEM;
    strategy = json_make(spec, "strategy");
    rolling = json_make(spec, "strategy.rollingUpdate");
    if (strategy == NULL || rolling == NULL)
        return -ENOMEM;
    cJSON_DeleteItemFromObjectCaseSensitive(strategy, "type");
    good = cJSON_AddStringToObject(strategy, "type", "RollingUpdate") != NULL;
    good = good && write_amount(rolling, "maxSurge", max_surge);
    return good && write_amount(rolling, "maxUnavailable", max_unavailable) ? 0 : -ENOMEM;
}

/* Takes OBJECT. */
static int add_object(const char *name, struct manifest *manifest, cJSON *object, struct error *err)
{
    const char *kind = json_string(object, "kind", "");
    const char *missing = NULL;

    if (cJSON_IsArray(json_member(object, "items")) && strcmp(kind, "List") == 0)
        return add_list(name, manifest, object, err);
    if (json_string(object, "apiVersion", NULL) == NULL)
        missing = "apiVersion";
    else if (kind[0] == '\0')
        missing = "kind";
    else if (json_string(object, "metadata.name", NULL) == NULL)
        missing = "metadata.name";
    if (missing != NULL || manifest->count == MANIFEST_DOCUMENTS_MAX) {
        bool there = missing != NULL && json_at(object, missing) != NULL;
        cJSON_Delete(object);
        if (missing == NULL)
            return error_set(err, EXIT_USAGE, -EFBIG, "%s: more than %d objects", name,
                             MANIFEST_DOCUMENTS_MAX);
        return error_set(err, EXIT_USAGE, -EINVAL,
                         there ? "%s: object %u: %s is no text; quote it: YAML takes n, on and 12 "
                                 "for other things"
                               : "%s: object %u has no %s",
                         name, manifest->count + 1, missing);
    }
    manifest->objects[manifest->count++] = object;
    return 0;
}

/* Takes LIST. A List in a List is an object without a name, and refused as that. */
static int add_list(const char *name, struct manifest *manifest, cJSON *list, struct error *err)
{
    cJSON *items = cJSON_GetObjectItemCaseSensitive(list, "items"), *item;
    int code = 0;

    while (code == 0 && (item = cJSON_DetachItemFromArray(items, 0)) != NULL) {
        if (json_member(item, "items") != NULL)
            cJSON_DeleteItemFromObjectCaseSensitive(item, "items");
        code = add_object(name, manifest, item, err);
    }
    cJSON_Delete(list);
    return code;
}

static int read_amount(const cJSON *item, const char *what, struct rollout_amount *out,
                       struct error *err)
{
    if (item == NULL || cJSON_IsNull(item) || rollout_read_amount(item, out) == 0)
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "spec.strategy.rollingUpdate.%s: want a number of pods such as 1, or a share "
                     "such as \"25%%\"",
                     what);
}

static int read_seconds(const cJSON *object, const char *path, int64_t otherwise_s, int64_t *out_ns,
                        struct error *err)
{
    const cJSON *item = json_at(object, path);

    if (item != NULL && !cJSON_IsNull(item)) {
        if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > SECONDS_MAX)
            return error_set(err, EXIT_USAGE, -EINVAL, "%s: want a number of seconds from 0 to %d",
                             path, SECONDS_MAX);
        otherwise_s = (int64_t)item->valuedouble;
    }
    *out_ns = otherwise_s * INT64_C(1000000000);
    return 0;
}

static int read_containers(const cJSON *object, struct manifest_deployment *out, struct error *err)
{
    const cJSON *containers = json_at(object, "spec.template.spec.containers"), *container;

    if (!cJSON_IsArray(containers) || containers->child == NULL)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "spec.template.spec.containers: want at least one container");
    out->readiness_probe = true;
    cJSON_ArrayForEach(container, containers)
    {
        const cJSON *probe = json_member(container, "readinessProbe");
        int64_t delay_ns;
        if (json_at(container, "lifecycle.preStop") != NULL)
            read_pre_stop(json_at(container, "lifecycle.preStop"), out);
        if (probe == NULL) {
            out->readiness_probe = false;
            continue;
        }
        if (read_seconds(probe, "initialDelaySeconds", 0, &delay_ns, err) < 0) {
            error_wrap(err, "readinessProbe");
            return -EINVAL;
        }
        if (delay_ns > out->readiness_delay_ns)
            out->readiness_delay_ns = delay_ns;
    }
    return 0;
}

static void read_pre_stop(const cJSON *hook, struct manifest_deployment *out)
{
    const cJSON *seconds = json_at(hook, "sleep.seconds");
    int64_t duration_ns = 0;
    bool known;

    out->pre_stop = true;
    if (cJSON_IsNumber(seconds)) {
        known = seconds->valuedouble >= 0 && seconds->valuedouble <= SECONDS_MAX;
        duration_ns = known ? (int64_t)seconds->valuedouble * INT64_C(1000000000) : 0;
    } else {
        known = sleep_of_command(json_at(hook, "exec.command"), &duration_ns);
    }
    out->pre_stop_known = out->pre_stop_known && known;
    if (duration_ns > out->pre_stop_ns)
        out->pre_stop_ns = duration_ns;
    if (!out->pre_stop_known)
        out->pre_stop_ns = 0;
}

/* ["sleep", "2"], ["/bin/sleep", "2"], or a shell's -c "sleep 2". */
static bool sleep_of_command(const cJSON *command, int64_t *out_ns)
{
    const char *first = cJSON_GetStringValue(cJSON_GetArrayItem(command, 0));
    const char *second = cJSON_GetStringValue(cJSON_GetArrayItem(command, 1));
    const char *third = cJSON_GetStringValue(cJSON_GetArrayItem(command, 2));
    const char *base;
    char words[64];

    if (first == NULL || second == NULL)
        return false;
    base = strrchr(first, '/') != NULL ? strrchr(first, '/') + 1 : first;
    if (third != NULL && strcmp(second, "-c") == 0 && cJSON_GetArraySize(command) == 3)
        return (strcmp(base, "sh") == 0 || strcmp(base, "bash") == 0) &&
               sleep_of_words(third, out_ns);
    if (strcmp(base, "sleep") != 0 || cJSON_GetArraySize(command) != 2)
        return false;
    snprintf(words, sizeof(words), "sleep %s", second);
    return sleep_of_words(words, out_ns);
}

/* "sleep 2", "sleep 0.5", "sleep 1m": without a unit, seconds. */
static bool sleep_of_words(const char *words, int64_t *out_ns)
{
    char number[32];
    int used = 0;

    while (isspace((unsigned char)*words))
        words++;
    if (sscanf(words, "sleep %30s %n", number, &used) != 1 || words[used] != '\0' || used == 0)
        return false;
    if (isdigit((unsigned char)number[strlen(number) - 1]))
        strcat(number, "s");
    return quantity_parse_duration(number, out_ns) == 0 &&
           *out_ns <= SECONDS_MAX * INT64_C(1000000000);
}

static bool write_amount(cJSON *rolling, const char *key, const struct rollout_amount *amount)
{
    cJSON *item;

    if (!amount->given)
        return true;
    item = rollout_print_amount(amount);
    cJSON_DeleteItemFromObjectCaseSensitive(rolling, key);
    return item != NULL && cJSON_AddItemToObject(rolling, key, item);
}
