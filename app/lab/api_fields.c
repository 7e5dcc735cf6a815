#include "lab/api_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* How the elements of a list are told apart. */
struct list_rule {
    const char *name;   /* The member that holds the list. */
    const char *first;  /* A member of an element; "" for a list of plain values: a set. */
    const char *second; /* Another one, or NULL. */
    const char *absent; /* What the second one is when it is absent. */
};

static const struct list_rule list_rules[] = {
    {"containers", "name", NULL, NULL},
    {"initContainers", "name", NULL, NULL},
    {"env", "name", NULL, NULL},
    {"volumes", "name", NULL, NULL},
    {"volumeMounts", "mountPath", NULL, NULL},
    {"imagePullSecrets", "name", NULL, NULL},
    {"topologySpreadConstraints", "topologyKey", "whenUnsatisfiable", "DoNotSchedule"},
    {"conditions", "type", NULL, NULL},
    {"ownerReferences", "uid", NULL, NULL},
    {"podIPs", "ip", NULL, NULL},
    {"finalizers", "", NULL, NULL},
};
static const struct list_rule service_ports = {"ports", "port", "protocol", "TCP"};
static const struct list_rule container_ports = {"ports", "containerPort", "protocol", "TCP"};

static cJSON *fields_of(enum store_kind kind, const char *name, const cJSON *value);
static cJSON *changed(enum store_kind kind, const char *name, const cJSON *before,
                      const cJSON *after);
static cJSON *present(enum store_kind kind, const char *name, const cJSON *set, const cJSON *value);
static cJSON *merged(enum store_kind kind, const char *name, const cJSON *live,
                     const cJSON *config);
static bool take_out(enum store_kind kind, const char *name, const cJSON *set, cJSON *value);

static const struct list_rule *rule_of(enum store_kind kind, const char *name)
{
    if (kind == STORE_ENDPOINTS || kind == STORE_ENDPOINTSLICE)
        return NULL;
    if (strcmp(name, "ports") == 0)
        return kind == STORE_SERVICE ? &service_ports : &container_ports;
    for (unsigned i = 0; i < sizeof(list_rules) / sizeof(list_rules[0]); i++) {
        if (strcmp(list_rules[i].name, name) == 0)
            return &list_rules[i];
    }
    return NULL;
}

/* The step to ELEMENT, malloc'ed; NULL when it has no key. */
static char *step_to(const struct list_rule *rule, const cJSON *element)
{
    struct text text = {0};
    cJSON *key = NULL;
    if (rule->first[0] != '\0') {
        const cJSON *first = json_member(element, rule->first);
        if (first == NULL)
            return NULL;
        key = cJSON_CreateObject();
        cJSON_AddItemToObject(key, rule->first, cJSON_Duplicate(first, true));
        if (rule->second != NULL)
            cJSON_AddStringToObject(key, rule->second,
                                    json_string(element, rule->second, rule->absent));
    }
    char *printed = json_print(key != NULL ? key : element, false);
    text_addf(&text, "%s%s", key != NULL ? "k:" : "v:", printed != NULL ? printed : "");
    free(printed);
    cJSON_Delete(key);
    return text.data;
}

/* The element of LIST to which STEP leads, or NULL. */
static cJSON *follow(const struct list_rule *rule, const cJSON *list, const char *step)
{
    for (cJSON *element = list != NULL ? list->child : NULL; element != NULL;
         element = element->next) {
        char *other = step_to(rule, element);
        bool same = other != NULL && strcmp(other, step) == 0;
        free(other);
        if (same)
            return element;
    }
    return NULL;
}

static void add_step(cJSON *set, const char *prefix, const char *name, cJSON *below)
{
    struct text step = {0};
    text_addf(&step, "%s%s", prefix, name);
    cJSON_AddItemToObject(set, text_str(&step), below);
    text_free(&step);
}

static const cJSON *step_member(const cJSON *set, const cJSON *step)
{
    return json_member(set, step->string);
}

