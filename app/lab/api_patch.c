#include "lab/api_patch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* A strategic merge under way. */
struct merge {
    enum store_kind kind; /* Of the object: `ports` has another key in a Service. */
    char *why;            /* Where a refusal is explained. */
    size_t why_bytes;     /* Its size. */
};

/* How a list of this name is merged. */
struct list_rule {
    const char *name; /* The member that holds the list. */
    const char *key;  /* What names an element; "" for a list of plain values, merged as a set. */
};

static const struct list_rule list_rules[] = {
    {"containers", "name"},
    {"initContainers", "name"},
    {"ephemeralContainers", "name"},
    {"env", "name"},
    {"volumes", "name"},
    {"volumeMounts", "mountPath"},
    {"volumeDevices", "devicePath"},
    {"imagePullSecrets", "name"},
    {"hostAliases", "ip"},
    {"topologySpreadConstraints", "topologyKey"},
    {"conditions", "type"},
    {"addresses", "type"},
    {"taints", "key"},
    {"ownerReferences", "uid"},
    {"podIPs", "ip"},
    {"finalizers", ""},
};

static const char order_directive[] = "$setElementOrder/";
static const char delete_directive[] = "$deleteFromPrimitiveList/";

static cJSON *merge_objects(const struct merge *merge, const cJSON *before, const cJSON *patch);
static cJSON *merge_values(const struct merge *merge, const char *name, const cJSON *before,
                           const cJSON *value, const cJSON *order, const cJSON *deletions);
static cJSON *merge_keyed(const struct merge *merge, const char *key, const cJSON *before,
                          const cJSON *patch);
static void order_list(cJSON *list, const char *key, const cJSON *before, const cJSON *order);

cJSON *api_patch_merge(const cJSON *before, const cJSON *patch)
{
    if (!cJSON_IsObject(patch))
        return cJSON_Duplicate(patch, true);
    cJSON *after = cJSON_IsObject(before) ? cJSON_Duplicate(before, true) : cJSON_CreateObject();
    for (const cJSON *member = patch->child; member != NULL; member = member->next) {
        const cJSON *present = json_member(before, member->string);
        cJSON_DeleteItemFromObjectCaseSensitive(after, member->string);
        if (cJSON_IsNull(member))
            continue;
        cJSON_AddItemToObject(after, member->string, api_patch_merge(present, member));
    }
    return after;
}

cJSON *api_patch_strategic(enum store_kind kind, const cJSON *before, const cJSON *patch, char *why,
                           size_t why_bytes)
{
    struct merge merge = {kind, why, why_bytes};
    if (!cJSON_IsObject(patch)) {
        snprintf(why, why_bytes, "a strategic merge patch must be an object");
        return NULL;
    }
    return merge_objects(&merge, before, patch);
}

