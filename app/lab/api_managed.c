#include "lab/api_managed.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_fields.h"
#include "lab/object.h"

/* Where conflicts go, and with whom they are. */
struct conflicts {
    cJSON *causes;      /* Of a Status. */
    const cJSON *entry; /* The other manager's. */
};

static bool is_own(const cJSON *entry, const struct api_manager *manager, const char *operation)
{
    return strcmp(json_string(entry, "manager", ""), manager->name) == 0 &&
           strcmp(json_string(entry, "operation", ""), operation) == 0 &&
           strcmp(json_string(entry, "subresource", ""), manager->subresource) == 0;
}

static const cJSON *fields_in(const cJSON *entry)
{
    return json_member(entry, "fieldsV1");
}

/* An entry for SET (taken). When the set is that of BEFORE (may be NULL), so is the time. */
static void add_entry(cJSON *list, const cJSON *before, const struct api_manager *manager,
                      const char *operation, cJSON *set)
{
    bool same = before != NULL && cJSON_Compare(fields_in(before), set, true);
    cJSON *entry = cJSON_CreateObject();
    if (api_fields_empty(set)) {
        cJSON_Delete(entry);
        cJSON_Delete(set);
        return;
    }
    cJSON_AddStringToObject(entry, "manager", manager->name);
    cJSON_AddStringToObject(entry, "operation", operation);
    cJSON_AddStringToObject(entry, "apiVersion", manager->api_version);
    if (same)
        cJSON_AddStringToObject(entry, "time", json_string(before, "time", ""));
    else
        object_put_time(entry, "time", manager->utc_ns);
    cJSON_AddStringToObject(entry, "fieldsType", "FieldsV1");
    cJSON_AddItemToObject(entry, "fieldsV1", set);
    if (manager->subresource[0] != '\0')
        cJSON_AddStringToObject(entry, "subresource", manager->subresource);
    cJSON_AddItemToArray(list, entry);
}

/* ENTRY of another manager, without TAKEN and what NEXT has no more. */
static void keep_entry(enum store_kind kind, cJSON *list, const cJSON *entry, const cJSON *taken,
                       const cJSON *next)
{
    cJSON *left = api_fields_without(fields_in(entry), taken);
    cJSON *set = api_fields_present(kind, left, next);
    cJSON_Delete(left);
    if (api_fields_empty(set)) {
        cJSON_Delete(set);
        return;
    }
    cJSON *kept = cJSON_Duplicate(entry, true);
    object_put(kept, "fieldsV1", set);
    cJSON_AddItemToArray(list, kept);
}

static void put_list(cJSON *next, cJSON *list)
{
    cJSON *metadata = json_make(next, "metadata");
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "managedFields");
    if (list->child != NULL)
        cJSON_AddItemToObject(metadata, "managedFields", list);
    else
        cJSON_Delete(list);
}

void api_managed_update(enum store_kind kind, const cJSON *old, cJSON *next,
                        const struct api_manager *manager)
{
    cJSON *changed = api_fields_changed(kind, old, next);
    cJSON *list = cJSON_CreateArray();
    const cJSON *entry, *own = NULL;
    cJSON_ArrayForEach(entry, json_at(old, "metadata.managedFields"))
    {
        if (is_own(entry, manager, "Update"))
            own = entry;
        else
            keep_entry(kind, list, entry, changed, next);
    }
    cJSON *all = api_fields_union(fields_in(own), changed);
    add_entry(list, own, manager, "Update", api_fields_present(kind, all, next));
    put_list(next, list);
    cJSON_Delete(all);
    cJSON_Delete(changed);
}

static void add_conflict(void *context, const char *path)
{
    struct conflicts *conflicts = context;
    char message[400];
    cJSON *cause = cJSON_CreateObject();
    snprintf(message, sizeof(message), "conflict with \"%.128s\" using %.128s",
             json_string(conflicts->entry, "manager", ""),
             json_string(conflicts->entry, "apiVersion", ""));
    cJSON_AddStringToObject(cause, "reason", "FieldManagerConflict");
    cJSON_AddStringToObject(cause, "message", message);
    cJSON_AddStringToObject(cause, "field", path);
    cJSON_AddItemToArray(conflicts->causes, cause);
}

/* What of TAKEN belongs to others; what nobody else has of *GONE stays in it. */
static void look_at_others(const cJSON *entries, const struct api_manager *manager,
                           const cJSON *taken, cJSON **gone, cJSON *causes)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, entries)
    {
        struct conflicts conflicts = {causes, entry};
        if (is_own(entry, manager, "Apply"))
            continue;
        cJSON *both = api_fields_common(fields_in(entry), taken);
        api_fields_each(both, add_conflict, &conflicts);
        cJSON_Delete(both);
        cJSON *left = api_fields_without(*gone, fields_in(entry));
        cJSON_Delete(*gone);
        *gone = left;
    }
}

cJSON *api_managed_apply(enum store_kind kind, const cJSON *live, const cJSON *config,
                         const struct api_manager *manager, bool force, cJSON *causes)
{
    const cJSON *entries = json_at(live, "metadata.managedFields"), *entry, *own = NULL;
    cJSON *set = api_fields_of(kind, config);
    cJSON *next = api_fields_merge(kind, live, config);
    cJSON *changed = api_fields_changed(kind, live, next);
    cJSON *taken = api_fields_common(set, changed);
    cJSON_ArrayForEach(entry, entries) own = is_own(entry, manager, "Apply") ? entry : own;
    cJSON *gone = api_fields_without(fields_in(own), set);
    look_at_others(entries, manager, taken, &gone, causes);
    if (causes->child != NULL && !force) {
        cJSON_Delete(next);
        cJSON_Delete(set);
        next = NULL;
    } else {
        cJSON *list = cJSON_CreateArray();
        if (gone->child != NULL)
            api_fields_remove(kind, gone, next);
        cJSON_ArrayForEach(entry, entries)
        {
            if (entry != own)
                keep_entry(kind, list, entry, taken, next);
        }
        add_entry(list, own, manager, "Apply", set);
        put_list(next, list);
    }
    cJSON_Delete(gone);
    cJSON_Delete(taken);
    cJSON_Delete(changed);
    return next;
}
