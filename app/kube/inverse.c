#include "kube/inverse.h"

#include <stdbool.h>
#include <string.h>

#include "base/json.h"

enum {
    TOKEN_BYTES = 320 /* A member's name: an annotation's key has at most 317. */
};

static bool take_back(cJSON *inverse, const cJSON *before, const char *pointer, const cJSON *value);
static const char *next_token(const char *pointer, char token[TOKEN_BYTES]);
static bool replace(cJSON *object, const char *name, const cJSON *old, const cJSON *value);
static bool add_nulls(cJSON *object, const cJSON *added);
static bool has_directive(const cJSON *patch);
static bool mixes(const cJSON *before, const cJSON *operation);
static bool give_back(cJSON *inverse, const cJSON *before, const cJSON *config,
                      const cJSON *fields);
static cJSON *whole(const cJSON *old, const cJSON *value);

cJSON *kube_inverse_merge(const cJSON *before, const cJSON *patch)
{
    const cJSON *item;
    cJSON *inverse = cJSON_CreateObject();
    cJSON_ArrayForEach(item, patch)
    {
        const cJSON *old = json_member(before, item->string);
        cJSON *value = NULL;
        if (old == NULL)
            value = cJSON_CreateNull();
        else if (cJSON_IsObject(old) && has_directive(item))
            value = whole(old, item);
        else if (cJSON_IsObject(old) && cJSON_IsObject(item))
            value = kube_inverse_merge(old, item);
        else
            value = cJSON_Duplicate(old, true);
        if (inverse == NULL || value == NULL) {
            cJSON_Delete(value);
            cJSON_Delete(inverse);
            return NULL;
        }
        cJSON_AddItemToObject(inverse, item->string, value);
    }
    return inverse;
}

cJSON *kube_inverse_operations(const cJSON *before, const cJSON *operations)
{
    const cJSON *operation;
    cJSON *inverse = cJSON_CreateObject();
    bool good = inverse != NULL;
    cJSON_ArrayForEach(operation, operations)
    {
        const char *verb = json_string(operation, "op", "");
        const char *path = json_string(operation, "path", "");
        const char *from = strcmp(verb, "move") == 0 ? json_string(operation, "from", "") : "";
        good = good && !mixes(before, operation);
        if (good && strcmp(verb, "test") != 0 && path[0] == '/')
            good = take_back(inverse, before, path, json_member(operation, "value"));
        if (good && from[0] == '/')
            good = take_back(inverse, before, from, NULL);
    }
    if (good)
        return inverse;
    cJSON_Delete(inverse);
    return NULL;
}

/* An object that is copied over another one: what it brings is not known here. */
static bool mixes(const cJSON *before, const cJSON *operation)
{
    const char *verb = json_string(operation, "op", "");
    const char *pointer = json_string(operation, "path", "");
    char token[TOKEN_BYTES];
    if ((strcmp(verb, "copy") != 0 && strcmp(verb, "move") != 0) || pointer[0] != '/')
        return false;
    while (*pointer != '\0' && cJSON_IsObject(before)) {
        pointer = next_token(pointer, token);
        if (pointer == NULL)
            return true;
        before = json_member(before, token);
    }
    return cJSON_IsObject(before);
}

bool kube_inverse_is_of_whole(const cJSON *patch)
{
    const cJSON *operation;
    if (!cJSON_IsArray(patch))
        return has_directive(patch);
    cJSON_ArrayForEach(operation, patch)
    {
        if (json_string(operation, "path", "/")[0] == '\0' &&
            strcmp(json_string(operation, "op", ""), "test") != 0)
            return true;
    }
    return false;
}

bool kube_inverse_released(cJSON *inverse, const cJSON *before, const cJSON *config,
                           const char *manager)
{
    const cJSON *entry;
    bool good = true;
    cJSON_ArrayForEach(entry, json_at(before, "metadata.managedFields"))
    {
        if (strcmp(json_string(entry, "manager", ""), manager) == 0 &&
            strcmp(json_string(entry, "operation", ""), "Apply") == 0 &&
            json_string(entry, "subresource", "")[0] == '\0')
            good = good && give_back(inverse, before, config, json_member(entry, "fieldsV1"));
    }
    return good;
}

