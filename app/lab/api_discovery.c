#include "lab/api_discovery.h"

#include <stdio.h>
#include <string.h>

#include "lab/api_resource.h"

/* A subresource or a resource without objects, in the words of discovery. */
struct extra {
    const char *group;      /* "" for the core group. */
    const char *version;    /* Of the group. */
    const char *name;       /* As in paths. */
    const char *kind;       /* What is sent and answered. */
    const char *kind_group; /* "group/version" of that kind, when it is not the resource's. */
    const char *verbs;      /* Joined by commas. */
    bool namespaced;        /* The resource lives in a namespace. */
    unsigned since, until;  /* As of a group's version. */
};

static const struct extra extras[] = {
    {"", "v1", "pods/eviction", "Eviction", "policy/v1beta1", "create", true, 0, 21},
    {"", "v1", "pods/eviction", "Eviction", "policy/v1", "create", true, 22, 0},
    {"apps", "v1", "deployments/scale", "Scale", "autoscaling/v1", "get,patch,update", true, 0, 0},
    {"apps", "v1", "replicasets/scale", "Scale", "autoscaling/v1", "get,patch,update", true, 0, 0},
    {"apps", "v1", "statefulsets/scale", "Scale", "autoscaling/v1", "get,patch,update", true, 0, 0},
    {"authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", NULL,
     "create", false, 0, 0},
};

static void add_verbs(cJSON *entry, const char *verbs)
{
    cJSON *list = cJSON_AddArrayToObject(entry, "verbs");
    while (*verbs != '\0') {
        char verb[32];
        size_t size = strcspn(verbs, ",");
        snprintf(verb, sizeof(verb), "%.*s", (int)size, verbs);
        cJSON_AddItemToArray(list, cJSON_CreateString(verb));
        verbs += size + (verbs[size] == ',');
    }
}

static cJSON *resource_entry(const char *name, const char *singular, bool namespaced,
                             const char *kind, const char *verbs)
{
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "name", name);
    cJSON_AddStringToObject(entry, "singularName", singular);
    cJSON_AddBoolToObject(entry, "namespaced", namespaced);
    cJSON_AddStringToObject(entry, "kind", kind);
    add_verbs(entry, verbs);
    return entry;
}

static void add_resource(cJSON *list, const struct api_resource *resource)
{
    cJSON *entry = resource_entry(resource->plural, resource->singular, resource->namespaced,
                                  resource->kind_name,
                                  "create,delete,deletecollection,get,list,patch,update,watch");
    if (resource->short_name != NULL)
        cJSON_AddItemToArray(cJSON_AddArrayToObject(entry, "shortNames"),
                             cJSON_CreateString(resource->short_name));
    if (resource->in_all)
        cJSON_AddItemToArray(cJSON_AddArrayToObject(entry, "categories"),
                             cJSON_CreateString("all"));
    cJSON_AddItemToArray(list, entry);
    if (resource->has_status) {
        char name[API_RESOURCE_NAME_BYTES];
        snprintf(name, sizeof(name), "%s/status", resource->plural);
        cJSON_AddItemToArray(list, resource_entry(name, "", resource->namespaced,
                                                  resource->kind_name, "get,patch,update"));
    }
}

static void add_extras(cJSON *list, const struct api_path *path, unsigned minor)
{
    for (unsigned i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
        const struct extra *extra = &extras[i];
        if (strcmp(extra->group, path->group) != 0 || strcmp(extra->version, path->version) != 0 ||
            minor < extra->since || (extra->until != 0 && minor > extra->until))
            continue;
        cJSON *entry =
            resource_entry(extra->name, "", extra->namespaced, extra->kind, extra->verbs);
        if (extra->kind_group != NULL) {
            char group[API_RESOURCE_NAME_BYTES];
            size_t size = strcspn(extra->kind_group, "/");
            snprintf(group, sizeof(group), "%.*s", (int)size, extra->kind_group);
            cJSON_AddStringToObject(entry, "group", group);
            cJSON_AddStringToObject(entry, "version", extra->kind_group + size + 1);
        }
        cJSON_AddItemToArray(list, entry);
    }
}