/* Take out what is the server's alone. */
static cJSON *strip(cJSON *set)
{
    static const char *const of_object[] = {"f:kind", "f:apiVersion"};
    static const char *const of_metadata[] = {"f:name",
                                              "f:namespace",
                                              "f:uid",
                                              "f:resourceVersion",
                                              "f:generation",
                                              "f:creationTimestamp",
                                              "f:deletionTimestamp",
                                              "f:deletionGracePeriodSeconds",
                                              "f:managedFields",
                                              "f:selfLink"};
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(set, "f:metadata");
    for (unsigned i = 0; i < sizeof(of_object) / sizeof(of_object[0]); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(set, of_object[i]);
    for (unsigned i = 0; i < sizeof(of_metadata) / sizeof(of_metadata[0]); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(metadata, of_metadata[i]);
    if (metadata != NULL && metadata->child == NULL)
        cJSON_DeleteItemFromObjectCaseSensitive(set, "f:metadata");
    return set;
}

static cJSON *or_empty(cJSON *set)
{
    return set != NULL ? set : cJSON_CreateObject();
}

cJSON *api_fields_of(enum store_kind kind, const cJSON *object)
{
    return strip(fields_of(kind, "", object));
}

cJSON *api_fields_changed(enum store_kind kind, const cJSON *before, const cJSON *after)
{
    return strip(or_empty(changed(kind, "", before, after)));
}

bool api_fields_empty(const cJSON *set)
{
    return set == NULL || set->child == NULL;
}

cJSON *api_fields_union(const cJSON *a, const cJSON *b)
{
    cJSON *set = a != NULL ? cJSON_Duplicate(a, true) : cJSON_CreateObject();
    for (const cJSON *step = b != NULL ? b->child : NULL; step != NULL; step = step->next) {
        cJSON *both = api_fields_union(step_member(a, step), step);
        cJSON_DeleteItemFromObjectCaseSensitive(set, step->string);
        cJSON_AddItemToObject(set, step->string, both);
    }
    return set;
}

cJSON *api_fields_common(const cJSON *a, const cJSON *b)
{
    cJSON *set = cJSON_CreateObject();
    for (const cJSON *step = a != NULL ? a->child : NULL; step != NULL; step = step->next) {
        const cJSON *other = step_member(b, step);
        if (other == NULL)
            continue;
        bool ends = step->child == NULL || other->child == NULL;
        cJSON *both = ends ? cJSON_Duplicate(step->child == NULL ? other : step, true)
                           : api_fields_common(step, other);
        if (!ends && both->child == NULL)
            cJSON_Delete(both);
        else
            cJSON_AddItemToObject(set, step->string, both);
    }
    return set;
}

cJSON *api_fields_without(const cJSON *a, const cJSON *b)
{
    cJSON *set = cJSON_CreateObject();
    for (const cJSON *step = a != NULL ? a->child : NULL; step != NULL; step = step->next) {
        const cJSON *other = step_member(b, step);
        if (other != NULL && other->child == NULL)
            continue;
        cJSON *left = other != NULL && step->child != NULL ? api_fields_without(step, other)
                                                           : cJSON_Duplicate(step, true);
        if (left->child == NULL && step->child != NULL)
            cJSON_Delete(left);
        else
            cJSON_AddItemToObject(set, step->string, left);
    }
    return set;
}

cJSON *api_fields_present(enum store_kind kind, const cJSON *set, const cJSON *object)
{
    return or_empty(present(kind, "", set, object));
}

cJSON *api_fields_merge(enum store_kind kind, const cJSON *live, const cJSON *config)
{
    return merged(kind, "", live, config);
}

void api_fields_remove(enum store_kind kind, const cJSON *set, cJSON *object)
{
    take_out(kind, "", set, object);
}

static cJSON *fields_of(enum store_kind kind, const char *name, const cJSON *value)
{
    cJSON *set = cJSON_CreateObject();
    const struct list_rule *rule = cJSON_IsArray(value) ? rule_of(kind, name) : NULL;
    if (!cJSON_IsObject(value) && rule == NULL)
        return set;
    for (const cJSON *item = value->child; item != NULL; item = item->next) {
        if (rule == NULL) {
            add_step(set, "f:", item->string, fields_of(kind, item->string, item));
            continue;
        }
        char *step = step_to(rule, item);
        if (step != NULL && json_member(set, step) == NULL) {
            cJSON *below = fields_of(kind, "", item);
            if (rule->first[0] != '\0')
                cJSON_AddItemToObject(below, ".", cJSON_CreateObject());
            add_step(set, "", step, below);
        }
        free(step);
    }
    return set;
}

/* NULL: nothing. */
static cJSON *changed(enum store_kind kind, const char *name, const cJSON *before,
                      const cJSON *after)
{
    const struct list_rule *rule = cJSON_IsArray(after) ? rule_of(kind, name) : NULL;
    bool deep = (cJSON_IsObject(before) && cJSON_IsObject(after)) ||
                (rule != NULL && cJSON_IsArray(before));
    if (before == NULL || (!deep && !cJSON_Compare(before, after, true)))
        return fields_of(kind, name, after);
    if (!deep)
        return NULL;
    cJSON *set = cJSON_CreateObject();
    for (const cJSON *item = after->child; item != NULL; item = item->next) {
        char *step = rule != NULL ? step_to(rule, item) : NULL;
        if (rule != NULL && step == NULL)
            continue;
        const cJSON *old =
            rule != NULL ? follow(rule, before, step) : json_member(before, item->string);
        cJSON *below = changed(kind, rule != NULL ? "" : item->string, old, item);
        if (below != NULL && rule != NULL && rule->first[0] != '\0' && old == NULL)
            cJSON_AddItemToObject(below, ".", cJSON_CreateObject());
        if (below != NULL)
            add_step(set, rule != NULL ? "" : "f:", rule != NULL ? step : item->string, below);
        free(step);
    }
    if (set->child != NULL)
        return set;
    cJSON_Delete(set);
    return NULL;
}

/* What STEP leads to in VALUE, the member NAME of an object. NULL: nothing. */
static cJSON *value_at(enum store_kind kind, const char *name, const cJSON *value, const char *step)
{
    const struct list_rule *rule = cJSON_IsArray(value) ? rule_of(kind, name) : NULL;
    if (strncmp(step, "f:", 2) == 0 && cJSON_IsObject(value))
        return cJSON_GetObjectItemCaseSensitive(value, step + 2);
    return rule != NULL ? follow(rule, value, step) : NULL;
}

/* The name by which the rule of a list below STEP is found. */
static const char *name_below(const char *step)
{
    return strncmp(step, "f:", 2) == 0 ? step + 2 : "";
}

/* NULL: nothing. */
static cJSON *present(enum store_kind kind, const char *name, const cJSON *set, const cJSON *value)
{
    if (value == NULL)
        return NULL;
    cJSON *left = cJSON_CreateObject();
    for (const cJSON *step = set != NULL ? set->child : NULL; step != NULL; step = step->next) {
        bool self = strcmp(step->string, ".") == 0;
        const cJSON *at = self ? value : value_at(kind, name, value, step->string);
        cJSON *below =
            self ? cJSON_CreateObject() : present(kind, name_below(step->string), step, at);
        if (below != NULL)
            cJSON_AddItemToObject(left, step->string, below);
    }
    if (left->child != NULL || api_fields_empty(set))
        return left;
    cJSON_Delete(left);
    return NULL;
}

static void put(cJSON *object, const char *name, cJSON *value)
{
    if (cJSON_GetObjectItemCaseSensitive(object, name) != NULL)
        cJSON_ReplaceItemInObjectCaseSensitive(object, name, value);
    else
        cJSON_AddItemToObject(object, name, value);
}

static cJSON *merged(enum store_kind kind, const char *name, const cJSON *live, const cJSON *config)
{
    const struct list_rule *rule = cJSON_IsArray(config) ? rule_of(kind, name) : NULL;
    bool deep =
        (cJSON_IsObject(live) && cJSON_IsObject(config)) || (rule != NULL && cJSON_IsArray(live));
    if (!deep)
        return cJSON_Duplicate(config, true);
    cJSON *result = cJSON_Duplicate(live, true);
    for (const cJSON *item = config->child; item != NULL; item = item->next) {
        if (rule == NULL) {
            put(result, item->string,
                merged(kind, item->string, json_member(live, item->string), item));
            continue;
        }
        char *step = step_to(rule, item);
        cJSON *old = step != NULL ? follow(rule, result, step) : NULL;
        cJSON *next = merged(kind, "", old, item);
        if (old != NULL)
            cJSON_ReplaceItemViaPointer(result, old, next);
        else
            cJSON_AddItemToArray(result, next);
        free(step);
    }
    return result;
}

/* True: nothing is left of VALUE, and its parent is to drop it. */
static bool take_out(enum store_kind kind, const char *name, const cJSON *set, cJSON *value)
{
    if (api_fields_empty(set) || json_member(set, ".") != NULL)
        return true;
    for (const cJSON *step = set->child; step != NULL; step = step->next) {
        cJSON *at = value_at(kind, name, value, step->string);
        if (at != NULL && take_out(kind, name_below(step->string), step, at))
            cJSON_Delete(cJSON_DetachItemViaPointer(value, at));
    }
    return value->child == NULL;
}

/* "k:{\"name\":\"c\"}" as [name="c"], and so on. */
static void add_readable(struct text *path, const char *step)
{
    cJSON *key;
    if (strncmp(step, "f:", 2) == 0) {
        text_addf(path, ".%s", step + 2);
        return;
    }
    key = cJSON_Parse(step + 2);
    if (!cJSON_IsObject(key)) {
        text_addf(path, "[=%s]", step + 2);
        cJSON_Delete(key);
        return;
    }
    text_add(path, "[");
    for (const cJSON *member = key->child; member != NULL; member = member->next) {
        char *value = json_print(member, false);
        text_addf(path, "%s%s=%s", member != key->child ? "," : "", member->string,
                  value != NULL ? value : "");
        free(value);
    }
    text_add(path, "]");
    cJSON_Delete(key);
}

static void each(const cJSON *set, const char *before, void (*call)(void *, const char *),
                 void *context)
{
    for (const cJSON *step = set->child; step != NULL; step = step->next) {
        struct text path = {0};
        text_add(&path, before);
        if (strcmp(step->string, ".") != 0)
            add_readable(&path, step->string);
        if (step->child == NULL)
            call(context, text_str(&path));
        else
            each(step, text_str(&path), call, context);
        text_free(&path);
    }
}

void api_fields_each(const cJSON *set, void (*call)(void *context, const char *path), void *context)
{
    each(set, "", call, context);
}
