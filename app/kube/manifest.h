/* manifest.h - a file of objects to apply: YAML of one or more documents, or JSON.
 *
 * Each object gets its place in the file for messages. Lists (`kind: List`) are taken apart. What
 * every object must have is checked here: apiVersion, kind, metadata.name; the rest is the
 * server's to say.
 *
 * Threads: pure but for reading the file. Memory: one owner, kube_manifest_free(). Limits:
 * KUBE_MANIFEST_BYTES a file, KUBE_MANIFEST_OBJECTS objects.
 */
#ifndef KUBE_MANIFEST_H
#define KUBE_MANIFEST_H

#include <cjson/cJSON.h>

#include "base/error.h"
#include "kube/resource.h"

enum {
    KUBE_MANIFEST_BYTES = 16 << 20,
    KUBE_MANIFEST_OBJECTS = 1000
};

struct kube_manifest_object {
    cJSON *json;             /* The object as written. */
    const char *api_version; /* Inside json. */
    const char *kind;        /* Inside json. */
    const char *namespace;   /* Inside json; "" when it has none. */
    const char *name;        /* Inside json. */
};

struct kube_manifest {
    unsigned count;                       /* Of its objects. */
    struct kube_manifest_object *objects; /* In the file's order. */
    cJSON *documents;                     /* Owner of all json. */
};

int kube_manifest_load(const char *path, struct kube_manifest *out, struct error *err);
/* PATH is for messages. 0 or -EINVAL, -EFBIG with ERR. */
int kube_manifest_parse(const char *bytes, size_t size, const char *path, struct kube_manifest *out,
                        struct error *err);
void kube_manifest_free(struct kube_manifest *manifest);

#endif
