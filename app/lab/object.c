#include "lab/object.h"

#include <stdlib.h>
#include <string.h>

const char *object_name(const cJSON *object)
{
    return json_string(object, "metadata.name", "");
}

const char *object_namespace(const cJSON *object)
{
    return json_string(object, "metadata.namespace", "");
}

const char *object_uid(const cJSON *object)
{
    return json_string(object, "metadata.uid", "");
}

static const char *map_get(const cJSON *map, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(map, name));
}

const char *object_annotation(const cJSON *object, const char *name)
{
    return map_get(json_at(object, "metadata.annotations"), name);
}

const char *object_label(const cJSON *object, const char *name)
{
    return map_get(json_at(object, "metadata.labels"), name);
}

bool object_deleting(const cJSON *object)
{
    return json_string(object, "metadata.deletionTimestamp", NULL) != NULL;
}

int64_t object_created_ns(const cJSON *object)
{
    return json_parse_time(json_string(object, "metadata.creationTimestamp", ""));
}

const char *object_controller_uid(const cJSON *object)
{
    const cJSON *owner;

    cJSON_ArrayForEach(owner, json_at(object, "metadata.ownerReferences"))
    {
        if (json_bool(owner, "controller", false))
            return json_string(owner, "uid", "");
    }
    return "";
}

static bool labels_match(const cJSON *selector, const cJSON *labels)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, selector)
    {
        const char *value = map_get(labels, item->string);
        if (value == NULL || !cJSON_IsString(item) || strcmp(value, item->valuestring) != 0)
            return false;
    }
    return true;
}

bool object_labels_match(const cJSON *selector, const cJSON *object)
{
    if (!cJSON_IsObject(selector) || selector->child == NULL)
        return false;
    return labels_match(selector, json_at(object, "metadata.labels"));
}

static bool value_listed(const cJSON *values, const char *value)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, values)
    {
        if (cJSON_IsString(item) && strcmp(item->valuestring, value) == 0)
            return true;
    }
    return false;
}

/* metav1.LabelSelectorRequirement; an unknown operator matches nothing. */
static bool expression_matches(const cJSON *expression, const cJSON *labels)
{
    const char *verb = json_string(expression, "operator", "");
    const char *value = map_get(labels, json_string(expression, "key", ""));
    const cJSON *values = json_at(expression, "values");

    if (strcmp(verb, "In") == 0)
        return value != NULL && value_listed(values, value);
    if (strcmp(verb, "NotIn") == 0)
        return value == NULL || !value_listed(values, value);
    if (strcmp(verb, "Exists") == 0)
        return value != NULL;
    if (strcmp(verb, "DoesNotExist") == 0)
        return value == NULL;
    return false;
}

bool object_selector_matches(const cJSON *selector, const cJSON *object)
{
    const cJSON *labels = json_at(object, "metadata.labels");
    const cJSON *expression;

    if (!cJSON_IsObject(selector))
        return false;
    if (!labels_match(json_at(selector, "matchLabels"), labels))
        return false;
    cJSON_ArrayForEach(expression, json_at(selector, "matchExpressions"))
    {
        if (!expression_matches(expression, labels))
            return false;
    }
    return true;
}

const cJSON *object_condition(const cJSON *object, const char *type)
{
    const cJSON *condition;

    cJSON_ArrayForEach(condition, json_at(object, "status.conditions"))
    {
        if (strcmp(json_string(condition, "type", ""), type) == 0)
            return condition;
    }
    return NULL;
}

bool object_condition_is_true(const cJSON *object, const char *type)
{
    const cJSON *condition = object_condition(object, type);
    return condition != NULL && strcmp(json_string(condition, "status", ""), "True") == 0;
}

bool object_pod_finished(const cJSON *pod)
{
    const char *phase = json_string(pod, "status.phase", "");
    return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

bool object_pod_active(const cJSON *pod)
{
    return !object_pod_finished(pod) && !object_deleting(pod);
}

bool object_pod_ready(const cJSON *pod)
{
    return object_condition_is_true(pod, "Ready");
}

static int64_t percent_of(const char *text, int64_t of, bool round_up)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || number < 0 || number > 1000000)
        return 0;
    if (*end != '%')
        return number;
    return (number * of + (round_up ? 99 : 0)) / 100;
}

int64_t object_int_or_percent(const cJSON *value, int64_t of, bool round_up, const char *otherwise)
{
    if (cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble <= 1000000)
        return (int64_t)value->valuedouble;
    if (cJSON_IsString(value))
        return percent_of(value->valuestring, of, round_up);
    return percent_of(otherwise, of, round_up);
}

cJSON *object_new(const char *api_version, const char *kind, const char *namespace,
                  const char *name)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *metadata;

    cJSON_AddStringToObject(object, "apiVersion", api_version);
    cJSON_AddStringToObject(object, "kind", kind);
    metadata = cJSON_AddObjectToObject(object, "metadata");
    if (name != NULL)
        cJSON_AddStringToObject(metadata, "name", name);
    if (namespace != NULL)
        cJSON_AddStringToObject(metadata, "namespace", namespace);
    return object;
}

void object_set_controller(cJSON *object, const cJSON *owner, const char *api_version,
                           const char *kind)
{
    cJSON *metadata = json_make(object, "metadata");
    cJSON *list = cJSON_GetObjectItemCaseSensitive(metadata, "ownerReferences");
    cJSON *reference = cJSON_CreateObject();

    if (list == NULL)
        list = cJSON_AddArrayToObject(metadata, "ownerReferences");
    cJSON_AddStringToObject(reference, "apiVersion", api_version);
    cJSON_AddStringToObject(reference, "kind", kind);
    cJSON_AddStringToObject(reference, "name", object_name(owner));
    cJSON_AddStringToObject(reference, "uid", object_uid(owner));
    cJSON_AddBoolToObject(reference, "controller", true);
    cJSON_AddBoolToObject(reference, "blockOwnerDeletion", true);
    cJSON_AddItemToArray(list, reference);
}

void object_put(cJSON *parent, const char *name, cJSON *value)
{
    if (cJSON_GetObjectItemCaseSensitive(parent, name) != NULL)
        cJSON_ReplaceItemInObjectCaseSensitive(parent, name, value);
    else
        cJSON_AddItemToObject(parent, name, value);
}

void object_put_string(cJSON *parent, const char *name, const char *value)
{
    object_put(parent, name, cJSON_CreateString(value));
}

void object_put_integer(cJSON *parent, const char *name, int64_t value)
{
    object_put(parent, name, cJSON_CreateNumber((double)value));
}

void object_put_time(cJSON *parent, const char *name, int64_t utc_ns)
{
    char text[36];

    json_format_time(utc_ns, 0, text);
    object_put_string(parent, name, text);
}
