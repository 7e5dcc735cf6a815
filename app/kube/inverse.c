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
    static const char *const members[] = {"path", "from"};
    const cJSON *operation;
    cJSON *inverse = cJSON_CreateObject();
    bool good = inverse != NULL;
    cJSON_ArrayForEach(operation, operations)
    {
        for (int i = 0; i < 2 && good; i++) {
            const char *pointer = json_string(operation, members[i], "");
            if (strcmp(json_string(operation, "op", ""), "test") != 0 && pointer[0] == '/')
                good = take_back(inverse, before, pointer, json_member(operation, "value"));
        }
    }
    if (good)
        return inverse;
    cJSON_Delete(inverse);
    return NULL;
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
    cJSON *copy = old == NULL ? cJSON_CreateNull() : cJSON_Duplicate(old, true);
    if (copy == NULL || !add_nulls(copy, value)) {
        cJSON_Delete(copy);
        return false;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    return cJSON_AddItemToObject(object, name, copy);
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
        good = good && (known == NULL ? cJSON_AddNullToObject(object, item->string) != NULL
                                      : add_nulls(known, item));
    }
    return good;
}
