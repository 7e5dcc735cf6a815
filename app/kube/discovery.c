#include "kube/discovery.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"

/* Versions that can be read here, best first. */
static const struct {
    enum kube_kind kind;
    const char *group;
    const char *version;
} readable[] = {
    {KUBE_DEPLOYMENT, "apps", "v1"},
    {KUBE_STATEFULSET, "apps", "v1"},
    {KUBE_DAEMONSET, "apps", "v1"},
    {KUBE_REPLICASET, "apps", "v1"},
    {KUBE_ENDPOINTSLICE, "discovery.k8s.io", "v1"},
    {KUBE_ENDPOINTSLICE, "discovery.k8s.io", "v1beta1"},
    {KUBE_ENDPOINTSLICE, "", "v1"}, /* Endpoints. */
};

static bool group_has(const cJSON *groups, const char *group, const char *version);
static bool list_has(const cJSON *list, const char *name);
static int expect_kind(const cJSON *json, const char *kind, const char *path, struct error *err);
static void copy(char *to, size_t bytes, const char *text);

void kube_discovery_init(struct kube_discovery *discovery)
{
    *discovery = (struct kube_discovery){.eviction_version = "policy/v1"};
    for (int i = 0; i < KUBE_KIND_COUNT; i++) {
        discovery->resources[i] = *kube_resource_of((enum kube_kind)i);
        discovery->served[i] = true;
    }
}

int kube_discovery_groups(struct kube_discovery *discovery, const cJSON *json, struct error *err)
{
    int code = expect_kind(json, "APIGroupList", "/apis", err);
    if (code < 0)
        return code;
    const cJSON *groups = json_member(json, "groups");
    bool chosen[KUBE_KIND_COUNT] = {false};
    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++) {
        struct kube_resource *resource = &discovery->resources[readable[i].kind];
        bool core = readable[i].group[0] == '\0';
        if (chosen[readable[i].kind] ||
            !(core || group_has(groups, readable[i].group, readable[i].version)))
            continue;
        chosen[readable[i].kind] = true;
        copy(resource->group, sizeof(resource->group), readable[i].group);
        copy(resource->version, sizeof(resource->version), readable[i].version);
        if (core) {
            copy(resource->name, sizeof(resource->name), "Endpoints");
            copy(resource->plural, sizeof(resource->plural), "endpoints");
        }
    }
    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
        discovery->served[readable[i].kind] = chosen[readable[i].kind];
    return 0;
}

int kube_discovery_core(struct kube_discovery *discovery, const cJSON *json, struct error *err)
{
    int code = expect_kind(json, "APIResourceList", "/api/v1", err);
    if (code < 0)
        return code;
    const cJSON *resources = json_member(json, "resources"), *item;
    char version[sizeof(discovery->eviction_version)] = "";
    cJSON_ArrayForEach(item, resources)
    {
        const char *group = json_string(item, "group", "");
        const char *number = json_string(item, "version", "v1");
        if (strcmp(json_string(item, "name", ""), "pods/eviction") != 0)
            continue;
        if (strlen(group) + strlen(number) + 2 <= sizeof(version) && group[0] != '\0') {
            copy(version, sizeof(version), group);
            strcat(version, "/");
            strcat(version, number);
        } else {
            copy(version, sizeof(version), "policy/v1");
        }
    }
    copy(discovery->eviction_version, sizeof(discovery->eviction_version), version);
    for (int i = 0; i < KUBE_KIND_COUNT; i++) {
        const struct kube_resource *resource = &discovery->resources[i];
        if (resource->group[0] == '\0')
            discovery->served[i] = list_has(resources, resource->plural);
    }
    return 0;
}

/* It goes into reports and to terminals. */
static bool is_plain(const char *text)
{
    while (*text >= ' ' && *text <= '~')
        text++;
    return *text == '\0';
}

void kube_discovery_server(const cJSON *json, struct kube_server *out)
{
    const char *lab = json_string(json, "seamlineLab", "");
    copy(out->version, sizeof(out->version), json_string(json, "gitVersion", ""));
    copy(out->lab, sizeof(out->lab), is_plain(lab) ? lab : "");
}

void kube_discovery_path(struct text *path, const char *api_version)
{
    text_addf(path, "%s/%s", strchr(api_version, '/') == NULL ? "/api" : "/apis", api_version);
}

int kube_discovery_find(const cJSON *json, const char *api_version, const char *kind,
                        struct kube_resource *out, struct error *err)
{
    const cJSON *item;
    const char *slash = strchr(api_version, '/');
    int code = expect_kind(json, "APIResourceList", api_version, err);
    if (code < 0)
        return code;
    cJSON_ArrayForEach(item, json_member(json, "resources"))
    {
        const char *name = json_string(item, "name", "");
        if (strcmp(json_string(item, "kind", ""), kind) != 0 || strchr(name, '/') != NULL ||
            name[0] == '\0')
            continue;
        *out = (struct kube_resource){.kind = KUBE_OTHER,
                                      .namespaced = json_bool(item, "namespaced", false)};
        copy(out->name, sizeof(out->name), kind);
        copy(out->plural, sizeof(out->plural), name);
        copy(out->version, sizeof(out->version), slash == NULL ? api_version : slash + 1);
        if (slash != NULL) {
            copy(out->group, sizeof(out->group), api_version);
            if ((size_t)(slash - api_version) < sizeof(out->group))
                out->group[slash - api_version] = '\0';
        }
        return 0;
    }
    return error_set(err, EXIT_USAGE, -ENOENT,
                     "the server has no kind %s in %s: wrong apiVersion, or a custom resource "
                     "definition that is not installed",
                     kind, api_version);
}

static bool group_has(const cJSON *groups, const char *group, const char *version)
{
    const cJSON *item, *one;
    cJSON_ArrayForEach(item, groups)
    {
        if (strcmp(json_string(item, "name", ""), group) != 0)
            continue;
        cJSON_ArrayForEach(one, json_member(item, "versions"))
        {
            if (strcmp(json_string(one, "version", ""), version) == 0)
                return true;
        }
    }
    return false;
}

static bool list_has(const cJSON *list, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (strcmp(json_string(item, "name", ""), name) == 0)
            return true;
    }
    return false;
}

static int expect_kind(const cJSON *json, const char *kind, const char *path, struct error *err)
{
    const char *is = json_string(json, "kind", "");
    if (strcmp(is, kind) == 0)
        return 0;
    return error_set(err, EXIT_ENVIRONMENT, -EBADMSG,
                     "the answer to %s is no %s but \"%s\": is that an API server?", path, kind,
                     is);
}

/* Cuts; what is cut names nothing that the server has, and it says so. */
static void copy(char *to, size_t bytes, const char *text)
{
    size_t length = strnlen(text, bytes - 1);
    memmove(to, text, length);
    to[length] = '\0';
}