/* Always NULL, for the caller to return. */
static cJSON *refuse(const struct merge *merge, const char *what, const char *name)
{
    snprintf(merge->why, merge->why_bytes, "%s: %.100s", what, name);
    return NULL;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The key of the list NAME: NULL when such a list is replaced as a whole. */
static const char *list_key(enum store_kind kind, const char *name)
{
    if (strcmp(name, "ports") == 0) {
        if (kind == STORE_SERVICE)
            return "port";
        return kind == STORE_ENDPOINTS || kind == STORE_ENDPOINTSLICE ? NULL : "containerPort";
    }
    /* Endpoints have lists of these names too, which are replaced. */
    if (kind == STORE_ENDPOINTS || kind == STORE_ENDPOINTSLICE)
        return strcmp(name, "ownerReferences") == 0 ? "uid" : NULL;
    for (unsigned i = 0; i < sizeof(list_rules) / sizeof(list_rules[0]); i++) {
        if (strcmp(list_rules[i].name, name) == 0)
            return list_rules[i].key;
    }
    return NULL;
}

/* The member "PREFIX NAME" of PATCH. */
static const cJSON *directive(const cJSON *patch, const char *prefix, const char *name)
{
    size_t size = strlen(prefix);
    for (const cJSON *member = patch->child; member != NULL; member = member->next) {
        if (starts_with(member->string, prefix) && strcmp(member->string + size, name) == 0)
            return member;
    }
    return NULL;
}

static bool contains(const cJSON *list, const cJSON *value)
{
    for (const cJSON *item = list != NULL ? list->child : NULL; item != NULL; item = item->next) {
        if (cJSON_Compare(item, value, true))
            return true;
    }
    return false;
}

/* The directive $patch of an object or element. */
static bool asks_for(const cJSON *element, const char *how)
{
    return strcmp(json_string(element, "$patch", ""), how) == 0;
}

/* Remove from OBJECT what KEYS does not list. */
static void retain_keys(cJSON *object, const cJSON *keys)
{
    cJSON *next;
    for (cJSON *member = object->child; member != NULL; member = next) {
        next = member->next;
        bool listed = false;
        for (const cJSON *key = keys->child; key != NULL && !listed; key = key->next)
            listed = cJSON_IsString(key) && strcmp(key->valuestring, member->string) == 0;
        if (!listed)
            cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
    }
}

/* Put VALUE (taken) in the place of the member NAME, or at the end. */
static void put(cJSON *object, const char *name, cJSON *value)
{
    if (cJSON_GetObjectItemCaseSensitive(object, name) != NULL)
        cJSON_ReplaceItemInObjectCaseSensitive(object, name, value);
    else
        cJSON_AddItemToObject(object, name, value);
}

/* Apply one member of a patch to AFTER, which began as a copy of BEFORE. False: refused. */
static bool merge_member(const struct merge *merge, cJSON *after, const cJSON *before,
                         const cJSON *patch, const cJSON *member)
{
    const char *name = member->string;
    const cJSON *value = member;
    if (name[0] == '$') {
        /* A directive for a list that the patch does not name otherwise works on the present one.
         * */
        bool orders = starts_with(name, order_directive);
        bool deletes = starts_with(name, delete_directive);
        if (!orders && !deletes)
            return strcmp(name, "$patch") == 0 || strcmp(name, "$retainKeys") == 0 ||
                   refuse(merge, "unknown directive", name) != NULL;
        name += orders ? sizeof(order_directive) - 1 : sizeof(delete_directive) - 1;
        if (json_member(patch, name) != NULL || json_member(before, name) == NULL)
            return true;
        value = NULL;
    }
    if (cJSON_IsNull(value) || (cJSON_IsObject(value) && asks_for(value, "delete"))) {
        cJSON_DeleteItemFromObjectCaseSensitive(after, name);
        return true;
    }
    cJSON *merged = merge_values(merge, name, json_member(before, name), value,
                                 directive(patch, order_directive, name),
                                 directive(patch, delete_directive, name));
    if (merged == NULL)
        return false;
    /* Typed objects leave empty lists out: without env a template is the one before it had any. */
    if (cJSON_IsArray(merged) && merged->child == NULL && list_key(merge->kind, name) != NULL) {
        cJSON_Delete(merged);
        cJSON_DeleteItemFromObjectCaseSensitive(after, name);
        return true;
    }
    put(after, name, merged);
    return true;
}

static cJSON *merge_objects(const struct merge *merge, const cJSON *before, const cJSON *patch)
{
    const char *how = json_string(patch, "$patch", "merge");
    const cJSON *keys = json_member(patch, "$retainKeys");
    if (strcmp(how, "delete") == 0)
        return cJSON_CreateObject(); /* Of the whole object; members are removed by the caller. */
    if (strcmp(how, "replace") != 0 && strcmp(how, "merge") != 0)
        return refuse(merge, "unknown value of $patch", how);
    if (strcmp(how, "replace") == 0 || !cJSON_IsObject(before))
        before = NULL;
    cJSON *after = before != NULL ? cJSON_Duplicate(before, true) : cJSON_CreateObject();
    for (const cJSON *member = patch->child; member != NULL; member = member->next) {
        if (!merge_member(merge, after, before, patch, member)) {
            cJSON_Delete(after);
            return NULL;
        }
    }
    if (cJSON_IsArray(keys))
        retain_keys(after, keys);
    return after;
}

/* A list of plain values: what is there, without the deletions, and what is new. */
static cJSON *merge_set(const cJSON *before, const cJSON *value, const cJSON *deletions)
{
    cJSON *after = cJSON_CreateArray();
    const cJSON *lists[] = {before, value};
    for (unsigned i = 0; i < 2; i++) {
        const cJSON *item = lists[i] != NULL ? lists[i]->child : NULL;
        for (; item != NULL; item = item->next) {
            if (!contains(after, item) && (i == 1 || !contains(deletions, item)))
                cJSON_AddItemToArray(after, cJSON_Duplicate(item, true));
        }
    }
    return after;
}

/* The new value of the member NAME. VALUE is NULL when there is only a directive for it. */
static cJSON *merge_values(const struct merge *merge, const char *name, const cJSON *before,
                           const cJSON *value, const cJSON *order, const cJSON *deletions)
{
    if (cJSON_IsObject(value))
        return merge_objects(merge, before, value);
    const char *key = list_key(merge->kind, name);
    if (value != NULL && (!cJSON_IsArray(value) || key == NULL))
        return cJSON_Duplicate(value, true);
    if (!cJSON_IsArray(before))
        before = NULL;
    if (deletions != NULL || (key != NULL && key[0] == '\0'))
        return merge_set(before, value, deletions);
    if (key == NULL)
        return cJSON_Duplicate(before, true);
    cJSON *after =
        value != NULL ? merge_keyed(merge, key, before, value) : cJSON_Duplicate(before, true);
    if (after != NULL && cJSON_IsArray(order))
        order_list(after, key, before, order);
    return after;
}

static cJSON *find_element(const cJSON *list, const char *key, const cJSON *value)
{
    if (list == NULL || value == NULL)
        return NULL;
    for (cJSON *item = list->child; item != NULL; item = item->next) {
        const cJSON *other = json_member(item, key);
        if (other != NULL && cJSON_Compare(other, value, true))
            return item;
    }
    return NULL;
}

/* Apply one element of a patch's list to AFTER. False: refused. */
static bool merge_element(const struct merge *merge, const char *key, cJSON *after,
                          const cJSON *element)
{
    if (asks_for(element, "replace") && element->child->next == NULL)
        return true; /* Stands for the whole list, see merge_keyed(). */
    const cJSON *value = json_member(element, key);
    if (value == NULL)
        return refuse(merge, "an element of a list has no", key) != NULL;
    cJSON *present = find_element(after, key, value);
    if (asks_for(element, "delete")) {
        if (present != NULL)
            cJSON_Delete(cJSON_DetachItemViaPointer(after, present));
        return true;
    }
    cJSON *merged = merge_objects(merge, present, element);
    if (merged == NULL)
        return false;
    if (present != NULL)
        cJSON_ReplaceItemViaPointer(after, present, merged);
    else
        cJSON_AddItemToArray(after, merged);
    return true;
}

static cJSON *merge_keyed(const struct merge *merge, const char *key, const cJSON *before,
                          const cJSON *patch)
{
    bool replaces = false;
    for (const cJSON *element = patch->child; element != NULL; element = element->next) {
        if (!cJSON_IsObject(element))
            return refuse(merge, "an element of a list that is merged is no object; its key is",
                          key);
        replaces = replaces || (asks_for(element, "replace") && element->child->next == NULL);
    }
    cJSON *after =
        before != NULL && !replaces ? cJSON_Duplicate(before, true) : cJSON_CreateArray();
    for (const cJSON *element = patch->child; element != NULL; element = element->next) {
        if (!merge_element(merge, key, after, element)) {
            cJSON_Delete(after);
            return NULL;
        }
    }
    return after;
}

/* The place of ELEMENT in LIST, of whose elements only the key need be there; -1: not in it. */
static int place_in(const cJSON *list, const char *key, const cJSON *element)
{
    const cJSON *value = json_member(element, key);
    int place = 0;
    for (const cJSON *item = list != NULL ? list->child : NULL; item != NULL; item = item->next) {
        const cJSON *other = json_member(item, key);
        if (other != NULL && value != NULL && cJSON_Compare(other, value, true))
            return place;
        place++;
    }
    return -1;
}

/* Put the elements that ORDER lists into its order. The others keep their order among themselves,
 * and stay before those listed ones which they were before. */
static void order_list(cJSON *list, const char *key, const cJSON *before, const cJSON *order)
{
    cJSON *others = cJSON_CreateArray();
    cJSON *listed = cJSON_CreateArray();
    cJSON *item;
    while ((item = cJSON_DetachItemFromArray(list, 0)) != NULL)
        cJSON_AddItemToArray(place_in(order, key, item) < 0 ? others : listed, item);
    for (const cJSON *want = order->child; want != NULL; want = want->next) {
        cJSON *found = find_element(listed, key, json_member(want, key));
        if (found == NULL)
            continue;
        int place = place_in(before, key, found);
        while (others->child != NULL && place >= 0 && place_in(before, key, others->child) >= 0 &&
               place_in(before, key, others->child) < place)
            cJSON_AddItemToArray(list, cJSON_DetachItemFromArray(others, 0));
        cJSON_AddItemToArray(list, cJSON_DetachItemViaPointer(listed, found));
    }
    while ((item = cJSON_DetachItemFromArray(others, 0)) != NULL)
        cJSON_AddItemToArray(list, item);
    while ((item = cJSON_DetachItemFromArray(listed, 0)) != NULL)
        cJSON_AddItemToArray(list, item);
    cJSON_Delete(others);
    cJSON_Delete(listed);
}
