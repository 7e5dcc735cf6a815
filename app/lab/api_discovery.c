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
    const char *kind_group; /* Group of that kind, when it is not the resource's; else NULL. */
    const char *verbs;      /* Joined by commas. */
    bool namespaced;        /* The resource lives in a namespace. */
};

static const char *const groups[] = {"apps", "authorization.k8s.io", "discovery.k8s.io"};

static const struct extra extras[] = {
    {"apps", "v1", "deployments/scale", "Scale", "autoscaling", "get,patch,update", true},
    {"apps", "v1", "replicasets/scale", "Scale", "autoscaling", "get,patch,update", true},
    {"authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", NULL,
     "create", false},
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

static void add_extras(cJSON *list, const struct api_path *path)
{
    for (unsigned i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
        const struct extra *extra = &extras[i];
        if (strcmp(extra->group, path->group) != 0 || strcmp(extra->version, path->version) != 0)
            continue;
        cJSON *entry =
            resource_entry(extra->name, "", extra->namespaced, extra->kind, extra->verbs);
        if (extra->kind_group != NULL) {
            cJSON_AddStringToObject(entry, "group", extra->kind_group);
            cJSON_AddStringToObject(entry, "version", "v1");
        }
        cJSON_AddItemToArray(list, entry);
    }
}

static bool group_exists(const char *group)
{
    for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (strcmp(groups[i], group) == 0)
            return true;
    }
    return false;
}

static cJSON *resource_list(const struct api_path *path)
{
    bool core = path->group[0] == '\0';
    if (strcmp(path->version, "v1") != 0 || (!core && !group_exists(path->group)))
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
    for (unsigned i = 0; i < STORE_KIND_COUNT; i++) {
        if (strcmp(api_resources[i].group, path->group) == 0)
            add_resource(list, &api_resources[i]);
    }
    add_extras(list, path);
    return answer;
}

static cJSON *version_entry(const char *group)
{
    char group_version[API_PATH_SEGMENT_BYTES];
    snprintf(group_version, sizeof(group_version), "%s/v1", group);
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "groupVersion", group_version);
    cJSON_AddStringToObject(entry, "version", "v1");
    return entry;
}

static void describe_group(cJSON *entry, const char *group)
{
    cJSON_AddStringToObject(entry, "name", group);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(entry, "versions"), version_entry(group));
    cJSON_AddItemToObject(entry, "preferredVersion", version_entry(group));
}

static cJSON *group_list(void)
{
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "kind", "APIGroupList");
    cJSON_AddStringToObject(answer, "apiVersion", "v1");
    cJSON *list = cJSON_AddArrayToObject(answer, "groups");
    for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        cJSON *entry = cJSON_CreateObject();
        describe_group(entry, groups[i]);
        cJSON_AddItemToArray(list, entry);
    }
    return answer;
}

static cJSON *group_answer(const char *group)
{
    if (!group_exists(group))
        return NULL;
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "kind", "APIGroup");
    cJSON_AddStringToObject(answer, "apiVersion", "v1");
    describe_group(answer, group);
    return answer;
}

static cJSON *versions_answer(void)
{
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "kind", "APIVersions");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(answer, "versions"), cJSON_CreateString("v1"));
    cJSON_AddArrayToObject(answer, "serverAddressByClientCIDRs");
    return answer;
}

static cJSON *version_answer(void)
{
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "major", API_DISCOVERY_MAJOR);
    cJSON_AddStringToObject(answer, "minor", API_DISCOVERY_MINOR);
    cJSON_AddStringToObject(answer, "gitVersion", API_DISCOVERY_VERSION);
    cJSON_AddStringToObject(answer, "gitCommit", "");
    cJSON_AddStringToObject(answer, "gitTreeState", "clean");
    cJSON_AddStringToObject(answer, "buildDate", "1970-01-01T00:00:00Z");
    cJSON_AddStringToObject(answer, "goVersion", "none");
    cJSON_AddStringToObject(answer, "compiler", "gcc");
    cJSON_AddStringToObject(answer, "platform", "linux/amd64");
    return answer;
}

cJSON *api_discovery_answer(const struct api_path *path)
{
    switch (path->kind) {
    case API_PATH_VERSION: return version_answer();
    case API_PATH_API: return versions_answer();
    case API_PATH_APIS: return group_list();
    case API_PATH_GROUP: return group_answer(path->group);
    case API_PATH_RESOURCES: return resource_list(path);
    default: return NULL;
    }
}
