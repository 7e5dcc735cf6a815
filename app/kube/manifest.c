#include "kube/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "kube/yaml.h"

static cJSON *read_documents(const char *bytes, size_t size, struct error *err);
static int take_document(struct kube_manifest *manifest, cJSON *json, unsigned number,
                         struct error *err);
static int take_object(struct kube_manifest *manifest, cJSON *json, unsigned number,
                       struct error *err);

int kube_manifest_load(const char *path, struct kube_manifest *out, struct error *err)
{
    struct text bytes = {0};
    int code = text_read_file(&bytes, path, KUBE_MANIFEST_BYTES);
    if (code < 0)
        error_set(err, EXIT_USAGE, code, "manifest %s: %s", path, strerror(-code));
    else
        code = kube_manifest_parse(text_str(&bytes), bytes.size, path, out, err);
    text_free(&bytes);
    return code;
}

int kube_manifest_parse(const char *bytes, size_t size, const char *path, struct kube_manifest *out,
                        struct error *err)
{
    struct kube_manifest manifest = {0};
    unsigned number = 0;
    int code = -EINVAL;
    cJSON *json;
    manifest.documents = read_documents(bytes, size, err);
    manifest.objects = calloc(KUBE_MANIFEST_OBJECTS, sizeof(*manifest.objects));
    if (manifest.documents == NULL || manifest.objects == NULL)
        goto fail;
    cJSON_ArrayForEach(json, manifest.documents)
    {
        code = take_document(&manifest, json, ++number, err);
        if (code < 0)
            goto fail;
    }
    if (manifest.count == 0) {
        code = error_set(err, EXIT_USAGE, -EINVAL, "there is no object in it");
        goto fail;
    }
    *out = manifest;
    return 0;
fail:
    error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    error_wrap(err, "manifest %s", path);
    kube_manifest_free(&manifest);
    return code;
}

void kube_manifest_free(struct kube_manifest *manifest)
{
    cJSON_Delete(manifest->documents);
    free(manifest->objects);
    *manifest = (struct kube_manifest){0};
}

/* JSON is read as such, since it may be indented with tabs, which YAML forbids. */
static cJSON *read_documents(const char *bytes, size_t size, struct error *err)
{
    size_t at = 0;
    while (at < size && strchr(" \t\r\n", bytes[at]) != NULL && bytes[at] != '\0')
        at++;
    if (at < size && bytes[at] == '{') {
        cJSON *json = json_parse(bytes, size, NULL);
        cJSON *array = json == NULL ? NULL : cJSON_CreateArray();
        if (array != NULL) {
            cJSON_AddItemToArray(array, json);
            return array;
        }
        cJSON_Delete(json);
    }
    return kube_yaml_parse(bytes, size, err);
}

static int take_document(struct kube_manifest *manifest, cJSON *json, unsigned number,
                         struct error *err)
{
    const cJSON *items = json_member(json, "items");
    const char *kind = json_string(json, "kind", "");
    size_t length = strlen(kind);
    cJSON *item;
    if (!cJSON_IsArray(items) || length < 4 || strcmp(kind + length - 4, "List") != 0)
        return take_object(manifest, json, number, err);
    cJSON_ArrayForEach(item, items)
    {
        int code = take_object(manifest, item, number, err);
        if (code < 0)
            return code;
    }
    return 0;
}

static int take_object(struct kube_manifest *manifest, cJSON *json, unsigned number,
                       struct error *err)
{
    if (manifest->count == KUBE_MANIFEST_OBJECTS)
        return error_set(err, EXIT_USAGE, -EFBIG, "more than %d objects: split the file",
                         KUBE_MANIFEST_OBJECTS);
    struct kube_manifest_object object = {
        .json = json,
        .api_version = json_string(json, "apiVersion", ""),
        .kind = json_string(json, "kind", ""),
        .namespace = json_string(json, "metadata.namespace", ""),
        .name = json_string(json, "metadata.name", ""),
    };
    const char *lacks = NULL;
    if (object.api_version[0] == '\0')
        lacks = "apiVersion";
    else if (object.kind[0] == '\0')
        lacks = "kind";
    else if (object.name[0] == '\0')
        lacks = "metadata.name";
    if (lacks != NULL)
        return error_set(err, EXIT_USAGE, -EINVAL, "document %u (%s %s): %s is missing", number,
                         object.kind, object.name, lacks);
    if (strlen(object.api_version) >= KUBE_GROUP_BYTES || strlen(object.kind) >= KUBE_GROUP_BYTES ||
        strlen(object.namespace) >= KUBE_NAMESPACE_BYTES || strlen(object.name) >= KUBE_NAME_BYTES)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "document %u: apiVersion, kind, namespace or name is longer than "
                         "Kubernetes allows",
                         number);
    manifest->objects[manifest->count++] = object;
    return 0;
}