/* FIELDS is of the form FieldsV1: "f:NAME" is a member; those of lists end at the list, which is
 * restored as a whole. */
static bool give_back(cJSON *inverse, const cJSON *before, const cJSON *config, const cJSON *fields)
{
    const cJSON *step;
    bool good = true;
    cJSON_ArrayForEach(step, fields)
    {
        if (strncmp(step->string, "f:", 2) != 0)
            continue;
        const char *name = step->string + 2;
        const cJSON *old = json_member(before, name), *next = json_member(config, name);
        cJSON *known = cJSON_GetObjectItemCaseSensitive(inverse, name);
        if (old == NULL || (known != NULL && !cJSON_IsObject(known)))
            continue;
        if (cJSON_IsObject(old) && step->child != NULL) {
            if (known == NULL)
                known = cJSON_AddObjectToObject(inverse, name);
            good = good && known != NULL && give_back(known, old, next, step);
        } else if (next == NULL && known == NULL) {
            good = good && cJSON_AddItemToObject(inverse, name, cJSON_Duplicate(old, true));
        }
    }
    return good;
}

/* Down POINTER as far as there are objects: the member at which they end is restored. */
static bool take_back(cJSON *inverse, const cJSON *before, const char *pointer, const cJSON *value)
{
    char token[TOKEN_BYTES];
    while ((pointer = next_token(pointer, token)) != NULL) {
        const cJSON *old = json_member(before, token);
        cJSON *known = cJSON_GetObjectItemCaseSensitive(inverse, token);
        if (known != NULL && !cJSON_IsObject(known))
            return true; /* An operation before this one restores all of it. */
        if (*pointer == '\0' || !cJSON_IsObject(old))
            return replace(inverse, token, old, *pointer == '\0' ? value : NULL);
        if (known == NULL)
            known = cJSON_AddObjectToObject(inverse, token);
        if (known == NULL)
            return false;
        inverse = known;
        before = old;
    }
    return true;
}

/* RFC 6901: "~1" is a slash, "~0" a tilde. What follows the token; NULL when it is too long. */
static const char *next_token(const char *pointer, char token[TOKEN_BYTES])
{
    size_t size = 0;
    for (pointer++; *pointer != '\0' && *pointer != '/'; pointer++) {
        char c = *pointer;
        if (c == '~' && (pointer[1] == '0' || pointer[1] == '1'))
            c = *++pointer == '0' ? '~' : '/';
        if (size == TOKEN_BYTES - 1)
            return NULL;
        token[size++] = c;
    }
    token[size] = '\0';
    return pointer;
}

/* NAME gets its OLD value back, and what VALUE adds to it is taken away. */
static bool replace(cJSON *object, const char *name, const cJSON *old, const cJSON *value)
{
    cJSON *copy = old == NULL ? cJSON_CreateNull() : whole(old, value);
    if (copy == NULL)
        return false;
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    return cJSON_AddItemToObject(object, name, copy);
}

static cJSON *whole(const cJSON *old, const cJSON *value)
{
    cJSON *copy = cJSON_Duplicate(old, true);
    if (copy != NULL && add_nulls(copy, value))
        return copy;
    cJSON_Delete(copy);
    return NULL;
}

/* "$patch", "$retainKeys", "$deleteFromPrimitiveList/finalizers" and so on: what they take away is
 * not named by the patch. */
static bool has_directive(const cJSON *patch)
{
    const cJSON *item;
    if (!cJSON_IsObject(patch))
        return false;
    cJSON_ArrayForEach(item, patch)
    {
        if (item->string[0] == '$')
            return true;
    }
    return false;
}

static bool add_nulls(cJSON *object, const cJSON *added)
{
    const cJSON *item;
    bool good = true;
    if (!cJSON_IsObject(object) || !cJSON_IsObject(added))
        return true;
    cJSON_ArrayForEach(item, added)
    {
        cJSON *known = cJSON_GetObjectItemCaseSensitive(object, item->string);
        if (item->string[0] == '$')
            continue;
        good = good && (known == NULL ? cJSON_AddNullToObject(object, item->string) != NULL
                                      : add_nulls(known, item));
    }
    return good;
}