static cJSON *resource_list(const struct api_path *path, unsigned minor)
{
    bool core = path->group[0] == '\0';
    if (!api_group_version_served(path->group, path->version, minor))
        return NULL;
    char group_version[2 * API_PATH_SEGMENT_BYTES];
    snprintf(group_version, sizeof(group_version), "%s%s%s", path->group, core ? "" : "/",
             path->version);
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "kind", "APIResourceList");
    if (!core)
        cJSON_AddStringToObject(answer, "apiVersion", "v1");
    cJSON_AddStringToObject(answer, "groupVersion", group_version);
    cJSON *list = cJSON_AddArrayToObject(answer, "resources");
    for (unsigned i = 0; i < API_RESOURCE_ROWS; i++) {
        if (strcmp(api_resources[i].group, path->group) == 0 &&
            strcmp(api_resources[i].version, path->version) == 0)
            add_resource(list, &api_resources[i]);
    }
    add_extras(list, path, minor);
    return answer;
}

static cJSON *version_entry(const struct api_group_version *row)
{
    char group_version[API_PATH_SEGMENT_BYTES];
    snprintf(group_version, sizeof(group_version), "%s/%s", row->group, row->version);
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "groupVersion", group_version);
    cJSON_AddStringToObject(entry, "version", row->version);
    return entry;
}

/* The members of an APIGroup. False: Kubernetes 1.MINOR has no version of it. */
static bool describe_group(cJSON *entry, const char *group, unsigned minor)
{
    cJSON *versions = NULL;
    const struct api_group_version *preferred = NULL;
    for (unsigned i = 0; i < API_GROUP_VERSIONS; i++) {
        const struct api_group_version *row = &api_group_versions[i];
        if (strcmp(row->group, group) != 0 || !api_group_version_served(group, row->version, minor))
            continue;
        if (preferred == NULL) {
            preferred = row;
            cJSON_AddStringToObject(entry, "name", group);
            versions = cJSON_AddArrayToObject(entry, "versions");
        }
        cJSON_AddItemToArray(versions, version_entry(row));
    }
    if (preferred != NULL)
        cJSON_AddItemToObject(entry, "preferredVersion", version_entry(preferred));
    return preferred != NULL;
}

static cJSON *group_list(unsigned minor)
{
    const char *last = "";
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "kind", "APIGroupList");
    cJSON_AddStringToObject(answer, "apiVersion", "v1");
    cJSON *list = cJSON_AddArrayToObject(answer, "groups");
    for (unsigned i = 0; i < API_GROUP_VERSIONS; i++) {
        const char *group = api_group_versions[i].group;
        if (strcmp(group, last) == 0)
            continue;
        last = group;
        cJSON *entry = cJSON_CreateObject();
        if (describe_group(entry, group, minor))
            cJSON_AddItemToArray(list, entry);
        else
            cJSON_Delete(entry);
    }
    return answer;
}

static cJSON *group_answer(const char *group, unsigned minor)
{
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "kind", "APIGroup");
    cJSON_AddStringToObject(answer, "apiVersion", "v1");
    if (describe_group(answer, group, minor))
        return answer;
    cJSON_Delete(answer);
    return NULL;
}

static cJSON *versions_answer(void)
{
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "kind", "APIVersions");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(answer, "versions"), cJSON_CreateString("v1"));
    cJSON_AddArrayToObject(answer, "serverAddressByClientCIDRs");
    return answer;
}

static cJSON *version_answer(unsigned minor)
{
    char text[64];
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "major", "1");
    snprintf(text, sizeof(text), "%u", minor);
    cJSON_AddStringToObject(answer, "minor", text);
    snprintf(text, sizeof(text), "v1.%u.0-seamline-lab", minor);
    cJSON_AddStringToObject(answer, "gitVersion", text);
    cJSON_AddStringToObject(answer, "gitCommit", "");
    cJSON_AddStringToObject(answer, "gitTreeState", "clean");
    cJSON_AddStringToObject(answer, "buildDate", "1970-01-01T00:00:00Z");
    cJSON_AddStringToObject(answer, "goVersion", "none");
    cJSON_AddStringToObject(answer, "compiler", "gcc");
    cJSON_AddStringToObject(answer, "platform", "linux/amd64");
    return answer;
}

cJSON *api_discovery_answer(const struct api_path *path, unsigned minor)
{
    switch (path->kind) {
    case API_PATH_VERSION: return version_answer(minor);
    case API_PATH_API: return versions_answer();
    case API_PATH_APIS: return group_list(minor);
    case API_PATH_GROUP: return group_answer(path->group, minor);
    case API_PATH_RESOURCES: return resource_list(path, minor);
    default: return NULL;
    }
}
