#include "kube/resource.h"

#include <ctype.h>
#include <string.h>

static const struct kube_resource known[KUBE_KIND_COUNT] = {
    [KUBE_NAMESPACE] = {KUBE_NAMESPACE, "Namespace", "namespaces", "", "v1", false},
    [KUBE_NODE] = {KUBE_NODE, "Node", "nodes", "", "v1", false},
    [KUBE_POD] = {KUBE_POD, "Pod", "pods", "", "v1", true},
    [KUBE_SERVICE] = {KUBE_SERVICE, "Service", "services", "", "v1", true},
    [KUBE_CONFIGMAP] = {KUBE_CONFIGMAP, "ConfigMap", "configmaps", "", "v1", true},
    [KUBE_ENDPOINTSLICE] = {KUBE_ENDPOINTSLICE, "EndpointSlice", "endpointslices",
                            "discovery.k8s.io", "v1", true},
    [KUBE_DEPLOYMENT] = {KUBE_DEPLOYMENT, "Deployment", "deployments", "apps", "v1", true},
    [KUBE_STATEFULSET] = {KUBE_STATEFULSET, "StatefulSet", "statefulsets", "apps", "v1", true},
    [KUBE_DAEMONSET] = {KUBE_DAEMONSET, "DaemonSet", "daemonsets", "apps", "v1", true},
    [KUBE_REPLICASET] = {KUBE_REPLICASET, "ReplicaSet", "replicasets", "apps", "v1", true},
};

static const struct {
    const char *text;
    enum kube_kind kind;
} short_names[] = {
    {"ns", KUBE_NAMESPACE},    {"no", KUBE_NODE},           {"po", KUBE_POD},
    {"svc", KUBE_SERVICE},     {"deploy", KUBE_DEPLOYMENT}, {"rs", KUBE_REPLICASET},
    {"sts", KUBE_STATEFULSET}, {"ds", KUBE_DAEMONSET},      {"cm", KUBE_CONFIGMAP},
};

static void add_encoded(struct text *text, const char *part);
static bool group_is(const char *api_version, const char *group);

const struct kube_resource *kube_resource_of(enum kube_kind kind)
{
    return &known[kind];
}

const struct kube_resource *kube_resource_find(const char *api_version, const char *kind)
{
    for (int i = 0; i < KUBE_KIND_COUNT; i++) {
        if (strcmp(known[i].name, kind) == 0 && group_is(api_version, known[i].group))
            return &known[i];
    }
    return NULL;
}

const struct kube_resource *kube_resource_named(const char *text)
{
    for (int i = 0; i < KUBE_KIND_COUNT; i++) {
        if (strcasecmp(known[i].name, text) == 0 || strcasecmp(known[i].plural, text) == 0)
            return &known[i];
    }
    for (size_t i = 0; i < sizeof(short_names) / sizeof(short_names[0]); i++) {
        if (strcasecmp(short_names[i].text, text) == 0)
            return &known[short_names[i].kind];
    }
    return NULL;
}

void kube_resource_path(struct text *path, const struct kube_resource *resource,
                        const char *namespace, const char *name, const char *subresource)
{
    if (resource->group[0] == '\0') {
        text_add(path, "/api/");
    } else {
        text_add(path, "/apis/");
        add_encoded(path, resource->group);
        text_add(path, "/");
    }
    add_encoded(path, resource->version);
    if (resource->namespaced && namespace != NULL && namespace[0] != '\0') {
        text_add(path, "/namespaces/");
        add_encoded(path, namespace);
    }
    text_add(path, "/");
    add_encoded(path, resource->plural);
    if (name != NULL && name[0] != '\0') {
        text_add(path, "/");
        add_encoded(path, name);
    }
    if (subresource != NULL && subresource[0] != '\0') {
        text_add(path, "/");
        add_encoded(path, subresource);
    }
}

void kube_resource_query(struct text *path, const char *key, const char *value)
{
    text_add(path, strchr(text_str(path), '?') == NULL ? "?" : "&");
    add_encoded(path, key);
    text_add(path, "=");
    add_encoded(path, value);
}

bool kube_kind_is_workload(enum kube_kind kind)
{
    return kind == KUBE_DEPLOYMENT || kind == KUBE_STATEFULSET || kind == KUBE_DAEMONSET;
}

bool kube_resource_name_valid(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= KUBE_NAME_BYTES)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool inner = name[i] == '-' || name[i] == '.';
        bool alphanumeric =
            (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9');
        if (!alphanumeric && !(inner && i > 0 && i + 1 < length))
            return false;
    }
    return true;
}

/* RFC 3986 2.3: only unreserved characters stand for themselves. */
static void add_encoded(struct text *text, const char *part)
{
    for (const unsigned char *at = (const unsigned char *)part; *at != '\0'; at++) {
        bool plain = (*at < 0x80 && isalnum(*at)) || strchr("-._~", *at) != NULL;
        if (plain)
            text_add_bytes(text, at, 1);
        else
            text_addf(text, "%%%02X", *at);
    }
}

/* "apps/v1" is in "apps", "v1" in "". */
static bool group_is(const char *api_version, const char *group)
{
    const char *slash = strchr(api_version, '/');
    if (slash == NULL)
        return group[0] == '\0';
    size_t length = (size_t)(slash - api_version);
    return strlen(group) == length && memcmp(api_version, group, length) == 0;
}
